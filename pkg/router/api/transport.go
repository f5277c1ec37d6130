// Package api is the transport over RouterOS's binary API (services api and
// api-ssl). It owns the codec of sentences, the login and one connection: each
// login costs the router a line in its log. It never repeats a command.
//
// The login, old and new, is that of github.com/go-routeros/routeros. Exchanges
// are not: its Client waits for each answer before the next command, or
// multiplexes in a way that loses answers; its reader starts two goroutines a
// word, allocates any length that the other end announces, and takes the bare
// words of !fatal for a syntax error. To read two queues it takes 80 µs and 600
// allocations (30 µs more to write the commands); the codec here takes 5 and 18.
package api

import (
	"context"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// transport is a rosclient.Transport over the binary API.
type transport struct {
	// configuration
	target   *rosconn.Target
	user     string
	password func() string

	session rosconn.Session[*session]
}

var _ rosclient.Transport = (*transport)(nil)

func (t *transport) Target() *rosconn.Target { return t.target }
func (t *transport) String() string {
	return t.target.Redact(t.user + "@" + t.target.Service + "://" + t.target.Addr())
}

// Connect implements rosclient.Transport.
func (t *transport) Connect(ctx context.Context) (int, error) {
	return t.session.Connect(ctx, t.open)
}

// open connects and logs in.
func (t *transport) open(ctx context.Context) (*session, error) {
	conn, raw, err := t.target.Connect(ctx)
	if err != nil {
		return nil, t.connectErr(ctx, err)
	}
	s := newSession(conn, raw, t.target.Budget())
	if err := t.login(ctx, s); err != nil {
		_ = raw.Close()
		return nil, t.connectErr(ctx, err)
	}
	return s, nil
}

// Close implements rosclient.Transport.
func (t *transport) Close() error { return t.session.Close() }

// exchange makes one exchange on s. After an error, t has no connection.
func (t *transport) exchange(ctx context.Context, s *session, commands ...[]string) ([]reply, error) {
	replies, err := s.exchange(ctx, commands...)
	if err != nil {
		_ = t.Close()
		err = t.exchangeErr(ctx, err)
	}
	return replies, err
}

// Print implements rosclient.Transport. If rows lack their counters, it repeats the
// read with statistics, and uses those from then on if that helps.
func (t *transport) Print(ctx context.Context, q rosclient.Query) ([]rosdata.Row, error) {
	s, ok := t.session.Conn()
	if !ok {
		return nil, t.target.NotSent()
	}
	_, known := s.stats[q.Menu]
	rows, err := t.print(ctx, s, q, s.stats[q.Menu])
	if err != nil || known || !lacksCounters(q, rows) {
		return rows, err
	}
	more, err := t.print(ctx, s, q, true)
	if err != nil && s.broken {
		return nil, err
	}
	if s.stats[q.Menu] = err == nil && !lacksCounters(q, more); s.stats[q.Menu] {
		return more, nil
	}
	return rows, nil
}

func (t *transport) print(ctx context.Context, s *session, q rosclient.Query, stats bool) ([]rosdata.Row, error) {
	replies, err := t.exchange(ctx, s, printWords(q, stats))
	switch r := replies[0]; {
	case len(r.traps) > 0: // a refusal stands, even if the connection was lost after it
		return nil, t.refusal(r.traps)
	case err != nil:
		return nil, err
	default:
		return r.rows, nil
	}
}

// lacksCounters reports whether the rows should have counters and do not.
func lacksCounters(q rosclient.Query, rows []rosdata.Row) bool {
	counted := q.Menu == "/queue/tree" || q.Menu == "/queue/simple" || q.Menu == "/ip/firewall/mangle"
	if len(rows) == 0 || !counted || len(q.Props) > 0 && !slices.Contains(q.Props, "bytes") {
		return false
	}
	return !slices.ContainsFunc(rows, func(r rosdata.Row) bool {
		return rosdata.Require(r, ".id") != nil || rosdata.Require(r, "bytes") == nil
	})
}

// printWords returns the command for a query. Conditions are operands on a stack;
// "?#|" combines two by OR, and RouterOS combines the rest by AND.
func printWords(q rosclient.Query, stats bool) []string {
	words := []string{q.Menu + "/print"}
	if stats {
		words = append(words, "=stats=")
	}
	if len(q.Props) > 0 {
		words = append(words, "=.proplist="+strings.Join(q.Props, ","))
	}
	where := q.Where
	if q.ID != "" {
		where = append([]rosclient.Match{{Prop: ".id", Values: []string{q.ID}}}, where...)
	}
	for _, m := range where {
		for i, v := range m.Values {
			words = append(words, "?"+m.Prop+"="+v)
			if i > 0 {
				words = append(words, "?#|")
			}
		}
	}
	return words
}
