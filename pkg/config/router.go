package config

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// Router is one way to reach the router. Transport, port and TLS are final:
// they already include the defaults.
type Router struct {
	Transport Transport `key:"transport" kind:"enum" values:"rest,api,ssh" derived:"rest" doc:"Protocol to talk to the router; api is the fastest. When it is missing, an ssh_key without a password means ssh."`
	Host      string    `key:"host" kind:"host" required:"true" doc:"Address or name of the router."`
	User      string    `key:"user" kind:"user" required:"true" doc:"User on the router; it needs the policies read, write and that of the transport."`
	Password  Secret    `key:"password" kind:"password" derived:"password_file, else environment ROUTER_PASSWORD" doc:"Password of the user; write ${ROUTER_PASSWORD} to keep it out of the file."`

	PasswordFile string `key:"password_file" kind:"path" doc:"File that holds the password and nothing else, in place of password; relative to the directory of this file."`

	SSHKey        string `key:"ssh_key" kind:"path" doc:"Private key for transport ssh, readable by its owner alone (mode 600 or 400)."`
	SSHPassphrase Secret `key:"ssh_passphrase" kind:"password" derived:"environment WANCTL_SSH_PASSPHRASE" doc:"Passphrase of ssh_key, when that is encrypted; write ${WANCTL_SSH_PASSPHRASE} to keep it out of the file."`

	Port           int    `key:"port" range:"1..65535" derived:"rest 443, api 8729, ssh 22" doc:"Port of the service on the router; with tls: false the defaults are 80 and 8728."`
	TLS            bool   `key:"tls" derived:"true, unless port says otherwise" doc:"Encrypt rest and api; false sends the password in clear, and is the default for port 80 (rest) and 8728 (api)."`
	VerifyTLS      bool   `key:"verify_ssl" default:"false" doc:"Check the certificate against the system's authorities; routers ship self-signed ones, so a pinned tls_fingerprint is the usual protection."`
	TLSFingerprint string `key:"tls_fingerprint" kind:"tls_hash" doc:"The only certificate accepted, by its SHA-256; with verify_ssl: true the error names it."`

	KnownHosts     string `key:"known_hosts" kind:"path" derived:"~/.ssh/known_hosts, then /etc/ssh/ssh_known_hosts" doc:"File of host keys that transport ssh trusts."`
	SSHFingerprint string `key:"ssh_fingerprint" kind:"ssh_hash" doc:"The only host key transport ssh accepts, instead of known_hosts."`
	SSHLegacy      bool   `key:"ssh_legacy" default:"false" doc:"Also accept the broken algorithms that RouterOS 6 needs for transport ssh: SHA-1 in key exchange, signatures and message authentication."`

	_ struct{} `key:"type" kind:"any" deprecated:"it named the router's system, and RouterOS is the only one"`

	// Failover is nil in its own entries.
	Failover []Router `key:"failover" kind:"routers" range:"0..8" doc:"Further endpoints of the router, tried in order while the first is unreachable; an entry inherits from router what it leaves out, except port and tls."`
}

// Endpoints returns the ways to the router in the order they are tried.
func (r Router) Endpoints() []Router { return append([]Router{r}, r.Failover...) }

// Transport is a protocol of the router.
type Transport string

// The protocols, by their names in the file.
const (
	REST Transport = "rest"
	API  Transport = "api"
	SSH  Transport = "ssh"
)

// service is a service of RouterOS at its default port.
type service struct {
	port      int
	transport Transport
	tls       bool
}

var services = [...]service{{443, REST, true}, {80, REST, false}, {8729, API, true}, {8728, API, false}, {22, SSH, false}}

// DefaultPort returns the port that a service has unless it was changed; 0 for an unknown
// transport.
func DefaultPort(t Transport, tls bool) int {
	for _, s := range services {
		if s.transport == t && s.tls == tls {
			return s.port
		}
	}
	return 0
}

// ServiceAt returns the transport, and whether it is encrypted, of the service that has
// the port by default; "" for any other port.
func ServiceAt(port int) (t Transport, tls bool) {
	for _, s := range services {
		if s.port == port {
			return s.transport, s.tls
		}
	}
	return "", false
}

// inherited lists the keys that an entry of router.failover takes from router unless
// it has them itself. Port and tls belong to the transport.
var inherited = [...]string{"host", "user", "password", "password_file", "ssh_key", "ssh_passphrase", "verify_ssl", "tls_fingerprint", "known_hosts", "ssh_fingerprint", "ssh_legacy"}

// finishRouter derives transport, port and TLS, and checks that there is a way to
// log in. The keys of v begin with prefix.
func (v rules) finishRouter(prefix string, r *Router) {
	v.readPassword(prefix, r)
	if !v.IsSet(prefix + "transport") {
		r.Transport = REST
		unknown := v.WithoutSecrets && (v.IsSet(prefix+"password") || r.PasswordFile != "") // another process has it
		if r.SSHKey != "" && !r.Password.IsSet() && !unknown {
			r.Transport = SSH
		}
	}
	if !v.Valid(prefix+"transport", prefix+"port", prefix+"tls") {
		return
	}
	switch {
	case r.Transport == SSH:
		r.TLS = false
	case !v.IsSet(prefix + "tls"):
		r.TLS = r.Port != DefaultPort(r.Transport, false)
	}
	r.Port = cmp.Or(r.Port, DefaultPort(r.Transport, r.TLS))

	if r.Transport != SSH && !r.TLS && !IsLoopback(r.Host) && v.Valid(prefix+"host") {
		where := prefix + "tls"
		if !v.IsSet(where) {
			where = prefix + "port"
		}
		v.Warnf(where, "the password crosses the network in clear; enable TLS on the router and remove this")
	}
	v.checkLogin(prefix, r)
}

// readPassword sets the password to what password_file holds, unless password comes
// from a stronger source.
func (v rules) readPassword(prefix string, r *Router) {
	password, file := prefix+"password", prefix+"password_file"
	switch {
	case r.PasswordFile == "" || !v.Valid(password, file):
		return
	case v.Overrides(password, file):
		r.PasswordFile = ""
		return
	case v.IsSet(password) && !v.Overrides(file, password) && r.Password.Reveal() != mask: // which show prints beside it
		v.Errorf(password, "is there, and password_file as well; remove one of them")
		return
	}
	r.PasswordFile = v.beside(r.PasswordFile)
	if v.WithoutSecrets {
		return
	}
	secret, open, err := readSecret(r.PasswordFile)
	switch {
	case err != nil:
		v.Errorf(file, "%s: %s", r.PasswordFile, schema.Cause(err))
	case open:
		v.Warnf(file, "may be read by everyone; run: chmod 600 %s", r.PasswordFile)
	}
	r.Password = NewSecret(secret)
}

// beside returns a path that is relative to the directory of the file, see home, as an
// absolute one; "" stays.
func (v rules) beside(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	path = filepath.Join(home(v.File), path)
	if abs, err := filepath.Abs(path); err == nil { // what show prints must mean the same elsewhere
		return abs
	}
	return path
}

// checkPin refuses a pinned certificate for a connection that presents none: the
// pin would protect nothing.
func (v rules) checkPin(name string, r *Router) {
	if r.Transport != SSH && !r.TLS && r.TLSFingerprint != "" && r.Port != 0 {
		v.Errorf(name, "a connection without TLS has no certificate to check; remove tls: false, or the plain port %d", r.Port)
	}
}

// checkLogin requires a password, or for ssh a key. A router accepts an empty
// password, but it must be written.
func (v rules) checkLogin(prefix string, r *Router) {
	switch {
	case v.WithoutSecrets:
	case r.Password.IsSet(), !v.Valid(prefix+"password", prefix+"password_file", prefix+"ssh_key"):
	case r.Transport == SSH && r.SSHKey != "":
	case v.IsSet(prefix + "password"): // checkPassword
	case r.Transport == SSH:
		v.Errorf(prefix+"password", "is missing: transport ssh needs ssh_key or a password; ${ROUTER_PASSWORD} takes it from the environment")
	default:
		v.Errorf(prefix+"password", "is missing: transport %s needs one; write ${ROUTER_PASSWORD} and set that in the environment or in %s, or name a password_file", r.Transport, SecretsFile)
	}
}

// checkPassword warns about a password that was written but is hardly one.
func (v rules) checkPassword(name string, r *Router) {
	switch {
	case r.Password.Reveal() == mask:
		v.Warnf(name, "is what 'wanctl config show' prints in place of a password; write the password itself, or ${ROUTER_PASSWORD}")
	case v.WithoutSecrets: // it may be unknown here
	case v.IsSet(name) && v.Valid(name) && !r.Password.IsSet() && r.SSHKey == "":
		v.Warnf(name, "is empty")
	}
}

// IsLoopback reports whether a host is this one.
func IsLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// finishFailover parses the entries of router.failover.
func (v rules) finishFailover(first *Router) {
	const name = "router.failover"
	entries, _ := v.Unbound(name).([]schema.RawValue)
	fields := schema.EntryFields[Router]()
	for i, entry := range entries {
		if entry.Bad {
			continue
		}
		shown := fmt.Sprintf("%s[%d].", name, i)
		own := map[string]schema.RawValue{"transport": entry}
		if entry.Fields != nil {
			own = v.Collect(*entry.Fields, shown, fields)
		}
		if _, ok := own["transport"]; !ok {
			v.Reader.Errorf(entry.Origin.Line, shown+"transport", "is missing: write rest, api or ssh")
			continue
		}
		var r Router
		of := rules{schema.Bind(v.Reader, shown, fields, v.inherit(fields, own), &r)}
		of.finishRouter("", &r)
		// Inherited values were checked where they stand.
		if _, ok := own["password"]; ok {
			of.checkPassword("password", &r)
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

// inherit completes a failover entry with defaults and with what it takes from router.
func (v rules) inherit(fields []schema.Field, own map[string]schema.RawValue) map[string]schema.RawValue {
	values := map[string]schema.RawValue{}
	for _, f := range fields {
		if f.Default != "" {
			values[f.Name] = schema.NewRawValue(f.Key, f.Default, schema.Origin{Source: schema.FromDefault})
		}
	}
	for _, name := range inherited {
		if _, ok := own[map[string]string{"password": "password_file", "password_file": "password"}[name]]; ok {
			continue // the entry has a password in the other form
		}
		// A missing value was reported where it should stand.
		if raw, ok := v.Raw("router." + name); ok || raw.Bad {
			values[name] = raw
		}
	}
	maps.Copy(values, own)
	return values
}
