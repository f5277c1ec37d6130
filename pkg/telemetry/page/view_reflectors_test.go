package page

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/telemetry"
)

func TestReflectorRows(t *testing.T) {
	hosts := []telemetry.Reflector{
		{Host: "9.9.9.9", Operator: "Quad9", Use: "spare", Fault: "no answer"},
		{Host: "1.1.1.1", Operator: "Cloudflare", Use: "in_use", AnswerRatio: new(1.0), BaselineRTTMs: new(12.04), NoiseMs: new(0.41)},
		{Host: "8.8.8.8", Operator: "Google", Use: "in_use", AnswerRatio: new(0.25), BaselineRTTMs: new(14.0), NoiseMs: new(0.5), Fault: "few answers"},
		{Host: "192.0.2.1", Use: "trial", BaselineRTTMs: new(20.0)},
	}
	want := []reflectorRow{
		{"1.1.1.1 (Cloudflare)", "in use", "12.0 ± 0.4 ms", "100 %", ""},
		{"8.8.8.8 (Google)", "in use", "14.0 ± 0.5 ms", "25 %", "few answers"},
		{"192.0.2.1", "trial", "20.0 ms", none, ""},
		{"9.9.9.9 (Quad9)", "spare", none, none, "no answer"},
	}
	if diff := cmp.Diff(want, reflectorRows(hosts)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for i := range 60 {
		hosts = append(hosts, telemetry.Reflector{Host: fmt.Sprint("h", i), Use: "spare"})
	}
	if rows := reflectorRows(hosts); len(rows) != maxListed+1 || rows[maxListed].Host != "52 more" {
		t.Errorf("many spares: %v", rows)
	}
}
