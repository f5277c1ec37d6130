// Package ssh talks to RouterOS over its command line, on one SSH connection
// with a channel for every request. It works with every version, and where
// nothing else is open; the binary API and REST answer faster.
//
// A command line is no protocol: script.go is what makes one of it, answer.go
// reads what comes back.
package ssh

import (
	"context"
	"errors"
	"fmt"
	"slices"

	xssh "golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// wire is a rosclient.Wire over SSH.
type wire struct {
	// configuration
	target *rosconn.Target
	login  credentials
	trust  trust
	legacy bool

	session *session
	serial  int
	deaf    bool            // a peer that was there did not answer a keepalive: perhaps it ignores them
	counted map[string]bool // menus whose counters have to be asked for one by one
}

var _ rosclient.Wire = (*wire)(nil)

func (w *wire) Target() *rosconn.Target { return w.target }
func (w *wire) String() string          { return w.login.user + "@ssh://" + w.target.Addr() }

// Connect implements rosclient.Wire.
func (w *wire) Connect(ctx context.Context) (int, error) {
	if w.session != nil && w.session.usable() {
		return w.serial, nil
	}
	_ = w.Close()
	s, err := w.open(ctx)
	if err != nil {
		return 0, err
	}
	w.session = s
	w.serial++
	return w.serial, nil
}

// open connects, as often as it takes to see the right host key.
func (w *wire) open(ctx context.Context) (*session, error) {
	keys, err := w.trust.begin(w.target.Addr())
	if err != nil {
		return nil, w.unlike(err)
	}
	for {
		cfg := &xssh.ClientConfig{
			Config:            algorithms(w.legacy),
			ClientVersion:     "SSH-2.0-wanctl",
			HostKeyAlgorithms: keys.algorithms(),
			HostKeyCallback:   keys.verify,
		}
		w.login.apply(cfg)
		s, err := open(ctx, w.target, cfg, func() bool { return keys.accepted.Load() != nil }, !w.deaf)
		if err == nil {
			keys.remember()
			return s, nil
		}
		again, distrust := keys.again(err)
		switch {
		case again:
			continue
		case distrust != nil:
			return nil, w.unlike(distrust)
		}
		return nil, w.unopened(ctx, err)
	}
}

// Close implements rosclient.Wire.
func (w *wire) Close() error {
	if w.session != nil {
		w.session.close()
		w.deaf = w.deaf || w.session.deaf.Load()
		w.session = nil
	}
	return nil
}

// Print implements rosclient.Wire.
func (w *wire) Print(ctx context.Context, q rosclient.Query) ([]rosdata.Row, error) {
	a, err := w.run(ctx, false, func(s *script) { s.print(q, w.counters(q.Menu, q.Props)) })
	if err != nil {
		return nil, w.failed(ctx, err)
	}
	if !a.done {
		return nil, w.refusal(a, "")
	}
	rows := make([]rosdata.Row, len(a.rows))
	for i, r := range a.rows {
		rows[i] = r.Row
	}
	if len(rows) > 0 && w.lacksCounters(q.Menu, q.Props, rows[0]) {
		return w.Print(ctx, q)
	}
	return rows, nil
}

// Change implements rosclient.Wire: all in one request. The first that is refused
// ends it, and those after it are ErrNotSent.
func (w *wire) Change(ctx context.Context, changes ...rosclient.Change) []rosclient.Outcome {
	outcomes := make([]rosclient.Outcome, len(changes))
	all := func(err error) []rosclient.Outcome {
		for i := range outcomes {
			outcomes[i] = rosclient.Outcome{Err: err}
		}
		return outcomes
	}
	if w.session == nil {
		return all(rosclient.ErrNotSent)
	}
	noisy := slices.ContainsFunc(changes, func(c rosclient.Change) bool { return c.Command == "run" })
	a, err := w.run(ctx, noisy, func(s *script) {
		for _, c := range changes {
			s.change(c, w.counters(c.Menu, c.Props))
		}
	})
	var unsent *unsentError
	switch {
	case errors.As(err, &unsent) && !errors.Is(err, errNoExec):
		_ = w.Close()
		return all(rosclient.ErrNotSent)
	case err != nil:
		return all(w.failed(ctx, err))
	case !a.begun && a.rest == "" && !slices.ContainsFunc(changes, func(c rosclient.Change) bool { return c.Command != "set" && c.Command != "add" }):
		// Silence is how a console says that all is well. The rows tell.
		return outcomes
	case !a.begun && len(changes) > 1:
		// The console refuses a line as a whole when one command in it is
		// not right. None was run, so each can be tried by itself.
		if refused(a, "") == "" {
			return all(w.refusal(a, ""))
		}
		for i, c := range changes {
			outcomes[i] = w.Change(ctx, c)[0]
		}
		return outcomes
	}
	for i, c := range changes {
		switch {
		case i < a.shown:
			r := a.of(i + 1)
			outcomes[i] = rosclient.Outcome{Row: r, ID: r[".id"]}
			if r != nil && w.lacksCounters(c.Menu, c.Props, r) {
				outcomes[i].Row = nil
			}
		case i < a.made: // but its row could not be shown: whoever wants it has to read
		case i == a.made && a.made == a.shown:
			outcomes[i].Err = w.refusal(a, c.Command)
		default:
			outcomes[i].Err = rosclient.ErrNotSent
		}
	}
	return outcomes
}

// run runs a script on the session at hand.
func (w *wire) run(ctx context.Context, noisy bool, write func(*script)) (answer, error) {
	s := newScript(newToken())
	write(s)
	text, err := s.text()
	if err != nil {
		return answer{}, w.target.Fail(router.ErrInvalid, err.Error(), "")
	}
	if w.session == nil {
		return answer{}, &unsentError{errors.New("no connection")}
	}
	output, status, err := w.session.run(ctx, text, func(out []byte) bool {
		a := understand(s.token, out, noisy)
		return a.done || refused(a, "") != ""
	})
	if err != nil {
		return answer{rest: string(output)}, w.prompted(err, output)
	}
	a := understand(s.token, output, noisy)
	if !a.done && len(a.rest) == 0 && status > 0 {
		a.rest = fmt.Sprintf("exit status %d", status)
	}
	return a, nil
}

// counters are those among props that rows of the menu do not have of
// themselves.
func (w *wire) counters(menu string, props []string) []string {
	if !w.counted[menu] {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(props), func(p string) bool { return !isCounter(p) })
}

func isCounter(prop string) bool {
	return prop != ".id" && prop != "name" && slices.Contains(rosdata.CounterProps, prop)
}

// lacksCounters notes a menu whose rows do not hold their counters, as nobody
// has published for all versions; false when that was known, and for rows that
// are of another menu altogether.
func (w *wire) lacksCounters(menu string, props []string, r rosdata.Row) bool {
	lacks, has := false, false
	for _, p := range props {
		_, ok := r[p]
		lacks = lacks || !ok && isCounter(p)
		has = has || ok && !isCounter(p) && p != ".id"
	}
	if !lacks || !has || w.counted[menu] {
		return false
	}
	if w.counted == nil {
		w.counted = make(map[string]bool)
	}
	w.counted[menu] = true
	return true
}
