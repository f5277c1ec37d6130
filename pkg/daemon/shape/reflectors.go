package shape

import (
	"fmt"

	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// reflectors returns the names of the probed targets, by rtt.Event.Reflector.
func (c *WANController) reflectors() []string {
	var names []string
	for _, t := range c.probes.Status().Targets {
		if !t.Gateway {
			names = append(names, t.Name)
		}
	}
	return names
}

// hosts returns the ICMP reflectors with their quality.
func (c *WANController) hosts() (hosts []telemetry.Reflector) {
	for _, t := range c.probes.Status().Targets {
		if t.Quality != nil {
			hosts = append(hosts, telemetry.NewReflector(t.Name, *t.Quality))
		}
	}
	return hosts
}

// operators returns the operators of the ICMP reflectors, "" where unknown.
func (c *WANController) operators() (operators []string) {
	for _, h := range c.hosts() {
		operators = append(operators, h.Operator)
	}
	return operators
}

// reflectorReplaced reports another reflector in use. Any goroutine may call it.
func (c *WANController) reflectorReplaced(r probe.Replacement) {
	daemon.Events{Feed: c.feed}.Record("probe", "", fmt.Sprintf("reflector %s replaced by %s: %s", r.Old, r.New, r.Reason))
}

// echoLimitWarning returns the warning about reflectors that answer only a part of the
// echoes, "" without any.
func echoLimitWarning(l rtt.EchoLimit) string {
	if l.Limited == 0 {
		return ""
	}
	who, causes := fmt.Sprintf("%d of %d reflectors answer", l.Limited, l.Used), "those hosts limit echoes, or a firewall on their path does"
	remedy := "list other hosts in ping_hosts"
	if l.Limited == l.Used {
		who, causes = "the reflectors answer", "a firewall on the path limits ICMP (look for icmp with limit= in '/ip firewall filter' and for icmp-rate-limit in '/ip settings'), the ISP does, or most packets are lost"
		remedy = "accept echo replies without a limit, probe more slowly (continuous_monitoring.interval: 500ms), or drop them all: TCP connections are timed instead (fallback_checks)"
	}
	return fmt.Sprintf("%s about %.0f of %.0f echoes a second: %s; %s", who, l.Rate, l.Sent, causes, remedy)
}
