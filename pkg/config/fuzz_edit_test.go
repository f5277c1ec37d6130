package config_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/config"
)

// FuzzEditText: what is changed in a file loads with the new value, keeps every
// comment, and is changed back to what it was worth.
func FuzzEditText(f *testing.F) {
	monitoring := "continuous_monitoring:\n  download: {ceiling_mbps: 100, floor_mbps: 20}\n  upload: {ceiling_mbps: 20, floor_mbps: 5}\n"
	f.Add(editHead + monitoring)
	f.Add(editHead + "continuous_monitoring:\n  # plan\n  download:\n    ceiling_mbps: '100' # contract\n    floor_mbps: 20\n\n  upload:\n    ceiling_mbps: 20\n    floor_mbps: 5\n# end")
	f.Add("continuous_monitoring: {download: {ceiling_mbps: \"100\", floor_mbps: 20}, upload: {ceiling_mbps: 20, floor_mbps: 5}}\r\n" + editHead)
	f.Add("x: &a {ceiling_mbps: 100, floor_mbps: 20}\n" + editHead + "continuous_monitoring: {download: *a, upload: *a}\n")
	set := []config.Assignment{{Name: "continuous_monitoring.download.ceiling_mbps", Value: "123.5"}, {Name: "continuous_monitoring.thresholds.target_bloat_ms", Value: "7"}}
	f.Fuzz(func(t *testing.T, text string) {
		before, _, err := config.Parse(strings.NewReader(text), "f", config.Options{})
		if err != nil {
			return
		}
		changed, err := config.EditText([]byte(text), "f", set, config.Options{})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("%v", err)
			}
			return
		}
		after, _, err := config.Parse(bytes.NewReader(changed), "f", config.Options{})
		if err != nil {
			t.Fatalf("%v\n%s", err, changed)
		}
		if after.Download.Ceiling != 123500000 || after.Thresholds.TargetBloat != 7e6 || after.Upload != before.Upload || after.Queues != before.Queues || after.Name != before.Name {
			t.Errorf("%+v became %+v\n%s", before, after, changed)
		}
		if strings.Count(text, "#") > bytes.Count(changed, []byte("#")) {
			t.Errorf("a comment is lost:\n%s\n%s", text, changed)
		}
	})
}
