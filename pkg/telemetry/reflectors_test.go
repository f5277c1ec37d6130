package telemetry

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/autorate"
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
	w.Reflector(1, rtt.Quality{Role: rtt.Standby, Fault: rtt.Noisy})
	for _, ms := range []time.Duration{20, 36, 20} {
		w.Stepped(autorate.Input{Events: []rtt.Event{{Kind: rtt.Reply, RTT: ms * time.Millisecond}}}, autorate.Decision{}, 0)
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
		`wanctl_reflector_excluded{reflector="a",wan="dsl"} 0`,
		`wanctl_reflector_excluded{reflector="b",wan="dsl"} 1`,
		`wanctl_reflector_rtt_seconds_count{reflector="a",wan="dsl"} 3`,
		`wanctl_reflector_rtt_seconds_sum{reflector="a",wan="dsl"} 0.076`,
		`wanctl_reflector_jitter_seconds{reflector="a",wan="dsl"} 0.0019375`, // 16 ms/16, then 15/16 of that and 16 ms/16
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

// However many reflectors a configuration has, a WAN has a bounded number of series.
func TestCardinality(t *testing.T) {
	count := func(reflectors int) (series int) {
		m, reg := newMetrics(t)
		cfg := WANConfig{Name: "dsl"}
		for i := range reflectors {
			cfg.Reflectors = append(cfg.Reflectors, fmt.Sprintf("reflector-%d", i))
		}
		cfg.Operators = cfg.Reflectors[:min(reflectors, 64)]
		w := m.WAN(cfg)
		for i := range rtt.MaxReflectors { // events of more than there are make no series
			w.Stepped(autorate.Input{Events: []rtt.Event{{Kind: rtt.Reply, Reflector: uint8(i), RTT: time.Millisecond}}}, autorate.Decision{}, 0)
			w.Reflector(i, rtt.Quality{Operator: fmt.Sprint("another ", i)})
		}
		text, _ := page(t, reg, "")
		for line := range strings.Lines(text) {
			if strings.Contains(line, `wan="dsl"`) {
				series++
			}
		}
		return series
	}
	if n := count(3); n > 190 {
		t.Errorf("%d series of a WAN with 3 reflectors", n)
	}
	if n := count(rtt.MaxReflectors); n > 1200 {
		t.Errorf("%d series of a WAN with %d reflectors", n, rtt.MaxReflectors)
	}
}
