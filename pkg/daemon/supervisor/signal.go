package supervisor

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// SignalError is the cause of a context that a signal ended.
type SignalError struct{ Signal os.Signal }

func (e SignalError) Error() string { return "signal: " + e.Signal.String() }

// Signals ends the returned context with the first SIGINT or SIGTERM, its
// cause being a SignalError. From then on a second one kills the process at
// once, by the system's default action. SIGHUP is delivered on reload; several
// that were not taken yet become one. stop gives the signals back.
//
// A SIGINT that was ignored when the process began, as in the background of a
// script, stays ignored.
func Signals(parent context.Context) (ctx context.Context, reload <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	asked := make(chan struct{}, 1)
	ends := make(chan os.Signal, 2)
	hups := make(chan os.Signal, 1)
	quit, done := make(chan struct{}), make(chan struct{})

	signal.Notify(ends, syscall.SIGTERM)
	if !signal.Ignored(os.Interrupt) {
		signal.Notify(ends, os.Interrupt)
	}
	signal.Notify(hups, syscall.SIGHUP)
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case s := <-ends:
				signal.Stop(ends)
				cancel(SignalError{s})
				killIfAnother(ends)
			case <-hups:
				select {
				case asked <- struct{}{}:
				default:
				}
			}
		}
	}()
	return ctx, asked, func() {
		signal.Stop(ends)
		signal.Stop(hups)
		close(quit)
		<-done
		cancel(nil)
	}
}

// killIfAnother acts on a second signal that came before the first one had
// given the default action back.
func killIfAnother(ends <-chan os.Signal) {
	select {
	case s := <-ends:
		if sig, ok := s.(syscall.Signal); ok {
			// The error would be that this process does not exist.
			_ = syscall.Kill(os.Getpid(), sig)
		}
	default:
	}
}

// SurviveBrokenPipe lets writes to a closed standard output or error fail like
// any other write, where the Go runtime would end the process: a daemon does
// not die because the program that reads its log did. restore undoes it.
func SurviveBrokenPipe() (restore func()) {
	signal.Ignore(syscall.SIGPIPE)
	return func() { signal.Reset(syscall.SIGPIPE) }
}
