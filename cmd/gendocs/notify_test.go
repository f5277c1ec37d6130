package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/config"
)

// The configurations in the manual of notifications load.
func TestNotifyExamples(t *testing.T) {
	text, err := texts.ReadFile("notify.md")
	if err != nil {
		t.Fatal(err)
	}
	const wan = "wan_name: spectrum\nrouter: {host: 192.0.2.1, user: u, password: p}\nqueues: {download: d, upload: u}\n" +
		"continuous_monitoring:\n  download: {ceiling_mbps: 90, floor_mbps: 10}\n  upload: {ceiling_mbps: 10, floor_mbps: 1}\n"
	blocks := regexp.MustCompile(`(?m)^    notify:\n(    .*\n)+`).FindAllString(string(text), -1)
	if len(blocks) != 3 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, block := range blocks {
		example := strings.ReplaceAll("\n"+block, "\n    ", "\n")
		opts := config.Options{LookupEnv: func(name string) (string, bool) {
			return "s3cret", strings.HasPrefix(name, "NTFY_") || name == "MQTT_PASSWORD"
		}}
		if _, warnings, err := config.Parse(strings.NewReader(wan+example), "notify.md", opts); err != nil || warnings != nil {
			t.Errorf("%s: %v, %v", example, err, warnings)
		}
	}
}
