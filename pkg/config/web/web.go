// Package web reads the file with the certificate and the users of an HTTP listener, in
// the format of the Prometheus exporters and with their library:
//
//	tls_server_config:
//	  cert_file: server.crt    # relative to this file
//	  key_file: server.key
//	basic_auth_users:
//	  alice: $2y$10$...         # bcrypt; htpasswd -nB alice prints it
//
// The library's server is not used: it reads the file at each request, so that a
// truncated file admits every client and a damaged one none. A daemon keeps the last valid
// file until a reload succeeds. Passwords are checked elsewhere.
package web

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
	"golang.org/x/time/rate"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/regfile"
)

// File is a web configuration, complete and checked.
type File struct {
	TLS     *tls.Config       // with the certificate as it is now; nil without TLS
	Users   map[string]string // bcrypt hashes by name
	Headers map[string]string // of each response
	Limit   *rate.Limiter     // of requests; nil without a limit
}

// Load reads the file at path and the certificates that it names. An error is a
// *config.Error with what is wrong.
func Load(path string) (*File, error) {
	src, err := regfile.Open(path)
	if err != nil {
		return nil, config.ErrorAt(path, "", "cannot be read: "+schema.Cause(err))
	}
	defer func() { _ = src.Close() }() // only read
	c, err := parse(path, src)
	if err != nil {
		return nil, err
	}
	f := &File{Headers: c.HTTPConfig.Header, Users: map[string]string{}}
	if f.TLS, err = encryption(c); err != nil {
		return nil, config.ErrorAt(path, "tls_server_config", err.Error())
	}
	// What is left to check for the library is not exported but by this.
	if err := toolkit.Validate(path); err != nil {
		return nil, config.ErrorAt(path, "", err.Error())
	}
	for name, hash := range c.Users {
		f.Users[name] = string(hash)
	}
	if l := c.RateLimiterConfig; l.Interval != 0 {
		f.Limit = rate.NewLimiter(rate.Every(l.Interval), l.Burst)
	}
	return f, nil
}

// parse reads a web configuration. path is for messages and relative paths. The
// certificates are not opened.
func parse(path string, src io.Reader) (*toolkit.Config, error) {
	r := schema.Reader{File: path}
	var text bytes.Buffer
	// One mapping of YAML, of a bounded size.
	if root, ok := r.Document(io.TeeReader(src, &text)); ok {
		checkUsers(&r, root)
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	c := &toolkit.Config{
		TLSConfig:  toolkit.TLSConfig{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13},
		HTTPConfig: toolkit.HTTPConfig{HTTP2: true},
	}
	dec := yaml.NewDecoder(&text)
	dec.KnownFields(true)
	var wrong *yaml.TypeError
	switch err := dec.Decode(c); {
	case errors.As(err, &wrong):
		for _, text := range wrong.Errors {
			typeError(&r, text)
		}
	case err != nil && !errors.Is(err, io.EOF):
		r.Errorf(0, "", "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	c.TLSConfig.SetDirectory(filepath.Dir(path))
	return c, r.Err()
}

const manual = "https://github.com/prometheus/exporter-toolkit/blob/v0.20.0/docs/web-configuration.md"

var (
	typeErrorForm = regexp.MustCompile(`(?s)^line (\d+): (.*)$`)
	unknownField  = regexp.MustCompile(`^field (.+) not found in type web\.(\w+)$`)
	quotedValue   = regexp.MustCompile("(?s)`.*`")
	sections      = map[string]string{"TLSConfig": "tls_server_config.", "HTTPConfig": "http_server_config.", "RateLimiterConfig": "rate_limit."}
)

// typeError reports an error about the type of a value. The value may be a password
// and is not repeated.
func typeError(r *schema.Reader, text string) {
	line := 0
	if m := typeErrorForm.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = m[2]
	}
	if m := unknownField.FindStringSubmatch(text); m != nil {
		r.Errorf(line, sections[m[2]]+m[1], "unknown key; for what there is see %s", manual)
		return
	}
	text, _, _ = strings.Cut(quotedValue.ReplaceAllString(text, "this"), " into ")
	r.Errorf(line, "", "%s: a value of another kind belongs here; see %s", text, manual)
}

// hash is what bcrypt makes of a password.
var hash = regexp.MustCompile(`^\$2[abxy]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}$`)

func checkUsers(r *schema.Reader, root schema.Mapping) {
	for _, section := range r.Pairs(root, "") {
		users, ok := section.Mapping()
		if section.Name != "basic_auth_users" || !ok {
			continue // the library checks what belongs there
		}
		for _, user := range r.Pairs(users, "basic_auth_users.") {
			secret, ok := user.Scalar()
			switch {
			case user.Name == "" || strings.ContainsAny(user.Name, ":\r\n"):
				r.Errorf(user.Line, "basic_auth_users", "the user name %q must not be empty or contain a colon", user.Name)
			case !ok || !hash.MatchString(secret):
				r.Errorf(user.Line, "basic_auth_users."+user.Name, "must be a bcrypt hash; print one with: htpasswd -nBC 10 %s", user.Name)
			}
		}
	}
}

// encryption returns the TLS configuration of a listener, nil for none.
func encryption(c *toolkit.Config) (*tls.Config, error) {
	if !c.TLSConfig.IsEnabled() {
		return nil, nil
	}
	// The library opens whatever is there; a pipe would keep it waiting.
	for _, file := range []string{c.TLSConfig.TLSCertPath, c.TLSConfig.TLSKeyPath, c.TLSConfig.ClientCAs} {
		if err := regfile.Check(file); errors.Is(err, regfile.ErrNotRegular) {
			return nil, err
		}
	}
	conf, err := toolkit.ConfigToTLSConfig(&c.TLSConfig)
	if err != nil {
		return nil, err
	}
	// The library reads the certificate at each handshake. A copy stays
	// intact while the file is replaced.
	cert, err := conf.GetCertificate(nil)
	if err != nil {
		return nil, err
	}
	conf.GetCertificate, conf.Certificates = nil, []tls.Certificate{*cert}
	conf.NextProtos = []string{"h2", "http/1.1"}
	if !c.HTTPConfig.HTTP2 {
		conf.NextProtos = conf.NextProtos[1:]
	}
	// A session that was admitted by an older configuration must not go on.
	conf.SessionTicketsDisabled = conf.ClientAuth != tls.NoClientCert
	return conf, nil
}
