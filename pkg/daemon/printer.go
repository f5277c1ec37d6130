package daemon

import (
	"context"
	"errors"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
)

// Stream prints values of one type to standard output.
type Stream[T any] interface {
	Put(T) error
	Close() error
}

// Printer prints what running loops decide as one stream, from a goroutine of
// its own: a slow reader costs lines, never a tick.
type Printer[T any] struct {
	daemon *Daemon
	stream Stream[T]
	lines  chan T
	lost   atomic.Uint64
}

// errReaderGone: the program that read standard output has ended.
var errReaderGone = errors.New("the reader of standard output has left")

// NewPrinter adds the task that prints on stream to the sinks of d.
func NewPrinter[T any](d *Daemon, stream Stream[T]) *Printer[T] {
	p := &Printer[T]{daemon: d, stream: stream, lines: make(chan T, 1024)}
	d.Sinks = append(d.Sinks, supervisor.NewTask("output", nil, p.run))
	return p
}

// Put prints v, or counts it as lost when the reader is too slow. It never blocks.
func (p *Printer[T]) Put(v T) {
	select {
	case p.lines <- v:
	default:
		p.lost.Add(1)
	}
}

// printGrace is how long the end of a run waits for the reader of standard output.
const printGrace = 2 * time.Second

// run prints until ctx ends, then what is left of it, for printGrace at most.
func (p *Printer[T]) run(ctx context.Context) error {
	printed := make(chan struct{})
	go func() {
		defer close(printed)
		p.print(ctx)
	}()
	select {
	case <-printed:
	case <-ctx.Done():
		grace := time.NewTimer(printGrace)
		defer grace.Stop()
		select {
		case <-printed:
		case <-grace.C: // the goroutine hangs in a write until the process ends
			p.lost.Add(uint64(len(p.lines)) + 1)
		}
	}
	if n := p.lost.Load(); n > 0 {
		p.daemon.Logs.Main().Warn("decisions were not printed: standard output was too slow, or full", "decisions", n)
	}
	return nil
}

// print prints until ctx ends, then what is left. A reader that leaves ends the
// run, as it would end any command in a pipe; a disk that is full does not.
func (p *Printer[T]) print(ctx context.Context) {
	works := true
	check := func(err error) (gone bool) {
		switch {
		case errors.Is(err, syscall.EPIPE):
			p.daemon.Quit(errReaderGone)
			return true
		case err != nil && works:
			p.daemon.Logs.Main().Error("decisions cannot be printed", "error", err)
		}
		if works = err == nil; !works {
			p.lost.Add(1)
		}
		return false
	}
	for {
		select {
		case v := <-p.lines:
			if check(p.stream.Put(v)) {
				return
			}
			continue
		case <-ctx.Done():
		}
		for len(p.lines) > 0 {
			if check(p.stream.Put(<-p.lines)) {
				return
			}
		}
		check(p.stream.Close())
		return
	}
}
