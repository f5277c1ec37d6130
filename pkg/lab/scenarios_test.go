//go:build linux

package lab_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/lab"
	"github.com/wanctl/wanctl/pkg/lab/labrun"
)

var (
	downLoad = [2]bool{true, false}
	upLoad   = [2]bool{false, true}
	bothLoad = [2]bool{true, true}
)

// The scenarios of a laboratory day. The link is 40/10 Mbit/s at the start
// unless they say otherwise, a tenth below the ceilings of 44/11.
func fixedDown(d time.Duration) labrun.Scenario {
	return labrun.Scenario{Name: "fixed capacity, download", Warmup: 3 * time.Second, Duration: d, Load: downLoad}
}

func fixedUp(d time.Duration) labrun.Scenario {
	return labrun.Scenario{Name: "fixed capacity, upload", Warmup: 3 * time.Second, Duration: d, Load: upLoad}
}

// stepDown loses 60 % of the download for the middle third.
func stepDown(third time.Duration) labrun.Scenario {
	return labrun.Scenario{
		Name: "step 40-16-40, download", Warmup: 3 * time.Second, Duration: 3 * third, Load: downLoad,
		Capacity: []labrun.CapacityStep{{At: third, Download: 16 * mbps}, {At: 2 * third, Download: 40 * mbps}},
	}
}

func stepUp(third time.Duration) labrun.Scenario {
	return labrun.Scenario{
		Name: "step 10-4-10, upload", Warmup: 3 * time.Second, Duration: 3 * third, Load: upLoad,
		Capacity: []labrun.CapacityStep{{At: third, Upload: 4 * mbps}, {At: 2 * third, Upload: 10 * mbps}},
	}
}

func stepBoth(third time.Duration) labrun.Scenario {
	return labrun.Scenario{
		Name: "both halved, both loaded", Warmup: 3 * time.Second, Duration: 3 * third, Load: bothLoad,
		Capacity: []labrun.CapacityStep{
			{At: third, Download: 20 * mbps, Upload: 5 * mbps},
			{At: 2 * third, Download: 40 * mbps, Upload: 10 * mbps},
		},
	}
}

func silence(d time.Duration) labrun.Scenario {
	return labrun.Scenario{Name: "idle", Warmup: 3 * time.Second, Duration: d}
}

// docsis has the jitter of a cable modem: grants of a few ms and now and then
// a spike of 15 ms.
func docsis(d time.Duration, load [2]bool) labrun.Scenario {
	name := "DOCSIS-like jitter, download"
	if load == ([2]bool{}) {
		name = "DOCSIS-like jitter, idle"
	}
	return labrun.Scenario{
		Name: name, Warmup: 10 * time.Second, Duration: d, Load: load,
		Path: []labrun.PathStep{{
			JitterMax: 3 * time.Millisecond, JitterPeriod: 8 * time.Millisecond,
			Spike: 15 * time.Millisecond, SpikeProbability: 0.02,
		}},
	}
}

// route makes the way 20 ms longer, for good.
func route(half time.Duration) labrun.Scenario {
	return labrun.Scenario{
		Name: "route change +20 ms, download", Warmup: 3 * time.Second, Duration: 2 * half, Load: downLoad,
		Path: []labrun.PathStep{{At: half, Extra: 20 * time.Millisecond}},
	}
}

func blackout(third time.Duration) labrun.Scenario {
	return labrun.Scenario{
		Name: "ICMP blackout, download", Warmup: 3 * time.Second, Duration: 3 * third, Load: downLoad,
		Blackout: labrun.Window{From: third, To: 2 * third},
	}
}

// lte walks the download capacity between 8 and 40 Mbit/s, the same way every
// time.
func lte(d time.Duration) labrun.Scenario {
	s := labrun.Scenario{Name: "LTE-like walk, download", Warmup: 3 * time.Second, Duration: d, Load: downLoad}
	rng := rand.New(rand.NewPCG(4, 5))
	capacity := 24 * mbps
	for at := time.Duration(0); at < d; at += 500 * time.Millisecond {
		capacity = bitrate.Rate(float64(capacity)*(0.85+0.3*rng.Float64())).Clamp(8*mbps, 40*mbps)
		s.Capacity = append(s.Capacity, labrun.CapacityStep{At: at, Download: capacity})
	}
	return s
}

func longScenarios() []labrun.Scenario {
	const s = time.Second
	return []labrun.Scenario{
		fixedDown(30 * s), fixedUp(30 * s), stepDown(20 * s), stepUp(20 * s), stepBoth(20 * s),
		silence(30 * s), docsis(30*s, downLoad), docsis(60*s, [2]bool{}), route(20 * s), blackout(12 * s), lte(40 * s),
	}
}

// TestLabReference runs the scenarios against controllers whose worth is known:
// it shows what the lab makes of none, of a fixed limit and of an oracle, and
// so what a real one can reach.
func TestLabReference(t *testing.T) {
	if !*full {
		t.Skip("takes half an hour: go test ./pkg/lab -run LabReference -v -timeout 60m -lab.full")
	}
	l := build(t, lab.Config{})
	var reports []labrun.Report
	for i := range *repeat {
		for _, s := range longScenarios() {
			for _, c := range []labrun.Controller{
				{Name: "none"},
				{Name: "fixed 0.87", Limits: [2]bitrate.Rate{34_800_000, 8_700_000}},
				{Name: "oracle 0.95", Share: 0.95},
			} {
				t.Run(fmt.Sprintf("%s/%s/%d", s.Name, c.Name, i), func(t *testing.T) {
					record, err := labrun.Run(t.Context(), l, s, c)
					saveRecord(t, runDir(t), record)
					if err != nil {
						t.Fatal(err)
					}
					reports = append(reports, record.Report())
				})
			}
		}
	}
	publish(t, reports)

	find := func(scenario, controller string) labrun.Report {
		i := slices.IndexFunc(reports, func(r labrun.Report) bool {
			return r.Scenario == scenario && r.Controller == controller
		})
		return reports[i]
	}
	step := stepDown(0).Name
	if r := find(step, "none"); r.ExcessP95Ms < 300 || *r.Download.Utilisation < 0.95 {
		t.Errorf("without control the step gave p95 %.0f ms at %.2f, want over 300 ms at full use", r.ExcessP95Ms, *r.Download.Utilisation)
	}
	if r := find(step, "oracle 0.95"); r.SettledP95Ms > 60 || *r.Download.Utilisation < 0.85 {
		t.Errorf("the oracle took the step with p95 %.0f ms at %.2f, want it to be the best there is", r.SettledP95Ms, *r.Download.Utilisation)
	}
}

// publish shows reports and writes them where -lab.json says.
func publish(t *testing.T, reports []labrun.Report) {
	t.Helper()
	var table strings.Builder
	if err := labrun.WriteTable(&table, reports); err != nil {
		t.Error(err)
	}
	t.Logf("\n%s", &table)
	if *asJSON == "" {
		return
	}
	f, err := os.OpenFile(*asJSON, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	enc := json.NewEncoder(f)
	for _, r := range reports {
		if err := enc.Encode(r); err != nil {
			t.Error(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// runDir is where a run keeps its files: for good with -lab.keep.
func runDir(t *testing.T) string {
	t.Helper()
	if *keep == "" {
		return t.TempDir()
	}
	dir, err := filepath.Abs(filepath.Join(*keep, t.Name()))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// saveRecord keeps all that was seen in a run: every ping, limit and rate.
func saveRecord(t *testing.T, dir string, record *labrun.Record) {
	t.Helper()
	b, err := json.Marshal(record)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "record.json"), b, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}

// medianRTT of the answered pings sent from a time on.
func medianRTT(samples []labrun.Sample, from time.Duration) time.Duration {
	var rtts []time.Duration
	for _, s := range samples {
		if s.At >= from && s.RTT > 0 {
			rtts = append(rtts, s.RTT)
		}
	}
	if len(rtts) == 0 {
		return 0
	}
	slices.Sort(rtts)
	return rtts[len(rtts)/2]
}
