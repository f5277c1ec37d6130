package eval

import (
	"strings"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc/value"
)

// eval evaluates an expression.
func (r *run) eval(n rsc.Node) (value.Value, error) {
	if err := r.spend(n, 0); err != nil {
		return value.Value{}, err
	}
	switch n := n.(type) {
	case *rsc.Literal:
		return value.Literal(n.Text), nil
	case *rsc.Text:
		return value.OfString(n.Text), nil
	case *rsc.String:
		return r.interpolate(n)
	case *rsc.Variable:
		return r.lookup(n.Name), nil
	case *rsc.Property:
		if r.property == nil {
			return value.Literal(n.Name), nil
		}
		return r.propertyOf(n)
	case *rsc.Sub:
		was := r.property
		r.property = nil
		defer func() { r.property = was }()
		return r.block(r.frame, n.Block, true)
	case *rsc.Block:
		return codeOf(&function{n, r.frame.context, "(code)"}), nil
	case *rsc.Array:
		return r.arrayOf(n)
	case *rsc.Unary:
		return r.unary(n)
	case *rsc.Binary:
		return r.binary(n)
	}
	return value.Value{}, nil
}

func (r *run) propertyOf(n *rsc.Property) (value.Value, error) {
	v := r.property(n.Name)
	if v.Kind == value.Nothing || v.Kind == value.Nil {
		// What is no property may be true, false or a number.
		switch l := value.Literal(n.Name); l.Kind {
		case value.Bool, value.Num:
			return l, nil
		}
	}
	return v, nil
}

func (r *run) interpolate(s *rsc.String) (value.Value, error) {
	if len(s.Parts) == 1 {
		if t, ok := s.Parts[0].(*rsc.Text); ok {
			return value.OfString(t.Text), nil
		}
	}
	var b strings.Builder
	for _, p := range s.Parts {
		v, err := r.eval(p)
		if err != nil {
			return value.Value{}, err
		}
		text := v.Text()
		if b.Len()+len(text) > value.MaxText {
			return value.Value{}, r.limit(s, "text is too long")
		}
		if err := r.spend(s, len(text)/64); err != nil {
			return value.Value{}, err
		}
		b.WriteString(text)
	}
	return value.OfString(b.String()), nil
}

func (r *run) arrayOf(a *rsc.Array) (value.Value, error) {
	var items []value.Item
	for _, it := range a.Items {
		v, err := r.eval(it.Value)
		if err != nil {
			return value.Value{}, err
		}
		item := value.Item{Value: v}
		if it.Key != nil {
			k, err := r.eval(it.Key)
			if err != nil {
				return value.Value{}, err
			}
			item.Key, item.Keyed = k.Text(), true
		}
		items = append(items, item)
	}
	return r.array(a, items)
}
