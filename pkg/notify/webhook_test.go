package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// post sends an event to an address.
func post(t *testing.T, cfg WebhookConfig) error {
	t.Helper()
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	w := NewWebhook(cfg)
	defer w.client.CloseIdleConnections()
	return w.Send(t.Context(), sample())
}

func TestWebhook(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:1")
	type request struct {
		Method, Path, Query, Body string
		Header                    map[string]string
	}
	var got request
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = request{r.Method, r.URL.Path, r.URL.RawQuery, string(body), map[string]string{}}
		for _, name := range []string{"Content-Type", "Authorization", "User-Agent", "Title"} {
			got.Header[name] = r.Header.Get(name)
		}
	}))
	defer srv.Close()
	cfg := WebhookConfig{URL: srv.URL + "/topic?x=1", Headers: []string{"authorization: Bearer t0ken", "Title:  WAN "}, Version: "v1"}
	if err := post(t, cfg); err != nil {
		t.Fatal(err)
	}
	var e Event
	if err := json.Unmarshal([]byte(got.Body), &e); err != nil || e.New != "RED" {
		t.Errorf("body %q: %v", got.Body, err)
	}
	if !strings.Contains(got.Body, `"time":"2026-11-01T20:00:00+01:00"`) {
		t.Errorf("no time with its zone in %s", got.Body)
	}
	cfg.Text = true
	if err := post(t, cfg); err != nil {
		t.Fatal(err)
	}
	want := request{"POST", "/topic", "x=1", "cable: download RED, was GREEN: delay", map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "Authorization": "Bearer t0ken", "User-Agent": "wanctl/v1", "Title": "WAN",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWebhookAnswers(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the event went elsewhere, with %q", r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	done := make(chan struct{})
	mux := http.NewServeMux()
	answer := func(path string, h http.HandlerFunc) { mux.HandleFunc("/s3cret-path/"+path, h) }
	answer("403", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "token t0ken is\x1b[31m wrong\nsecond line", http.StatusForbidden)
	})
	answer("404", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no hook s3cret-path", http.StatusNotFound)
	})
	answer("400", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no "+r.FormValue("key")+" for the key of "+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), http.StatusBadRequest)
	})
	answer("503", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	answer("429", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
	answer("elsewhere", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	answer("see-other", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/s3cret-path/ok", http.StatusSeeOther)
	})
	answer("moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/s3cret-path/ok", http.StatusPermanentRedirect)
	})
	answer("for-ever", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/s3cret-path/for-ever", http.StatusPermanentRedirect)
	})
	answer("ok", func(_ http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); r.Method != http.MethodPost || len(body) == 0 {
			t.Errorf("%s with %d bytes", r.Method, len(body))
		}
	})
	answer("huge", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	answer("hangs", func(http.ResponseWriter, *http.Request) { <-done })
	answer("huge-headers", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) })
	srv := httptest.NewServer(mux)
	defer srv.Close()
	defer close(done)
	for _, c := range []struct {
		path, want string
		refused    bool
	}{
		{"ok", "", false},
		{"moved", "", false},
		{"huge", "", false},
		{"403", "answer 403 Forbidden: token ******** is [31m wrong", false},
		{"404", "answer 404 Not Found: no hook ********", false},
		{"400?key=s3cret-key", "answer 400 Bad Request: no ******** for the key of ********", true},
		{"503", "answer 503 Service Unavailable", false},
		{"429", "answer 429 Too Many Requests", false},
		{"elsewhere", "it redirects elsewhere", false},
		{"see-other", "it redirects elsewhere", false},
		{"for-ever", "it redirects elsewhere", false},
		{"hangs", "no answer within 300ms", false},
		{"huge-headers", "exceeded", false},
	} {
		t.Run(c.path, func(t *testing.T) {
			cfg := WebhookConfig{URL: srv.URL + "/s3cret-path/" + c.path, Headers: []string{"Authorization: Bearer t0ken"}}
			if c.path == "hangs" {
				cfg.Timeout = 300 * time.Millisecond
			}
			err := post(t, cfg)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, new(*Refusal)) != c.refused {
				t.Fatalf("got %v (%T)", err, err)
			}
			for _, secret := range []string{"t0ken", "s3cret", "second line", "\x1b"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q is in the error: %v", secret, err)
				}
			}
		})
	}
}

// A connection that is closed at once, and an address where nobody listens, are tried
// again, and their errors have no secret in them.
func TestWebhookUnreachable(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	address := "http://user:s3cret@" + ln.Addr().String() + "/s3cret?s3cret"
	for range 2 {
		err := post(t, WebhookConfig{URL: address})
		if err == nil || errors.As(err, new(*Refusal)) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got %v", err)
		}
		_ = ln.Close()
		<-closed
	}
}

func TestWebhookTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.ErrorLog = nil
	srv.StartTLS()
	defer srv.Close()
	sum := sha256.Sum256(srv.Certificate().Raw)
	right := hex.EncodeToString(sum[:])
	for _, c := range []struct{ name, pin, want string }{
		{"self-signed", "", "certificate"},
		{"pinned", right, ""},
		{"pinned to another one", strings.Repeat("0", 64), "its SHA-256 is " + right},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := post(t, WebhookConfig{URL: srv.URL, TLSFingerprint: c.pin})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v", err)
			}
		})
	}
}
