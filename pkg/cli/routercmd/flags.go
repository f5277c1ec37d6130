package routercmd

import (
	"cmp"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/router"
)

// connFlags is the connection given on the command line.
type connFlags struct {
	host        string
	port        int
	transport   string
	plain       bool
	fingerprint string

	user        string
	passwordEnv string

	sshKey         string
	passphraseEnv  string
	knownHosts     string
	sshFingerprint string
	sshLegacy      bool

	wait time.Duration

	used config.Router // what connect chose, its first endpoint
}

// defaultWait is for a router without a configuration.
const defaultWait = 5 * time.Second

func (o *connFlags) add(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&o.host, "host", "", "router `HOST` or HOST:PORT, instead of a configuration")
	f.IntVar(&o.port, "port", 0, "with --host: port `N` (default rest 443 or 80, api 8729 or 8728, ssh 22)")
	f.StringVar(&o.transport, "transport", "", "with --host: protocol `NAME`, rest, api or ssh (default by the port, else rest)")
	f.BoolVar(&o.plain, "plain", false, "with --host: rest or api without TLS; the password crosses the network in clear")
	f.StringVar(&o.fingerprint, "fingerprint", "", "with --host: SHA-256 of the router's certificate in `HEX`; not checked when absent")
	f.StringVar(&o.user, "user", "admin", "with --host: user `NAME` on the router")
	f.StringVar(&o.passwordEnv, "password-env", config.PasswordVariable, "with --host: environment variable `NAME` that holds the password")
	f.StringVar(&o.sshKey, "ssh-key", "", "with --host, ssh: private key `FILE`, of mode 600 or 400")
	f.StringVar(&o.passphraseEnv, "passphrase-env", config.PassphraseVariable, "with --ssh-key: environment variable `NAME` that holds its passphrase")
	f.StringVar(&o.knownHosts, "known-hosts", "", "with --host, ssh: `FILE` of trusted host keys (default ~/.ssh/known_hosts, then the system's)")
	f.StringVar(&o.sshFingerprint, "ssh-fingerprint", "", "with --host, ssh: `SHA256:...` of the only host key to accept")
	f.BoolVar(&o.sshLegacy, "ssh-legacy", false, "with --host, ssh: also accept the SHA-1 algorithms of RouterOS 6")
	f.DurationVar(&o.wait, "wait", 0, "give up a request after `TIME` (default timeouts.ssh_command of the configuration, or 5s)")
	app.CompleteFlag(cmd, "transport", string(config.REST), string(config.API), string(config.SSH))
	for _, name := range []string{"host", "port", "user", "password-env", "passphrase-env", "fingerprint", "ssh-fingerprint", "wait"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	_ = cmd.MarkPersistentFlagFilename("ssh-key")
	_ = cmd.MarkPersistentFlagFilename("known-hosts")
}

// needHost returns an error for a flag that has no meaning without --host.
func (o *connFlags) needHost(cmd *cobra.Command) error {
	return refuseFlags(cmd, " goes with --host; without it the connection comes from the configuration",
		append([]string{"port", "transport", "plain", "fingerprint", "user", "password-env"}, sshFlags...)...)
}

// dialHost is connect for a connection that is on the command line.
func (o *connFlags) dialHost(a *app.App, cmd *cobra.Command) (router.Client, error) {
	r, err := o.router(a, cmd)
	if err != nil {
		return nil, err
	}
	o.used = r
	client, err := routerdial.Client(r, routerdial.Bounds{Timeout: cmp.Or(o.wait, defaultWait)})
	if err != nil {
		return nil, app.Usagef("%v", err)
	}
	return client, nil
}

// router returns the router that the flags describe, with the defaults of the
// configuration: every field of the result is in force.
func (o *connFlags) router(a *app.App, cmd *cobra.Command) (config.Router, error) {
	given := cmd.Flags().Changed
	r := config.Router{User: o.user, SSHKey: o.sshKey, KnownHosts: o.knownHosts, SSHLegacy: o.sshLegacy}
	if err := o.address(&r, given("port")); err != nil {
		return r, err
	}
	if err := o.protocol(&r, given("transport")); err != nil {
		return r, err
	}
	if err := o.pins(&r); err != nil {
		return r, err
	}
	foreign := sshFlags
	if r.Transport == config.SSH {
		foreign = []string{"plain", "fingerprint"}
	}
	// A fingerprint that is ignored would be false security.
	if err := refuseFlags(cmd, " means nothing to transport "+string(r.Transport), foreign...); err != nil {
		return r, err
	}
	if r.Transport != config.SSH && !r.TLS {
		if r.TLSFingerprint != "" {
			return r, app.Usagef("--fingerprint: a connection without TLS has no certificate to check; use the port %d", config.DefaultPort(r.Transport, true))
		}
		// The zero Addr of a host name is not loopback.
		if a, _ := netip.ParseAddr(r.Host); !o.plain && !a.IsLoopback() {
			return r, app.Usagef("port %d is without TLS, so that the password would cross the network in clear; if that is what you want, add --plain, else use port %d",
				r.Port, config.DefaultPort(r.Transport, true))
		}
	}
	if _, err := parseFlag(schema.User, "user", o.user); err != nil {
		return r, err
	}
	return r, o.secrets(&r, a, given)
}

// sshFlags have no meaning to the other transports.
var sshFlags = []string{"ssh-key", "passphrase-env", "known-hosts", "ssh-fingerprint", "ssh-legacy"}

// refuseFlags returns an error about the first of the flags that was given: its name,
// and why.
func refuseFlags(cmd *cobra.Command, why string, flags ...string) error {
	for _, name := range flags {
		if cmd.Flags().Changed(name) {
			return app.Usagef("--%s%s", name, why)
		}
	}
	return nil
}

// parseFlag returns the canonical form of the value of a flag.
func parseFlag(kind schema.Kind, flag, value string) (string, error) {
	s, err := schema.ParseScalar(kind, value)
	if err != nil {
		return "", app.Usagef("--%s %q %v", flag, value, err)
	}
	return s, nil
}

// secrets reads password and passphrase from the environment.
func (o *connFlags) secrets(r *config.Router, a *app.App, given func(string) bool) error {
	read := func(flag, name string) (config.Secret, error) {
		value, set := a.LookupEnv(name)
		if !set && given(flag) {
			return config.Secret{}, app.Usagef("--%s %s: no such environment variable; export it first", flag, name)
		}
		return config.NewSecret(value), nil
	}
	var err error
	if r.Password, err = read("password-env", o.passwordEnv); err != nil {
		return err
	}
	if r.SSHKey != "" {
		r.SSHPassphrase, err = read("passphrase-env", o.passphraseEnv)
	}
	return err
}

// address splits --host, and takes the port from there or from --port.
func (o *connFlags) address(r *config.Router, portGiven bool) error {
	r.Host, r.Port = o.host, o.port
	if host, port, err := net.SplitHostPort(o.host); err == nil {
		n, err := strconv.Atoi(port)
		if err != nil || portGiven && n != o.port {
			return app.Usagef("--host %s: write HOST, HOST:PORT or [IPV6]:PORT, and --port at most once", o.host)
		}
		r.Host, r.Port = host, n
		portGiven = true
	} else if strings.HasPrefix(o.host, "[") && strings.HasSuffix(o.host, "]") {
		r.Host = o.host[1 : len(o.host)-1]
	}
	if portGiven && (r.Port < 1 || r.Port > 65535) {
		return app.Usagef("port %d is out of range: 1..65535", r.Port)
	}
	if _, err := schema.ParseScalar(schema.Host, r.Host); err != nil {
		return app.Usagef("--host %q %v", o.host, err)
	}
	return nil
}

// protocol sets transport, TLS and port: a flag wins, then the default service of
// the port, then rest over TLS.
func (o *connFlags) protocol(r *config.Router, given bool) error {
	transport, tls := config.ServiceAt(r.Port)
	switch {
	case given:
		r.Transport = config.Transport(o.transport)
	case transport != "":
		r.Transport = transport
	case o.sshKey != "" || o.knownHosts != "" || o.sshFingerprint != "" || o.sshLegacy:
		r.Transport = config.SSH
	default:
		r.Transport = config.REST
	}
	switch r.Transport {
	case config.REST, config.API:
		r.TLS = !o.plain && (tls || transport != r.Transport)
	case config.SSH:
	default:
		return app.Usagef("--transport %q: use rest, api or ssh", o.transport)
	}
	if r.Port == 0 {
		r.Port = config.DefaultPort(r.Transport, r.TLS)
	}
	return nil
}

// pins checks the fingerprints, so that a mistyped one is not reported as a router
// that changed its key.
func (o *connFlags) pins(r *config.Router) error {
	var err error
	if o.fingerprint != "" {
		r.TLSFingerprint, err = parseFlag(schema.TLSHash, "fingerprint", o.fingerprint)
	}
	if o.sshFingerprint != "" && err == nil {
		r.SSHFingerprint, err = parseFlag(schema.SSHHash, "ssh-fingerprint", o.sshFingerprint)
	}
	return err
}
