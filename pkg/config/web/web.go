// Package web reads the file that says who may use an HTTP listener: the web
// configuration of Prometheus' exporters, as far as wanctl follows it.
//
//	tls_server_config:
//	  cert_file: server.crt    # relative to this file
//	  key_file: server.key
//	basic_auth_users:
//	  alice: $2y$10$...         # bcrypt; htpasswd -nB alice prints it
package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wanctl/wanctl/pkg/config"
)

// File is a web configuration, complete and checked.
type File struct {
	Path     string
	CertFile string            // path of a certificate in PEM; "" without TLS
	KeyFile  string            // path of its key
	Users    map[string]string // bcrypt hashes by name
}

// maxSize bounds a file; a real one has a few hundred bytes.
const maxSize = 1 << 20

// hash is what bcrypt makes of a password.
var hash = regexp.MustCompile(`^\$2[abxy]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}$`)

// Load reads the file at path. Whether the certificate is one is left to who
// uses it. An error is a *config.Error with all that is wrong.
func Load(path string) (*File, error) {
	data, err := read(path)
	if err != nil {
		var inPath *fs.PathError
		if errors.As(err, &inPath) {
			err = inPath.Err
		}
		return nil, &config.Error{Problems: []config.Problem{{File: path, Text: "cannot be read: " + err.Error()}}}
	}
	p := parser{file: &File{Path: path, Users: map[string]string{}}}
	p.parse(data)
	if len(p.problems) > 0 {
		return nil, &config.Error{Problems: p.problems}
	}
	return p.file, nil
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(data) > maxSize {
		err = fmt.Errorf("it is larger than %d bytes", maxSize)
	}
	return data, err
}

type parser struct {
	file     *File
	problems []config.Problem
}

func (p *parser) errorf(line int, key, format string, args ...any) {
	p.problems = append(p.problems, config.Problem{File: p.file.Path, Line: line, Key: key, Text: fmt.Sprintf(format, args...)})
}

func (p *parser) parse(data []byte) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return // an empty file: neither TLS nor users
	case err != nil:
		p.syntaxError(err)
		return
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		p.errorf(second.Line, "", "there is more than one YAML document in it")
	}
	if isNull(doc.Content[0]) {
		return
	}
	p.each(doc.Content[0], "", func(key string, value *yaml.Node) {
		switch key {
		case "tls_server_config":
			p.tls(value)
		case "basic_auth_users":
			p.users(value)
		default:
			p.errorf(value.Line, key, "is not known to wanctl; there are tls_server_config and basic_auth_users")
		}
	})
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

func (p *parser) syntaxError(err error) {
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 0
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = err.Error()[len(m[0]):]
	}
	p.errorf(line, "", "is not valid YAML: %s", text)
}

// each calls do for every key of a mapping, once.
func (p *parser) each(n *yaml.Node, section string, do func(key string, value *yaml.Node)) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.errorf(n.Line, section, "must consist of keys and values")
		return
	}
	var seen []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			p.errorf(key.Line, section, "must consist of keys and values")
			continue
		}
		if slices.Contains(seen, key.Value) {
			p.errorf(key.Line, dotted(section, key.Value), "is there twice")
			continue
		}
		seen = append(seen, key.Value)
		do(key.Value, value)
	}
}

func (p *parser) tls(n *yaml.Node) {
	const section = "tls_server_config"
	p.each(n, section, func(key string, value *yaml.Node) {
		field := map[string]*string{"cert_file": &p.file.CertFile, "key_file": &p.file.KeyFile}[key]
		switch {
		case field == nil:
			p.errorf(value.Line, dotted(section, key), "is not known to wanctl; there are cert_file and key_file")
		case value.Kind != yaml.ScalarNode || isNull(value) || value.Value == "":
			p.errorf(value.Line, dotted(section, key), "must be the path of a file")
		case filepath.IsAbs(value.Value):
			*field = value.Value
		default:
			*field = filepath.Join(filepath.Dir(p.file.Path), value.Value)
		}
	})
	if (p.file.CertFile == "") != (p.file.KeyFile == "") {
		p.errorf(n.Line, section, "needs cert_file and key_file, both")
	}
}

func (p *parser) users(n *yaml.Node) {
	const section = "basic_auth_users"
	p.each(n, section, func(name string, value *yaml.Node) {
		switch {
		case name == "" || strings.ContainsAny(name, ":\r\n"):
			p.errorf(value.Line, section, "the user name %q must not be empty or contain a colon", name)
		case value.Kind != yaml.ScalarNode || !hash.MatchString(value.Value):
			// The value may be a password: it is not repeated.
			p.errorf(value.Line, dotted(section, name), "must be a bcrypt hash; print one with: htpasswd -nBC 10 %s", name)
		default:
			p.file.Users[name] = value.Value
		}
	})
}

func dotted(section, key string) string {
	if section == "" {
		return key
	}
	return section + "." + key
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }
