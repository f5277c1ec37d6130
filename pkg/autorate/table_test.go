package autorate_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/linksim"
)

var seeds = flag.Int("sim.seeds", 0, "print the table of scenarios over this many seeds")

// TestTable measures; it asserts nothing. `make sim` runs it.
func TestTable(t *testing.T) {
	if *seeds == 0 {
		t.Skip("run 'make sim' for the table")
	}
	fmt.Printf("%-17s %-8s %18s %18s %22s %22s %10s\n", "scenario", "law", "util down", "util up", "p95 excess ms", "p99 excess ms", "writes/s")
	for _, sc := range linksim.Scenarios() {
		for _, law := range []string{"wanctl", "none"} {
			var s series
			for seed := range uint64(*seeds) {
				c := linksim.Closed{Link: linksim.New(sc.Config(seed)), Seed: seed}
				if law == "wanctl" {
					c.Controller = sc.Law()
				}
				s.add(c.Run(sc.From, sc.To), sc.To-sc.From)
			}
			fmt.Printf("%-17s %-8s %18s %18s %22s %22s %10s\n", sc.Name, law, spread("%.2f", s.down), spread("%.2f", s.up),
				spread("%.1f", s.p95), spread("%.1f", s.p99), spread("%.1f", s.writes)[:4])
		}
	}
}

type series struct{ down, up, p95, p99, writes []float64 }

func (s *series) add(r linksim.Result, length time.Duration) {
	s.down = append(s.down, r.Utilisation[autorate.Download])
	s.up = append(s.up, r.Utilisation[autorate.Upload])
	s.p95 = append(s.p95, float64(r.P95)/1e6)
	s.p99 = append(s.p99, float64(r.P99)/1e6)
	s.writes = append(s.writes, float64(r.Cuts+r.Raises)/length.Seconds())
}

// spread is the median and, in brackets, the range.
func spread(format string, v []float64) string {
	slices.Sort(v)
	return fmt.Sprintf(format+" ["+format+" "+format+"]", v[len(v)/2], v[0], v[len(v)-1])
}
