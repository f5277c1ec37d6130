package config

import (
	"fmt"
	"maps"
	"net/netip"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// inherited are the keys an entry of router.failover takes from router when it
// does not have them. Port and tls belong to the transport.
var inherited = [...]string{"host", "user", "password", "ssh_key", "ssh_passphrase", "verify_ssl", "tls_fingerprint", "known_hosts", "ssh_fingerprint", "ssh_legacy"}

// Environment variables of the secrets that nothing else has.
const (
	PasswordVariable   = "ROUTER_PASSWORD"
	PassphraseVariable = "WANCTL_SSH_PASSPHRASE"
)

// fillSecrets takes from the environment what the file does not say.
func (r *reader) fillSecrets(cells map[string]schema.Cell) {
	for key, variable := range map[string]string{
		"router.password": PasswordVariable, "router.ssh_passphrase": PassphraseVariable,
	} {
		if _, ok := cells[key]; ok {
			continue
		}
		if s, ok := r.Lookup(variable); ok && s != "" {
			cells[key] = schema.NewCell(schema.Key{}, s, schema.Origin{Source: schema.FromEnvironment, Name: variable})
		}
	}
}

// finishRouter settles transport, port and TLS, and checks that there is
// something to log in with. The keys of v begin with prefix.
func (v rules) finishRouter(prefix string, r *Router) {
	if !v.Given(prefix + "transport") {
		r.Transport = REST
		unknown := v.WithoutSecrets && v.Given(prefix+"password") // somebody else knows it
		if r.SSHKey != "" && !r.Password.IsSet() && !unknown {
			r.Transport = SSH
		}
	}
	if !v.Sound(prefix+"transport", prefix+"port", prefix+"tls") {
		return
	}
	plain := map[Transport]int{REST: 80, API: 8728}[r.Transport]
	switch {
	case r.Transport == SSH:
		r.TLS = false
	case !v.Given(prefix + "tls"):
		r.TLS = r.Port != plain
	}
	if r.Port == 0 {
		r.Port = map[Transport]int{REST: 443, API: 8729, SSH: 22}[r.Transport]
		if !r.TLS && r.Transport != SSH {
			r.Port = plain
		}
	}

	if r.Transport != SSH && !r.TLS && !isLoopback(r.Host) && v.Sound(prefix+"host") {
		where := prefix + "tls"
		if !v.Given(where) {
			where = prefix + "port"
		}
		v.Doubt(where, "the password crosses the network in clear; enable TLS on the router and remove this")
	}
	v.checkLogin(prefix, r)
}

// checkPin refuses a pinned certificate where none is presented: whoever wrote
// it expects protection.
func (v rules) checkPin(name string, r *Router) {
	if r.Transport != SSH && !r.TLS && r.TLSFingerprint != "" && r.Port != 0 {
		v.Report(name, "a connection without TLS has no certificate to check; remove tls: false, or the plain port %d", r.Port)
	}
}

// checkLogin wants a password, or for ssh a key. An empty password is possible
// on a router, but it must have been written.
func (v rules) checkLogin(prefix string, r *Router) {
	switch {
	case v.WithoutSecrets:
	case r.Password.IsSet(), !v.Sound(prefix+"password", prefix+"ssh_key"):
	case r.Transport == SSH && r.SSHKey != "":
	case v.Given(prefix + "password"): // doubtPassword
	case r.Transport == SSH:
		v.Report(prefix+"password", "is missing: transport ssh needs ssh_key or a password; ${ROUTER_PASSWORD} takes it from the environment")
	default:
		v.Report(prefix+"password", "is missing: transport %s needs one; write ${ROUTER_PASSWORD} and set that in the environment", r.Transport)
	}
}

// doubtPassword warns about a password that was written but is hardly one.
func (v rules) doubtPassword(name string, r *Router) {
	switch {
	case r.Password.Reveal() == mask:
		v.Doubt(name, "is what 'wanctl config show' prints in place of a password; write the password itself, or ${ROUTER_PASSWORD}")
	case v.WithoutSecrets: // it may not be known here
	case v.Given(name) && v.Sound(name) && !r.Password.IsSet() && r.SSHKey == "":
		v.Doubt(name, "is empty")
	}
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// failover takes the entries of router.failover apart.
func (v rules) failover(first *Router) {
	const name = "router.failover"
	entries, _ := v.Loose(name).([]schema.Cell)
	table := routerKeys()
	for i, entry := range entries {
		if entry.Bad {
			continue
		}
		shown := fmt.Sprintf("%s[%d].", name, i)
		own := map[string]schema.Cell{"transport": entry}
		if entry.Fields != nil {
			own = v.Collect(*entry.Fields, shown, schema.Keys(table), nil)
		}
		if _, ok := own["transport"]; !ok {
			v.Problem(entry.Origin.Line, shown+"transport", "is missing: write rest, api or ssh")
			continue
		}
		var r Router
		of := rules{schema.Bind(v.Reader, shown, table, v.inherit(table, own), &r)}
		of.finishRouter("", &r)
		// What is inherited was looked at already.
		if _, ok := own["password"]; ok {
			of.doubtPassword("password", &r)
		}
		if _, ok := own["tls_fingerprint"]; ok {
			of.checkPin("tls_fingerprint", &r)
		} else if !r.TLS {
			r.TLSFingerprint = ""
		}
		if _, ok := own["verify_ssl"]; !ok && !r.TLS {
			r.VerifyTLS = false
		}
		first.Failover = append(first.Failover, r)
	}
}

// inherit lays the keys of a failover entry over those it takes from router.
func (v rules) inherit(table []schema.Bound[Router], own map[string]schema.Cell) map[string]schema.Cell {
	cells := map[string]schema.Cell{}
	for _, k := range table {
		if k.Default != "" {
			cells[k.Name] = schema.NewCell(k.Key, k.Default, schema.Origin{Source: schema.FromDefault})
		}
	}
	for _, name := range inherited {
		// What is wrong with it was reported where it stands.
		if c, ok := v.Cell("router." + name); ok || c.Bad {
			cells[name] = c
		}
	}
	maps.Copy(cells, own)
	return cells
}
