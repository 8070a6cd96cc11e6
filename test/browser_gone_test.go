package test

import (
	"context"
	"os"
	"testing"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/chromedp"
)

// Chromium can die: who waits for its answer must hear of that, or the tests stand still until their time is over.
func TestWhoWaitsForABrowserThatIsGoneIsTold(t *testing.T) {
	toBrowser, us, err := os.Pipe()
	must(t, err)
	fromUs, fromBrowser, err := os.Pipe()
	must(t, err)
	w := newWire(chromedp.NewPipeConn(fromUs, us))
	answered := make(chan error, 1)
	go func() {
		_, err := w.call(context.Background(), "", "Browser.getVersion", nil)
		answered <- err
	}()
	_, err = toBrowser.Read(make([]byte, 1)) // it has been asked
	must(t, err)
	must(t, fromBrowser.Close())
	must(t, toBrowser.Close())
	if err := w.Read(context.Background(), &cdproto.Message{}); err == nil {
		t.Error("something was heard")
	}
	if err := <-answered; err == nil {
		t.Error("it answered")
	}
	if _, err := w.call(context.Background(), "", "Browser.getVersion", nil); err == nil {
		t.Error("it answers still")
	}
	must(t, w.Close())
}
