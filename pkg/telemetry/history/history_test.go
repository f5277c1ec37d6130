package history

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/autorate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRingKeepsTheNewest(t *testing.T) {
	for added := range 12 {
		r := ring[int]{most: 5}
		var want []int
		for i := range added {
			r.add(i)
			want = append(want, i)
		}
		want = want[max(0, added-5):]
		var got []int
		for v := range r.all() {
			got = append(got, *v)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d added (-want +got)\n%s", added, diff)
		}
	}
}

// second is one of a link at work.
func second() *Rollup {
	r := NewRollup()
	*r = Rollup{
		Length: time.Second, Observed: time.Second,
		RTT: Gauge{Min: 21, Max: 31.5, Sum: 24, Count: 1}, Baseline: Gauge{20, 20, 20, 1}, Excess: Gauge{0, 11.5, 40, 20},
	}
	for i, d := range []struct {
		limit, throughput float64
		state             autorate.State
	}{{500e3, 480e3, autorate.SoftRed}, {40e3, 2e3, autorate.Green}} {
		to := &r.Directions[i]
		to.Limit.Add(d.limit)
		to.Throughput.Add(d.throughput)
		to.States[d.state] = time.Second
	}
	return r
}

// running starts h in the bubble of a test.
func running(t *testing.T) *History {
	h := New()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return h
}

func TestSampleDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := running(t)
		h.AddWAN("dsl")
		feed := h.Feed("dsl", nil)
		h.AddWAN("lte")
		feed.Add(second())
		time.Sleep(time.Second)
		quiet := NewRollup() // nothing answered, and nothing is known
		quiet.Directions[0].Limit.Add(1000)
		feed.Add(quiet)
		feed.Event(Event{Kind: "router", Direction: "download", Text: "two\nlines " + strings.Repeat("x", 400)})
		synctest.Wait()
		x := h.Since(time.Time{})
		if n := len(x.Events[0].Text); n > 310 || strings.Contains(x.Events[0].Text, "\n") {
			t.Errorf("event text: %q", x.Events[0].Text)
		}
		x.Events[0].Text = "text"
		got, err := json.MarshalIndent(x, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		want := `{
 "wans": {
  "dsl": [
   {
    "at": "2000-01-01T00:00:00Z",
    "rtt_ms": 24,
    "rtt_max_ms": 31.5,
    "baseline_rtt_ms": 20,
    "excess_ms": 11.5,
    "directions": [
     {
      "limit_bps": 500000000,
      "throughput_bps": 480000000,
      "state": "SOFT_RED"
     },
     {
      "limit_bps": 40000000,
      "throughput_bps": 2000000,
      "state": "GREEN"
     }
    ]
   },
   {
    "at": "2000-01-01T00:00:01Z",
    "rtt_ms": null,
    "rtt_max_ms": null,
    "baseline_rtt_ms": null,
    "excess_ms": null,
    "directions": [
     {
      "limit_bps": 1000000,
      "throughput_bps": 0,
      "state": "UNKNOWN"
     },
     {
      "limit_bps": 0,
      "throughput_bps": 0,
      "state": "UNKNOWN"
     }
    ]
   }
  ],
  "lte": []
 },
 "events": [
  {
   "at": "2000-01-01T00:00:01.000000001Z",
   "wan": "dsl",
   "kind": "router",
   "direction": "download",
   "text": "text"
  }
 ]
}`
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// Ten minutes and 256 events are kept, however long it runs.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := running(t)
		h.AddWAN("dsl")
		feed := h.Feed("dsl", nil)
		for i := range 3600 {
			time.Sleep(time.Second)
			feed.Add(second())
			feed.Event(Event{Kind: "state", Text: fmt.Sprint(i)})
			synctest.Wait()
		}
		x := h.Since(time.Time{})
		samples := x.WANs["dsl"]
		if n := len(samples); n != 600 {
			t.Errorf("%d samples", n)
		}
		if back := time.Since(samples[0].At); back > Span {
			t.Errorf("the oldest is of %v ago", back)
		}
		if len(x.Events) != MaxEvents || x.Events[0].Text != "3344" || x.Events[255].Text != "3599" {
			t.Errorf("%d events from %s to %s", len(x.Events), x.Events[0].Text, x.Events[len(x.Events)-1].Text)
		}
		// What is older than ten minutes goes, even when nothing comes after it.
		time.Sleep(Span / 2)
		if n := len(h.Since(time.Time{}).WANs["dsl"]); n < 300 || n > 302 {
			t.Errorf("%d samples after five minutes of silence", n)
		}
	})
}

// Who asks for what came after the newest it has seen gets everything once.
func TestSinceMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := running(t)
		for _, name := range []string{"a", "b", "c"} {
			h.AddWAN(name)
		}
		feeds := []*Feed{h.Feed("a", nil), h.Feed("b", nil), h.Feed("c", nil)}
		var since time.Time
		got := map[string]int{}
		for range 50 {
			for range 3 { // many at the same time
				for _, f := range feeds {
					f.Add(second())
					f.Event(Event{Kind: "state"})
				}
			}
			synctest.Wait()
			x := h.Since(since)
			for wan, samples := range x.WANs {
				got[wan] += len(samples)
				for _, s := range samples {
					since = later(since, s.At)
				}
			}
			for _, e := range x.Events {
				got["event"]++
				since = later(since, e.At)
			}
		}
		want := map[string]int{"a": 150, "b": 150, "c": 150, "event": 450}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func TestOfOneWAN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := running(t)
		for _, name := range []string{"dsl", "lte"} {
			h.AddWAN(name)
			f := h.Feed(name, nil)
			f.Add(second())
			f.Event(Event{Kind: "life", Text: name})
		}
		synctest.Wait()
		x := h.Of("lte", time.Time{})
		if len(x.WANs) != 1 || len(x.WANs["lte"]) != 1 || len(x.Events) != 1 || x.Events[0].WAN != "lte" {
			t.Errorf("%+v", x)
		}
	})
}

// What is queued of a WAN that was removed does not bring it back.
func TestRemovedWANStaysRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New()
		h.AddWAN("dsl")
		h.AddWAN("lte")
		dsl, lte := h.Feed("dsl", nil), h.Feed("lte", nil)
		dsl.Add(second())
		lte.Add(second())
		h.RemoveWAN("dsl")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.Run(ctx) }()
		synctest.Wait()
		x := h.Since(time.Time{})
		if _, there := x.WANs["dsl"]; there || len(x.WANs["lte"]) != 1 {
			t.Errorf("%+v", x.WANs)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A clock that is set back does not silence the page until it has caught up,
// and what happened in the time to come is not told again and again.
func TestClockSetBack(t *testing.T) {
	s := NewStore()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s.now = func() time.Time { return now }
	s.AddWAN("dsl")
	s.stampPoint("dsl", Point{})
	s.stampEvent(&Event{Text: "early"})
	seen := s.Since(time.Time{}).WANs["dsl"][0].At
	now = now.Add(-5 * time.Minute)
	s.stampPoint("dsl", Point{})
	x := s.Since(seen)
	samples := x.WANs["dsl"]
	if len(samples) != 1 || !samples[0].At.Equal(now) || len(x.Events) != 0 {
		t.Fatalf("%+v", x)
	}
	if x := s.Since(now); len(x.WANs["dsl"]) != 0 {
		t.Errorf("told again: %+v", x)
	}
	now = now.Add(-time.Millisecond) // less than that is the clock being slewed, or two at once
	s.stampPoint("dsl", Point{})
	if got := s.stamp(); !got.Equal(samples[0].At.Add(2)) {
		t.Errorf("the third is of %v, after one of %v", got, samples[0].At)
	}
}

// What cannot be taken in is counted and told; nobody waits.
func TestLossIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New()
		h.AddWAN("dsl")
		feed := h.Feed("dsl", nil)
		for range waiting + 7 { // nobody takes it in yet
			feed.Add(second())
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.Run(ctx) }()
		synctest.Wait()
		x := h.Since(time.Time{})
		if n := len(x.WANs["dsl"]); n != waiting {
			t.Errorf("%d samples", n)
		}
		if len(x.Events) != 1 || !strings.HasPrefix(x.Events[0].Text, "7 seconds or events are missing") {
			t.Errorf("%+v", x.Events)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestFeedAllocatesNothing(t *testing.T) {
	h := New()
	feed := h.Feed("dsl", nil)
	if n := testing.AllocsPerRun(1000, func() {
		feed.Add(second())
		<-h.in
	}); n != 0 {
		t.Errorf("%v allocations a second", n)
	}
}

func TestAddAndHandler(t *testing.T) {
	s := NewStore()
	at := func(sec int) time.Time { return time.Now().Add(time.Duration(sec-100) * time.Second) }
	s.Add(Window{WANs: map[string][]Point{"b": {{At: at(2)}, {At: at(3)}}}, Events: []Event{{At: at(3), Text: "3"}}})
	s.Add(Window{WANs: map[string][]Point{"a": {{At: at(1)}}}, Events: []Event{{At: at(1), Text: "1"}, {At: at(2), Text: "2"}}})
	var texts []string
	for _, e := range s.Since(time.Time{}).Events {
		texts = append(texts, e.Text)
	}
	if got := strings.Join(texts, " "); got != "1 2 3" {
		t.Errorf("events in the order %s", got)
	}
	handler := Handler(func(_ context.Context, t time.Time) Window { return s.Since(t) })
	for _, c := range []struct {
		name, method, query string
		status              int
		want                string
	}{
		{"all", "GET", "", 200, `"a":[{`},
		{"some", "GET", "?since=" + strings.ReplaceAll(at(1).Format(time.RFC3339Nano), "+", "%2B"), 200, `"a":[]`},
		{"with a plus that became a space", "GET", "?since=2026-11-23T12:00:00+01:00", 200, `"wans"`},
		{"no time", "GET", "?since=yesterday", 400, "2006-01-02T15:04:05Z"},
		{"a change", "POST", "", 405, "only GET"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(c.method, "/history"+c.query, nil))
			body, _ := io.ReadAll(w.Result().Body)
			if w.Code != c.status || !strings.Contains(string(body), c.want) {
				t.Errorf("%d %s", w.Code, body)
			}
			if c.status == http.StatusOK && w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%v", w.Header())
			}
		})
	}
}

// What is written piece by piece is the document that encoding/json makes, with
// empty lists for nothing.
func TestWrite(t *testing.T) {
	rtt := 20.5
	for name, x := range map[string]Window{
		"all":     {WANs: map[string][]Point{"b": {{RTT: &rtt}, {}}, "a\"<": {{}}, "c": {}}, Events: []Event{{Text: "<x>\n"}, {Kind: "life"}}},
		"one":     {WANs: map[string][]Point{"a": {}}, Events: []Event{}},
		"nothing": {WANs: map[string][]Point{}, Events: []Event{}},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := json.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			if err := x.write(&got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want)+"\n", got.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	var got strings.Builder
	if err := (Window{WANs: map[string][]Point{"a": nil}}).write(&got); err != nil || got.String() != `{"wans":{"a":[]},"events":[]}`+"\n" {
		t.Errorf("%s, %v", &got, err)
	}
}

// However many ask, only a few answers are in the making at once; who cannot
// have one in time is told so.
func TestHandlerBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reading atomic.Int32
		h := Handler(func(ctx context.Context, _ time.Time) Window {
			if n := reading.Add(1); n > atOnce {
				t.Errorf("%d at once", n)
			}
			defer reading.Add(-1)
			<-ctx.Done()
			return Window{}
		})
		var wg sync.WaitGroup
		for range 10 * atOnce {
			wg.Go(func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/history", nil))
				if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "try again") {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			})
		}
		wg.Wait()
	})
}
