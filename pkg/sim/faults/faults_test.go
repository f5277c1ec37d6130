package faults_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/sim/faults"
)

var (
	all    = flag.Bool("faults.all", false, "also try the slow ones")
	wanctl = flag.String("faults.wanctl", "", "try the faults on this `PROGRAM` instead of building one")
	asJSON = flag.String("faults.json", "", "write the results to `FILE`, as JSON")
)

// TestFaults tries the faults of the table on the running program.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program a hundred times")
	}
	if access, err := hostnet.ICMPAccess(); access == hostnet.NoICMP {
		t.Skip(err)
	}
	table, err := faults.Load(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	binary := *wanctl
	if binary == "" {
		binary = filepath.Join(t.TempDir(), "wanctl")
		if out, err := exec.Command("go", "build", "-o", binary, "../../../cmd/wanctl").CombinedOutput(); err != nil {
			t.Fatalf("building: %v\n%s", err, out)
		}
	}
	var mu sync.Mutex // protects results
	var results []faults.Result
	t.Run("table", func(t *testing.T) {
		for _, f := range table {
			if f.Slow && !*all {
				continue
			}
			t.Run(f.Group+": "+f.Name, func(t *testing.T) {
				if !f.Alone {
					t.Parallel()
				}
				result := faults.Try(t.Context(), binary, t.TempDir(), &f)
				for _, p := range result.Problems {
					t.Error(p)
				}
				mu.Lock()
				defer mu.Unlock()
				results = append(results, result)
			})
		}
	})
	report(t, results)
}

// report prints one table, and writes the results for programs.
func report(t *testing.T, results []faults.Result) {
	t.Helper()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	held := 0
	fmt.Fprintln(w, "group\tfault\theld\tseconds\tMiB\twrites")
	for _, r := range results {
		if r.OK {
			held++
		}
		fmt.Fprintf(w, "%s\t%s\t%v\t%.1f\t%.0f\t%d\n", r.Group, r.Name, r.OK, r.Seconds, r.PeakMiB, r.Writes)
	}
	_ = w.Flush() // into memory
	t.Logf("%d of %d faults held\n%s", held, len(results), &b)
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

// The table is whole: every step is known, and every group has fast entries.
func TestTable(t *testing.T) {
	table, err := faults.Load(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	fast := map[string]int{}
	for _, f := range table {
		for _, step := range slices.Concat(f.Before, f.During, f.After) {
			verb, _, _ := strings.Cut(step, " ")
			if !strings.Contains("\n"+faults.Steps, "\n"+verb+" ") {
				t.Errorf("%s: %s: unknown step %q", f.Group, f.Name, step)
			}
		}
		if !f.Slow {
			fast[f.Group]++
		}
	}
	for _, group := range []string{"router", "host", "process", "files", "clients"} {
		if fast[group] < 4 {
			t.Errorf("group %s has %d fast entries", group, fast[group])
		}
	}
	if len(table) < 110 {
		t.Errorf("%d faults", len(table))
	}
}
