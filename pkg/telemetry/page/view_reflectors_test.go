package page

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/telemetry"
)

func TestReflectorTexts(t *testing.T) {
	hosts := []telemetry.Reflector{
		{Host: "1.1.1.1", Operator: "Cloudflare", Use: "in_use", AnswerRatio: new(1.0), BaselineRTTMs: new(12.04), NoiseMs: new(0.41)},
		{Host: "8.8.8.8", Operator: "Google", Use: "in_use", AnswerRatio: new(0.25), BaselineRTTMs: new(14.0), NoiseMs: new(0.5), Fault: "few answers"},
		{Host: "192.0.2.1", Use: "trial", BaselineRTTMs: new(20.0)},
		{Host: "9.9.9.9", Operator: "Quad9", Use: "spare", Fault: "no answer"},
	}
	used, spares := reflectorTexts(hosts)
	if want := "1.1.1.1 (Cloudflare) 12.0 ms ± 0.4; 8.8.8.8 (Google) 14.0 ms ± 0.5, answers 25 %: few answers"; used != want {
		t.Errorf("in use: %q, want %q", used, want)
	}
	if want := "192.0.2.1 20.0 ms, on trial; 9.9.9.9 (Quad9): no answer"; spares != want {
		t.Errorf("spares: %q, want %q", spares, want)
	}
	for i := range 60 {
		hosts = append(hosts, telemetry.Reflector{Host: fmt.Sprint("h", i), Use: "spare"})
	}
	if _, spares := reflectorTexts(hosts); !strings.HasSuffix(spares, "h5; 54 more") {
		t.Errorf("many spares: %q", spares)
	}
	if used, spares := reflectorTexts(nil); used != "" || spares != "" {
		t.Errorf("none: %q, %q", used, spares)
	}
}
