package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/config"
)

const editHead = `wan_name: spectrum
router: {host: 192.168.88.1, user: wanctl, password: x}
queues: {download: down, upload: up}
`

func TestEditText(t *testing.T) {
	set := []config.Assignment{
		{Name: "continuous_monitoring.baseline_rtt_initial", Value: "23"},
		{Name: "continuous_monitoring.download.ceiling_mbps", Value: "38.5"},
		{Name: "continuous_monitoring.download.floor_mbps", Value: "8"},
		{Name: "continuous_monitoring.upload.ceiling_mbps", Value: "9.5"},
		{Name: "continuous_monitoring.thresholds.target_bloat_ms", Value: "20"},
	}
	for _, tt := range []struct{ name, before, after string }{
		{"block", `
continuous_monitoring:
  # what the plan says
  download:
    ceiling_mbps: 940   # from the contract

    # the worst evening
    floor_mbps: '20'
  upload:
    floor_mbps: 2
    ceiling_mbps: 38

# the end
`, `
continuous_monitoring:
  # what the plan says
  download:
    ceiling_mbps: 38.5   # from the contract

    # the worst evening
    floor_mbps: 8
  upload:
    floor_mbps: 2
    ceiling_mbps: 9.5
  baseline_rtt_initial: 23
  thresholds:
    target_bloat_ms: 20

# the end
`},
		{"flow", `continuous_monitoring: {baseline_rtt_initial: 24, download: {ceiling_mbps: 940, floor_mbps: 20}, upload: {ceiling_mbps: 38, floor_mbps: 2}}
`, `continuous_monitoring: {thresholds: {target_bloat_ms: 20}, baseline_rtt_initial: 23, download: {ceiling_mbps: 38.5, floor_mbps: 8}, upload: {ceiling_mbps: 9.5, floor_mbps: 2}}
`},
		{"section without keys, no last line break", `continuous_monitoring:
  baseline_rtt_initial: "24"
  thresholds: # of the delay
  download: {ceiling_mbps: 940, floor_mbps: 20} # ä
  upload: {floor_mbps: 2, ceiling_mbps: 38}`, `continuous_monitoring:
  baseline_rtt_initial: 23
  thresholds: # of the delay
    target_bloat_ms: 20
  download: {ceiling_mbps: 38.5, floor_mbps: 8} # ä
  upload: {floor_mbps: 2, ceiling_mbps: 9.5}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := config.EditText([]byte(editHead+tt.before), "f.yaml", set, config.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(editHead+tt.after, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What cannot be changed without touching anything else is left alone, with an error.
func TestEditTextRefuses(t *testing.T) {
	const sections = "continuous_monitoring:\n  download: %s\n  upload: {ceiling_mbps: 38, floor_mbps: 2}\n"
	for _, tt := range []struct{ name, download, value, want string }{
		{"anchor", "{ceiling_mbps: &c 940, floor_mbps: 20}", "100", "anchor"},
		{"alias", "&d {ceiling_mbps: 940, floor_mbps: 20}", "100", "anchor"},
		{"merge key", "\n    <<: {floor_mbps: 20}\n    ceiling_mbps: 940", "100", "merge key"},
		{"folded", "\n    floor_mbps: 20\n    ceiling_mbps: >-\n      940", "100", "single value"},
		{"escapes", `{ceiling_mbps: "9\u00340", floor_mbps: 20}`, "100", "in place"},
		{"invalid result", "{ceiling_mbps: 940, floor_mbps: 20}", "10", "floor"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := editHead + strings.Replace(sections, "%s", tt.download, 1)
			if _, _, err := config.Parse(strings.NewReader(text), "f.yaml", config.Options{}); err != nil {
				t.Fatal(err)
			}
			set := []config.Assignment{{Name: "continuous_monitoring.download.ceiling_mbps", Value: tt.value}}
			got, err := config.EditText([]byte(text), "f.yaml", set, config.Options{})
			var invalid *config.Error
			if !errors.As(err, &invalid) || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "f.yaml") {
				t.Errorf("error %v, text\n%s", err, got)
			}
		})
	}
}

func TestEditReference(t *testing.T) {
	files, err := filepath.Glob("../../configs/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	opts := config.Options{WithoutSecrets: true}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if config.DetectKind(file) == config.KindSteering {
			continue
		}
		w, _, err := config.Parse(strings.NewReader(string(text)), file, opts)
		if err != nil {
			t.Fatal(err)
		}
		got, err := config.EditText(text, file, []config.Assignment{
			{Name: "continuous_monitoring.download.ceiling_mbps", Value: "99999"},
			{Name: "continuous_monitoring.thresholds.load_time_constant_sec", Value: "0.3"},
		}, opts)
		if err != nil {
			t.Error(err)
			continue
		}
		fresh, _, err := config.Parse(strings.NewReader(string(got)), file, opts)
		if err != nil {
			t.Fatal(err)
		}
		w.Download.Ceiling, w.Thresholds.LoadTimeConstant = fresh.Download.Ceiling, fresh.Thresholds.LoadTimeConstant
		if fresh.Download.Ceiling.Mbps() != 99999 || fresh.Thresholds.LoadTimeConstant != 300*time.Millisecond || w.Thresholds != fresh.Thresholds || w.Download != fresh.Download {
			t.Errorf("%s: %+v", file, fresh)
		}
	}
}

func TestEditFile(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "real.yaml"), filepath.Join(dir, "link.yaml")
	text := editHead + "continuous_monitoring:\n  download: {ceiling_mbps: 940, floor_mbps: 20}\n  upload: {ceiling_mbps: 38, floor_mbps: 2}\n"
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.yaml", link); err != nil {
		t.Fatal(err)
	}
	set := []config.Assignment{{Name: "continuous_monitoring.upload.ceiling_mbps", Value: "30"}}
	for _, want := range []string{path + ".backup", path + ".backup.2"} {
		before, _ := os.ReadFile(path)
		backup, err := config.EditFile(link, set, config.Options{})
		if err != nil || backup != want {
			t.Fatalf("backup %q, error %v", backup, err)
		}
		kept, _ := os.ReadFile(backup)
		if string(kept) != string(before) {
			t.Errorf("%s holds\n%s", backup, kept)
		}
	}
	for _, file := range []string{path, path + ".backup"} {
		if info, err := os.Lstat(file); err != nil || info.Mode() != 0o640 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	if info, _ := os.Lstat(link); info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	got, _ := os.ReadFile(path)
	if want := strings.Replace(text, "ceiling_mbps: 38", "ceiling_mbps: 30", 1); string(got) != want {
		t.Errorf("the file holds\n%s", got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	bad := []config.Assignment{{Name: "continuous_monitoring.upload.ceiling_mbps", Value: "1"}}
	if _, err := config.EditFile(path, bad, config.Options{}); err == nil {
		t.Error("a ceiling below the floor was written")
	}
	if again, _ := os.ReadFile(path); string(again) != string(got) {
		t.Error("an invalid configuration changed the file")
	}
}
