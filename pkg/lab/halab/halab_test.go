//go:build linux

package halab

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
)

var (
	wanctl  = flag.String("halab.wanctl", "", "try the faults on this `PROGRAM` instead of building one")
	all     = flag.Bool("halab.all", false, "also try the slow ones")
	only    = flag.String("halab.only", "", "try those alone whose name has this `TEXT`")
	asJSON  = flag.String("halab.json", "", "write the results to `FILE`, as JSON")
	killed  = flag.Int("halab.kills", 1, "how often the owner is killed")
	drained = flag.Int("halab.drains", 1, "how often the owner is drained")
	wans    = flag.Int("halab.wans", 0, "WANs of the owner that is paused; 0: a few")
)

func binary(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(*wanctl)
	if *wanctl == "" {
		path = filepath.Join(t.TempDir(), "wanctl")
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../../cmd/wanctl").CombinedOutput(); err != nil {
			t.Fatalf("building: %v\n%s", err, out)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFaults tries the faults of the table, the short ones in every test run.
func TestFaults(t *testing.T) {
	if err := missing(); err != nil {
		t.Skip(err)
	}
	if testing.Short() {
		t.Skip("it takes 20 s")
	}
	program := binary(t)
	var results []*result
	for _, f := range faults {
		if !f.short && !*all || !strings.Contains(f.name, *only) {
			continue
		}
		r := &result{Fault: f.name, Problems: []string{}, WANs: max(f.wans, 1)}
		if f.wans > 0 && *wans > 0 {
			r.WANs = *wans
		}
		results = append(results, r)
		t.Run(f.name, func(t *testing.T) {
			s := newSite(t, program, f, r.WANs)
			f.run(s, r)
			r.finish(s)
			for _, p := range r.Problems {
				t.Error(p)
			}
		})
		if text, err := os.ReadFile("/proc/loadavg"); err == nil {
			r.Load, _, _ = strings.Cut(string(text), " ")
		}
	}
	report(t, results)
}

// report prints one table, and writes the results for programs.
func report(t *testing.T, results []*result) {
	t.Helper()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "fault\theld\tWANs\ttries\tgap median\tmax\twrites\tstale\towners\trecords\tload")
	for _, r := range results {
		held := map[bool]string{true: "yes", false: "NO"}[r.Held]
		median, most := "-", "-"
		if r.Tries > 0 {
			median, most = fmt.Sprintf("%.2f s", r.Median), fmt.Sprintf("%.2f s", r.Most)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", r.Fault, held, r.WANs, r.Tries, median, most, r.Writes, r.Stale, r.Owners, r.Record, r.Load)
	}
	_ = w.Flush() // into memory
	t.Logf("\n%s", &b)
	if *asJSON == "" {
		return
	}
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*asJSON, append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}
