package payment

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/florinpay/florin/internal/provider"
)

// The cards of the contract that need the cardholder, through the bank's real page and back.
func TestCardsOfTheContractThatNeedTheirHolder(t *testing.T) {
	eachStreet(t, func(s *street) {
		for name, c := range map[string]struct {
			number, move string
			status       Status
			code         provider.DeclineCode
		}{
			"passed":              {"4000002760003184", "pass", Captured, ""},
			"failed":              {"4000002760003184", "fail", Failed, provider.AuthenticationFailed},
			"canceled":            {"4000002760003184", "cancel", Failed, provider.AuthenticationFailed},
			"timed out":           {"4000002760003184", "time_out", Expired, provider.AuthenticationFailed},
			"passed and declined": {"4000008400001629", "pass", Failed, provider.DoNotHonor},
			"passed and too poor": {"4000008260003178", "pass", Failed, provider.InsufficientFunds},
		} {
			o, err := s.buy(c.number, "", true)
			if err != nil || o.Status != RequiresAction || o.NextAction == nil {
				s.Fatalf("%s: %+v, %v", name, o, err)
			}
			challenge, _, err := s.Challenge(s.Context(), shop, o.ID, s.ticketOf(o))
			if err != nil {
				s.Fatal(err)
			}
			asked, err := s.store.attempt(s.Context(), shop, o.ID, 2)
			if err != nil || challenge.ACSURL != s.url+"/acs/challenge" {
				s.Fatalf("%+v, %v", challenge, err)
			}
			d := asked.Secure.Result
			s.plays(o.ID+"-2", c.move)
			o, err = s.CompleteChallenge(s.Context(), shop, o.ID, s.ticketOf(o), cresOf(d.ServerTransID, d.ACSTransID))
			if err != nil || o.Status != c.status || c.code != "" && o.Failure.DeclineCode != c.code {
				s.Errorf("%s: %+v, %+v, %v", name, o, o.Failure, err)
			}
			if n, err := s.world.Charges(o.ID + "-2"); err != nil || n != map[Status]int{Captured: 1}[c.status] {
				s.Errorf("%s: %d charges, %v", name, n, err)
			}
			if c.move == "pass" && (o.ThreeDS.Status != "Y" || o.ThreeDS.ECI != "05" || o.ThreeDS.CAVV == "" || !o.ThreeDS.LiabilityShift || o.ThreeDS.Flow != "challenge") {
				s.Errorf("%s: kept %+v", name, o.ThreeDS)
			}
		}
		frictionless, err := s.buy("4000000000003055", "", true)
		if err != nil || frictionless.Status != Captured || frictionless.ThreeDS == nil || frictionless.ThreeDS.Flow != "frictionless" {
			s.Errorf("frictionless: %+v, %v", frictionless, err)
		}
		method := s.saves(s.payer(), s.card("4000002760003184", ""), true)
		s.firstPaid(method)
		o, err := s.Create(s.Context(), by(method, Asked{OffSession: true}), alone{})
		if !errors.As(err, new(*DeclinedError)) || o.Failure.DeclineCode != provider.AuthenticationRequired {
			s.Errorf("off session: %+v, %v", o, err)
		}
	})
}

// plays ends a challenge by the world's own button.
func (s *street) plays(reference, move string) {
	s.Helper()
	r, err := http.Get(s.url + "/control/authentications?reference=" + reference)
	if err != nil {
		s.Fatal(err)
	}
	defer r.Body.Close()
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.NewDecoder(r.Body).Decode(&list); err != nil || len(list.Data) != 1 {
		s.Fatalf("authentications of %s: %+v, %v", reference, list, err)
	}
	if _, err := s.world.Challenge(list.Data[0].ID, move); err != nil {
		s.Fatal(err)
	}
}
