package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/out"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/serve"
	"github.com/wanctl/wanctl/pkg/trace"
)

// decisionPrinter prints the decisions of a running loop to standard output,
// from a goroutine of its own: a slow reader costs lines, never a tick.
type decisionPrinter struct {
	control.Nobody
	app   *App
	wan   string
	lines chan decisionRecord
	lost  atomic.Uint64
}

func newDecisionPrinter(a *App, wan string) *decisionPrinter {
	return &decisionPrinter{app: a, wan: wan, lines: make(chan decisionRecord, 1024)}
}

// Stepped implements control.Observer.
func (p *decisionPrinter) Stepped(_ autorate.Input, dec autorate.Decision, _ time.Duration) {
	if !dec.Directions[autorate.Download].Changed && !dec.Directions[autorate.Upload].Changed {
		return
	}
	now := time.Now()
	select {
	case p.lines <- newDecisionRecord(p.wan, &now, dec):
	default:
		p.lost.Add(1)
	}
}

// run prints until ctx ends, then what is left.
func (p *decisionPrinter) run(ctx context.Context) error {
	stream := out.NewStream(p.app.Out, p.app.global.output, decisionColumns, printDecision)
	for {
		select {
		case r := <-p.lines:
			if err := stream.Put(r); err != nil {
				return fmt.Errorf("writing decisions: %w", err)
			}
		case <-ctx.Done():
			for len(p.lines) > 0 {
				if err := stream.Put(<-p.lines); err != nil {
					return nil // the reader has left, and so do we
				}
			}
			if n := p.lost.Load(); n > 0 {
				p.app.warnf("%d decisions were not printed: the reader of standard output was too slow", n)
			}
			return stream.Close()
		}
	}
}

// recorder writes a trace of what the law sees. It encodes in the loop and
// hands the bytes to a bounded writer, so a slow disk costs records.
type recorder struct {
	control.Nobody
	path   string
	out    *serve.Log
	enc    trace.Encoder
	hosts  []string
	begun  bool
	failed error
}

func newRecorder(path string, hosts []string) (*recorder, error) {
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	w, err := serve.OpenLog(path, serve.LogOptions{Size: 4 << 20, JSON: true, Flush: 10 * time.Second})
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	r := &recorder{path: path, out: w, hosts: hosts}
	if strings.HasSuffix(path, ".csv") {
		r.enc = trace.NewCSVEncoder(w)
	} else {
		r.enc = trace.NewJSONEncoder(w)
	}
	return r, nil
}

// Stepped implements control.Observer.
func (r *recorder) Stepped(in autorate.Input, dec autorate.Decision, _ time.Duration) {
	if r.failed != nil {
		return
	}
	if !r.begun {
		r.begun = true
		r.failed = trace.Begin(r.enc, 0, in.Applied)
	}
	if r.failed == nil {
		r.failed = trace.Write(r.enc, r.hosts, in, dec.At)
	}
}

func (r *recorder) close() error {
	err := r.out.Close()
	if err == nil {
		err = r.failed
	}
	if lost, why := r.out.Lost(); lost > 0 {
		return fmt.Errorf("recording to %s: %d records are missing: %w", r.path, lost, why)
	}
	if err != nil {
		return fmt.Errorf("recording to %s: %w", r.path, err)
	}
	return nil
}

// printOnce prints what `shape --once` found, a row a WAN.
func (s *shaper) printOnce() error {
	var rows []decisionRecord
	var silent []string
	for _, w := range s.wans {
		st, err := w.loop.Status(context.Background())
		if err != nil {
			return err
		}
		now := time.Now()
		rows = append(rows, newDecisionRecord(w.cfg.Name, &now, st.Decision))
		if st.Decision.Alive == 0 {
			silent = append(silent, w.cfg.Name)
		}
	}
	side := func(of func(decisionRecord) (int64, string, string)) func(decisionRecord) string {
		return func(r decisionRecord) string {
			limit, state, why := of(r)
			return fmt.Sprintf("%s %s, %s", bitrate.Rate(limit).Human(), state, why)
		}
	}
	if s.app.global.output == out.Table {
		err := out.List(s.app.Out, out.Table, rows, []out.Column[decisionRecord]{
			{Head: "WAN", Text: func(r decisionRecord) string { return r.WAN }},
			{Head: "RTT", Right: true, Text: func(r decisionRecord) string { return fmt.Sprintf("%.1f ms", r.RTTMS) }},
			{Head: "EXCESS", Right: true, Text: func(r decisionRecord) string { return fmt.Sprintf("%.1f ms", r.ExcessMS) }},
			{Head: "DOWNLOAD", Text: side(func(r decisionRecord) (int64, string, string) { return r.DownBPS, r.DownState, r.DownWhy })},
			{Head: "UPLOAD", Text: side(func(r decisionRecord) (int64, string, string) { return r.UpBPS, r.UpState, r.UpWhy })},
		})
		if err != nil {
			return err
		}
	} else if err := out.List(s.app.Out, s.app.global.output, rows, decisionColumns); err != nil {
		return err
	}
	if len(silent) > 0 {
		return checkf("%s: no reflector answered within %v; try 'wanctl probe'", strings.Join(silent, ", "), onceLasts)
	}
	return nil
}
