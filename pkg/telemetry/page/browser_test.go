package page

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

var shots = flag.String("page.shots", "", "directory to write pictures of the page to")

var (
	desktop = view{width: 1360, height: 1300}
	phone   = view{width: 360, height: 1500}
)

// TestBrowser looks at the page as a person does: in Chromium.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	b := startBrowser(t)
	for name, test := range map[string]func(*testing.T, *browser){
		"live": testLive, "same words with and without JavaScript": testSameWords, "restart": testRestart, "refused": testRefused,
		"hostile text": testHostileTab, "plain": testPlain, "sizes": testSizes, "ranges": testRanges, "fleet": testFleet,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait most of the time
			test(t, b)
		})
	}
}

func serveFake(t *testing.T, source Source) string {
	t.Helper()
	srv := httptest.NewServer(Handler(source))
	t.Cleanup(srv.Close)
	return srv.URL
}

const isLive = "document.getElementById('word').textContent === 'live'"

// wanText is the text of a field in the open panel of a WAN.
func wanText(wan, field string) string {
	return fmt.Sprintf("document.querySelector('[data-name=%q] .cols [data-f=%q]').textContent", wan, field)
}

func testLive(t *testing.T, b *browser) {
	source := wellHost(time.Now())
	source.moving = true
	tab := b.open(t, desktop, serveFake(t, source))
	tab.waitFor("the page is live", isLive)
	if got := tab.text("[data-name=lte] [data-f=source]"); got != "stale: 3 min 5 s old" && !strings.HasPrefix(got, "stale: 3 min") {
		t.Errorf("the stale WAN is shown as %q", got)
	}
	tab.waitFor("the stale WAN is marked", "document.querySelector('[data-name=lte]').hasAttribute('data-stale')")
	tab.waitFor("the live WAN is not", "!document.querySelector('[data-name=spectrum]').hasAttribute('data-stale')")
	tab.waitFor("the charts are drawn", `[...document.querySelectorAll("[data-name=spectrum] canvas")].filter((c) =>
		c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some((x) => x !== 0)).length === 3`)

	source.change(func(h *telemetry.Host, past *history.Window) {
		h.WANs = slices.Clone(h.WANs)
		h.WANs[0].Download.CurrentRateMbps = new(402.0)
		h.WANs[0].Download.State, h.WANs[0].Download.Reason = "RED", "cut"
		past.Events = append(past.Events, history.Event{At: time.Now(), WAN: "spectrum", Kind: "decision", Text: "it was cut"},
			history.Event{At: time.Now(), WAN: "spectrum", Kind: "router", Text: "the router refuses"})
	})
	tab.waitFor("the new limit shows", wanText("spectrum", "download_limit")+" === '402'")
	tab.waitFor("its state shows", wanText("spectrum", "download_state")+" === 'RED'")
	tab.waitFor("and its colour", "document.querySelector('[data-name=spectrum] .cols [data-f=download_state]').dataset.severity === 'bad'")
	tab.waitFor("the event is the first", "document.querySelector('#events tr').textContent.includes('the router refuses')")
	tab.waitFor("the cut is among what is usual", "document.querySelector('#usual tr').textContent.includes('it was cut')")

	source.change(func(h *telemetry.Host, _ *history.Window) {
		h.WANs = append([]telemetry.WANHealth{wellWAN("fibre", h.At)}, h.WANs...)
		h.Steering = nil
	})
	tab.waitFor("a new WAN comes first", "document.querySelector('#wan-list > *').dataset.name === 'fibre'")
	tab.waitFor("steering that is gone is not shown", "document.getElementById('steering-list').parentElement.hidden")
	source.change(func(h *telemetry.Host, _ *history.Window) { h.WANs = h.WANs[1:] })
	tab.waitFor("a WAN that is gone is not shown", "!document.querySelector('[data-name=fibre]')")

	// By keyboard: the chart's cursor, and a panel.
	tab.waitFor("the cursor moves", `(() => {
		const plot = document.querySelector("[data-chart=rtt] .plot");
		plot.focus();
		plot.dispatchEvent(new KeyboardEvent("keydown", {key: "Home", bubbles: true}));
		return document.querySelector("[data-chart=rtt] .legend").textContent.includes("at ");
	})()`)
	tab.waitFor("a panel closes", `(() => { const s = document.querySelector("[data-name=spectrum] > summary"); s.focus(); s.click(); return !s.parentElement.open; })()`)
	tab.waitFor("a closed panel has its spark line", "document.querySelector('[data-name=spectrum] .spark path').getAttribute('d')?.length > 1000")
	tab.clean()
}

// words are all fields of the page with their texts and severities, and the events.
const words = `JSON.stringify([
	[...document.querySelectorAll("main [data-name]")].map((panel) => [panel.dataset.name, panel.hasAttribute("data-stale"),
		[...panel.querySelectorAll("[data-f]")].map((el) => [el.dataset.f, el.textContent, el.dataset.severity ?? "", el.hasAttribute("data-none")]),
		[...panel.querySelectorAll("[data-o]")].map((el) => [el.dataset.o, el.hidden]),
		[...panel.querySelectorAll(".gauge *")].map((el) => ["x1", "x2"].map((a) => el.getAttribute(a)).concat(el.classList.contains("fill") ? el.getAttribute("width") : "")),
	]),
	[...document.querySelectorAll(".top [data-f], footer [data-f]")].map((el) => [el.dataset.f, el.textContent, el.dataset.severity ?? ""]),
	[...document.querySelectorAll("#events tr, #usual tr, .reflectors tr")].map((row) => [...row.cells].map((cell) => cell.textContent)),
	document.title,
])`

// testSameWords has the script fill an empty page, and compares it with the
// document that the server writes.
func testSameWords(t *testing.T, b *browser) {
	full := wellHost(noon)
	full.host.WANs = append(full.host.WANs, manyWANs(5, noon).host.WANs...)
	full.host.WANs = append(full.host.WANs, telemetry.WANHealth{Name: "new", Status: telemetry.Starting, Reasons: []string{"no round-trip time yet", "the limits on the router are not known yet"}})
	odd := wellWAN("odd", noon.Add(-2*time.Hour))
	odd.DryRun, odd.ConsecutiveFailures, odd.Status = true, 4, "unheard-of"
	odd.Download.State, odd.Upload.CurrentRateMbps = "constructor", new(90000.0)
	odd.ExcessMs, odd.LoadRTTMs = new(-1.26), new(1234.6)
	odd.Router = telemetry.RouterHealth{Transport: "ssh", LastError: "dialing router: connection refused"}
	full.host.WANs = append(full.host.WANs, odd)
	quiet := telemetry.SteeringHealth{Status: telemetry.Starting, Reasons: []string{"the congestion of the primary WAN is not known yet"}}
	quiet.Detail.Name, quiet.Steering.Mode = "second", "dry_run"
	quiet.Detail.Rule = telemetry.Rule{Error: "no rule has the comment", Enabled: new(false)}
	quiet.Detail.ForceOut = telemetry.AddressList{Error: "timeout"}
	quiet.Detail.HoldUntil = new(noon.Add(-time.Second))
	for i := range entriesShown + 5 {
		quiet.Detail.ForceOut.Entries = append(quiet.Detail.ForceOut.Entries, fmt.Sprintf("10.0.0.%d", i))
	}
	full.host.Steering = append(full.host.Steering, quiet)

	var fromServer, fromScript string
	source := &fakeSource{host: telemetry.Host{At: noon}, past: full.past}
	script := b.open(t, desktop, serveFake(t, source))
	script.waitFor("the empty page is live", isLive+" && document.querySelectorAll('main [data-name]').length === 0")
	// Those that the server wrote have white space between them.
	script.waitFor("the events are the script's", "!document.querySelector('#events tr').previousSibling")
	source.change(func(h *telemetry.Host, _ *history.Window) { *h = full.host })
	script.waitFor("everything has come", fmt.Sprintf("document.querySelectorAll('main [data-name]').length === %d", len(full.host.WANs)+2))
	script.must(script.eval(words, &fromScript))

	server := b.open(t, view{width: 1360, height: 1300, plain: true}, serveFake(t, full))
	server.waitFor("the plain page", "document.getElementById('word').textContent === 'as of' && document.readyState === 'complete'")
	server.must(server.eval(words, &fromServer))

	if diff := cmp.Diff(decoded(t, fromServer), decoded(t, fromScript)); diff != "" {
		t.Errorf("the script and the server differ (-server +script)\n%s", diff)
	}
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// daemon is a server that can be stopped and started again at its address.
type daemon struct {
	t    *testing.T
	addr string
	stop func()
}

func (d *daemon) start(source Source) {
	d.t.Helper()
	ln, err := net.Listen("tcp", d.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	d.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(d.t.Context())
	srv := &http.Server{Handler: Handler(source), BaseContext: func(net.Listener) context.Context { return ctx }}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(ln)
	}()
	d.stop = func() {
		cancel()
		_ = srv.Close()
		<-ended
	}
}

func testRestart(t *testing.T, b *browser) {
	now := time.Now()
	source := wellHost(now)
	source.moving = true
	samples := source.past.WANs["spectrum"]
	source.past.WANs["spectrum"] = samples[300 : len(samples)-3] // the chart tells seconds, and a restart may take less than one
	d := &daemon{t: t, addr: "127.0.0.1:0"}
	d.start(source)
	defer func() { d.stop() }()
	tab := b.open(t, desktop, "http://"+d.addr)
	tab.waitFor("the page is live", isLive)
	// The times of the first and the last point of the chart, found by keyboard.
	point := func(key string) string {
		return fmt.Sprintf(`(() => {
			const plot = document.querySelector("[data-name=spectrum] [data-chart=rtt] .plot");
			plot.dispatchEvent(new KeyboardEvent("keydown", {key: %q, bubbles: true}));
			return document.querySelector("[data-name=spectrum] [data-chart=rtt] .legend span:last-child").textContent;
		})()`, key)
	}
	first, last := point("Home"), point("End")
	tab.waitFor("the chart has its points", first+" !== ''")
	var before, after, newest string
	tab.must(tab.eval(last, &newest))
	tab.must(tab.eval(first, &before))
	tab.clean()

	d.stop()
	tab.waitFor("the page says that the connection is lost", `!document.getElementById("lost").hidden &&
		/^Connection lost at \d\d:\d\d:\d\d\. The values below are of then; trying again\.$/.test(document.getElementById("lost").textContent)`)
	tab.waitFor("the values are grey", "document.documentElement.classList.contains('is-lost')")
	tab.shoot("lost")

	// The daemon that comes back remembers nothing.
	again := wellHost(time.Now())
	again.moving = true
	again.host.WANs[0].Download.CurrentRateMbps = new(333.0)
	again.past = history.Window{
		WANs:   map[string][]history.Point{"spectrum": {sampleAt(time.Now(), 0)}},
		Events: []history.Event{{At: time.Now(), WAN: "spectrum", Kind: "life", Text: "back again"}},
	}
	d.start(again)
	tab.waitFor("the page has come back by itself", isLive+" && document.getElementById('lost').hidden")
	tab.waitFor("with new values", wanText("spectrum", "download_limit")+" === '333'")
	tab.waitFor("and without grey", "!document.documentElement.classList.contains('is-lost')")
	tab.waitFor("and its event", "document.getElementById('events').textContent.includes('back again')")
	tab.waitFor("and its sample", last+" !== "+strconv.Quote(newest))
	tab.must(tab.eval(first, &after))
	if before != after {
		t.Errorf("the chart began %q before the restart, and %q after it", before, after)
	}
	if n := len(strings.Split(tab.text("#events")+tab.text("#usual"), "spectrum")) - 1; n < 6 {
		t.Errorf("%d events are left", n)
	}
	tab.clean("net::ERR_CONNECTION_REFUSED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING", "net::ERR_CONNECTION_RESET", "net::ERR_EMPTY_RESPONSE")
}

// testRefused has all streams taken: the page goes on by plain requests.
func testRefused(t *testing.T, b *browser) {
	source := wellHost(time.Now())
	source.moving = true
	url := serveFake(t, source)
	for range maxStreams {
		r, err := http.Get(url + "/page/live")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Body.Close() })
	}
	tab := b.open(t, desktop, url)
	tab.waitFor("the page is live without a stream", "document.getElementById('word').textContent === 'live every few seconds'")
	tab.waitFor("with charts", "!document.querySelector('[data-name=spectrum] [data-chart=rtt]').hasAttribute('data-empty')")
	tab.clean("503 (Service Unavailable)")
}

func testHostileTab(t *testing.T, b *browser) {
	for _, text := range []string{`<img src=x onerror=alert(1)>`, `"><script>alert(1)</script>`} {
		tab := b.open(t, desktop, serveFake(t, hostile(text)))
		tab.waitFor("the page is live", isLive)
		tab.waitFor("the text is text", fmt.Sprintf("document.querySelector('#events').textContent.includes(%q)", text))
		tab.waitFor("and nothing else", "document.querySelectorAll('main img, main script').length === 0")
		tab.clean()
	}
}

func testPlain(t *testing.T, b *browser) {
	source := wellHost(time.Now())
	source.moving = true
	tab := b.open(t, view{width: 1360, height: 1300, plain: true}, serveFake(t, source))
	tab.waitFor("the page", wanText("spectrum", "download_limit")+" === '495'")
	tab.waitFor("it reloads by itself", `document.querySelector("noscript meta[http-equiv=refresh]")?.content === "5"`)
	tab.waitFor("no charts are promised", "[...document.querySelectorAll('.chart')].every((el) => el.hidden)")
	source.change(func(h *telemetry.Host, _ *history.Window) {
		h.WANs = slices.Clone(h.WANs)
		h.WANs[0].Download.CurrentRateMbps = new(402.0)
	})
	tab.waitFor("it has reloaded", wanText("spectrum", "download_limit")+" === '402'")
	tab.clean()
}

// testSizes looks for what is wider than its window, in the light and in the
// dark, with one WAN, some and many.
func testSizes(t *testing.T, b *browser) {
	at := time.Now()
	long := wellHost(at)
	long.host.WANs[0].Name = strings.Repeat("Long_name-", 6) + "64.x"
	long.host.WANs[0].Router.LastError = strings.Repeat("dialing-without-any-space/", 12)
	long.host.WANs[0].Reasons = []string{strings.Repeat("unbroken", 30)}
	long.host.Steering[0].Detail.Rule.Comment = strings.Repeat("c", 128)
	one := wellHost(at)
	one.host.WANs, one.host.Steering = one.host.WANs[:1], nil
	for _, tt := range []struct {
		name   string
		source *fakeSource
		view   view
		always bool // else only for its picture
	}{
		{"two", wellHost(at), desktop, false},
		{"two-dark", wellHost(at), view{width: 1360, height: 1300, dark: true}, false},
		{"two-phone", wellHost(at), phone, false},
		{"two-plain", wellHost(at), view{width: 1000, height: 1300, plain: true}, false},
		{"one", one, view{width: 1360, height: 760}, false},
		{"one-tablet", one, view{width: 820, height: 1100, dark: true}, true},
		{"many", manyWANs(20, at), desktop, true},
		{"many-narrow", manyWANs(20, at), view{width: 900, height: 1300, dark: true}, false},
		{"many-phone", manyWANs(20, at), view{width: 360, height: 1500, dark: true}, true},
		{"long", long, desktop, false},
		{"long-phone", long, phone, true},
	} {
		if !tt.always && *shots == "" {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			tab := b.open(t, tt.view, serveFake(t, tt.source))
			if !tt.view.plain {
				tab.waitFor("the page is live", isLive)
				tab.waitFor("the history is there", "document.querySelectorAll('#events tr').length > 1")
			}
			tab.waitFor("nothing sticks out", `document.documentElement.scrollWidth <= innerWidth &&
				[...document.querySelectorAll("header *, main *:not(.scroll *, svg *)")].every((el) => el.getBoundingClientRect().right <= innerWidth)`)
			if *shots != "" {
				time.Sleep(1500 * time.Millisecond)
			}
			tab.shoot(tt.name)
			tab.clean()
		})
	}
}
