package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// validateJSON returns what of value a schema refuses, as far as JSONSchema uses the
// language. A keyword it does not know is an error too.
func validateJSON(schema map[string]any, value any, at string) (errs []string) {
	fail := func(format string, args ...any) { errs = append(errs, at+": "+fmt.Sprintf(format, args...)) }
	object, _ := value.(map[string]any)
	list, isList := value.([]any)
	number, isNumber := value.(float64)
	text, isText := value.(string)
	for keyword, arg := range schema {
		switch keyword {
		case "$schema", "title", "description", "default", "deprecated":
		case "type":
			types, several := arg.([]any)
			if !several {
				types = []any{arg}
			}
			if !slices.ContainsFunc(types, func(t any) bool {
				return t == jsonType(value) || t == "integer" && isNumber && number == float64(int(number))
			}) {
				fail("%v is not of type %v", value, types)
			}
		case "enum":
			if !slices.Contains(arg.([]any), value) {
				fail("%v is none of %v", value, arg)
			}
		case "anyOf":
			var all []string
			if !slices.ContainsFunc(arg.([]any), func(option any) bool {
				refused := validateJSON(option.(map[string]any), value, at)
				all = append(all, refused...)
				return refused == nil
			}) {
				errs = append(errs, all...)
			}
		case "required":
			for _, name := range arg.([]any) {
				if _, ok := object[name.(string)]; object != nil && !ok {
					fail("%s is missing", name)
				}
			}
		case "properties":
			known := arg.(map[string]any)
			for name, inner := range object {
				if sub, ok := known[name].(map[string]any); ok {
					errs = append(errs, validateJSON(sub, inner, at+"."+name)...)
				} else {
					fail("unknown key %s", name)
				}
			}
		case "additionalProperties":
			if arg != false {
				fail("additionalProperties is %v", arg)
			}
		case "minimum", "maximum":
			if limit := arg.(float64); isNumber && (keyword == "minimum" && number < limit || keyword == "maximum" && number > limit) {
				fail("%v beyond %s %v", number, keyword, limit)
			}
		case "minItems", "maxItems":
			if n := float64(len(list)); isList && (keyword == "minItems" && n < arg.(float64) || keyword == "maxItems" && n > arg.(float64)) {
				fail("%v entries beyond %s %v", n, keyword, arg)
			}
		case "items":
			for i, item := range list {
				errs = append(errs, validateJSON(arg.(map[string]any), item, fmt.Sprintf("%s[%d]", at, i))...)
			}
		case "pattern":
			if isText && !regexp.MustCompile(arg.(string)).MatchString(text) {
				fail("%q does not match %s", text, arg)
			}
		default:
			fail("keyword %s is not known to this test", keyword)
		}
	}
	return errs
}

func jsonType(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

// jsonSchema returns the schema of a kind of file.
func jsonSchema(t *testing.T, kind FileKind) map[string]any {
	t.Helper()
	text, err := JSONSchema(kind)
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

// fromYAML returns the document as encoding/json would.
func fromYAML(t *testing.T, text string) any {
	t.Helper()
	var doc, value any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(asJSON, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// Every file that loads in other tests is valid, with all its comments removed too.
func TestJSONSchemaAcceptsFiles(t *testing.T) {
	names, err := filepath.Glob(configs + "/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range append(names, "../../testdata/config/earlier.yaml", "../../testdata/config/earlier-steering.yaml") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			schema, text := jsonSchema(t, DetectKind(name)), read(t, name)
			for _, text := range []string{text, optional.ReplaceAllString(text, "$1$2")} {
				if errs := validateJSON(schema, fromYAML(t, text), "file"); errs != nil {
					t.Error(strings.Join(errs, "\n"))
				}
			}
		})
	}
}

func TestJSONSchemaRefuses(t *testing.T) {
	schema := jsonSchema(t, KindWAN)
	for _, tt := range []struct{ name, text, want string }{
		{"an unknown key", edit(t, "host:", "hots: x\n  host:"), "file.router: unknown key hots"},
		{"a missing key", edit(t, "    ceiling_mbps: 940\n", ""), "file.continuous_monitoring.download: ceiling_mbps is missing"},
		{"a value out of range", edit(t, "ceiling_mbps: 940", "ceiling_mbps: 100001"), "file.continuous_monitoring.download.ceiling_mbps: 100001 beyond maximum 100000"},
		{"a fraction", edit(t, "  user", "  port: 44.3\n  user"), "file.router.port: 44.3 is not of type [integer]"},
		{"a word for a number", edit(t, "mbps: 940", "mbps: fast"), `file.continuous_monitoring.download.ceiling_mbps: "fast" does not match \$\{`},
		{"another word of an enum", edit(t, "  user", "  transport: telnet\n  user"), "file.router.transport: telnet is none of [rest api ssh]"},
		{"no list", minimal + "  ping_hosts: 1.1.1.1\n", "file.continuous_monitoring.ping_hosts: 1.1.1.1 is not of type [array]"},
		{"an empty list", minimal + "  ping_hosts: []\n", "file.continuous_monitoring.ping_hosts: 0 entries beyond minItems 1"},
		{"an unknown key of failover", edit(t, "  user", "  failover: [{transport: api, prot: 1}]\n  user"), "file.router.failover[0]: unknown key prot"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if errs := validateJSON(schema, fromYAML(t, tt.text), "file"); !slices.Contains(errs, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(errs, "\n"), tt.want)
			}
		})
	}
	for _, text := range []string{
		edit(t, "mbps: 940", "mbps: ${CEILING}", "initial: 24", "initial: 24ms"),
		minimal + "  enabled: yes\n  fallback_checks: {tcp_targets: [[1.1.1.1, 443], '9.9.9.9:443']}\n  thresholds: null\n",
	} {
		if errs := validateJSON(schema, fromYAML(t, text), "file"); errs != nil {
			t.Errorf("%s\nrefused: %q", text, errs)
		}
	}
}

// Every key is described, with its default and its range.
func TestJSONSchemaIsComplete(t *testing.T) {
	for kind, keys := range map[FileKind][]schema.Key{KindWAN: WANKeys(), KindSteering: SteeringKeys()} {
		if len(keys) == 0 {
			t.Fatal("no keys")
		}
		described := jsonSchema(t, kind)
		for _, k := range keys {
			inner := described
			for part := range strings.SplitSeq(k.Name, ".") {
				inner, _ = inner["properties"].(map[string]any)[part].(map[string]any)
			}
			description, _ := inner["description"].(string)
			if !strings.HasPrefix(description, k.Doc) {
				t.Errorf("%s of %s is described as %q", k.Name, kind, description)
			}
			if _, ok := inner["default"]; ok != (k.Default != "") {
				t.Errorf("%s of %s has default %v", k.Name, kind, inner["default"])
			}
			if text := fmt.Sprint(inner); k.Max != 0 && !strings.Contains(text, fmt.Sprint(k.Max)) {
				t.Errorf("%s of %s has no range: %s", k.Name, kind, text)
			}
		}
	}
}
