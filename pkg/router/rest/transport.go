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
	"slices"
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
func (t *transport) String() string {
	return t.target.Redact(t.user + "@" + strings.Replace(t.base, "%25", "%", 1))
}

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

// ByName implements rosclient.Transport. The name takes the place of the id in the
// path, where versions differ on escapes, so there must be none.
func (t *transport) ByName(key, name string) bool { return key == "name" && rosdata.IsPlainName(name) }

func (t *transport) change(ctx context.Context, c rosclient.Change) rosclient.Outcome {
	var rows []rosdata.Row
	var err error
	switch c.Command {
	case "add":
		rows, err = t.send(ctx, http.MethodPut, c.Menu, object(c.Set))
	case "set":
		row := c.ID
		if c.Name != "" {
			row = c.Name
		}
		rows, err = t.send(ctx, http.MethodPatch, c.Menu+"/"+row, object(c.Set))
	case "remove":
		_, err = t.send(ctx, http.MethodDelete, c.Menu+"/"+c.ID, nil)
	default:
		_, err = t.send(ctx, http.MethodPost, c.Menu+"/"+c.Command, object(map[string]string{".id": c.ID}))
	}
	switch {
	case errors.Is(err, errNoIdentifier) && c.Name != "":
		err = t.target.Fail(router.ErrNotFound, "it finds no "+rosdata.Quote(c.Name)+" in "+c.Menu, "")
	case errors.Is(err, errNoIdentifier):
		err = t.identifierErr(ctx, c, err)
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

// identifierErr returns the error for a change that was refused for its identifier.
// RouterOS says so too when the user lacks the policy write. That is the cause if
// the change is an add, which has no identifier, or if the row can be read.
func (t *transport) identifierErr(ctx context.Context, c rosclient.Change, refused error) error {
	if c.Command == "add" {
		return t.noWritePolicy()
	}
	if _, ok := t.session.Conn(); !ok {
		return refused
	}
	rows, err := t.send(ctx, http.MethodGet, c.Menu+"/"+c.ID+"?.proplist=.id", nil)
	switch {
	case errors.Is(err, router.ErrNotFound):
		return err
	case err == nil && slices.ContainsFunc(rows, func(r rosdata.Row) bool { return r[".id"] == c.ID }):
		return t.noWritePolicy()
	}
	return refused
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
	stop := t.target.Sniff(ctx, s.raw, rosconn.API(t.target.TLS != nil))
	resp, reply, err := s.exchange(ctx, req)
	wrong := stop()
	if err != nil && wrong != nil {
		err = &rosconn.Error{Phase: rosconn.Waiting, Cause: wrong}
	}
	if err != nil {
		_ = t.Close()
		return nil, t.exchangeErr(ctx, err, served)
	}
	t.target.Answered()
	if resp.Close {
		_ = t.Close()
	}
	return t.parseAnswer(resp.StatusCode, reply)
}

func (t *transport) parseAnswer(status int, reply []byte) ([]rosdata.Row, error) {
	rows, single, err := decode(reply, t.target.Budget())
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
