package eval

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc/value"
)

// JSON options of :serialize, as RouterOS names them.
const (
	jsonPretty    = "json.pretty"
	jsonNoStrings = "json.no-string-conversion"
)

// serialize is :serialize to=json value=...
func (a args) serialize() (value.Value, error) {
	to, err := a.need("to")
	if err != nil {
		return value.Value{}, err
	}
	if to.Text() != "json" {
		return value.Value{}, a.fail(a.c, "input does not match any value of to")
	}
	v, err := a.need("value")
	if err != nil {
		return value.Value{}, err
	}
	o, err := a.value("options")
	if err != nil {
		return value.Value{}, err
	}
	if a.has("options") && !a.host.AtLeast(7, 16) {
		return value.Value{}, a.fail(a.c, "bad parameter options")
	}
	options := strings.Split(o.Argument(), ",")
	for _, o := range options {
		if o != "" && o != jsonPretty && o != jsonNoStrings {
			return value.Value{}, a.fail(a.c, "input does not match any value of options")
		}
	}
	types := a.json
	if slices.Contains(options, jsonNoStrings) && types == value.JSONConvert {
		types = value.JSONTyped
	}
	text := v.JSON(types, slices.Contains(options, jsonPretty))
	if len(text) > value.MaxText {
		return value.Value{}, a.limit(a.c, "text is too long")
	}
	return value.OfString(text), a.spend(a.c, len(text)/8)
}

// deserialize is :deserialize from=json value=...
func (a args) deserialize() (value.Value, error) {
	from, err := a.need("from")
	if err != nil {
		return value.Value{}, err
	}
	if from.Text() != "json" {
		return value.Value{}, a.fail(a.c, "input does not match any value of from")
	}
	v, err := a.need("value")
	if err != nil {
		return value.Value{}, err
	}
	text := v.Text()
	if err := a.spend(a.c, len(text)); err != nil {
		return value.Value{}, err
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil || d.More() {
		return value.Value{}, a.fail(a.c, "failure: invalid json")
	}
	return a.fromJSON(x)
}

func (a args) fromJSON(x any) (value.Value, error) {
	var items []value.Item
	switch x := x.(type) {
	case bool:
		return value.OfBool(x), nil
	case string:
		return value.OfString(x), nil
	case json.Number:
		if n, ok := value.Number(x.String()); ok {
			return value.OfNum(n), nil
		}
		return value.OfString(x.String()), nil
	case []any:
		for _, e := range x {
			v, err := a.fromJSON(e)
			if err != nil {
				return value.Value{}, err
			}
			items = append(items, value.Item{Value: v})
		}
		return a.array(a.c, items)
	case map[string]any:
		for k, e := range x {
			v, err := a.fromJSON(e)
			if err != nil {
				return value.Value{}, err
			}
			items = append(items, value.Item{Key: k, Keyed: true, Value: v})
		}
		return a.array(a.c, items)
	}
	return value.Value{}, nil
}
