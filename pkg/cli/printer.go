package cli

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"syscall"

	"github.com/wanctl/wanctl/pkg/cli/output"
)

// printer prints what running loops decide to standard output as one stream,
// from a goroutine of its own: a slow reader costs lines, never a tick.
type printer[T any] struct {
	daemon  *daemon
	columns []output.Column[T]
	line    func(io.Writer, T) error // for people
	lines   chan T
	lost    atomic.Uint64
}

// errReaderGone: whoever read standard output has seen enough.
var errReaderGone = errors.New("the reader of standard output has left")

func newPrinter[T any](d *daemon, columns []output.Column[T], line func(io.Writer, T) error) *printer[T] {
	return &printer[T]{daemon: d, columns: columns, line: line, lines: make(chan T, 1024)}
}

// put never blocks.
func (p *printer[T]) put(r T) {
	select {
	case p.lines <- r:
	default:
		p.lost.Add(1)
	}
}

// run prints until ctx ends, then what is left. A reader that leaves ends the
// run, as it would end any command in a pipe; a disk that is full does not.
func (p *printer[T]) run(ctx context.Context) error {
	stream := output.NewStream(p.daemon.app.Out, p.daemon.app.Global.Output, p.columns, p.line)
	works := true
	check := func(err error) (gone bool) {
		switch {
		case errors.Is(err, syscall.EPIPE):
			p.daemon.quit(errReaderGone)
			return true
		case err != nil && works:
			p.daemon.logs.main.Error("decisions cannot be printed", "error", err)
		}
		if works = err == nil; !works {
			p.lost.Add(1)
		}
		return false
	}
	for {
		select {
		case r := <-p.lines:
			if check(stream.Put(r)) {
				return nil
			}
			continue
		case <-ctx.Done():
		}
		for len(p.lines) > 0 {
			if check(stream.Put(<-p.lines)) {
				return nil
			}
		}
		check(stream.Close())
		if n := p.lost.Load(); n > 0 {
			p.daemon.logs.main.Warn("decisions were not printed: standard output was too slow, or full", "decisions", n)
		}
		return nil
	}
}
