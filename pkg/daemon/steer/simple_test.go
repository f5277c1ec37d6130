package steer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/config"
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
		simple  string
	}{
		{"simple queue", simple, [2]string{}, [2]string{"line (A)", "line (B)"}, "line"},
		{"queues of its own", simple, [2]string{"down", "up"}, [2]string{"down", "up"}, ""},
		{"tree", &config.WAN{Queues: config.Queues{Download: "down", Upload: "up"}}, [2]string{"down", "up"}, [2]string{"down", "up"}, ""},
		{"nothing known", nil, [2]string{}, [2]string{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := &Config{Steering: &config.Steering{PrimaryDownload: tt.own[0], PrimaryUpload: tt.own[1]}, primary: tt.primary}
			if diff := cmp.Diff(tt.want, cfg.queues()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if got := cfg.simple(); got != tt.simple {
				t.Errorf("simple queue %q, want %q", got, tt.simple)
			}
		})
	}
}
