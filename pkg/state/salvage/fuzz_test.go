package salvage

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// documents are intact files to be damaged.
func documents() []string {
	return []string{
		`{"download": {"green_streak": 5, "soft_red_streak": 2, "red_streak": 1, "current_rate": 920000000.4}, ` +
			`"upload": {"green_streak": 0, "extra": [1, 2.50, {"a": "]"}], "more": {"x": {"y": "z"}}, "current_rate": 42000000}, ` +
			`"ewma": {"baseline_rtt": 23.4, "load_rtt": NaN, "alpha": 0.015}, "last_applied": {"dl_rate": null, "ul_rate": 42000000}, ` +
			`"congestion": {"dl_state": "SOFT_RED", "zone": "}{"}, "timestamp": "2025-01-08T12:00:00.000000", ` +
			`"measurement": {"backend": "fping", "tag": "<a&\"b\": >", "n": -1e3}, "last": true}`,
		`{"download":{"current_rate":920000000,"green_streak":5},"ewma":{"baseline_rtt":23.4},"odd":[[],[{"k":[{}]}],{}],` +
			`"timestamp":"2026-11-23T01:02:03.456789","upload":{},"wanctl":{"law":{"version":1,"noise_ms":1.5,` +
			`"download":{"capacity_bps":900000000,"age_seconds":12}},"saved_at":"2026-11-23T01:02:03.456789Z","version":1}}`,
		"{\n  \"current_state\": \"SPECTRUM_GOOD\",\n  \"history_rtt\": [24.1, 30, -0.5],\n  \"transitions\": [{\"at\": \"2026-01-02\", \"from\": \"A\"}, \"text\", 7],\n" +
			"  \"empty\": [],\n  \"names\": {\"a.b\": \"c, d\", \"q\": \"\\\\\"},\n  \"cake_read_failures\": 4\n}\n",
	}
}

// leaf is a value of an intact document that holds no members, or a list.
type leaf struct {
	path  []string
	value string
	// What must be intact for the value to be readable: from its name to the
	// byte that ends it, and from the names of the objects around it to their
	// braces.
	spans [][2]int
	end   int // of the value itself
}

func leaves(s scanner, i int, path []string, around [][2]int) (all []leaf) {
	for i = s.space(i + 1); s.at(i) != '}'; {
		end, _ := s.quoted(i)
		name := unquote(s.text[i:end])
		value := s.space(s.space(end) + 1)
		last, _ := s.value(value, 0)
		under := append(slices.Clone(path), name)
		delimiter := s.space(last) + 1
		if s.at(value) == '{' {
			all = append(all, leaves(s, value, under, append(slices.Clone(around), [2]int{i, value + 1}))...)
		} else {
			all = append(all, leaf{under, string(s.text[value:last]), append(slices.Clone(around), [2]int{i, delimiter}), last})
		}
		if i = s.space(last); s.at(i) == ',' {
			i = s.space(i + 1)
		}
	}
	return all
}

func find(n *Node, path []string) string {
	if n == nil {
		return ""
	}
	if n.Text != nil {
		return lookup(n.Text, path)
	}
	if len(path) == 0 {
		return ""
	}
	return find(n.Members[path[0]], path[1:])
}

func lookup(text json.RawMessage, path []string) string {
	if len(path) == 0 {
		return string(text)
	}
	members, _, err := Object(text)
	if err != nil || members[path[0]] == nil {
		return ""
	}
	return lookup(members[path[0]], path[1:])
}

// shapeOf is what a backup of the document would tell.
func shapeOf(doc string) *Shape {
	members, _, err := Object([]byte(doc))
	if err != nil {
		panic(err)
	}
	shape := &Shape{}
	shape.Learn(members)
	return shape
}

// checkTruncation cuts doc at every place at and requires what stands before.
func checkTruncation(t *testing.T, doc string, shape *Shape, cut int) {
	t.Helper()
	got := Read([]byte(doc[:cut]), shape)
	for _, l := range leaves(scanner{text: []byte(doc)}, 0, nil, nil) {
		last := l.value[len(l.value)-1]
		complete := l.end
		if '0' <= last && last <= '9' {
			complete++ // another digit could follow
		}
		if complete <= cut && find(got, l.path) != l.value {
			t.Fatalf("cut at %d of %s\n%s is %q, want %q", cut, doc[:cut], strings.Join(l.path, "."), find(got, l.path), l.value)
		}
		if complete > cut && find(got, l.path) == l.value {
			t.Fatalf("cut at %d: %s is read, though it is not all there", cut, l.path)
		}
	}
}

// checkFlip turns one bit and requires every value that the bit is no part of.
func checkFlip(t *testing.T, doc string, shape *Shape, at int, bit uint) {
	t.Helper()
	text := []byte(doc)
	text[at] ^= 1 << bit
	if members, _, err := Object(text); err == nil && members != nil {
		return // not damaged as far as anybody can tell
	}
	got := Read(text, shape)
	for _, l := range leaves(scanner{text: []byte(doc)}, 0, nil, nil) {
		if slices.ContainsFunc(l.spans, func(s [2]int) bool { return s[0] <= at && at < s[1] }) {
			continue
		}
		if find(got, l.path) != l.value {
			t.Fatalf("byte %d: %q became %q in\n%s\n%s is %q, want %q", at, doc[at], text[at], text, strings.Join(l.path, "."), find(got, l.path), l.value)
		}
	}
}

func TestEveryTruncation(t *testing.T) {
	for _, doc := range documents() {
		end := strings.LastIndexByte(doc, '}')
		for cut := range end {
			checkTruncation(t, doc, nil, cut)
			checkTruncation(t, doc, shapeOf(doc), cut)
		}
	}
}

func TestEveryFlippedBit(t *testing.T) {
	for _, doc := range documents() {
		shape := shapeOf(doc)
		for at := range doc {
			for bit := range uint(8) {
				checkFlip(t, doc, shape, at, bit)
			}
		}
	}
}

// Whatever the text: reading ends, and everything said to be intact is JSON that
// stands in the text.
func FuzzRead(f *testing.F) {
	for _, doc := range documents() {
		f.Add([]byte(doc), uint16(0), byte(1))
		f.Add([]byte(doc[:len(doc)/2]), uint16(77), byte(3))
	}
	shape := shapeOf(documents()[0])
	f.Fuzz(func(t *testing.T, text []byte, at uint16, turn byte) {
		if len(text) > 0 {
			text = bytes.Clone(text)
			text[int(at)%len(text)] ^= turn
		}
		for _, s := range []*Shape{nil, shape} {
			checkNode(t, text, Read(text, s))
		}
	})
}

func checkNode(t *testing.T, text []byte, n *Node) {
	t.Helper()
	whole := append([]json.RawMessage{}, n.Items...)
	if n.Text != nil {
		whole = append(whole, n.Text)
	}
	for _, w := range whole {
		if end, err := (scanner{text: w}).value(0, 0); err != nil || end != len(w) || !bytes.Contains(text, w) {
			t.Fatalf("%q is no value of %q", w, text)
		}
	}
	for _, m := range n.Members {
		checkNode(t, text, m)
	}
}
