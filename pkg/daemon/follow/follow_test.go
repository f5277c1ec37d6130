package follow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/fleet/release"
	"github.com/wanctl/wanctl/pkg/fleet/release/storetest"
)

// wan returns a configuration of a WAN, with a comment that makes texts of it differ.
func wan(name, comment string) string {
	return fmt.Sprintf(`# %[2]s
wan_name: %[1]s
router: {transport: rest, host: 192.0.2.1, user: wanctl, password_file: pw}
queues: {download: D-%[1]s, upload: U-%[1]s}
lock_file: /run/wanctl/%[1]s.lock
continuous_monitoring:
  baseline_rtt_initial: 24
  ping_hosts: [1.1.1.1]
  download: {floor_green_mbps: 100, floor_yellow_mbps: 80, floor_soft_red_mbps: 70, floor_red_mbps: 50, ceiling_mbps: 200}
  upload: {floor_mbps: 8, ceiling_mbps: 18}
`, name, comment)
}

// rig is one node of a fleet and its administrator.
type rig struct {
	*testing.T
	keys      release.Keys
	store     *storetest.Memory
	home, dir string
	step      func() error // of the disk

	mu    sync.Mutex
	loops map[string]release.Condition
	ill   map[string]release.Condition // how loops are with a file that has this text

	end  context.CancelFunc
	done chan struct{}
}

// signed is a signature that anybody can make and check: signatures themselves are tested in
// package sshsig, and what a stranger can do in package release.
func signed(by string) release.Keys {
	return release.Keys{
		Sign: func(text []byte) (string, error) { return by, nil },
		Verify: func(signature string, _ []byte) (string, error) {
			if signature != "admin" {
				return "", fmt.Errorf("the key of %s is not in allowed_signers", signature)
			}
			return signature, nil
		},
	}
}

// tempDir is in memory where that is possible: syncing is not what is tested.
func tempDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "follow")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func newRig(t *testing.T) *rig {
	r := &rig{T: t, keys: signed("admin"), store: new(storetest.Memory), home: tempDir(t), dir: tempDir(t),
		loops: map[string]release.Condition{}, ill: map[string]release.Condition{}}
	r.write("node.yaml", "node: {name: pop1}\nfleet: {url: [nats://localhost], config: follow, directory: "+r.dir+"}\n")
	r.write("pw", "hunter2\n")
	return r
}

func (r *rig) write(name, text string) {
	r.Helper()
	if err := os.WriteFile(filepath.Join(r.home, name), []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
}

// start has the node run, until stop or a crash.
func (r *rig) start() {
	ctx, end := context.WithCancel(r.Context())
	r.end, r.done = end, make(chan struct{})
	go func() {
		defer close(r.done)
		defer func() { _ = recover() }() // a crash of step
		r.reload()
		f := open(Options{
			Verify: r.keys.Verify, Node: "pop1", Site: "north", Stage: "stable", Version: "1",
			ConfigDir: r.home, Directory: r.dir, Config: config.Options{},
			Loops: func(context.Context) map[string]release.Condition {
				r.mu.Lock()
				defer r.mu.Unlock()
				return maps.Clone(r.loops)
			},
			Reload: r.reload, Log: slog.New(slog.DiscardHandler),
		}, disk{r.dir, r.step})
		f.Run(ctx, r.store)
	}()
}

func (r *rig) stop() { r.end(); <-r.done }

// reload has a loop for each file, as the daemon has.
func (r *rig) reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.loops)
	for _, path := range config.Paths(r.home) {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := baseName(path)
		for part, condition := range r.ill {
			if strings.Contains(string(text), part) {
				r.loops[name] = max(r.loops[name], condition)
			}
		}
		r.loops[name] = max(r.loops[name], release.Well)
	}
	return nil
}

func (r *rig) push(pairs ...string) {
	r.Helper()
	c := release.Contents{}
	for i := 0; i < len(pairs); i += 2 {
		c[pairs[i]] = []byte(pairs[i+1])
	}
	p, err := r.keys.Plan(r.Context(), r.store, "stable", c, release.Options{})
	if err == nil {
		err = r.keys.Apply(r.Context(), r.store, p, time.Now())
	}
	if err != nil {
		r.Fatal(err)
	}
}

// inUse returns the files that the node uses with the comment in them, "a.yaml=one".
func (r *rig) inUse() string {
	var list []string
	for _, path := range config.Paths(r.home) {
		text, err := os.ReadFile(path)
		if err != nil {
			r.Error(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		list = append(list, filepath.Base(path)+"="+strings.TrimPrefix(first, "# "))
	}
	return strings.Join(list, " ")
}

// want waits for d and compares what is in use, and what the node reports.
func (r *rig) want(d time.Duration, inUse string, revision uint64, result release.Result, reason string) {
	r.Helper()
	time.Sleep(d + look/2) // between two ticks
	if got := r.inUse(); got != inUse {
		r.Errorf("in use %q, want %q", got, inUse)
	}
	e, err := r.store.Get(context.WithoutCancel(r.Context()), release.NodeKey("pop1"))
	if err != nil {
		r.Errorf("no report: %v", err)
		return
	}
	got, err := release.ParseReport("pop1", e.Value)
	if err != nil || got.Revision != revision || got.Result != result || !strings.Contains(got.Reason, reason) || (reason == "") != (got.Reason == "") {
		r.Errorf("reports %+v, %v, want revision %d, %s, %q", got, err, revision, result, reason)
	}
}

const soon = 20 * time.Second // a report comes every five seconds

func test(t *testing.T, f func(r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		f(r)
		if r.end != nil {
			r.stop()
		}
	})
}

func TestFollow(t *testing.T) {
	test(t, func(r *rig) {
		r.start()
		r.want(soon, "", 0, release.Waiting, "nothing has been pushed to the stage stable")
		r.push("a.yaml", wan("a", "one"))
		r.want(soon, "a.yaml=one", 1, release.Applied, "")
		r.push("a.yaml", wan("a", "two"), "north/b.yaml", wan("b", "two"), "south/c.yaml", wan("c", "two"))
		r.want(soon, "a.yaml=two b.yaml=two", 2, release.OnTrial, "")
		r.want(release.TrialTime, "a.yaml=two b.yaml=two", 2, release.Applied, "")

		// What is for others changes nothing here.
		r.push("a.yaml", wan("a", "two"), "north/b.yaml", wan("b", "two"), "south/c.yaml", wan("c", "three"))
		r.want(soon, "a.yaml=two b.yaml=two", 3, release.Applied, "")

		// A file of the host wins.
		r.write("b.yml", wan("b", "local"))
		r.want(soon, "a.yaml=two b.yml=local", 3, release.Applied, "")
		e, _ := r.store.Get(r.Context(), release.NodeKey("pop1"))
		if report, err := release.ParseReport("pop1", e.Value); err != nil || fmt.Sprint(report.Local) != "[b.yaml]" {
			r.Errorf("local files %q, %v", report.Local, err)
		}

		// It is offline during three pushes, and gets the last.
		r.stop()
		for _, text := range []string{"four", "five", "six"} {
			r.push("a.yaml", wan("a", text))
		}
		r.start()
		r.want(soon+release.TrialTime, "a.yaml=six b.yml=local", 6, release.Applied, "")
		if entries, err := os.ReadDir(filepath.Join(r.dir, setsDir)); err != nil || len(entries) != 2 {
			r.Errorf("sets on disk: %v, %v", entries, err)
		}
	})
}

// TestRefused: what is not to be used leaves what is in use.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"invalid":               {[]string{"a.yaml", "wan_name: a\n"}, "a.yaml: router.host: is missing"},
		"no YAML":               {[]string{"a.yaml", "\t"}, "a.yaml"},
		"a secret":              {[]string{"a.yaml", strings.Replace(wan("a", ""), "password_file: pw", "password: hunter3", 1)}, "a.yaml:3: router.password: is a secret in the file itself"},
		"a queue of a local":    {[]string{"a.yaml", strings.Replace(wan("a", ""), "D-a", "D-local", 1)}, "queues.download: D-local on 192.0.2.1 is used by"},
		"two with one queue":    {[]string{"a.yaml", wan("a", ""), "b.yaml", strings.Replace(wan("b", ""), "D-b", "D-a", 1)}, "b.yaml: queues.download"},
		"a file of secrets":     {[]string{"a.yaml", strings.Replace(wan("a", ""), "password_file: pw", "password_file: absent", 1)}, "router.password_file"},
		"nothing for this site": {[]string{"south/a.yaml", wan("a", "")}, "revision 2 has no file for the site north"},
	} {
		t.Run(name, func(t *testing.T) {
			test(t, func(r *rig) {
				r.write("local.yaml", wan("local", "local"))
				r.push("a.yaml", wan("a", "one"))
				r.start()
				r.want(soon, "a.yaml=one local.yaml=local", 1, release.Applied, "")
				r.push(c.files...)
				r.want(soon, "a.yaml=one local.yaml=local", 1, release.Refused, c.want)
				r.push("a.yaml", wan("a", "three"))
				r.want(soon, "a.yaml=three local.yaml=local", 3, release.OnTrial, "")
			})
		})
	}
}

// TestStrangers: what is not signed, and what has been seen before, changes nothing.
func TestStrangers(t *testing.T) {
	test(t, func(r *rig) {
		r.push("a.yaml", wan("a", "one"))
		old, err := r.store.Get(r.Context(), "release/stable")
		if err != nil {
			r.Fatal(err)
		}
		r.push("a.yaml", wan("a", "two"))
		r.start()
		r.want(soon, "a.yaml=two", 2, release.Applied, "")
		r.store.Set("release/stable", old.Value)
		r.want(soon, "a.yaml=two", 2, release.Refused, "revision 1 is lower than 2")

		mallory := rig{T: r.T, keys: signed("mallory"), store: new(storetest.Memory)}
		mallory.keys.Verify = func(by string, _ []byte) (string, error) { return by, nil }
		for range 3 {
			mallory.push("a.yaml", wan("a", fmt.Sprint("evil", time.Now())))
			time.Sleep(time.Second)
		}
		evil, err := mallory.store.Get(r.Context(), "release/stable")
		if err != nil {
			r.Fatal(err)
		}
		r.store.Set("release/stable", evil.Value)
		r.want(soon, "a.yaml=two", 2, release.Refused, "the key of mallory is not in allowed_signers")

		// The server has lost everything: the node stays as it is, also after a restart, and
		// refuses revisions that it has seen.
		r.store.Lose()
		r.want(2*recheck, "a.yaml=two", 2, release.Refused, "mallory")
		r.stop()
		r.start()
		r.want(soon, "a.yaml=two", 2, release.Applied, "")
		r.store.Lose()
		r.push("a.yaml", wan("a", "again"))
		r.want(soon, "a.yaml=two", 2, release.Refused, "revision 1 is lower than 2")
		p, err := r.keys.Plan(r.Context(), r.store, "stable", release.Contents{"a.yaml": []byte(wan("a", "again"))}, release.Options{Revision: 2})
		if err == nil {
			p.Changes = nil
			err = r.keys.Apply(r.Context(), r.store, p, time.Now())
		}
		if err != nil {
			r.Fatal(err)
		}
		r.want(soon, "a.yaml=two", 2, release.Refused, "revision 2 has other files than when this node saw it")
	})
}

// TestReturn: a set with which a loop falls ill is taken back, and does not come again after
// a restart; the next one does.
func TestReturn(t *testing.T) {
	test(t, func(r *rig) {
		r.ill["bad"] = release.Unwell
		r.push("a.yaml", wan("a", "one"), "b.yaml", wan("b", "one"))
		r.start()
		r.want(soon, "a.yaml=one b.yaml=one", 1, release.Applied, "")
		r.push("a.yaml", wan("a", "two"), "b.yaml", wan("b", "bad"))
		r.want(release.Grace-5*time.Second, "a.yaml=two b.yaml=bad", 2, release.OnTrial, "")
		r.want(soon, "a.yaml=one b.yaml=one", 1, release.Returned, "b is degraded since the change")
		r.want(2*recheck, "a.yaml=one b.yaml=one", 1, release.Returned, "b is degraded")
		r.stop()
		r.start()
		r.want(2*recheck, "a.yaml=one b.yaml=one", 1, release.Returned, "b is degraded")
		r.push("a.yaml", wan("a", "three"), "b.yaml", wan("b", "three"))
		r.want(release.TrialTime+soon, "a.yaml=three b.yaml=three", 3, release.Applied, "")
	})
}

// TestSuperseded: a set that comes within a trial goes back to what was before both.
func TestSuperseded(t *testing.T) {
	test(t, func(r *rig) {
		r.ill["bad"] = release.Unwell
		r.push("a.yaml", wan("a", "one"))
		r.start()
		r.want(soon, "a.yaml=one", 1, release.Applied, "")
		r.push("a.yaml", wan("a", "bad2"))
		r.want(5*time.Second, "a.yaml=bad2", 2, release.OnTrial, "")
		r.push("a.yaml", wan("a", "bad3"))
		r.want(5*time.Second, "a.yaml=bad3", 3, release.OnTrial, "")
		r.want(soon, "a.yaml=one", 1, release.Returned, "a is degraded")
	})
}

// TestCrashes: the process ends, as by kill -9, before each change on the disk in turn, and
// is started again; or the disk is full there for a while. What is in use is one set or the
// other at any time, and the new one, or the one before where that falls ill, in the end.
func TestCrashes(t *testing.T) {
	for _, how := range []string{"crash", "full disk"} {
		for _, text := range []string{"two", "bad"} {
			var changes atomic.Int64
			for at := int64(1); changes.Load() >= at-1; at++ {
				changes.Store(0)
				test(t, func(r *rig) {
					r.ill["bad"] = release.Unwell
					r.push("a.yaml", wan("a", "one"), "b.yaml", wan("b", "one"))
					r.start()
					r.want(soon, "a.yaml=one b.yaml=one", 1, release.Applied, "")
					r.stop()
					r.step = func() error {
						if n := changes.Add(1); n < at || n > at+3 && how == "full disk" {
							return nil
						}
						if how == "crash" {
							r.end()
							panic("crash")
						}
						return syscall.ENOSPC
					}
					r.push("a.yaml", wan("a", text), "b.yaml", wan("b", text))
					r.start()
					time.Sleep(release.TrialTime + soon)
					whole := []string{"a.yaml=one b.yaml=one", "a.yaml=" + text + " b.yaml=" + text}
					if got := r.inUse(); !slices.Contains(whole, got) {
						t.Errorf("%s at %d: in use %q", how, at, got)
					}
					if how == "crash" && changes.Load() >= at {
						<-r.done
						r.step = nil
						r.start()
					}
					if text == "bad" {
						r.want(release.TrialTime+2*recheck, whole[0], 1, release.Returned, "is degraded")
					} else {
						r.want(release.TrialTime+2*recheck, whole[1], 2, release.Applied, "")
					}
				})
			}
			if n := changes.Load(); n < 8 {
				t.Errorf("%s, %s: only %d changes on the disk", how, text, n)
			}
		}
	}
}

// TestCrashLoop: where the process itself ends with a set, again and again, it goes back.
func TestCrashLoop(t *testing.T) {
	test(t, func(r *rig) {
		r.push("a.yaml", wan("a", "one"))
		r.start()
		r.want(soon, "a.yaml=one", 1, release.Applied, "")
		r.push("a.yaml", wan("a", "two"))
		for range starts {
			r.want(5*time.Second, "a.yaml=two", 2, release.OnTrial, "")
			r.stop()
			r.start()
		}
		r.want(soon, "a.yaml=one", 1, release.Returned, "the process has started 3 times")
	})
}

// TestStoreAway: while the store fails, the node uses what it has, after a start too.
func TestStoreAway(t *testing.T) {
	test(t, func(r *rig) {
		var noFiles, nothing atomic.Bool
		r.store.Fail = func(_, key string) error {
			if noFiles.Load() && strings.HasPrefix(key, "file/") || nothing.Load() {
				return errors.New("no answer")
			}
			return nil
		}
		r.push("a.yaml", wan("a", "one"))
		r.start()
		r.want(soon, "a.yaml=one", 1, release.Applied, "")
		r.push("a.yaml", wan("a", "two"))
		noFiles.Store(true)
		r.want(soon, "a.yaml=one", 1, release.Failed, "no answer")
		noFiles.Store(false)
		r.want(soon, "a.yaml=two", 2, release.OnTrial, "")
		r.stop()
		nothing.Store(true)
		r.start()
		time.Sleep(release.TrialTime)
		nothing.Store(false)
		r.want(soon, "a.yaml=two", 2, release.Applied, "")
	})
}
