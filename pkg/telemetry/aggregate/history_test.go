package aggregate

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// samples are n, a second apart, the last one so long ago.
func samples(n int, ago time.Duration) []history.Point {
	var list []history.Point
	for i := range n {
		list = append(list, history.Point{At: time.Now().Add(-ago - time.Duration(n-1-i)*time.Second).Round(0)})
	}
	return list
}

func TestHistoryOfAHost(t *testing.T) {
	dir := t.TempDir()
	dsl := loop(t, filepath.Join(dir, "dsl"), "dsl")
	lte := loop(t, filepath.Join(dir, "lte"), "lte")
	s := steer(t, filepath.Join(dir, "steer"), "dsl")
	h := New("1")
	wans := []WAN{{Name: "dsl", Loop: daemonsock.New(dsl.path), State: left}, {Name: "lte", Loop: daemonsock.New(lte.path), State: left}}
	h.Set(wans, []Steering{{Name: "steering", Primary: "dsl", Daemon: daemonsock.New(s.path), State: steeringLeft}})
	look := func(since time.Time) string {
		h.surveys.forget()
		h.history.forget()
		x := h.History(t.Context(), since)
		var texts []string
		for _, e := range x.Events {
			texts = append(texts, e.Text)
		}
		return fmt.Sprintf("dsl %d lte %d events %s", len(x.WANs["dsl"]), len(x.WANs["lte"]), strings.Join(texts, " "))
	}
	expect := func(what, want string) {
		t.Helper()
		if got := look(time.Time{}); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	expect("nothing yet", "dsl 0 lte 0 events ")
	at := func(ago time.Duration) time.Time { return time.Now().Add(-ago).Round(0) }
	dsl.past.Add(history.Window{WANs: map[string][]history.Point{"dsl": samples(5, time.Minute), "strange": samples(1, 0)},
		Events: []history.Event{{At: at(62 * time.Second), WAN: "dsl", Text: "2"}}})
	lte.past.Add(history.Window{WANs: map[string][]history.Point{"lte": samples(3, time.Minute)},
		Events: []history.Event{{At: at(63 * time.Second), WAN: "lte", Text: "1"}}})
	s.past.Add(history.Window{WANs: map[string][]history.Point{"dsl": samples(9, 0)}, // not its own to tell
		Events: []history.Event{{At: at(61 * time.Second), WAN: "dsl", Text: "3"}}})
	expect("three daemons", "dsl 5 lte 3 events 1 2 3")
	expect("and nothing twice", "dsl 5 lte 3 events 1 2 3")
	dsl.past.Add(history.Window{WANs: map[string][]history.Point{"dsl": samples(2, 30*time.Second)}})
	expect("what is new", "dsl 7 lte 3 events 1 2 3")
	if got := look(at(45 * time.Second)); got != "dsl 2 lte 0 events " {
		t.Errorf("since 45 s: %s", got)
	}

	// What a loop did is known after its end, and its successor goes on.
	dsl.stop()
	expect("after its end", "dsl 7 lte 3 events 1 2 3")
	h.Set(wans, nil)
	expect("after a reload", "dsl 7 lte 3 events 1 2")
	dsl = loop(t, filepath.Join(dir, "dsl"), "dsl")
	expect("its successor has done nothing", "dsl 7 lte 3 events 1 2")
	dsl.past.Add(history.Window{WANs: map[string][]history.Point{"dsl": samples(1, time.Second)}})
	expect("its successor", "dsl 8 lte 3 events 1 2")

	// A loop whose clock was set back tells all anew; nothing is there twice.
	lte.stop()
	lte = loop(t, filepath.Join(dir, "lte"), "lte")
	h.list()[1].past.newest = time.Now().Add(time.Hour)
	lte.past.Add(history.Window{WANs: map[string][]history.Point{"lte": samples(2, 0)}})
	expect("set back", "dsl 8 lte 2 events 2")

	// So does one that ran on, with what it had told already.
	h.list()[1].past.newest = time.Now().Add(time.Hour)
	expect("set back while it ran", "dsl 8 lte 2 events 2")
	h.Set(wans[:1], nil)
	if x := h.History(t.Context(), time.Time{}); len(x.WANs) != 1 {
		t.Errorf("a WAN that was removed is still told of: %v", x.WANs)
	}
}
