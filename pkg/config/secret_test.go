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
