package config

import (
	"strings"

	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/redact"
)

// WANKeys lists the keys of a WAN's file in the order of their declaration.
func WANKeys() []schema.Key { return schema.Keys(schema.Fields[WAN]()) }

// SteeringKeys is WANKeys of the steering file.
func SteeringKeys() []schema.Key { return schema.Keys(schema.Fields[Steering]()) }

// NodeKeys is WANKeys of the file of a node.
func NodeKeys() []schema.Key { return schema.Keys(schema.Fields[Node]()) }

// WhyObsolete explains a key of older files that is not among the keys any more, by its
// name or the last part of it, or a key below one.
func WhyObsolete(name string) (why string, found bool) {
	for _, f := range append(schema.Fields[WAN](), schema.Fields[Steering]()...) {
		if f.Kind == schema.Any && (name == f.Name || strings.HasPrefix(name, f.Name+".") || strings.HasSuffix(f.Name, "."+name)) {
			return f.Deprecated, true
		}
	}
	return "", false
}

// Settings lists every key of a configuration with the value in force, passwords
// masked, also where they stand within another value that was given: one with an
// origin, or any if origins is nil. Keys that are only another form of others, such as
// floor_mbps, or that have no effect any more, are not among them.
func Settings[T WAN | Steering](of *T, origins schema.Origins) []schema.Setting {
	list := schema.Settings(schema.Fields[T](), of, origins)
	var secrets []string
	base := &Base{}
	switch of := any(of).(type) {
	case *WAN:
		base = &of.Base
	case *Steering:
		base = &of.Base
	}
	for _, r := range base.Router.Endpoints() {
		secrets = append(secrets, r.Password.Reveal(), r.SSHPassphrase.Reveal())
	}
	secrets = append(secrets, base.Notify.secrets()...)
	for i, s := range list { // the password may have been written in a wrong place
		if text, ok := s.Value.(string); ok && s.Source != schema.FromDefault {
			list[i].Value = redact.Text(text, secrets...)
		}
	}
	return list
}

// JSONSchema describes the files of a kind to editors.
func JSONSchema(kind FileKind) ([]byte, error) {
	if kind == KindSteering {
		return schema.JSONSchema[Steering]("The configuration of wanctl steer")
	}
	return schema.JSONSchema[WAN]("The configuration of one WAN for wanctl")
}
