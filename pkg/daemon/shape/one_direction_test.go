package shape

import (
	"testing"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// A direction that is not controlled has no queue: nothing is read or written there,
// and what the router has stays.
func TestOneDirection(t *testing.T) {
	const up, down = "upload: {ceiling_mbps: 90, floor_mbps: 1}", "download: {ceiling_mbps: 900, floor_mbps: 1}"
	for _, tt := range []struct {
		name, queues, directions string
		read                     control.Limits
		counters                 [2]autorate.Counters
		tree, simple             string // limits of up, and of line, afterwards
	}{
		{"upload in the tree", "upload: up", up, control.Limits{0, 40 * bitrate.Mbps}, [2]autorate.Counters{{}, {Bytes: 7}}, "11000000", "500000000/40000000"},
		{"upload in the tree, with bounds of the download", "upload: up", down + ", " + up, control.Limits{0, 40 * bitrate.Mbps}, [2]autorate.Counters{{}, {Bytes: 7}}, "11000000", "500000000/40000000"},
		{"upload of a simple queue", "simple: line", up, control.Limits{0, 40 * bitrate.Mbps}, [2]autorate.Counters{{}, {Bytes: 9}}, "40000000", "500000000/11000000"},
		{"download of a simple queue", "simple: line", down, control.Limits{500 * bitrate.Mbps, 0}, [2]autorate.Counters{{Bytes: 8}, {}}, "40000000", "11000000/40000000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachTransportWith(t, tt.queues, tt.directions, func(t *testing.T, r *simrouter.Router, q *Queues) {
				if err := r.SetCounters("up", router.Counters{Bytes: 7}); err != nil {
					t.Fatal(err)
				}
				if err := r.SetSimpleCounters("line", [2]router.Counters{{Bytes: 8}, {Bytes: 9}}); err != nil {
					t.Fatal(err)
				}
				if got := q.mustRead(t); got != (control.Reading{Limits: tt.read}) {
					t.Errorf("read %+v", got)
				}
				if got, err := q.Counters(t.Context()); err != nil || got != tt.counters {
					t.Errorf("counters %+v, %v", got, err)
				}
				want := control.Limits{}
				for d := range want {
					if tt.read[d] != 0 {
						want[d] = 11 * bitrate.Mbps
					}
				}
				if applied, err := q.SetLimits(t.Context(), want); err != nil || applied != want {
					t.Errorf("applied %v, %v", applied, err)
				}
				row, _ := r.State().Row("/queue/tree", "name", "up")
				if simple := limitsOf(t, r, "line"); row["max-limit"] != tt.tree || simple != tt.simple || r.Writes() != 1 {
					t.Errorf("the router holds %s and %s after %d writes", row["max-limit"], simple, r.Writes())
				}
				q.setBounds(&autorate.Config{Directions: [2]autorate.DirectionConfig{}})
				q.readOverrides(t.Context(), q.counters)
				if faults := q.mustRead(t).Faults; faults != [2]actuate.Fault{} {
					t.Errorf("faults %v", faults)
				}
			})
		})
	}
}
