// Package supervisor runs the tasks of a daemon: they start together and stop in
// order. It has the tasks that every daemon needs, HTTP servers that outlive a
// taken port or socket, and signals, access control and a log that never blocks.
// It does not depend on what the other tasks do.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// Task is one long-running part of a daemon.
type Task interface {
	// Run works until ctx ends and then returns nil or ctx's error. Any other
	// error ends the whole daemon. Returning nil early is fine.
	Run(ctx context.Context) error
	// Ready is closed when the task does its work; nil: from the start.
	Ready() <-chan struct{}
	// String names the task in messages. A task without a name adds none to its
	// errors: they name their origin.
	String() string
}

// Supervisor runs the tasks of a daemon.
//
// All tasks start together. They stop stage by stage: the next stage is told
// to stop when the one before has ended, so that each stage may use the later
// ones to its last breath (the loop hands its last wish to the writer, the
// writer its last limit to the saver). The first stage is what the daemon is
// for: when all of it has ended by itself, the rest is stopped too.
type Supervisor struct {
	// configuration
	Stages [][]Task
	Grace  time.Duration // for each stage to stop; 0: DefaultGrace

	// dependencies, each may be nil
	OnReady func()           // every task is ready; called once, at most
	OnStop  func(why string) // stopping begins; called once
	Log     *slog.Logger
}

const (
	// DefaultGrace is how long a stage may take to stop.
	DefaultGrace = 5 * time.Second
	// readyWait is how long the start may take before it is worth a warning.
	readyWait = 15 * time.Second
)

// PanicError is a panic of a task.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the error the task panicked with, if it was one.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Run starts the tasks and returns when all have ended: nil after ctx was
// cancelled or the first stage ended well, else the errors of the tasks, the
// first one first. A task that does not stop in its grace time is left behind
// and reported as an error.
func (s *Supervisor) Run(ctx context.Context) error {
	r := &run{log: s.Log, grace: s.Grace, failed: make(chan struct{})}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.grace <= 0 {
		r.grace = DefaultGrace
	}
	// The tasks do not see ctx end by themselves: their stage's turn comes.
	base := context.WithoutCancel(ctx)
	for _, tasks := range s.Stages {
		if len(tasks) > 0 {
			r.stages = append(r.stages, r.start(base, tasks))
		}
	}
	if len(r.stages) == 0 {
		return errors.New("nothing to run")
	}
	waitCtx, stopWaiting := context.WithCancel(base)
	waiting := make(chan struct{})
	go func() {
		defer close(waiting)
		if r.awaitReady(waitCtx) && s.OnReady != nil {
			s.OnReady()
		}
	}()

	why := ""
	select {
	case <-r.stages[0].done:
		why = "work is done"
	case <-r.failed:
		why = "a task failed"
	case <-ctx.Done():
		why = context.Cause(ctx).Error()
	}
	stopWaiting()
	<-waiting
	if err := r.err(); err != nil {
		why = err.Error() // the first stage may have ended by failing
	}
	if s.OnStop != nil {
		s.OnStop(why)
	}
	for _, stage := range r.stages {
		r.stop(stage)
	}
	return r.err()
}

// run is one call of Supervisor.Run.
type run struct {
	log    *slog.Logger
	grace  time.Duration
	stages []*stage
	failed chan struct{} // closed with the first error

	mu   sync.Mutex // protects the following field
	errs []error
}

type stage struct {
	members []*member
	cancel  context.CancelFunc
	done    chan struct{} // closed when all members have ended
}

type member struct {
	task  Task
	ended chan struct{}
}

func (r *run) start(base context.Context, tasks []Task) *stage {
	ctx, cancel := context.WithCancel(base)
	s := &stage{cancel: cancel, done: make(chan struct{})}
	var wg sync.WaitGroup
	for _, t := range tasks {
		m := &member{task: t, ended: make(chan struct{})}
		s.members = append(s.members, m)
		wg.Go(func() {
			defer close(m.ended)
			if err := runTask(ctx, t); err != nil {
				r.fail(t, err)
			}
		})
	}
	go func() {
		wg.Wait()
		close(s.done)
	}()
	return s
}

// runTask runs t, turning a panic into an error and the end of ctx into none.
func runTask(ctx context.Context, t Task) error {
	err := Recover(func() error { return t.Run(ctx) })
	switch {
	case !errors.Is(err, context.Canceled):
		return err
	case ctx.Err() != nil:
		return nil
	}
	// Nobody cancelled it. The word must not pass for a normal end above.
	return fmt.Errorf("ended unexpectedly: %s", err)
}

// Recover calls f and returns its error, or its panic as a *PanicError.
func Recover(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

func (r *run) fail(t Task, err error) {
	if panicked, ok := err.(*PanicError); ok { //nolint:errorlint // a wrapped one was logged by the Supervisor below this one
		r.log.Error("task panicked", "task", t.String(), "panic", fmt.Sprint(panicked.Value), "stack", string(panicked.Stack))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if name := t.String(); name != "" {
		err = fmt.Errorf("%s: %w", name, err)
	}
	r.errs = append(r.errs, err)
	if len(r.errs) == 1 {
		close(r.failed)
	}
}

func (r *run) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(slices.Clone(r.errs)...)
}

// awaitReady reports whether every task became ready, or ended, before ctx.
func (r *run) awaitReady(ctx context.Context) bool {
	slow := time.NewTimer(readyWait)
	defer slow.Stop()
	for _, s := range r.stages {
		for _, m := range s.members {
			ready := m.task.Ready()
			if ready == nil {
				continue
			}
			for waiting := true; waiting; {
				select {
				case <-ready:
					waiting = false
				case <-m.ended:
					waiting = false
				case <-slow.C:
					r.log.Warn("not ready yet", "waiting_for", r.names(func(m *member) bool { return m.isReady() }))
				case <-ctx.Done():
					return false
				}
			}
		}
	}
	// A task that failed has ended, too.
	select {
	case <-r.failed:
		return false
	case <-ctx.Done():
		return false
	default:
		return true
	}
}

func (m *member) isReady() bool {
	ready := m.task.Ready()
	if ready == nil {
		return true
	}
	select {
	case <-ready:
		return true
	default:
		return m.hasEnded()
	}
}

func (m *member) hasEnded() bool {
	select {
	case <-m.ended:
		return true
	default:
		return false
	}
}

// names lists the tasks for which done does not hold.
func (r *run) names(done func(*member) bool) string {
	var list []string
	for _, s := range r.stages {
		for _, m := range s.members {
			if !done(m) {
				list = append(list, m.task.String())
			}
		}
	}
	return strings.Join(list, ", ")
}

// stop tells a stage to end and waits for it, for its grace time at most.
func (r *run) stop(s *stage) {
	s.cancel()
	timer := time.NewTimer(r.grace)
	defer timer.Stop()
	select {
	case <-s.done:
		return
	case <-timer.C:
	}
	for _, m := range s.members {
		if !m.hasEnded() {
			err := fmt.Errorf("did not stop within %v", r.grace)
			r.log.Error("leaving a task behind", "task", m.task.String(), "error", err)
			r.fail(m.task, err)
		}
	}
}
