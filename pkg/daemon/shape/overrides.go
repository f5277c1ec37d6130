package shape

import (
	"context"
	"strings"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

// setBounds records the limits that law may ask for.
func (q *Queues) setBounds(law *autorate.Config) { q.bounds.Store(new(actuate.LawBounds(*law))) }

// readOverrides finds out what keeps the limits that may be written from being what
// holds: a queue above with a lower one, limit-at, bursts, a total. Where the router
// does not answer, what was found before stays.
func (q *Queues) readOverrides(ctx context.Context, client router.Client) {
	bounds := q.bounds.Load()
	for _, d := range autorate.Directions {
		if q.names[d] == "" {
			continue
		}
		own, above, total, err := q.survey().Read(ctx, client, int(d))
		if err != nil {
			continue
		}
		highest := [2]bitrate.Rate{max(1, bounds[0].Max), max(1, bounds[1].Max)} // next to nothing where it is not controlled
		all := append(own.Overrides("", bounds[d].Min, bounds[d].Max, above...), total.TotalOverrides(highest)...)
		if len(all) == 0 {
			q.overrides[d].Store(nil)
			continue
		}
		q.overrides[d].Store(new(strings.Join(all, "; ")))
	}
}
