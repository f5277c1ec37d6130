package labrun

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/lab"
)

const (
	second = time.Second
	milli  = time.Millisecond
	mbit   = bitrate.Mbps
)

// story is a record that a test writes by hand: 24 ms of idle RTT, a download
// under load from second 3 to 13, at a capacity of 40 Mbit/s that is 16 from
// second 7 to 10.
func story() *Record {
	r := &Record{
		Scenario:   Scenario{Name: "story", Load: [2]bool{true, false}},
		Controller: "hand",
		Begin:      0, Start: 1 * second, LoadStart: 3 * second, LoadEnd: 13 * second, End: 14 * second,
		Path: []PathChange{{0, 0}},
		Limits: []lab.Change{
			{At: 0, Direction: autorate.Download, Rate: 44 * mbit},
			{At: 0, Direction: autorate.Upload, Rate: 11 * mbit},
		},
		Capacity: []lab.Change{
			{At: 0, Direction: autorate.Download, Rate: 40 * mbit},
			{At: 0, Direction: autorate.Upload, Rate: 10 * mbit},
			{At: 7 * second, Direction: autorate.Download, Rate: 16 * mbit},
			{At: 10 * second, Direction: autorate.Download, Rate: 40 * mbit},
		},
	}
	return r
}

// ping adds the pinger's samples of a span, 20 ms apart.
func (r *Record) ping(from, to, rtt time.Duration) {
	for at := from; at < to; at += 20 * milli {
		r.Pinger = append(r.Pinger, Sample{At: at, RTT: rtt})
	}
}

// flow adds meter samples of a span, 100 ms apart, of a download rate.
func (r *Record) flow(from, to time.Duration, rate bitrate.Rate) {
	var sum uint64
	if n := len(r.Meter); n > 0 {
		sum = r.Meter[n-1].Delivered[autorate.Download]
	}
	for at := from + 100*milli; at <= to; at += 100 * milli {
		sum += uint64(rate / 80)
		r.Meter = append(r.Meter, MeterSample{At: at, Delivered: [2]uint64{sum, 0}})
	}
}

func (r *Record) limit(at time.Duration, d autorate.Direction, rate bitrate.Rate) {
	r.Limits = append(r.Limits, lab.Change{At: at, Direction: d, Rate: rate})
}

func TestReport(t *testing.T) {
	tests := []struct {
		name string
		tell func(r *Record)
		want Report
	}{
		{
			name: "a cut is answered and the capacity used again",
			tell: func(r *Record) {
				r.ping(0, 7*second, 24*milli)
				r.ping(7*second, 7500*milli, 124*milli)
				r.ping(7500*milli, 14*second, 26*milli)
				r.flow(0, 3*second, 0)
				r.flow(3*second, 7*second, 40*mbit)
				r.flow(7*second, 10*second, 16*mbit)
				r.flow(10*second, 11*second, 20*mbit)
				r.flow(11*second, 14*second, 40*mbit)
				r.limit(7100*milli, autorate.Download, 30*mbit)
				r.limit(7200*milli, autorate.Download, 15*mbit)
				r.limit(8*second, autorate.Upload, 5500*bitrate.Kbps)
				r.limit(9*second, autorate.Upload, 11*mbit)
				r.limit(10500*milli, autorate.Download, 42*mbit)
				r.Usage = Usage{Ran: true, CPU: 130 * milli, Wall: 13 * second, PeakRSS: 20 << 20}
				r.Requests = 77
			},
			want: Report{
				IdleRTTMs: 24, Pings: 500, ExcessP50Ms: 2, ExcessP95Ms: 2, ExcessP99Ms: 100, ExcessMaxMs: 100,
				SettledP95Ms: 100, SettledP99Ms: 100, Above30ms: 0.05,
				Download: DirectionReport{
					Loaded: true, Utilisation: ptr((3*40 + 3*16 + 20 + 2*40.0) / (3*40 + 3*16 + 3*40)),
					DeliveredMbps: (3*40 + 3*16 + 20 + 2*40.0) / 9,
					LimitMinMbps:  15, LimitMaxMbps: 44,
				},
				Upload: DirectionReport{KeptMin: ptr(0.5), KeptMean: ptr(0.95), LimitMinMbps: 5.5, LimitMaxMbps: 11},
				Steps: []StepReport{
					{Direction: "download", FromMbps: 40, ToMbps: 16,
						FirstCutMs: ptr(100.0), BelowMs: ptr(200.0), DrainedMs: ptr(500.0)},
					{Direction: "download", FromMbps: 16, ToMbps: 40, RecoveredMs: ptr(1300.0)},
				},
				Writes: 5, Requests: 77,
				Controlled: &ProcessReport{CPUPercent: 1, PeakRSS: 20 << 20},
			},
		},
		{
			name: "nothing is done and the pings get lost",
			tell: func(r *Record) {
				r.ping(0, 7*second, 24*milli)
				r.ping(7*second, 14*second, 0)
				r.flow(0, 14*second, 16*mbit)
				r.Limits = nil
			},
			want: Report{
				IdleRTTMs: 24, Pings: 500, PingsLost: 300, Above30ms: 0.6,
				Download: DirectionReport{
					Loaded: true, Utilisation: ptr(9 * 16.0 / (3*40 + 3*16 + 3*40)), DeliveredMbps: 16,
				},
				Steps: []StepReport{
					{Direction: "download", FromMbps: 40, ToMbps: 16},
					{Direction: "download", FromMbps: 16, ToMbps: 40},
				},
			},
		},
		{
			name: "a longer way is no excess, a limit below the capacity needs no cut",
			tell: func(r *Record) {
				r.Path = append(r.Path, PathChange{At: 5 * second, Extra: 20 * milli})
				r.ping(0, 5*second, 24*milli)
				r.ping(5*second, 14*second, 45*milli)
				r.flow(0, 14*second, 12*mbit)
				r.Limits = nil
				r.limit(0, autorate.Download, 12*mbit)
				r.limit(0, autorate.Upload, 9*mbit)
			},
			want: Report{
				IdleRTTMs: 24, Pings: 500, ExcessP50Ms: 1, ExcessP95Ms: 1, ExcessP99Ms: 1, ExcessMaxMs: 1,
				SettledP95Ms: 1, SettledP99Ms: 1,
				Download: DirectionReport{
					Loaded: true, Utilisation: ptr(9 * 12.0 / (3*40 + 3*16 + 3*40)), DeliveredMbps: 12,
					LimitMinMbps: 12, LimitMaxMbps: 12,
				},
				Upload: DirectionReport{KeptMin: ptr(1.0), KeptMean: ptr(1.0), LimitMinMbps: 9, LimitMaxMbps: 9},
				Steps: []StepReport{
					{Direction: "download", FromMbps: 40, ToMbps: 16, BelowMs: ptr(0.0), DrainedMs: ptr(0.0)},
					{Direction: "download", FromMbps: 16, ToMbps: 40},
				},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := story()
			tt.tell(r)
			tt.want.Scenario, tt.want.Controller, tt.want.Seconds = "story", "hand", 10
			if diff := cmp.Diff(tt.want, r.Report(), cmpopts.EquateApprox(1e-9, 1e-9)); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWriteTable(t *testing.T) {
	report := func(controller string, p95 float64, below *float64) Report {
		return Report{
			Scenario: "step", Controller: controller, ExcessP95Ms: p95,
			Steps: []StepReport{{FromMbps: 40, ToMbps: 16, BelowMs: below}},
		}
	}
	var b bytes.Buffer
	err := WriteTable(&b, []Report{
		report("law", 7, ptr(300.0)), report("law", 9, ptr(200.0)), report("law", 8, nil), report("none", 580, nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"STEP law none",
		"p95 excess ms 8.0 (7.0..9.0) 580.0",
		"below capacity ms 300 (200..never) never",
	} {
		found := false
		for line := range strings.Lines(b.String()) {
			found = found || strings.Join(strings.Fields(line), " ") == want
		}
		if !found {
			t.Errorf("no line %q in\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), "CPU") {
		t.Errorf("a row for what no controller has:\n%s", &b)
	}
}
