package cli

import (
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/wanctl/wanctl/pkg/telemetry"
)

// integrations are the examples for other programs.
func integrations(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"integrations/*", "ansible/wanctl/*/*"} {
		files, err := filepath.Glob("../../configs/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			texts[f] = string(text)
		}
	}
	if len(texts) < 7 {
		t.Fatalf("only %d files", len(texts))
	}
	return texts
}

func TestIntegrationsAreYAML(t *testing.T) {
	for name, text := range integrations(t) {
		if ext := filepath.Ext(name); ext != ".yml" && ext != ".yaml" {
			continue
		}
		var doc any
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil || doc == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Commands and flags that the examples name exist.
func TestIntegrationsNameCommands(t *testing.T) {
	root := Command("")
	inText := regexp.MustCompile(`(?:/usr/bin/wanctl|\bwanctl) ((?:check|config|doctor|serve|steer|status|health)\b[^'"\n()]*)`)
	inIcinga := regexp.MustCompile(`command = \[ "/usr/bin/wanctl", "(\w+)" \]`)
	found := 0
	check := func(name, line string) {
		found++
		words := strings.Fields(line)
		cmd, rest, err := root.Find(words)
		if err != nil || cmd == root {
			t.Errorf("%s: there is no wanctl %s", name, line)
			return
		}
		cmd.InitDefaultHelpFlag()
		for _, w := range rest {
			flag := strings.TrimLeft(w, "-")
			if flag == w || flag == "" {
				continue
			}
			if len(w)-len(flag) == 1 && cmd.Flags().ShorthandLookup(flag) == nil && cmd.InheritedFlags().ShorthandLookup(flag) == nil ||
				len(w)-len(flag) == 2 && cmd.Flags().Lookup(flag) == nil && cmd.InheritedFlags().Lookup(flag) == nil {
				t.Errorf("%s: wanctl %s has no flag %s", name, line, w)
			}
		}
	}
	for name, text := range integrations(t) {
		for _, m := range inText.FindAllStringSubmatch(text, -1) {
			check(name, m[1])
		}
		for _, m := range inIcinga.FindAllStringSubmatch(text, -1) {
			for _, flag := range regexp.MustCompile(`"(--[\w-]+)" =`).FindAllStringSubmatch(text, -1) {
				check(name, m[1]+" "+flag[1])
			}
		}
	}
	if found < 8 {
		t.Errorf("only %d commands found", found)
	}
}

// Addresses are those of serve, and its health document has the keys that are read.
func TestIntegrationsReadWhatIsServed(t *testing.T) {
	urls := regexp.MustCompile(`http://[^"'\s]+`)
	key := regexp.MustCompile(`value_json((?:\.\w+|\[\d+\])+)`)
	step := regexp.MustCompile(`\w+`)
	keys, lists := 0, regexp.MustCompile(`(?m)^ +included_keys = \[(.*)\]$`)
	for name, text := range integrations(t) {
		for _, u := range urls.FindAllString(text, -1) {
			parsed, err := url.Parse(u)
			if err != nil || parsed.Host != "127.0.0.1:9103" || !slices.Contains([]string{"/health", "/metrics"}, parsed.Path) {
				t.Errorf("%s: %s is no address of serve", name, u)
			}
		}
		for _, m := range key.FindAllStringSubmatch(text, -1) {
			keys++
			if !hasKey(reflect.TypeFor[telemetry.Host](), step.FindAllString(m[1], -1)) {
				t.Errorf("%s: the health document has no %s", name, m[1])
			}
		}
		for _, m := range lists.FindAllStringSubmatch(text, -1) { // of Telegraf: keys below join with _
			for _, k := range strings.Split(m[1], ", ") {
				keys++
				k = strings.Trim(k, `"`)
				first, rest, nested := strings.Cut(k, "_")
				wan := reflect.TypeFor[telemetry.WANHealth]()
				if !hasKey(wan, []string{k}) && (!nested || !hasKey(wan, []string{first, rest})) {
					t.Errorf("%s: a WAN's health has no %s", name, k)
				}
			}
		}
	}
	if keys < 10 {
		t.Errorf("only %d keys found", keys)
	}
}

// hasKey reports whether the JSON of a t has a value at path; numbers are indices.
func hasKey(t reflect.Type, path []string) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if len(path) == 0 {
		return true
	}
	switch t.Kind() {
	case reflect.Slice:
		return path[0] == strings.Trim(path[0], "abcdefghijklmnopqrstuvwxyz_") && hasKey(t.Elem(), path[1:])
	case reflect.Struct:
		for f := range t.Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == path[0] {
				return hasKey(f.Type, path[1:])
			} else if f.Anonymous && name == "" && hasKey(f.Type, path) {
				return true
			}
		}
	}
	return false
}
