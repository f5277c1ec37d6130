package cli_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
)

// TestSteer steers away and back, and tells of it wherever one may look.
func TestSteer(t *testing.T) {
	t.Parallel()
	r := newSteeringRig(t, "confidence: {hold_down_duration_sec: 1}\n")
	stderr, end := r.start()
	r.wait("calm", func(h telemetry.SteeringHealth) bool {
		return h.Status == telemetry.Healthy && h.Counters.GoodCount > 0 && h.Detail.Rule.Enabled != nil
	})
	if r.steered() || r.sim.Writes() != 0 {
		t.Fatal("a calm WAN, and the rule was touched")
	}
	r.congest()
	// A row of samples goes on with the queue that was read before, at a slow router.
	r.wait("steered", func(h telemetry.SteeringHealth) bool {
		return h.Steering.Enabled && h.Detail.Queue.Depth != nil && *h.Detail.Queue.Depth == 200
	})
	if !r.steered() {
		t.Error("steered, and the rule is not enabled")
	}
	text, _ := r.run(0, "steer", "status")
	for _, want := range []string{
		`(?m)^state +DSL_DEGRADED for `, `(?m)^traffic +new connections go to lte$`, `(?m)^congestion +RED \(\w+\)$`,
		`(?m)^delay +\d+\.\d ms above 20\.0 ms \(by loop\)$`, `(?m)^queues +0 drops, 200 packets waiting$`,
		`(?m)^alternate +lte, condition good, 0\.0 ms above its baseline \(by loop\)$`, `(?m)^rule +"` + steeringRule + `" enabled$`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("steer status does not say %s:\n%s", want, text)
		}
	}
	r.relieve()
	r.wait("back", func(h telemetry.SteeringHealth) bool { return !h.Steering.Enabled })
	if r.steered() {
		t.Error("back, and the rule is enabled")
	}
	if n := r.sim.Writes(); n != 2 {
		t.Errorf("%d writes, want 2", n)
	}

	socket := daemonsock.New(filepath.Join(r.dir, "steering.sock"))
	past, err := socket.History(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range past.Events {
		if e.WAN == "dsl" && e.Kind == "steering" {
			told = append(told, e.Text)
		}
	}
	want := []string{"new connections go to lte: sustained_congestion", "new connections go back to dsl: recovered"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("history (-want +got)\n%s", diff)
	}
	metrics := get(t, filepath.Join(r.dir, "steering.sock"), "/metrics")
	for _, want := range []string{
		`wanctl_steering_transitions_total{from="DSL_DEGRADED",to="DSL_GOOD",wan="dsl"} 1`,
		`wanctl_steering_transitions_total{from="DSL_GOOD",to="DSL_DEGRADED",wan="dsl"} 1`,
		`wanctl_steering_enabled{wan="dsl"} 0`,
		`wanctl_steering_rule_usable{wan="dsl"} 1`,
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("metrics have no %s:\n%s", want, metrics)
		}
	}
	if status := end(); status != 0 {
		t.Errorf("exit status %d; stderr:\n%s", status, stderr)
	}
	var left struct {
		Current     string `json:"current_state"`
		Transitions []struct{ From, To string }
	}
	r.left(&left)
	if left.Current != "DSL_GOOD" || fmt.Sprint(left.Transitions) != "[{DSL_GOOD DSL_DEGRADED} {DSL_DEGRADED DSL_GOOD}]" {
		t.Errorf("state file: %+v", left)
	}
	for _, name := range []string{"steering.lock", "steering.sock"} {
		if _, err := os.Stat(filepath.Join(r.dir, name)); err == nil {
			t.Errorf("%s was left behind", name)
		}
	}
}

// TestSteerRestart: the rule survives the daemon, and so does hold-down.
func TestSteerRestart(t *testing.T) {
	t.Parallel()
	r := newSteeringRig(t, "")
	_, end := r.start()
	r.congest()
	r.wait("steered", func(h telemetry.SteeringHealth) bool { return h.Steering.Enabled })
	if status := end(); status != 0 {
		t.Fatalf("exit status %d", status)
	}
	if !r.steered() {
		t.Fatal("the end of the daemon has changed the rule")
	}
	r.relieve()
	writes := r.sim.Writes()
	_, end = r.start()
	r.wait("held", func(h telemetry.SteeringHealth) bool { return h.Detail.Reason == "hold_down" })
	if h := r.status(); !h.Steering.Enabled || h.Detail.HoldUntil == nil || h.Decision.LastTransitionTime == nil {
		t.Errorf("after the restart: %+v", h)
	}
	if n := r.sim.Writes() - writes; n != 0 {
		t.Errorf("%d writes after the restart", n)
	}
	if status := end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// TestSteerAlternate: nothing is steered to a WAN that is worse.
func TestSteerAlternate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*telemetry.WANHealth)
		reason string
	}{
		{"congested", func(w *telemetry.WANHealth) { w.Upload.State = "RED" }, "alternate_degraded"},
		{"down", func(w *telemetry.WANHealth) { w.Probe.ReflectorsAlive = 0 }, "alternate_down"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newSteeringRig(t, "")
			r.lte.say(tt.change)
			r.congest()
			_, end := r.start()
			r.wait("kept back", func(h telemetry.SteeringHealth) bool { return h.Detail.Reason == tt.reason })
			if r.steered() || r.sim.Writes() != 0 {
				t.Error("steered to it all the same")
			}
			if status := end(); status != 0 {
				t.Errorf("exit status %d", status)
			}
		})
	}
}

// TestSteerDryRun decides, but neither writes nor keeps anything.
func TestSteerDryRun(t *testing.T) {
	t.Parallel()
	r := newSteeringRig(t, "")
	r.congest()
	stderr, end := r.start("--dry-run")
	r.wait("pretended", func(h telemetry.SteeringHealth) bool { return h.Steering.Enabled && h.Steering.Mode == "dry_run" })
	if h := r.status(); h.Detail.Rule.Enabled == nil || *h.Detail.Rule.Enabled {
		t.Errorf("the rule, in a dry run: %+v", h.Detail.Rule)
	}
	if r.steered() || r.sim.Writes() != 0 {
		t.Error("a dry run has written")
	}
	if status := end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	stderr.wait(t, `(new connections go to lte)`)
	for _, name := range []string{"steering.json", "steering.lock", "steering.log"} {
		if _, err := os.Stat(filepath.Join(r.dir, name)); err == nil {
			t.Errorf("a dry run has made %s", name)
		}
	}
}

// TestSteerScore: a score that is only to be looked at is told, and moves nothing.
func TestSteerScore(t *testing.T) {
	t.Parallel()
	r := newSteeringRig(t, "mode: {use_confidence_scoring: true}\n"+
		"confidence: {dry_run: true, sustain_duration_sec: 0.2, steer_threshold: 50}\n")
	// Counts of samples never get there.
	text, err := os.ReadFile(r.config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, r.config, strings.Replace(string(text), "red_samples_required: 2", "red_samples_required: 1000", 1))
	r.congest()
	stderr, end := r.start()
	stderr.wait(t, `msg="the score would steer connections (away)" wan=steering score=\d+(\.\d)? steer_threshold=50 steered=false`)
	if h := r.status(); h.Detail.Score == nil || *h.Detail.Score < 50 || h.Detail.Threshold == nil || *h.Detail.Threshold != 50 {
		t.Errorf("the health document tells nothing of the score: %+v", h.Detail)
	}
	if r.steered() || r.sim.Writes() != 0 {
		t.Error("the score has steered")
	}
	if status := end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// TestSteerOnce: rows of samples go on from one run to the next, as from cron.
func TestSteerOnce(t *testing.T) {
	t.Parallel()
	r := newSteeringRig(t, "")
	r.congest()
	for i, want := range []bool{false, true, true} {
		text, _ := r.run(0, "steer", "--once", "-o", "json")
		var h telemetry.SteeringHealth
		if err := json.Unmarshal([]byte(text), &h); err != nil {
			t.Fatal(err)
		}
		if h.Steering.Enabled != want || r.steered() != want {
			t.Fatalf("run %d: steered %v, rule %v, want %v:\n%s", i+1, h.Steering.Enabled, r.steered(), want, text)
		}
	}
	if n := r.sim.Writes(); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
	text, stderr := r.run(5, "steer", "status")
	for _, want := range []string{
		`(?m)^state +DSL_DEGRADED for `, `(?m)^congestion +RED$`, `(?m)^samples +3 red of 2, 0 green of 3$`, `(?m)^age +\d+s$`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("steer status does not say %s:\n%s", want, text)
		}
	}
	if !strings.Contains(stderr, "no steering daemon runs; this is what the last one left") {
		t.Errorf("stderr: %s", stderr)
	}

	text, _ = r.run(0, "steer", "--reset")
	want := fmt.Sprintf("mangle rule %q: disabled\nstate %s/steering.json: cleared\n", steeringRule, r.dir)
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("steer --reset (-want +got)\n%s", diff)
	}
	if r.steered() {
		t.Error("reset, and the rule is enabled")
	}
	if text, _ = r.run(0, "steer", "--reset"); !strings.Contains(text, ": was disabled\n") {
		t.Errorf("once more: %s", text)
	}
	if n := r.sim.Writes(); n != 2 {
		t.Errorf("%d writes, want 2", n)
	}
	if text, _ = r.run(5, "steer", "status"); !regexp.MustCompile(`(?m)^state +DSL_GOOD$`).MatchString(text) {
		t.Errorf("after a reset:\n%s", text)
	}
}

// TestSteerOnceRefused: no password that is wrong is tried over and over.
func TestSteerOnceRefused(t *testing.T) {
	t.Parallel()
	r := newSteeringRig(t, "")
	text, err := os.ReadFile(r.config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, r.config, strings.Replace(string(text), "password: wanctl", "password: s3cret-and-wrong", 1))
	stdout, stderr := r.run(4, "steer", "--once")
	if !strings.Contains(stderr, "user or password refused") || !strings.Contains(stderr, "wanctl doctor --config") {
		t.Errorf("stderr: %s", stderr)
	}
	if last := stderr[strings.LastIndex(strings.TrimSpace(stderr), "\n")+1:]; strings.Contains(last, "not trying again") {
		t.Errorf("the last word is of no use: %s", last)
	}
	if strings.Contains(stdout+stderr, "s3cret") {
		t.Errorf("the password is told:\n%s\n%s", stdout, stderr)
	}
	if n := r.sim.Counts().LoginFailures; n != 1 {
		t.Errorf("%d logins were refused, want 1", n)
	}
}

// TestSteerAddressList: the list is shown beside the rule.
func TestSteerAddressList(t *testing.T) {
	t.Parallel()
	r := newSteeringRig(t, "address_lists: {force_out: FORCE_OUT_LTE}\n")
	if err := r.sim.Run(`/ip firewall address-list add list=FORCE_OUT_LTE address=10.0.0.7 comment=console`); err != nil {
		t.Fatal(err)
	}
	text, _ := r.run(0, "steer", "--once")
	if !regexp.MustCompile(`(?m)^force out +FORCE_OUT_LTE: 10\.0\.0\.7 \(console\)$`).MatchString(text) {
		t.Errorf("the list is not shown:\n%s", text)
	}
}

// TestSteerNotifiesSystemd runs steer as a service: systemd is told when it is ready
// and when it stops, and the loop keeps the watchdog quiet.
func TestSteerNotifiesSystemd(t *testing.T) {
	r := newSteeringRig(t, "")
	addr := &net.UnixAddr{Net: "unixgram", Name: filepath.Join(r.dir, "notify")}
	systemd, err := net.ListenUnixgram("unixgram", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	t.Setenv("NOTIFY_SOCKET", addr.Name)
	t.Setenv("WATCHDOG_USEC", "300000")
	_, end := r.start()
	var told []string
	buf := make([]byte, 4096)
	read := func() bool {
		if err := systemd.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, err := systemd.Read(buf)
		if err != nil {
			t.Fatalf("told %q, and then: %v", told, err)
		}
		word, _, _ := strings.Cut(string(buf[:n]), "\n")
		told = append(told, word)
		return true
	}
	for watchdogs := 0; watchdogs < 3 && read(); {
		if told[len(told)-1] == "WATCHDOG=1" {
			watchdogs++
		}
	}
	if !slices.Contains(told, "READY=1") {
		t.Errorf("told %q, without READY=1", told)
	}
	if status := end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	for read() && told[len(told)-1] != "STOPPING=1" {
	}
}
