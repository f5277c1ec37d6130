//go:build linux

package lab_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/lab"
	"github.com/wanctl/wanctl/pkg/lab/labrun"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

var _ simrouter.Backend = (*lab.Backend)(nil)

// TestLabBackend holds what the simulated router does to its queues against
// what the kernel's own tool says of them.
func TestLabBackend(t *testing.T) {
	l := build(t, lab.Config{})
	b := lab.NewBackend(l, "down", "up")

	for _, set := range []struct {
		name, queue, dev, want string
		limit                  bitrate.Rate
	}{
		{"download", "down", "lan", "rate 37500Kbit ceil 37500Kbit", 37_500_000},
		{"upload", "up", "wan", "rate 9Mbit ceil 9Mbit", 9_000_000},
		{"no limit", "up", "wan", "rate 1Gbit ceil 1Gbit", 0},
	} {
		if err := b.SetMaxLimit(set.queue, set.limit); err != nil {
			t.Fatal(err)
		}
		out, err := l.Command(t.Context(), lab.Router, "tc", "class", "show", "dev", set.dev, "classid", "1:1").Output()
		if err != nil || !strings.Contains(string(out), set.want) {
			t.Errorf("%s: tc shows %v, %q, want %q", set.name, err, out, set.want)
		}
	}

	load, err := labrun.StartLoad(t.Context(), l, autorate.Download, 4, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := load.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := b.Counters("down"); err != nil {
		t.Fatal(err)
	}
	sleep(t.Context(), time.Second)
	if _, err := b.Counters("down"); err != nil {
		t.Fatal(err)
	}
	sleep(t.Context(), 600*time.Millisecond)
	c, err := b.Counters("down")
	if err != nil {
		t.Fatal(err)
	}
	if c.Bytes == 0 || c.Rate < 30*mbps || c.Rate > 38*mbps {
		t.Errorf("counters %+v under load, want bytes and a rate of about 37.5M", c)
	}
	if err := b.SetMaxLimit("WAN", mbps); err == nil {
		t.Error("a queue that does not exist was set")
	}
	if _, err := b.Counters("WAN"); err == nil {
		t.Error("a queue that does not exist was read")
	}
}
