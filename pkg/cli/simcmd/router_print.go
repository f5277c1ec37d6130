package simcmd

import (
	"fmt"
	"net"
	"strings"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
)

// endpoint is one way to reach the router, as a configuration says it and as
// flags do.
type endpoint struct {
	transport config.Transport
	url       string
	addr      string
	setting   string // in the configuration, beside transport, host and port
	flags     string
}

// endpoints lists them, the one to prefer first.
func (r readyInfo) endpoints(o routerOptions) []endpoint {
	pin, pinFlag := "tls_fingerprint: "+r.Fingerprint, "--fingerprint "+r.Fingerprint
	var endpoints []endpoint
	add := func(w endpoint) {
		if w.addr != "" {
			w.url += "://" + w.addr
			endpoints = append(endpoints, w)
		}
	}
	if o.plain {
		add(endpoint{config.REST, "http", r.Address, "tls: false", "--plain"})
	} else {
		add(endpoint{config.REST, "https", r.Address, pin, pinFlag})
	}
	add(endpoint{config.API, "api-ssl", r.APISSL, pin, "--transport api " + pinFlag})
	add(endpoint{config.API, "api", r.API, "tls: false", "--transport api --plain"})
	add(endpoint{config.SSH, "ssh", r.SSH, "ssh_fingerprint: " + r.SSHFingerprint, "--transport ssh --ssh-fingerprint " + r.SSHFingerprint})
	return endpoints
}

// hasREST reports whether the version answers REST requests.
func (o *routerOptions) hasREST() bool {
	v, err := routeros.ParseVersion(o.version)
	return err == nil && (v.AtLeast(7, 9) || v.AtLeast(7, 1) && !o.plain)
}

func printSimulatedRouter(a *app.App, r readyInfo, o routerOptions) error {
	endpoints := r.endpoints(o)
	var b strings.Builder
	urls := make([]string, len(endpoints))
	for i, w := range endpoints {
		urls[i] = w.url
	}
	fmt.Fprintf(&b, "simulated RouterOS %s at %s\n", o.version, strings.Join(urls, ", "))
	if r.Fingerprint != "" {
		fmt.Fprintf(&b, "certificate SHA-256 %s\n", r.Fingerprint)
	}
	if r.SSHFingerprint != "" {
		fmt.Fprintf(&b, "SSH host key %s\n", r.SSHFingerprint)
	}
	if r.Control != "" {
		fmt.Fprintf(&b, "control: wanctl sim control --at %s help\n", r.Control)
	}
	if users := o.users(); len(users) > 0 {
		fmt.Fprintf(&b, "users: %s\n", strings.Join(users, "; "))
	}
	for _, w := range endpoints {
		if w.transport == config.REST && !o.hasREST() {
			fmt.Fprintf(&b, "\nRouterOS %s answers no REST at %s: it takes 7.1 over https, 7.9 over http\n", o.version, w.url)
			continue
		}
		o.printEndpoint(&b, w)
	}
	format := a.Global.Output
	if format == output.JSON {
		format = output.JSONL // who waits for the router reads a line
	}
	return output.One(a.Out, format, r, b.String())
}

// users tells of those that are known here: of the simulator's own script, and
// the one that was asked for.
func (o *routerOptions) users() []string {
	var users []string
	if o.script == "" && o.user != "admin" {
		users = append(users, "admin without a password")
	}
	if o.script == "" && o.user != "wanctl" {
		users = append(users, "wanctl, password wanctl, may do what wanctl needs")
	}
	switch {
	case o.user == "" && o.script != "":
		users = append(users, "those of "+o.script+"; an export of a router has none: add one with --user NAME")
	case o.user == "":
	case o.passwordEnv == "":
		users = append(users, o.user+" without a password")
	default:
		users = append(users, o.user+" with the password in "+o.passwordEnv)
	}
	return users
}

// printEndpoint prints what a configuration says for one way, and a command to try.
func (o *routerOptions) printEndpoint(b *strings.Builder, w endpoint) {
	host, port, _ := net.SplitHostPort(w.addr)
	user, password := o.user, ""
	switch {
	case user == "" && o.script == "":
		user, password = "wanctl", "wanctl"
	case user == "":
		user = "admin"
	}
	fmt.Fprintf(b, "\nrouter:\n  transport: %s\n  host: %s\n  port: %s\n  user: %s\n", w.transport, host, port, user)
	env := ""
	switch {
	case o.passwordEnv != "":
		fmt.Fprintf(b, "  password: ${%s}\n", o.passwordEnv)
		if o.passwordEnv != config.PasswordVariable {
			w.flags += " --password-env " + o.passwordEnv
		}
	case password != "":
		fmt.Fprintf(b, "  password: %s\n", password)
		env = config.PasswordVariable + "=" + password + " "
	default:
		fmt.Fprintf(b, "  password: ${%s}\n", config.PasswordVariable)
	}
	fmt.Fprintf(b, "  %s\ntry: %swanctl router queue get --host %s --user %s %s\n", w.setting, env, w.addr, user, w.flags)
}
