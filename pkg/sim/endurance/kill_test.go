package endurance

import (
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

var (
	kills  = flag.Int("kills", 36, "kill the daemon `N` times")
	seed   = flag.Uint64("seed", 1, "other moments for another `N`")
	wanctl = flag.String("wanctl", "", "kill this `PROGRAM` instead of one that is built")
)

// startLimit is within what time a start controls after a kill.
const startLimit = 2 * time.Second

// TestKills kills the daemon at random moments, over each transport.
func TestKills(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program again and again")
	}
	if access, err := hostnet.ICMPAccess(); access == hostnet.NoICMP {
		t.Skip(err)
	}
	binary := *wanctl
	if binary == "" {
		binary = filepath.Join(t.TempDir(), "wanctl")
		if out, err := exec.Command("go", "build", "-o", binary, "../../../cmd/wanctl").CombinedOutput(); err != nil {
			t.Fatalf("building: %v\n%s", err, out)
		}
	}
	services := []simrouter.Service{simrouter.WWW, simrouter.API, simrouter.SSH}
	var mu sync.Mutex // protects all
	var all []Killed
	t.Run("kills", func(t *testing.T) {
		for i, service := range services {
			t.Run(fmt.Sprint(service), func(t *testing.T) {
				t.Parallel()
				k := Kills{Binary: binary, Dir: t.TempDir(), Service: service, Seed: *seed + uint64(i), Count: (*kills + 2 - i) / len(services)}
				if err := k.Run(t.Context(), func(r Killed) {
					for _, p := range r.Problems {
						t.Errorf("killed at %s after %v: %s", r.When, r.Lived, p)
					}
					if r.Restart > startLimit {
						t.Errorf("killed at %s after %v: the next start controls after %v", r.When, r.Lived, r.Restart)
					}
					mu.Lock()
					defer mu.Unlock()
					all = append(all, r)
				}); err != nil {
					t.Error(err)
				}
			})
		}
	})
	reportKills(t, all)
}

// reportKills prints what the kills were in the middle of, and the starts after them.
func reportKills(t *testing.T, all []Killed) {
	t.Helper()
	byWhen := map[string][]Killed{}
	for _, k := range all {
		byWhen[k.When] = append(byWhen[k.When], k)
		byWhen["all"] = append(byWhen["all"], k)
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "killed at\tkills\tin a save\tproblems\tstarts\tto control: median\tp99\tmax\t")
	for _, when := range []string{atStart, atRun, atFirst, atSave, atWrite, "all"} {
		var starts []time.Duration
		problems, midSave := 0, 0
		for _, k := range byWhen[when] {
			problems += len(k.Problems)
			if k.MidSave {
				midSave++
			}
			if k.Restart > 0 {
				starts = append(starts, k.Restart)
			}
		}
		slices.Sort(starts)
		at := func(q float64) time.Duration {
			if len(starts) == 0 {
				return 0
			}
			return starts[int(q*float64(len(starts)-1))].Round(time.Millisecond)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%v\t%v\t%v\t\n", when, len(byWhen[when]), midSave, problems, len(starts), at(0.5), at(0.99), at(1))
	}
	_ = w.Flush() // into memory
	t.Logf("\n%s", &b)
}
