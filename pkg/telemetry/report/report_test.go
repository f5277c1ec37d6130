package report

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// keep writes the history of n seconds that fill makes.
func keep(t *testing.T, dir string, n int, fill func(i int, f *history.Feed, r *history.Rollup)) *history.Archive {
	h, w := history.New(), history.NewWriter(dir, slog.New(slog.DiscardHandler))
	f := h.Feed("dsl", w)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- h.Run(ctx) }()
	go func() { ended <- w.Run(ctx) }()
	for i := range n {
		time.Sleep(time.Second)
		r := history.NewRollup()
		r.Length = time.Second
		fill(i, f, r)
		f.Add(r)
		synctest.Wait()
	}
	cancel()
	if err := errors.Join(<-ended, <-ended); err != nil {
		t.Error(err)
	}
	return history.NewArchive(dir)
}

// evening is two hours of a line: the second one is loaded, with a minute of silence.
func evening(i int, f *history.Feed, r *history.Rollup) {
	dec := autorate.Decision{RTT: 20 * time.Millisecond, Baseline: 20 * time.Millisecond, Alive: 3}
	dec.Directions[0] = autorate.DirectionDecision{State: autorate.Green, Reason: autorate.Idle}
	before := dec
	if i >= 3600 {
		dec.RTT = 60 * time.Millisecond
		dec.Directions[0] = autorate.DirectionDecision{Load: 0.9, State: autorate.Yellow, Reason: autorate.Holding}
		r.Directions[0].Capacity.Add(80000 + float64(i%100)*100)
		if i%60 == 0 {
			dec.Directions[0].Reason = autorate.Cut
		}
	}
	if i >= 5000 && i < 5060 {
		dec.Alive = 0
	}
	if i == 5060 {
		f.Event(history.Event{Kind: "outage", Text: "probes are answered again after 1m0s", Duration: 60})
		f.Event(history.Event{Kind: "router", Text: "refused: <script>alert(1)</script>"})
	}
	r.Step(&dec, &before, time.Second)
	r.RTT.Add(20)
	r.Directions[0].Limit.Add(90000)
	r.Directions[0].Throughput.Add(70000)
	r.Router.Requests, r.Router.Errors = 2, uint32(i%2)
	x := r.Reflector("192.0.2.1")
	x.Sent, x.Replies = 10, 9
	x.RTT.Add(20)
}

func build(t *testing.T, dir string) (r *Report) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now().UTC()
		dsl := keep(t, dir+"/dsl", 7200, evening)
		steering := keep(t, dir+"/steering", 10, func(i int, f *history.Feed, r *history.Rollup) {
			if i == 5 {
				f.Event(history.Event{Kind: "steering", Text: "new connections go to lte: red"})
			}
		})
		var err error
		now := time.Now().UTC()
		r, err = Build([]history.Kept{{WAN: "dsl", Archive: dsl}, {WAN: "dsl", Steering: true, Archive: steering}, {WAN: "new", Archive: history.NewArchive(dir + "/new")}}, began, now, now)
		if err != nil {
			t.Fatal(err)
		}
	})
	return r
}

func TestBuild(t *testing.T) {
	r := build(t, t.TempDir())
	if len(r.WANs) != 2 || r.WANs[1].Name != "new" || r.WANs[1].Latency.Idle.P50 != nil {
		t.Fatalf("%+v", r.WANs)
	}
	w := &r.WANs[0]
	near := func(name string, got *float64, want float64) {
		if got == nil || *got < want*0.96 || *got > want*1.04 {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	near("idle", w.Latency.Idle.P50, 20)
	near("loaded", w.Latency.Loaded.P95, 60)
	near("increase", w.Latency.Increase.P99, 40)
	if w.Latency.Grade != "B" || w.Measured != 7200 || w.NoReply != 60 {
		t.Errorf("grade %s, %v seconds, %v silent", w.Latency.Grade, w.Measured, w.NoReply)
	}
	d := w.Download
	if w.Upload != nil {
		t.Error("the upload is not controlled, and reported")
	}
	if d.States["GREEN"] != 3600 || d.States["YELLOW"] != 3600 || d.Decisions["cut"] != 60 {
		t.Errorf("%v %v", d.States, d.Decisions)
	}
	if diff := cmp.Diff([]HourCapacity{{1, 80, 85, 89.9}}, rounded(d.Capacity)); diff != "" {
		t.Errorf("capacity (-want +got)\n%s", diff)
	}
	if len(w.Outages) != 1 || w.Outages[0].Duration != 60 || w.Outages[0].At.Sub(r.From).Round(time.Minute) != 83*time.Minute {
		t.Errorf("%+v", w.Outages)
	}
	if len(w.Steering) != 1 || len(w.Events) != 1 || len(w.Series) != 121 && len(w.Series) != 120 {
		t.Errorf("%+v %+v, %d intervals", w.Steering, w.Events, len(w.Series))
	}
	if x := w.Reflectors[0]; *x.Answers != 0.9 || x.Sent != 72000 {
		t.Errorf("%+v", x)
	}
	if w.Router.Requests != 14400 || w.Router.Errors != 3600 {
		t.Errorf("%+v", w.Router)
	}
}

// rounded are capacities to a tenth, with medians to five Mbit/s.
func rounded(list []HourCapacity) (out []HourCapacity) {
	for _, h := range list {
		if h.Median > 83 && h.Median < 87 {
			h.Median = 85
		}
		out = append(out, h)
	}
	return out
}

// The keys of the document are what scripts rely on.
func TestDocument(t *testing.T) {
	body, err := json.Marshal(build(t, t.TempDir()).WANs[0])
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var keys []string
	for _, m := range regexp.MustCompile(`"([a-z][a-z0-9_]*)":`).FindAllStringSubmatch(string(body), -1) {
		if !seen[m[1]] {
			keys = append(keys, m[1])
		}
		seen[m[1]] = true
	}
	want := "wan measured_seconds no_reply_seconds latency idle samples mean_ms p50_ms p95_ms p99_ms loaded increase grade " +
		"download state_seconds decisions cut rebased settled undone verifying limit_mbps min mean max throughput_mbps capacity_by_hour hour min_mbps median_mbps max_mbps " +
		"outages at duration_seconds steering kind text events router requests errors writes refused_writes latency_ms " +
		"reflectors host probes answer_ratio rtt_ms series idle_p50_ms loaded_p95_ms rtt_max_ms directions throughput_max_mbps capacity_mbps state series_step_seconds"
	if diff := cmp.Diff(strings.Fields(want), keys); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// The page is one file: it refers to nothing, runs nothing, and text is text.
func TestHTML(t *testing.T) {
	var page strings.Builder
	if err := build(t, t.TempDir()).HTML(&page); err != nil {
		t.Fatal(err)
	}
	body := page.String()
	for _, bad := range []string{"<script", "src=", "href=", "url(", "@import", "NaN", "Inf"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	for _, want := range []string{"alert(1)", "new connections go to lte", "192.0.2.1", ">B<", `class="yellow"`, `class="silent"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, svg := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(body, -1) {
		dec := xml.NewDecoder(strings.NewReader(svg))
		for {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v in %.300s", err, svg)
			}
		}
	}
	var empty strings.Builder
	if err := (&Report{}).HTML(&empty); err != nil || !strings.Contains(empty.String(), "no history of any WAN") {
		t.Errorf("%v: %s", err, &empty)
	}
}
