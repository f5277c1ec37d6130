package shape

import (
	"testing"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// What keeps limits between floor and ceiling, here 10M to 100M, from being what holds.
func TestOverrides(t *testing.T) {
	const tree, simple = "download: down, upload: up", "simple: line"
	const lower = `the limit of queue "up" is not what holds: its parent "top" has the lower limit 80M, which holds`
	for _, tt := range []struct {
		name, queues, commands string
		download, upload       string
	}{
		{"nothing", tree, `/queue tree set up limit-at=10M`, "", ""},
		{"a parent with room", tree, `/queue tree add name=top parent=ether1 max-limit=100M; /queue tree set up parent=top`, "", ""},
		{"a parent with a lower limit", tree, `/queue tree add name=top parent=ether1 max-limit=80M; /queue tree set up parent=top`, "", lower},
		{"a parent that is disabled", tree, `/queue tree add name=top parent=ether1 max-limit=80M disabled=yes; /queue tree set up parent=top`, "", ""},
		{"above the parent", tree, `/queue tree add name=top parent=ether1 max-limit=80M; /queue tree add name=middle parent=top; /queue tree set up parent=middle`, "", lower},
		{"limit-at", tree, `/queue tree set down limit-at=20M`,
			`the limit of queue "down" is not what holds: limit-at=20M: no lower limit can be set`, ""},
		{"burst", tree, `/queue tree set down burst-limit=600M burst-threshold=400M burst-time=8s; /queue tree set up burst-limit=600M`,
			`the limit of queue "down" is not what holds: burst-limit=600M: lower limits can be exceeded for a while`, ""},
		{"another fault", tree, `/queue tree set down limit-at=20M disabled=yes`,
			`queue "down" is disabled: the download is not limited; on the router: /queue tree enable [find name="down"]`, ""},
		{"simple queue", simple, `/queue simple add name=top target=ether1 max-limit=400M/80M; /queue simple set line parent=top`, "",
			`the limit of queue "line" is not what holds: its parent "top" has the lower limit 80M, which holds`},
		{"simple queue with a total", simple, `/queue simple set line total-max-limit=190M limit-at=20M/0`,
			`the limit of queue "line" is not what holds: limit-at=20M: no lower limit can be set; total-max-limit=190M holds for both sides together`,
			`the limit of queue "line" is not what holds: total-max-limit=190M holds for both sides together`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachTransport(t, tt.queues, func(t *testing.T, r *simrouter.Router, q *Queues) {
				if err := r.Run(tt.commands); err != nil {
					t.Fatal(err)
				}
				law := autorate.Config{}
				for d := range law.Directions {
					law.Directions[d].Ceiling = 100 * bitrate.Mbps
					law.Directions[d].Floor = [4]bitrate.Rate{10 * bitrate.Mbps, 10 * bitrate.Mbps, 10 * bitrate.Mbps, 10 * bitrate.Mbps}
				}
				q.setBounds(&law)
				q.readOverrides(t.Context(), q.counters)
				for d, want := range []string{tt.download, tt.upload} {
					fault := q.mustRead(t).Faults[d]
					if got := q.describe(autorate.Direction(d), fault); got != want || fault == actuate.Overridden && got == "" {
						t.Errorf("%v: %q", fault, got)
					}
				}
				if err := r.Run(`/queue tree set [find] parent=global limit-at=0 burst-limit=0 disabled=no; /queue simple set line parent=none total-max-limit=0 limit-at=0/0`); err != nil {
					t.Fatal(err)
				}
				q.readOverrides(t.Context(), q.limits)
				if faults := q.mustRead(t).Faults; faults != [2]actuate.Fault{} {
					t.Errorf("afterwards: %v", faults)
				}
			})
		})
	}
}
