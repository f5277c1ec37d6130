package probecmd

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/trace"
)

// lineRenderer shows samples one a line, and what is wrong as warnings.
type lineRenderer struct {
	app    *app.App
	stream *output.Stream[sample]
	notes  notes
}

func newLineRenderer(a *app.App, st *stats) *lineRenderer {
	width := 0
	for _, h := range st.hosts {
		width = max(width, len(h.name))
	}
	line := func(w io.Writer, s sample) error {
		switch {
		case s.Event == routeEvent:
			_, err := fmt.Fprintf(w, "%s  %s\n", s.Time.Local().Format("15:04:05.000"), s.routeText())
			return err
		case s.Seq == nil, s.Event == trace.Sent, s.Event == trace.Spare:
			return nil // of use for a replay only
		}
		_, err := fmt.Fprintf(w, "%s  %-*s  %-4s  seq=%-5d  %s\n",
			s.Time.Local().Format("15:04:05.000"), width, s.Host, s.Method, *s.Seq, s.outcome())
		return err
	}
	return &lineRenderer{app: a, stream: output.NewStream(a.Out, a.Global.Output, line)}
}

// outcome is what became of the probe, for people.
func (s sample) outcome() string {
	text := "lost"
	if s.RTTMS != nil {
		text = fmt.Sprintf("rtt=%.3f ms", *s.RTTMS)
		if s.Event != "reply" {
			text += " " + s.Event
		}
	}
	if s.MedianMS != nil {
		text = fmt.Sprintf("%-17s  median=%.3f ms", text, *s.MedianMS)
	}
	return text
}

func (v *lineRenderer) sample(s sample) error { return v.stream.Put(s) }

func (v *lineRenderer) refresh(s probe.Status) error {
	for _, note := range v.notes.fresh(s) {
		v.app.Warnf("%s", note)
	}
	return nil
}

func (v *lineRenderer) close() error { return v.stream.Close() }

// notes finds what has changed between two snapshots of a group that a person should know.
type notes struct {
	mode probe.Mode
	errs []string // by target, the last one reported since it answered
}

// fresh returns what has changed since the last call.
func (n *notes) fresh(s probe.Status) (notes []string) {
	if len(n.errs) != len(s.Targets) {
		n.errs = make([]string, len(s.Targets))
	}
	var failing []probe.TargetStatus
	for i, t := range s.Targets {
		switch {
		case t.Gateway:
		case t.Alive:
			n.errs[i] = ""
		case t.Err != nil && t.Err.Error() != n.errs[i]:
			n.errs[i] = t.Err.Error()
			failing = append(failing, t)
		}
	}
	notes = sendErrors(failing)
	if s.Mode != n.mode {
		n.mode = s.Mode
		if text := describeMode(s); text != "" {
			notes = append(notes, text)
		}
	}
	return notes
}

// describeMode returns what is wrong when ICMP does not work, "" otherwise.
func describeMode(s probe.Status) string {
	pings := false
	for _, t := range s.Targets {
		pings = pings || t.Method == probe.ICMP && !t.Gateway
	}
	switch s.Mode {
	case probe.ModeICMP:
	case probe.ModeTCP:
		if pings {
			return "no answer to ICMP: timing TCP connections instead"
		}
	case probe.ModeGateway:
		gateway := s.Targets[len(s.Targets)-1]
		return "nothing answers but the gateway " + gateway.Address
	case probe.ModeNone:
		return "nothing answers"
	}
	return ""
}

// total is a row of the summary.
type total struct {
	host   string
	method string
	sent   uint64
	lost   uint64
	late   uint64
	jitter time.Duration
	rtts   *rtt.Histogram
}

// printSummary prints the totals: for people after the samples, beside
// machine output on standard error.
func printSummary(a *app.App, s probe.Status, st *stats) error {
	w := a.Out
	if a.Global.Output != output.Table {
		if a.Global.Quiet {
			return nil
		}
		w = a.Err
	}
	rows := st.totals(s)
	if !a.Global.Quiet {
		fmt.Fprintln(w)
	}
	if err := output.List(w, output.Table, rows, totalColumns); err != nil {
		return fmt.Errorf("writing the summary: %w", err)
	}
	if err := printReflectors(w, s); err != nil {
		return fmt.Errorf("writing the summary: %w", err)
	}
	if text := st.routeText(); text != "" {
		fmt.Fprintln(w, text)
	}
	if s.Dropped > 0 {
		a.Warnf("%d events were dropped: the output is slower than the probes", s.Dropped)
	}
	return nil
}

// totals is a row for each target that was probed, and one for all.
func (st *stats) totals(s probe.Status) []total {
	var rows []total
	all := total{host: "all", rtts: st.all}
	var jitter float64
	var jitterOf uint64
	for i, h := range st.hosts {
		t := s.Targets[i]
		if t.Sent == 0 && t.Method == probe.TCP && len(st.hosts) > 1 {
			continue // a fallback that was not needed
		}
		rows = append(rows, total{h.name, h.method, t.Sent, t.Lost, t.Late, h.meanJitter(), &h.rtts})
		all.sent, all.lost, all.late = all.sent+t.Sent, all.lost+t.Lost, all.late+t.Late
		jitter, jitterOf = jitter+h.jitter, jitterOf+h.jitterOf
	}
	if len(rows) < 2 {
		return rows
	}
	if jitterOf > 0 {
		all.jitter = time.Duration(jitter / float64(jitterOf))
	}
	return append(rows, all)
}

var totalColumns = []output.Column[total]{
	{Head: "HOST", Text: func(t total) string { return t.host }},
	{Head: "METHOD", Text: func(t total) string { return t.method }},
	{Head: "SENT", Right: true, Text: func(t total) string { return strconv.FormatUint(t.sent, 10) }},
	{Head: "LOST", Right: true, Text: func(t total) string { return strconv.FormatUint(t.lost, 10) }},
	{Head: "LOSS", Right: true, Text: func(t total) string { return lossText(t.lost, t.sent) }},
	{Head: "LATE", Right: true, Text: func(t total) string { return strconv.FormatUint(t.late, 10) }},
	{Head: "MIN", Right: true, Text: func(t total) string { return t.rtt(t.rtts.Min()) }},
	{Head: "MEDIAN", Right: true, Text: func(t total) string { return t.rtt(t.rtts.Quantile(0.5)) }},
	{Head: "P95", Right: true, Text: func(t total) string { return t.rtt(t.rtts.Quantile(0.95)) }},
	{Head: "P99", Right: true, Text: func(t total) string { return t.rtt(t.rtts.Quantile(0.99)) }},
	{Head: "MAX", Right: true, Text: func(t total) string { return t.rtt(t.rtts.Max()) }},
	{Head: "JITTER", Right: true, Text: func(t total) string { return t.rtt(t.jitter) }},
}

// rtt is d for people, or a dash when nothing was measured.
func (t total) rtt(d time.Duration) string {
	if t.rtts.Count() == 0 {
		return "-"
	}
	return rttText(d)
}

// rttText is d with about three digits.
func rttText(d time.Duration) string {
	switch ms := float64(d) / 1e6; {
	case ms < 10:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 100:
		return fmt.Sprintf("%.1f ms", ms)
	default:
		return fmt.Sprintf("%.0f ms", ms)
	}
}

func lossText(lost, sent uint64) string {
	if sent == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(lost)/float64(sent))
}
