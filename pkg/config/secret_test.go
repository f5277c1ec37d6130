package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// A configuration printed in any way shows no password, not even from inside
// structs that fmt may not call methods of.
func TestSecretNeverPrints(t *testing.T) {
	const secret = "hunter2"
	wan, _, err := Parse(strings.NewReader(minimal), "f", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := wan.Router.Password.Reveal(); got != secret {
		t.Fatalf("Reveal() = %q", got)
	}
	hidden := struct {
		exported any
		router   Router
		pointer  *Router
	}{wan.Router, wan.Router, &wan.Router}

	printed := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10s"} {
		for name, v := range map[string]any{
			"secret": wan.Router.Password, "pointer": &wan.Router.Password, "wan": wan, "value": *wan, "hidden": hidden,
			"map": map[string]Secret{"password": wan.Router.Password}, "slice": []Router{wan.Router},
		} {
			printed[verb+" of "+name] = fmt.Sprintf(verb, v)
		}
	}
	text, err := json.Marshal(wan)
	if err != nil {
		t.Fatal(err)
	}
	printed["JSON"] = string(text)
	if text, err = yaml.Marshal(wan.Router); err != nil {
		t.Fatal(err)
	}
	printed["YAML"] = string(text)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "wan", wan, "password", wan.Router.Password)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "wan", wan, "password", wan.Router.Password)
	printed["log"] = log.String()
	other := *wan
	other.Router.Password = NewSecret("else")
	if cmp.Equal(wan, &other) {
		t.Error("two passwords are equal")
	}

	for name, text := range printed {
		hexed := fmt.Sprintf("%x", secret)
		if strings.Contains(text, secret) || strings.Contains(strings.ToLower(text), hexed) {
			t.Errorf("%s shows the password: %s", name, text)
		}
	}
	for _, name := range []string{"%v of wan", "%#v of secret", "JSON", "YAML", "log"} {
		if !strings.Contains(printed[name], mask) {
			t.Errorf("%s does not show %s: %s", name, mask, printed[name])
		}
	}
}

// A reload compares what was in force with what was read: the secrets of two
// readings are equal although they are not the same.
func TestSecretDeepEqual(t *testing.T) {
	a, _, _ := load(minimal, Options{})
	b, _, _ := load(minimal, Options{})
	if !reflect.DeepEqual(a, b) {
		t.Error("two readings of a file differ")
	}
	b.Router.Password = NewSecret("else")
	if reflect.DeepEqual(a, b) {
		t.Error("two passwords are equal")
	}
}

func TestSecretZero(t *testing.T) {
	var zero Secret
	if zero.IsSet() || zero.Reveal() != "" || zero.String() != "" || !zero.Equal(NewSecret("")) || zero.Equal(NewSecret("x")) {
		t.Errorf("zero = %v, set %v", zero, zero.IsSet())
	}
}

// A password that was written in the place of another value is not repeated, neither by
// what is wrong with that value nor by the list of the values in force.
func TestSecretInAWrongPlace(t *testing.T) {
	const secret = "hunter2"
	for _, wrong := range []string{
		"host: admin:hunter2@192.0.2.1", "host: hunter2", "port: hunter2", "user: hunter2", "user: admin/hunter2", "transport: hunter2", "tls: hunter2",
		"tls_fingerprint: hunter2", "hunter2: x",
	} {
		t.Run(wrong, func(t *testing.T) {
			lines := "  " + wrong + "\n"
			if !strings.HasPrefix(wrong, "host:") {
				lines += "  host: 192.0.2.1\n"
			}
			file := strings.Replace(minimal, "  host: 192.168.88.1\n  user: wanctl\n", lines, 1)
			if file == minimal {
				t.Fatal("the file is as it was")
			}
			wan, warnings, err := Parse(strings.NewReader(file), "f", Options{})
			var text strings.Builder
			for _, p := range warnings {
				text.WriteString(p.Text)
			}
			switch {
			case err != nil:
				for _, p := range err.(*Error).Problems { //nolint:errorlint // it is one
					text.WriteString(p.Text)
				}
			default:
				fmt.Fprint(&text, Settings(wan, nil))
			}
			if strings.Contains(text.String(), secret) {
				t.Errorf("%s", &text)
			}
		})
	}
}

// A password that is a word of the program, or of a default value, is masked where it
// is the password and nowhere else: what is printed loads with the same values.
func TestSecretThatIsAnOrdinaryWord(t *testing.T) {
	for _, word := range []string{"wanctl", "state", "var/"} {
		t.Run(word, func(t *testing.T) {
			wan, origins, _, err := parseFile(wanFile(), strings.NewReader(edit(t, "hunter2", word)), "f", Options{})
			if err != nil {
				t.Fatal(err)
			}
			shown := Settings(wan, origins)
			if text := fmt.Sprint(shown); strings.Count(text, mask) != 1 {
				t.Errorf("not one mask: %s", text)
			}
			printed, err := schema.Marshal(shown)
			if err != nil {
				t.Fatal(err)
			}
			again, _, err := Parse(strings.NewReader(strings.Replace(string(printed), "'"+mask+"'", word, 1)), "f", Options{})
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(again.Router, wan.Router) || again.LockFile != wan.LockFile || again.StateFile != wan.StateFile {
				t.Errorf("loads as %+v", again)
			}
		})
	}
}
