package schema

import (
	"encoding"
	"reflect"
	"slices"
)

// Values is what the cells of one mapping mean, with what the rules need to
// know of them. Names are those of the mapping's keys.
type Values struct {
	*Reader
	shown string // stands before names in messages
	cells map[string]Cell
	loose map[string]any  // keys without a field of their own
	bad   map[string]bool // reported already; rules leave them alone
}

// Bind parses cells and stores them in the fields of dst. Names in messages begin
// with shown.
func Bind[T any](r *Reader, shown string, keys []Bound[T], cells map[string]Cell, dst *T) *Values {
	v := &Values{r, shown, cells, map[string]any{}, map[string]bool{}}
	for _, k := range keys {
		c, present := cells[k.Name]
		switch {
		case !present && k.Required:
			v.Report(k.Name, "is missing: %s", k.Doc)
			continue
		case !present:
			continue
		case c.Bad:
			v.bad[k.Name] = true
			continue
		}
		shownKey := k.Key
		shownKey.Name = shown + k.Name
		value, err := r.parse(shownKey, c)
		switch {
		case err != nil:
			v.Report(k.Name, "%v", err)
		case k.Field == nil:
			v.loose[k.Name] = value
		default:
			v.store(k.Name, value, k.Field(dst))
		}
		if k.NoEffect != "" && v.Given(k.Name) && v.Sound(k.Name) {
			v.Doubt(k.Name, "has no effect any more: %s", k.NoEffect)
		}
	}
	return v
}

// store sets the field that dst points to.
func (v *Values) store(name string, value, dst any) {
	if s, ok := value.(string); ok {
		if dst, ok := dst.(encoding.TextUnmarshaler); ok {
			if err := dst.UnmarshalText([]byte(s)); err != nil {
				v.Report(name, "%v", err)
			}
			return
		}
	}
	field := reflect.ValueOf(dst).Elem()
	field.Set(reflect.ValueOf(value).Convert(field.Type()))
}

// Loose returns the parsed value of a key without a field; nil when it is
// absent or bad.
func (v *Values) Loose(name string) any { return v.loose[name] }

// Given reports whether some source other than the default has the key.
func (v *Values) Given(name string) bool {
	c, ok := v.cells[name]
	return ok && c.Origin.Source != FromDefault
}

// MarkBad takes a key that follows from a bad one out of the rules.
func (v *Values) MarkBad(name string) { v.bad[name] = true }

// Adopt makes other the source of name, of which it is another name.
func (v *Values) Adopt(name, other string) { v.cells[name] = v.cells[other] }

// Sound reports whether no problem was found with any of the keys.
func (v *Values) Sound(names ...string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return v.bad[n] })
}

// Report adds a problem with a key, at the place its value came from.
func (v *Values) Report(name, format string, args ...any) {
	v.bad[name] = true
	v.place(name, &format)
	v.errorf(v.cells[name].Origin.Line, v.shown+name, format, args...)
}

// Doubt adds a warning about a key.
func (v *Values) Doubt(name, format string, args ...any) {
	v.place(name, &format)
	v.warnf(v.cells[name].Origin.Line, v.shown+name, format, args...)
}

// place says in the message itself when the value is not from the file.
func (v *Values) place(name string, format *string) {
	if o := v.cells[name].Origin; o.Source == FromEnvironment || o.Source == FromFlag {
		*format = "from " + o.String() + ": " + *format
	}
}

// Limit is one value of a chain that must not fall.
type Limit struct {
	Name  string
	Value float64
	Text  string // the value with its unit
}

// Ascending reports the first limit that is below its predecessor, or equal to
// it when strict. Chains with a key that was reported already are left alone.
func (v *Values) Ascending(strict bool, chain ...Limit) {
	for i := 1; i < len(chain); i++ {
		low, high := chain[i-1], chain[i]
		if !v.Sound(low.Name, high.Name) || low.Value < high.Value || !strict && low.Value == high.Value {
			continue
		}
		relation := "be at most"
		if strict {
			relation = "be below"
		}
		if v.Given(low.Name) || !v.Given(high.Name) {
			v.Report(low.Name, "%s must %s %s, which is %s%s", low.Text, relation,
				last(high.Name), high.Text, v.suffix(high.Name))
		} else {
			relation = "be at least"
			if strict {
				relation = "be above"
			}
			v.Report(high.Name, "%s must %s %s, which is %s%s", high.Text, relation,
				last(low.Name), low.Text, v.suffix(low.Name))
		}
		return
	}
}

// suffix marks a value nobody wrote.
func (v *Values) suffix(name string) string {
	if v.Given(name) {
		return ""
	}
	return " by default"
}

func last(name string) string { return Key{Name: name}.Short() }

// Cell returns the value of a key as its source gave it.
func (v *Values) Cell(name string) (c Cell, ok bool) {
	c, ok = v.cells[name]
	c.Bad = c.Bad || v.bad[name]
	return c, ok
}

// Origins returns where every value came from.
func (v *Values) Origins() Origins {
	o := Origins{}
	for name, c := range v.cells {
		o[name] = c.Origin
	}
	return o
}
