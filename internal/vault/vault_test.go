package vault

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/seal"
)

func TestATokenIsItsTenantsAlone(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		token := s.token(marked, "")
		for name, k := range map[string]cardKey{
			"another merchant": {other, token}, "the other mode": {"acct_shop:live", token},
			"another token": {shop, nobodys}, "no token": {shop, "pm_1"}, "nothing": {shop, ""},
		} {
			if _, err := s.Describe(t.Context(), k.merchant, k.token); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestFingerprintsTellCardsOfOneMerchantApart(t *testing.T) {
	s := onSQLite(t)
	of := func(tenant, token string) string {
		t.Helper()
		d, err := s.Describe(t.Context(), tenant, token)
		if err != nil {
			t.Fatal(err)
		}
		return d.Fingerprint
	}
	one, two, third := s.token(marked, ""), s.token(marked, "123"), s.token("4242424242424242", "")
	if one == two || of(shop, one) != of(shop, two) || of(shop, one) == of(shop, third) {
		t.Error("the same card has one fingerprint, another card another")
	}
	if of(shop, one) == of(other, s.tokenOf(other, marked, "")) {
		t.Error("two merchants can find out that they have the same payer")
	}
}

func TestNoNumberReachesTheDisk(t *testing.T) {
	dir := t.TempDir()
	d := dbtest.Open(t, "sqlite:"+filepath.Join(dir, "vault.db"), db.Options{}, Schema)
	s := siteOn(t, d, newBox(t, dir), newSite(t, d).clock)
	s.tokens(cardJSON(marked, "987"), "Idempotency-Key", "order-1")
	codes := []string{"987", "246", "593", "871"}
	for _, code := range codes {
		s.tokens(cardJSON(marked, code))
	}
	if w := s.tokens(cardJSON(marked, "987"), "Idempotency-Key", marked); w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files++
		for _, trace := range []string{marked, "Lovelace", marked[6:]} {
			if bytes.Contains(content, []byte(trace)) {
				t.Errorf("%s has %q", path, trace)
			}
		}
		if !slices.ContainsFunc(codes, func(code string) bool { return !bytes.Contains(content, []byte(code)) }) {
			t.Errorf("%s has the codes: one may stand in a hash by chance, all do not", path)
		}
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("%d files were searched: %v", files, err)
	}
}

func TestASealedCardOpensInItsOwnRowOnly(t *testing.T) {
	s := onSQLite(t)
	mine, theirs := cardKey{shop, s.token(marked, "")}, cardKey{other, s.tokenOf(other, "4242424242424242", "")}
	row, err := s.store.card(t.Context(), mine)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.open(row); err != nil || string(c.number.digits()) != marked {
		t.Fatalf("its own: %v", err)
	}
	moved, err := s.store.card(t.Context(), theirs)
	if err != nil {
		t.Fatal(err)
	}
	moved.sealed = row.sealed // as somebody with access to the database could
	if _, err := s.open(moved); !errors.Is(err, seal.ErrSealed) || strings.Contains(err.Error(), marked) {
		t.Errorf("opened in another row: %v", err)
	}
}

func TestAForgottenCardIsGone(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		token := s.token(marked, "123")
		if err := s.Forget(t.Context(), other, token); !fault.Is(err, fault.NotFound) {
			t.Errorf("another tenant: %v", err)
		}
		if err := s.Forget(t.Context(), shop, token); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Describe(t.Context(), shop, token); !fault.Is(err, fault.NotFound) {
			t.Errorf("described: %v", err)
		}
		if err := s.Forget(t.Context(), shop, token); !fault.Is(err, fault.NotFound) {
			t.Errorf("forgotten twice: %v", err)
		}
		row, err := s.store.card(t.Context(), cardKey{shop, token})
		if err != nil || row.sealed != nil || row.description != (Description{Token: token}) || !row.forgottenAt.Equal(noon) {
			t.Errorf("what is left: %+v, %v", row, err)
		}
		if code, _ := s.codes.take(cardKey{shop, token}); code != nil {
			t.Error("the code outlived its card")
		}
	})
}

func TestAnotherProcessSeesAForgottenCardInTime(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		token := s.token(marked, "")
		second := siteOn(t, s.db, s.box, s.clock)
		if _, err := second.Describe(t.Context(), shop, token); err != nil {
			t.Fatal(err)
		}
		if err := s.Forget(t.Context(), shop, token); err != nil {
			t.Fatal(err)
		}
		s.clock.Advance(cardsFresh)
		if _, err := second.Describe(t.Context(), shop, token); !fault.Is(err, fault.NotFound) {
			t.Errorf("%v", err)
		}
	})
}

func TestRekeySealsAgainWhatAnOlderKeySealed(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		old := []cardKey{{shop, s.token(marked, "")}, {shop, s.token("4242424242424242", "")}, {other, s.tokenOf(other, marked, "")}}
		gone := s.token(marked, "")
		if err := s.Forget(t.Context(), shop, gone); err != nil {
			t.Fatal(err)
		}
		if err := s.box.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		fresh := s.token("378282246310005", "")
		if n, err := s.Rekey(t.Context()); n != len(old) || err != nil {
			t.Errorf("%d cards, %v; want %d", n, err, len(old))
		}
		for _, k := range append(old, cardKey{shop, fresh}) {
			row, err := s.store.card(t.Context(), k)
			if err != nil || !s.box.Current(row.sealed) {
				t.Errorf("%v is not sealed with the newest key: %v", k, err)
				continue
			}
			if c, err := s.open(row); err != nil || string(c.number.last4()) != row.description.Last4 {
				t.Errorf("%v does not open: %v", k, err)
			}
		}
		if n, err := s.Rekey(t.Context()); n != 0 || err != nil {
			t.Errorf("again: %d cards, %v", n, err)
		}
	})
}

func TestRekeyLeavesToOthersWhatTheyChanged(t *testing.T) {
	s := onSQLite(t)
	token, kept := s.token(marked, ""), s.token("4242424242424242", "")
	rows, err := s.store.cardsAfter(t.Context(), cardKey{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Forget(t.Context(), shop, token); err != nil {
		t.Fatal(err)
	}
	if err := s.box.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := s.rekeyRows(t.Context(), rows); n != 1 || err != nil {
		t.Errorf("%d cards, %v", n, err)
	}
	row, err := s.store.card(t.Context(), cardKey{shop, kept})
	if err != nil || !s.box.Current(row.sealed) {
		t.Errorf("the other card: %v", err)
	}
	if row, err := s.store.card(t.Context(), cardKey{shop, token}); err != nil || row.sealed != nil {
		t.Errorf("a forgotten card came back: %v", err)
	}
}

func TestOriginsAreAllowedAndRemoved(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		ctx := t.Context()
		const api, second = "https://api.acquirer.example", "https://eu.acquirer.example:8443"
		if err := s.RemoveOrigin(ctx, shop, "alpha", api); !fault.Is(err, fault.NotFound) {
			t.Errorf("removed what was never allowed: %v", err)
		}
		for _, origin := range []string{second, api, api, api + ":443/"} {
			if err := s.AllowOrigin(ctx, shop, "alpha", origin); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.AllowOrigin(ctx, shop, "alpha", "http://api.acquirer.example"); !fault.Is(err, fault.Invalid) {
			t.Errorf("plain HTTP to elsewhere: %v", err)
		}
		got, err := s.Origins(ctx, shop, "alpha")
		if want := api + ":443 " + second; strings.Join(got, " ") != want || err != nil {
			t.Errorf("origins %v, %v", got, err)
		}
		for name, who := range map[string][2]string{"another account": {shop, "beta"}, "another tenant": {other, "alpha"}} {
			if err := s.mayGo(ctx, who[0], who[1], api+":443"); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s: %v", name, err)
			}
		}
		elsewhere := siteOn(t, s.db, s.box, s.clock)
		for name, v := range map[string]*site{"here": s, "another process": elsewhere} {
			if err := v.mayGo(ctx, shop, "alpha", api+":443"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := s.RemoveOrigin(ctx, shop, "alpha", api); err != nil {
			t.Fatal(err)
		}
		if err := s.mayGo(ctx, shop, "alpha", api+":443"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("removed here: %v", err)
		}
		s.clock.Advance(originsFresh)
		if err := elsewhere.mayGo(ctx, shop, "alpha", api+":443"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("removed, a second later elsewhere: %v", err)
		}
		if err := s.AllowOrigin(ctx, shop, "alpha", api); err != nil {
			t.Fatal(err)
		}
		if err := s.mayGo(ctx, shop, "alpha", api+":443"); err != nil {
			t.Errorf("allowed again: %v", err)
		}
	})
}

func TestACodeIsTakenByOneOfMany(t *testing.T) {
	s := onSQLite(t)
	k := cardKey{shop, s.token(marked, "987")}
	took := make([]string, 50)
	var callers sync.WaitGroup
	for i := range took {
		callers.Go(func() {
			digits, _ := s.codes.take(k)
			took[i] = string(digits)
		})
	}
	callers.Wait()
	if got := strings.Join(took, ""); got != "987" {
		t.Errorf("took %q", got)
	}
}

func TestACodeIsGoneAfterARestart(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		k := cardKey{shop, s.token(marked, "987")}
		s.Close()
		if code, _ := s.codes.take(k); code != nil {
			t.Error("a closed vault still has the code")
		}
		s.clock.Advance(time.Second)
		next := siteOn(t, s.db, s.box, s.clock)
		if _, err := next.Describe(t.Context(), shop, k.token); err != nil {
			t.Errorf("the card is gone too: %v", err)
		}
		if code, _ := next.codes.take(k); code != nil {
			t.Error("the code outlived the process")
		}
	})
}

// A caller who did not hear the answer asks again after the restart, with the code: then it is there again.
func TestARepeatedTokenizationBringsTheCodeBackAfterARestart(t *testing.T) {
	s := onSQLite(t)
	keyed := func(s *site) string {
		return decode[tokenObject](t, s.tokens(cardJSON(marked, "987"), "Idempotency-Key", "order-1").Body).ID
	}
	token := keyed(s)
	if code, _ := s.codes.take(cardKey{shop, token}); string(code) != "987" {
		t.Fatalf("took %q", code)
	}
	if again := keyed(s); again != token {
		t.Fatal("another token")
	}
	if code, _ := s.codes.take(cardKey{shop, token}); code != nil {
		t.Error("a repeat in the same process gave a spent code again")
	}
	s.clock.Advance(time.Second)
	next := siteOn(t, s.db, s.box, s.clock)
	if again := keyed(next); again != token {
		t.Fatal("another token after the restart")
	}
	if code, _ := next.codes.take(cardKey{shop, token}); string(code) != "987" {
		t.Errorf("after the restart: %q", code)
	}
}

// A card that was forgotten is not in the file of the database either, not even sealed.
func TestAForgottenCardLeavesTheFile(t *testing.T) {
	url := dbtest.SQLite(t)
	d, err := db.Open(t.Context(), url, db.Options{}, Schema)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, d)
	sealed := map[string][]byte{}
	var tokens []string
	for range 60 {
		token := s.token(marked, "")
		r, err := s.store.card(t.Context(), cardKey{shop, token})
		if err != nil || len(r.sealed) == 0 {
			t.Fatalf("%d bytes, %v", len(r.sealed), err)
		}
		tokens, sealed[token] = append(tokens, token), bytes.Clone(r.sealed)
	}
	for n, token := range tokens {
		if n%2 == 0 {
			if err := s.Forget(t.Context(), shop, token); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(strings.TrimPrefix(url, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	for n, token := range tokens {
		if forgotten := n%2 == 0; bytes.Contains(file, sealed[token]) == forgotten {
			t.Errorf("card %d is forgotten: %t, and in the file: %t", n, forgotten, forgotten)
		}
	}
}
