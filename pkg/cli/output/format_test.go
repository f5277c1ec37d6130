package output

import (
	"bytes"
	"strconv"
	"testing"
)

type host struct {
	Name string `json:"name"`
	Port int    `json:"port"`
}

var hostCols = []Column[host]{
	{Head: "NAME", Text: func(h host) string { return h.Name }},
	{Head: "PORT", Right: true, Text: func(h host) string { return ":" + strconv.Itoa(h.Port) }},
}

func TestList(t *testing.T) {
	hosts := []host{{"a<b", 80}, {"gateway, old", 8443}}
	for _, tt := range []struct {
		format Format
		want   string
	}{
		{Table, "NAME           PORT\na<b             :80\ngateway, old  :8443\n"},
		{JSON, "[\n  {\n    \"name\": \"a<b\",\n    \"port\": 80\n  },\n  {\n    \"name\": \"gateway, old\",\n    \"port\": 8443\n  }\n]\n"},
		{JSONL, "{\"name\":\"a<b\",\"port\":80}\n{\"name\":\"gateway, old\",\"port\":8443}\n"},
		{CSV, "name,port\na<b,80\n\"gateway, old\",8443\n"},
	} {
		var b bytes.Buffer
		if err := List(&b, tt.format, hosts, hostCols); err != nil {
			t.Fatalf("%s: %v", tt.format, err)
		}
		if b.String() != tt.want {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.format, b.String(), tt.want)
		}
	}
}

func TestListEmptyJSONIsAnArray(t *testing.T) {
	var b bytes.Buffer
	if err := List(&b, JSON, nil, hostCols); err != nil {
		t.Fatal(err)
	}
	if b.String() != "[]\n" {
		t.Errorf("got %q", b.String())
	}
}

func TestOne(t *testing.T) {
	for _, tt := range []struct {
		format Format
		want   string
	}{
		{Table, "a, port 1\n"},
		{JSON, "{\n  \"name\": \"a\",\n  \"port\": 1\n}\n"},
		{JSONL, "{\"name\":\"a\",\"port\":1}\n"},
		{CSV, "name,port\na,1\n"},
	} {
		var b bytes.Buffer
		if err := One(&b, tt.format, host{"a", 1}, "a, port 1\n"); err != nil {
			t.Fatalf("%s: %v", tt.format, err)
		}
		if b.String() != tt.want {
			t.Errorf("%s: got %q, want %q", tt.format, b.String(), tt.want)
		}
	}
}
