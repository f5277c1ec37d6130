// Package reportcmd is `wanctl report`: what the lines and the loops of this host did
// over hours to months, from what the daemons keep on disk. It needs neither a running
// loop nor a router.
package reportcmd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/daemon/host"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/telemetry/report"
)

const long = `Show what every WAN of this host did: latency of the idle and the loaded line with a
grade, time in each state, cuts with their reasons, capacity by hour of day, outages,
steering, the router and each reflector.

'wanctl shape' and 'wanctl steer' keep this beside their state files, in NAME_history:
by seconds for an hour, by minutes for 35 days, by hours for 400 days. A report of less
than three days is made of minutes, a longer one of hours.

The line counts as loaded while one direction uses half of its limit. The grade is that
of the mean increase of the latency under load, as public speed tests give it: below
5 ms A+, 30 ms A, 60 ms B, 200 ms C, 400 ms D, else F.

--html writes one file that refers to nothing else, with plots. -o json prints the
document: times are RFC 3339, units are in the names, unknown numbers are null.
-o csv and jsonl print the series.`

const example = `  wanctl report                              # the last 24 hours
  wanctl report --since 7d --wan spectrum
  wanctl report --since 2026-11-01 --until 2026-11-08
  wanctl report --since 30d --html month.html
  wanctl report -o json | jq '.wans[] | {wan, grade: .latency.grade}'`

type options struct {
	since, until string
	html         string
}

// New returns the command.
func New(a *app.App) *cobra.Command {
	o := options{since: "24h"}
	cmd := &cobra.Command{
		Use:     "report",
		Short:   "Show what every WAN of this host did over hours to months",
		Long:    long,
		Example: example,
		GroupID: app.GroupTools,
		Args:    app.UsageArgs(cobra.NoArgs),
		RunE:    func(*cobra.Command, []string) error { return run(a, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.since, "since", o.since, "begin that `TIME` ago, such as 90m, 24h or 7d, or at a date or RFC 3339 time")
	f.StringVar(&o.until, "until", "", "end at that `TIME`, in the same form (default now)")
	f.StringVar(&o.html, "html", "", "write a page with plots to `FILE`, - for standard output")
	_ = cmd.MarkFlagFilename("html", "html")
	app.CompleteFlag(cmd, "since", "1h", "24h", "7d", "30d")
	return app.Prints[report.Report](a, app.Prints[row](a, cmd))
}

func run(a *app.App, o options) error {
	from, to, err := o.span(time.Now())
	if err != nil {
		return err
	}
	if o.html != "" && a.Global.Output != output.Table {
		return app.Usagef("--html and -o %s cannot be combined", a.Global.Output)
	}
	h, err := host.Find(host.Options{
		Options: a.DaemonOptions(), Config: a.ConfigOptions(), ConfigDir: a.Global.ConfigDir, Paths: a.NamedPaths(),
	})
	if err != nil {
		return err
	}
	r, err := report.Build(h.Kept(), from, to, time.Now())
	if err != nil {
		return withNextStep(err)
	}
	if !slices.ContainsFunc(r.WANs, func(w report.WAN) bool { return len(w.Series) > 0 }) {
		a.Warnf("no history of that time; 'wanctl shape' keeps it beside its state file while it runs, not in a dry run")
	}
	switch {
	case o.html != "":
		return writeHTML(a, r, o.html)
	case a.Global.Output == output.Table:
		return printText(a, r)
	case a.Global.Output == output.JSON:
		return output.EncodeJSON(a.Out, r)
	}
	return output.List(a.Out, a.Global.Output, series(r), nil)
}

// withNextStep adds to err, which names a directory of the history, what to run instead.
func withNextStep(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: its owner, the user of the service, and root may read it; run: sudo wanctl report", err)
	}
	return err
}

// span returns the time that the flags name.
func (o *options) span(now time.Time) (from, to time.Time, err error) {
	to = now
	if o.until != "" {
		if to, err = parseTime(o.until, now); err != nil {
			return from, to, app.Usagef("--until %q: %v", o.until, err)
		}
	}
	if from, err = parseTime(o.since, now); err != nil {
		return from, to, app.Usagef("--since %q: %v", o.since, err)
	}
	if !from.Before(to) {
		return from, to, app.Usagef("--since %s is not before --until: nothing is in between", o.since)
	}
	return from, to, nil
}

// parseTime returns the moment that text names: so long before now, or itself.
func parseTime(text string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n > 0 && n < 1e5 {
			return now.Add(-time.Duration(n * 24 * float64(time.Hour))), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", "2006-01-02T15:04", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t.In(now.Location()), nil
		}
	}
	return now, fmt.Errorf("give a time such as 90m, 24h, 7d, 2026-11-01 or 2026-11-01T18:00:00Z")
}

func writeHTML(a *app.App, r *report.Report, path string) (err error) {
	if path == "-" {
		return r.HTML(a.Out)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}()
	return r.HTML(f)
}

// row is one interval of one direction, for programs that read tables.
type row struct {
	WAN        string    `json:"wan"`
	At         time.Time `json:"at"`
	Step       float64   `json:"step_seconds"`
	Direction  string    `json:"direction"`
	State      string    `json:"state"`
	Limit      *float64  `json:"limit_mbps"`
	Throughput *float64  `json:"throughput_mbps"`
	Peak       *float64  `json:"throughput_max_mbps"`
	Capacity   *float64  `json:"capacity_mbps"`
	Idle       *float64  `json:"idle_p50_ms"`
	Loaded     *float64  `json:"loaded_p95_ms"`
	Highest    *float64  `json:"rtt_max_ms"`
	NoReply    float64   `json:"no_reply_seconds"`
}

func series(r *report.Report) []row {
	var rows []row
	for _, w := range r.WANs {
		for _, at := range w.Series {
			for i, lane := range at.Directions {
				if lane == nil {
					continue
				}
				rows = append(rows, row{
					w.Name, at.At, w.SeriesStep, strings.ToLower(r.Titles()[i]), lane.State, lane.Limit, lane.Throughput, lane.Peak, lane.Capacity,
					at.Idle, at.Loaded, at.Highest, at.NoReply,
				})
			}
		}
	}
	return rows
}

// printText prints the report for people.
func printText(a *app.App, r *report.Report) error {
	p := printer{w: a.Out, paint: a.OutTTY && !a.Global.NoColor}
	for i := range r.WANs {
		if i > 0 {
			p.line("")
		}
		p.wan(r, &r.WANs[i])
	}
	return p.err
}

// printer writes lines and keeps the first error.
type printer struct {
	w     io.Writer
	paint bool
	err   error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) head(text string) { p.line("%s", output.Paint(p.paint, output.Bold, text)) }

func (p *printer) wan(r *report.Report, w *report.WAN) {
	p.head(w.Name)
	p.line("  %s to %s, measured for %s", r.From.Format(minute), r.To.Format(minute), report.Span(w.Measured))
	if len(w.Series) == 0 {
		return
	}
	if g := w.Latency.Grade; g != "" {
		p.line("  grade %s: under load the latency is %s ms higher than idle on average", output.Paint(p.paint, output.Bold, g), ms(w.Latency.Increase.Mean))
	} else {
		p.line("  hardly loaded: no grade")
	}
	p.line("")
	p.line("  LATENCY, ms    P50     P95     P99")
	for _, l := range []struct {
		name string
		p    report.Percentiles
	}{{"idle", w.Latency.Idle}, {"loaded", w.Latency.Loaded}, {"increase", w.Latency.Increase}} {
		p.line("  %-10s %7s %7s %7s", l.name, ms(l.p.P50), ms(l.p.P95), ms(l.p.P99))
	}
	for i, name := range r.Titles() {
		if d := w.Direction(i); d != nil {
			p.line("")
			p.direction(strings.ToUpper(name), d)
		}
	}
	p.line("")
	p.line("  ROUTER  %d requests, %d failed; %d writes, %d refused; %s ms on average", w.Router.Requests, w.Router.Errors, w.Router.Writes, w.Router.Refused, ms(w.Router.Latency.Mean))
	for _, x := range w.Reflectors {
		p.line("  %-24s %9d probes, %6s answered, %s ms", output.Printable(x.Host), x.Sent, percent(x.Answers), ms(x.RTT.Mean))
	}
	p.events(w)
}

func (p *printer) direction(name string, d *report.Direction) {
	p.line("  %s  limit %s to %s Mbit/s, throughput %s on average and %s at most", name,
		mbit(d.Limit.Min), mbit(d.Limit.Max), mbit(d.Throughput.Mean), mbit(d.Throughput.Max))
	var states, counts []string
	for _, s := range d.Shares() {
		if s.Seconds > 0 {
			states = append(states, fmt.Sprintf("%s %s (%.1f %%)", s.Name, report.Span(s.Seconds), s.Percent))
		}
	}
	for _, c := range d.Counts() {
		counts = append(counts, fmt.Sprintf("%s %d", c.Name, c.N))
	}
	if len(counts) == 0 {
		counts = []string{"none"}
	}
	p.line("    states     %s", strings.Join(states, ", "))
	p.line("    decisions  %s", strings.Join(counts, ", "))
	for _, h := range d.Capacity {
		p.line("    capacity   %02d:00  %s, from %s to %s Mbit/s", h.Hour, mbit(&h.Median), mbit(&h.Min), mbit(&h.Max))
	}
}

// eventsShown bounds each list of events; -o json has all of them.
const eventsShown = 20

func (p *printer) events(w *report.WAN) {
	p.line("")
	p.line("  OUTAGES  %d, %s without any reply", len(w.Outages), report.Span(w.NoReply))
	for _, o := range w.Outages[max(0, len(w.Outages)-eventsShown):] {
		p.line("    %s  %s", o.At.Format(stamp), report.Span(o.Duration))
	}
	for _, group := range []struct {
		name string
		list []history.Event
	}{{"STEERING", w.Steering}, {"EVENTS", w.Events}} {
		if len(group.list) == 0 {
			continue
		}
		p.line("")
		p.line("  %s  %d", group.name, len(group.list))
		for _, e := range group.list[max(0, len(group.list)-eventsShown):] {
			p.line("    %s  %-8s  %s", e.At.Format(stamp), e.Kind, output.Printable(e.Text))
		}
	}
}

const (
	stamp  = "2006-01-02 15:04:05"
	minute = "Mon 2 Jan 2006 15:04"
)

func ms(x *float64) string   { return known(x, "%.1f") }
func mbit(x *float64) string { return known(x, "%.4g") }

func percent(x *float64) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", *x*100)
}

func known(x *float64, format string) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf(format, *x)
}
