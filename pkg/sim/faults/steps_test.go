package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/remote"
)

// Steps lists the steps of a fault. Paths are relative to the directory of the run.
// wan.yaml, run/wan.lock, state/wan.json and log/wan.log belong to shape, and those with
// steering in the place of wan to steer.
const Steps = `router COMMAND      a command of 'wanctl sim control', such as: router fault reset times=3
signal NAME         HUP, TERM, INT, STOP, CONT, ABRT, QUIT, USR1, USR2, PIPE
loop NAME           a signal to the loop beside steer or serve, KILL for its end; start: a new start
kill                SIGKILL, and a new start
start               a new start, after it has ended
second STATUS       another instance, which must end with the status
wanctl STATUS ARGS  a command beside the daemon, which must end with the status
ceiling MBPS        the configuration of shape with another ceiling of the download, and SIGHUP
reload              SIGHUP
queues N            so many further queues on the router
load MBPS           the download's queue carries so much until the end
backlog PACKETS     the download's queue holds so many
limit MBPS          until the limit of the download is that
rule STATE          until the rule of the steering is enabled or disabled
health STATUS       until it is healthy or degraded
clients KIND N      hostile clients of the health port until the end: ` + ClientKinds + `
await PATH TEXT     until the file has the text, at most 20 s
says TEXT           until its standard error has the text, at most 20 s
wait DURATION       for what is about time; otherwise await its effect
` + fileSteps + "\n" + hostSteps + "\n" + networkSteps

// steps carries out several of Steps.
func (r *run) steps(ctx context.Context, lines []string) error {
	for _, line := range lines {
		verb, rest, _ := strings.Cut(line, " ")
		known := false
		for _, of := range []func(context.Context, string, string) (bool, error){r.step, r.hostStep, r.networkStep, r.fileStep} {
			var err error
			if known, err = of(ctx, verb, rest); err != nil {
				return fmt.Errorf("step %q: %w", line, err)
			}
			if known {
				break
			}
		}
		if !known {
			return fmt.Errorf("step %q: unknown; one of:\n%s", line, Steps)
		}
	}
	return nil
}

// step carries out a step about program, router or clients; false for another one.
func (r *run) step(ctx context.Context, verb, rest string) (bool, error) {
	first, other, _ := strings.Cut(rest, " ")
	switch verb {
	case "router":
		return true, remote.Do(r.router, rest)
	case "signal":
		return true, r.main.signal(rest)
	case "loop":
		if rest == "start" {
			return true, r.startLoop(ctx)
		}
		return true, r.loop.signal(rest)
	case "kill":
		r.main.kill()
		return true, r.start(ctx)
	case "start":
		return true, r.start(ctx)
	case "second":
		return true, r.second(ctx, rest)
	case "wanctl":
		ctx, cancel := context.WithTimeout(ctx, startWait)
		defer cancel()
		return true, r.expectStatus(first, r.command(ctx, strings.Fields(other)...))
	case "ceiling":
		return true, r.setCeiling(rest)
	case "reload":
		return true, r.main.signal("HUP")
	case "queues":
		return true, r.addQueues(rest)
	case "load":
		return true, r.load(ctx, rest)
	case "backlog":
		n, err := strconv.ParseUint(rest, 10, 32)
		return true, errors.Join(err, r.router.SetCounters("WAN-Download-1", router.Counters{QueuedPackets: n}))
	case "limit":
		n, err := strconv.Atoi(rest)
		r.awaitLimit(n, checkWait)
		return true, err
	case "rule":
		r.awaitRule(rest == "enabled")
		return true, nil
	case "health":
		return true, r.awaitHealth(ctx, r.main, rest, "", startWait)
	case "clients":
		return true, r.startClients(ctx, first, other)
	case "await":
		return true, r.awaitText(r.path(first), other)
	case "says":
		has := func() bool { return strings.Contains(r.main.stderr.String(), rest) }
		if !r.wait(has, startWait) {
			return true, fmt.Errorf("not after %v: %s", startWait, tail(r.main.stderr.String()))
		}
		return true, nil
	case "wait":
		d, err := time.ParseDuration(rest)
		if err != nil {
			return true, err
		}
		return true, pause(ctx, d)
	}
	return false, nil
}

func (p *process) signal(name string) error {
	number := unix.SignalNum("SIG" + name)
	if number == 0 {
		return errors.New("no such signal")
	}
	return p.cmd.Process.Signal(number)
}

// awaitText waits until the file has the text.
func (r *run) awaitText(path, text string) error {
	var content []byte
	var err error
	has := func() bool {
		content, err = os.ReadFile(path)
		return strings.Contains(string(content), text)
	}
	if !r.wait(has, startWait) {
		return fmt.Errorf("not there after %v: %w", startWait, errors.Join(err, errors.New(tail(string(content)))))
	}
	return nil
}

// setCeiling writes the configuration with another ceiling of the download, and has it
// read.
func (r *run) setCeiling(mbps string) error {
	n, err := strconv.Atoi(mbps)
	if err != nil {
		return err
	}
	merge(r.config, map[string]any{"continuous_monitoring": map[string]any{"download": map[string]any{"ceiling_mbps": n}}})
	if err := r.writeJSON("wan.yaml", r.config); err != nil {
		return err
	}
	return r.main.signal("HUP")
}

// addQueues adds n queues to the router.
func (r *run) addQueues(n string) error {
	count, err := strconv.Atoi(n)
	if err != nil {
		return err
	}
	var script strings.Builder
	script.WriteString("/queue tree\n")
	for i := range count {
		fmt.Fprintf(&script, "add name=WAN-Download-%d parent=bridge1 max-limit=1M\n", i+1000)
	}
	return r.router.Run(script.String())
}

// load has the counters of the download's queue count until ctx ends.
func (r *run) load(ctx context.Context, mbps string) error {
	n, err := strconv.ParseUint(mbps, 10, 32)
	if err != nil {
		return err
	}
	start := time.Now()
	r.clients.Go(func() {
		for pause(ctx, 50*time.Millisecond) == nil {
			bytes := uint64(time.Since(start).Seconds() * float64(n) * 1e6 / 8)
			_ = r.router.SetCounters("WAN-Download-1", router.Counters{Bytes: bytes, Packets: bytes / 1500})
		}
	})
	return nil
}
