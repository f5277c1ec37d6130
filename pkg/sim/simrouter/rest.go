package simrouter

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/console"
)

const maxBody = 1 << 20

// rest is the codec of REST. It has one HTTP server, which is handed the
// connections that the service accepts.
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

// response is an HTTP answer before faults have had their way with it.
type response struct {
	status int
	body   []byte
	html   bool
	cut    bool // the connection ends in the middle of the body
}

// restExchange is a request over HTTP and its answer.
type restExchange struct {
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
	f := r.begin(c, Request{Method: req.Method, Path: req.URL.RequestURI(), Body: string(body)}, restStep(req))
	x := &restExchange{router: r, conn: c, req: req, body: body}
	err = r.carry(ticket{conn: c, fault: f, gone: req.Context().Done(), worker: r.worker(c.service.kind)}, x)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.write(w, x.res)
}

// restStep is a request as faults select it.
func restStep(req *http.Request) step {
	segments := menuSegments(req.URL)
	s := step{command: restCommand(req.Method), path: "/" + strings.Join(segments, "/")}
	if s.command == "" && len(segments) > 0 {
		s.command = segments[len(segments)-1]
	}
	return s
}

// restCommand maps the methods of HTTP to commands; that of POST is in the
// path.
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

func (x *restExchange) run() { x.res = x.router.command(x.req, x.conn, x.body) }

func (x *restExchange) expire() { x.res = restError(http.StatusBadRequest, "Session closed") }

func (x *restExchange) replace(f Fault) bool {
	switch f.Kind {
	case HTML:
		status := f.Status
		setDefault(&status, http.StatusOK)
		x.res = response{status: status, html: true, body: []byte(
			"<!DOCTYPE html>\n<html><head><title>RouterOS</title></head><body>router configuration page</body></html>\n")}
	case Status:
		x.res = restError(f.Status, f.Text)
	case Deny:
		x.res = restError(x.router.cfg.Quirks.DeniedStatus, "not enough permissions (9)")
	case Ignore, Empty:
		x.res = response{status: http.StatusOK, body: []byte("[]")}
	case WrongData:
		x.res = response{status: http.StatusOK, body: encodeRow(x.router.wrongData(), false)}
	default:
		return false
	}
	return true
}

func (x *restExchange) spoil(f Fault) {
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
	defer r.afterwards()
	contentType := "application/json"
	if res.html {
		contentType = "text/html"
	}
	if res.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="RouterOS"`)
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

func (r *Router) command(req *http.Request, c *conn, body []byte) response {
	v := r.machine.Version()
	if !strings.HasPrefix(req.URL.Path, "/rest") || !v.AtLeast(7, 1) || c.service.kind == WWW && !v.AtLeast(7, 9) {
		if req.URL.Path == "/" {
			return response{status: http.StatusOK, html: true, body: []byte("<html><title>RouterOS</title></html>\n")}
		}
		return response{status: http.StatusNotFound, html: true, body: []byte("<html><h1>Error 404: Not Found</h1></html>\n")}
	}
	u, res, ok := r.authenticate(req, c)
	if !ok {
		return res
	}
	call, fail := r.parse(req, body)
	if fail != nil {
		return *fail
	}
	return r.run(u, req.Method, call)
}

func (r *Router) authenticate(req *http.Request, c *conn) (*console.User, response, bool) {
	name, password, given := req.BasicAuth()
	if !given {
		return nil, restError(http.StatusUnauthorized, ""), false
	}
	u, err := c.authenticate(name, password)
	if err != nil {
		status := http.StatusUnauthorized
		if errors.Is(err, console.ErrNoPolicy) {
			status = r.cfg.Quirks.NoPolicyStatus
		}
		return nil, restError(status, ""), false
	}
	return u, response{}, true
}

// run maps the verbs of HTTP to commands.
func (r *Router) run(u *console.User, method string, call call) response {
	byID := call.ref != ""
	if name := restCommand(method); name != "" {
		call.Name = name
	}
	if byID {
		call.Args[".id"] = call.ref
	}
	res, err := r.machine.Run(u, call.Command)
	if err != nil {
		return r.failure(err, byID)
	}
	switch method {
	case http.MethodDelete:
		return response{status: http.StatusNoContent}
	case http.MethodPut:
		call.ref = res.Ret
		return r.readBack(u, call, http.StatusCreated)
	case http.MethodPatch:
		return r.readBack(u, call, http.StatusOK)
	case http.MethodGet:
		if (byID || res.Single) && len(res.Rows) > 0 {
			return response{status: http.StatusOK, body: encodeRow(res.Rows[0], r.cfg.Quirks.EscapedControls)}
		}
	}
	if res.HasRet {
		return response{status: http.StatusOK, body: encodeRow(map[string]string{"ret": res.Ret}, r.cfg.Quirks.EscapedControls)}
	}
	return response{status: http.StatusOK, body: encodeRows(res.Rows, r.cfg.Quirks.EscapedControls)}
}

// readBack answers PUT and PATCH with the row as it is now.
func (r *Router) readBack(u *console.User, call call, status int) response {
	if r.cfg.Quirks.EmptyAnswers {
		return response{status: status, body: []byte("[]")}
	}
	res, err := r.machine.Run(u, console.Command{Path: call.Path, Name: "print", Args: map[string]string{".id": call.ref}})
	if err != nil {
		return r.failure(err, true)
	}
	if len(res.Rows) == 0 {
		return response{status: status, body: []byte("[]")}
	}
	return response{status: status, body: encodeRow(res.Rows[0], r.cfg.Quirks.EscapedControls)}
}

// failure words an error as REST does.
func (r *Router) failure(err error, byID bool) response {
	var e *console.Error
	if !errors.As(err, &e) {
		return restError(http.StatusInternalServerError, err.Error())
	}
	switch {
	case e.Denied:
		return restError(r.cfg.Quirks.DeniedStatus, e.Text)
	case byID && e.Category == console.MissingItem && e.Text == "no such item":
		return restError(http.StatusNotFound, "")
	}
	return restError(e.Status, e.Text)
}

// menuSegments splits the path below /rest. Escapes are decoded, so that *1A
// and %2A1A are the same.
func menuSegments(u *url.URL) []string {
	var out []string
	for s := range strings.SplitSeq(strings.TrimPrefix(u.EscapedPath(), "/rest"), "/") {
		if s == "" {
			continue
		}
		if decoded, err := url.PathUnescape(s); err == nil {
			s = decoded
		}
		out = append(out, s)
	}
	return out
}
