package eval

import (
	"strings"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc/value"
)

// convert runs the commands that make one value of another.
func (a args) convert(name string) (value.Value, error) {
	switch name {
	case "pick":
		return a.pick()
	case "find":
		return a.find()
	}
	v, err := a.value("value")
	if err != nil {
		return value.Value{}, err
	}
	if err := a.spend(a.c, v.Size()); err != nil {
		return value.Value{}, err
	}
	switch name {
	case "typeof":
		return value.OfString(v.Kind.String()), nil
	case "len":
		if v.Kind == value.Array {
			return value.OfNum(int64(len(v.Items()))), nil
		}
		return value.OfNum(int64(len(v.Text()))), nil
	case "tostr":
		return value.OfString(v.Text()), nil
	case "tonum":
		if n, ok := v.ToNum(); ok && v.Kind != value.Time {
			return value.OfNum(n), nil
		}
	case "tobool":
		if b, ok := v.ToBool(); ok {
			return value.OfBool(b), nil
		}
		if v.Kind == value.Num {
			return value.OfBool(v.Int() != 0), nil
		}
	case "toarray":
		return a.toArray(v)
	case "toid":
		if l := value.Literal(v.Text()); l.Kind == value.ID {
			return l, nil
		}
	case "toip":
		if l := value.Literal(v.Text()); l.Kind == value.IP {
			return l, nil
		}
	case "totime":
		switch l := value.Literal(v.Text()); l.Kind {
		case value.Time:
			return l, nil
		case value.Num:
			d := nanoseconds(l, min(max(l.Int(), 0), 1<<32))
			return value.OfTime(d, value.FormatTime(d)), nil
		}
	}
	return value.NilValue(), nil
}

func (a args) toArray(v value.Value) (value.Value, error) {
	if v.Kind == value.Array {
		return v, nil
	}
	text := v.Text()
	if text == "" {
		return value.Value{Kind: value.Array}, nil
	}
	if strings.Count(text, ",") > maxItems {
		return value.Value{}, a.limit(a.c, "array is too long")
	}
	if err := a.spend(a.c, len(text)); err != nil {
		return value.Value{}, err
	}
	var items []value.Item
	for part := range strings.SplitSeq(text, ",") {
		items = append(items, value.Item{Value: value.Literal(part)})
	}
	return a.array(a.c, items)
}

// pick is :pick: characters of a text, elements of an array. Without an end it
// is one of them.
func (a args) pick() (value.Value, error) {
	v, err := a.need("counter")
	if err != nil {
		return value.Value{}, err
	}
	text, size := "", len(v.Items())
	if v.Kind != value.Array {
		text = v.Text()
		size = len(text)
	}
	from, err := a.num("begin", 0)
	if err != nil {
		return value.Value{}, err
	}
	to, err := a.num("end", from+1)
	if err != nil {
		return value.Value{}, err
	}
	if v.Kind == value.Array && !a.has("end") {
		if from < 0 || from >= int64(size) {
			return value.Value{}, nil
		}
		return v.Items()[from].Value, nil
	}
	from = min(max(from, 0), int64(size))
	to = min(max(to, from), int64(size))
	if v.Kind == value.Array {
		return a.array(a.c, append([]value.Item(nil), v.Items()[from:to]...))
	}
	return value.OfString(text[from:to]), a.spend(a.c, int(to-from)/64)
}

// find is :find: the place of a text in a text or of an element in an array.
func (a args) find() (value.Value, error) {
	in, err := a.need("in")
	if err != nil {
		return value.Value{}, err
	}
	key, err := a.need("key")
	if err != nil {
		return value.Value{}, err
	}
	after, err := a.num("from", -1)
	if err != nil {
		return value.Value{}, err
	}
	if err := a.spend(a.c, in.Size()+key.Size()); err != nil {
		return value.Value{}, err
	}
	if in.Kind == value.Array {
		for i, it := range in.Items() {
			if int64(i) > after && it.Value.Text() == key.Text() {
				return value.OfNum(int64(i)), nil
			}
		}
		return value.NilValue(), nil
	}
	text := in.Text()
	start := min(max(after+1, 0), int64(len(text)))
	if i := strings.Index(text[start:], key.Text()); i >= 0 {
		return value.OfNum(start + int64(i)), nil
	}
	return value.NilValue(), nil
}
