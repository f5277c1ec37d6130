package simrouter

import "testing"

func TestQuirksByName(t *testing.T) {
	var q Quirks
	for _, n := range q.Named() {
		if *n.on {
			t.Errorf("%s is on by default", n.Name)
		}
		if err := q.Switch(n.Name); err != nil || !*n.on {
			t.Errorf("%s: %v", n.Name, err)
		}
	}
	if err := q.Switch("no-such-thing"); err == nil {
		t.Error("an unknown quirk is accepted")
	}
}
