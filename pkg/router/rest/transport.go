// Package rest is the REST transport of RouterOS (7.1 over https, 7.9 over http). It
// owns the encoding of requests and answers and one kept-alive connection: a router
// answers requests one after the other, and a TLS handshake costs it as much as a
// hundred of them. It never repeats a request.
package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// transport is a rosclient.Transport over REST.
type transport struct {
	// configuration
	target   *rosconn.Target
	base     string // "https://host:port/rest"
	user     string
	password func() string

	session rosconn.Session[*session]
}

var _ rosclient.Transport = (*transport)(nil)

func (t *transport) Target() *rosconn.Target { return t.target }
func (t *transport) String() string          { return t.user + "@" + t.base }

// Connect implements rosclient.Transport. The login is part of every request.
func (t *transport) Connect(ctx context.Context) (int, error) {
	return t.session.Connect(ctx, func(ctx context.Context) (*session, error) {
		s, err := open(ctx, t.target)
		if err != nil {
			return nil, t.target.Describe(ctx, err)
		}
		return s, nil
	})
}

// Close implements rosclient.Transport.
func (t *transport) Close() error { return t.session.Close() }

// Print implements rosclient.Transport. Conditions are sent in a body, in which all
// versions agree on how to escape characters.
func (t *transport) Print(ctx context.Context, q rosclient.Query) ([]rosdata.Row, error) {
	if len(q.Where) > 0 {
		return t.send(ctx, http.MethodPost, q.Menu+"/print", query(words(q.Where), q.Props))
	}
	path := q.Menu
	if q.ID != "" {
		path += "/" + q.ID
	}
	if len(q.Props) > 0 {
		path += "?.proplist=" + strings.Join(q.Props, ",")
	}
	return t.send(ctx, http.MethodGet, path, nil)
}

// words returns conditions as RouterOS queries: operands and stack operations.
// RouterOS combines what remains on the stack by AND.
func words(where []rosclient.Match) []string {
	var out []string
	for _, m := range where {
		for i, v := range m.Values {
			out = append(out, m.Prop+"="+v)
			if i > 0 {
				out = append(out, "#|")
			}
		}
	}
	return out
}

// Change implements rosclient.Transport: one request each, one after the other.
func (t *transport) Change(ctx context.Context, changes ...rosclient.Change) []rosclient.Outcome {
	outcomes := make([]rosclient.Outcome, len(changes))
	for i, c := range changes {
		if _, ok := t.session.Conn(); !ok {
			outcomes[i].Err = rosclient.ErrNotSent
			continue
		}
		outcomes[i] = t.change(ctx, c)
	}
	return outcomes
}

func (t *transport) change(ctx context.Context, c rosclient.Change) rosclient.Outcome {
	var rows []rosdata.Row
	var err error
	switch c.Command {
	case "add":
		rows, err = t.send(ctx, http.MethodPut, c.Menu, object(c.Set))
	case "set":
		rows, err = t.send(ctx, http.MethodPatch, c.Menu+"/"+c.ID, object(c.Set))
	case "remove":
		_, err = t.send(ctx, http.MethodDelete, c.Menu+"/"+c.ID, nil)
	default:
		_, err = t.send(ctx, http.MethodPost, c.Menu+"/"+c.Command, object(map[string]string{".id": c.ID}))
	}
	if err != nil || len(rows) == 0 {
		return rosclient.Outcome{Err: err}
	}
	if len(rows) > 1 {
		return rosclient.Outcome{Err: t.target.Malformed(fmt.Sprintf("answer for one row has %d", len(rows)))}
	}
	r := rows[0]
	if ret, only := r["ret"]; only && len(r) == 1 {
		return rosclient.Outcome{ID: ret}
	}
	return rosclient.Outcome{Row: r, ID: r[".id"]}
}

// send makes one exchange on the present connection.
func (t *transport) send(ctx context.Context, method, path string, body []byte) ([]rosdata.Row, error) {
	s, ok := t.session.Conn()
	if !ok {
		return nil, t.target.NotSent()
	}
	req, err := http.NewRequestWithContext(ctx, method, t.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("making request: %w", err)
	}
	req.SetBasicAuth(t.user, t.password())
	req.Header.Set("User-Agent", "wanctl")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	served := s.served
	resp, reply, err := s.exchange(ctx, req)
	if err != nil {
		_ = t.Close()
		return nil, t.exchangeErr(ctx, err, served)
	}
	if resp.Close {
		_ = t.Close()
	}
	return t.parseAnswer(resp.StatusCode, reply)
}

func (t *transport) parseAnswer(status int, reply []byte) ([]rosdata.Row, error) {
	rows, single, err := decode(reply)
	if status < 200 || status > 299 {
		var body rosdata.Row
		if err == nil && single {
			body = rows[0]
		}
		return nil, t.refusal(status, body, err)
	}
	if err != nil {
		return nil, t.target.Malformed(err.Error())
	}
	return rows, nil
}

// exchangeErr returns the error about a lost connection.
func (t *transport) exchangeErr(ctx context.Context, err error, served int) error {
	err = t.target.Describe(ctx, err)
	var e *rosdata.Error
	if errors.As(err, &e) && t.target.TLS == nil && served == 0 && e.Hint == "" {
		e.Hint = "a TLS port does this to plain http: remove tls: false, or use the port of www"
	}
	return err
}

// refusal returns the error for an answer with an error status. notJSON is the
// error of decoding the body, if any.
func (t *transport) refusal(status int, body rosdata.Row, notJSON error) error {
	detail := body["detail"]
	text := fmt.Sprintf("HTTP %d %s", status, http.StatusText(status))
	if detail != "" {
		text = "it says " + rosdata.Quote(detail)
	}
	class := rosdata.Classify(detail)
	fail := t.target.Fail
	switch {
	case status == http.StatusUnauthorized:
		return fail(router.ErrAuth, "user or password refused for "+rosdata.Quote(t.user),
			"check router.user and router.password, and that the user's group has the policy rest-api")
	case class == router.ErrDenied || status == http.StatusForbidden:
		return fail(router.ErrDenied, text,
			"the group of user "+rosdata.Quote(t.user)+" needs policy=read,write,rest-api; on the router: /user group print")
	case errors.Is(notJSON, errHTML) && status == http.StatusNotFound:
		return fail(router.ErrOutcomeUnknown, "it has no REST interface (HTTP 404)", "RouterOS 7.1 has it over https, 7.9 over http")
	case notJSON != nil && t.target.TLS == nil:
		return fail(router.ErrOutcomeUnknown, text, "a TLS port does this to plain http: remove tls: false, or use the port of www")
	case notJSON != nil || status >= 500:
		return fail(router.ErrOutcomeUnknown, text, "is it starting?")
	case class != router.ErrInvalid:
		return fail(class, text, "")
	case status == http.StatusNotFound:
		return fail(router.ErrNotFound, text, "")
	case status == http.StatusMethodNotAllowed || status == http.StatusNotAcceptable:
		return fail(router.ErrUnsupported, text, "")
	case status >= 300 && status < 400:
		return fail(router.ErrOutcomeUnknown, text, "it redirects: check router.port and router.tls")
	}
	return fail(router.ErrInvalid, text, "")
}
