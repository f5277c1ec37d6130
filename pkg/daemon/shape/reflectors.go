package shape

import (
	"fmt"
	"time"

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
	if l.Path {
		who, causes = "the reflectors answer", "a firewall on the path limits ICMP (look for icmp with limit= in '/ip firewall filter' and for icmp-rate-limit in '/ip settings'), the ISP does, or most packets are lost"
		remedy = "accept echo replies without a limit, probe more slowly (continuous_monitoring.interval: " + slowInterval(l).String() + "), or drop them all: TCP connections are timed instead (fallback_checks)"
	}
	return fmt.Sprintf("%s about %.0f of %.0f echoes a second: %s; %s", who, l.Rate, l.Sent, causes, remedy)
}

// slowInterval returns an interval between probes at which the path lets all answers
// through, a multiple of 100 ms.
func slowInterval(l rtt.EchoLimit) time.Duration {
	const step, longest = 100 * time.Millisecond, 5 * time.Second
	if l.Rate <= 0 {
		return longest
	}
	interval := time.Duration(float64(l.Used) / (0.8 * l.Rate) * float64(time.Second))
	return min((interval+step-1)/step*step, longest)
}
