package simrouter

import (
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/console"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/sentence"
)

// apiExchange is a command of the binary API and its answer.
type apiExchange struct {
	session *apiSession
	call    *apiCall

	answer [][]string
	raw    []byte         // instead of the answer
	cut    bool           // the connection ends in the middle of the answer
	end    bool           // the connection ends after it
	watch  *console.Watch // the answer goes on
}

func (x *apiExchange) bytes() []byte {
	b := x.raw
	if b == nil {
		b = encodeSentences(x.answer)
	}
	if x.cut {
		b = b[:len(b)/2]
	}
	return b
}

func (x *apiExchange) run() {
	s := x.session
	s.mu.Lock()
	u := s.user
	s.mu.Unlock()
	switch {
	case x.call.full() == "/login":
		x.login()
	case u == nil:
		x.answer = x.call.trap(s.router, &console.Error{Category: console.Failure, Text: "not logged in"})
		x.end = true
	case x.call.bad != "":
		x.answer = x.call.trap(s.router, &console.Error{Category: console.BadArgument, Text: "unknown parameter " + x.call.bad})
	case x.call.Name == "find": // the API prints instead
		x.answer = x.call.trap(s.router, &console.Error{Category: console.MissingItem, Text: "no such command"})
	case x.call.follow:
		x.listen(u)
	default:
		x.command(u)
	}
}

func (x *apiExchange) command(u *console.User) {
	r := x.session.router
	res, err := r.machine.Run(u, x.call.Command)
	if err != nil {
		x.fail(err)
		return
	}
	if x.call.Name == "print" && !res.HasRet {
		x.rows(res.Rows)
		return
	}
	done := x.call.done()
	if res.HasRet {
		done = append(done, "=ret="+res.Ret)
	}
	x.answer = [][]string{done}
}

// listen starts with the rows that are there, unless only changes are wanted.
func (x *apiExchange) listen(u *console.User) {
	w, err := x.session.router.machine.Watch(u, x.call.Command)
	if err != nil {
		x.fail(err)
		return
	}
	x.watch = w
	if x.call.only {
		return
	}
	if res, err := x.session.router.machine.Run(u, x.call.Command); err == nil {
		x.answer = x.call.rows(res.Rows)
	}
}

func (x *apiExchange) rows(rows []map[string]string) {
	x.answer = x.call.rows(rows)
	if len(rows) == 0 && x.session.router.machine.Version().AtLeast(7, 18) {
		x.answer = append(x.answer, x.call.reply("!empty"))
	}
	x.answer = append(x.answer, x.call.done())
}

func (x *apiExchange) fail(err error) {
	var e *console.Error
	if !errors.As(err, &e) {
		e = &console.Error{Category: console.Failure, Text: "failure: " + err.Error()}
	}
	x.answer = x.call.trap(x.session.router, e)
}

func (x *apiExchange) fatal(word string) {
	x.answer, x.end = [][]string{{"!fatal", word}}, true
}

// login in one step, or in two where the router is old: the first asks for a
// challenge.
func (x *apiExchange) login() {
	s, args := x.session, x.call.Args
	r := s.router
	s.mu.Lock()
	challenge := s.challenge
	s.challenge = nil
	s.tries++
	tries := s.tries
	s.mu.Unlock()
	if tries > maxLoginTries {
		x.fatal("too many commands before login")
		return
	}

	response, answered := args["response"]
	if r.oldLogin() && !answered {
		if _, oneStep := args["password"]; oneStep {
			r.machine.Log("system,error,critical", "login failure for user "+args["name"]+" from "+s.conn.from.String()+" via api")
		}
		challenge = make([]byte, 16)
		_, _ = rand.Read(challenge) // never fails
		s.mu.Lock()
		s.challenge = challenge
		s.mu.Unlock()
		x.answer = [][]string{append(x.call.done(), "=ret="+hex.EncodeToString(challenge))}
		return
	}
	password := func(want string) bool { return want == args["password"] }
	if r.oldLogin() {
		password = func(want string) bool {
			sum := md5.Sum(slices.Concat([]byte{0}, []byte(want), challenge))
			return challenge != nil && response == "00"+hex.EncodeToString(sum[:])
		}
	}
	u, err := s.conn.authenticateBy(args["name"], password)
	if err != nil {
		text := r.cfg.Quirks.LoginMessage
		setDefault(&text, "invalid user name or password (6)")
		x.answer = x.call.trap(r, &console.Error{Category: console.Failure, Text: text})
		return
	}
	s.mu.Lock()
	s.user, s.tries = u, 0
	s.mu.Unlock()
	x.answer = [][]string{x.call.done()}
}

func (r *Router) oldLogin() bool {
	return r.cfg.Quirks.OldLogin || !r.machine.Version().AtLeast(6, 43)
}

func (x *apiExchange) expire() {
	x.fail(&console.Error{Category: console.Interrupted,
		Text: "action timed out - try again, if error continues contact MikroTik support and send a supout file (13)"})
}

func (x *apiExchange) replace(f Fault) bool {
	r, call := x.session.router, x.call
	switch f.Kind {
	case Status:
		x.fail(&console.Error{Category: console.Failure, Text: f.Text})
	case Deny:
		x.fail(&console.Error{Category: console.Failure, Text: "not enough permissions (9)"})
	case Ignore:
		x.answer = [][]string{call.done()}
	case Empty:
		x.rows(nil)
	case WrongData:
		x.rows([]map[string]string{r.wrongData()})
	case Fatal:
		x.fatal("session terminated by the router")
	case MultiTrap:
		x.answer = append([][]string{call.trapAlone(r, &console.Error{Category: console.Failure, Text: "failure: the first of two"})},
			call.trap(r, &console.Error{Category: console.Failure, Text: "failure: the second of two"})...)
	case HugeWord:
		b := encodeSentences([][]string{call.reply("!re")})
		x.raw = append(sentence.AppendLength(b[:len(b)-1], 1<<30), "=comment="...)
	case ControlByte:
		x.raw = append([]byte{0xF8}, encodeSentences([][]string{call.done()})...)
	default:
		return false
	}
	return true
}

func (x *apiExchange) spoil(f Fault) {
	switch f.Kind {
	case "", Slow:
	case Cut:
		x.cut = true
	case EmptyRe:
		x.answer = slices.Insert(x.answer, 0, x.call.reply("!re"))
	case Unsolicited:
		x.answer = slices.Insert(x.answer, 0, []string{"!re", ".tag=nobody", "=.id=*FFFF"}, []string{"!done", ".tag=nobody"})
	case Truncate:
		for i, words := range slices.Backward(x.answer) {
			if words[0] == "!re" {
				x.answer[i] = words[:1+len(words)/2]
				break
			}
		}
	default:
		if len(x.answer) > 0 {
			x.answer[0][0] = "?" + x.answer[0][0][1:]
		}
	}
}
