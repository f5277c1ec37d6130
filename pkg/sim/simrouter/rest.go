package simrouter

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/restjson"
)

const maxBody = 1 << 20

// rest is the REST service. Its HTTP server takes the connections that the
// service accepts.
type rest struct {
	router *Router
	tls    *tls.Config // nil: plain http
	conns  chan net.Conn
}

type connKey struct{}

func (r *Router) newREST(encrypted bool) *rest {
	h := &rest{router: r, conns: make(chan net.Conn)}
	if encrypted {
		h.tls = &tls.Config{Certificates: []tls.Certificate{r.cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	}
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: time.Minute,
		IdleTimeout:       r.cfg.Quirks.KeepAlive,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if t, ok := c.(*tls.Conn); ok {
				c = t.NetConn()
			}
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	r.wg.Add(1)
	go func() {
		defer r.wg.Done()
		_ = srv.Serve(h) // ends with the router
		_ = srv.Close()
	}()
	return h
}

// Accept, Close and Addr are the net.Listener of the HTTP server.
func (h *rest) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.router.done:
		return nil, net.ErrClosed
	}
}

func (h *rest) Close() error   { return nil }
func (h *rest) Addr() net.Addr { return &net.TCPAddr{} }

func (h *rest) serve(c *conn) {
	var speak net.Conn = c
	if h.tls != nil {
		speak = tls.Server(c, h.tls)
	}
	select {
	case h.conns <- speak:
		<-c.closed
	case <-h.router.done:
	}
}

// response is an HTTP answer that faults may still change.
type response struct {
	status   int
	body     []byte
	html     bool
	location string // of what was made
	cut      bool   // the connection ends in the middle of the body
}

// restTransaction is a request over HTTP and its answer.
type restTransaction struct {
	router *Router
	conn   *conn
	req    *http.Request
	body   []byte
	res    response
}

func (h *rest) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r := h.router
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	r.wg.Add(1)
	r.mu.Unlock()
	defer r.wg.Done()

	c, _ := req.Context().Value(connKey{}).(*conn)
	body, err := io.ReadAll(io.LimitReader(req.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	f := r.record(c, Request{Method: req.Method, Path: req.URL.RequestURI(), Body: string(body)}, restStep(req))
	x := &restTransaction{router: r, conn: c, req: req, body: body}
	err = r.process(requestCtx{conn: c, fault: f, cancelled: req.Context().Done(), turn: r.turn(c.service.kind, userOf(req))}, x)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.write(w, x.res)
}

// userOf returns the name of the user that a request is for.
func userOf(req *http.Request) string {
	name, _, _ := req.BasicAuth()
	return name
}

// restStep returns a request as faults select it.
func restStep(req *http.Request) step {
	segments := menuSegments(req.URL)
	s := step{command: restCommand(req.Method), path: "/" + strings.Join(segments, "/")}
	if s.command == "" && len(segments) > 0 {
		s.command = segments[len(segments)-1]
	}
	return s
}

// restCommand maps the methods of HTTP to commands; POST names its command in
// the path.
func restCommand(method string) string {
	switch method {
	case http.MethodGet:
		return "print"
	case http.MethodPut:
		return "add"
	case http.MethodPatch:
		return "set"
	case http.MethodDelete:
		return "remove"
	}
	return ""
}

func (x *restTransaction) run() { x.res = x.router.command(x.req, x.conn, x.body) }

func (x *restTransaction) expire() { x.res = restError(http.StatusBadRequest, "Session closed") }

func (x *restTransaction) replace(f Fault) bool {
	switch f.Kind {
	case HTML:
		status := f.Status
		setDefault(&status, http.StatusOK)
		x.res = response{status: status, html: true, body: []byte(
			"<!DOCTYPE html>\n<html><head><title>RouterOS</title></head><body>router configuration page</body></html>\n")}
	case Status:
		x.res = restError(f.Status, f.Text)
	case Deny:
		x.res = x.router.denied(x.req.Method)
	case Ignore, Empty:
		x.res = response{status: http.StatusOK, body: []byte("[]")}
	case WrongData:
		x.res = response{status: http.StatusOK, body: restjson.Row(x.router.resourceRow(), false)}
	default:
		return false
	}
	return true
}

func (x *restTransaction) corrupt(f Fault) {
	switch f.Kind {
	case "", Slow:
	case Truncate:
		x.res.body = x.res.body[:len(x.res.body)/2]
	case Cut:
		x.res.cut = true
	default:
		x.res.body = append([]byte(`[{".id":*1,name"`), x.res.body[len(x.res.body)/2:]...)
	}
}

func (r *Router) write(w http.ResponseWriter, res response) {
	defer r.postReply()
	contentType := "application/json"
	if res.html {
		contentType = "text/html"
	}
	if res.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="RouterOS"`)
	}
	if res.location != "" {
		w.Header().Set("Location", res.location)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(res.body)))
	w.WriteHeader(res.status)
	if res.cut {
		res.body = res.body[:len(res.body)/2]
	}
	_, _ = w.Write(res.body)
	if f, ok := w.(http.Flusher); ok && (res.cut || r.reboot.Load()) {
		f.Flush()
	}
	if res.cut {
		panic(http.ErrAbortHandler)
	}
}

// restError returns an error body: {"detail":...,"error":400,"message":...}, where
// the detail may be absent.
func restError(status int, detail string) response {
	b := []byte{'{'}
	if detail != "" {
		b = restjson.AppendString(append(b, `"detail":`...), detail, true)
		b = append(b, ',')
	}
	b = append(b, `"error":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, `,"message":`...)
	b = restjson.AppendString(b, http.StatusText(status), true)
	return response{status: status, body: append(b, '}')}
}
