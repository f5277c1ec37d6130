package config

import (
	"bytes"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

var (
	// secretKey are names of keys, also of former ones and of other programs, whose values
	// are secrets.
	secretKey = regexp.MustCompile(`(?i)(password|passphrase|passwd|secret|token|webhook_url|api_?key)$`)
	// fromElsewhere is a value that is a variable alone; a part of one is enough where the
	// secret is a part of the value, as in a header.
	fromElsewhere = regexp.MustCompile(`^(\$\{[A-Za-z_][A-Za-z0-9_]*\})+$`)
	aVariable     = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)
	// inComment is a secret in a line that has been commented out.
	inComment = regexp.MustCompile(`(?im)^[^\n]*#([\s#-]*["']?[a-z_.-]*(password|passphrase|passwd|secret|token)["']?\s*:\s|[^\n]*(password|passphrase|passwd|secret|token)\s*=)\s*["']?[^\s"'$#]`)
)

// LiteralSecrets returns a problem for each secret that stands in the text of a configuration
// itself, in place of ${NAME}. It does not quote it. A text that is no YAML has none: it is no
// configuration.
func LiteralSecrets(text []byte, name string) (problems []Problem) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil
	}
	kinds := map[string]schema.Kind{}
	for _, f := range append(schema.Fields[WAN](), schema.Fields[Steering]()...) {
		kinds[f.Name] = f.Kind
	}
	seen := map[*yaml.Node]int{}
	var walk func(path string, kind schema.Kind, n *yaml.Node)
	walk = func(path string, kind schema.Kind, n *yaml.Node) {
		if seen[n]++; seen[n] > 100 { // aliases of aliases
			return
		}
		switch n.Kind {
		case yaml.DocumentNode:
			for _, c := range n.Content {
				walk(path, kind, c)
			}
		case yaml.AliasNode:
			walk(path, kind, n.Alias)
		case yaml.SequenceNode:
			for _, c := range n.Content {
				walk(path, kind, c)
			}
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				key := n.Content[i].Value
				below := strings.TrimPrefix(path+"."+key, ".")
				of := kinds[below]
				if of == "" && secretKey.MatchString(key) {
					of = schema.Password
				}
				if key == "<<" {
					below, of = path, kind
				}
				walk(below, of, n.Content[i+1])
			}
		case yaml.ScalarNode:
			if why := literal(kind, n); why != "" {
				problems = append(problems, Problem{File: name, Line: n.Line, Key: path, Text: why})
			}
		}
	}
	walk("", "", &doc)
	for _, at := range inComment.FindAllIndex(text, -1) {
		problems = append(problems, Problem{File: name, Line: 1 + bytes.Count(text[:at[0]], []byte("\n")),
			Text: "a comment seems to hold a secret; remove it: a set of files is not the place for secrets"})
	}
	return problems
}

// literal returns what is wrong with a value of a secret; "" nothing.
func literal(kind schema.Kind, n *yaml.Node) string {
	const instead = "write ${NAME} here and NAME=... into " + SecretsFile + " of each node"
	switch kind {
	case schema.Password:
		if n.Value != "" && n.ShortTag() != "!!null" && !fromElsewhere.MatchString(n.Value) {
			return "is a secret in the file itself, and secrets stay on their hosts; " + instead
		}
	case schema.SecretURL, schema.HeaderList:
		if n.Value != "" && n.ShortTag() != "!!null" && !aVariable.MatchString(n.Value) {
			return "may hold a secret in the file itself, and secrets stay on their hosts; " + instead
		}
	}
	return ""
}
