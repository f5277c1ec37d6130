package cli_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/cli"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// log is standard error that is read while it is written.
type log struct {
	mu  sync.Mutex // protects the following field
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// wait waits for a line that matches, and returns its first group.
func (l *log) wait(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if m := re.FindStringSubmatch(l.String()); m != nil {
			return m[len(m)-1]
		}
	}
	t.Fatalf("the log does not match %s:\n%s", pattern, l)
	return ""
}

// serving runs `wanctl serve` and returns its address, its log, and what ends
// it and returns the exit status.
func serving(t *testing.T, args ...string) (addr string, stderr *log, end func() int) {
	t.Helper()
	stderr = &log{}
	a := &app.App{
		Streams:   output.Streams{In: strings.NewReader(""), Out: io.Discard, Err: stderr},
		LookupEnv: func(string) (string, bool) { return "", false },
		Version:   "1.2.3",
	}
	ctx, cancel := context.WithCancel(t.Context())
	status := make(chan int, 1)
	go func() { status <- cli.Run(ctx, a, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)) }()
	end = sync.OnceValue(func() int {
		cancel()
		return <-status
	})
	t.Cleanup(func() { end() })
	return stderr.wait(t, `msg=listening server=serve address=(\S+)`), stderr, end
}

// write writes a file of a configuration.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wanFile is a configuration whose loop does not run.
func wanFile(dir, name string) string {
	return strings.NewReplacer("DIR", dir, "NAME", name).Replace(`wan_name: NAME
router: {host: 192.0.2.1, user: wanctl, password: "${ROUTER_PASSWORD}"}
queues: {download: NAME-down, upload: NAME-up}
lock_file: DIR/NAME.lock
state_file: DIR/NAME.json
continuous_monitoring:
  baseline_rtt_initial: 24
  download: {ceiling_mbps: 500, floor_mbps: 100}
  upload: {ceiling_mbps: 40, floor_mbps: 10}
`)
}

// keyPair writes a certificate for 127.0.0.1 and its key.
func keyPair(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "server.crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	write(t, filepath.Join(dir, "server.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

// request is what a test asks.
type request struct {
	method, url, user, password string
	header                      map[string]string
}

// do asks, and returns the status and what came with it.
func (r request) do(t *testing.T) (int, string, *http.Response) {
	t.Helper()
	method := r.method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequest(method, r.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	req.Host = r.header["Host"]
	if r.user != "" {
		req.SetBasicAuth(r.user, r.password)
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // self-signed
	}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp
}

func TestServe(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "dsl.yaml"), wanFile(dir, "dsl"))
	write(t, filepath.Join(dir, "prometheus.yaml"), "global: {scrape_interval: 15s}\n")
	write(t, filepath.Join(dir, "off.yaml"), strings.Replace(wanFile(dir, "off"), "continuous_monitoring:\n", "continuous_monitoring:\n  enabled: false\n", 1))
	saved := time.Now().Add(-time.Hour).UTC()
	write(t, filepath.Join(dir, "dsl.json"), `{"download":{"current_rate":480000000},"upload":{"current_rate":38000000},`+
		`"ewma":{"baseline_rtt":21.5,"load_rtt":24},"last_applied":{"dl_rate":470000000,"ul_rate":38000000},`+
		`"timestamp":"`+saved.Local().Format("2006-01-02T15:04:05.000000")+`","wanctl":{"version":1,"saved_at":"`+saved.Format(time.RFC3339Nano)+`"}}`)
	addr, stderr, end := serving(t, "--config-dir", dir)
	base := "http://" + addr

	status, body, _ := request{url: base + "/health"}.do(t)
	var h telemetry.Host
	if err := json.Unmarshal([]byte(body), &h); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if status != http.StatusServiceUnavailable || h.WANCount != 1 || h.Version != "1.2.3" {
		t.Errorf("%d %s", status, body)
	}
	w := h.WANs[0]
	if w.Name != "dsl" || w.Status != telemetry.Degraded || w.Source != telemetry.FromFile || *w.BaselineRTTMs != 21.5 ||
		*w.Download.CurrentRateMbps != 480 || *w.Download.AppliedMbps != 470 || *w.Upload.FloorMbps != 10 || *w.AgeSeconds < 3600 || *w.AgeSeconds > 3700 {
		t.Errorf("%s", body)
	}
	stderr.wait(t, `left out" file=\S+prometheus.yaml`)
	stderr.wait(t, `enabled is false: left out" file=\S+off.yaml`)

	html := map[string]string{"Accept": "text/html"}
	for _, c := range []struct {
		name    string
		request request
		status  int
		want    string
	}{
		{"the page", request{url: base + "/", header: html}, 200, "<!doctype html>"},
		{"its status", request{url: base + "/page/status"}, 200, `"wan_count":1`},
		{"its history", request{url: base + "/page/history"}, 200, `"dsl":[]`},
		{"the document at the root", request{url: base + "/"}, 503, `"name": "dsl"`},
		{"history", request{url: base + "/history"}, 200, `"dsl":[]`},
		{"ready", request{url: base + "/-/ready"}, 200, "ready"},
		{"healthy", request{url: base + "/-/healthy"}, 200, "healthy"},
		{"metrics", request{url: base + "/metrics"}, 200, `wanctl_loop_running{wan="dsl"} 0`},
		{"nothing", request{url: base + "/nothing"}, 404, ""},
		{"a change", request{method: "POST", url: base + "/health"}, 405, ""},
		{"for a foreign name", request{url: base + "/health", header: map[string]string{"Host": "evil.example"}}, 421, "localhost"},
		{"the page for a foreign name", request{url: base + "/", header: map[string]string{"Host": "evil.example", "Accept": "text/html"}}, 421, ""},
		{"a reload", request{method: "POST", url: base + "/-/reload"}, 200, "reloaded"},
		{"a reload with PUT", request{method: "PUT", url: base + "/-/reload"}, 200, "reloaded"},
		{"a reload with GET", request{url: base + "/-/reload"}, 405, "POST"},
		{"a reload by our page", request{method: "POST", url: base + "/-/reload", header: map[string]string{"Origin": base, "Sec-Fetch-Site": "same-origin"}}, 200, ""},
		{"a reload by another site", request{method: "POST", url: base + "/-/reload", header: map[string]string{"Origin": "https://evil.example"}}, 403, ""},
		{"a reload by another site of a newer browser", request{method: "POST", url: base + "/-/reload", header: map[string]string{"Sec-Fetch-Site": "cross-site"}}, 403, ""},
		{"a reload by a neighbour", request{method: "POST", url: base + "/-/reload", header: map[string]string{"Sec-Fetch-Site": "same-site"}}, 403, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body, _ := c.request.do(t)
			if status != c.status || !strings.Contains(body, c.want) {
				t.Errorf("%d %s", status, body)
			}
		})
	}

	// A new WAN, and one whose file has become bad: it stays as it was.
	write(t, filepath.Join(dir, "lte.yaml"), wanFile(dir, "lte"))
	write(t, filepath.Join(dir, "dsl.yaml"), "wan_name: dsl\nqueues: {}\n")
	write(t, filepath.Join(dir, "new.yaml"), "queues: {download: a}\n")
	status, body, _ = request{method: "POST", url: base + "/-/reload"}.do(t)
	if status != http.StatusInternalServerError || !strings.Contains(body, "dsl.yaml:") {
		t.Errorf("%d %s", status, body)
	}
	names := func() string {
		_, body, _ := request{url: base + "/health"}.do(t)
		var h telemetry.Host
		if err := json.Unmarshal([]byte(body), &h); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, w := range h.WANs {
			names = append(names, w.Name+" "+string(w.Source))
		}
		return strings.Join(names, ", ")
	}
	if got := names(); got != "dsl file, lte file, new.yaml " {
		t.Errorf("after the Reload: %s", got)
	}
	for _, name := range []string{"dsl", "new"} {
		if err := os.Remove(filepath.Join(dir, name+".yaml")); err != nil {
			t.Fatal(err)
		}
	}
	if status, body, _ := (request{method: "POST", url: base + "/-/reload"}).do(t); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if got := names(); got != "lte file" {
		t.Errorf("after the removal: %s", got)
	}

	// A file that cannot be read at all may well be that of a WAN.
	write(t, filepath.Join(dir, "broken.yaml"), "wan_name: [\n")
	status, body, _ = request{method: "POST", url: base + "/-/reload"}.do(t)
	if got := names(); status != http.StatusInternalServerError || !strings.Contains(body, "broken.yaml:") || got != "broken.yaml , lte file" {
		t.Errorf("a broken file: %d %s, %s", status, body, got)
	}
	if err := os.Remove(filepath.Join(dir, "broken.yaml")); err != nil {
		t.Fatal(err)
	}
	// Nothing is left to run.
	write(t, filepath.Join(dir, "lte.yaml"), strings.Replace(wanFile(dir, "lte"), "continuous_monitoring:\n", "continuous_monitoring:\n  enabled: false\n", 1))
	status, body, _ = request{method: "POST", url: base + "/-/reload"}.do(t)
	if got := names(); status != 200 || got != "" {
		t.Errorf("all are disabled: %d %s, %s", status, body, got)
	}
	if got := end(); got != 0 {
		t.Errorf("exit status %d", got)
	}
}

// A steering daemon that does not run, whose state is of the earlier system.
func TestServeSteering(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "steering.yaml"), strings.ReplaceAll(`wan_name: steering
router: {host: 192.0.2.1, user: wanctl}
topology: {primary_wan: dsl, alternate_wan: lte}
mangle_rule: {comment: "wanctl: steer to lte"}
cake_state_sources: {primary: DIR/dsl.json}
cake_queues: {primary_download: a, primary_upload: b}
thresholds: {green_rtt_ms: 7}
lock_file: DIR/steering.lock
state: {file: DIR/steering.json}
`, "DIR", dir))
	write(t, filepath.Join(dir, "steering.json"), `{"current_state":"DSL_DEGRADED","red_count":2,"congestion_state":"RED","last_transition_time":"2026-11-23T08:00:00"}`)
	write(t, filepath.Join(dir, "broken.yaml"), "topology: {primary_wan: dsl}\n")
	addr, _, _ := serving(t, "--config-dir", dir)
	_, body, _ := request{url: "http://" + addr + "/health"}.do(t)
	var h telemetry.Host
	if err := json.Unmarshal([]byte(body), &h); err != nil {
		t.Fatal(err)
	}
	if len(h.Steering) != 2 || h.Status != telemetry.Degraded {
		t.Fatalf("%s", body)
	}
	if s := h.Steering[0]; s.Detail.Name != "broken.yaml" || !strings.Contains(s.Reasons[0], "broken.yaml") {
		t.Errorf("%+v", s)
	}
	s := h.Steering[1]
	if !s.Steering.Enabled || s.Source != telemetry.FromFile || s.AgeSeconds == nil || s.Congestion.Primary.WAN != "dsl" ||
		s.Counters.RedCount != 2 || s.Thresholds.GreenRTTMs != 7 || s.Detail.Rule.Comment != "wanctl: steer to lte" {
		t.Errorf("%s", body)
	}
	if _, body, _ := (request{url: "http://" + addr + "/metrics"}).do(t); !strings.Contains(body, `wanctl_steering_running{wan="dsl"} 0`) {
		t.Error("no word of steering in the metrics")
	}
}

// bcrypt hashes of "secret" and of "new".
const (
	hashSecret = "$2a$04$YC2l9YK387uOtmyslAkq6.QBOEeVqHWUEkfs10q/0CzYCdHtMXxy2"
	hashNew    = "$2a$04$dq5u6nDDgKJ3u41ZfVikr.mD3T8jzUTFvDE1GJl62CcFWR7nqnpcS"
)

// serveHost is a service like the others: systemd hears when it is ready, how many
// daemons run, and that it is alive.
func TestServeNotifiesSystemd(t *testing.T) {
	dir, err := os.MkdirTemp("", "wanctl") // a socket's path has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	write(t, filepath.Join(dir, "dsl.yaml"), wanFile(dir, "dsl"))
	addr := &net.UnixAddr{Net: "unixgram", Name: filepath.Join(dir, "notify")}
	systemd, err := net.ListenUnixgram("unixgram", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	t.Setenv("NOTIFY_SOCKET", addr.Name)
	t.Setenv("WATCHDOG_USEC", "100000")
	_, _, end := serving(t, "--config-dir", dir)
	told := map[string]bool{}
	buf := make([]byte, 4096)
	hear := func(message string) {
		t.Helper()
		for !told[message] {
			if err := systemd.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			n, err := systemd.Read(buf)
			if err != nil {
				t.Fatalf("not told %q but %v", message, told)
			}
			told[string(buf[:n])] = true
		}
	}
	hear("READY=1\nSTATUS=serving 127.0.0.1:0")
	hear("WATCHDOG=1")
	hear("STATUS=serving 127.0.0.1:0: 0 of 1 daemons run")
	if got := end(); got != 0 {
		t.Errorf("exit status %d", got)
	}
	hear("STOPPING=1\nSTATUS=context canceled")
}
