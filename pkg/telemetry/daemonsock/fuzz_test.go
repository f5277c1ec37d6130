package daemonsock

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// FuzzDocuments: what is read of a document of another daemon is written so that it
// is read as the same.
func FuzzDocuments(f *testing.F) {
	for _, s := range []string{
		`{"status":"degraded","uptime_seconds":12.5,"version":"1.0.0","consecutive_failures":3,"reasons":["no reflector answers"],"wan_count":1,"wans":[{"name":"spectrum","baseline_rtt_ms":23.5,"load_rtt_ms":null,"download":{"current_rate_mbps":480,"state":"GREEN"},"upload":{"current_rate_mbps":38.2,"state":"SOFT_RED"}}]}`,
		`{"status":"healthy","wans":[{"name":"lte","upload":{"state":"RED"},"warnings":["\u001b[31m"]}]}`,
		`{"status":"healthy","uptime_seconds":1,"steering":{"enabled":true,"state":"SPECTRUM_DEGRADED","mode":"cake"},"congestion":{"primary":{"state":"RED","state_code":2}},"decision":{"last_transition_time":"2026-11-01T12:00:00Z","time_in_state_seconds":4},"pid":77}`,
		`{"status":"starting","wans":null}`, `{"wans":[{"samples":[{"at":"2026-11-01T12:00:00Z","rtt_ms":3}]}]}`, `{"pid":-1e400}`, `[]`, `{"wans":{}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		again(t, text, new(telemetry.Health), new(telemetry.Health))
		again(t, text, new(telemetry.SteeringHealth), new(telemetry.SteeringHealth))
		again(t, text, new(history.Window), new(history.Window))
	})
}

func again(t *testing.T, text []byte, first, second any) {
	t.Helper()
	if json.Unmarshal(text, first) != nil {
		return
	}
	once, err := json.Marshal(first)
	if err != nil {
		t.Fatalf("%T %q cannot be written: %v", first, text, err)
	}
	if err := json.Unmarshal(once, second); err != nil {
		t.Fatalf("%T %q became %s, which cannot be read: %v", first, text, once, err)
	}
	if twice, err := json.Marshal(second); err != nil || !bytes.Equal(once, twice) {
		t.Errorf("%T %q became %s, then %s, %v", first, text, once, twice, err)
	}
}
