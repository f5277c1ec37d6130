package shape

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/trace"
)

// recorder writes a trace of what the law sees. It encodes in the loop and passes
// the bytes to a bounded writer, so a slow disk never delays a tick. A trace with
// a hole would replay to other decisions, so recording ends there.
type recorder struct {
	path  string
	log   *slog.Logger
	file  *os.File
	out   *supervisor.Log
	trace *trace.Recording
	ended error // why recording stopped before the loop did
}

var errDiskBehind = errors.New("the disk is full or too slow")

func newRecorder(path string, setup trace.Setup, start control.Limits, log *slog.Logger) (*recorder, error) {
	// A pipe that nobody reads is an error at once.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|syscall.O_NONBLOCK, 0o666)
	if err != nil {
		return nil, fmt.Errorf("--record %s: %w", path, supervisor.WithoutPath(err))
	}
	w := supervisor.NewLog(f, supervisor.LogOptions{Size: 4 << 20, JSON: true, Flush: 10 * time.Second})
	return &recorder{path: path, log: log, file: f, out: w, trace: trace.NewRecording(trace.NewEncoder(path, w), setup, start)}, nil
}

// Observe implements control.Observer.
func (r *recorder) Observe(e control.Event) {
	switch e := e.(type) {
	case *control.Step:
		r.write(func() error { return r.trace.Step(e.Decision.At, e.Input) })
	case control.ExternalChange:
		r.write(func() error { return r.trace.SetExternally(e.Direction, e.Theirs) })
	case control.Reconfigured:
		r.write(func() error { return r.trace.Reconfigure(e.Law) })
	}
}

func (r *recorder) write(put func() error) {
	if r.ended != nil {
		return
	}
	if r.ended = r.hole(); r.ended == nil {
		r.ended = put()
	}
	if r.ended != nil {
		r.log.Error("recording has stopped", "file", r.path, "error", r.ended)
	}
}

// hole returns why records were lost, nil when none was.
func (r *recorder) hole() error {
	lost, why := r.out.Lost()
	if lost == 0 {
		return nil
	}
	return cmp.Or(why, errDiskBehind)
}

func (r *recorder) close() error {
	closing := errors.Join(r.out.Close(), r.file.Close())
	err := cmp.Or(r.ended, r.hole(), closing)
	if err == nil {
		return nil
	}
	return fmt.Errorf("--record %s: the recording is incomplete (%w); see what fills the disk: df -h %s",
		r.path, supervisor.WithoutPath(err), filepath.Dir(r.path))
}

// traceSetup describes the law of the WAN in its recording.
func (c *WANController) traceSetup() trace.Setup {
	law := c.adopt(c.cfg)
	learned := c.learned
	if law.BaselineInitial != learned {
		learned = 0 // not plausible, so not taken over
	}
	s := trace.NewSetup(c.cfg.Name, law, c.reflectors(), learned)
	began := c.epoch.Round(time.Millisecond)
	s.Began = &began
	return s
}
