//go:build linux

package lab_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/lab"
)

// calibrated is what is used of the program's result.
type calibrated struct {
	Baseline float64 `json:"baseline_rtt_ms"`
	Before   string  `json:"grade_before"`
	After    string  `json:"grade_after"`
	Download calibratedDirection
	Upload   calibratedDirection
	Notes    []string
}

type calibratedDirection struct {
	CapacityBPS float64 `json:"capacity_bps"`
	Before      struct {
		P95 float64 `json:"p95_ms"`
	}
	After struct {
		P95 float64 `json:"p95_ms"`
	}
	Ceiling float64 `json:"ceiling_mbps"`
	Floor   float64 `json:"floor_mbps"`
}

// TestLabCalibrate measures the lab's line by the real program and a real iperf3: what
// it says of 40 and 10 Mbit/s is right within a few percent, what it writes is a
// configuration that holds them, and the limits are as before.
func TestLabCalibrate(t *testing.T) {
	if testing.Short() {
		t.Skip("takes more than half a minute")
	}
	l := build(t, lab.Config{})
	binary := builtWanctl(t)
	router := startRouter(t, l)
	dir := runDir(t)
	path := writeConfig(t, dir, router.Fingerprint(), floors)

	server := l.Equipment(t.Context(), lab.Server, "iperf3", "-s", "-B", lab.ServerAddr)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()

	cmd := l.Command(t.Context(), lab.Client, binary, "calibrate", "--config", path, "--iperf3", lab.ServerAddr,
		"--idle", "4s", "--duration", "8s", "--write", "-o", "json")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	t.Logf("after %v:\n%s%s", time.Since(began).Round(time.Second), &stderr, &stdout)
	if err != nil {
		t.Fatal(err)
	}
	var got calibrated
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for d, side := range []calibratedDirection{got.Download, got.Upload} {
		capacity := l.Config().Capacity[d]
		if off := side.CapacityBPS/float64(capacity) - 1; off < -0.05 || off > 0.05 {
			t.Errorf("%v: %.2f Mbit/s, want %v within 5 %%", autorate.Direction(d), side.CapacityBPS/1e6, capacity)
		}
		if share := side.Ceiling / capacity.Mbps(); share < 0.80 || share > 1 || side.Floor > side.Ceiling/2 {
			t.Errorf("%v: ceiling %g, floor %g", autorate.Direction(d), side.Ceiling, side.Floor)
		}
		if side.After.P95 > side.Before.P95/3 {
			t.Errorf("%v: p95 %.0f ms before, %.0f ms after", autorate.Direction(d), side.Before.P95, side.After.P95)
		}
		var limits []bitrate.Rate
		for _, c := range l.Limits() {
			if c.Direction == autorate.Direction(d) {
				limits = append(limits, c.Rate)
			}
		}
		if n := len(limits); n < 4 || limits[n-1] != ceilings[d] || limits[n-2] >= capacity {
			t.Errorf("%v limits %v, the last one was that before", autorate.Direction(d), limits)
		}
	}
	if got.Baseline < 23 || got.Baseline > 30 || got.Before < "C" || !strings.HasPrefix(got.After, "A") {
		t.Errorf("baseline %.1f ms, grades %s and %s", got.Baseline, got.Before, got.After)
	}
	w, _, err := config.Load(path, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := bitrate.FromMbps(got.Download.Ceiling); w.Download.Ceiling != want {
		t.Errorf("ceiling in the file %v, want %v", w.Download.Ceiling, want)
	}
	if _, err := os.Stat(path + ".backup"); err != nil {
		t.Error(err)
	}
}
