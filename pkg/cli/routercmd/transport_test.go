package routercmd

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// place is where in a command an error is, which only a console tells.
var place = regexp.MustCompile(` \(/queue/tree/set \([a-z]+\); line 1\)`)

// pin is what a connection with TLS alone has.
var pin = regexp.MustCompile(`,"tls_fingerprint":"[0-9a-f]{64}","tls_pinned":true`)

// TestTransports runs the same commands over each transport: but for the
// address, the certificate and the place in an error, nobody can tell from their output which it was.
func TestTransports(t *testing.T) {
	const steer, comment = "ADAPTIVE: Steer latency-sensitive traffic", `it's "$x"; [/quit] \ ü`
	commands := []struct {
		status int
		args   []string
	}{
		{app.ExitOK, []string{"info", "-o", "jsonl"}},
		{app.ExitOK, []string{"queue", "get"}},
		{app.ExitOK, []string{"queue", "get", "-o", "csv"}},
		{app.ExitOK, []string{"queue", "types", "-o", "jsonl"}},
		{app.ExitOK, []string{"queue", "set", "WAN-Download-1", "--max-limit", "480M"}},
		{app.ExitOK, []string{"queue", "set", "WAN-Download-1", "--max-limit", "480M"}},
		{app.ExitCheck, []string{"queue", "set", "nope", "--max-limit", "480M"}},
		{app.ExitFailure, []string{"queue", "set", "WAN-Download-1", "--queue-type", "nope"}},
		{app.ExitOK, []string{"address-list", "add", "L", "10.0.0.1/32", "--comment", comment}},
		{app.ExitOK, []string{"address-list", "add", "L", "10.0.0.1", "--comment", comment}},
		{app.ExitCheck, []string{"address-list", "add", "L", "10.0.0.1", "--comment", "other"}},
		{app.ExitOK, []string{"address-list", "add", "L", "10.0.0.0-10.0.0.255", "--timeout", "1h", "-o", "jsonl"}},
		{app.ExitOK, []string{"address-list", "get", "-o", "jsonl"}},
		{app.ExitOK, []string{"address-list", "remove", "L", "10.0.0.0/24"}},
		{app.ExitCheck, []string{"address-list", "remove", "L", "10.0.0.0/24"}},
		{app.ExitOK, []string{"address-list", "get", "L"}},
		{app.ExitOK, []string{"mangle", "get"}},
		{app.ExitOK, []string{"mangle", "enable", steer, "-o", "json"}},
		{app.ExitOK, []string{"mangle", "enable", steer}},
		{app.ExitCheck, []string{"mangle", "enable", strings.ToLower(steer)}},
		{app.ExitOK, []string{"script", "run", "steer-off"}},
		{app.ExitCheck, []string{"script", "run", "nope"}},
		{app.ExitOK, []string{"script", "list", "-o", "jsonl"}},
		{app.ExitOK, []string{"mangle", "get", steer, "-o", "jsonl"}},
		{app.ExitOK, []string{"route", "get", "-o", "jsonl"}},
	}
	ways := []struct {
		name    string
		service simrouter.Service
		args    func(*simrouter.Router) []string
	}{
		{"rest", simrouter.WWWSSL, func(r *simrouter.Router) []string { return []string{"--fingerprint", r.Fingerprint()} }},
		{"rest without TLS", simrouter.WWW, func(*simrouter.Router) []string { return []string{"--plain"} }},
		{"api", simrouter.APISSL, func(r *simrouter.Router) []string {
			return []string{"--transport", "api", "--fingerprint", r.Fingerprint()}
		}},
		{"api without TLS", simrouter.API, func(*simrouter.Router) []string { return []string{"--transport", "api", "--plain"} }},
		{"ssh", simrouter.SSH, func(r *simrouter.Router) []string {
			return []string{"--transport", "ssh", "--ssh-fingerprint", r.SSHFingerprint()}
		}},
	}
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	outputs := make([]string, len(ways))
	for i, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			sim, err := simrouter.New(simrouter.Config{Now: func() time.Time { return noon }})
			if err != nil {
				t.Fatal(err)
			}
			defer sim.Close()
			if err := sim.StartService(t.Context(), way.service, "127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			addr := sim.AddrOf(way.service)
			var shown strings.Builder
			for _, command := range commands {
				var stdout, stderr bytes.Buffer
				a := &app.App{
					Streams:   output.Streams{Out: &stdout, Err: &stderr},
					LookupEnv: func(name string) (string, bool) { return "wanctl", name == "ROUTER_PASSWORD" },
				}
				args := append([]string{"router"}, command.args...)
				args = append(args, "--host", addr, "--user", "wanctl", "--wait", "1m")
				root := a.NewRoot("")
				root.AddCommand(New(a))
				status := a.Execute(t.Context(), root, append(args, way.args(sim)...))
				if status != command.status {
					t.Errorf("%q: status %d, want %d\n%s", command.args, status, command.status, &stderr)
				}
				fmt.Fprintf(&shown, "%s\n%s%s", strings.Join(command.args, " "), &stdout, &stderr)
			}
			if presents := way.service == simrouter.WWWSSL || way.service == simrouter.APISSL; pin.MatchString(shown.String()) != presents {
				t.Errorf("a certificate is shown: %v, want %v", !presents, presents)
			}
			outputs[i] = pin.ReplaceAllString(place.ReplaceAllString(strings.ReplaceAll(shown.String(), addr, "ROUTER"), ""), "")
			if outputs[0] == "" {
				return // this one alone was asked for
			}
			if diff := cmp.Diff(outputs[0], outputs[i]); diff != "" {
				t.Errorf("differs from %s (-%[1]s +this):\n%s", ways[0].name, diff)
			}
		})
	}
}
