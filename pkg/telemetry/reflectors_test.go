package telemetry

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/rtt"
)

func TestReflectorsInHealth(t *testing.T) {
	const ms = time.Millisecond
	var h ProbeHealth
	h.SetHosts([]Reflector{
		NewReflector("1.1.1.1", rtt.Quality{Role: rtt.InUse, Operator: "Cloudflare", Known: true, AnswerRate: 0.97512, Baseline: 12 * ms, Noise: 400 * time.Microsecond, Disagreement: ms}),
		NewReflector("192.0.2.1", rtt.Quality{Role: rtt.OnTrial, Operator: "192.0.2.1"}),
		NewReflector("9.9.9.9", rtt.Quality{Role: rtt.Standby, Operator: "Quad9", Known: true, Fault: rtt.NotAnswering}),
	})
	data, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"reflectors_alive":0,"reflectors":1,"last_reply_age_seconds":null,"hosts":[` +
		`{"host":"1.1.1.1","operator":"Cloudflare","use":"in_use","answer_ratio":0.975,"baseline_rtt_ms":12,"noise_ms":0.4,"disagreement_ms":1},` +
		`{"host":"192.0.2.1","use":"trial","answer_ratio":null,"baseline_rtt_ms":null,"noise_ms":null,"disagreement_ms":null},` +
		`{"host":"9.9.9.9","operator":"Quad9","use":"spare","answer_ratio":0,"baseline_rtt_ms":null,"noise_ms":0,"disagreement_ms":null,"fault":"no answer"}]}`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Error(diff)
	}
}

func TestReflectorMetrics(t *testing.T) {
	m, reg := newMetrics(t)
	w := m.WAN(WANConfig{Name: "dsl", Reflectors: []string{"a", "b", "a:443"}, Operators: []string{"A", ""}})
	w.Reflector(0, rtt.Quality{Role: rtt.InUse, AnswerRate: 0.5, Baseline: 20 * time.Millisecond, Noise: time.Millisecond})
	for _, role := range []rtt.Role{rtt.Standby, rtt.OnTrial, rtt.InUse, rtt.InUse} {
		w.Reflector(1, rtt.Quality{Role: role})
	}
	w.Reflector(2, rtt.Quality{Role: rtt.InUse}) // a TCP target has none
	var none *WAN
	none.Reflector(0, rtt.Quality{})
	text, _ := page(t, reg, "")
	for _, want := range []string{
		`wanctl_reflector_info{operator="A",reflector="a",wan="dsl"} 1`,
		`wanctl_reflector_info{operator="",reflector="b",wan="dsl"} 1`,
		`wanctl_reflector_in_use{reflector="a",wan="dsl"} 1`,
		`wanctl_reflector_answer_ratio{reflector="a",wan="dsl"} 0.5`,
		`wanctl_reflector_baseline_seconds{reflector="a",wan="dsl"} 0.02`,
		`wanctl_reflector_noise_seconds{reflector="a",wan="dsl"} 0.001`,
		`wanctl_reflector_replacements_total{wan="dsl"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("want %s", want)
		}
	}
	if strings.Contains(text, `wanctl_reflector_in_use{reflector="a:443"`) {
		t.Error("a TCP target has a quality")
	}
	if got := testing.AllocsPerRun(100, func() { w.Reflector(0, rtt.Quality{Role: rtt.InUse}) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
