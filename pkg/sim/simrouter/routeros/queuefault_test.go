package routeros

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

func (f *fixture) counter(path, queue, name string) string {
	f.Helper()
	row, ok := f.m.Row(path, "name", queue)
	if !ok {
		f.Fatalf("no queue %s", queue)
	}
	return row[name]
}

func TestQueueThatCarriesNothing(t *testing.T) {
	for name, tt := range map[string]struct{ off, on func(f *fixture) error }{
		"bypassed": {
			func(f *fixture) error { return f.m.Bypass("a", true) },
			func(f *fixture) error { return f.m.Bypass("a", false) },
		},
		"disabled": {
			func(f *fixture) error { f.must(treePath, "disable", ".id=a"); return nil },
			func(f *fixture) error { f.must(treePath, "enable", ".id=a"); return nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := &real{limits: map[string]bitrate.Rate{}, count: router.Counters{Bytes: 100, Packets: 10}}
			f := newFixture(t, Config{Backend: b}, twoQueues)
			if err := tt.off(f); err != nil {
				t.Fatal(err)
			}
			before := f.counter(treePath, "a", "bytes")
			b.count.Bytes += 5000
			if got := f.counter(treePath, "a", "bytes"); got != before {
				t.Errorf("%s bytes, want %s as before", got, before)
			}
			if b.limits["a"] != 0 {
				t.Errorf("its limit is %v", b.limits["a"])
			}
			f.must(treePath, "set", ".id=a", "max-limit=9M")
			if b.limits["a"] != 0 || f.counter(treePath, "a", "max-limit") != "9000000" {
				t.Error("a new limit is to be shown, and to limit nothing")
			}
			if err := tt.on(f); err != nil {
				t.Fatal(err)
			}
			got := f.counter(treePath, "a", "bytes")
			b.count.Bytes += 7
			if after := f.counter(treePath, "a", "bytes"); after == got || len(after) > 3 {
				t.Errorf("%s bytes, then %s: what passed by is counted", got, after)
			}
			if b.limits["a"] != 9*bitrate.Mbps {
				t.Errorf("its limit is %v, want 9M", b.limits["a"])
			}
		})
	}
}

func TestBypassedQueueWithoutBackend(t *testing.T) {
	f := newFixture(t, Config{}, simpleQueues)
	set := func(bytes uint64) {
		if err := f.m.SetSimpleCounters("line", [2]router.Counters{{Bytes: bytes}}); err != nil {
			t.Fatal(err)
		}
	}
	set(5)
	if err := f.m.Bypass("line", true); err != nil {
		t.Fatal(err)
	}
	set(6)
	if got := f.counter(simplePath, "line", "bytes"); got != "5/0" {
		t.Errorf("bytes %s", got)
	}
}

func TestDropsInsideOfALeaf(t *testing.T) {
	const script = `/queue type
add kind=cake name=cake
add kind=fq-codel name=fq
/queue tree
add name=cake parent=global queue=cake
add name=fq parent=global queue=fq
add name=fifo parent=global
add name=pcq parent=global queue=pcq-upload-default
`
	for name, tt := range map[string]struct {
		quirks Quirks
		want   []string
	}{
		"strict":              {Quirks{}, []string{"0", "0", "3", "3"}},
		"where all are known": {Quirks{CountsLeafDrops: true}, []string{"3", "3", "3", "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := &real{limits: map[string]bitrate.Rate{}, count: router.Counters{Bytes: 9, Dropped: 3}}
			f := newFixture(t, Config{Backend: b, Quirks: tt.quirks}, script)
			f.wantColumn(treePath, "dropped", tt.want...)
		})
	}
	f := newFixture(t, Config{}, script)
	if err := f.m.SetCounters("fq", router.Counters{Dropped: 1}); err == nil || !strings.Contains(err.Error(), "counts-leaf-drops") {
		t.Errorf("drops that are never counted: %v", err)
	}
	if err := f.m.SetCounters("pcq", router.Counters{Dropped: 1}); err != nil {
		t.Error(err)
	}
}

func TestRecreatedAndSwappedQueues(t *testing.T) {
	f := newFixture(t, Config{}, twoQueues)
	if err := f.m.SetCounters("a", router.Counters{Bytes: 5}); err != nil {
		t.Fatal(err)
	}
	id := f.counter(treePath, "a", argID)
	if err := f.m.Recreate("a"); err != nil {
		t.Fatal(err)
	}
	f.wantColumn(treePath, "name", "b", "a")
	row, _ := f.m.Row(treePath, "name", "a")
	if row[argID] == id || row["bytes"] != "0" || row["max-limit"] != "500000000" {
		t.Errorf("added again: %v", row)
	}
	if _, err := f.do(nil, treePath, "set", ".id="+id, "max-limit=1M"); err == nil || err.Error() != "no such item" {
		t.Errorf("the old id: %v", err)
	}

	ids := f.column(treePath, argID)
	if err := f.m.SwapNames("a", "b"); err != nil {
		t.Fatal(err)
	}
	f.wantColumn(treePath, "name", "a", "b")
	if diff := cmp.Diff(ids, f.column(treePath, argID)); diff != "" {
		t.Errorf("ids move with the names: %s", diff)
	}
	f.must(treePath, "set", ".id=a", "limit-at=0", "max-limit=2M") // by name it is the other row now
	f.wantColumn(treePath, "max-limit", "2000000", "500000000")
	for _, err := range []error{f.m.SwapNames("a", "nope"), f.m.SwapNames("nope", "a"), f.m.Recreate("nope"), f.m.Bypass("nope", true)} {
		if err == nil {
			t.Error("an unknown queue is accepted")
		}
	}
}
