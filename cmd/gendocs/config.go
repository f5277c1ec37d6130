package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
)

// fillKeys replaces {shared}, {wan}, {steering}, {node}, {aliases} and {deprecated} in the page of
// the configuration files by the keys as they are declared.
func fillKeys(page string) (string, error) {
	wan, steering := config.WANKeys(), config.SteeringKeys()
	examples, err := referenceValues("wanctl.yaml", "steering.yaml", "node.yaml.example")
	if err != nil {
		return "", err
	}
	parts := map[string]*strings.Builder{}
	for _, part := range []string{"shared", "wan", "steering", "node", "aliases", "deprecated"} {
		parts[part] = &strings.Builder{}
	}
	for i, k := range slices.Concat(wan, steering) {
		part := "wan"
		shared := slices.ContainsFunc(wan, func(other schema.Key) bool { return reflect.DeepEqual(other, k) })
		switch inBoth := shared && slices.ContainsFunc(steering, func(other schema.Key) bool { return reflect.DeepEqual(other, k) }); {
		case inBoth && i >= len(wan):
			continue
		case k.Alias != "":
			fmt.Fprintf(parts["aliases"], "- `%s`: `%s`\n", k.Name, k.Alias)
			continue
		case k.Deprecated != "":
			fmt.Fprintf(parts["deprecated"], "- `%s`: %s\n", k.Name, plain(k.Deprecated))
			continue
		case inBoth:
			part = "shared"
		case i >= len(wan):
			part = "steering"
		}
		fmt.Fprintf(parts[part], "`%s`\n: %s\n\n", k.Name, describe(k, examples[k.Name]))
	}
	for _, k := range config.NodeKeys() {
		fmt.Fprintf(parts["node"], "`%s`\n: %s\n\n", k.Name, describe(k, examples[k.Name]))
	}
	for part, text := range parts {
		page = strings.Replace(page, "{"+part+"}", strings.TrimSpace(text.String()), 1)
	}
	return page, nil
}

// describe returns what is to be known of a key: meaning, type, range, default, example.
func describe(k schema.Key, example string) string {
	facts := []string{"Type: " + k.Kind.String()}
	if k.Kind == schema.Enum {
		facts[0] = "Type: one of " + k.Range()
	} else if r := k.Range(); r != "" {
		facts = append(facts, "range: "+r)
	}
	value := cmp.Or(k.Default, k.Derived)
	switch {
	case k.Section:
		facts = append(facts, "required where its section is given")
	case k.Required:
		facts = append(facts, "required")
	case value != "":
		facts = append(facts, "default: "+value)
	}
	text := plain(k.Doc + " " + strings.Join(facts, "; ") + ".")
	if example != "" && example != k.Default {
		text += " Example: `" + k.Short() + ": " + example + "`."
	}
	return text
}

// plain escapes what Markdown would read as markup.
func plain(s string) string {
	return strings.NewReplacer("*", `\*`, "_", `\_`, "<", `\<`, "[", `\[`, "`", "\\`").Replace(s)
}

var referenceLine = regexp.MustCompile(`^( *)#?([a-z][a-z0-9_]*):(?: +(.*?))?(?: +#.*)?$`)

// referenceValues returns the values in the commented reference configurations, by dotted
// name. Keys whose value takes several lines have none.
func referenceValues(names ...string) (map[string]string, error) {
	dir, err := sourceDir("github.com/wanctl/wanctl/pkg/config")
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, "..", "..", "configs", name))
		if err != nil {
			return nil, err
		}
		var section []string
		for line := range strings.Lines(string(text)) {
			m := referenceLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
			if m == nil {
				continue
			}
			depth := len(m[1]) / 2
			section = append(section[:min(depth, len(section))], m[2])
			if name := strings.Join(section, "."); values[name] == "" {
				values[name] = m[3]
			}
		}
	}
	return values, nil
}
