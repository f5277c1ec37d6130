package daemon

import (
	"context"
	"fmt"
	"strings"

	"github.com/wanctl/wanctl/pkg/telemetry"
)

// statusLoops is how many loops, and how many problems, the line of `systemctl status`
// describes one by one. More are counted.
const statusLoops = 5

// StatusLine returns the line of `systemctl status`: what is wrong comes first, what
// is doubtful last. It is not ok while a loop that is open does not answer, as when
// it has just ended.
func (p *Process) StatusLine(ctx context.Context) (line string, ok bool) {
	states := p.Set.States()
	host := p.Checker.Host(ctx)
	parts := firstOf(host.Problems())
	if len(states) > statusLoops {
		parts = append(parts, counts(host))
		states = nil
	}
	for _, st := range states {
		l, described := st.Loop.(interface {
			StatusLine(context.Context) (string, bool)
		})
		if !st.Open || !described {
			continue
		}
		text, ok := l.StatusLine(ctx)
		if !ok {
			return "", false
		}
		parts = append(parts, text)
	}
	return strings.Join(append(parts, firstOf(host.Doubts())...), "; "), true
}

// firstOf returns the first texts of a list, and how many more there are.
func firstOf(list []string) []string {
	if more := len(list) - statusLoops; more > 0 {
		return append(list[:statusLoops:statusLoops], fmt.Sprintf("and %d more", more))
	}
	return list
}

// counts returns how many loops are in which condition: "998 of 1000 loops healthy,
// 2 degraded".
func counts(h telemetry.Host) string {
	n := map[telemetry.Status]int{}
	for i := range h.WANs {
		n[h.WANs[i].Status]++
	}
	for i := range h.Steering {
		n[h.Steering[i].Status]++
	}
	text := fmt.Sprintf("%d of %d loops healthy", n[telemetry.Healthy], len(h.WANs)+len(h.Steering))
	for _, s := range []telemetry.Status{telemetry.Starting, telemetry.Degraded} {
		if n[s] > 0 {
			text += fmt.Sprintf(", %d %s", n[s], s)
		}
	}
	return text
}
