package api

import (
	"bufio"
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// session is one connection to the router on which a user is logged in, used for
// one exchange at a time.
type session struct {
	conn net.Conn // TLS, or raw itself
	raw  net.Conn
	in   reader
	most rosconn.Budget // of each answer
	out  []byte         // sentences to send

	tag    uint64 // of the latest command
	served int    // exchanges completed
	broken bool   // an exchange failed, or its context ended and the deadline may still apply

	// stats holds menus whose rows lacked their counters, and whether reading
	// with statistics adds them.
	stats map[string]bool
}

func newSession(conn, raw net.Conn, most rosconn.Budget) *session {
	return &session{conn: conn, raw: raw, most: most, in: reader{src: bufio.NewReader(conn)}, stats: make(map[string]bool)}
}

// reply is the reply to one command.
type reply struct {
	rows  []rosdata.Row
	ret   string // of !done
	traps []rosdata.Row
	done  bool
}

// fatalError is the text with which the router ended the session.
type fatalError string

func (f fatalError) Error() string { return string(f) }

// exchange sends commands all at once and reads the replies to all of them: one
// round trip. After an error, which is a *rosconn.Error, the session cannot be used
// any more; complete replies are valid nevertheless.
func (s *session) exchange(ctx context.Context, commands ...[]string) ([]reply, error) {
	replies := make([]reply, len(commands))
	fail := func(err error) ([]reply, error) {
		s.broken = true
		return replies, &rosconn.Error{Phase: rosconn.Waiting, Served: s.served, Cause: rosconn.CtxError(ctx, err)}
	}
	done, err := rosconn.WithDeadline(ctx, s.raw)
	if err != nil {
		return fail(err)
	}
	defer func() { s.broken = done() || s.broken }()

	first := s.tag + 1
	s.out = s.out[:0]
	for _, words := range commands {
		s.tag++
		s.out = appendSentence(s.out, append(words, tagWord+strconv.FormatUint(s.tag, 10))...)
	}
	if _, err := s.conn.Write(s.out); err != nil {
		return fail(err)
	}
	s.in.left = s.most
	for open := len(commands); open > 0; {
		words, err := s.in.sentence()
		if err != nil {
			return fail(err)
		}
		r, err := matchTag(words, replies, first)
		if err != nil {
			return fail(err)
		}
		if r != nil && r.add(words) {
			open--
		}
	}
	s.served++
	return replies, nil
}

// matchTag returns the reply that a sentence belongs to; nil if it belongs to no
// command of this exchange.
func matchTag(words []string, replies []reply, first uint64) (*reply, error) {
	tag, err := check(words)
	switch {
	case err != nil:
		return nil, err
	case words[0] == "!fatal":
		return nil, fatalError(fatalText(words))
	case words[0] == "!trap" && tag == "":
		// Every command has a tag, so this concerns the session.
		return nil, fatalError(trapText(attributes(words)))
	}
	n, err := strconv.ParseUint(tag, 10, 64)
	if err != nil || n < first || n-first >= uint64(len(replies)) {
		return nil, nil
	}
	return &replies[n-first], nil
}

// add adds a sentence and reports whether it is the last one.
func (r *reply) add(words []string) bool {
	if r.done {
		return false
	}
	switch words[0] {
	case "!re":
		// RouterOS sends an empty row if it has none of the properties asked for.
		if row := attributes(words); len(row) > 0 {
			r.rows = append(r.rows, row)
		}
	case "!trap":
		r.traps = append(r.traps, attributes(words))
	case "!done":
		r.ret = attributes(words)["ret"]
		r.done = true
	}
	return r.done
}

// fatalText returns the text of !fatal: bare words, or a message as in !trap.
func fatalText(words []string) string {
	if message := attributes(words)["message"]; message != "" {
		return message
	}
	return strings.Join(words[1:], " ")
}

// Usable implements rosconn.Conn: nothing has arrived unasked, and the router has
// not closed its end.
func (s *session) Usable() bool {
	return !s.broken && s.in.src.Buffered() == 0 && rosconn.Idle(s.raw)
}

// quitTimeout is the time a router has to accept /quit.
const quitTimeout = 200 * time.Millisecond

// Close implements rosconn.Conn. It logs out first, without waiting for the
// answer, !fatal: a session that disappears without a logout lingers on the
// router.
func (s *session) Close() error {
	if s.Usable() {
		_ = s.raw.SetDeadline(time.Now().Add(quitTimeout))
		if _, err := s.conn.Write(appendSentence(s.out[:0], "/quit")); err == nil {
			return s.conn.Close()
		}
	}
	return s.raw.Close()
}
