package cli_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
)

// steeringModes are the ways to decide, as lines of a configuration.
var steeringModes = []struct{ name, lines string }{
	{"streaks", "confidence: {hold_down_duration_sec: 1}\n"},
	{"score", "mode: {use_confidence_scoring: true}\nconfidence: {dry_run: false, hold_down_duration_sec: 1, sustain_duration_sec: 0.2, recovery_sustain_sec: 0.2}\n"},
	{"not cake aware", "mode: {cake_aware: false}\nconfidence: {hold_down_duration_sec: 1}\n"},
}

// switchRule changes the rule as a person on the router does.
func (r *steeringRig) switchRule(enabled bool) {
	r.t.Helper()
	word := map[bool]string{true: "no", false: "yes"}[enabled]
	if err := r.sim.Run(`/ip firewall mangle set [find comment="` + steeringRule + `"] disabled=` + word); err != nil {
		r.t.Fatal(err)
	}
}

// assess waits for some more assessments.
func (r *steeringRig) assess(reason string) {
	r.t.Helper()
	for range 3 {
		time.Sleep(600 * time.Millisecond)
		if h := r.status(); h.Detail.Reason != reason {
			r.t.Fatalf("reason %s, want %s: %+v", h.Detail.Reason, reason, h.Detail)
		}
	}
}

// TestSteerByHand: what a person does to the rule is respected, told wherever one may
// look, and outlives a restart.
func TestSteerByHand(t *testing.T) {
	for _, mode := range steeringModes {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			r := newSteeringRig(t, mode.lines)
			r.switchRule(true)
			stderr, end := r.start()
			r.wait("by hand", func(h telemetry.SteeringHealth) bool {
				return h.Detail.Rule.ByHand && h.Detail.Reason == "by_hand" && h.Counters.GoodCount > 3
			})
			stderr.wait(t, `(somebody else enabled the rule: it stays enabled until it is disabled by hand or by 'wanctl steer --reset')`)
			r.assess("by_hand")
			text, _ := r.run(0, "steer", "status")
			for _, want := range []string{
				`(?m)^rule +"` + steeringRule + `" enabled by hand$`,
				`(?m)^note +the rule was enabled by hand \(seen at .*\) and stays enabled until it is disabled by hand or by 'wanctl steer --reset'$`,
			} {
				if !regexp.MustCompile(want).MatchString(text) {
					t.Errorf("steer status does not say %s:\n%s", want, text)
				}
			}
			past, err := daemonsock.New(filepath.Join(r.dir, "steering.sock")).History(t.Context(), time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			told := map[string]int{}
			for _, e := range past.Events {
				told[e.Kind]++
			}
			if told["foreign"] != 1 || told["steering"] != 0 {
				t.Errorf("history: %+v", past.Events)
			}
			if metrics := get(t, filepath.Join(r.dir, "steering.sock"), "/metrics"); !strings.Contains(metrics, `wanctl_steering_transitions_total{from="DSL_GOOD",to="DSL_DEGRADED",wan="dsl"} 0`+"\n") {
				t.Errorf("it counts as a transition:\n%s", metrics)
			}
			since := r.status().Detail.Rule.Since
			if status := end(); status != 0 {
				t.Fatalf("exit status %d", status)
			}
			var left struct {
				Transitions []json.RawMessage `json:"transitions"`
			}
			if r.left(&left); len(left.Transitions) != 0 {
				t.Errorf("transitions in the state file: %s", left.Transitions)
			}

			_, end = r.start()
			r.wait("still by hand", func(h telemetry.SteeringHealth) bool { return h.Detail.Rule.ByHand && h.Counters.GoodCount > 3 })
			r.assess("by_hand")
			if again := r.status().Detail.Rule.Since; again == nil || again.Sub(*since).Abs() > 2*time.Second {
				t.Errorf("by hand since %v, and before the restart since %v", again, since)
			}
			if status := end(); status != 0 {
				t.Fatalf("exit status %d", status)
			}
			if n := r.sim.Writes(); n != 0 {
				t.Errorf("%d writes", n)
			}
			if text, _ := r.run(0, "steer", "--reset"); !strings.Contains(text, ": disabled\n") || r.steered() {
				t.Errorf("reset: %s", text)
			}
			_, end = r.start()
			r.wait("in charge", func(h telemetry.SteeringHealth) bool { return h.Detail.Reason == "clear" && !h.Detail.Rule.ByHand })
			r.congest()
			r.wait("steered", func(h telemetry.SteeringHealth) bool { return h.Steering.Enabled && r.steered() })
			if status := end(); status != 0 {
				t.Errorf("exit status %d", status)
			}
		})
	}
}

// TestSteerDisabledByHand: a rule that a person disabled while steering had it enabled
// stays so until the congestion is over.
func TestSteerDisabledByHand(t *testing.T) {
	t.Parallel()
	r := newSteeringRig(t, steeringModes[0].lines)
	r.congest()
	_, end := r.start()
	r.wait("steered", func(h telemetry.SteeringHealth) bool { return h.Steering.Enabled })
	end()
	r.switchRule(false)
	stderr, end := r.start()
	r.wait("by hand", func(h telemetry.SteeringHealth) bool { return h.Detail.Reason == "by_hand" && h.Counters.RedCount > 3 })
	stderr.wait(t, `(somebody else disabled the rule: nothing is steered until dsl is calm)`)
	r.assess("by_hand")
	if text, _ := r.run(0, "steer", "status"); !strings.Contains(text, "disabled by hand (seen at ") || r.steered() {
		t.Errorf("steered %v:\n%s", r.steered(), text)
	}
	r.relieve()
	r.wait("in charge again", func(h telemetry.SteeringHealth) bool { return h.Detail.Reason == "clear" && !h.Detail.Rule.ByHand })
	stderr.wait(t, `(dsl is calm: steering goes on after the rule was disabled by hand)`)
	r.congest()
	r.wait("steered", func(h telemetry.SteeringHealth) bool { return h.Steering.Enabled })
	if status := end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// TestSteerEquallyDegradedWANs: of two WANs that are equally bad, none is steered to, and the
// reason is told once.
func TestSteerEquallyDegradedWANs(t *testing.T) {
	for _, mode := range steeringModes {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			r := newSteeringRig(t, mode.lines)
			r.lte.say(func(w *telemetry.WANHealth) { w.LoadRTTMs = new(85.0) })
			r.congest()
			stderr, end := r.start()
			r.wait("kept", func(h telemetry.SteeringHealth) bool {
				return h.Detail.Reason == "alternate_not_better" && h.Detail.Path.ExcessEWMA != nil && *h.Detail.Path.ExcessEWMA > 69
			})
			h := r.status()
			want := telemetry.Alternate{WAN: "lte", Condition: "good", Source: "loop", Excess: new(65.0)}
			if diff := cmp.Diff(want, h.Detail.Alternate); diff != "" {
				t.Errorf("alternate (-want +got):\n%s", diff)
			}
			if want := "lte is not measurably better: 65.0 ms above its baseline, dsl "; !strings.HasPrefix(h.Detail.Note, want) {
				t.Errorf("note %q, want %q", h.Detail.Note, want)
			}
			if text, _ := r.run(0, "steer", "status"); !regexp.MustCompile(`(?m)^note +lte is not measurably better: 65\.0 ms above its baseline, dsl \d+\.\d ms$`).MatchString(text) {
				t.Errorf("steer status:\n%s", text)
			}
			r.assess("alternate_not_better")
			if r.steered() || r.sim.Writes() != 0 {
				t.Error("steered to it all the same")
			}
			r.lte.say(func(w *telemetry.WANHealth) { w.LoadRTTMs = new(25.0) })
			r.wait("steered", func(h telemetry.SteeringHealth) bool { return h.Steering.Enabled })
			if status := end(); status != 0 {
				t.Errorf("exit status %d", status)
			}
			if n := strings.Count(stderr.String(), "dsl is congested, but connections stay"); n != 1 {
				t.Errorf("told %d times:\n%s", n, stderr)
			}
		})
	}
}

// TestSteerDropsNotCounted: on a router whose CAKE queues count no drops, the depth of
// the queue confirms congestion, over each transport.
func TestSteerDropsNotCounted(t *testing.T) {
	eachWay(t, func(t *testing.T, service simrouter.Service) {
		t.Parallel()
		r := newSteeringRigBy(t, service, "confidence: {hold_down_duration_sec: 1}\n")
		r.dsl.say(func(w *telemetry.WANHealth) { w.LoadRTTMs = new(50.0) })
		stderr, end := r.start()
		done := make(chan struct{})
		ended := make(chan struct{})
		go func() { // the queue sends
			defer close(ended)
			var c router.Counters
			for c.QueuedPackets = 20; ; c.Bytes += 40_000 {
				_ = r.sim.SetCounters("WAN-Download-1", c)
				select {
				case <-done:
					return
				case <-time.After(25 * time.Millisecond):
				}
			}
		}()
		r.wait("steered", func(h telemetry.SteeringHealth) bool { return h.Steering.Enabled })
		h := r.status()
		close(done)
		<-ended
		if diff := cmp.Diff([]string{"WAN-Download-1"}, h.Detail.Queue.DropsNotCounted); diff != "" {
			t.Errorf("not counted (-want +got):\n%s", diff)
		}
		if text, _ := r.run(0, "steer", "status"); !strings.Contains(text, "drops of WAN-Download-1 are not counted by the router: depth and delay decide") {
			t.Errorf("steer status:\n%s", text)
		}
		if status := end(); status != 0 {
			t.Errorf("exit status %d", status)
		}
		if n := strings.Count(stderr.String(), "the router does not count the drops of this queue: its depth and the delay decide"); n != 1 {
			t.Errorf("told %d times:\n%s", n, stderr)
		}
	})
}
