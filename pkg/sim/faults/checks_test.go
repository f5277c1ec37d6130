package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// maxPeak bounds the resident memory in MiB, unless a fault has its own bound.
const maxPeak = 64

// expectExit waits for the program to end by itself.
func (r *run) expectExit(status int) error {
	if !r.wait(r.main.isOver, startWait) {
		return fmt.Errorf("it runs on, and should have ended with status %d", status)
	}
	killed := r.fault.Expect.Killed && r.main.cmd.ProcessState.ExitCode() == -1
	if got := r.main.cmd.ProcessState.ExitCode(); got != status && !killed {
		r.problemf("exit status %d, want %d", got, status)
	}
	r.checkPeak()
	r.checkText()
	r.checkQueues()
	return nil
}

// end tells the program to end and checks what it leaves.
func (r *run) end() {
	r.measure()
	r.checkPeak()
	_ = r.main.cmd.Process.Signal(syscall.SIGTERM)
	if !r.wait(r.main.isOver, endWait) {
		r.problemf("SIGTERM does not end it within %v", endWait)
		return
	}
	if got := r.main.cmd.ProcessState.ExitCode(); got != 0 {
		r.problemf("exit status %d after SIGTERM", got)
	}
	if name := states[r.main.program]; name != "" {
		var state map[string]any
		if text, err := os.ReadFile(r.path(name)); err != nil || json.Unmarshal(text, &state) != nil {
			r.problemf("the state file is not whole: %v", err)
		}
	}
	if name := locks[r.main.program]; name != "" {
		if _, err := os.Stat(r.path(name)); !errors.Is(err, os.ErrNotExist) {
			r.problemf("a lock file is left: %v", err)
		}
	}
	r.checkText()
	r.checkQueues()
}

func (r *run) checkPeak() {
	most := maxPeak
	if own := r.fault.Expect.Peak; own != 0 {
		most = own
	}
	if r.peak > most<<10 {
		r.problemf("%d MiB of memory, more than %d", r.peak>>10, most)
	}
}

// checkText checks what was printed and logged.
func (r *run) checkText() {
	e := &r.fault.Expect
	log, _ := os.ReadFile(r.main.log)
	text := r.main.stderr.String()
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

// checkQueues checks that nothing was written that must not be.
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
	if r.ruleEnabled(rule + " (not this one)") {
		r.problemf("another rule was enabled")
	}
}

// awaitLimit waits for the limit of the download, in Mbit/s, for most at most.
func (r *run) awaitLimit(want int, most time.Duration) {
	if want == 0 {
		want = ceiling
	}
	rate := bitrate.Rate(want) * bitrate.Mbps
	limit := func() bitrate.Rate {
		q, _ := r.router.Queue("WAN-Download-1")
		return q.MaxLimit
	}
	if !r.wait(func() bool { return limit() == rate }, most) {
		r.problemf("the limit is %v, want %v", limit(), rate)
	}
}

// awaitRule waits until the rule of the steering is enabled or disabled.
func (r *run) awaitRule(enabled bool) {
	if !r.wait(func() bool { return r.ruleEnabled(rule) == enabled }, startWait) {
		r.problemf("the rule is enabled: %v, want %v", !enabled, enabled)
	}
}

func (r *run) ruleEnabled(comment string) bool {
	row, ok := r.router.State().Row("/ip/firewall/mangle", "comment", comment)
	return ok && row["disabled"] != "true"
}
