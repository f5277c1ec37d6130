package steer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
)

// TestSteeringFixedSettings: whatever a reload does not bring about is told.
func TestSteeringFixedSettings(t *testing.T) {
	const text = `wan_name: steering
router: {host: 192.0.2.1, user: wanctl, password: x}
topology: {primary_wan: dsl, alternate_wan: lte}
mangle_rule: {comment: steer}
cake_queues: {primary_download: D, primary_upload: U}
measurement: {ping_host: 192.0.2.7}
mode: {cake_aware: true}
`
	dir := t.TempDir()
	load := func(text string) *Config {
		t.Helper()
		path := filepath.Join(dir, "steering.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, _, err := Load(path, config.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	if err := os.WriteFile(filepath.Join(dir, "dsl.yaml"), []byte(`wan_name: dsl
router: {host: 192.0.2.1, user: wanctl, password: x}
queues: {download: D, upload: U}
lock_file: /elsewhere/dsl.lock
continuous_monitoring:
  baseline_rtt_initial: 24
  download: {ceiling_mbps: 500, floor_mbps: 100}
  upload: {ceiling_mbps: 40, floor_mbps: 10}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, from, to string
		want           []string
	}{
		{"nothing", "", "", nil},
		{"thresholds", "mode:", "thresholds: {red_rtt_ms: 30, red_samples_required: 5}\nmode:", nil},
		{"the score", "mode: {", "mode: {use_confidence_scoring: true, ", nil},
		{"brakes", "mode:", "confidence: {hold_down_duration_sec: 60, max_toggles: 2}\nmode:", nil},
		{"what a baseline may be", "mode:", "thresholds: {baseline_rtt_bounds: {max: 90}}\nmode:", []string{"thresholds.baseline_rtt_bounds"}},
		{"no counters any more", "cake_aware: true", "cake_aware: false", nil},
		{"another WAN", "alternate_wan: lte", "alternate_wan: sat", []string{"topology", "address_lists.force_out"}},
		{"another socket of the same WAN", "primary_wan: dsl", "primary_wan: dsl, primary_wan_config: dsl.yaml",
			[]string{"topology", "cake_state_sources.primary"}},
		{"another rule", "comment: steer", "comment: other", []string{"mangle_rule.comment"}},
		{"another queue", "primary_upload: U", "primary_upload: V", []string{"cake_queues"}},
		{"another host to measure", "192.0.2.7", "192.0.2.8", []string{"measurement"}},
		{"another password", "password: x", "password: y", []string{"router"}},
		{"another listener", "mode:", "health_check: {port: 9999}\nmode:", []string{"health_check"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			old := load(text)
			fresh := load(strings.Replace(text, tt.from, tt.to, 1))
			if diff := cmp.Diff(tt.want, daemon.Changed(fixedSettings(old, fresh))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	t.Run("counters that were not read", func(t *testing.T) {
		old := load(strings.Replace(text, "cake_aware: true", "cake_aware: false", 1))
		if diff := cmp.Diff([]string{"mode.cake_aware"}, daemon.Changed(fixedSettings(old, load(text)))); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
