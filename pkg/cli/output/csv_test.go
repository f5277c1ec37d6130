package output

import (
	"bytes"
	"testing"
	"time"
)

type inner struct {
	Limit int64   `json:"limit_bps"`
	Share float64 `json:"share"`
}

type record struct {
	Time     *time.Time        `json:"time,omitempty"`
	Name     string            `json:"name"`
	Rate     float64           `json:"rate"`
	Timeout  *float64          `json:"timeout,omitempty"`
	Count    int               `json:"count,omitempty"`
	On       bool              `json:"on"`
	Policies []string          `json:"policies"`
	Params   map[string]string `json:"params"`
	Hidden   string            `json:"-"`
	Down     inner             `json:"download_,inline"`
}

const recordHead = "time,name,rate,timeout,count,on,policies,params,download_limit_bps,download_share\n"

func TestCSV(t *testing.T) {
	at, ms := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), 0.0
	for _, tt := range []struct {
		name  string
		items []record
		want  string
	}{
		{"nothing", nil, recordHead},
		{"zero", []record{{}}, recordHead + ",,0,,,false,,,0,0\n"},
		{"all", []record{{
			Time: &at, Name: "a, b", Rate: 12345678.5, Timeout: &ms, Count: 3, On: true, Hidden: "x",
			Policies: []string{"read", "write"}, Params: map[string]string{"b": "2", "a": "1 0"}, Down: inner{-1, 0.00001},
		}}, recordHead + "2026-01-02T03:04:05.000006Z,\"a, b\",12345678.5,0,3,true,\"read,write\",a=1 0 b=2,-1,0.00001\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := List(&b, CSV, tt.items, []Column[record]{{Head: "NAME", Text: func(r record) string { return r.Name }}}); err != nil {
				t.Fatal(err)
			}
			if b.String() != tt.want {
				t.Errorf("\ngot  %q\nwant %q", b.String(), tt.want)
			}
		})
	}
}

// A row is there as soon as it is put.
func TestCSVStreams(t *testing.T) {
	var b bytes.Buffer
	s := NewStream[host](&b, CSV, nil)
	for i, want := range []string{"name,port\na,1\n", "b,2\n"} {
		if err := s.Put([]host{{"a", 1}, {"b", 2}}[i]); err != nil {
			t.Fatal(err)
		}
		if b.String() != want {
			t.Errorf("after row %d: %q, want %q", i, b.String(), want)
		}
		b.Reset()
	}
}

func TestCSVOfPointers(t *testing.T) {
	for _, items := range [][]*host{nil, {{"a", 1}}} {
		var b bytes.Buffer
		if err := List(&b, CSV, items, nil); err != nil {
			t.Fatal(err)
		}
		if want := []string{"name,port\n", "name,port\na,1\n"}[len(items)]; b.String() != want {
			t.Errorf("got %q, want %q", b.String(), want)
		}
	}
}

// What cannot be a column is an error, not a column of rubbish.
func TestCSVRefusesNesting(t *testing.T) {
	type nested struct {
		Down inner `json:"download"`
	}
	if err := List(&bytes.Buffer{}, CSV, []nested{{}}, nil); err == nil {
		t.Error("no error")
	}
}

func TestCSVReportsErrors(t *testing.T) {
	if err := List(brokenWriter{errBroken}, CSV, []host{{"a", 1}}, nil); err != errBroken {
		t.Errorf("error %v, want %v", err, errBroken)
	}
}

func TestGuardCell(t *testing.T) {
	for _, tt := range []struct{ cell, want string }{
		{"", ""},
		{"WAN-Download-1", "WAN-Download-1"},
		{"a=b", "a=b"},
		{"=1+2", "'=1+2"},
		{"=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")"},
		{"+49 30", "'+49 30"},
		{"-cmd", "'-cmd"},
		{"@SUM(A1)", "'@SUM(A1)"},
		{"-1", "-1"},
		{"-0.25", "-0.25"},
		{"+1e9", "+1e9"},
		{"\x1b[31mred", `\x1b[31mred`},
		{"\t=1", `\t=1`},
		{"two\nlines", `two\nlines`},
		{"\xff", `\xff`},
		{"Küche “x”", "Küche “x”"},
	} {
		if got := guardCell(tt.cell); got != tt.want {
			t.Errorf("guardCell(%q) = %q, want %q", tt.cell, got, tt.want)
		}
	}
}
