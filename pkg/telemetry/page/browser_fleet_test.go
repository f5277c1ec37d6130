package page

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/fleet/live"
	"github.com/wanctl/wanctl/pkg/sim/fleetsim"
)

var measured = flag.Bool("page.frames", false, "measure how a fleet of 10,000 WANs scrolls")

// loopback is a bus inside the process: what is published is in the view.
type loopback struct {
	t    *testing.T
	view *live.View
	off  *atomic.Bool

	mu      *sync.Mutex
	answers map[string]func(subject, reply string, data []byte)
	asked   chan []byte
}

func (l *loopback) Publish(subject string, data []byte) error {
	if strings.HasPrefix(subject, "_INBOX") {
		l.asked <- data
		return nil
	}
	if l.off.Load() {
		return errors.New("away")
	}
	if _, err := l.view.Receive(subject, data); err != nil {
		l.t.Error(err)
	}
	return nil
}

func (l *loopback) Subscribe(subject string, receive func(subject, reply string, data []byte)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers[subject] = receive
	return nil
}

func (l *loopback) Request(_ context.Context, subject string, data []byte) ([]byte, error) {
	l.mu.Lock()
	receive := l.answers[subject]
	l.mu.Unlock()
	if receive == nil || l.off.Load() {
		return nil, errors.New("no responders")
	}
	go receive(subject, "_INBOX.1", data)
	return <-l.asked, nil
}

// serveFleet serves the page of a simulated fleet, until whose hosts are off.
func serveFleet(t *testing.T, nodes, wans int) (url string, off *atomic.Bool) {
	t.Helper()
	off = new(atomic.Bool)
	bus := &loopback{t, live.NewView(), off, new(sync.Mutex), map[string]func(string, string, []byte){}, make(chan []byte, 1)}
	f := &fleetsim.Fleet{Nodes: nodes, WANs: wans, Every: time.Second, Log: slog.New(slog.DiscardHandler),
		Bus: func(string) (live.Bus, func(), error) { return bus, func() {}, nil }}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	ask := func(ctx context.Context, site, node, wan string) (json.RawMessage, error) {
		return live.Ask(ctx, bus, site, node, wan)
	}
	srv := httptest.NewServer(FleetHandler(live.RowsHandler(bus.view, func() bool { return true }), live.HistoryHandler(ask)))
	t.Cleanup(func() {
		srv.Close()
		cancel()
		<-done
	})
	return srv.URL, off
}

const firstRow = `document.querySelector("#spacer .row:not([hidden])")`

// A fleet is searched, sorted, scrolled to its end, and looked into; hosts that fall silent
// turn grey with their age. Few rows exist.
func testFleet(t *testing.T, b *browser) {
	url, off := serveFleet(t, 20, 2000)
	tab := b.open(t, view{width: 1360, height: 900}, url)
	tab.waitFor("all WANs are there", `document.getElementById("summary").textContent.startsWith("2000 WANs of 20 nodes at 4 sites")`)
	tab.waitFor("the worst come first", firstRow+`.textContent.startsWith("degraded")`)
	tab.waitFor("few rows exist", `document.querySelectorAll("#spacer .row").length < 60`)
	tab.waitFor("lines are drawn", firstRow+`.querySelector("path").getAttribute("d").length > 3`)
	must := func(script string) {
		t.Helper()
		tab.must(tab.eval(script+"; true", new(bool)))
	}
	must(`const v = document.getElementById("viewport"); v.scrollTop = v.scrollHeight`)
	tab.waitFor("the last row is there", `[...document.querySelectorAll("#spacer .row:not([hidden])")].some((r) => r.getAttribute("aria-rowindex") === "2001" && r.textContent.includes("wan-"))`)
	must(`const s = document.getElementById("search"); s.value = "node-013 wan-01311"; s.dispatchEvent(new Event("input", { bubbles: true }))`)
	tab.waitFor("the search finds", `document.getElementById("matching").textContent === "1 match" || document.getElementById("matching").textContent === "10 match"`)
	must(firstRow + `.querySelector("button").click()`)
	tab.waitFor("charts of the last ten minutes", `[...document.querySelectorAll("#detail canvas")].filter((c) =>
		c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some((x) => x !== 0)).length === 3`)
	tab.shoot("fleet")
	off.Store(true)
	tab.waitFor("silent rows are grey, with their age", firstRow+`.hasAttribute("data-silent") && `+firstRow+`.textContent.includes("last heard of 6 s ago")`)
	tab.clean("502")
}

// TestFleetFrames measures; it has nothing to fail by.
func TestFleetFrames(t *testing.T) {
	if !*measured {
		t.Skip("-page.frames measures")
	}
	url, _ := serveFleet(t, 500, 10_000)
	tab := startBrowser(t).open(t, view{width: 1360, height: 900}, url)
	tab.waitFor("all WANs are there", `document.getElementById("summary").textContent.startsWith("10000 WANs")`)
	const frames = 90
	tab.do("Performance.enable", map[string]string{"timeDomain": "threadTicks"}, nil)
	spent := func() map[string]float64 { // seconds of CPU of the main thread
		var m struct {
			Metrics []struct {
				Name  string
				Value float64
			}
		}
		tab.do("Performance.getMetrics", nil, &m)
		of := map[string]float64{}
		for _, x := range m.Metrics {
			of[x.Name] = x.Value
		}
		return of
	}
	for _, step := range []int{0, 20, 60, 300, 3000} { // pixels a frame
		var text string
		before := spent()
		tab.must(tab.eval(fmt.Sprintf(`new Promise((done) => {
			const v = document.getElementById("viewport"), times = []; v.scrollTop = 0;
			let last = performance.now(), down = true;
			const frame = (now) => {
				times.push(now - last); last = now;
				v.scrollTop += down ? %d : -%d;
				if (v.scrollTop + v.clientHeight >= v.scrollHeight - 1) down = false;
				if (v.scrollTop <= 0) down = true;
				if (times.length < %d) requestAnimationFrame(frame);
				else {
					times.shift(); times.sort((a, b) => a - b);
					const q = (p) => times[Math.floor(p * (times.length - 1))].toFixed(1);
					done("p50 " + q(.5) + " p95 " + q(.95) + " p99 " + q(.99) + " max " + q(1) + " ms; over 25 ms: " + times.filter((x) => x > 25).length + " of " + times.length + "; heap " + Math.round((performance.memory?.usedJSHeapSize ?? 0) / 1e5) / 10 + " MB");
				}
			};
			requestAnimationFrame(frame);
		})`, step, step, frames), &text))
		after := spent()
		each := func(name string) float64 { return (after[name] - before[name]) * 1000 / frames }
		t.Logf("%d pixels a frame: %s; a frame costs %.2f ms of the main thread: script %.2f, style %.2f, layout %.2f", step, text,
			each("TaskDuration"), each("ScriptDuration"), each("RecalcStyleDuration"), each("LayoutDuration"))
	}
}
