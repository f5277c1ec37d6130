package simrouter

import (
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/console"
)

// sshSession is one connection after the login. Its channels know nothing of
// each other.
type sshSession struct {
	router *Router
	conn   *conn
	user   *console.User
	width  int // where detailed printing wraps; 0 never

	group sync.WaitGroup
	open  atomic.Int32 // channels
}

// requests answers what concerns the whole connection.
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
			c := &sshChannel{session: s, Channel: ch, gone: make(chan struct{})}
			c.requests(requests)
			close(c.gone)
			c.group.Wait()
			_ = ch.Close()
			s.open.Add(-1)
		})
	}
}

// sshChannel is one command, or one interactive shell.
type sshChannel struct {
	ssh.Channel
	session *sshSession

	group   sync.WaitGroup
	gone    chan struct{} // closed when the channel is
	started bool
	pty     bool // whoever sits there wants to see what they type
}

// requests answers what concerns the channel, until it closes.
func (c *sshChannel) requests(in <-chan *ssh.Request) {
	for req := range in {
		ok := true
		var run func() // what the channel is for, once
		switch req.Type {
		case "pty-req":
			c.pty = true
		case "env", "window-change":
		case "exec":
			var line struct{ Text string }
			ok = ssh.Unmarshal(req.Payload, &line) == nil && !c.started
			run = func() { c.exec(line.Text) }
		case "shell":
			ok, run = !c.started, c.shell
		default:
			ok = false
		}
		if req.WantReply {
			// Before it runs: it may close the channel.
			_ = req.Reply(ok, nil)
		}
		if ok && run != nil {
			c.started = true
			c.group.Go(run)
		}
	}
}

// expired says whether the user must set a password before anything else,
// which nobody does who sends commands: the channel stays as it is.
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
	x := c.carry(line, "")
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
	c.session.router.afterwards()
}

// carry takes a line through the router; nil when there is no answer to give.
func (c *sshChannel) carry(line, context string) *sshExchange {
	s := c.session
	r := s.router
	steps := []step{{command: "exec"}}
	for _, u := range r.machine.Uses(line, context) {
		steps = append(steps, step{command: u.Command, path: u.Path})
	}
	f := r.begin(s.conn, Request{Body: line}, steps...)
	x := &sshExchange{session: s, line: console.Exec{
		User: s.user, Line: line, Context: context, Width: s.width, Gone: c.gone,
	}}
	x.out.Context = context
	t := ticket{conn: s.conn, fault: f, gone: c.gone, worker: r.worker(SSH)}
	if err := r.carry(t, x); err != nil || x.out.Interrupted {
		return nil
	}
	if x.out.Failed && r.machine.Version().AtLeast(7, 15) {
		r.machine.Log("script,error", "executing script from sshd failed, please check it manually")
	}
	return x
}
