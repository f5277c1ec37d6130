package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// What every run has in common.
const (
	password = "hunter2-of-the-faults"

	ceiling = 500 // of the download, in Mbit/s, and its limit at the start
	floor   = 100

	startWait = 20 * time.Second // for the program to run
	endWait   = 20 * time.Second // for it to end
	checkWait = 10 * time.Second // for the health that is expected

	// maxPeak bounds the resident memory in MiB.
	maxPeak = 64
)

// script is the router.
const script = `/interface add name=bridge1 type=bridge
/interface add name=ether1 type=ether
/queue tree
add name=WAN-Download-1 parent=bridge1 max-limit=500M
add name=WAN-Upload-1 parent=ether1 max-limit=40M
add name=Other parent=bridge1 max-limit=77M
/user group add name=wanctl policy=read,write,rest-api,api,ssh
/user add name=wanctl group=wanctl password=` + password + "\n"

// run is one fault being tried.
type run struct {
	fault  *Fault
	binary string
	dir    string
	router *simrouter.Router
	config map[string]any

	cmd    *exec.Cmd
	ended  chan struct{} // closed when cmd has ended
	stderr lockedBuffer
	peak   int // KiB

	clients  sync.WaitGroup
	problems []string
}

// Try runs the program at binary, does to it what f says, and returns what came of it.
// dir is empty, and of this run alone.
func Try(ctx context.Context, binary, dir string, f *Fault) Result {
	start := time.Now()
	r := &run{fault: f, binary: binary, dir: dir}
	ctx, cancel := context.WithCancel(ctx)
	if err := r.try(ctx); err != nil {
		r.problemf("%v", err)
	}
	cancel()
	r.clients.Wait()
	writes := 0
	if r.router != nil {
		writes = r.router.Writes()
		_ = r.router.Close()
	}
	return Result{
		Group: f.Group, Name: f.Name, OK: len(r.problems) == 0, Problems: r.problems,
		Seconds: time.Since(start).Seconds(), PeakMiB: float64(r.peak) / 1024, Writes: writes,
	}
}

func (r *run) problemf(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func (r *run) try(ctx context.Context) error {
	if err := r.startRouter(ctx); err != nil {
		return err
	}
	for _, step := range r.fault.Before {
		if err := r.step(ctx, step); err != nil {
			return err
		}
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	defer r.kill()
	if r.fault.Expect.Exit != nil && len(r.fault.During) == 0 {
		return r.expectExit(*r.fault.Expect.Exit)
	}
	if err := r.awaitHealth(ctx, "healthy", "", startWait); err != nil {
		return fmt.Errorf("start: %w; standard error: %s", err, r.stderr.String())
	}
	return r.disturb(ctx)
}

// disturb does what the fault is, checks what comes of it, and ends it and the program.
func (r *run) disturb(ctx context.Context) error {
	for _, step := range r.fault.During {
		if err := r.step(ctx, step); err != nil {
			return err
		}
	}
	e := &r.fault.Expect
	if e.Exit != nil {
		return r.expectExit(*e.Exit)
	}
	health := e.Health
	if health == "" {
		health = "healthy"
	}
	if err := r.awaitHealth(ctx, health, e.Reason, e.Within.or(checkWait)); err != nil {
		r.problemf("during the fault: %v", err)
	}
	for _, step := range r.fault.After {
		if err := r.step(ctx, step); err != nil {
			return err
		}
	}
	if err := r.awaitHealth(ctx, "healthy", "", e.Recover.or(checkWait)); err != nil {
		r.problemf("after the fault: %v", err)
	}
	r.awaitLimit(e.Limit)
	if n := r.router.Writes(); e.Writes != nil && n > *e.Writes {
		r.problemf("%d writes, more than %d", n, *e.Writes)
	}
	r.end()
	return nil
}

func (r *run) startRouter(ctx context.Context) (err error) {
	r.router, err = simrouter.New(simrouter.Config{Plain: true, Script: script, ScriptName: "faults.rsc"})
	if err != nil {
		return err
	}
	service := simrouter.WWW
	transport := "rest"
	switch r.fault.Service {
	case "api":
		service, transport = simrouter.API, "api"
	case "ssh":
		service, transport = simrouter.SSH, "ssh"
	}
	if err := r.router.StartService(ctx, service, "127.0.0.1:0"); err != nil {
		return err
	}
	host, port := r.router.HostPortOf(service)
	section := map[string]any{"transport": transport, "host": host, "port": port, "user": "wanctl", "password": password}
	if service == simrouter.SSH {
		section["ssh_fingerprint"] = r.router.SSHFingerprint()
	} else {
		section["tls"] = false
	}
	r.config = map[string]any{
		"wan_name": "wan", "router": section,
		"queues":       map[string]any{"download": "WAN-Download-1", "upload": "WAN-Upload-1"},
		"lock_file":    r.path("run/wan.lock"),
		"state_file":   r.path("state/wan.json"),
		"logging":      map[string]any{"main_log": r.path("log/wan.log"), "debug_log": r.path("log/wan.debug")},
		"health_check": map[string]any{"port": 0},
		"continuous_monitoring": map[string]any{
			"baseline_rtt_initial": 1, "ping_hosts": []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"},
			"download": map[string]any{"ceiling_mbps": ceiling, "floor_mbps": floor}, "upload": map[string]any{"ceiling_mbps": 40, "floor_mbps": 10},
			"fallback_checks": map[string]any{"enabled": false},
		},
	}
	merge(r.config, r.fault.Config)
	for _, dir := range []string{"run", "state", "log"} {
		if err := os.MkdirAll(r.path(dir), 0o755); err != nil {
			return err
		}
	}
	return r.writeConfig()
}

// merge puts the keys of more into those of m.
func merge(m, more map[string]any) {
	for key, v := range more {
		section, isSection := v.(map[string]any)
		if old, ok := m[key].(map[string]any); ok && isSection {
			merge(old, section)
			continue
		}
		m[key] = v
	}
}

func (r *run) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(r.dir, name)
}

// writeConfig writes the configuration, as JSON, which is YAML too.
func (r *run) writeConfig() error {
	text, err := json.MarshalIndent(r.config, "", "  ")
	if err != nil {
		return err
	}
	text = bytes.ReplaceAll(text, []byte("$DIR"), []byte(r.dir))
	return os.WriteFile(r.path("wan.yaml"), text, 0o600)
}

func (r *run) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.binary, args...)
	if r.fault.Ulimit != "" {
		cmd = exec.CommandContext(ctx, "sh", append([]string{"-c", "ulimit " + r.fault.Ulimit + ` && exec "$0" "$@"`, r.binary}, args...)...)
	}
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), r.fault.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// start starts the program.
func (r *run) start(ctx context.Context) error {
	_ = os.Remove(r.path("log/wan.log")) // in which the address of this start is looked for
	cmd := r.command(ctx, "shape", "--config", "wan.yaml", "-o", "jsonl")
	cmd.Stderr = &r.stderr
	var ends []*os.File
	switch r.fault.Unread {
	case "stderr", "stdout":
		read, write, err := fullPipe()
		if err != nil {
			return err
		}
		if r.fault.Unread == "stderr" {
			cmd.Stderr = write
		} else {
			cmd.Stdout = write
		}
		ends = append(ends, read, write)
	case "notify":
		fd, err := fullSocket(r.path("notify"))
		if err != nil {
			return err
		}
		cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+r.path("notify"))
		ends = append(ends, fd)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	r.cmd, r.ended = cmd, ended
	go func() {
		_ = cmd.Wait() // its status is asked for
		for _, f := range ends {
			_ = f.Close()
		}
		close(ended)
	}()
	return nil
}

func (r *run) isOver() bool {
	select {
	case <-r.ended:
		return true
	default:
		r.measure()
		return false
	}
}

var peakLine = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// measure notes the peak of the resident memory.
func (r *run) measure() {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	if m := peakLine.FindSubmatch(text); err == nil && m != nil {
		kib, _ := strconv.Atoi(string(m[1]))
		r.peak = max(r.peak, kib)
	}
}

func (r *run) kill() {
	if !r.isOver() {
		_ = r.cmd.Process.Kill()
		<-r.ended
	}
}

// expectExit waits for the program to end by itself.
func (r *run) expectExit(status int) error {
	if !r.wait(func() bool { return r.isOver() }, startWait) {
		return fmt.Errorf("it runs on, and should have ended with status %d", status)
	}
	if got := r.cmd.ProcessState.ExitCode(); got != status {
		r.problemf("exit status %d, want %d", got, status)
	}
	r.checkFiles()
	return nil
}

// end tells the program to end and checks what it leaves.
func (r *run) end() {
	r.measure()
	if r.peak > maxPeak<<10 {
		r.problemf("%d MiB of memory, more than %d", r.peak>>10, maxPeak)
	}
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	if !r.wait(func() bool { return r.isOver() }, endWait) {
		r.problemf("SIGTERM does not end it within %v", endWait)
		return
	}
	if got := r.cmd.ProcessState.ExitCode(); got != 0 {
		r.problemf("exit status %d after SIGTERM", got)
	}
	var state any
	if text, err := os.ReadFile(r.path("state/wan.json")); err != nil || json.Unmarshal(text, &state) != nil {
		r.problemf("the state file is not whole: %v", err)
	}
	if _, err := os.Stat(r.path("run/wan.lock")); !errors.Is(err, os.ErrNotExist) {
		r.problemf("a lock file is left: %v", err)
	}
	r.checkFiles()
	r.checkQueues()
}

// checkFiles checks what was printed and logged.
func (r *run) checkFiles() {
	e := &r.fault.Expect
	log, _ := os.ReadFile(r.path("log/wan.log"))
	text := r.stderr.String()
	if !strings.Contains(text, e.Stderr) {
		r.problemf("standard error lacks %q: %s", e.Stderr, tail(text))
	}
	if !strings.Contains(string(log), e.Log) {
		r.problemf("the log lacks %q: %s", e.Log, tail(string(log)))
	}
	if strings.Contains(text+string(log), password) {
		r.problemf("the password is in the log or in standard error")
	}
}

// checkQueues checks that no limit was written that must not be.
func (r *run) checkQueues() {
	for name, bounds := range map[string][2]bitrate.Rate{
		"WAN-Download-1": {floor * bitrate.Mbps, ceiling * bitrate.Mbps},
		"WAN-Upload-1":   {10 * bitrate.Mbps, 40 * bitrate.Mbps},
		"Other":          {77 * bitrate.Mbps, 77 * bitrate.Mbps},
	} {
		if q, ok := r.router.Queue(name); ok && (q.MaxLimit < bounds[0] || q.MaxLimit > bounds[1]) {
			r.problemf("the limit of %s is %v, outside [%v, %v]", name, q.MaxLimit, bounds[0], bounds[1])
		}
	}
}

// awaitLimit waits for the limit of the download, in Mbit/s.
func (r *run) awaitLimit(want int) {
	if want == 0 {
		want = ceiling
	}
	rate := bitrate.Rate(want) * bitrate.Mbps
	limit := func() bitrate.Rate {
		q, _ := r.router.Queue("WAN-Download-1")
		return q.MaxLimit
	}
	if !r.wait(func() bool { return limit() == rate }, checkWait) {
		r.problemf("the limit is %v, want %v", limit(), rate)
	}
}

// wait waits until done holds, for most at most, and reports whether it does.
func (r *run) wait(done func() bool, most time.Duration) bool {
	for end := time.Now().Add(most); ; time.Sleep(20 * time.Millisecond) {
		if done() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

func tail(s string) string { return s[max(0, len(s)-600):] }

// lockedBuffer is a buffer that is read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex // protects the following field
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
