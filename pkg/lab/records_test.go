//go:build linux

package lab_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/lab/labrun"
)

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
