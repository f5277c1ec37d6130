package faults_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/sim/faults"
)

var (
	only   = flag.String("faults.only", "", "try those alone whose group and name have this `TEXT`")
	all    = flag.Bool("faults.all", false, "also try the slow ones")
	wanctl = flag.String("faults.wanctl", "", "try the faults on this `PROGRAM` instead of building one")
	asJSON = flag.String("faults.json", "", "write the results to `FILE`, as JSON")
)

// TestMain has root run the tests in a process whose mounts are its own, so that none is
// left, however it ends.
func TestMain(m *testing.M) {
	const variable = "WANCTL_FAULTS_OWN_MOUNTS"
	if os.Geteuid() != 0 || os.Getenv(variable) != "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), variable+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, "without mounts of its own:", err)
		os.Exit(m.Run())
	}
}

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
	binary, err := filepath.Abs(*wanctl) // it runs elsewhere
	if err != nil {
		t.Fatal(err)
	}
	if *wanctl == "" {
		binary = filepath.Join(t.TempDir(), "wanctl")
		if out, err := exec.Command("go", "build", "-o", binary, "../../../cmd/wanctl").CombinedOutput(); err != nil {
			t.Fatalf("building: %v\n%s", err, out)
		}
	}
	var mu sync.Mutex // protects results
	var results []faults.Result
	t.Run("table", func(t *testing.T) {
		for _, f := range table {
			if f.Slow && !*all || !strings.Contains(f.Group+": "+f.Name, *only) {
				continue
			}
			t.Run(f.Group+": "+f.Name, func(t *testing.T) {
				if !f.Alone {
					t.Parallel()
				}
				dir, err := os.MkdirTemp("", "wf") // short, for the sockets in it
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = os.RemoveAll(dir) })
				result := faults.Try(t.Context(), binary, dir, &f)
				for _, p := range result.Problems {
					t.Error(p)
				}
				mu.Lock()
				results = append(results, result)
				mu.Unlock()
				if result.Skipped != "" {
					t.Skip(result.Skipped)
				}
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
	slices.SortStableFunc(results, func(a, b faults.Result) int { return cmp.Compare(a.Group, b.Group) })
	held, skipped := 0, 0
	fmt.Fprintln(w, "group\tfault\theld\tseconds\tMiB\twrites")
	for _, r := range results {
		outcome := "NO"
		switch {
		case r.OK:
			outcome = "yes"
			held++
		case r.Skipped != "":
			outcome = "skipped: " + r.Skipped
			skipped++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1f\t%.0f\t%d\n", r.Group, r.Name, outcome, r.Seconds, r.PeakMiB, r.Writes)
	}
	_ = w.Flush() // into memory
	t.Logf("%d of %d faults held, %d could not be tried here\n%s", held, len(results), skipped, &b)
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
	for _, group := range []string{"router", "network", "host", "process", "files", "clients", "steer", "serve"} {
		if fast[group] < 4 {
			t.Errorf("group %s has %d fast entries", group, fast[group])
		}
	}
	if len(table) < 200 {
		t.Errorf("%d faults", len(table))
	}
}
