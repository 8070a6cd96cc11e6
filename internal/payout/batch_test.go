package payout

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
)

func asFault(err error, into **fault.Error) bool { return errors.As(err, into) }

func (u *desk) batch(file string, dry bool) (BatchObject, error) {
	return u.Batch(u.Context(), shop, "key_maker", file, dry, func(*db.Change, BatchObject) error { return nil })
}

const fine = "amount,currency,iban,pix_key,name,description\n" +
	"100,EUR,DE89370400440532013000,,Ada Lovelace,one\n" +
	"250,EUR,FR1420041010050500013M02606,,\"Grace, Hopper\",two\n"

func TestABatchIsMadeWhole(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.rules.m.PayoutApproval = map[string]int64{"EUR": 200}
		u.earn(eur(400))
		dry, err := u.batch(fine, true)
		if err != nil || dry.ID != "" || dry.Created != 0 || dry.Totals["EUR"] != 350 || dry.Lines[0].Status != "ok" || dry.Lines[1].Line != 3 || !dry.Lines[1].Held {
			u.Fatalf("dry run: %+v, %v", dry, err)
		}
		if _, more, err := u.List(u.Context(), shop, db.Page{Limit: 5}, Filter{}); err != nil || more || u.holds(ledger.MerchantAvailable, "EUR") != 400 {
			u.Errorf("a dry run made something: %v", err)
		}
		made, err := u.batch(fine, false)
		if err != nil || made.Created != 2 || made.Invalid != 0 || made.Lines[0].Status != "created" || made.Lines[0].Payout == "" {
			u.Fatalf("%+v, %v", made, err)
		}
		listed, _, err := u.List(u.Context(), shop, db.Page{Limit: 5}, Filter{Batch: made.ID})
		if err != nil || len(listed) != 2 || listed[0].Status != Held || listed[1].ID != made.Lines[0].Payout {
			u.Errorf("listed %+v, %v", listed, err)
		}
	})
}

func TestABatchWithAWrongLineMakesNothing(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(1_000))
		file := fine + "0,EUR,DE88370400440532013000,,Ada,\n" + "5,XXL,,,,\n" + "7,EUR,DE88370400440532013000,,Ada,\n" + "1.5,EUR,DE89370400440532013000,,Ada,\n" +
			"9,EUR,DE89370400440532013000,ada@example.com,Ada,\n" + "9,EUR,DE89370400440532013000,,,\n"
		report, err := u.batch(file, false)
		if err != nil || report.Created != 0 || report.ID != "" || report.Invalid != 6 || report.Lines[0].Status != "skipped" {
			u.Fatalf("%+v, %v", report, err)
		}
		for line, params := range map[int]string{2: "amount", 3: "currency destination_token", 4: "iban", 5: "amount", 6: "destination_token", 7: "name"} {
			var got []string
			for _, e := range report.Lines[line].Errors {
				got = append(got, e.Param)
			}
			if strings.Join(got, " ") != params {
				u.Errorf("line %d: %+v", report.Lines[line].Line, report.Lines[line])
			}
		}
		if u.holds(ledger.MerchantAvailable, "EUR")+u.holds(ledger.MerchantPending, "EUR") != 1_000 {
			u.Error("money moved")
		}
	})
}

func TestABatchOverTheBalanceMakesNothing(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(349))
		for _, dry := range []bool{true, false} {
			report, err := u.batch(fine, dry)
			if err != nil || report.Created != 0 || report.Invalid != 1 || report.Lines[1].Errors[0].Code != CodeBalance {
				u.Errorf("dry %v: %+v, %v", dry, report, err)
			}
		}
		if u.holds(ledger.MerchantAvailable, "EUR") != 349 {
			u.Errorf("available %d", u.holds(ledger.MerchantAvailable, "EUR"))
		}
	})
}

func TestTheLargestBatchIsMadeWhole(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(MaxBatch))
		made, err := u.batch("amount,currency,iban,name\n"+strings.Repeat("1,EUR,DE89370400440532013000,Ada\n", MaxBatch), false)
		if err != nil || made.Created != MaxBatch || u.holds(ledger.PayoutQueued, "EUR") != MaxBatch {
			u.Errorf("%d made, %d queued, %v", made.Created, u.holds(ledger.PayoutQueued, "EUR"), err)
		}
	})
}

func TestFilesThatAreNoBatchAreRefused(t *testing.T) {
	for name, file := range map[string]string{
		"empty": "", "heading only": "amount,currency,iban\n", "unknown column": "amount,currency,ibam\n1,EUR,x\n", "twice": "amount,amount,currency\n1,1,EUR\n",
		"missing column": "amount,iban\n1,x\n", "ragged": "amount,currency,iban\n1,EUR\n", "open quote": "amount,currency,iban\n1,EUR,\"x\n",
		"too many": "amount,currency,iban\n" + strings.Repeat("1,EUR,x\n", MaxBatch+1),
	} {
		if rows, err := readCSV(file); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
	}
	rows, err := readCSV("\ufeffamount,currency,iban\r\n" + strings.Repeat("1,EUR,x\r\n", MaxBatch))
	if err != nil || len(rows) != MaxBatch || rows[MaxBatch-1].line != MaxBatch+1 || rows[0].fields["iban"] != "x" {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add(fine)
	f.Add("amount,currency\n\"1\n\",EUR")
	f.Fuzz(func(t *testing.T, file string) {
		rows, err := readCSV(file)
		if (err == nil) != (len(rows) > 0) || len(rows) > MaxBatch {
			t.Error(fmt.Sprint(len(rows), err))
		}
	})
}
