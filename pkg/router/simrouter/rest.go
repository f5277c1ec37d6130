package simrouter

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/router/simrouter/console"
)

// restService is the name of REST in policies and in the log.
const restService = "rest-api"

const maxBody = 1 << 20

// response is an HTTP answer before faults have had their way with it.
type response struct {
	status int
	body   []byte
	html   bool
	cut    bool   // the connection ends in the middle of the body
	after  func() // runs once the answer is out
}

// serveHTTP is the life of one request: faults, the queue before the router's
// single worker, latency, the command, faults again.
func (r *Router) serveHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	r.wg.Add(1)
	latency := r.latency
	r.mu.Unlock()
	defer r.wg.Done()

	c, _ := req.Context().Value(connKey{}).(*conn)
	body, err := io.ReadAll(io.LimitReader(req.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.note(Request{Method: req.Method, Path: req.URL.RequestURI(), Body: string(body)})
	path := "/" + strings.Join(menuSegments(req.URL), "/")
	f := r.takeFault(req.Method, path)

	if !f.Applied {
		if res, struck := r.strike(req, c, f); struck {
			r.write(w, res)
			return
		}
	}
	if f.Kind == Slow {
		latency += f.For
	}
	res := r.answer(req, c, body, latency)
	if f.Applied {
		if replaced, struck := r.strike(req, c, f); struck {
			res = replaced
		}
	}
	r.write(w, spoil(res, f))
}

// strike carries out faults that happen instead of an answer.
func (r *Router) strike(req *http.Request, c *conn, f Fault) (response, bool) {
	switch f.Kind {
	case Stall:
		select {
		case <-req.Context().Done():
		case <-r.done:
		}
		panic(http.ErrAbortHandler)
	case Reset:
		c.reset()
		panic(http.ErrAbortHandler)
	case HTML:
		status := f.Status
		setDefault(&status, http.StatusOK)
		return response{status: status, html: true, body: []byte(
			"<!DOCTYPE html>\n<html><head><title>RouterOS</title></head><body>router configuration page</body></html>\n")}, true
	case Status:
		return restError(f.Status, f.Text), true
	case Deny:
		return restError(r.cfg.Quirks.DeniedStatus, "not enough permissions (9)"), true
	case Ignore:
		return response{status: http.StatusOK, body: []byte("[]")}, true
	case Empty:
		return response{status: http.StatusOK, body: []byte("[]")}, true
	case WrongData:
		res, err := r.machine.Run(nil, console.Command{Path: "/system/resource", Name: "print"})
		if err != nil || len(res.Rows) == 0 {
			return response{}, false
		}
		return response{status: http.StatusOK, body: encodeRow(res.Rows[0], false)}, true
	case Slow, Cut, Truncate, Garble:
	}
	return response{}, false
}

// spoil changes a finished answer.
func spoil(res response, f Fault) response {
	switch f.Kind {
	case Truncate:
		res.body = res.body[:len(res.body)/2]
	case Garble:
		res.body = append([]byte(`[{".id":*1,name"`), res.body[len(res.body)/2:]...)
	case Cut:
		res.cut = true
	case Slow, Stall, Reset, HTML, Status, Deny, Ignore, Empty, WrongData:
	}
	return res
}

func (r *Router) write(w http.ResponseWriter, res response) {
	if res.after != nil {
		defer res.after()
	}
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
	if f, ok := w.(http.Flusher); ok && (res.after != nil || res.cut) {
		f.Flush()
	}
	if res.cut {
		panic(http.ErrAbortHandler)
	}
}

// answer waits for the router's single worker, takes as long as the router
// takes, and runs the command.
func (r *Router) answer(req *http.Request, c *conn, body []byte, latency time.Duration) response {
	select {
	case r.busy <- struct{}{}:
	case <-req.Context().Done():
		panic(http.ErrAbortHandler)
	case <-r.done:
		panic(http.ErrAbortHandler)
	}
	defer func() { <-r.busy }()

	if wait := min(latency, r.cfg.RequestCap); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-req.Context().Done():
			panic(http.ErrAbortHandler)
		case <-r.done:
			panic(http.ErrAbortHandler)
		}
	}
	if latency > r.cfg.RequestCap {
		return restError(http.StatusBadRequest, "Session closed")
	}
	return r.command(req, c, body)
}

func (r *Router) command(req *http.Request, c *conn, body []byte) response {
	v := r.machine.Version()
	if !strings.HasPrefix(req.URL.Path, "/rest") || !v.AtLeast(7, 1) || r.cfg.Plain && !v.AtLeast(7, 9) {
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
	if call.Path == "/system" && call.Name == "reboot" {
		return r.rebootCommand(u)
	}
	return r.run(u, req.Method, call)
}

func (r *Router) authenticate(req *http.Request, c *conn) (*console.User, response, bool) {
	name, password, given := req.BasicAuth()
	if !given {
		return nil, restError(http.StatusUnauthorized, ""), false
	}
	u, err := r.machine.Login(name, password, restService, c.from)
	if err != nil {
		r.mu.Lock()
		r.counts.LoginFailures++
		r.mu.Unlock()
		status := http.StatusUnauthorized
		if errors.Is(err, console.ErrNoPolicy) {
			status = r.cfg.Quirks.NoPolicyStatus
		}
		return nil, restError(status, ""), false
	}
	c.login(u)
	return u, response{}, true
}

// rebootCommand is POST /rest/system/reboot: an empty answer, then silence.
func (r *Router) rebootCommand(u *console.User) response {
	if !u.May("reboot") {
		return restError(r.cfg.Quirks.DeniedStatus, "not enough permissions (9)")
	}
	return response{status: http.StatusOK, body: []byte("[]"), after: func() { r.Reboot(Reboot{Down: time.Second}) }}
}

// run maps the verbs of HTTP to commands.
func (r *Router) run(u *console.User, method string, call call) response {
	byID := call.ref != ""
	switch method {
	case http.MethodGet:
		call.Name = "print"
	case http.MethodPut:
		call.Name = "add"
	case http.MethodPatch:
		call.Name = "set"
	case http.MethodDelete:
		call.Name = "remove"
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
