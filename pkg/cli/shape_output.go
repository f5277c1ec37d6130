package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/control"
)

// decisionFeed brings the decisions of one loop to the printer.
type decisionFeed struct {
	control.Nobody
	to  *printer[decisionRecord]
	wan string
}

// Stepped implements control.Observer.
func (f decisionFeed) Stepped(_ autorate.Input, dec autorate.Decision, _ time.Duration) {
	if !dec.Directions[autorate.Download].Changed && !dec.Directions[autorate.Upload].Changed {
		return
	}
	now := time.Now()
	f.to.put(newDecisionRecord(f.wan, &now, dec))
}

// withoutPath strips from an error of package os the path, which the message
// around it names already.
func withoutPath(err error) error {
	var inPath *fs.PathError
	if errors.As(err, &inPath) {
		return inPath.Err
	}
	return err
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
			silent = append(silent, fmt.Sprintf("%s: no reflector answered within %v; try 'wanctl probe --config %s'", w.cfg.Name, onceLasts, w.cfg.Path))
		}
	}
	side := func(of func(decisionRecord) (int64, string, string)) func(decisionRecord) string {
		return func(r decisionRecord) string {
			limit, state, why := of(r)
			return fmt.Sprintf("%s %s, %s", bitrate.Rate(limit).Human(), state, why)
		}
	}
	if s.app.Global.Output == output.Table {
		err := output.List(s.app.Out, output.Table, rows, []output.Column[decisionRecord]{
			{Head: "WAN", Text: func(r decisionRecord) string { return r.WAN }},
			{Head: "RTT", Right: true, Text: func(r decisionRecord) string { return fmt.Sprintf("%.1f ms", r.RTTMS) }},
			{Head: "EXCESS", Right: true, Text: func(r decisionRecord) string { return fmt.Sprintf("%.1f ms", r.ExcessMS) }},
			{Head: "DOWNLOAD", Text: side(func(r decisionRecord) (int64, string, string) { return r.DownBPS, r.DownState, r.DownWhy })},
			{Head: "UPLOAD", Text: side(func(r decisionRecord) (int64, string, string) { return r.UpBPS, r.UpState, r.UpWhy })},
		})
		if err != nil {
			return err
		}
	} else if err := output.List(s.app.Out, s.app.Global.Output, rows, decisionColumns); err != nil {
		return err
	}
	if len(silent) > 0 {
		return app.Checkf("%s", strings.Join(silent, "\n"))
	}
	return nil
}
