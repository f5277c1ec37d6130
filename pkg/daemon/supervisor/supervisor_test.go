package supervisor

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(helperEnv); mode != "" {
		os.Exit(helperMain(mode))
	}
	goleak.VerifyTestMain(m)
}

// journal is what happened, in order.
type journal struct {
	mu    sync.Mutex // protects the following field
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

// worker is a Task that takes a second to get ready and a second to stop.
func (j *journal) worker(name string) Task {
	ready := make(chan struct{})
	return NewTask(name, ready, func(ctx context.Context) error {
		j.add(name + " starts")
		time.Sleep(time.Second)
		close(ready)
		<-ctx.Done()
		j.add(name + " stops")
		time.Sleep(time.Second)
		j.add(name + " ended")
		return ctx.Err()
	})
}

func TestStagesStopInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		start := time.Now()
		f := Supervisor{
			Stages:  [][]Task{{j.worker("loop")}, {}, {j.worker("writer")}, {j.worker("saver")}},
			OnReady: func() { j.add("READY after " + time.Since(start).String()) },
			OnStop:  func(why string) { j.add("STOPPING: " + why) },
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(errors.New("enough")) })
		if err := f.Run(ctx); err != nil {
			t.Errorf("error %v", err)
		}
		j.lines = j.lines[3:] // the starts, in no order
		want := []string{
			"READY after 1s", "STOPPING: enough",
			"loop stops", "loop ended", "writer stops", "writer ended", "saver stops", "saver ended",
		}
		if diff := cmp.Diff(want, j.lines); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if took := time.Since(start); took != 63*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestSupervisorEnds(t *testing.T) {
	broken := errors.New("broken")
	after := func(d time.Duration, err error) Task {
		return NewTask("some task", nil, func(ctx context.Context) error {
			if !sleep(ctx, d) {
				return nil
			}
			return err
		})
	}
	for _, tt := range []struct {
		name   string
		stages func(j *journal) [][]Task
		cancel time.Duration // 0: never
		why    string
		want   string // part of the error; "" for none
		is     error
		ready  bool
	}{
		{
			name:   "first stage is done",
			stages: func(j *journal) [][]Task { return [][]Task{{after(10*time.Second, nil)}, {j.worker("server")}} },
			why:    "work is done", ready: true,
		},
		{
			name: "one of the first stage is done, the other goes on",
			stages: func(j *journal) [][]Task {
				return [][]Task{{after(10*time.Second, nil), after(20*time.Second, nil)}, {j.worker("server")}}
			},
			why: "work is done", ready: true,
		},
		{
			name:   "a task of a later stage ends early",
			stages: func(j *journal) [][]Task { return [][]Task{{j.worker("loop")}, {after(0, nil)}} },
			cancel: time.Minute, why: "context canceled", ready: true,
		},
		{
			name:   "a task fails",
			stages: func(j *journal) [][]Task { return [][]Task{{j.worker("loop")}, {after(10*time.Second, broken)}} },
			why:    "some task: broken", want: "some task: broken", is: broken, ready: true,
		},
		{
			name:   "a task fails before all are ready",
			stages: func(j *journal) [][]Task { return [][]Task{{j.worker("loop")}, {after(time.Millisecond, broken)}} },
			why:    "some task: broken", want: "some task: broken", is: broken,
		},
		{
			name:   "cancelled before all are ready",
			stages: func(j *journal) [][]Task { return [][]Task{{j.worker("loop")}} },
			cancel: time.Millisecond, why: "context canceled",
		},
		{
			name: "a task panics",
			stages: func(j *journal) [][]Task {
				return [][]Task{{NewTask("loop", nil, func(context.Context) error { panic(broken) })}, {j.worker("saver")}}
			},
			why: "loop: panic: broken", want: "loop: panic: broken", is: broken,
		},
		{
			name: "a task says it was cancelled, but was not",
			stages: func(j *journal) [][]Task {
				return [][]Task{{after(10*time.Second, context.Canceled)}, {j.worker("saver")}}
			},
			why: "ended unexpectedly", want: "some task: ended unexpectedly", ready: true,
		},
		{
			name: "a task fails while stopping",
			stages: func(j *journal) [][]Task {
				return [][]Task{{j.worker("loop")}, {NewTask("saver", nil, func(ctx context.Context) error { <-ctx.Done(); return broken })}}
			},
			cancel: time.Minute, why: "context canceled", want: "saver: broken", is: broken, ready: true,
		},
		{name: "nothing to run", stages: func(*journal) [][]Task { return [][]Task{nil} }, want: "nothing to run"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var j journal
				var log bytes.Buffer
				ready, why := 0, ""
				f := Supervisor{
					Stages:  tt.stages(&j),
					OnReady: func() { ready++ },
					OnStop:  func(s string) { why += s },
					Log:     slog.New(slog.NewTextHandler(&log, nil)),
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.cancel > 0 {
					time.AfterFunc(tt.cancel, cancel)
				}
				err := f.Run(ctx)
				switch {
				case tt.want == "" && err != nil:
					t.Errorf("error %v", err)
				case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
					t.Errorf("error %v, want %q", err, tt.want)
				case tt.is != nil && !errors.Is(err, tt.is):
					t.Errorf("error %v is not %v", err, tt.is)
				case errors.Is(err, context.Canceled):
					t.Errorf("error %v would pass for a normal end", err)
				}
				if !strings.Contains(why, tt.why) {
					t.Errorf("stopped because %q, want %q", why, tt.why)
				}
				if (ready == 1) != tt.ready || ready > 1 {
					t.Errorf("ready %d times, want %v", ready, tt.ready)
				}
				started := strings.Count(strings.Join(j.lines, "\n"), "starts")
				if ended := strings.Count(strings.Join(j.lines, "\n"), "ended"); ended != started {
					t.Errorf("%d of %d workers ended: %v", ended, started, j.lines)
				}
				if strings.Contains(tt.name, "panic") && !strings.Contains(log.String(), "supervisor_test.go") {
					t.Errorf("no stack in the log: %s", log.String())
				}
			})
		})
	}
}

// A task that does not stop is named and does not keep the others from theirs.
func TestTaskLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		release := make(chan struct{})
		stuck := NewTask("stuck writer", nil, func(context.Context) error { <-release; return nil })
		f := Supervisor{Stages: [][]Task{{stuck, j.worker("loop")}, {j.worker("saver")}}, Grace: 3 * time.Second}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Second, cancel)
		start := time.Now()
		err := f.Run(ctx)
		if err == nil || err.Error() != "stuck writer: did not stop within 3s" {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took != 14*time.Second {
			t.Errorf("took %v, want 10s, 3s of grace and 1s for the saver", took)
		}
		if last := j.lines[len(j.lines)-1]; last != "saver ended" {
			t.Errorf("journal %v", j.lines)
		}
		close(release)
	})
}

func TestSlowStartIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		never := NewTask("prober", make(chan struct{}), func(ctx context.Context) error { <-ctx.Done(); return nil })
		quick := NewTask("quick", nil, never.Run)
		f := Supervisor{
			Stages:  [][]Task{{quick, never}},
			OnReady: func() { t.Error("ready") },
			Log:     slog.New(slog.NewTextHandler(&log, nil)),
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Hour, cancel)
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
		if got := log.String(); strings.Count(got, "waiting_for=prober") != 1 {
			t.Errorf("log: %s", got)
		}
	})
}

func TestOnReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reload := make(chan struct{}, 1)
		done := 0
		task := OnReload(reload, func(context.Context) { done++; time.Sleep(time.Minute) })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- task.Run(ctx) }()
		reload <- struct{}{}
		synctest.Wait()
		reload <- struct{}{} // while the first is at work
		time.Sleep(time.Hour)
		cancel()
		if err := <-ended; err != nil || done != 2 {
			t.Errorf("%d reloads, %v", done, err)
		}
	})
}
