package calibratecmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/calibrate"
	"github.com/wanctl/wanctl/pkg/config"
)

const (
	iperf3Port = "5201"
	// stopWithin is how long iperf3 may take to tell its server that it ends.
	stopWithin = 2 * time.Second
	// A server is busy for a moment after each test.
	busyTries, busyPause = 5, time.Second
)

// iperf3 is a load that an iperf3 on this host makes with a server of the user.
type iperf3 struct {
	host, port string
	streams    int
	bind       []string // arguments that lead it over the WAN
}

var _ calibrate.Load = (*iperf3)(nil)

// newIperf3 returns the load with a server at HOST or HOST:PORT, over the way that the
// probes of the WAN take.
func newIperf3(server string, streams int, cfg *config.WAN) (*iperf3, error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		host, port = strings.Trim(server, "[]"), iperf3Port
	}
	if n, err := strconv.Atoi(port); host == "" || strings.HasPrefix(host, "-") || err != nil || n < 1 || n > 65535 {
		return nil, fmt.Errorf("%q: write HOST or HOST:PORT, IPv6 in brackets", server)
	}
	l := &iperf3{host: host, port: port, streams: streams}
	switch {
	case cfg.PingInterface != "":
		l.bind = []string{"--bind-dev", cfg.PingInterface}
	case cfg.PingSource != "":
		l.bind = []string{"--bind", cfg.PingSource}
	}
	return l, nil
}

func (l *iperf3) server() string { return net.JoinHostPort(l.host, l.port) }

// check makes sure that iperf3 is there and the server answers, with next to no data.
func (l *iperf3) check(ctx context.Context) error {
	_, err := l.call(ctx, autorate.Upload, "--bytes", "1K")
	return err
}

// Run implements calibrate.Load.
func (l *iperf3) Run(ctx context.Context, d autorate.Direction, length time.Duration) (calibrate.Transfer, error) {
	ramp := calibrate.RampUp(length)
	seconds := func(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
	report, err := l.call(ctx, d, "--omit", seconds(ramp), "--time", seconds(length-ramp))
	if err != nil {
		return calibrate.Transfer{}, err
	}
	t := calibrate.Transfer{Rate: bitrate.Rate(report.End.Received.BitsPerSecond)}
	if sent := report.End.Sent; sent.Bytes > 0 {
		t.Resent = min(1, float64(sent.Retransmits)*float64(report.Start.MSS)/float64(sent.Bytes))
	}
	return t, nil
}

// report is what is used of the JSON of iperf3.
type report struct {
	Error string `json:"error"`
	Start struct {
		MSS int `json:"tcp_mss_default"`
	} `json:"start"`
	End struct {
		Sent struct {
			Bytes       uint64 `json:"bytes"`
			Retransmits uint64 `json:"retransmits"`
		} `json:"sum_sent"`
		Received struct {
			BitsPerSecond float64 `json:"bits_per_second"`
		} `json:"sum_received"`
	} `json:"end"`
}

// call runs iperf3. A server that is busy is asked again.
func (l *iperf3) call(ctx context.Context, d autorate.Direction, how ...string) (r report, err error) {
	for try := 1; ; try++ {
		if r, err = l.callOnce(ctx, d, how...); err == nil || !errors.Is(err, errBusy) || try == busyTries {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, context.Cause(ctx)
		case <-time.After(busyPause):
		}
	}
}

func (l *iperf3) callOnce(ctx context.Context, d autorate.Direction, how ...string) (r report, err error) {
	args := append([]string{"--client", l.host, "--port", l.port, "--parallel", strconv.Itoa(l.streams), "--json", "--connect-timeout", "5000"}, l.bind...)
	if hasCubic() {
		args = append(args, "--congestion", "cubic") // others measure less of a queue
	}
	if d == autorate.Download {
		args = append(args, "--reverse")
	}
	cmd := exec.CommandContext(ctx, "iperf3", append(args, how...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopWithin
	// Ctrl-C on the terminal is for this program, which ends it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	failed := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return r, context.Cause(ctx)
	case errors.Is(failed, exec.ErrNotFound):
		return r, errors.New("iperf3 is not installed on this host: apt-get install iperf3, apk add iperf3 or opkg install iperf3; or watch the traffic of users with --watch 10m")
	}
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		return r, fmt.Errorf("iperf3: %s", firstLine(stderr.String(), stdout.String(), fmt.Sprint(failed)))
	}
	if r.Error != "" {
		return r, l.explain(r.Error)
	}
	if failed != nil {
		return r, fmt.Errorf("iperf3: %w", failed)
	}
	return r, nil
}

var (
	errBusy        = errors.New("is busy with the test of somebody else; wait a minute, or name another server with --iperf3 HOST:PORT")
	errNoServer    = errors.New("does not answer; start one there with 'iperf3 -s', admit its port in the firewall, or name another with --iperf3 HOST:PORT")
	errUnknownName = errors.New("is not a name that this host can resolve; check --iperf3")
)

// explain returns an error of iperf3 in words that say what to do.
func (l *iperf3) explain(text string) error {
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(strings.ToLower(text), w) {
				return true
			}
		}
		return false
	}
	var why error
	switch {
	case has("busy"):
		why = errBusy
	case has("name or service", "name resolution", "resolve", "no address associated"):
		why = errUnknownName
	case has("unable to connect", "refused", "timed out", "unreachable", "no route"):
		why = errNoServer
	default:
		return fmt.Errorf("iperf3 with the server %s: %s", l.server(), text)
	}
	return fmt.Errorf("the iperf3 server %s %w (%s)", l.server(), why, text)
}

// firstLine returns the first line of the first text that has one.
func firstLine(texts ...string) string {
	for _, text := range texts {
		if line, _, _ := strings.Cut(strings.TrimSpace(text), "\n"); line != "" {
			return line
		}
	}
	return "no answer"
}

// hasCubic reports whether this host can send with CUBIC, as most hosts do.
func hasCubic() bool {
	known, err := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
	return err == nil && strings.Contains(string(known), "cubic")
}
