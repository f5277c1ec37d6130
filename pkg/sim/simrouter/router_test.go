package simrouter

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const script = `/queue tree
add name=a parent=global max-limit=500M
add name="b c" parent=global
/user group add name=reader policy=read,rest-api,api
/user group add name=restonly policy=read,write,rest-api
/user add name=admin group=full
/user add name=restonly group=restonly password=o
/user add name=reader group=reader password=r
/user add name=nobody group=reader password=n address=192.0.2.1
`

func start(t *testing.T, cfg Config) *Router {
	t.Helper()
	if cfg.Script == "" {
		cfg.Script = script
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// client sends raw requests, each on its own connection.
type client struct {
	*testing.T
	r    *Router
	user string
}

func (c client) do(method, path, body string) (int, string, error) {
	c.Helper()
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	scheme := "https"
	if c.r.cfg.Plain {
		scheme = "http"
	}
	req, err := http.NewRequestWithContext(c.Context(), method, scheme+"://"+c.r.Addr()+path, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	if c.user != "" {
		name, password, _ := strings.Cut(c.user, ":")
		req.SetBasicAuth(name, password)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// want checks one answer to the byte.
func (c client) want(method, path, body string, status int, reply string) {
	c.Helper()
	gotStatus, got, err := c.do(method, path, body)
	if err != nil || gotStatus != status || got != reply {
		c.Errorf("%s %s %s\ngot  %d %s %v\nwant %d %s", method, path, body, gotStatus, got, err, status, reply)
	}
}

const rowA = `{".id":"*1000000","bucket-size":"0.1","burst-limit":"0","burst-threshold":"0","burst-time":"0s","bytes":"0",` +
	`"disabled":"false","dropped":"0","invalid":"false","limit-at":"0","max-limit":"%s","name":"a","packet-mark":"","packet-rate":"0",` +
	`"packets":"0","parent":"global","priority":"8","queue":"default-small","queued-bytes":"0","queued-packets":"0","rate":"0"}`

func TestVerbs(t *testing.T) {
	noon := func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }
	c := client{t, start(t, Config{Plain: true, Now: noon}), "admin"}
	c.want("GET", "/rest/queue/tree?.proplist=.id,name", "", 200, `[{".id":"*1000000","name":"a"},{".id":"*1000004","name":"b c"}]`)
	c.want("GET", "/rest/queue/tree?name=b%20c&.proplist=name", "", 200, `[{".id":"*1000004","name":"b c"}]`)
	c.want("GET", "/rest/queue/tree?name=b+c", "", 200, `[]`)
	c.want("GET", "/rest/queue/tree?name=a&max-limit=1", "", 200, `[]`)
	c.want("GET", "/rest/queue/tree?comment&.proplist=name", "", 200, `[]`)
	c.want("GET", "/rest/queue/tree/*1000000", "", 200, fmt.Sprintf(rowA, "500000000"))
	c.want("GET", "/rest/queue/tree/*1000000?.proplist=name", "", 200, `{".id":"*1000000","name":"a"}`)
	c.want("GET", "/rest/queue/tree/b%20c?.proplist=name", "", 200, `{".id":"*1000004","name":"b c"}`)
	c.want("GET", "/rest/system/identity", "", 200, `{"name":"MikroTik"}`)
	c.want("PATCH", "/rest/queue/tree/*1000000", `{"max-limit":"480M"}`, 200, fmt.Sprintf(rowA, "480000000"))
	c.want("PATCH", "/rest/queue/tree/*1000000", `{"max-limit":470000000,"disabled":false}`, 200, fmt.Sprintf(rowA, "470000000"))
	c.want("PUT", "/rest/ip/firewall/address-list", `{"list":"L","address":"10.0.0.1","comment":"x"}`, 201, `{".id":"*1","address":"10.0.0.1",`+
		`"comment":"x","creation-time":"2026-11-23 12:00:00","disabled":"false","dynamic":"false","list":"L"}`)
	c.want("DELETE", "/rest/ip/firewall/address-list/*1", "", 204, "")
	c.want("DELETE", "/rest/ip/firewall/address-list/*1", "", 404, `{"error":404,"message":"Not Found"}`)
	c.want("POST", "/rest/queue/tree/set", `{".id":"*1000000","max-limit":"480M"}`, 200, `[]`)
	c.want("POST", "/rest/queue/tree/reset-counters", `{".id":"*1000000"}`, 200, `[]`)
	c.want("POST", "/rest/queue/tree/add", `{"name":"d","parent":"global"}`, 200, `{"ret":"*1000007"}`)
	c.want("POST", "/rest/queue/tree/print", `{".proplist":["name"],".query":["name=a","name=d","#|"]}`, 200, `[{"name":"a"},{"name":"d"}]`)
	c.want("POST", "/rest/queue/tree/print", `{".proplist":"name,rate",".query":["name=a"]}`, 200, `[{"name":"a","rate":"0"}]`)
	c.want("POST", "/rest/system/identity/set", `{"name":"x"}`, 200, `[]`)
	c.want("POST", "/rest/execute", `{"script":":put hello","as-string":""}`, 200, `{"ret":"hello\r\n"}`)
	c.want("POST", "/rest/execute", `{"script":":put [","as-string":"false"}`, 200, `{"ret":"syntax error (line 1 column 7)"}`)
	c.want("GET", "/", "", 200, "<html><title>RouterOS</title></html>\n")
}

func TestRefusals(t *testing.T) {
	c := client{t, start(t, Config{Plain: true}), "admin"}
	c.want("GET", "/rest/queue/tree/*77", "", 404, `{"error":404,"message":"Not Found"}`)
	c.want("PATCH", "/rest/queue/tree/*77", `{"max-limit":"1"}`, 404, `{"error":404,"message":"Not Found"}`)
	c.want("POST", "/rest/queue/tree/set", `{".id":"*77","max-limit":"1"}`, 400, `{"detail":"no such item","error":400,"message":"Bad Request"}`)
	c.want("PATCH", "/rest/queue/tree/*1000000", `{"max-limt":"1"}`, 400, `{"detail":"unknown parameter max-limt","error":400,"message":"Bad Request"}`)
	c.want("PATCH", "/rest/queue/tree/*1000000", `{"max-limit":"x"}`, 400, `{"detail":"invalid value for argument max-limit","error":400,"message":"Bad Request"}`)
	c.want("PATCH", "/rest/queue/tree/*1000000", `{"max-limit":{}}`, 400, `{"detail":"invalid value for argument max-limit","error":400,"message":"Bad Request"}`)
	c.want("PUT", "/rest/queue/tree", `{"name":"a","parent":"global"}`, 400, `{"detail":"failure: already have such name","error":400,"message":"Bad Request"}`)
	c.want("GET", "/rest/queue/trees", "", 400, `{"detail":"no such command or directory (queue/trees)","error":400,"message":"Bad Request"}`)
	c.want("POST", "/rest/queue/tree/frob", `{}`, 400, `{"detail":"no such command or directory (frob)","error":400,"message":"Bad Request"}`)
	c.want("POST", "/rest/nope/print", ``, 400, `{"detail":"no such command prefix","error":400,"message":"Bad Request"}`)
	c.want("PATCH", "/rest/queue/tree", `{}`, 406, `{"detail":"no such command or directory (patch)","error":406,"message":"Not Acceptable"}`)
	c.want("PUT", "/rest/queue/tree/*1000000", `{}`, 406, `{"detail":"no such command or directory (put)","error":406,"message":"Not Acceptable"}`)
	if status, body, _ := c.do("PATCH", "/rest/queue/tree/*1000000", `{"max-limit":`); status != 400 || !strings.Contains(body, "Failed to parse json") {
		t.Errorf("half a body: %d %s", status, body)
	}
	c.user = ""
	c.want("GET", "/rest/queue/tree", "", 401, `{"error":401,"message":"Unauthorized"}`)
	c.user = "admin:x"
	c.want("GET", "/rest/queue/tree", "", 401, `{"error":401,"message":"Unauthorized"}`)
	c.user = "nobody:n" // allowed from elsewhere alone
	c.want("GET", "/rest/queue/tree", "", 401, `{"error":401,"message":"Unauthorized"}`)
	c.user = "reader:r"
	c.want("PATCH", "/rest/queue/tree/*1000000", `{"max-limit":"1"}`, 400, `{"detail":"missing or invalid resource identifier","error":400,"message":"Bad Request"}`)
	c.want("POST", "/rest/queue/tree/set", `{".id":"*1000000","max-limit":"1"}`, 500, `{"detail":"not enough permissions (9)","error":500,"message":"Internal Server Error"}`)
	c.want("POST", "/rest/system/reboot", "", 500, `{"detail":"not enough permissions (9)","error":500,"message":"Internal Server Error"}`)
	if n := c.r.WriteSectors(); n != 0 {
		t.Errorf("%d flash sectors written by refused requests", n)
	}
}

func TestQuirks(t *testing.T) {
	q := Quirks{DeniedStatus: 403, NoPolicyStatus: 403, BadVerbStatus: 405, UnknownPathStatus: 404, PlusIsSpace: true, NoNamesInPath: true, EmptyAnswers: true, NoPostPrint: true}
	c := client{t, start(t, Config{Plain: true, Quirks: q}), "admin"}
	c.want("GET", "/rest/queue/tree?name=b+c&.proplist=name", "", 200, `[{".id":"*1000004","name":"b c"}]`)
	c.want("GET", "/rest/queue/tree/a", "", 404, `{"error":404,"message":"Not Found"}`)
	c.want("GET", "/rest/nope", "", 404, `{"detail":"no such command or directory (nope)","error":404,"message":"Not Found"}`)
	c.want("PATCH", "/rest/queue/tree/*1000000", `{"max-limit":"1M"}`, 200, `[]`)
	c.want("PUT", "/rest/queue/tree", `{"name":"n","parent":"global"}`, 201, `[]`)
	c.want("DELETE", "/rest/queue/tree", ``, 405, `{"detail":"no such command or directory (delete)","error":405,"message":"Method Not Allowed"}`)
	c.want("POST", "/rest/queue/tree/print", `{}`, 405, `{"detail":"no such command or directory (print)","error":405,"message":"Method Not Allowed"}`)
	c.user = "reader:r"
	c.want("DELETE", "/rest/queue/tree/*1000000", "", 403, `{"detail":"not enough permissions (9)","error":403,"message":"Forbidden"}`)
	if err := c.r.State().AddUser("api", "", "read", "api"); err != nil {
		t.Fatal(err)
	}
	c.user = "api:"
	c.want("GET", "/rest/queue/tree", "", 403, `{"error":403,"message":"Forbidden"}`)
}

func TestVersions(t *testing.T) {
	for _, tt := range []struct {
		version string
		plain   bool
		want    int
	}{
		{"6.49.10", false, 404}, {"6.49.10", true, 404}, {"7.8", true, 404}, {"7.8", false, 200}, {"7.9", true, 200}, {"7.22.1", false, 200},
	} {
		c := client{t, start(t, Config{Version: tt.version, Plain: tt.plain}), "admin"}
		status, body, err := c.do("GET", "/rest/system/identity", "")
		if err != nil || status != tt.want || (status == 404) != strings.HasPrefix(body, "<") {
			t.Errorf("%s, plain %v: %d %s %v, want %d", tt.version, tt.plain, status, body, err, tt.want)
		}
	}
	if _, err := New(Config{Version: "seven"}); err == nil {
		t.Error("version seven was accepted")
	}
}

func TestLogins(t *testing.T) {
	for _, each := range []bool{false, true} {
		r := start(t, Config{Plain: true, Quirks: Quirks{LoginPerRequest: each}})
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", r.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		br := bufio.NewReader(conn)
		for range 3 {
			req, _ := http.NewRequest("GET", "http://x/rest/log", nil)
			req.SetBasicAuth("admin", "")
			if err := req.Write(conn); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(br, req)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
		}
		want := 1
		if each {
			want = 3
		}
		if n := r.Logins(); n != want {
			t.Errorf("%d logins for 3 requests on one connection, want %d", n, want)
		}
	}
}

func TestRequestsTakeTurns(t *testing.T) {
	const latency, requests = 20 * time.Millisecond, 5
	r := start(t, Config{Plain: true, Latency: latency})
	c := client{t, r, "admin"}
	began := time.Now()
	var wg sync.WaitGroup
	for range requests {
		wg.Go(func() { c.want("GET", "/rest/system/identity", "", 200, `{"name":"MikroTik"}`) })
	}
	wg.Wait()
	if took := time.Since(began); took < requests*latency {
		t.Errorf("%d requests of %v took %v: they overlapped", requests, latency, took)
	}
}

func TestRequestCap(t *testing.T) {
	r := start(t, Config{Plain: true, RequestCap: 10 * time.Millisecond})
	c := client{t, r, "admin"}
	r.Inject(Fault{Kind: Slow, For: time.Hour, Times: 1})
	c.want("GET", "/rest/system/identity", "", 400, `{"detail":"Session closed","error":400,"message":"Bad Request"}`)
	c.want("GET", "/rest/system/identity", "", 200, `{"name":"MikroTik"}`)
}

func TestFaults(t *testing.T) {
	const get, full = "/rest/queue/tree?.proplist=name", `[{".id":"*1000000","name":"a"},{".id":"*1000004","name":"b c"}]`
	r := start(t, Config{Plain: true})
	c := client{t, r, "admin"}
	for _, tt := range []struct {
		fault  Fault
		status int
		body   string
	}{
		{Fault{Kind: Truncate}, 200, full[:len(full)/2]},
		{Fault{Kind: Garble}, 200, `[{".id":*1,name"` + full[len(full)/2:]},
		{Fault{Kind: HTML, Status: 502}, 502, "<!DOCTYPE html>\n<html><head><title>RouterOS</title></head><body>router configuration page</body></html>\n"},
		{Fault{Kind: Status, Status: 503}, 503, `{"error":503,"message":"Service Unavailable"}`},
		{Fault{Kind: Status, Status: 400, Text: "Session is over"}, 400, `{"detail":"Session is over","error":400,"message":"Bad Request"}`},
		{Fault{Kind: Deny}, 500, `{"detail":"not enough permissions (9)","error":500,"message":"Internal Server Error"}`},
		{Fault{Kind: Empty, Path: "/queue"}, 200, `[]`},
		{Fault{Kind: Ignore, Command: "print", Service: WWW}, 200, `[]`},
	} {
		tt.fault.Times = 1
		r.Inject(tt.fault)
		c.want("GET", get, "", tt.status, tt.body)
		c.want("GET", get, "", 200, full) // it applies once
	}
	for fault, want := range map[FaultKind]error{Reset: syscall.ECONNRESET, Cut: io.ErrUnexpectedEOF} {
		r.Inject(Fault{Kind: fault, Times: 1})
		if _, _, err := c.do("GET", get, ""); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", fault, err, want)
		}
	}
	r.Inject(Fault{Kind: WrongData, Times: 1})
	if _, body, err := c.do("GET", get, ""); err != nil || !strings.HasPrefix(body, `{"architecture-name"`) {
		t.Errorf("wrong data: %s, %v", body, err)
	}

	// Faults for other requests do not apply, and end when cleared.
	r.Inject(Fault{Kind: HTML, Command: "set"})
	r.Inject(Fault{Kind: HTML, Path: "/system"})
	c.want("GET", get, "", 200, full)
	r.ClearFaults()
	c.want("GET", "/rest/system/identity", "", 200, `{"name":"MikroTik"}`)

	// With Applied, the command has taken effect before the fault.
	for _, applied := range []bool{false, true} {
		before := r.Writes()
		r.Inject(Fault{Kind: Reset, Command: "set", Times: 1, Applied: applied})
		if _, _, err := c.do("PATCH", "/rest/queue/tree/*1000000", `{"max-limit":"1M"}`); err == nil {
			t.Error("a reset connection answered")
		}
		if happened := r.Writes() > before; happened != applied {
			t.Errorf("applied=%v, but the write happened: %v", applied, happened)
		}
	}
}
