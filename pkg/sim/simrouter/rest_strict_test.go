package simrouter

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// send is do with a Content-Type, and returns the header of the answer too.
func (c client) send(method, path, contentType, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(c.Context(), method, "http://"+c.r.Addr()+path, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	name, password, _ := strings.Cut(c.user, ":")
	req.SetBasicAuth(name, password)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	return resp, err
}

const users3 = `/queue tree add name=down parent=global max-limit=250M
/user group add name=no-api policy=read,write,rest-api
/user group add name=no-read policy=rest-api,api
/user group add name=no-write policy=read,rest-api,api
/user group add name=no-rest policy=read,write,api
/user add name=no-api group=no-api
/user add name=no-read group=no-read
/user add name=no-write group=no-write
/user add name=no-rest group=no-rest
/user add name=admin group=full
`

func TestPoliciesOverREST(t *testing.T) {
	const (
		notAllowed = `{"detail":"std failure: not allowed (9)","error":500,"message":"Internal Server Error"}`
		notEnough  = `{"detail":"not enough permissions (9)","error":500,"message":"Internal Server Error"}`
		noRow      = `{"detail":"missing or invalid resource identifier","error":400,"message":"Bad Request"}`
	)
	c := client{t, start(t, Config{Plain: true, Script: users3}), "no-api"}
	c.want("GET", "/rest/queue/tree?.proplist=name", "", 500, notAllowed)
	c.want("PATCH", "/rest/queue/tree/*1000000", `{"max-limit":"1M"}`, 500, notAllowed)
	c.want("POST", "/rest/nope", `{}`, 500, notAllowed)
	c.user = "no-read"
	c.want("GET", "/rest/queue/tree?.proplist=name", "", 500, notEnough)
	c.user = "no-write"
	c.want("GET", "/rest/queue/tree?.proplist=name", "", 200, `[{".id":"*1000000","name":"down"}]`)
	c.want("PATCH", "/rest/queue/tree/*1000000", `{"max-limit":"1M"}`, 400, noRow)
	c.want("PUT", "/rest/queue/tree", `{"name":"x","parent":"global"}`, 400, noRow)
	c.want("DELETE", "/rest/queue/tree/*1000000", "", 400, noRow)
	c.want("POST", "/rest/queue/tree/set", `{".id":"*1000000","max-limit":"1M"}`, 500, notEnough)
	c.user = "no-rest"
	c.want("GET", "/rest/queue/tree", "", 401, `{"error":401,"message":"Unauthorized"}`)

	lenient := Quirks{RestAPIAlone: true}
	c = client{t, start(t, Config{Plain: true, Script: users3, Quirks: lenient}), "no-api"}
	c.want("GET", "/rest/queue/tree?.proplist=name", "", 200, `[{".id":"*1000000","name":"down"}]`)
}

// A group that changes is seen by the next login: on another connection, or ten
// minutes later.
func TestPolicyChangeIsSeenAtTheNextLogin(t *testing.T) {
	var mu sync.Mutex
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	r := start(t, Config{Plain: true, Script: users3, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	conn, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	br := bufio.NewReader(conn)
	get := func() int {
		req, _ := http.NewRequest("GET", "http://x/rest/queue/tree", nil)
		req.SetBasicAuth("no-api", "")
		if err := req.Write(conn); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(br, req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode
	}
	if got := get(); got != 500 {
		t.Fatalf("status %d before the change", got)
	}
	if err := r.Run("/user group set no-api policy=read,write,api,rest-api"); err != nil {
		t.Fatal(err)
	}
	if got := get(); got != 500 {
		t.Errorf("status %d on the old connection, want 500 still", got)
	}
	if status, _, err := (client{t, r, "no-api"}).do("GET", "/rest/queue/tree", ""); status != 200 {
		t.Errorf("status %d on a new connection, %v", status, err)
	}
	mu.Lock()
	now = now.Add(11 * time.Minute)
	mu.Unlock()
	if got := get(); got != 200 {
		t.Errorf("status %d eleven minutes later", got)
	}
}

func TestServicesThatDoNotServe(t *testing.T) {
	r := start(t, Config{Version: "7.24", Plain: true, Script: users3 + "/ip service webserver set rest-plain=no\n"})
	c := client{t, r, "admin"}
	c.want("GET", "/rest/queue/tree", "", 403, "<html><body><h1>Error 403: Forbidden</h1></body></html>\n")
	if err := r.Run("/ip service webserver set rest-plain=yes rest-secure=no"); err != nil {
		t.Fatal(err)
	}
	c.want("GET", "/rest/queue/tree?.proplist=name", "", 200, `[{".id":"*1000000","name":"down"}]`)

	for version, arg := range map[string]string{"7.23": "address", "7.24": "available-from"} {
		r := start(t, Config{Version: version, Plain: true, Script: users3 + "/ip service set www " + arg + "=192.0.2.0/24\n"})
		if _, _, err := (client{t, r, "admin"}).do("GET", "/rest/queue/tree", ""); err == nil {
			t.Errorf("%s: an address that is not admitted is served", version)
		}
		if err := r.Run("/ip service set www " + arg + "=192.0.2.0/24,127.0.0.0/8"); err != nil {
			t.Fatal(err)
		}
		if status, _, err := (client{t, r, "admin"}).do("GET", "/rest/queue/tree", ""); status != 200 {
			t.Errorf("%s: an admitted address gets %d, %v", version, status, err)
		}
	}
	if _, err := New(Config{Version: "7.23", Script: "/ip service webserver set rest-plain=no"}); err == nil {
		t.Error("the webserver menu exists before 7.24")
	}
}

func TestStrictREST(t *testing.T) {
	const body = `{"max-limit":"1M"}`
	c := client{t, start(t, Config{Plain: true}), "admin"}
	for name, tt := range map[string]struct {
		method, path, contentType, body string
		want                            int
	}{
		"no content type":       {"PATCH", "/rest/queue/tree/*1000000", "", body, 415},
		"another content type":  {"PATCH", "/rest/queue/tree/*1000000", "application/x-www-form-urlencoded", body, 415},
		"content type, charset": {"PATCH", "/rest/queue/tree/*1000000", "application/json; charset=utf-8", body, 200},
		"no body, no type":      {"POST", "/rest/system/identity/print", "", "", 200},
		"HEAD":                  {"HEAD", "/rest/queue/tree", "", "", 501},
		"OPTIONS":               {"OPTIONS", "/rest/queue/tree", "", "", 503},
	} {
		resp, err := c.send(tt.method, tt.path, tt.contentType, tt.body)
		if err != nil || resp.StatusCode != tt.want {
			t.Errorf("%s: %v, %v; want %d", name, resp, err, tt.want)
		}
	}

	const noPrefix = `{"detail":"no such command prefix","error":400,"message":"Bad Request"}`
	c.want("GET", "/rest/queue/tree/%2A1000000", "", 400, noPrefix)
	c.want("PATCH", "/rest/queue/tree/%2a1000000", body, 400, noPrefix)
	c.want("GET", "/rest/queue/tree/print", "", 400, `{"detail":"no such command","error":400,"message":"Bad Request"}`)
	c.want("GET", "/rest/system/reboot", "", 400, `{"detail":"no such command","error":400,"message":"Bad Request"}`)
	c.want("PATCH", "/rest/queue/tree/*1000000", `{"max-limit"`, 400, `{"detail":"Failed to parse json","error":400,"message":"Bad Request"}`)
	c.want("GET", "/rest/queue/tree?disabled=no&name=a&.proplist=name", "", 200, `[{".id":"*1000000","name":"a"}]`)
	c.want("GET", "/rest/queue/tree?disabled=false&name=a&.proplist=name", "", 200, `[{".id":"*1000000","name":"a"}]`)
	c.want("GET", "/rest/queue/tree?disabled=yes", "", 200, `[]`)
	c.want("POST", "/rest/queue/tree/print", `{".proplist":["name"],".query":["name=a"]}`, 200, `[{"name":"a"}]`)

	resp, err := c.send("PUT", "/rest/queue/tree", "application/json", `{"name":"new","parent":"global"}`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("/rest/queue/tree/*1000007", resp.Header.Get("Location")); diff != "" {
		t.Errorf("Location: -want +got\n%s", diff)
	}

	lenient := Quirks{AnyContentType: true, EscapedIDs: true, NoIDBesideProplist: true}
	c = client{t, start(t, Config{Plain: true, Quirks: lenient}), "admin"}
	if resp, err := c.send("PATCH", "/rest/queue/tree/*1000000", "", body); err != nil || resp.StatusCode != 200 {
		t.Errorf("no content type, leniently: %v, %v", resp, err)
	}
	c.want("GET", "/rest/queue/tree/%2A1000000?.proplist=name", "", 200, `{"name":"a"}`)
}

// Users are served side by side, the requests of one user one after the other.
func TestUsersTakeTurns(t *testing.T) {
	r := start(t, Config{Plain: true})
	turn := r.turn(WWW, "admin")
	turn <- struct{}{} // a request of admin is being served
	served := make(chan int)
	go func() {
		status, _, _ := (client{t, r, "admin"}).do("GET", "/rest/system/identity", "")
		served <- status
	}()
	for r.Requests() == 0 {
		time.Sleep(time.Millisecond)
	}
	client{t, r, "reader:r"}.want("GET", "/rest/system/identity", "", 200, `{"name":"MikroTik"}`)
	select {
	case status := <-served:
		t.Errorf("a second request of one user was answered with %d during the first", status)
	default:
	}
	<-turn
	if status := <-served; status != 200 {
		t.Errorf("the second request was answered with %d", status)
	}
}
