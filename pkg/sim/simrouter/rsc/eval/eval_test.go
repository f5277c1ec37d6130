package eval

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc/value"
)

// shelf is a Host with one menu, /shelf, whose rows are numbers.
type shelf struct {
	rows   []int64
	waited time.Duration
	minor  int
}

func (s *shelf) HasMenu(path string) bool { return path == "/" || path == "/shelf" }

func (s *shelf) Command(path, name string) (Signature, bool) {
	sig := Signature{Has: func(arg string) bool { return arg == "size" }}
	return sig, path == "/shelf" && slices.Contains([]string{"find", "add", "fail"}, name)
}

func (s *shelf) Run(c Call) (value.Value, error) {
	switch c.Name {
	case "add":
		n, ok := value.Literal(c.Args["size"].Text()).ToNum()
		if !ok {
			return value.Value{}, &Failure{Text: "invalid value for argument size", Arg: "size"}
		}
		s.rows = append(s.rows, n)
		return value.OfNum(n), nil
	case "fail":
		return value.Value{}, &Failure{Text: "failure: on purpose"}
	}
	var found []value.Value
	for _, n := range s.rows {
		ok := c.Match == nil
		if !ok {
			var err error
			if ok, err = c.Match(func(string) value.Value { return value.OfNum(n) }); err != nil {
				return value.Value{}, err
			}
		}
		if ok {
			found = append(found, value.OfNum(n))
		}
	}
	return value.OfList(found...), nil
}

func (s *shelf) Log(topics, message string)    {}
func (s *shelf) AtLeast(major, minor int) bool { return s.minor >= minor }
func (s *shelf) Wait(d time.Duration) error    { s.waited += d; return nil }

func TestWholeOrStepwise(t *testing.T) {
	for stepwise, want := range map[bool][]int64{false: nil, true: {1}} {
		s := &shelf{minor: 22}
		_, err := Run("/shelf add size=1\n/shelf nope", Options{Host: s, Stepwise: stepwise})
		var e *Error
		if !errors.As(err, &e) || e.Error() != "bad command name nope (line 2 column 8)" {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff(want, s.rows); diff != "" {
			t.Errorf("stepwise %v: -want +got\n%s", stepwise, diff)
		}
	}
}

func TestConditions(t *testing.T) {
	s := &shelf{rows: []int64{1, 5, 500_000_000}}
	for condition, want := range map[string]string{
		"size=5": "5", "size>1": "5;500000000", "size=500M": "500000000", "size!=1 size<100": "5",
		"size=1 or size=5": "1;5", "!(size=1)": "5;500000000", "not size=1": "5;500000000",
		`size~"^5"`: "5;500000000", "size=[:len abcde]": "5", "where size=(2 + 3)": "5", "": "1;5;500000000",
	} {
		res, err := Run(":local x 5; :put [/shelf find "+condition+"]", Options{Host: s})
		if err != nil || res.Output != want+"\r\n" {
			t.Errorf("%s: %q, %v; want %q", condition, res.Output, err, want)
		}
	}
}

func TestWords(t *testing.T) {
	s := &shelf{minor: 22}
	for src, want := range map[string][2]string{
		"/shelf add size=x": {"invalid value for argument size", "invalid value for argument size (/shelf/add (size); line 1)"},
		"\n/shelf fail":     {"failure: on purpose", "failure: on purpose (/shelf/fail; line 2)"},
		":error x":          {"x", "x (:error; line 1)"},
		":put (":            {"syntax error (line 1 column 7)", "syntax error (line 1 column 7)"},
		":put [:pick]":      {"missing value(s) of argument(s) counter", "missing value(s) of argument(s) counter"},
	} {
		_, err := Run(src, Options{Host: s})
		var e *Error
		if !errors.As(err, &e) || e.Words(false) != want[0] || e.Words(true) != want[1] {
			t.Errorf("%s: %v, want %q", src, err, want)
		}
	}
}

func TestLimitsAreKept(t *testing.T) {
	s := &shelf{minor: 22}
	for src, limits := range map[string]Limits{
		":for i from=1 to=100 do={:put x}":          {Work: 100},
		":for i from=1 to=100 do={:put 0123456789}": {Output: 1000},
		":for i from=1 to=100 do={:delay 1}":        {Delay: 50 * time.Second},
	} {
		var e *Error
		if _, err := Run(":do {"+src+"} on-error={:put caught}", Options{Host: s, Limits: limits}); !errors.As(err, &e) || e.Class != Limit {
			t.Errorf("%s within %+v: %v", src, limits, err)
		}
		if _, err := Run(src, Options{Host: s, Limits: Limits{Delay: time.Hour}}); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
	if s.waited != 150*time.Second {
		t.Errorf("waited %v", s.waited)
	}
	g := &Globals{}
	for i := range maxGlobals {
		if _, err := Run(fmt.Sprintf(":global v%d 1", i), Options{Host: s, Globals: g}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Run(":global last 1", Options{Host: s, Globals: g}); err == nil {
		t.Error("globals are not bounded")
	}
	if res, err := Run(":global v7; :put $v7", Options{Host: s, Globals: g}); err != nil || res.Output != "1\r\n" {
		t.Errorf("%q, %v", res.Output, err)
	}
}
