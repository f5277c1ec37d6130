package page

import (
	"encoding/json"
	"html"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func get(t *testing.T, h http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
	return w
}

func TestHeaders(t *testing.T) {
	h := Handler(wellHost(noon))
	for _, tt := range []struct {
		name, target string
		code         int
		contentType  string
		cache        string
	}{
		{"page", "/", 200, "text/html; charset=utf-8", "no-store"},
		{"status", "/page/status", 200, "application/json", "no-store"},
		{"fields", "/page/fields", 200, "application/json", "no-store"},
		{"history", "/page/history", 200, "application/json", "no-store"},
		{"script", "/page/assets/page.js", 200, "text/javascript; charset=utf-8", "no-cache"},
		{"style", "/page/assets/page.css", 200, "text/css; charset=utf-8", "no-cache"},
		{"icon", "/page/assets/icon.svg", 200, "image/svg+xml", "no-cache"},
		{"licence", "/page/assets/uPlot.LICENSE.txt", 200, "text/plain; charset=utf-8", "no-cache"},
		{"no such asset", "/page/assets/nothing.js", 404, "text/plain; charset=utf-8", "no-store"},
		{"what is not for browsers", "/page/assets/README.md", 404, "text/plain; charset=utf-8", "no-store"},
		{"nothing", "/nothing", 404, "text/plain; charset=utf-8", "no-store"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := get(t, h, tt.target)
			head := w.Header()
			got := []any{w.Code, head.Get("Content-Type"), head.Get("Cache-Control")}
			if diff := cmp.Diff([]any{tt.code, tt.contentType, tt.cache}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for name, want := range map[string]string{
				"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
				"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
			} {
				if head.Get(name) != want {
					t.Errorf("%s: %q", name, head.Get(name))
				}
			}
		})
	}
}

func TestPolicy(t *testing.T) {
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy+";", want+";") {
			t.Errorf("the policy has no %q", want)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("the policy lets something in: %s", policy)
	}
}

func TestOnlyGet(t *testing.T) {
	h := Handler(wellHost(noon))
	for _, target := range []string{"/", "/page/status", "/page/fields", "/page/history", "/page/live", "/page/assets/page.js"} {
		for _, method := range []string{"POST", "PUT", "DELETE"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
			if w.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, target, w.Code)
			}
		}
	}
}

// tags are the parts of a document that a policy or an outside host matters to.
var (
	inlineScript = regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|\son\w+\s*=|javascript:`)
	inlineStyle  = regexp.MustCompile(`(?i)<style|\sstyle\s*=`)
	outside      = regexp.MustCompile(`(?i)(?:href|src|action)\s*=\s*"(?:[a-z]+:|/)`)
	anyTag       = regexp.MustCompile(`<[^>]*>`)
)

// plain is the text of a document, without tags.
func plain(doc string) string {
	return strings.Join(strings.Fields(html.UnescapeString(anyTag.ReplaceAllString(doc, " "))), " ")
}

func TestDocument(t *testing.T) {
	doc := get(t, Handler(wellHost(noon)), "/").Body.String()
	for _, bad := range []*regexp.Regexp{inlineScript, inlineStyle, outside} {
		if found := bad.FindString(doc); found != "" {
			t.Errorf("the document holds %q", found)
		}
	}
	text := plain(doc)
	for _, want := range []string{
		"Degraded: lte · wanctl", // the title
		"reloads every 5 seconds",
		// steering
		"New connections go to lte", "State SPECTRUM_DEGRADED", "For 1 min 35 s", "Reason held: not before the hold-down is over",
		"Other WAN lte Its condition good", "spectrum RED +47.5 ms over the baseline", "Round trip 71.5 ms Baseline 24.0 ms Excess, smoothed +39.1 ms Known from loop",
		"Queue read Drops 12 packets Drops not counted in Depth 87 packets Depth, smoothed 63.5 packets Failed queue reads 1 in a row",
		"72 score; steers at 55", "Red samples 2 of 2 Green samples 4 of 15", "Hold 25 s, until ", "Flap penalty 52 s, until ",
		"Rule enabled Its comment ADAPTIVE: steer to lte", "Force-out list FORCE_OUT_LTE Entries 2 addresses Addresses 192.168.88.20, 192.168.88.31",
		"Last error reading the queue: timeout",
		// a live WAN
		"spectrum healthy line delayed live", "the probes leave by the same route as those of lte", "31.2 ms +7.2 ms over the baseline", "Baseline 24.0 ms Measured by icmp Reflectors that answer 3 of 3 Last reply 0.0 s ago", "From 192.168.88.10 by eth0 through 192.168.88.1, 2001:db8::a by ppp0",
		"Download YELLOW 495 Mbit/s limit · holding", "Throughput 471 Mbit/s Limit on the router 495 Mbit/s Learned capacity 513 Mbit/s Floor 200 Mbit/s Ceiling 940 Mbit/s",
		"Upload GREEN 20.5 Mbit/s limit · idle", "State answers Reached by rest 192.168.88.1:443 Latency 14.5 ms Last answer 0.1 s ago Failovers 2",
		// a stale one
		"lte degraded line unknown stale: 3 min 5 s old", "no loop runs for this WAN; the values are from its state file", "Values from the state file, 3 min 5 s old",
		// events
		"decision, download cut from 620 to 402 Mbit/s: a queue of 61 ms formed",
		"wanctl 1.2.3 , up 3 d 4 h",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the document does not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	if newest, older := strings.Index(text, "score 72, threshold 55"), strings.Index(text, "GREEN to RED"); newest > older {
		t.Error("the newest event is not first")
	}
}

func TestEmptyDocument(t *testing.T) {
	text := plain(get(t, Handler(&fakeSource{}), "/").Body.String())
	for _, want := range []string{"Nothing runs here", "Nothing has happened yet."} {
		if !strings.Contains(text, want) {
			t.Errorf("does not say %q:\n%s", want, text)
		}
	}
}

func TestDocumentOpens(t *testing.T) {
	opened := regexp.MustCompile(`<details class="panel" data-name="([^"]+)" open`)
	for _, tt := range []struct {
		name   string
		wans   int
		target string
		want   []string
	}{
		{"few", 2, "/", []string{"branch-01", "branch-02"}},
		{"many", 4, "/", nil},
		{"one of many", 4, "/?open=branch-03", []string{"branch-03"}},
		{"two of many", 4, "/?open=branch-03&open=branch-01", []string{"branch-01", "branch-03"}},
		{"all", 4, "/?open=all", []string{"branch-01", "branch-02", "branch-03", "branch-04"}},
		{"none such", 4, "/?open=x", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, m := range opened.FindAllStringSubmatch(get(t, Handler(manyWANs(tt.wans, noon)), tt.target).Body.String(), -1) {
				got = append(got, m[1])
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// hostile puts text everywhere where a daemon may say something.
func hostile(text string) *fakeSource {
	s := wellHost(noon)
	for i := range s.host.WANs {
		w := &s.host.WANs[i]
		w.Name += text
		w.Reasons = []string{text}
		w.Status, w.Source = telemetry.Status(text), telemetry.Origin(text)
		w.Download.State, w.Download.Reason, w.Upload.State, w.Upload.Reason = text, text, text, text
		w.Probe.Mode = text
		w.Router.Transport, w.Router.Address, w.Router.LastError = text, text, text
	}
	st := &s.host.Steering[0]
	st.Status, st.Steering.State, st.Reasons = telemetry.Status(text), text, []string{text}
	st.Congestion.Primary.State, st.Congestion.Primary.WAN, st.Errors.LastError = text, text, text
	d := &st.Detail
	d.Name, d.Reason, d.Alternate.WAN, d.Alternate.Condition, d.Path.Source = text, text, text, text, text
	d.Rule.Comment, d.Rule.Error, d.ForceOut.List, d.ForceOut.Error, d.ForceOut.Entries = text, text, text, text, []string{text}
	s.host.Version = text
	s.past.Events = append(s.past.Events, history.Event{At: noon, WAN: text, Kind: text, Direction: text, Text: text})
	return s
}

func TestHostileText(t *testing.T) {
	for _, text := range []string{
		`<img src=x onerror=alert(1)>`, `"><script>alert(1)</script>`, `' onmouseover='alert(1)`, `</template><script>alert(1)</script>`,
		"\x00\xff\u202e", `javascript:alert(1)`,
	} {
		doc := get(t, Handler(hostile(text)), "/").Body.String()
		if strings.Contains(doc, "<img") || strings.Count(doc, "<script") != 2 || strings.Contains(doc, "' onmouseover='") || strings.Contains(doc, `href="javascript:`) {
			t.Errorf("%q gets into the document", text)
		}
	}
}

func TestStatus(t *testing.T) {
	s := wellHost(noon)
	var got telemetry.Host
	if err := json.Unmarshal(get(t, Handler(s), "/page/status").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.host, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFields(t *testing.T) {
	s := wellHost(noon)
	var got snapshot
	if err := json.Unmarshal(get(t, Handler(s), "/page/fields").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(newSnapshot(s.host, noon, nil), got, onWire); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	body := get(t, Handler(&fakeSource{}), "/page/fields").Body.String()
	for _, want := range []string{`"wans":[]`, `"steering":[]`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
}

// onWire compares what JSON carries of a snapshot.
var onWire = cmp.Options{cmp.AllowUnexported(snapshot{}, panel{}), cmpopts.IgnoreUnexported(fields{}), cmpopts.EquateEmpty()}

func TestStatusThatCannotBeEncoded(t *testing.T) {
	s := wellHost(noon)
	s.host.WANs[0].ExcessMs = new(math.NaN())
	w := get(t, Handler(s), "/page/status")
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "NaN") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestHistory(t *testing.T) {
	h := Handler(wellHost(noon))
	all := len(wellHost(noon).past.WANs["spectrum"])
	for _, tt := range []struct {
		name, since     string
		code            int
		samples, events int
		says            string
	}{
		{name: "all", code: 200, samples: all, events: 5},
		{name: "some", since: "2026-11-23T11:59:50Z", code: 200, samples: 10, events: 0},
		{name: "fractions", since: "2026-11-23T11:59:49.999Z", code: 200, samples: 11, events: 0},
		{name: "another zone", since: "2026-11-23T12:58:25+01:00", code: 200, samples: 95, events: 0},
		{name: "just before an event", since: "2026-11-23T12:58:24.5+01:00", code: 200, samples: 96, events: 1},
		{name: "the future", since: "2026-11-23T12:00:01Z", code: 200},
		{name: "no time", since: "yesterday", code: 400, says: "since: give a time such as 2006-01-02T15:04:05Z (RFC 3339)"},
		{name: "no zone", since: "2026-11-23T12:00:00", code: 400, says: "RFC 3339"},
		{name: "seconds", since: "1763899200", code: 400, says: "RFC 3339"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			target := "/page/history"
			if tt.since != "" {
				target += "?since=" + url.QueryEscape(tt.since)
			}
			w := get(t, h, target)
			if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.says) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if tt.code != 200 {
				return
			}
			var got history.Window
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if len(got.WANs["spectrum"]) != tt.samples || len(got.Events) != tt.events {
				t.Errorf("%d samples, %d events", len(got.WANs["spectrum"]), len(got.Events))
			}
			if got.WANs == nil || got.Events == nil {
				t.Error("null for none")
			}
		})
	}
	// A plus sign that was not escaped.
	if w := get(t, h, "/page/history?since=2026-11-23T13:00:00+01:00"); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAssets(t *testing.T) {
	h := Handler(wellHost(noon))
	entries, err := assetFS.ReadDir("assets")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, e := range entries {
		body, err := assetFS.ReadFile("assets/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		total += len(body)
		if e.Name() == "README.md" {
			continue
		}
		w := get(t, h, "/page/assets/"+e.Name())
		if w.Code != 200 || w.Body.String() != string(body) {
			t.Errorf("%s: %d, %d bytes", e.Name(), w.Code, w.Body.Len())
		}
		again := httptest.NewRequest("GET", "/page/assets/"+e.Name(), nil)
		again.Header.Set("If-None-Match", w.Header().Get("ETag"))
		second := httptest.NewRecorder()
		h.ServeHTTP(second, again)
		if second.Code != http.StatusNotModified || second.Body.Len() != 0 {
			t.Errorf("%s again: %d, %d bytes", e.Name(), second.Code, second.Body.Len())
		}
	}
	if total > 120_000 {
		t.Errorf("the assets weigh %d bytes", total)
	}
}

// TestVersionOfUPlot keeps the note, the page and the file itself together.
func TestVersionOfUPlot(t *testing.T) {
	file, err := assetFS.ReadFile("assets/uPlot.iife.min.js")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`^/\*! https://github.com/leeoniya/uPlot \(v([\d.]+)\) \*/`).FindSubmatch(file)
	if found == nil {
		t.Fatalf("the file does not begin with its version: %.80s", file)
	}
	note, err := assetFS.ReadFile("assets/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"README.md": string(note), "the page": get(t, Handler(&fakeSource{}), "/").Body.String()} {
		if !strings.Contains(text, string(found[1])) {
			t.Errorf("%s does not name version %s", where, found[1])
		}
	}
}

func TestSourceIsAskedWithALimit(t *testing.T) {
	for _, target := range []string{"/", "/page/status", "/page/fields", "/page/history"} {
		source := &deadlineSource{}
		get(t, Handler(source), target)
		if !source.bounded {
			t.Errorf("%s asks the source without a time limit", target)
		}
	}
}
