package routeros

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

// real is a Backend that notes what it is asked.
type real struct {
	limits map[string]bitrate.Rate
	count  router.Counters
	asked  []string
	err    error
}

func (b *real) SetMaxLimit(queue string, limit bitrate.Rate) error {
	if b.err == nil {
		b.limits[queue] = limit
	}
	return b.err
}

func (b *real) Counters(queue string) (router.Counters, error) {
	b.asked = append(b.asked, queue)
	return b.count, b.err
}

func TestBackend(t *testing.T) {
	b := &real{limits: map[string]bitrate.Rate{}, count: router.Counters{Bytes: 100, Packets: 10, Dropped: 1, QueuedBytes: 7, Rate: 9}}
	f := newFixture(t, Config{Backend: b}, twoQueues)
	want := map[string]bitrate.Rate{"a": 500 * bitrate.Mbps, "b": 40 * bitrate.Mbps}
	if diff := cmp.Diff(want, b.limits); diff != "" {
		t.Errorf("initial limits: -want +got\n%s", diff)
	}
	f.must("/queue/tree", "set", ".id=a", "max-limit=300M")
	if b.limits["a"] != 300*bitrate.Mbps {
		t.Errorf("limit of a is %v", b.limits["a"])
	}
	b.limits["a"] = 0
	f.must("/queue/tree", "set", ".id=a", "comment=x", "max-limit=300M")
	if b.limits["a"] != 0 {
		t.Error("an unchanged limit was told again")
	}

	// Counters are fetched where they are printed, and nowhere else.
	b.asked = nil
	for _, c := range []Command{
		{Path: "/queue/tree", Name: "print", Proplist: []string{".id", "name"}},
		{Path: "/queue/tree", Name: "print", Proplist: []string{"bytes"}, Query: []string{"name=b"}},
		{Path: "/queue/tree", Name: "print", Query: []string{"name=b", "name=zz", "#|"}},
	} {
		if _, err := f.m.Run(nil, c); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"b", "b"}, b.asked); diff != "" {
		t.Errorf("counters asked for: -want +got\n%s", diff)
	}
	f.must("/queue/tree", "reset-counters", ".id=a")
	b.count.Bytes = 130
	row, _ := f.m.Row("/queue/tree", "name", "a")
	if row["bytes"] != "30" || row["dropped"] != "0" || row["queued-bytes"] != "7" || row["rate"] != "9" {
		t.Errorf("after a reset: %v", row)
	}

	// An invalid queue keeps its limit and limits nothing.
	b.limits["a"] = 300 * bitrate.Mbps
	f.must("/interface", "set", "numbers=bridge1", "name=other")
	f.must("/queue/tree", "set", ".id=a", "max-limit=200M")
	if row, _ := f.m.Row("/queue/tree", "name", "a"); row["invalid"] != "true" || row["max-limit"] != "200000000" || b.limits["a"] != 0 {
		t.Errorf("an invalid queue has %v, and really %v", row, b.limits["a"])
	}
	f.must("/interface", "set", "numbers=other", "name=bridge1")
	if b.limits["a"] != 200*bitrate.Mbps {
		t.Errorf("a queue that is valid again has %v", b.limits["a"])
	}
	f.must("/queue/tree", "set", ".id=a", "max-limit=300M")

	// The bandwidth of the leaf is none of the tree.
	f.must("/queue/type", "add", "name=leaf", "kind=cake", "cake-bandwidth=10M")
	f.must("/queue/tree", "set", ".id=a", "queue=leaf")
	if b.limits["a"] != 300*bitrate.Mbps {
		t.Errorf("with cake-bandwidth in the leaf: %v", b.limits["a"])
	}

	b.err = errors.New("tc: no such device")
	if _, err := f.do(nil, "/queue/tree", "set", ".id=a", "max-limit=1M"); err == nil || err.Error() != "failure: tc: no such device" {
		t.Errorf("a failing backend: %v", err)
	}
	row, _ = f.m.Row("/queue/tree", "name", "a")
	if row["max-limit"] != "300000000" || row["bytes"] != "30" {
		t.Errorf("after a failure: %v; want the old limit and the last counters", row)
	}
}
