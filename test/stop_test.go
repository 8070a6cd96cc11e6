package test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// TestStopUnderLoadLosesNothing stops Florin while clients pay. What was answered is there after the restart; what was not answered is paid
// by the repeat, once.
func TestStopUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, f *florin) {
		token := f.token(approved, "")
		var mu sync.Mutex
		answered, open := map[string]string{}, []string{}
		enough := make(chan struct{})
		var clients sync.WaitGroup
		for n := range 8 {
			clients.Go(func() {
				for i := 0; ; i++ {
					once := fmt.Sprintf("%d-%d", n, i)
					a := f.pay(token, once, 700, true)
					mu.Lock()
					if a.err != nil {
						open = append(open, once)
						mu.Unlock()
						return // it has stopped
					}
					if a.status != http.StatusCreated {
						t.Errorf("while stopping: %s", a)
					}
					if answered[once] = a.text("id"); len(answered) == 60 {
						close(enough)
					}
					mu.Unlock()
				}
			})
		}
		<-enough
		f.process.stop()
		clients.Wait()

		f.start()
		for once, id := range answered {
			if p := f.get("/v1/payments/" + id); p.text("status") != "captured" {
				t.Errorf("%s was answered and is now %s", once, p)
			}
		}
		for _, once := range open {
			f.pay(token, once, 700, true).want(t, http.StatusCreated, "repeat "+once)
		}
		want := len(answered) + len(open)
		if n, m := len(f.list("/v1/payments")), f.charges(); n != want || m != want {
			t.Errorf("%d payments and %d charges, want %d of each", n, m, want)
		}
	})
}
