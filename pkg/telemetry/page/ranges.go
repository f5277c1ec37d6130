package page

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/telemetry/report"
)

// ranges are the spans beyond the live ten minutes, with about 720 points each.
var ranges = map[string]struct{ span, step time.Duration }{
	"hour":  {time.Hour, 5 * time.Second},
	"day":   {24 * time.Hour, 2 * time.Minute},
	"month": {30 * 24 * time.Hour, time.Hour},
}

// rangeDocument is the answer to GET /page/range.
type rangeDocument struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Step float64   `json:"step_seconds"`
	history.Window
}

// rangeCache reads archives, each span every few seconds at most, however many ask.
type rangeCache struct {
	kept func() []history.Kept
	now  func() time.Time

	mu   sync.Mutex // protects the following fields
	at   map[string]time.Time
	body map[string][]byte
}

func newRanges(kept func() []history.Kept) *rangeCache {
	return &rangeCache{kept: kept, now: time.Now, at: map[string]time.Time{}, body: map[string][]byte{}}
}

func (c *rangeCache) serve(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("span")
	if _, known := ranges[name]; !known {
		http.Error(w, "span: give hour, day or month", http.StatusBadRequest)
		return
	}
	body, err := c.get(name)
	if err != nil {
		http.Error(w, "reading the history: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // the browser may have left
}

func (c *rangeCache) get(name string) ([]byte, error) {
	span, step := ranges[name].span, ranges[name].step
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if now.Sub(c.at[name]).Abs() < min(step, time.Minute) {
		return c.body[name], nil
	}
	doc := rangeDocument{From: now.Add(-span), To: now, Step: step.Seconds(), Window: history.Window{WANs: map[string][]history.Point{}, Events: []history.Event{}}}
	for _, k := range c.kept() {
		if err := doc.add(k); err != nil {
			doc.Events = append(doc.Events, history.Event{At: now, WAN: k.WAN, Kind: "life", Text: telemetry.OneLine("the history on disk cannot be read: " + err.Error())})
		}
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	c.at[name], c.body[name] = now, body
	return body, nil
}

// add adds the points and the newest events of k. What cannot be read is left out.
func (d *rangeDocument) add(k history.Kept) error {
	var err error
	if !k.Steering {
		points, pointsErr := k.Points(d.From, d.To, time.Duration(d.Step*float64(time.Second)))
		if pointsErr != nil {
			points = []history.Point{}
		}
		d.WANs[k.WAN], err = points, pointsErr
	}
	events, eventsErr := k.Events(d.From, d.To)
	d.Events = append(d.Events, events[max(0, len(events)-eventsShown):]...)
	if err != nil {
		return err
	}
	return eventsErr
}

// latencies are those of the last 24 hours of each WAN, summed up once a minute.
type latencies struct {
	kept func() []history.Kept

	mu     sync.Mutex // protects the following fields
	at     time.Time
	byName map[string]report.Latency
}

func newLatencies(kept func() []history.Kept) *latencies { return &latencies{kept: kept} }

// get returns the latencies by the name of the WAN. The map is not changed any more.
func (l *latencies) get(now time.Time) map[string]report.Latency {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byName != nil && now.Sub(l.at).Abs() < time.Minute {
		return l.byName
	}
	l.at, l.byName = now, map[string]report.Latency{}
	for _, k := range l.kept() {
		if k.Steering {
			continue
		}
		// What cannot be read has no grade; the range of a day says why.
		if total, err := k.Total(now.Add(-24*time.Hour), now, time.Hour); err == nil {
			l.byName[k.WAN] = report.LatencyOf(total)
		}
	}
	return l.byName
}
