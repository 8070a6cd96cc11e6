package payment

import (
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

func TestAProviderThatAuthenticatesOnItsOwnPage(t *testing.T) {
	eachTill(t, func(u *till) {
		u.q.issuer.page = true
		for _, pays := range []bool{true, false} {
			for _, heard := range []string{"come back", "webhook", "worker", "merchant"} {
				o, err := u.Create(u.Context(), order(true), alone{})
				if err != nil || o.Status != RequiresAction || o.NextAction.URL != "https://acquirer.example/act/"+o.ID+"-1" || o.ExpiresAt == nil {
					u.Fatalf("%+v, %v", o, err)
				}
				p, err := u.store.payment(u.Context(), shop, o.ID)
				if err != nil {
					u.Fatal(err)
				}
				if c, shown, err := u.Challenge(u.Context(), shop, o.ID, u.ticket(p, 1)); err != nil || c != (provider.Challenge{}) || shown.Status != RequiresAction {
					u.Errorf("back too early: %+v, %+v, %v", c, shown, err)
				}
				u.q.act(o.ID+"-1", pays)
				switch heard {
				case "come back":
					_, _, err = u.Challenge(u.Context(), shop, o.ID, u.ticket(p, 1))
				case "webhook":
					u.tell(u.q.letters()[len(u.q.letters())-1])
				case "worker":
					u.later(actionTime + time.Minute)
				case "merchant":
					if _, err = u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{}); !pays && fault.Is(err, fault.Declined) {
						err = nil
					}
				}
				want := map[bool]Status{true: Captured, false: Failed}[pays]
				if o = u.status(o.ID); err != nil || o.Status != want {
					u.Errorf("heard by %s: %s, want %s: %v", heard, o.Status, want, err)
				}
			}
		}
	})
}

func TestAPageThatIsLeftIsClosedAtTheProvider(t *testing.T) {
	for name, leave := range map[string]func(*till, Object) error{
		"canceled": func(u *till, o Object) error {
			_, err := u.Cancel(u.Context(), shop, o.ID, "", alone{})
			return err
		},
		"expired": func(u *till, o Object) error { u.later(actionTime + time.Minute); return nil },
		"another card": func(u *till, o Object) error {
			u.q.issuer.page = false
			_, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: tokenBrowser}}, alone{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				u.q.issuer.page = true
				o, err := u.Create(u.Context(), order(true), alone{})
				if err != nil {
					u.Fatal(err)
				}
				if err := leave(u, o); err != nil {
					u.Fatal(err)
				}
				want := map[string]Status{"canceled": Canceled, "expired": Expired, "another card": Captured}[name]
				if o = u.status(o.ID); o.Status != want {
					u.Fatalf("%s, want %s", o.Status, want)
				}
				if u.q.act(o.ID+"-1", true) {
					u.Error("the page is still open")
				}
				u.later(time.Hour)
				if count, _ := u.q.charged(); count != map[Status]int{Captured: 1}[want] {
					u.Errorf("%d charges", count)
				}
			})
		})
	}
}

// The request that closes the page is lost, and perhaps the payer pays there meanwhile: what they paid goes back.
func TestAPageThatCouldNotBeClosedIsClosedLater(t *testing.T) {
	for name, c := range map[string]struct{ pays, capture bool }{
		"nobody is there": {false, true}, "the payer pays": {true, true}, "the payer's money is held": {true, false},
	} {
		pays := c.pays
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				u.q.issuer.page = true
				o, err := u.Create(u.Context(), order(c.capture), alone{})
				if err != nil {
					u.Fatal(err)
				}
				if o, err = u.Cancel(u.Context(), shop, o.ID, "", alone{}); err != nil || o.Status != Canceled {
					u.Fatal(err)
				}
				if pays && !u.q.act(o.ID+"-1", true) {
					u.Fatal("the page was closed")
				}
				if pays {
					if v := u.tell(u.q.letters()[len(u.q.letters())-1]); v != Contradicted {
						u.Errorf("that they paid is %s", v)
					}
				}
				u.later(time.Hour)
				u.expect(u.status(o.ID), Canceled, 0, 0)
				if open, kept := u.q.keeps(o.ID + "-1"); open || kept != 0 || u.q.act(o.ID+"-1", true) {
					u.Errorf("the acquirer keeps %d, open %v", kept, open)
				}
				a, err := u.store.attempt(u.Context(), shop, o.ID, 1)
				if err != nil || !a.DueAt.IsZero() {
					u.Errorf("still looked after: %+v, %v", a, err)
				}
				told := map[bool]string{false: "late_approval.reversed", true: "late_approval.booked"}[c.capture]
				if got := len(u.entries(o.ID, told)); got != map[bool]int{true: 1}[pays] {
					u.Errorf("%d late approvals", got)
				}
				u.nothingHeld()
			}, fine, noArrival)
		})
	}
}

func TestAWebhookAndAReturnAtOnceChargeOnce(t *testing.T) {
	eachTill(t, func(u *till) {
		u.q.issuer.page = true
		o, err := u.Create(u.Context(), order(true), alone{})
		if err != nil {
			u.Fatal(err)
		}
		p, err := u.store.payment(u.Context(), shop, o.ID)
		if err != nil {
			u.Fatal(err)
		}
		u.q.act(o.ID+"-1", true)
		letters := u.q.letters()
		var done sync.WaitGroup
		errs := make([]error, 5)
		for i, do := range []func() error{
			func() error { _, _, err := u.Challenge(u.Context(), shop, o.ID, u.ticket(p, 1)); return err },
			func() error {
				return u.Notify(u.Context(), alpha, letters[len(letters)-1], func(*db.Change, Heard) error { return nil })
			},
			func() error { _, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{}); return err },
			func() error { return u.resolveAttempt(u.Context(), []string{shop, o.ID, "1"}) },
			func() error {
				_, err := u.ConfirmByPayer(u.Context(), shop, o.ID, o.ClientSecret, Confirmation{}, alone{})
				return err
			},
		} {
			done.Go(func() { errs[i] = do() })
		}
		done.Wait()
		for i, err := range errs {
			if err != nil && !fault.Is(err, fault.Conflict) {
				u.Errorf("%d: %v", i, err)
			}
		}
		u.expect(u.status(o.ID), Captured, 10_000, 0)
		if rows, err := u.store.contradictions(u.Context(), shop, o.ID); err != nil || len(rows) != 0 {
			u.Errorf("contradicted by %+v, %v", rows, err)
		}
	})
}

// The acquirer refuses to send back what the payer paid too late, or leaves it open and then refuses: it is asked again.
func TestALateRefundThatIsRefusedIsTriedAgain(t *testing.T) {
	for name, m := range map[string]mishap{"refused": declined51, "left open, then refused": leftOpen} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				u.q.issuer.page = true
				o, err := u.Create(u.Context(), order(true), alone{})
				if err != nil {
					u.Fatal(err)
				}
				if _, err = u.Cancel(u.Context(), shop, o.ID, "", alone{}); err != nil {
					u.Fatal(err)
				}
				u.q.act(o.ID+"-1", true)
				u.later(time.Minute)
				u.q.decide(false)
				u.later(24 * time.Hour)
				if _, kept := u.q.keeps(o.ID + "-1"); kept != 0 {
					u.Errorf("the acquirer keeps %d", kept)
				}
				if got := len(u.entries(o.ID, "transfer.returned")); got != 1 {
					u.Errorf("%d late approvals went back", got)
				}
				u.nothingHeld()
			}, fine, noArrival, fine, m)
		})
	}
}
