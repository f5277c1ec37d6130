package router

import (
	"context"
	"fmt"
	"strings"
)

// InterfaceQueues returns a text about the interfaces that have CAKE or FQ-CoDel as
// their own queue, and about what takes its place: such a queue has no max-limit.
// It returns "" if there are none, or if the router does not say.
func InterfaceQueues(ctx context.Context, c Client) string {
	queues, err := c.Rows(ctx, "/queue/interface")
	if err != nil {
		return ""
	}
	types, err := c.QueueTypes(ctx)
	if err != nil {
		return ""
	}
	shaping := make(map[string]bool)
	for _, t := range types {
		shaping[t.Name] = t.Kind == "cake" || t.Kind == "fq-codel"
	}
	var found []string
	for _, q := range queues {
		if shaping[q["queue"]] {
			found = append(found, fmt.Sprintf("%q is the queue of the interface %s", q["queue"], q["interface"]))
		}
	}
	if len(found) == 0 {
		return ""
	}
	return strings.Join(found, ", ") + ", which has no max-limit to set; 'wanctl router export' prints a queue tree or a simple queue instead"
}
