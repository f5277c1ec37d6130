package simrouter

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/restjson"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
)

func (r *Router) command(req *http.Request, c *conn, body []byte) response {
	v := r.state.Version()
	if !strings.HasPrefix(req.URL.Path, "/rest") || !v.AtLeast(7, 1) || c.service.kind == WWW && !v.AtLeast(7, 9) {
		if req.URL.Path == "/" {
			return response{status: http.StatusOK, html: true, body: []byte("<html><title>RouterOS</title></html>\n")}
		}
		return response{status: http.StatusNotFound, html: true, body: []byte("<html><h1>Error 404: Not Found</h1></html>\n")}
	}
	if !r.state.ServesREST(c.service.kind == WWWSSL) {
		return response{status: http.StatusForbidden, html: true, body: []byte("<html><body><h1>Error 403: Forbidden</h1></body></html>\n")}
	}
	switch req.Method {
	case http.MethodHead:
		return restError(http.StatusNotImplemented, "")
	case http.MethodOptions:
		return restError(http.StatusServiceUnavailable, "")
	}
	u, res, ok := r.authenticate(req, c)
	if !ok {
		return res
	}
	if !u.May("api") && !r.cfg.Quirks.RestAPIAlone {
		return restError(http.StatusInternalServerError, "std failure: not allowed (9)")
	}
	if len(body) > 0 && !isJSON(req.Header.Get("Content-Type")) && !r.cfg.Quirks.AnyContentType {
		return restError(http.StatusUnsupportedMediaType, "")
	}
	call, fail := r.parse(req, body)
	if fail != nil {
		return *fail
	}
	return r.run(u, req.Method, call)
}

func (r *Router) authenticate(req *http.Request, c *conn) (*routeros.User, response, bool) {
	name, password, given := req.BasicAuth()
	if !given {
		return nil, restError(http.StatusUnauthorized, ""), false
	}
	if u := c.loggedIn(name, password); u != nil {
		c.login(u)
		return u, response{}, true
	}
	u, err := c.authenticate(name, func(want string) bool { return want == password })
	if err != nil {
		status := http.StatusUnauthorized
		if errors.Is(err, routeros.ErrNoPolicy) {
			status = r.cfg.Quirks.NoPolicyStatus
		}
		return nil, restError(status, ""), false
	}
	c.login(u)
	c.keepLogin(u, password)
	return u, response{}, true
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json"
}

// denied is the answer to a request that a policy forbids. To a method of HTTP
// that changes something, routers answer as if the row were absent.
func (r *Router) denied(method string) response {
	const text = "not enough permissions (9)"
	switch status := r.cfg.Quirks.DeniedStatus; {
	case status != 0:
		return restError(status, text)
	case method == http.MethodPatch, method == http.MethodPut, method == http.MethodDelete:
		return restError(http.StatusBadRequest, "missing or invalid resource identifier")
	}
	return restError(http.StatusInternalServerError, text)
}

// run maps the verbs of HTTP to commands.
func (r *Router) run(u *routeros.User, method string, call call) response {
	byID := call.ref != ""
	if name := restCommand(method); name != "" {
		call.Name = name
	}
	if byID {
		call.Args[".id"] = call.ref
	}
	res, err := r.state.Run(u, call.Command)
	if err != nil {
		return r.failure(err, method, byID)
	}
	switch method {
	case http.MethodDelete:
		return response{status: http.StatusNoContent}
	case http.MethodPut:
		call.ref = res.Ret
		created := r.readBack(u, call, http.StatusCreated)
		created.location = "/rest" + call.Path + "/" + call.ref
		return created
	case http.MethodPatch:
		return r.readBack(u, call, http.StatusOK)
	case http.MethodGet:
		if (byID || res.Single) && len(res.Rows) > 0 {
			return response{status: http.StatusOK, body: restjson.Row(res.Rows[0], r.cfg.Quirks.EscapedControls)}
		}
	}
	if res.HasRet {
		return response{status: http.StatusOK, body: restjson.Row(map[string]string{"ret": res.Ret}, r.cfg.Quirks.EscapedControls)}
	}
	return response{status: http.StatusOK, body: restjson.Rows(res.Rows, r.cfg.Quirks.EscapedControls)}
}

// readBack returns the row as it is now, the answer of PUT and PATCH.
func (r *Router) readBack(u *routeros.User, call call, status int) response {
	if r.cfg.Quirks.EmptyAnswers {
		return response{status: status, body: []byte("[]")}
	}
	res, err := r.state.Run(u, routeros.Command{Path: call.Path, Name: "print", Args: map[string]string{".id": call.ref}})
	if err != nil {
		return r.failure(err, http.MethodGet, true)
	}
	if len(res.Rows) == 0 {
		return response{status: status, body: []byte("[]")}
	}
	return response{status: status, body: restjson.Row(res.Rows[0], r.cfg.Quirks.EscapedControls)}
}

// failure returns an error in the form of REST.
func (r *Router) failure(err error, method string, byID bool) response {
	var e *routeros.Error
	if !errors.As(err, &e) {
		return restError(http.StatusInternalServerError, err.Error())
	}
	switch {
	case e.Denied:
		return r.denied(method)
	case byID && e.Category == routeros.MissingItem && e.Text == "no such item":
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

// call is a parsed request: a command and, where the path named one, a row.
type call struct {
	routeros.Command
	ref string
}

// parse turns a request into a call, or into the answer that refuses it.
func (r *Router) parse(req *http.Request, body []byte) (call, *response) {
	segments := menuSegments(req.URL)
	path, rest := r.menuOf(segments)
	c := call{Command: routeros.Command{Path: path, Args: map[string]string{}}}
	refuse := func(status int, detail string) (call, *response) {
		res := restError(status, detail)
		return call{}, &res
	}
	switch req.Method {
	case http.MethodPost:
		if len(segments) == 0 {
			return refuse(http.StatusBadRequest, "no such command or directory ()")
		}
		c.Path, c.Name = "/"+strings.Join(segments[:len(segments)-1], "/"), segments[len(segments)-1]
		if c.Name == "print" && r.cfg.Quirks.NoPostPrint {
			return refuse(r.cfg.Quirks.BadVerbStatus, "no such command or directory (print)")
		}
	case http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete:
		if path == "" || len(rest) > 1 {
			return refuse(r.cfg.Quirks.UnknownPathStatus, "no such command or directory ("+strings.Join(segments, "/")+")")
		}
		if len(rest) == 1 {
			c.ref = rest[0]
			switch {
			case strings.Contains(strings.ToUpper(req.URL.EscapedPath()), "/%2A") && !r.cfg.Quirks.EscapedIDs:
				return refuse(http.StatusBadRequest, "no such command prefix")
			case req.Method == http.MethodGet && r.state.HasCommand(path, c.ref):
				return refuse(http.StatusBadRequest, "no such command")
			}
			if !strings.HasPrefix(c.ref, "*") && r.cfg.Quirks.NoNamesInPath {
				return refuse(http.StatusNotFound, "")
			}
		}
		needsRow := req.Method == http.MethodPatch || req.Method == http.MethodDelete
		if needsRow != (c.ref != "") && req.Method != http.MethodGet || c.ref != "" && r.state.IsSingle(path) {
			return refuse(r.cfg.Quirks.BadVerbStatus, "no such command or directory ("+strings.ToLower(req.Method)+")")
		}
	default:
		return refuse(http.StatusMethodNotAllowed, "")
	}
	if err := c.filters(req.URL.RawQuery, r.cfg.Quirks.PlusIsSpace); err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	if req.Method == http.MethodGet && len(c.Proplist) > 0 && !r.cfg.Quirks.NoIDBesideProplist {
		c.Proplist = append(c.Proplist, ".id")
	}
	props, err := restjson.Parse(body)
	if err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	c.Args = props.Args
	c.Proplist = append(c.Proplist, props.Lists[".proplist"]...)
	c.Query = append(c.Query, props.Lists[".query"]...)
	return c, nil
}

// menuOf returns the longest menu at the start of a path, and the rest.
func (r *Router) menuOf(segments []string) (path string, rest []string) {
	for n := len(segments); n > 0; n-- {
		p := "/" + strings.Join(segments[:n], "/")
		if r.state.IsMenu(p) {
			return p, segments[n:]
		}
	}
	return "", segments
}

// filters reads a query such as ?name=x&.proplist=a,b. All filters must match.
func (c *call) filters(raw string, plusIsSpace bool) error {
	if raw == "" {
		return nil
	}
	for part := range strings.SplitSeq(raw, "&") {
		key, value, valued := strings.Cut(part, "=")
		var err error
		if key, err = url.PathUnescape(key); err != nil {
			return err
		}
		if plusIsSpace {
			value = strings.ReplaceAll(value, "+", " ")
		}
		if value, err = url.PathUnescape(value); err != nil {
			return err
		}
		switch {
		case key == ".proplist":
			c.Proplist = append(c.Proplist, strings.Split(value, ",")...)
		case valued:
			c.Query = append(c.Query, "="+key+"="+value)
		default:
			c.Query = append(c.Query, key)
		}
	}
	return nil
}
