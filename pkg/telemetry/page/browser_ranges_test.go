package page

import (
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// keepDays writes days of a made-up line that end at the moment end, a minute of them at
// a time.
func keepDays(t *testing.T, wan string, end time.Time, days int, events ...history.Event) history.Kept {
	t.Helper()
	dir := t.TempDir()
	err := history.NewWriter(dir, slog.New(slog.DiscardHandler)).Import(func(yield func(*history.Rollup) bool) {
		for at := end.AddDate(0, 0, -days); at.Before(end); {
			step := time.Minute
			if end.Sub(at) <= time.Hour {
				step = time.Second
			}
			if !yield(minuteAt(at, step)) {
				return
			}
			at = at.Add(step)
		}
	}, events...)
	if err != nil {
		t.Fatal(err)
	}
	return history.Kept{WAN: wan, Archive: history.NewArchive(dir)}
}

// minuteAt is an interval of a line that is loaded in the evening.
func minuteAt(at time.Time, length time.Duration) *history.Rollup {
	r := history.NewRollup()
	r.Start, r.Length = at, length
	hours := at.Sub(at.Truncate(24 * time.Hour)).Hours()
	fromPeak := (hours - 20) / 3
	load := math.Exp(-fromPeak*fromPeak) * (0.75 + 0.25*math.Sin(float64(at.Unix())/500))
	excess := time.Duration(load * (20 + 6*math.Sin(float64(at.Unix())/170)) * float64(time.Millisecond))
	dec := &autorate.Decision{RTT: 24*time.Millisecond + excess, Baseline: 24 * time.Millisecond, Alive: 3}
	for i := range dec.Directions {
		dec.Directions[i] = autorate.DirectionDecision{State: autorate.Green, Load: load}
		r.Directions[i].Limit.Add(500e3 - 120e3*load)
		r.Directions[i].Throughput.Add(420e3*load + 5e3)
	}
	for range 10 {
		r.Step(dec, dec, length/10)
	}
	rtt := float64(dec.RTT) / 1e6
	r.RTT = history.Gauge{Min: rtt - 1, Max: rtt + 3, Sum: rtt, Count: 1}
	r.Baseline.Add(24)
	return r
}

// testRanges has the charts show an hour, a day and a month of an archive.
func testRanges(t *testing.T, b *browser) {
	now := time.Now()
	source := wellHost(now)
	source.moving = true
	source.host.WANs, source.host.Steering = source.host.WANs[:1], nil
	source.kept = []history.Kept{keepDays(t, "spectrum", now, 31,
		history.Event{At: now.AddDate(0, 0, -12), WAN: "spectrum", Kind: "outage", Text: "probes are answered again after 3m0s", Duration: 180})}
	tab := b.open(t, desktop, serveFake(t, source))
	tab.waitFor("the page is live", isLive)
	tab.waitFor("the line has a grade", "document.querySelector('[data-name=spectrum] [data-f=grade]').textContent === 'grade A'")
	tab.waitFor("and percentiles", "/^[23]\\d\\.\\d \\/ /.test(document.querySelector('[data-name=spectrum] [data-f=loaded]').textContent)")
	label := "document.querySelector('[data-name=spectrum] [data-chart=download] .plot').getAttribute('aria-label')"
	for _, span := range []struct{ name, words string }{{"hour", "60 minutes"}, {"day", "24 hours"}, {"month", "30 days"}} {
		tab.waitFor("the button", "(document.querySelector('[data-span="+span.name+"]').click(), true)")
		tab.waitFor("the charts show the "+span.name, label+".includes('of the last "+span.words+"; limit now') && !"+label+".includes('unknown')")
		tab.waitFor("the button is pressed", "document.querySelector('[data-span="+span.name+"]').getAttribute('aria-pressed') === 'true' && location.hash === '#"+span.name+"'")
		tab.shoot("range-" + span.name)
	}
	tab.waitFor("the event of weeks ago", "document.getElementById('events').textContent.includes('after 3m0s')")
	tab.waitFor("back to what is live", "(document.querySelector('[data-span=live]').click(), "+label+".includes('of the last 10 minutes'))")
	tab.clean()
}
