package config

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// Fleet is where a host of many reports what its loops do; none without a URL.
type Fleet struct {
	URL         []string `key:"url" kind:"nats_servers" range:"0..16" doc:"NATS servers of the fleet, tls://HOST:4222 or nats://HOST:4222; one of them at a time is used, and no other. Without one no connection is made."`
	Credentials string   `key:"credentials" kind:"path" doc:"File with the credentials of this host at the servers: a .creds file of NATS, or the seed of an nkey. It is read anew for each connection."`
	User        string   `key:"user" kind:"user" doc:"User at the servers, where these have passwords."`
	Password    Secret   `key:"password" kind:"password" doc:"Password of the user; write ${NATS_PASSWORD} to keep it out of the file."`

	TLSCA   string `key:"tls_ca" kind:"path" doc:"File with the authorities, in PEM, that sign the servers' certificates, instead of those of the system."`
	TLSCert string `key:"tls_cert" kind:"path" doc:"File with the certificate of this host, in PEM, for servers that ask for one."`
	TLSKey  string `key:"tls_key" kind:"path" doc:"File with the private key of that certificate, in PEM."`

	Publish time.Duration `key:"publish" kind:"seconds" range:"0..60" default:"1" doc:"Time between two batches of what the loops of this host do, for 'wanctl serve --fleet'; 0: none is published."`
	Site    string        `key:"labels.site" kind:"identifier" default:"default" doc:"Site of this host, by which the page of the fleet groups."`
	Stage   string        `key:"labels.stage" kind:"identifier" doc:"Stage of this host in a staged change of configurations, such as canary; stable without one."`

	Config    FleetConfig `key:"config" kind:"enum" values:"off,follow" default:"off" doc:"Whether this host takes the files that 'wanctl fleet push' sends to its stage and site, beside those of its own directory."`
	Directory string      `key:"directory" kind:"path" default:"/var/lib/wanctl/fleet" doc:"Directory in which 'wanctl run' keeps these files."`
	Signers   string      `key:"signers" kind:"path" default:"/etc/wanctl/allowed_signers" doc:"Keys that may sign what is pushed, in the format of allowed signers of ssh-keygen(1); nothing else is used."`
}

// StableStage is the stage of a host without labels.stage.
const StableStage = "stable"

// finishFleet applies the rules that look at several keys of fleet.
func finishFleet(v *schema.Values, f *Fleet) {
	const prefix = "fleet."
	switch {
	case !v.Valid(prefix + "url"):
	case len(f.URL) == 0:
		v.Errorf(prefix+"url", "names no server; write url: [tls://HOST:4222], or remove fleet")
	default:
		plain := slices.ContainsFunc(f.URL, func(s string) bool {
			u, err := url.Parse(s)
			return err == nil && u.Scheme == "nats" && !IsLoopback(u.Hostname())
		})
		if plain && f.Password.IsSet() {
			v.Warnf(prefix+"url", "the password may cross the network in clear; write tls:// if the servers have TLS")
		}
		if !strings.Contains(strings.Join(f.URL, " "), "tls:") && (f.TLSCA != "" || f.TLSCert != "") {
			v.Errorf(prefix+"url", "has no address with TLS, to which tls_ca and tls_cert belong; write tls://HOST:4222")
		}
	}
	for _, key := range []struct{ name, path string }{{"directory", f.Directory}, {"signers", f.Signers}} {
		if !filepath.IsAbs(key.path) && v.Valid(prefix+key.name) {
			v.Errorf(prefix+key.name, "%q is no absolute path", key.path)
		}
	}
	if f.Stage == "" {
		f.Stage = StableStage
	}
	if !v.Valid(prefix+"user", prefix+"password", prefix+"credentials", prefix+"tls_cert", prefix+"tls_key") {
		return
	}
	if f.Credentials != "" && f.User != "" {
		v.Errorf(prefix+"user", "is one of two ways to log in, beside fleet.credentials; remove one")
	}
	if (f.User == "") != !f.Password.IsSet() {
		v.Errorf(prefix+"user", "goes with fleet.password; write both, or neither")
	}
	if (f.TLSCert == "") != (f.TLSKey == "") {
		v.Errorf(prefix+"tls_cert", "goes with fleet.tls_key; write both, or neither")
	}
}
