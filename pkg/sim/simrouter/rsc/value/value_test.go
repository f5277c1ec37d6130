package value

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestTimes(t *testing.T) {
	for in, want := range map[string]string{
		"0s": "00:00:00", "90s": "00:01:30", "1h30m": "01:30:00", "2d20h12m20s": "2d20:12:20", "6w5d11h": "6w5d11:00:00",
		"100ms": "00:00:00.1", "00:10:00": "00:10:00",
	} {
		d, ok := ParseTime(in)
		if got := FormatTime(d); !ok || got != want {
			t.Errorf("%s: %s, %v; want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "5", "h", "1x", "-1s", "999999w999999d", strings.Repeat("1", 50) + "s"} {
		if d, ok := ParseTime(in); ok && d < 0 || ok && in != "999999w999999d" {
			t.Errorf("%q read as %v", in, d)
		}
	}
}

func TestLiteral(t *testing.T) {
	for in, want := range map[string]Kind{
		"1": Num, "-5": Num, "0x1F": Num, "+5": Str, "true": Bool, "yes": Str, "": Str, "abc": Str, "*1A": ID, "*": Str, "*XY": Str,
		"1.2.3.4": IP, "fe80::1": IP, "10.0.0.0/8": Prefix, "1h30m": Time, "00:10:00": Time, "500M": Str, "99999999999999999999": Str,
	} {
		v := Literal(in)
		if v.Kind != want {
			t.Errorf("%q is %v, want %v", in, v.Kind, want)
		}
		if again := v.Text(); v.Kind != Time && v.Kind != Num && again != in {
			t.Errorf("%q became %q", in, again)
		}
	}
}

func TestArrays(t *testing.T) {
	a := OfItems([]Item{{Key: "b", Keyed: true, Value: OfNum(1)}, {Value: OfString("x")}, {Key: "a", Keyed: true}, {Key: "b", Keyed: true, Value: OfList(OfNum(2), OfNum(3))}})
	if got := a.Text(); got != "x;a=;b=2;3" {
		t.Errorf("text %q", got)
	}
	if got := a.JSON(JSONTyped, false); got != `{"0":"x","a":null,"b":[2,3]}` {
		t.Errorf("JSON %s", got)
	}
	if a.Depth() != 2 || OfList(OfString("a"), OfNum(1)).Argument() != "a,1" {
		t.Errorf("depth %d", a.Depth())
	}
	big := OfString(strings.Repeat("x", 1000))
	for range 20 {
		big = OfList(big, big)
	}
	if n := len(big.Text()); n > 2*MaxText {
		t.Errorf("text of %d bytes", n)
	}
	if n := len(big.JSON(JSONTyped, true)); n > 2*MaxText {
		t.Errorf("JSON of %d bytes", n)
	}
}

func TestComparing(t *testing.T) {
	hour, _ := ParseTime("1h")
	for _, tt := range []struct {
		a, b        Value
		equal, less bool
	}{
		{OfNum(2), OfNum(10), false, true},
		{OfString("2"), OfNum(10), false, true},
		{OfString("b"), OfString("a"), false, false},
		{OfBool(true), OfString("yes"), true, false},
		{OfString("yes"), OfString("true"), false, false},
		{OfTime(hour, "1h"), OfTime(hour, "01:00:00"), true, false},
		{OfTime(time.Second, ""), OfTime(hour, ""), false, true},
		{Value{}, OfString(""), true, false},
		{OfNum(500_000_000), Like(OfNum(0), OfString("500M")), true, false},
		{OfTime(hour, ""), Like(OfTime(0, ""), OfString("60m")), true, false},
		{OfNum(5), Like(OfNum(0), OfString("x")), false, true},
	} {
		if Equal(tt.a, tt.b) != tt.equal || Less(tt.a, tt.b) != tt.less {
			t.Errorf("%v %q and %v %q: equal %v, less %v", tt.a.Kind, tt.a.Text(), tt.b.Kind, tt.b.Text(), Equal(tt.a, tt.b), Less(tt.a, tt.b))
		}
	}
}

// FuzzJSON: text is valid JSON and comes back, as far as it is UTF-8.
func FuzzJSON(f *testing.F) {
	f.Add("a \"b\" \\ \x00\x1f\x7f é")
	f.Fuzz(func(t *testing.T, in string) {
		var out []string
		if err := json.Unmarshal([]byte(OfList(OfString(in)).JSON(JSONTyped, false)), &out); err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		if want := strings.ToValidUTF8(in, "\uFFFD"); strings.ToValidUTF8(in, "") == in && out[0] != want {
			t.Errorf("%q became %q", in, out[0])
		}
	})
}
