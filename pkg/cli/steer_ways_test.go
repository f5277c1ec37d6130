package cli_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// eachWay runs a test over REST, the API and SSH, each being the only service of
// the router: what is read and switched was read and switched that way.
func eachWay(t *testing.T, do func(t *testing.T, service simrouter.Service)) {
	t.Helper()
	for _, service := range []simrouter.Service{simrouter.WWWSSL, simrouter.APISSL, simrouter.SSH} {
		t.Run(string(service), func(t *testing.T) { do(t, service) })
	}
}

// TestSteerOverEachTransport steers away and back. Between the two the router is away: the
// rule stays as it was, and what is right is done when it is back.
func TestSteerOverEachTransport(t *testing.T) {
	eachWay(t, func(t *testing.T, service simrouter.Service) {
		t.Parallel()
		r := newSteeringRigBy(t, service, "confidence: {hold_down_duration_sec: 1}\n")
		stderr, end := r.start()
		r.wait("calm", func(h telemetry.SteeringHealth) bool {
			return h.Status == telemetry.Healthy && h.Counters.GoodCount > 0 && h.Detail.Rule.Enabled != nil
		})
		r.congest()
		r.wait("steered", func(h telemetry.SteeringHealth) bool { return h.Steering.Enabled })
		if !r.steered() { // as 'wanctl router mangle get' says
			t.Error("steered, and the rule is not enabled")
		}

		r.sim.Refuse(service)
		r.sim.DropConnections(service)
		r.relieve()
		r.wait("in trouble", func(h telemetry.SteeringHealth) bool { return h.Detail.Rule.Error != "" && h.Counters.GoodCount > 3 })
		r.wait("past hold-down", func(h telemetry.SteeringHealth) bool { return h.Detail.Reason == "rule_unusable" })
		row, ok := r.sim.State().Row("/ip/firewall/mangle", "comment", steeringRule)
		if h := r.status(); !ok || row["disabled"] != "false" || !h.Steering.Enabled {
			t.Errorf("while the router is away: rule %v, %+v", row, h.Steering)
		}
		if text := get(t, filepath.Join(r.dir, "steering.sock"), "/metrics"); !strings.Contains(text, `wanctl_steering_rule_usable{wan="dsl"} 0`) {
			t.Errorf("metrics do not tell that the rule is out of reach:\n%s", text)
		}
		stderr.wait(t, `(the rule cannot be used: routing stays as it is)`)

		if err := r.sim.Listen(service); err != nil {
			t.Fatal(err)
		}
		r.wait("back", func(h telemetry.SteeringHealth) bool { return !h.Steering.Enabled })
		if r.steered() {
			t.Error("back, and the rule is enabled")
		}
		if n := r.sim.Writes(); n != 2 {
			t.Errorf("%d writes, want 2", n)
		}
		if status := end(); status != 0 {
			t.Errorf("exit status %d; stderr:\n%s", status, stderr)
		}
	})
}

// TestSteerRuleOverEachTransport: a rule that must not be touched is not, it is an exit
// status, and a daemon goes on and takes it up when it is in order.
func TestSteerRuleOverEachTransport(t *testing.T) {
	const comment = `comment="` + steeringRule + `"`
	for _, tt := range []struct {
		name   string
		spoil  func(sim *simrouter.Router) error
		mend   func(sim *simrouter.Router) error
		stderr string
	}{
		{
			name: "absent",
			spoil: func(sim *simrouter.Router) error {
				return sim.Run(`/ip firewall mangle remove [find ` + comment + `]`)
			},
			mend: func(sim *simrouter.Router) error {
				return sim.Run(`/ip firewall mangle add chain=prerouting action=accept disabled=yes ` + comment)
			},
			stderr: "not found on router.*; see 'wanctl router mangle get --config .*', and 'wanctl router export --steering ",
		},
		{
			name: "twice",
			spoil: func(sim *simrouter.Router) error {
				return sim.Run(`/ip firewall mangle add chain=output action=accept disabled=yes ` + comment)
			},
			mend: func(sim *simrouter.Router) error {
				return sim.Run(`/ip firewall mangle remove [find chain=output]`)
			},
			stderr: "ambiguous on router: 2 have that comment",
		},
		{
			name: "dynamic",
			spoil: func(sim *simrouter.Router) error {
				if err := sim.Run(`/ip firewall mangle enable [find ` + comment + `]`); err != nil { // for --reset
					return err
				}
				sim.State().SetDynamic("/ip/firewall/mangle", "comment", steeringRule)
				return nil
			},
			stderr: "is dynamic.* made .*; see 'wanctl router mangle get --config ",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachWay(t, func(t *testing.T, service simrouter.Service) {
				r := newSteeringRigBy(t, service, "")
				if err := tt.spoil(r.sim); err != nil {
					t.Fatal(err)
				}
				before := r.sim.Writes()
				r.congest()
				for _, args := range [][]string{{"steer", "--once"}, {"steer", "--reset"}} {
					_, stderr := r.run(5, args...)
					last := stderr[strings.LastIndex(strings.TrimSpace(stderr), "\n")+1:]
					if !regexp.MustCompile(tt.stderr).MatchString(last) {
						t.Errorf("%v: the last line of stderr has no %s:\n%s", args, tt.stderr, stderr)
					}
				}
				_, end := r.start()
				r.wait("held back", func(h telemetry.SteeringHealth) bool {
					return h.Counters.RedCount > 1 && h.Detail.Rule.Error != ""
				})
				if n := r.sim.Writes() - before; n != 0 {
					t.Errorf("%d writes", n)
				}
				if tt.mend != nil {
					if err := tt.mend(r.sim); err != nil {
						t.Fatal(err)
					}
					r.wait("steered", func(h telemetry.SteeringHealth) bool { return h.Steering.Enabled })
					if !r.steered() {
						t.Error("steered, and the rule is not enabled")
					}
				}
				if status := end(); status != 0 {
					t.Errorf("exit status %d", status)
				}
			})
		})
	}
}

// TestSteerSilentRouterOverEachTransport: a router that says nothing keeps nobody from ending.
func TestSteerSilentRouterOverEachTransport(t *testing.T) {
	eachWay(t, func(t *testing.T, service simrouter.Service) {
		t.Parallel()
		r := newSteeringRigBy(t, service, "timeouts: {ssh_command: 1}\n")
		_, end := r.start()
		r.wait("known", func(h telemetry.SteeringHealth) bool { return h.Detail.Rule.Enabled != nil })
		r.sim.Silence(true, service)
		r.congest()
		r.wait("in trouble", func(h telemetry.SteeringHealth) bool { return h.Detail.Rule.Error != "" })
		if status := end(); status != 0 {
			t.Errorf("exit status %d", status)
		}
		if row, _ := r.sim.State().Row("/ip/firewall/mangle", "comment", steeringRule); row["disabled"] != "true" {
			t.Errorf("the rule: %v", row)
		}
	})
}
