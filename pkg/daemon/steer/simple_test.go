package steer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router/twoway"
)

// A simple queue of the primary WAN is both of its queues, unless steering names
// others.
func TestQueuesOfThePrimary(t *testing.T) {
	simple := &config.WAN{Queues: config.Queues{Simple: "line", Target: config.TargetWAN}}
	for _, tt := range []struct {
		name    string
		primary *config.WAN
		own     [2]string
		want    [2]string
		simple  twoway.Queue
	}{
		{"simple queue", simple, [2]string{}, twoway.Names("line"), twoway.Queue{Name: "line", Target: "wan"}},
		{"queues of its own", simple, [2]string{"down", "up"}, [2]string{"down", "up"}, twoway.Queue{}},
		{"tree", &config.WAN{Queues: config.Queues{Download: "down", Upload: "up"}}, [2]string{"down", "up"}, [2]string{"down", "up"}, twoway.Queue{}},
		{"nothing known", nil, [2]string{}, [2]string{}, twoway.Queue{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := &Config{Steering: &config.Steering{PrimaryDownload: tt.own[0], PrimaryUpload: tt.own[1]}, primary: tt.primary}
			if diff := cmp.Diff(tt.want, cfg.queues()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if diff := cmp.Diff(tt.simple, cfg.simple()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
