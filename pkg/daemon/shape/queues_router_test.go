package shape

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// lines has the queues down and up in the tree, and the simple queues line, whose
// target is the port to the provider, and guests.
const lines = `/interface add name=ether1 type=ether
/queue tree add name=down parent=global max-limit=500M; /queue tree add name=up parent=ether1 max-limit=40M
/queue simple add name=line target=ether1 max-limit=500M/40M; /queue simple add name=guests target=10.0.0.0/8 max-limit=7M/8M
/ip route add dst-address=0.0.0.0/0 gateway=ether1
/user group add name=q policy=read,write,api,rest-api,ssh; /user add name=u group=q password=p
`

var services = map[config.Transport]simrouter.Service{config.REST: simrouter.WWW, config.API: simrouter.API, config.SSH: simrouter.SSH}

// eachTransport runs a test over each transport, with the given queues.
func eachTransport(t *testing.T, queues string, run func(*testing.T, *simrouter.Router, *Queues)) {
	eachTransportWith(t, queues, "download: {ceiling_mbps: 900, floor_mbps: 1}, upload: {ceiling_mbps: 90, floor_mbps: 1}", run)
}

func eachTransportWith(t *testing.T, queues, directions string, run func(*testing.T, *simrouter.Router, *Queues)) {
	for transport, service := range services {
		t.Run(string(transport), func(t *testing.T) {
			r, err := simrouter.New(simrouter.Config{Script: lines})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.StartService(t.Context(), service, "127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = r.Close() })
			text := fmt.Sprintf("wan_name: w\nrouter: {transport: %s, host: 127.0.0.1, port: %s, user: u, password: p, PIN}\nqueues: {%s}\n"+
				"continuous_monitoring: {baseline_rtt_initial: 9, %s}\n",
				transport, r.Addr()[strings.LastIndex(r.Addr(), ":")+1:], queues, directions)
			pin := "tls: false"
			if transport == config.SSH {
				pin = `ssh_fingerprint: "` + r.SSHFingerprint() + `"`
			}
			cfg, _, err := config.Parse(strings.NewReader(strings.Replace(text, "PIN", pin, 1)), "w.yaml", config.Options{})
			if err != nil {
				t.Fatal(err)
			}
			q, err := OpenQueues(cfg, nil, slog.New(slog.DiscardHandler), nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(q.Close)
			run(t, r, q)
		})
	}
}

func (q *Queues) mustRead(t *testing.T) control.Reading {
	t.Helper()
	r, err := q.Limits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func limitsOf(t *testing.T, r *simrouter.Router, simple string) string {
	t.Helper()
	row, ok := r.State().Row("/queue/simple", "name", simple)
	if !ok {
		t.Fatalf("no simple queue %s", simple)
	}
	return row["max-limit"]
}

func TestSimpleQueueIsBothDirections(t *testing.T) {
	eachTransport(t, "simple: line", func(t *testing.T, r *simrouter.Router, q *Queues) {
		if got := q.mustRead(t).Limits; got != (control.Limits{500 * bitrate.Mbps, 40 * bitrate.Mbps}) {
			t.Errorf("limits %v", got)
		}
		before := r.Counts().Requests
		q.mustRead(t)
		if n := r.Counts().Requests - before; n != 1 {
			t.Errorf("%d requests for both limits", n)
		}
		if _, err := q.SetLimits(t.Context(), control.Limits{300 * bitrate.Mbps, 30 * bitrate.Mbps}); err != nil {
			t.Fatal(err)
		}
		if _, err := q.SetLimits(t.Context(), control.Limits{autorate.Upload: 20 * bitrate.Mbps}); err != nil {
			t.Fatal(err)
		}
		if got := limitsOf(t, r, "line"); got != "300000000/20000000" || r.Writes() != 2 {
			t.Errorf("%s after %d writes", got, r.Writes())
		}
		if err := r.SetSimpleCounters("line", [2]router.Counters{{Bytes: 7, QueuedBytes: 1}, {Bytes: 9}}); err != nil {
			t.Fatal(err)
		}
		counters, err := q.Counters(t.Context())
		if want := [2]autorate.Counters{{Bytes: 7, QueuedBytes: 1}, {Bytes: 9}}; err != nil || counters != want {
			t.Errorf("counters %+v, %v", counters, err)
		}
		// A foreign change is seen at the next reading, and a limit that the router
		// refuses does not hold up the other one.
		if err := r.Run(`/queue simple set line max-limit=77M/20M limit-at=50M/0`); err != nil {
			t.Fatal(err)
		}
		if got := q.mustRead(t).Limits; got != (control.Limits{77 * bitrate.Mbps, 20 * bitrate.Mbps}) {
			t.Errorf("limits %v", got)
		}
		applied, err := q.SetLimits(t.Context(), control.Limits{40 * bitrate.Mbps, 10 * bitrate.Mbps})
		if err == nil || !strings.Contains(err.Error(), "limit-at=50M") || strings.Contains(err.Error(), "upload") || applied[autorate.Upload] != 10*bitrate.Mbps {
			t.Errorf("applied %v, %v", applied, err)
		}
		if got := limitsOf(t, r, "line"); got != "77000000/10000000" {
			t.Errorf("router holds %s", got)
		}
		if err := r.Run(`/queue simple set line name=x; /queue simple set guests disabled=yes name=line`); err != nil {
			t.Fatal(err)
		}
		if got := q.mustRead(t).Faults; got != [2]actuate.Fault{actuate.Disabled, actuate.Disabled} {
			t.Errorf("faults %v", got)
		}
		if err := r.Run(`/queue simple set line name=y`); err != nil {
			t.Fatal(err)
		}
		if _, err := q.SetLimits(t.Context(), control.Limits{40 * bitrate.Mbps, 10 * bitrate.Mbps}); err == nil {
			t.Error("a limit went to a queue of another name")
		}
		if got := q.mustRead(t).Faults; got != [2]actuate.Fault{actuate.Absent, actuate.Absent} {
			t.Errorf("faults %v", got)
		}
		if x, y := limitsOf(t, r, "x"), limitsOf(t, r, "y"); x != "77000000/10000000" || y != "7000000/8000000" {
			t.Errorf("renamed queues hold %s and %s", x, y)
		}
	})
}

// Queues that are renamed while limits are written get none under another name.
func TestNamesRuleWhileLimitsAreWritten(t *testing.T) {
	for kind, tt := range map[string]struct{ queues, menu, one, other string }{
		"tree":   {"download: down, upload: up", "/queue tree", "down", "up"},
		"simple": {"simple: line", "/queue simple", "line", "guests"},
	} {
		t.Run(kind, func(t *testing.T) {
			eachTransport(t, tt.queues, func(t *testing.T, r *simrouter.Router, q *Queues) {
				q.mustRead(t)
				stop := make(chan struct{})
				var wg sync.WaitGroup
				var written atomic.Int64
				wg.Go(func() {
					for i := bitrate.Rate(0); ; i++ {
						select {
						case <-stop:
							return
						default:
						}
						written.Store(int64(i))
						_, _ = q.SetLimits(t.Context(), control.Limits{(100 + i%9) * bitrate.Mbps, (10 + i%9) * bitrate.Mbps})
					}
				})
				run := func(script string) {
					t.Helper()
					if err := r.Run(strings.NewReplacer("MENU", tt.menu, "ONE", tt.one, "OTHER", tt.other).Replace(script)); err != nil {
						t.Error(err)
					}
				}
				for range 10 {
					time.Sleep(5 * time.Millisecond)
					run("MENU set OTHER name=x; MENU set ONE name=OTHER; MENU set x name=ONE")
				}
				run("MENU set ONE name=gone")
				// A write that began before the rename may still be on its way.
				next := func() {
					for begun := written.Load(); written.Load() <= begun+1; time.Sleep(time.Millisecond) {
					}
				}
				next()
				run("MENU set gone max-limit=77M")
				next()
				close(stop)
				wg.Wait()
				row, _ := r.State().Row(strings.ReplaceAll(tt.menu, " ", "/"), "name", "gone")
				if got := row["max-limit"]; got != "77000000" && got != "77000000/77000000" {
					t.Errorf("%s went to a queue that has another name", got)
				}
			})
		})
	}
}
