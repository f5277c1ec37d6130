package probe

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wanctl/wanctl/pkg/lab/delayline"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// longLine connects this namespace by a delay line to another one, of kernels
// that answer for 198.51.100.1 to 3.
func longLine(t *testing.T) *delayline.Line {
	t.Helper()
	// Not t.Context(): that ends before the cleanups, and the device with it, while
	// the line still reads it.
	far := exec.CommandContext(context.Background(), "sleep", "60")
	far.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := far.Start(); err != nil {
		t.Skipf("needs a second network namespace: %v", err)
	}
	t.Cleanup(func() { _ = far.Process.Kill(); _ = far.Wait() })
	pid := fmt.Sprint(far.Process.Pid)
	near, there := openTUN(t, "near"), openTUN(t, "far")
	ip(t, "addr", "add", "192.0.2.2/32", "dev", "near")
	ip(t, "link", "set", "near", "up")
	ip(t, "route", "add", "198.51.100.0/24", "dev", "near", "src", "192.0.2.2")
	ip(t, "link", "set", "far", "netns", pid)
	for _, args := range []string{
		"link set lo up", "link set far up", "route add 192.0.2.2/32 dev far",
		"addr add 198.51.100.1/32 dev lo", "addr add 198.51.100.2/32 dev lo", "addr add 198.51.100.3/32 dev lo",
	} {
		cmd := exec.CommandContext(t.Context(), "nsenter", append([]string{"--net=/proc/" + pid + "/ns/net", "--", "ip"}, strings.Fields(args)...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", args, err, out)
		}
	}
	line, err := delayline.Start(near, there, 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := line.Stop(); err != nil {
			t.Error(err)
		}
	})
	return line
}

func openTUN(t *testing.T, name string) *os.File {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("needs TUN devices: %v", err)
	}
	req, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		t.Fatalf("making TUN device %s: %v", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// Real kernels, real packets: the direction in which the line grows longer is the
// one that is reported.
func TestKernelAnswersTimestampRequests(t *testing.T) {
	if !namespaced(t) {
		return
	}
	line := longLine(t)
	epoch := time.Now()
	g, err := New(Config{Targets: []string{"198.51.100.1", "198.51.100.2", "198.51.100.3"}, Method: ICMP, Epoch: epoch, Source: "192.0.2.2", Interface: "near"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()

	path := rtt.Path{Interval: DefaultInterval}
	// watch observes events for d and returns what the views of the last second
	// of it show in the middle.
	watch := func(d time.Duration, empty bool) (up, down time.Duration, reported bool) {
		var ups, downs []time.Duration
		n := 0
		end := time.Since(epoch) + d
		for e := range g.Events() {
			path.Observe(e, empty)
			if e.Kind != rtt.Reply {
				continue
			}
			if v := path.View(e.At); e.At > end-time.Second {
				n++
				if v.OneWay {
					ups, downs = append(ups, v.Up), append(downs, v.Down)
				}
			}
			if e.At > end {
				break
			}
		}
		if len(ups) < n*3/4 || n == 0 {
			return 0, 0, false
		}
		slices.Sort(ups)
		slices.Sort(downs)
		return ups[len(ups)/2], downs[len(downs)/2], true
	}
	const ms = time.Millisecond
	for _, tt := range []struct {
		name        string
		forth, back time.Duration
		lasts       time.Duration
	}{
		{"empty", 10 * ms, 10 * ms, 6 * time.Second},
		{"upload", 50 * ms, 10 * ms, 2 * time.Second},
		{"download", 10 * ms, 40 * ms, 2 * time.Second},
		{"empty again", 10 * ms, 10 * ms, 2 * time.Second},
	} {
		line.SetDelay(delayline.Forth, tt.forth)
		line.SetDelay(delayline.Back, tt.back)
		up, down, reported := watch(tt.lasts, tt.name == "empty")
		if late := line.Stats().LateP99; late > 5*ms {
			t.Skipf("the machine is too busy: packets leave the line %v late", late)
		}
		t.Logf("%s: up %v, down %v", tt.name, up, down)
		if !reported || (up-(tt.forth-10*ms)).Abs() > 3*ms || (down-(tt.back-10*ms)).Abs() > 3*ms {
			t.Errorf("%s: up %v, down %v, reported %v; want %v and %v", tt.name, up, down, reported, tt.forth-10*ms, tt.back-10*ms)
		}
	}
	cancel()
	for range g.Events() {
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
