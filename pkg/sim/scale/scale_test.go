package scale

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
)

var (
	program = flag.String("scale.wanctl", "", "measure this `PROGRAM`")
	numbers = flag.String("scale.wans", "1,200,1000", "measure these `NUMBERS` of WANs")
	window  = flag.Duration("scale.for", 20*time.Second, "measure for this `TIME` each")
)

// TestMain lets this test binary be the simulated routers.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "routers" {
		n, err := strconv.Atoi(os.Args[2])
		if err == nil {
			err = Routers(context.Background(), n, os.Stdin, os.Stdout)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func setup(t *testing.T, wans int) Setup {
	t.Helper()
	if access, err := hostnet.ICMPAccess(); access == hostnet.NoICMP {
		t.Skip(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "wanctl") // a short path: a socket's has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return Setup{Program: *program, Routers: []string{self, "routers"}, Dir: dir, WANs: wans, Settle: 10 * time.Second, For: *window}
}

// TestScale prints the table of `make bench-run`.
func TestScale(t *testing.T) {
	if *program == "" {
		t.Skip("make bench-run")
	}
	fmt.Printf("echoes by %s sockets\n\n", map[bool]string{true: "ping", false: "raw"}[hostnet.MayPing()])
	fmt.Println("| WANs | ready after | CPU | of the routers | of a core, each | a tick | memory | each | late p50 | p99 | ticks/s | probes/s | answered | requests/s | errors/s | goroutines | load |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, text := range strings.Split(*numbers, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Measure(t.Context(), setup(t, n))
		if err != nil {
			t.Fatal(err)
		}
		wans := float64(n)
		fmt.Printf("| %d | %.1f s | %.2f cores | %.2f | %.2f %% | %.0f µs | %.0f MiB | %.0f KiB | %.1f ms | %.1f ms | %.0f of %d | %.0f | %.1f %% | %.0f | %.1f | %.0f | %s |\n",
			n, r.Starting.Seconds(), r.CPU, r.RoutersCPU, 100*r.CPU/wans, 1e6*r.CPU/math.Max(r.Ticks, 1), r.Memory/(1<<20), r.Memory/wans/(1<<10), 1e3*r.LateP50, 1e3*r.LateP99,
			r.Ticks, 20*n, r.ProbesSent, 100*r.Replies/math.Max(r.ProbesSent, 1), r.RouterRequests, r.RouterErrors, r.Goroutines, r.Load)
	}
}

// A few WANs for a moment: what is measured is there.
func TestMeasure(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	s := setup(t, 12) // two routers
	s.Program = filepath.Join(t.TempDir(), "wanctl")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", s.Program, "../../../cmd/wanctl").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	s.Settle, s.For = time.Second, 2*time.Second
	r, err := Measure(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]float64{
		"CPU": r.CPU, "memory": r.Memory, "ticks": r.Ticks, "probes": r.ProbesSent, "replies": r.Replies,
		"requests": r.RouterRequests, "goroutines": r.Goroutines, "lateness": r.LateP99,
	} {
		if value <= 0 {
			t.Errorf("%s: %v", name, value)
		}
	}
	if r.RouterErrors != 0 {
		t.Errorf("%.1f router errors a second", r.RouterErrors)
	}
}

func TestQuantile(t *testing.T) {
	before := reading{late: map[float64]float64{0.001: 10, 0.01: 20, math.Inf(1): 20}}
	after := reading{late: map[float64]float64{0.001: 60, 0.01: 118, math.Inf(1): 120}}
	for q, want := range map[float64]float64{0.25: 0.0005, 0.5: 0.001, 0.98: 0.01, 0.999: 0.01} {
		if got := quantile(before, after, q); math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := quantile(reading{}, reading{}, 0.5); got != 0 {
		t.Errorf("quantile of nothing is %v", got)
	}
}
