package notify

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// node is a part of the JSON schema of an event.
type node struct {
	Ref        string           `json:"$ref"`
	Type       any              `json:"type"`
	Enum       []string         `json:"enum"`
	Required   []string         `json:"required"`
	Properties map[string]*node `json:"properties"`
	Defs       map[string]*node `json:"$defs"`
}

// The schema that is shipped has the keys that are sent, each of its type.
func TestSchema(t *testing.T) {
	text, err := os.ReadFile("../../configs/notify-event.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var root node
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	compare(t, &root, &root, reflect.TypeFor[Event](), "event")
	for _, kind := range []Kind{Health, State, Outage, Steering, Loop, Configuration, Test} {
		if !slices.Contains(root.Properties["event"].Enum, string(kind)) {
			t.Errorf("the schema does not have the kind %s", kind)
		}
	}
}

func compare(t *testing.T, root, n *node, typ reflect.Type, at string) {
	t.Helper()
	var keys, required []string
	for f := range typ.Fields() {
		key, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		keys = append(keys, key)
		if option == "" {
			required = append(required, key)
		}
		p := n.Properties[key]
		if p == nil {
			t.Errorf("%s: the schema has no %s", at, key)
			continue
		}
		if name, is := strings.CutPrefix(p.Ref, "#/$defs/"); is {
			p = root.Defs[name]
		}
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		want := map[reflect.Kind]string{
			reflect.String: "string", reflect.Float64: "number", reflect.Int: "integer", reflect.Bool: "boolean", reflect.Slice: "array", reflect.Struct: "object",
		}[inner.Kind()]
		got, _ := p.Type.(string)
		if list, several := p.Type.([]any); several {
			got = list[0].(string)
			if option != "" || f.Type.Kind() != reflect.Pointer || len(list) != 2 || list[1] != "null" {
				t.Errorf("%s.%s is %v", at, key, list)
			}
		}
		switch {
		case inner.Kind() == reflect.Struct && p.Properties != nil:
			compare(t, root, p, inner, at+"."+key)
		case inner.Kind() == reflect.Struct: // a time
			want = "string"
			fallthrough
		default:
			if got != want && p.Enum == nil {
				t.Errorf("%s.%s is %q in the schema, and %q in the document", at, key, got, want)
			}
		}
	}
	slices.Sort(required)
	slices.Sort(n.Required)
	if !slices.Equal(required, n.Required) {
		t.Errorf("%s: required are %v, in the schema %v", at, required, n.Required)
	}
	for key := range n.Properties {
		if !slices.Contains(keys, key) {
			t.Errorf("%s: the document has no %s", at, key)
		}
	}
}
