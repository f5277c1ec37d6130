package endurance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/state"
)

// Kills kills a daemon again and again.
type Kills struct {
	Binary  string
	Dir     string // empty, and of this run alone
	Service simrouter.Service
	Seed    uint64
	Count   int // how often it is killed

	rng     *rand.Rand
	router  *simrouter.Router
	section map[string]any // of the router in the configuration
	ceiling int
	saves   *watch
	newest  time.Time // of the states seen in the file
	left    int       // files in its directory that killed saves have left
}

// Killed is what came of one kill.
type Killed struct {
	When     string        // what it was in the middle of
	Lived    time.Duration // since it was started
	Restart  time.Duration // from the next start to its first decision; 0: that was killed before
	MidSave  bool          // a file that was being saved is left
	Problems []string
}

// When the daemon is killed.
const (
	atStart = "start" // within the time that a start takes
	atRun   = "run"   // while it controls
	atFirst = "first save"
	atSave  = "later save"
	atWrite = "write" // a limit is being written to the router
)

const (
	routerPassword = "hunter2-of-the-kills"
	highCeiling    = 500 // of the download, in Mbit/s
	lowCeiling     = 400
	lowestLimit    = 100
	// startWait is how long a start may take before it counts as one that never
	// controls; what is asked for is startLimit.
	startWait = 20 * time.Second
	waitLimit = 10 * time.Second // for a save or a write to be killed in
)

const routerScript = `/interface add name=bridge1 type=bridge
/interface add name=ether1 type=ether
/queue tree
add name=WAN-Download-1 parent=bridge1 max-limit=500M
add name=WAN-Upload-1 parent=ether1 max-limit=40M
add name=Other parent=bridge1 max-limit=77M
/user group add name=wanctl policy=read,write,rest-api,api,ssh
/user add name=wanctl group=wanctl password=` + routerPassword + "\n"

// Run kills the daemon Count times, then starts it once more and ends it in order. Its
// moments depend on Seed alone, as far as the machine allows. done is called after each.
func (k *Kills) Run(ctx context.Context, done func(Killed)) error {
	k.rng = rand.New(rand.NewPCG(k.Seed, 9))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := k.prepare(ctx); err != nil {
		return err
	}
	defer func() { _ = k.router.Close() }()
	var err error
	if k.saves, err = newWatch(k.path("state")); err != nil {
		return err
	}
	defer k.saves.close()
	var load sync.WaitGroup
	defer load.Wait()
	defer cancel()
	load.Go(func() { k.load(ctx) })

	var last *Killed
	for range k.Count {
		p, err := k.start(ctx)
		if err != nil {
			return err
		}
		killed := &Killed{When: k.draw()}
		k.await(ctx, p, killed, last)
		k.end(p, killed)
		if last != nil {
			done(*last)
		}
		last = killed
	}
	return k.endInOrder(ctx, last, done)
}

// draw returns when the daemon is killed next.
func (k *Kills) draw() string {
	switch n := k.rng.IntN(100); {
	case n < 20:
		return atStart
	case n < 50:
		return atRun
	case n < 70:
		return atFirst
	case n < 73:
		return atSave
	}
	return atWrite
}

// await waits for the moment at which p is killed. A start that is waited for ends what
// the last kill was to show.
func (k *Kills) await(ctx context.Context, p *process, killed, last *Killed) {
	if last == nil {
		last = &Killed{}
	}
	switch killed.When {
	case atStart:
		pause(ctx, k.upTo(300*time.Millisecond))
		return
	case atFirst:
		select {
		case <-k.saves.changed:
		case <-time.After(waitLimit):
			killed.problemf("nothing is saved: %s", p.log())
		}
		pause(ctx, k.upTo(2*time.Millisecond))
		return
	}
	if !p.decides(ctx) {
		last.problemf("the next start controls nothing: %s", p.errors())
		return
	}
	last.Restart = p.controls.Sub(p.started)
	switch killed.When {
	case atRun:
		k.changeFor(ctx, p, k.upTo(700*time.Millisecond), nil)
	case atSave:
		pause(ctx, time.Second) // the first one is over
		k.saves.drain()
		k.changeFor(ctx, p, waitLimit, k.saves.changed)
		pause(ctx, k.upTo(2*time.Millisecond))
	case atWrite:
		writes := k.router.Requests()
		k.reload(p)
		for end := time.Now().Add(waitLimit); k.router.Requests() < writes+k.rng.IntN(3) && time.Now().Before(end); {
			pause(ctx, 100*time.Microsecond)
		}
		pause(ctx, k.upTo(20*time.Millisecond))
	}
}

func (k *Kills) upTo(most time.Duration) time.Duration {
	return time.Duration(k.rng.Int64N(int64(most)))
}

// changeFor changes the limits again and again, for most at most or until stop.
func (k *Kills) changeFor(ctx context.Context, p *process, most time.Duration, stop <-chan struct{}) {
	for end := time.Now().Add(most); time.Now().Before(end); {
		k.reload(p)
		select {
		case <-stop:
			return
		case <-ctx.Done():
			return
		case <-time.After(min(time.Until(end), 50*time.Millisecond+k.upTo(200*time.Millisecond))):
		}
	}
}

// reload has the daemon change a limit: the ceiling is another one.
func (k *Kills) reload(p *process) {
	k.ceiling = highCeiling + lowCeiling - k.ceiling
	if k.writeConfig() == nil {
		_ = p.cmd.Process.Signal(syscall.SIGHUP)
	}
}

// end kills p and checks what it leaves.
func (k *Kills) end(p *process, killed *Killed) {
	before := k.newest
	if w, err := k.state(); err == nil {
		before = w.Timestamp
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
	killed.Lived = time.Since(p.started)
	k.saves.drain()
	left := len(k.leftovers("state"))
	killed.MidSave, k.left = left > k.left, left
	w, err := k.state()
	switch {
	case errors.Is(err, os.ErrNotExist) && before.IsZero():
	case err != nil:
		killed.problemf("the state: %v", err)
	case w.Timestamp.Before(before):
		killed.problemf("the state is of %v, and one of %v was saved", w.Timestamp, before)
	case w.Download.CurrentRate > highCeiling*bitrate.Mbps || w.Download.CurrentRate < lowestLimit*bitrate.Mbps:
		killed.problemf("the state has a limit of %v", w.Download.CurrentRate)
	default:
		k.newest = w.Timestamp
	}
	if owner, held, err := state.Holder(k.path("run/wan.lock")); held || err != nil {
		killed.problemf("the lock is held by %v, %v", owner, err)
	}
	killed.Problems = append(killed.Problems, k.wrongLimits()...)
	if text := p.log(); strings.Contains(text, "state file") || strings.Contains(text, "level=ERROR") {
		killed.problemf("the log: %s", text)
	}
	if strings.Contains(p.errors(), "panic") {
		killed.problemf("standard error: %s", p.errors())
	}
}

func (k *Kills) state() (state.WAN, error) { return state.OpenWAN(k.path("state/wan.json")).ReadOnly() }

// wrongLimits returns what is wrong with the router.
func (k *Kills) wrongLimits() (problems []string) {
	for name, bounds := range map[string][2]bitrate.Rate{
		"WAN-Download-1": {lowestLimit * bitrate.Mbps, highCeiling * bitrate.Mbps},
		"WAN-Upload-1":   {10 * bitrate.Mbps, 40 * bitrate.Mbps},
		"Other":          {77 * bitrate.Mbps, 77 * bitrate.Mbps},
	} {
		if q, ok := k.router.Queue(name); !ok || q.MaxLimit < bounds[0] || q.MaxLimit > bounds[1] {
			problems = append(problems, fmt.Sprintf("the limit of %s is %v", name, q.MaxLimit))
		}
	}
	return problems
}

func (k *Killed) problemf(format string, args ...any) {
	k.Problems = append(k.Problems, fmt.Sprintf(format, args...))
}

// endInOrder starts the daemon once more, has it remove what the killed ones left, and
// ends it.
func (k *Kills) endInOrder(ctx context.Context, last *Killed, done func(Killed)) error {
	defer func() { done(*last) }()
	long := time.Now().Add(-2 * time.Minute)
	for _, path := range k.leftovers("run", "state") {
		if err := os.Chtimes(path, long, long); err != nil { // as if they were there for long
			return err
		}
	}
	p, err := k.start(ctx)
	if err != nil {
		return err
	}
	if !p.decides(ctx) {
		last.problemf("the last start controls nothing: %s", p.errors())
	} else {
		last.Restart = p.controls.Sub(p.started)
		k.changeFor(ctx, p, 6*time.Second, nil) // beyond a save
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(startWait):
		last.problemf("SIGTERM does not end it")
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	if status := p.cmd.ProcessState.ExitCode(); status != 0 {
		last.problemf("exit status %d after SIGTERM: %s", status, p.errors())
	}
	if left := k.leftovers("run", "state"); len(left) > 0 {
		last.problemf("left behind: %v", left)
	}
	return nil
}

// leftovers returns what is in the directories of lock and state and is neither the
// state, nor its backup, nor the history.
func (k *Kills) leftovers(dirs ...string) (all []string) {
	for _, dir := range dirs {
		entries, _ := os.ReadDir(k.path(dir))
		for _, e := range entries {
			if name := e.Name(); !strings.HasPrefix(name, "wan.json") && !e.IsDir() {
				all = append(all, k.path(dir+"/"+name))
			}
		}
	}
	return all
}

func (k *Kills) path(name string) string { return filepath.Join(k.Dir, name) }

// prepare starts the router and writes the configuration.
func (k *Kills) prepare(ctx context.Context) (err error) {
	k.router, err = simrouter.New(simrouter.Config{Plain: true, Script: routerScript, ScriptName: "kills.rsc"})
	if err != nil {
		return err
	}
	if err := k.router.StartService(ctx, k.Service, "127.0.0.1:0"); err != nil {
		return err
	}
	host, port := k.router.HostPortOf(k.Service)
	k.section = map[string]any{"host": host, "port": port, "user": "wanctl", "password": routerPassword, "tls": false}
	switch k.Service {
	case simrouter.SSH:
		k.section["transport"], k.section["ssh_fingerprint"] = "ssh", k.router.SSHFingerprint()
		delete(k.section, "tls")
	case simrouter.API:
		k.section["transport"] = "api"
	default:
		k.section["transport"] = "rest"
	}
	k.ceiling = highCeiling
	for _, dir := range []string{"run", "state", "log"} {
		if err := os.MkdirAll(k.path(dir), 0o755); err != nil {
			return err
		}
	}
	return k.writeConfig()
}

// writeConfig writes the configuration, as JSON, which is YAML too.
func (k *Kills) writeConfig() error {
	text, err := json.Marshal(map[string]any{
		"wan_name": "wan", "router": k.section,
		"queues":       map[string]any{"download": "WAN-Download-1", "upload": "WAN-Upload-1"},
		"lock_file":    k.path("run/wan.lock"),
		"state_file":   k.path("state/wan.json"),
		"logging":      map[string]any{"main_log": k.path("log/wan.log"), "debug_log": k.path("log/wan.debug")},
		"health_check": map[string]any{"port": 0},
		"continuous_monitoring": map[string]any{
			"baseline_rtt_initial": 1, "ping_hosts": []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"},
			"download":        map[string]any{"ceiling_mbps": k.ceiling, "floor_mbps": lowestLimit},
			"upload":          map[string]any{"ceiling_mbps": 40, "floor_mbps": 10},
			"fallback_checks": map[string]any{"enabled": false},
		},
	})
	if err != nil {
		return err
	}
	fresh := k.path("wan.yaml.new")
	return errors.Join(os.WriteFile(fresh, text, 0o600), os.Rename(fresh, k.path("wan.yaml")))
}

// load has the queue of the download count until ctx ends.
func (k *Kills) load(ctx context.Context) {
	for start := time.Now(); ctx.Err() == nil; pause(ctx, 50*time.Millisecond) {
		bytes := uint64(time.Since(start).Seconds() * lowCeiling * 1e6 / 8)
		_ = k.router.SetCounters("WAN-Download-1", router.Counters{Bytes: bytes, Packets: bytes / 1500})
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
