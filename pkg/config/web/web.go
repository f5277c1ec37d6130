// Package web reads the file that says who may use an HTTP listener: the web
// configuration of Prometheus' exporters, as far as wanctl follows it.
//
//	tls_server_config:
//	  cert_file: server.crt    # relative to this file
//	  key_file: server.key
//	basic_auth_users:
//	  alice: $2y$10$...         # bcrypt; htpasswd -nB alice prints it
//
// It opens neither the certificate nor its key, and checks no password.
package web

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
)

// File is a web configuration, complete and checked.
type File struct {
	Path     string
	CertFile string            // path of a certificate in PEM; "" without TLS
	KeyFile  string            // path of its key
	Users    map[string]string // bcrypt hashes by name
}

// hash is what bcrypt makes of a password.
var hash = regexp.MustCompile(`^\$2[abxy]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}$`)

// Load reads the file at path. It does not check that the certificate is one. An
// error is a *config.Error with all that is wrong.
func Load(path string) (*File, error) {
	src, err := os.Open(path)
	if err != nil {
		return nil, &config.Error{Problems: []config.Problem{{File: path, Text: "cannot be read: " + schema.Cause(err)}}}
	}
	defer func() { _ = src.Close() }() // only read
	p := newParser(path)
	if root, ok := p.Document(src); ok {
		p.parse(root)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return p.file, nil
}

type parser struct {
	schema.Reader
	file *File
}

func newParser(path string) *parser {
	return &parser{schema.Reader{File: path}, &File{Path: path, Users: map[string]string{}}}
}

func (p *parser) parse(root schema.Mapping) {
	for _, section := range p.Pairs(root, "") {
		values, ok := section.Mapping()
		switch {
		case section.Name != "tls_server_config" && section.Name != "basic_auth_users":
			p.Errorf(section.Line, section.Name, "is not known to wanctl; there are tls_server_config and basic_auth_users")
		case !ok:
			p.Errorf(section.Line, section.Name, "must consist of keys and values")
		case section.Name == "tls_server_config":
			p.tls(section, p.Pairs(values, "tls_server_config."))
		default:
			p.users(p.Pairs(values, "basic_auth_users."))
		}
	}
}

func (p *parser) tls(section schema.Pair, pairs []schema.Pair) {
	for _, pair := range pairs {
		field := map[string]*string{"cert_file": &p.file.CertFile, "key_file": &p.file.KeyFile}[pair.Name]
		path, ok := pair.Scalar()
		switch {
		case field == nil:
			p.Errorf(pair.Line, "tls_server_config."+pair.Name, "is not known to wanctl; there are cert_file and key_file")
		case !ok || path == "":
			p.Errorf(pair.Line, "tls_server_config."+pair.Name, "must be the path of a file")
		case filepath.IsAbs(path):
			*field = path
		default:
			*field = filepath.Join(filepath.Dir(p.file.Path), path)
		}
	}
	if (p.file.CertFile == "") != (p.file.KeyFile == "") {
		p.Errorf(section.Line, section.Name, "needs cert_file and key_file, both")
	}
}

func (p *parser) users(pairs []schema.Pair) {
	for _, pair := range pairs {
		name := pair.Name
		secret, ok := pair.Scalar()
		switch {
		case name == "" || strings.ContainsAny(name, ":\r\n"):
			p.Errorf(pair.Line, "basic_auth_users", "the user name %q must not be empty or contain a colon", name)
		case !ok || !hash.MatchString(secret):
			// The value may be a password: it is not repeated.
			p.Errorf(pair.Line, "basic_auth_users."+name, "must be a bcrypt hash; print one with: htpasswd -nBC 10 %s", name)
		default:
			p.file.Users[name] = secret
		}
	}
}
