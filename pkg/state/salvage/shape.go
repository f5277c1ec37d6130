package salvage

import "encoding/json"

// Shape says which members an object is known to have. With it a reader of
// damaged text can tell where a member belongs whose brace is lost. A nil Shape
// knows nothing.
type Shape struct {
	kind    kind
	members map[string]*Shape
}

type kind uint8

const (
	unknown kind = iota
	object
	list
	scalar
)

// learnDepth is how deep Learn looks.
const learnDepth = 8

// Member makes name a known member of s.
func (s *Shape) Member(name string) *Shape {
	if s == nil {
		return nil
	}
	m, ok := s.members[name]
	if !ok {
		m = &Shape{}
		if s.members == nil {
			s.members = map[string]*Shape{}
		}
		s.members[name] = m
	}
	s.kind = object
	return m
}

// Object, List and Scalar say what s is.
func (s *Shape) Object() { s.be(object) }

// List is described at Object.
func (s *Shape) List() { s.be(list) }

// Scalar is described at Object.
func (s *Shape) Scalar() { s.be(scalar) }

func (s *Shape) be(k kind) {
	if s != nil {
		s.kind = k
	}
}

// Learn adds what members shows of an intact file, such as the backup of a
// damaged one.
func (s *Shape) Learn(members map[string]json.RawMessage) { s.learn(members, learnDepth) }

func (s *Shape) learn(members map[string]json.RawMessage, depth int) {
	for name, text := range members {
		m := s.Member(name)
		if m.kind != unknown && m.kind != object {
			continue
		}
		switch sub, _, err := Object(text); {
		case err == nil && depth > 0:
			m.Object()
			m.learn(sub, depth-1)
		case m.kind == object:
		case len(text) > 0 && text[0] == '[':
			m.List()
		default:
			m.Scalar()
		}
	}
}

// Keys lists the paths of all known values that hold no further members.
func (s *Shape) Keys() [][]string {
	if s == nil {
		return nil
	}
	var all [][]string
	for name, m := range s.members {
		if len(m.members) == 0 {
			all = append(all, []string{name})
			continue
		}
		for _, rest := range m.Keys() {
			all = append(all, append([]string{name}, rest...))
		}
	}
	return all
}

func (s *Shape) knows(name string) bool {
	return s != nil && s.members[name] != nil
}

func (s *Shape) member(name string) *Shape {
	if s == nil {
		return nil
	}
	return s.members[name]
}

func (s *Shape) is(k kind) bool { return s != nil && s.kind == k }
