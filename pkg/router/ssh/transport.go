// Package ssh is the transport over RouterOS's command line, on one SSH connection
// with a channel for every request. It works with every version and where no other
// service is enabled; the binary API and REST answer faster. It never repeats a
// command.
//
// A command line is no protocol: script.go writes commands whose output can be
// parsed, answer.go parses it. hostkey.go owns the check of host keys.
package ssh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	xssh "golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// transport is a rosclient.Transport over SSH.
type transport struct {
	// configuration
	target *rosconn.Target
	login  credentials
	trust  trust
	legacy bool

	session           rosconn.Session[*session]
	noKeepalive       atomic.Bool     // a router that was there did not answer a keepalive: it may ignore them
	needsCounterQuery map[string]bool // menus whose counters have to be asked for one by one
}

var _ rosclient.Transport = (*transport)(nil)

func (t *transport) Target() *rosconn.Target { return t.target }
func (t *transport) String() string {
	return t.target.Redact(t.login.user + "@ssh://" + t.target.Addr())
}

// Connect implements rosclient.Transport.
func (t *transport) Connect(ctx context.Context) (int, error) {
	return t.session.Connect(ctx, t.open)
}

// open connects, several times if the router has several host keys.
func (t *transport) open(ctx context.Context) (*session, error) {
	keys, err := t.trust.begin(t.target.Addr())
	if err != nil {
		return nil, t.hostKeyErr(err)
	}
	for {
		cfg := &xssh.ClientConfig{
			Config:            algorithms(t.legacy),
			ClientVersion:     "SSH-2.0-wanctl",
			HostKeyAlgorithms: keys.algorithms(),
			HostKeyCallback:   keys.verify,
		}
		t.login.apply(cfg)
		s, err := open(ctx, t.target, cfg, func() bool { return keys.accepted.Load() != nil }, &t.noKeepalive)
		if err == nil {
			keys.saveProven()
			return s, nil
		}
		again, distrust := keys.nextFamily(err)
		switch {
		case again:
			continue
		case distrust != nil:
			return nil, t.hostKeyErr(distrust)
		}
		return nil, t.dialErr(ctx, err)
	}
}

// Close implements rosclient.Transport.
func (t *transport) Close() error { return t.session.Close() }

// Print implements rosclient.Transport.
func (t *transport) Print(ctx context.Context, q rosclient.Query) ([]rosdata.Row, error) {
	counters := t.countersToQuery(q.Menu, q.Props)
	rows, err := t.print(ctx, q, counters)
	if err != nil || counters != nil || len(rows) == 0 || !lacksCounters(q.Props, rows[0]) {
		return rows, err
	}
	t.needsCounters(q.Menu)
	return t.print(ctx, q, t.countersToQuery(q.Menu, q.Props))
}

// print reads rows, and counters of each of them one by one.
func (t *transport) print(ctx context.Context, q rosclient.Query, counters []string) ([]rosdata.Row, error) {
	a, err := t.run(ctx, false, func(s *script) { s.print(q, counters) })
	if err != nil {
		return nil, t.requestErr(ctx, err)
	}
	if !a.done {
		return nil, t.refusal(a, "")
	}
	rows := make([]rosdata.Row, len(a.rows))
	for i, r := range a.rows {
		rows[i] = r.Row
	}
	return rows, nil
}

// ByName implements rosclient.Transport: a script compares the name itself.
func (t *transport) ByName(string, string) bool { return true }

// Change implements rosclient.Transport: all in one request. The first that is refused
// ends it, and those after it are ErrNotSent.
func (t *transport) Change(ctx context.Context, changes ...rosclient.Change) []rosclient.Outcome {
	outcomes := make([]rosclient.Outcome, len(changes))
	all := func(err error) []rosclient.Outcome {
		for i := range outcomes {
			outcomes[i] = rosclient.Outcome{Err: err}
		}
		return outcomes
	}
	if _, ok := t.session.Conn(); !ok {
		return all(rosclient.ErrNotSent)
	}
	noisy := slices.ContainsFunc(changes, func(c rosclient.Change) bool { return c.Command == "run" })
	a, err := t.run(ctx, noisy, func(s *script) {
		for _, c := range changes {
			s.change(c, t.countersToQuery(c.Menu, c.Props))
		}
	})
	var unsent *unsentError
	switch {
	case errors.As(err, &unsent) && !errors.Is(err, errNoExec):
		_ = t.Close()
		return all(rosclient.ErrNotSent)
	case err != nil:
		return all(t.requestErr(ctx, err))
	case !a.begun && a.rest == "" && !slices.ContainsFunc(changes, func(c rosclient.Change) bool { return c.Command != "set" && c.Command != "add" }):
		// A console prints nothing on success. Reading the rows shows the result.
		return outcomes
	case !a.begun && len(changes) > 1:
		// The console refuses a line as a whole if one command in it is wrong.
		// None was run, so each can be tried separately.
		if refused(a, "") == "" {
			return all(t.refusal(a, ""))
		}
		for i, c := range changes {
			outcomes[i] = t.Change(ctx, c)[0]
		}
		return outcomes
	}
	for i, c := range changes {
		switch {
		case i < a.shown:
			r := a.of(i + 1)
			outcomes[i] = rosclient.Outcome{Row: r, ID: r[".id"]}
			if r != nil && !t.needsCounterQuery[c.Menu] && lacksCounters(c.Props, r) {
				t.needsCounters(c.Menu)
				outcomes[i].Row = nil
			}
		case i < a.made: // its row could not be printed: the caller reads it
		case i == a.made && a.made == a.shown:
			outcomes[i].Err = t.refusal(a, c.Command)
		default:
			outcomes[i].Err = rosclient.ErrNotSent
		}
	}
	return outcomes
}

// run runs a script on the present session.
func (t *transport) run(ctx context.Context, noisy bool, write func(*script)) (answer, error) {
	s := newScript(newToken())
	write(s)
	text, err := s.text()
	if err != nil {
		return answer{}, t.target.Fail(router.ErrInvalid, err.Error(), "")
	}
	conn, ok := t.session.Conn()
	if !ok {
		return answer{}, &unsentError{errors.New("no connection")}
	}
	output, status, err := conn.run(ctx, text, func(out []byte) bool {
		a := parseAnswer(s.token, out, noisy, t.target.Budget())
		return a.done || a.tooLarge || refused(a, "") != ""
	})
	if err != nil {
		return answer{rest: string(output)}, t.promptErr(err, output)
	}
	a := parseAnswer(s.token, output, noisy, t.target.Budget())
	if a.tooLarge {
		_ = t.Close()
		return answer{}, &rosconn.Error{Phase: rosconn.Waiting, Served: conn.served, Cause: rosconn.ErrTooLarge}
	}
	if !a.done && len(a.rest) == 0 && status > 0 {
		a.rest = fmt.Sprintf("exit status %d", status)
	}
	return a, nil
}

// needsCounters notes that rows of a menu do not contain their counters, which
// differs between versions of RouterOS.
func (t *transport) needsCounters(menu string) {
	if t.needsCounterQuery == nil {
		t.needsCounterQuery = make(map[string]bool)
	}
	t.needsCounterQuery[menu] = true
}

// countersToQuery returns the counters among props that rows of the menu do not
// contain; nil where they contain all.
func (t *transport) countersToQuery(menu string, props []string) []string {
	if !t.needsCounterQuery[menu] {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(props), func(p string) bool { return !isCounter(p) })
}

func isCounter(prop string) bool {
	return prop != ".id" && prop != "name" && slices.Contains(rosdata.CounterProps, prop)
}

// lacksCounters reports whether a row lacks a counter that was asked for. A row
// without any other property is of another menu and says nothing.
func lacksCounters(props []string, r rosdata.Row) bool {
	lacks, has := false, false
	for _, p := range props {
		_, ok := r[p]
		lacks = lacks || !ok && isCounter(p)
		has = has || ok && !isCounter(p) && p != ".id"
	}
	return lacks && has
}
