package routeros

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

const simpleQueues = `/interface add name=ether1
/queue type add kind=cake name=rx
/queue type add kind=cake name=tx
/queue simple
add name=line target=ether1 max-limit=300M/30M queue=rx/tx
add name=guest target=10.0.0.7,fd00::1,10.1.2.3/16 max-limit=10M limit-at=1M/2M parent=line
`

func TestSimpleQueue(t *testing.T) {
	f := newFixture(t, Config{}, simpleQueues)
	for name, want := range map[string]map[string]string{
		"line": {
			"target": "ether1", "parent": "none", "queue": "rx/tx", "max-limit": "300000000/30000000", "limit-at": "0/0",
			"priority": "8/8", "bucket-size": "0.1/0.1", "burst-time": "0s/0s", "packet-marks": "", "disabled": "false", "invalid": "false",
			"bytes": "0/0", "queued-packets": "0/0", "total-bytes": "0", "total-max-limit": "0", "total-queue": "default-small",
		},
		"guest": {
			"target": "10.0.0.7/32,fd00::1/128,10.1.0.0/16", "parent": "line", "queue": "default-small/default-small",
			"max-limit": "10000000/10000000", "limit-at": "1000000/2000000",
		},
	} {
		row, ok := f.m.Row(simplePath, "name", name)
		if !ok {
			t.Fatalf("no queue %s", name)
		}
		got := map[string]string{}
		for k := range want {
			got[k] = row[k]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	f.must(simplePath, "set", ".id=line", "max-limit=5M")
	f.wantColumn(simplePath, "max-limit", "5000000/5000000", "10000000/10000000")
	f.must(simplePath, "add", "name=first", "target=ether1", "place-before=line")
	f.wantColumn(simplePath, "name", "first", "line", "guest")
	f.must(simplePath, "move", "numbers=first", "destination=guest")
	f.wantColumn(simplePath, "name", "line", "first", "guest")
}

func TestSimpleQueueRefusals(t *testing.T) {
	f := newFixture(t, Config{}, simpleQueues)
	for name, tt := range map[string]struct {
		command string
		args    []string
		want    string
	}{
		"limit below guarantee, A": {"set", []string{".id=guest", "max-limit=500k/10M"}, "failure: max-limit must not be less than limit-at"},
		"limit below guarantee, B": {"set", []string{".id=guest", "max-limit=10M/1M"}, "failure: max-limit must not be less than limit-at"},
		"total":                    {"set", []string{".id=guest", "total-max-limit=1M", "total-limit-at=2M"}, "failure: max-limit must not be less than limit-at"},
		"name taken":               {"add", []string{"name=line", "target=ether1"}, "failure: already have such name"},
		"name of another":          {"set", []string{".id=guest", "name=line"}, "failure: already have such name"},
		"no target":                {"add", []string{"name=x"}, "missing =target="},
		"empty target":             {"set", []string{".id=guest", "target=10.0.0.1,"}, "invalid value for argument target"},
		"unknown parent":           {"set", []string{".id=guest", "parent=nope"}, "input does not match any value of parent"},
		"interface as parent":      {"set", []string{".id=guest", "parent=ether1"}, "input does not match any value of parent"},
		"one type unknown":         {"set", []string{".id=line", "queue=rx/nope"}, "input does not match any value of queue"},
		"three limits":             {"set", []string{".id=line", "max-limit=1M/2M/3M"}, "invalid value for argument max-limit"},
		"half a pair":              {"set", []string{".id=line", "max-limit=1M/"}, "invalid value for argument max-limit"},
	} {
		t.Run(name, func(t *testing.T) {
			before := f.column(simplePath, "max-limit")
			_, err := f.do(nil, simplePath, tt.command, tt.args...)
			var e *Error
			if !errors.As(err, &e) || e.Text != tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if diff := cmp.Diff(before, f.column(simplePath, "max-limit")); diff != "" {
				t.Errorf("a refused change has an effect: %s", diff)
			}
		})
	}
	if _, err := f.do(nil, typePath, "remove", ".id=tx"); err == nil || err.Error() != "failure: queue type is in use" {
		t.Errorf("removing a type that a simple queue has: %v", err)
	}
	// The same name in the tree is another queue's.
	f.must(treePath, "add", "name=line", "parent=global")
}

func TestSimpleQueueInvalid(t *testing.T) {
	for name, script := range map[string]string{
		"parent removed":    `/queue simple remove line`,
		"parent renamed":    `/queue simple set line name=other`,
		"type renamed":      `/queue type set rx name=other; /queue simple set guest queue=tx`,
		"interface removed": `/interface remove ether1`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, Config{}, simpleQueues)
			f.wantColumn(simplePath, "invalid", "false", "false")
			f.load(script)
			if got := f.column(simplePath, "name", "invalid=true"); len(got) != 1 {
				t.Errorf("invalid: %v, want one", got)
			}
		})
	}
}

// pairBackend is a SimpleBackend with fixed counters.
type pairBackend struct {
	limits map[string][2]bitrate.Rate
	count  [2]router.Counters
	err    error
}

func (b *pairBackend) SetSimpleLimits(queue string, limits [2]bitrate.Rate) error {
	if b.err == nil {
		b.limits[queue] = limits
	}
	return b.err
}

func (b *pairBackend) SimpleCounters(string) ([2]router.Counters, error) { return b.count, b.err }

func TestSimpleBackend(t *testing.T) {
	b := &pairBackend{limits: map[string][2]bitrate.Rate{}, count: [2]router.Counters{{Bytes: 900, QueuedBytes: 7, Rate: 8}, {Bytes: 40, Packets: 4}}}
	f := newFixture(t, Config{Simple: b}, simpleQueues)
	f.must(simplePath, "set", ".id=line", "max-limit=250M/30M")
	want := map[string][2]bitrate.Rate{"line": {250 * bitrate.Mbps, 30 * bitrate.Mbps}, "guest": {10 * bitrate.Mbps, 10 * bitrate.Mbps}}
	if diff := cmp.Diff(want, b.limits); diff != "" {
		t.Errorf("limits: -want +got\n%s", diff)
	}
	row, _ := f.m.Row(simplePath, "name", "line")
	if row["bytes"] != "900/40" || row["total-bytes"] != "940" || row["packets"] != "0/4" || row["queued-bytes"] != "7/0" || row["rate"] != "8/0" {
		t.Errorf("counters: %v", row)
	}
	f.must(simplePath, "reset-counters", ".id=line")
	b.count[1].Bytes += 5

	// The real queue stays the same under another name; one that is added again
	// counts from zero.
	f.must(simplePath, "set", ".id=line", "name=other")
	f.must(simplePath, "set", ".id=other", "max-limit=1M/2M")
	if b.limits["line"] != [2]bitrate.Rate{bitrate.Mbps, 2 * bitrate.Mbps} {
		t.Errorf("limits of a renamed queue: %v", b.limits)
	}
	if row, _ = f.m.Row(simplePath, "name", "other"); row["bytes"] != "0/5" {
		t.Errorf("after a reset: %v", row["bytes"])
	}
	f.must(simplePath, "remove", ".id=other")
	f.must(simplePath, "add", "name=line", "target=ether1")
	if row, _ = f.m.Row(simplePath, "name", "line"); row["bytes"] != "0/0" {
		t.Errorf("after it was added again: %v", row["bytes"])
	}

	b.err = errors.New("tc: no such device")
	if _, err := f.do(nil, simplePath, "set", ".id=line", "max-limit=9M"); err == nil || err.Error() != "failure: tc: no such device" {
		t.Errorf("a failing backend: %v", err)
	}
	if row, _ = f.m.Row(simplePath, "name", "line"); row["max-limit"] != "0/0" {
		t.Errorf("after a failure: %v", row["max-limit"])
	}
}
