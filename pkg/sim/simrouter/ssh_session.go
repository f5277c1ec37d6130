package simrouter

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/sftp"
)

// sshSession is one connection after the login. Its channels are independent.
type sshSession struct {
	router *Router
	conn   *conn
	user   *routeros.User

	group sync.WaitGroup
	open  atomic.Int32 // channels
}

// requests answers requests about the whole connection.
func (s *sshSession) requests(in <-chan *ssh.Request) {
	for req := range in {
		if !req.WantReply {
			continue
		}
		how := KeepaliveFailed
		if req.Type == "keepalive@openssh.com" {
			how = s.router.cfg.Quirks.SSH.Keepalive
		}
		switch how {
		case KeepaliveIgnored:
		case KeepaliveAnswered:
			_ = req.Reply(true, nil)
		case KeepaliveFailed:
			_ = req.Reply(false, nil)
		}
	}
}

func (s *sshSession) channels(in <-chan ssh.NewChannel) {
	limit := s.router.cfg.Quirks.SSH.MaxChannels
	for n := range in {
		switch {
		case n.ChannelType() != "session":
			_ = n.Reject(ssh.Prohibited, "administratively prohibited")
			continue
		case limit > 0 && int(s.open.Load()) >= limit:
			_ = n.Reject(ssh.ResourceShortage, "too many channels")
			continue
		}
		ch, requests, err := n.Accept()
		if err != nil {
			continue
		}
		s.open.Add(1)
		s.group.Go(func() {
			c := &sshChannel{session: s, Channel: ch, cancelled: make(chan struct{})}
			c.requests(requests)
			close(c.cancelled)
			c.group.Wait()
			_ = ch.Close()
			s.open.Add(-1)
		})
	}
}

// sshChannel runs one command. There is no interactive console.
type sshChannel struct {
	ssh.Channel
	session *sshSession

	group     sync.WaitGroup
	cancelled chan struct{} // closed when the channel is
	started   bool
}

// requests answers requests about the channel until it closes.
func (c *sshChannel) requests(in <-chan *ssh.Request) {
	for req := range in {
		ok := false
		var line struct{ Text string }
		switch req.Type {
		case "pty-req", "env", "window-change":
			ok = true
		case "exec":
			ok = ssh.Unmarshal(req.Payload, &line) == nil && !c.started
		case "subsystem":
			ok = ssh.Unmarshal(req.Payload, &line) == nil && !c.started && line.Text == "sftp" && c.session.user.May("ftp")
		}
		if req.WantReply {
			// Before it runs: it may close the channel.
			_ = req.Reply(ok, nil)
		}
		switch {
		case !ok:
		case req.Type == "exec":
			c.started = true
			c.group.Go(func() { c.exec(line.Text) })
		case req.Type == "subsystem":
			c.started = true
			c.group.Go(func() {
				sftp.Serve(c, filesOf{c.session.router.state, c.session.user})
				_, _ = c.SendRequest("exit-status", false, ssh.Marshal(&struct{ Status uint32 }{}))
				_ = c.Close()
			})
		}
	}
}

// expired reports whether the user must set a password first. It asks for one and
// leaves the channel open, as routers do to clients that send commands.
func (c *sshChannel) expired() bool {
	if name := c.session.router.cfg.Quirks.SSH.Expired; name == "" || name != c.session.user.Name {
		return false
	}
	fmt.Fprint(c, "Change your password\r\n\r\nnew password> ")
	return true
}

// exec runs one line and closes the channel.
func (c *sshChannel) exec(line string) {
	if c.expired() {
		return
	}
	x := c.process(line)
	if x == nil {
		return
	}
	q := c.session.router.cfg.Quirks.SSH
	_, _ = c.Write(x.bytes(q.Pad))
	if !x.cut && q.Exit != ExitMissing {
		status := struct{ Status uint32 }{}
		if x.out.Failed && q.Exit == ExitOne {
			status.Status = 1
		}
		_, _ = c.SendRequest("exit-status", false, ssh.Marshal(&status))
	}
	_ = c.Close()
	c.session.router.postReply()
}

// process takes a line through the router; nil when there is no answer to send.
func (c *sshChannel) process(line string) *sshTransaction {
	s := c.session
	r := s.router
	steps := []step{{command: "exec"}}
	for _, u := range r.state.Uses(line) {
		steps = append(steps, step{command: u.Command, path: u.Path})
	}
	f := r.record(s.conn, Request{Body: line}, steps...)
	x := &sshTransaction{session: s, line: routeros.Exec{User: s.user, Line: line}}
	t := requestCtx{conn: s.conn, fault: f, cancelled: c.cancelled, turn: r.turn(SSH, "")}
	if err := r.process(t, x); err != nil {
		return nil
	}
	if x.out.Failed && r.state.Version().AtLeast(7, 15) {
		r.state.Log("script,error", "executing script from sshd failed, please check it manually")
	}
	return x
}

// sshTransaction is one line and its output.
type sshTransaction struct {
	session *sshSession
	line    routeros.Exec
	out     routeros.Executed
	cut     bool // the channel ends in the middle, without a status
}

var _ transaction = (*sshTransaction)(nil)

func (x *sshTransaction) run() { x.out = x.session.router.state.Exec(x.line) }

func (x *sshTransaction) fail(text string) {
	x.out.Output, x.out.Failed = text+"\r\n", true
}

func (x *sshTransaction) replace(f Fault) bool {
	switch f.Kind {
	case Deny:
		x.fail("not enough permissions (9)")
	case Status:
		text := f.Text
		setDefault(&text, "failure: "+string(f.Kind))
		x.fail(text)
	case Ignore:
		x.out.Output, x.out.Failed = "", false
	case Empty:
		x.line.Boot = routeros.NoRows
		x.run()
	case WrongData:
		x.line.Boot = routeros.WrongMenu
		x.run()
	default:
		return false
	}
	return true
}

func (x *sshTransaction) corrupt(f Fault) {
	switch f.Kind {
	case "", Slow:
	case Truncate, Cut:
		x.out.Output = x.out.Output[:len(x.out.Output)/2]
		x.cut = f.Kind == Cut
	default:
		x.out.Output = "\x1b[9999B\x00\xff" + x.out.Output[len(x.out.Output)/2:]
	}
}

func (x *sshTransaction) expire() {
	x.fail("action timed out - try again, if error continues contact MikroTik support and send a supout file (13)")
}

// bytes returns the output with its lines padded to a number of columns.
func (x *sshTransaction) bytes(pad int) []byte {
	if pad <= 0 {
		return []byte(x.out.Output)
	}
	var b bytes.Buffer
	for line := range strings.Lines(x.out.Output) {
		text, ended := strings.CutSuffix(line, "\r\n")
		b.WriteString(text)
		if ended {
			b.WriteString(strings.Repeat(" ", max(0, pad-len(text))))
			b.WriteString("\r\n")
		}
	}
	return b.Bytes()
}

// filesOf are the files of the router as a user may use them.
type filesOf struct {
	*routeros.Router
	user *routeros.User
}

func (f filesOf) WriteFile(name string, data []byte) error {
	return f.Router.WriteFile(f.user, name, data)
}
