package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/trace"
)

// recorder writes a trace of what the law sees. It encodes in the loop and
// hands the bytes to a bounded writer, so a slow disk never holds a tick up. A
// trace with a hole would replay to other decisions, so recording ends there.
type recorder struct {
	control.Nobody
	path  string
	log   *slog.Logger
	out   *supervisor.Log
	trace *trace.Recording
	ended error // why recording stopped before the loop did
}

var errDiskBehind = errors.New("the disk is full or too slow")

func newRecorder(path string, setup trace.Setup, start control.Limits, log *slog.Logger) (*recorder, error) {
	old, err := os.Create(path)
	if err == nil {
		err = old.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("--record %s: %w", path, withoutPath(err))
	}
	w, err := supervisor.OpenLog(path, supervisor.LogOptions{Size: 4 << 20, JSON: true, Flush: 10 * time.Second})
	if err != nil {
		return nil, fmt.Errorf("--record %s: %w", path, err)
	}
	return &recorder{path: path, log: log, out: w, trace: trace.NewRecording(traceEncoder(path, w), setup, start)}, nil
}

// traceEncoder writes to w in the encoding that the name of the file asks for.
func traceEncoder(path string, w io.Writer) trace.Encoder {
	if strings.HasSuffix(path, ".csv") {
		return trace.NewCSVEncoder(w)
	}
	return trace.NewJSONEncoder(w)
}

// Stepped implements control.Observer.
func (r *recorder) Stepped(in autorate.Input, dec autorate.Decision, _ time.Duration) {
	r.write(func() error { return r.trace.Step(dec.At, in) })
}

// Foreign implements control.Observer.
func (r *recorder) Foreign(d autorate.Direction, _, theirs bitrate.Rate) {
	r.write(func() error { return r.trace.Adopt(d, theirs) })
}

// Reconfigured implements control.Observer.
func (r *recorder) Reconfigured(cfg autorate.Config) {
	r.write(func() error { return r.trace.Reconfigure(cfg) })
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

// hole tells why records were lost, nil when none was.
func (r *recorder) hole() error {
	lost, why := r.out.Lost()
	if lost == 0 {
		return nil
	}
	return cmp.Or(why, errDiskBehind)
}

func (r *recorder) close() error {
	closing := r.out.Close()
	err := cmp.Or(r.ended, r.hole(), closing)
	if err == nil {
		return nil
	}
	return fmt.Errorf("--record %s: the recording is incomplete (%w); see what fills the disk: df -h %s",
		r.path, withoutPath(err), filepath.Dir(r.path))
}

// setup is what a recording says of the law of w.
func (w *shapedWAN) setup() trace.Setup {
	law := w.adopt(w.cfg)
	learned := w.learned
	if law.BaselineInitial != learned {
		learned = 0 // not plausible, so not taken over
	}
	s := trace.NewSetup(w.cfg.Name, law, w.reflectors(), learned)
	began := w.epoch.Round(time.Millisecond)
	s.Began = &began
	return s
}
