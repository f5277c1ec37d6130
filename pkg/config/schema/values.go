package schema

import (
	"encoding"
	"reflect"
	"slices"
)

// Values holds the raw values of one mapping while its rules are checked. Names are
// those of the mapping's keys.
type Values struct {
	*Reader
	shown   string // precedes names in messages
	raw     map[string]RawValue
	unbound map[string]any  // of keys without a field
	invalid map[string]bool // reported already; rules ignore them
}

// Bind parses raw values and stores them in dst, a pointer to the struct that
// declares the fields. Messages put shown before the names.
func Bind(r *Reader, shown string, fields []Field, raw map[string]RawValue, dst any) *Values {
	v := &Values{r, shown, raw, map[string]any{}, map[string]bool{}}
	into := map[string]reflect.Value{}
	for _, f := range fields {
		if f.index != nil {
			into[f.Name] = reflect.ValueOf(dst).Elem().FieldByIndex(f.index)
		}
	}
	for _, f := range fields {
		v.bind(f, into[f.Name])
	}
	for _, f := range fields {
		if f.Alias != "" {
			v.resolve(f.Alias, f.Name, into[f.Alias])
		}
	}
	return v
}

func (v *Values) bind(f Field, into reflect.Value) {
	raw, present := v.raw[f.Name]
	switch {
	case !present && f.Required && !f.Section:
		v.Errorf(f.Name, "is missing: %s", f.Doc)
		return
	case !present:
		return
	case raw.Bad:
		v.Invalidate(f.Name)
		return
	}
	shown := f.Key
	shown.Name = v.shown + f.Name
	value, err := v.parse(shown, raw)
	switch {
	case err != nil:
		v.Errorf(f.Name, "%v", err)
	case f.index == nil || f.Kind == RouterList:
		v.unbound[f.Name] = value
	default:
		v.store(f.Name, value, into)
	}
	if !v.Valid(f.Name) {
		return
	}
	if format := f.Kind.spec().format; format != nil {
		if n, ok := format(value).(float64); ok {
			if doubt := f.doubt(n, raw); doubt != "" {
				v.Warnf(f.Name, "%s", doubt)
			}
		}
	}
	if f.Deprecated != "" && v.IsSet(f.Name) {
		v.Warnf(f.Name, "has no effect any more: %s", f.Deprecated)
	}
}

func (v *Values) store(name string, value any, into reflect.Value) {
	s, isText := value.(string)
	if dst, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok && isText {
		if err := dst.UnmarshalText([]byte(s)); err != nil {
			v.Errorf(name, "%v", err)
		}
		return
	}
	if list, isList := value.([]string); isList && into.Type().Elem().Kind() != reflect.String {
		all := reflect.MakeSlice(into.Type(), len(list), len(list))
		for i, s := range list {
			v.store(name, s, all.Index(i))
		}
		into.Set(all)
		return
	}
	into.Set(reflect.ValueOf(value).Convert(into.Type()))
}

// resolve reads the other name of a key, whose value is in into. A stronger source
// wins; within one, both names must have the same value.
func (v *Values) resolve(name, alias string, into reflect.Value) {
	value, ok := v.unbound[alias]
	switch {
	case !ok && !v.Valid(alias):
		v.Invalidate(name)
		return
	case !ok, !v.Valid(name):
		return
	}
	own, other := v.raw[name].Origin.Source, v.raw[alias].Origin.Source
	switch {
	case !v.IsSet(name), other.overrides(own):
		v.store(name, value, into)
		v.Alias(name, alias)
	case into.Interface() != value && own == other:
		v.Errorf(alias, "%q differs from %s, which is %q: both are names of one setting; remove one", value, name, into.Interface())
	}
}

// Unbound returns the parsed value of a key without a field; nil when it is absent
// or invalid.
func (v *Values) Unbound(name string) any { return v.unbound[name] }

// IsSet reports whether any source but the default has the key.
func (v *Values) IsSet(name string) bool {
	raw, ok := v.raw[name]
	return ok && raw.Origin.Source != FromDefault
}

// Overrides reports whether the value of a key comes from a stronger source than that
// of another.
func (v *Values) Overrides(name, other string) bool {
	return v.raw[name].Origin.Source.overrides(v.raw[other].Origin.Source)
}

// Invalidate makes rules ignore a key whose value follows from an invalid one.
func (v *Values) Invalidate(name string) { v.invalid[name] = true }

// Alias makes other, which is another name of name, its origin.
func (v *Values) Alias(name, other string) { v.raw[name] = v.raw[other] }

// Valid reports whether no problem was found with any of the keys.
func (v *Values) Valid(names ...string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return v.invalid[n] })
}

// Errorf reports a problem with a key, at the place its value came from.
func (v *Values) Errorf(name, format string, args ...any) {
	v.Invalidate(name)
	v.Reader.Errorf(v.raw[name].Origin.Line, v.shown+name, v.origin(name)+format, args...)
}

// Warnf reports a doubt about a key, like Errorf.
func (v *Values) Warnf(name, format string, args ...any) {
	v.Reader.Warnf(v.raw[name].Origin.Line, v.shown+name, v.origin(name)+format, args...)
}

// origin begins the message about a value that is not from the file.
func (v *Values) origin(name string) string {
	if o := v.raw[name].Origin; o.Source == FromEnvironment || o.Source == FromFlag {
		return "from " + o.String() + ": "
	}
	return ""
}

// Limit is one value of a chain that must not fall.
type Limit struct {
	Name  string
	Value float64
	Text  string // the value with its unit
}

// Ascending reports the first limit that is below its predecessor, or equal to
// it when strict. It ignores keys that are invalid.
func (v *Values) Ascending(strict bool, chain ...Limit) {
	atMost, atLeast := "at most", "at least"
	if strict {
		atMost, atLeast = "below", "above"
	}
	for i := 1; i < len(chain); i++ {
		low, high := chain[i-1], chain[i]
		if !v.Valid(low.Name, high.Name) || low.Value < high.Value || !strict && low.Value == high.Value {
			continue
		}
		wrong, relation, right := low, atMost, high
		if !v.IsSet(low.Name) && v.IsSet(high.Name) {
			wrong, relation, right = high, atLeast, low
		}
		byDefault := ""
		if !v.IsSet(right.Name) {
			byDefault = " by default"
		}
		v.Errorf(wrong.Name, "%s must be %s %s, which is %s%s", wrong.Text, relation, last(right.Name), right.Text, byDefault)
		return
	}
}

// Raw returns the value of a key as its source gave it.
func (v *Values) Raw(name string) (raw RawValue, ok bool) {
	raw, ok = v.raw[name]
	raw.Bad = raw.Bad || v.invalid[name]
	return raw, ok
}

// Origins returns where every value came from.
func (v *Values) Origins() Origins {
	o := Origins{}
	for name, raw := range v.raw {
		o[name] = raw.Origin
	}
	return o
}
