//go:build linux

package halab

import (
	"flag"
	"net/netip"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var wanctl = flag.String("halab.wanctl", "", "try the faults on this `PROGRAM` instead of building one")

func binary(t *testing.T) string {
	t.Helper()
	if err := missing(); err != nil {
		t.Skip(err)
	}
	path, err := filepath.Abs(*wanctl)
	if *wanctl == "" {
		path = filepath.Join(t.TempDir(), "wanctl")
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../../cmd/wanctl").CombinedOutput(); err != nil {
			t.Fatalf("building: %v\n%s", err, out)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestKill(t *testing.T) {
	s := newSite(t, binary(t), 2, 1)
	n := len(s.watch.writes)
	time.Sleep(5 * time.Second)
	m, _, _ := s.watch.counts()
	t.Logf("%d writes in 5 s", m-n)
	old := s.owner()
	at := s.kill(old)
	w := s.awaitWrite(at, netip.Addr{}, 10*time.Second)
	t.Logf("%v %v", w.at.Sub(at), w.from)
	t.Log(s.replay())
	t.Log(s.watch.stale)
}
