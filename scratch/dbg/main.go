package main

import (
	"flag"
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/linksim"
	"github.com/wanctl/wanctl/pkg/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/linksim/trial"
)

func main() {
	name := flag.String("s", "both-step", "")
	seed := flag.Uint64("seed", 3, "")
	from := flag.Float64("from", 0, "")
	to := flag.Float64("to", 63, "")
	router := flag.Int("r", 0, "")
	ow := flag.Bool("ow", false, "")
	all := flag.Bool("all", false, "")
	flag.Parse()
	s, _ := scenario.Find(*name)
	if *ow {
		s = s.Telling()
	}
	tr := s.Trial(*seed, s.Law(), trial.Routers()[*router], nil)
	var lastC [2]autorate.Counters
	var lastG [2]float64
	tr.Observe = func(d autorate.Decision, l *linksim.Link) {
		t := d.At.Seconds()
		if t < *from || t > *to {
			return
		}
		if !(*all || d.Directions[0].Changed || d.Directions[1].Changed) {
			return
		}
		fmt.Printf("%7.2f q %5.1f x %5.1f/%4.1f sl %5.2f", t, ms(l.Excess()), ms(d.Excess), ms(d.Threshold), d.Slope)
		for i, dd := range d.Directions {
			c := l.Counters(autorate.Direction(i))
			g := l.Delivered(autorate.Direction(i))
			fmt.Printf(" | C %5.2f R %5.2f(%5.2f) T %5.2f ld %.2f est %5.2f b%6d dr%2d %-9.9s", float64(l.Capacity(autorate.Direction(i)))/1e6, float64(dd.Limit)/1e6, float64(l.Limit(autorate.Direction(i)))/1e6,
				float64(dd.Throughput)/1e6, dd.Load, float64(dd.Capacity)/1e6, c.QueuedBytes, c.Dropped-lastC[i].Dropped, dd.Reason)
			lastC[i] = c
			lastG[i] = g
		}
		fmt.Println()
	}
	r := tr.Run(s.From, s.To)
	fmt.Printf("util %.3f %.3f p95 %.1f p99 %.1f writes %v\n", r.Utilisation[0], r.Utilisation[1], ms(r.P95), ms(r.P99), r.Writes)
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }
