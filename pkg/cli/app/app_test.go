package app

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/output"
)

// stuck is a pipe that nobody reads until it is opened.
type stuck struct{ open chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.open
	return len(p), nil
}

// Warnings and errors do not wait for ever for a reader of standard error.
func TestNoticesDoNotWaitForAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stuck{make(chan struct{})}
		a := &App{Streams: output.Streams{Err: s}}
		start := time.Now()
		for range 100 {
			a.Warnf("a key has no effect")
		}
		a.PrintError(&cobra.Command{}, errors.New("no"))
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
		close(s.open)
	})
}

// A notice is written before the next line of the program, whoever reads it.
func TestNoticesComeInOrder(t *testing.T) {
	var err bytes.Buffer
	a := &App{Streams: output.Streams{Err: &err}}
	a.Warnf("first")
	_, _ = io.WriteString(a.Err, "second\n")
	a.PrintError(&cobra.Command{}, errors.Join(errors.New("third"), os.ErrNotExist))
	const want = "wanctl: warning: first\nsecond\nwanctl: third\nwanctl: file does not exist\n"
	if got := err.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
