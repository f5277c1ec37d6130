package config

import "fmt"

// SameProbeRoute returns a warning for each WAN whose probes leave this host by the
// same route as those of an earlier WAN, according to the configurations: they measure the
// line of that WAN. The route that the kernel takes is known only while the loops run.
func SameProbeRoute(wans []*WAN) []Problem {
	type binding struct {
		source, iface string
		mark          uint32
	}
	const advice = "; give each WAN one of its own, and the router what 'wanctl router export --wan %s' prints"
	first := map[binding]*WAN{}
	var problems []Problem
	for _, w := range wans {
		if !w.Enabled {
			continue
		}
		b := binding{w.PingSource, w.PingInterface, w.PingMark}
		other, taken := first[b]
		if !taken {
			first[b] = w
			continue
		}
		text := "is not set, nor is ping_interface or ping_mark, so that the probes leave by the same route as those of %s (%s)" + advice
		if b != (binding{}) {
			text = "and ping_interface and ping_mark are those of %s (%s), so that the probes of both leave by the same route" + advice
		}
		problems = append(problems, Problem{File: w.Path, Key: "continuous_monitoring.ping_source", Text: fmt.Sprintf(text, other.Name, other.Path, w.Name)})
	}
	return problems
}
