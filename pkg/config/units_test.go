package config

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// A number in a unit that is a thousand times larger or smaller is reported for every
// bandwidth and time, as an error or as a warning.
func TestUnitsMistakenByAThousand(t *testing.T) {
	// Of a key without a default, and of those whose default is too far to one side.
	usual := map[string]float64{
		"continuous_monitoring.baseline_rtt_initial":  24,
		"continuous_monitoring.download.ceiling_mbps": 940,
		"continuous_monitoring.upload.ceiling_mbps":   38,
		"continuous_monitoring.download.floor_mbps":   20,
		"continuous_monitoring.upload.floor_mbps":     2,
	}
	check := func(text string, keys []schema.Key, load func(string, Options) []string) {
		for _, k := range keys {
			value, err := strconv.ParseFloat(k.Default, 64)
			if v, ok := usual[k.Name]; ok {
				value, err = v, nil
			}
			unit := k.Kind == schema.Mbps || k.Kind == schema.Millis || k.Kind == schema.Seconds || k.Kind == schema.Minutes
			if !unit || err != nil || k.Deprecated != "" {
				continue
			}
			for _, factor := range []float64{1000, 0.001} {
				if factor < 1 && k.Min == 0 {
					continue // as good as 0, which has a meaning
				}
				wrong := schema.Decimal(value * factor)
				reports := load(text, Options{Overrides: map[string]string{k.Name: wrong}})
				if !slices.ContainsFunc(reports, func(r string) bool { return strings.Contains(r, k.Name) || strings.Contains(r, "ceiling_mbps") }) {
					t.Errorf("%s: %s in place of %s is not reported: %q", k.Name, wrong, schema.Decimal(value), reports)
				}
			}
		}
	}
	check(minimal, WANKeys(), func(text string, opts Options) []string {
		_, problems, warnings := load(text, opts)
		return append(problems, warnings...)
	})
	check(minimalSteering, SteeringKeys(), func(text string, opts Options) []string {
		_, problems, warnings := loadSteering(text, opts)
		return append(problems, warnings...)
	})
}
