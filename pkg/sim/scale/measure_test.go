package scale

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// wansPerRouter is how many WANs share a router, as at a small provider's site.
const wansPerRouter = 10

// Result is what n WANs cost.
type Result struct {
	WANs           int
	Starting       time.Duration // until every loop had been tried
	CPU            float64       // cores, of the program alone
	RoutersCPU     float64       // cores, of the simulated routers
	Memory         float64       // resident, in bytes
	LateP50        float64       // seconds, of the beginnings of ticks
	LateP99        float64
	Ticks          float64 // a second, of all WANs; 20 for each is all of them
	ProbesSent     float64 // a second
	Replies        float64
	RouterRequests float64
	RouterErrors   float64
	Goroutines     float64
	Load           string // average of the host in the last minute
}

// Setup says what to measure.
type Setup struct {
	Program string   // wanctl
	Routers []string // command that runs Routers, the number of WANs behind its arguments
	Dir     string   // a directory for everything
	WANs    int
	Settle  time.Duration // after the start
	For     time.Duration
}

// Measure runs the program with WANs whose links are idle enough that nothing is cut and
// busy enough that counters are read at the full rate.
func Measure(ctx context.Context, s Setup) (r Result, err error) {
	r.WANs = s.WANs
	ports, routers, stop, err := startRouters(ctx, s.Routers, s.WANs)
	if err != nil {
		return r, err
	}
	defer stop()
	address, err := freeAddress(ctx)
	if err != nil {
		return r, err
	}
	if err := configure(s.Dir, address, ports, s.WANs); err != nil {
		return r, err
	}
	began := time.Now()
	p := exec.CommandContext(ctx, s.Program, "run", "--config-dir", s.Dir, "--log-level", "warn")
	p.Env = append(os.Environ(), "GODEBUG=schedtrace=2000000000") // as in the unit
	var log bytes.Buffer
	p.Stderr = &log
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.Start(); err != nil {
		return r, err
	}
	defer func() {
		_ = p.Process.Signal(syscall.SIGTERM)
		if ended := p.Wait(); err == nil && ended != nil {
			err = fmt.Errorf("%w\n%s", ended, &log)
		}
	}()
	if err := waitReady(ctx, address); err != nil {
		return r, err
	}
	r.Starting = time.Since(began)
	if err := sleep(ctx, s.Settle); err != nil {
		return r, err
	}
	if err := r.measure(ctx, p.Process.Pid, routers, address, s.For); err != nil {
		return r, fmt.Errorf("%w\n%s", err, &log)
	}
	return r, nil
}

// measure compares two readings. The CPU time is that between them, without what
// reading costs.
func (r *Result) measure(ctx context.Context, pid, routers int, address string, window time.Duration) error {
	before, err := scrape(ctx, address)
	if err != nil {
		return err
	}
	start, used, usedThere := time.Now(), cpuTime(pid), cpuTime(routers)
	if err := sleep(ctx, window); err != nil {
		return err
	}
	used, usedThere = cpuTime(pid)-used, cpuTime(routers)-usedThere
	took := time.Since(start)
	after, err := scrape(ctx, address)
	if err != nil {
		return err
	}
	apart := after.at.Sub(before.at).Seconds()
	rate := func(name string) float64 { return (after.sums[name] - before.sums[name]) / apart }
	r.CPU, r.RoutersCPU = used.Seconds()/took.Seconds(), usedThere.Seconds()/took.Seconds()
	r.Memory = after.sums["process_resident_memory_bytes"]
	r.Goroutines = after.sums["go_goroutines"]
	r.Ticks = rate("wanctl_cycles_total")
	r.ProbesSent, r.Replies = rate("wanctl_probes_sent_total"), rate("wanctl_probe_replies_total")
	r.RouterRequests, r.RouterErrors = rate("wanctl_router_requests_total"), rate("wanctl_router_errors_total")
	r.LateP50, r.LateP99 = quantile(before, after, 0.5), quantile(before, after, 0.99)
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		r.Load, _, _ = strings.Cut(string(text), " ")
	}
	return nil
}

// configure writes a configuration for each WAN. Each has reflectors of its own.
func configure(dir, health string, ports []int, wans int) error {
	_, port, err := net.SplitHostPort(health)
	if err != nil {
		return err
	}
	for i := range wans {
		name := fmt.Sprintf("wan%04d", i)
		text := fmt.Sprintf(`wan_name: %[1]s
router: {transport: api, host: 127.0.0.1, port: %[2]d, user: wanctl, password: wanctl}
queues: {download: %[1]s-down, upload: %[1]s-up}
lock_file: %[3]s/run/%[1]s.lock
state_file: %[3]s/state/%[1]s.json
logging: {main_log: %[3]s/log/%[1]s.log}
health_check: {port: %[4]s}
continuous_monitoring:
  ping_hosts: [127.%[5]d.%[6]d.1, 127.%[5]d.%[6]d.2, 127.%[5]d.%[6]d.3]
  download: {ceiling_mbps: 100, floor_mbps: 10}
  upload: {ceiling_mbps: 20, floor_mbps: 2}
  fallback_checks: {tcp_targets: ["127.0.0.1:1"], gateway_ip: 127.0.0.1}
`, name, ports[i/wansPerRouter], dir, port, 1+i/250, 1+i%250)
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func freeAddress(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// waitReady waits until every loop has been tried.
func waitReady(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/-/ready", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("waiting until %s is ready: %w", address, err)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// cpuTime returns the processor time that a process has used: its kernel's, too.
func cpuTime(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	ticks := 0
	for _, i := range []int{11, 12} { // utime and stime, after the name and without the first two
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100 everywhere
}
