package shape

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// routedWAN is a WAN whose routes a test sets.
type routedWAN struct {
	*probeRoutes
	now    []telemetry.ProbeRoute
	log    bytes.Buffer
	metric bool
}

func newRoutedWAN(name string, mark uint32) *routedWAN {
	w := &routedWAN{}
	plain := slog.NewTextHandler(&w.log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	w.probeRoutes = &probeRoutes{
		wan: name, mark: mark, lookup: func() []telemetry.ProbeRoute { return w.now },
		to: daemon.Events{Logger: slog.New(plain)}, shared: func(is bool) { w.metric = is },
	}
	w.current.Store(&routeStatus{})
	return w
}

// logged returns the lines since the last call.
func (w *routedWAN) logged() string {
	defer w.log.Reset()
	return w.log.String()
}

func wayOut(lan string) []telemetry.ProbeRoute {
	return []telemetry.ProbeRoute{{Source: "10.0." + lan + ".2", Interface: "eth" + lan, Gateway: "10.0." + lan + ".1"}}
}

func TestRouteMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dsl, lte := newRoutedWAN("dsl", 0), newRoutedWAN("lte", 0x14)
		others := map[string][]telemetry.ProbeRoute{}
		asked := 0
		var steps atomic.Int64 // what the test sets before a step happens before the ticks after it
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- routeMonitor{
				own: func() []*probeRoutes {
					steps.Load()
					return []*probeRoutes{dsl.probeRoutes, lte.probeRoutes}
				},
				others: func(context.Context) map[string][]telemetry.ProbeRoute {
					asked++
					return others
				},
			}.Run(ctx)
		}()
		pass := func(d time.Duration) {
			steps.Add(1)
			time.Sleep(d)
			synctest.Wait()
		}
		check := func(w *routedWAN, log, warning string) {
			t.Helper()
			if diff := cmp.Diff(log, w.logged()); diff != "" {
				t.Errorf("log of %s (-want +got):\n%s", w.wan, diff)
			}
			if got := w.current.Load().warning; got != warning || w.metric != (warning != "") {
				t.Errorf("%s: warning %q, metric %v; want %q", w.wan, got, w.metric, warning)
			}
		}

		pass(3 * time.Second) // nothing is resolved yet
		check(dsl, "", "")
		dsl.now, lte.now = wayOut("1"), wayOut("2")
		pass(time.Second)
		check(dsl, "level=INFO msg=\"route of the probes\" source=10.0.1.2 interface=eth1 gateway=10.0.1.1\n", "")
		check(lte, "level=INFO msg=\"route of the probes\" source=10.0.2.2 interface=eth2 gateway=10.0.2.1\n", "")

		lte.now = wayOut("1") // its rule is gone
		const (
			ofLTE = "the probes leave by the same route as those of dsl, from 10.0.1.2 by eth1 through 10.0.1.1: they measure one line, " +
				"unless the router tells them apart by their destination; no rule of 'ip rule' leads packets with the mark 0x14 another way"
			ofDSL = "the probes leave by the same route as those of lte, from 10.0.1.2 by eth1 through 10.0.1.1: they measure one line, " +
				"unless the router tells them apart by their destination; give each WAN a ping_source, ping_interface or ping_mark of its own"
			warned = "level=WARN msg=\"another WAN is measured by the same route\" why=\""
		)
		pass(routeInterval + time.Second)
		check(lte, "level=INFO msg=\"route of the probes\" source=10.0.1.2 interface=eth1 gateway=10.0.1.1\n"+warned+ofLTE+"\"\n", ofLTE)
		check(dsl, warned+ofDSL+"\"\n", ofDSL)
		pass(3 * time.Hour)
		if n := strings.Count(dsl.logged(), warned); n != 3 {
			t.Errorf("%d warnings in three hours, want one an hour", n)
		}
		lte.logged()

		lte.now = nil // the network is away: nothing is known, and nothing is said
		pass(time.Minute)
		check(lte, "", ofLTE)
		lte.now = wayOut("2")
		pass(routeInterval + time.Second)
		check(dsl, "level=INFO msg=\"no other WAN is measured by the same route any more\"\n", "")
		lte.logged()

		// Four loops of other processes.
		for _, name := range []string{"a", "b", "c", "d"} {
			others[name] = wayOut("1")
		}
		before := asked
		pass(othersInterval + routeInterval)
		if asked != before+1 {
			t.Errorf("others were asked %d times in a minute", asked-before)
		}
		if got := dsl.current.Load().warning; !strings.Contains(got, " and 1 more, from 10.0.1.2 ") {
			t.Errorf("warning %q", got)
		}
		check(lte, "", "")
		pass(10 * othersInterval)
		if n := strings.Count(dsl.logged(), warned); n != 1 {
			t.Errorf("%d warnings, want one", n)
		}

		// What ends on this host is a trial.
		local := []telemetry.ProbeRoute{{Source: "127.0.0.1", Interface: "lo"}}
		dsl.now, lte.now = local, local
		pass(routeInterval + time.Second)
		if dsl.current.Load().warning != "" || lte.current.Load().warning != "" {
			t.Error("a warning about the loopback interface")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
