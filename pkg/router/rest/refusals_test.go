package rest_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rest"
)

// refusing answers reads of /queue/tree with one queue, and changes with what
// change is.
func refusing(limitAt string, change func(http.ResponseWriter, *http.Request)) http.HandlerFunc {
	row := `{".id":"*5","name":"down","max-limit":"90000000","limit-at":"` + limitAt + `","bytes":"1"}`
	return func(w http.ResponseWriter, req *http.Request) {
		switch {
		case req.Method != http.MethodGet:
			change(w, req)
		case strings.HasSuffix(req.URL.Path, "/*5"):
			_, _ = w.Write([]byte(row))
		case req.URL.Path == "/rest/queue/tree":
			_, _ = w.Write([]byte("[" + row + "]"))
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"error":404,"message":"Not Found"}`))
		}
	}
}

func answer(status int, contentType, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func detail(status int, text string) func(http.ResponseWriter, *http.Request) {
	return answer(status, "application/json", fmt.Sprintf(`{"detail":%q,"error":%d,"message":%q}`, text, status, http.StatusText(status)))
}

// What RouterOS answers when it does not let a user, a host or a value through.
func TestRefusals(t *testing.T) {
	const noIdentifier = "missing or invalid resource identifier"
	policies := []string{"policies api and rest-api", "policy=read,write,api,rest-api", `"admin"`, "/user group print"}
	for _, tt := range []struct {
		name   string
		serve  http.HandlerFunc
		class  error
		want   []string
		absent string // what the error must not say
	}{
		{name: "group without api", serve: detail(500, "std failure: not allowed (9)"), class: router.ErrDenied,
			want: append(policies, "not allowed (9)"), absent: "starting"},
		{name: "service without REST", serve: answer(403, "text/html", "<html><body><h1>Error 403: Forbidden</h1></body></html>"), class: router.ErrDenied,
			want: []string{"/ip service webserver", "rest-plain=yes", "service www"}, absent: "policy"},
		{name: "policy as 403", serve: detail(403, "not enough permissions (9)"), class: router.ErrDenied, want: policies, absent: "webserver"},
		{name: "user's address", serve: answer(401, "application/json", `{"error":401,"message":"Unauthorized"}`), class: router.ErrAuth,
			want: []string{"router.password", "api and rest-api", "address admits this host"}},
		{name: "no write policy", serve: refusing("0", detail(400, noIdentifier)), class: router.ErrDenied,
			want: []string{noIdentifier, "may not write", "policy=read,write,api,rest-api"}},
		{name: "no write policy, with its own text", serve: refusing("0", detail(500, "not enough permissions (9)")), class: router.ErrDenied, want: policies},
		{name: "limit-at above", serve: refusing("85000000", detail(400, "failure: max-limit must not be less than limit-at")), class: router.ErrInvalid,
			want: []string{`queue "down"`, "limit-at=85M", "max-limit=40M", "must not be less", `/queue tree set [find name="down"] limit-at=0`}},
		{name: "limit-at below", serve: refusing("1000000", detail(400, "failure: something else")), class: router.ErrInvalid,
			want: []string{"something else"}, absent: "limit-at"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := setQueue(t.Context(), hostile(t, tt.serve), "down", router.QueueSettings{MaxLimit: new(40 * bitrate.Mbps)})
			wantRefusal(t, err, tt.class, tt.want...)
			if err != nil && tt.absent != "" && strings.Contains(err.Error(), tt.absent) {
				t.Errorf("error says %q: %v", tt.absent, err)
			}
		})
	}
}

// A row that is gone is refused in the same words as a missing policy, and is
// looked up again.
func TestNoIdentifierOfARowThatIsGone(t *testing.T) {
	var mu sync.Mutex
	id := "*5"
	c := hostile(t, func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		row := fmt.Sprintf(`{".id":%q,"name":"down","max-limit":"40000000","bytes":"1"}`, id)
		switch {
		case strings.HasSuffix(req.URL.Path, "/queue/tree"):
			_, _ = w.Write([]byte("[" + row + "]"))
		case strings.HasSuffix(req.URL.Path, "/"+id):
			_, _ = w.Write([]byte(row))
		case req.Method == http.MethodGet:
			detail(404, "")(w, req)
		default:
			detail(400, "missing or invalid resource identifier")(w, req)
		}
	})
	if _, err := c.Queue(t.Context(), "down"); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	id = "*6"
	mu.Unlock()
	if q, err := setQueue(t.Context(), c, "down", router.QueueSettings{MaxLimit: new(40 * bitrate.Mbps)}); err != nil || q.MaxLimit != 40*bitrate.Mbps {
		t.Errorf("got %v, %v", q.MaxLimit, err)
	}
}

// A service whose address does not admit this host closes what it accepts.
func TestHostNotAdmitted(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plain bool
		want  []string
	}{
		{"www", true, []string{"service www does not admit this host", "available-from", "/ip service print", "TLS port"}},
		{"www-ssl", false, []string{"service www-ssl does not admit this host", "available-from", "/ip service print", "certificate"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			host, port := serving(t, func(net.Conn) {})
			c := newClient(t, rest.Config{Host: host, Port: port, User: "admin", Plain: tt.plain, Timeout: 10 * time.Second})
			_, err := c.Info(t.Context())
			if !errors.Is(err, router.ErrUnreachable) && !errors.Is(err, router.ErrOutcomeUnknown) {
				t.Errorf("class of %v", err)
			}
			wantRefusal(t, err, nil, tt.want...)
		})
	}
}

// serving listens until the test ends. Each connection is closed when serve returns.
func serving(t *testing.T, serve func(net.Conn)) (host string, port int) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			serve(c)
			_ = c.Close()
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	host, p, _ := net.SplitHostPort(ln.Addr().String())
	port, _ = strconv.Atoi(p)
	return host, port
}

func wantRefusal(t *testing.T, err, class error, want ...string) {
	t.Helper()
	if err == nil || class != nil && !errors.Is(err, class) {
		t.Fatalf("class of %v is not %v", err, class)
	}
	for _, w := range slices.Clip(want) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error lacks %q: %v", w, err)
		}
	}
}

// RouterOS 7.23 leaves out flags of a rule that were never set.
func TestRuleWithoutFlags(t *testing.T) {
	var mu sync.Mutex
	disabled := ""
	c := hostile(t, func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if req.Method == http.MethodPatch {
			body := make([]byte, 100)
			n, _ := req.Body.Read(body)
			if disabled = ""; strings.Contains(string(body[:n]), "true") {
				disabled = `,"disabled":"true"`
			}
		}
		row := `{".id":"*A","chain":"prerouting","action":"accept","comment":"steer"` + disabled + `}`
		if req.Method == http.MethodGet {
			row = "[" + row + "]"
		}
		_, _ = w.Write([]byte(row))
	})
	for _, enabled := range []bool{true, false, true} {
		rule, err := c.SetRule(t.Context(), "steer", enabled)
		if err != nil || rule.Disabled == enabled {
			t.Errorf("enabled %t: %+v, %v", enabled, rule, err)
		}
	}
}

// An informational answer, which nothing asked for, is no refusal: what follows may
// be the answer, or that of the next request.
func TestInformationalAnswers(t *testing.T) {
	for _, status := range []string{"000", "100 Continue", "103 Early Hints"} {
		host, port := serving(t, func(c net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.WriteString(c, "HTTP/1.1 "+status+"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
			}
		})
		c := newClient(t, rest.Config{Host: host, Port: port, User: "admin", Plain: true})
		_, err := c.Queues(t.Context())
		if !errors.Is(err, router.ErrOutcomeUnknown) || !strings.Contains(err.Error(), "it sent the HTTP status "+status[:3]) {
			t.Errorf("%s: %v", status, err)
		}
	}
}
