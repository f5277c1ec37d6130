package ssh_test

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/router/ssh"
)

// soon is when a test gives up on a server that will not answer.
const soon = 200 * time.Millisecond

// server is an SSH server that is no router: it does what a test needs and no
// router is known to do.
type server struct {
	addr  string
	kinds []string
	keys  []xssh.PublicKey
	exec  func(n int, command string, ch xssh.Channel) // n counts commands from 1; nil: done prints success

	connections, commands atomic.Int64
	refuse                func(channel int) bool // whether a channel of a connection, counted from 1, is refused
	noExec                bool

	mu    sync.Mutex // protects conns
	conns []net.Conn
}

func serve(t testing.TB, exec func(int, string, xssh.Channel), kinds ...string) *server {
	t.Helper()
	s := &server{kinds: kinds, exec: exec}
	if s.exec == nil {
		s.exec = func(_ int, command string, ch xssh.Channel) { respond(ch, command, "") }
	}
	cfg := &xssh.ServerConfig{PasswordCallback: func(xssh.ConnMetadata, []byte) (*xssh.Permissions, error) { return nil, nil }}
	keys, err := privateKeys()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		signer, err := xssh.NewSignerFromKey(keys[k])
		if err != nil {
			t.Fatal(err)
		}
		cfg.AddHostKey(signer)
		s.keys = append(s.keys, signer.PublicKey())
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = ln.Close()
		s.drop()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.connections.Add(1)
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			wg.Go(func() { s.speak(c, cfg) })
		}
	})
	return s
}

// drop ends all connections.
func (s *server) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
}

func (s *server) speak(c net.Conn, cfg *xssh.ServerConfig) {
	defer c.Close()
	_, channels, requests, err := xssh.NewServerConn(c, cfg)
	if err != nil {
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { xssh.DiscardRequests(requests) })
	opened := 0
	for n := range channels {
		opened++
		if s.refuse != nil && s.refuse(opened) {
			_ = n.Reject(xssh.ResourceShortage, "open failed")
			continue
		}
		ch, requests, err := n.Accept()
		if err != nil {
			return
		}
		wg.Go(func() {
			defer ch.Close()
			for req := range requests {
				_ = req.Reply(!s.noExec, nil)
				if s.noExec {
					continue
				}
				var line struct{ Text string }
				_ = xssh.Unmarshal(req.Payload, &line)
				s.exec(int(s.commands.Add(1)), line.Text, ch)
				_, _ = ch.SendRequest("exit-status", false, []byte{0, 0, 0, 0})
				_ = ch.Close()
			}
		})
	}
}

func (s *server) config() ssh.Config {
	host, port, _ := net.SplitHostPort(s.addr)
	n := 0
	for _, d := range port {
		n = n*10 + int(d-'0')
	}
	return ssh.Config{Host: host, Port: n, User: "admin", Fingerprint: xssh.FingerprintSHA256(s.keys[0]), Timeout: 10 * time.Second}
}

// respond answers a command as the console does, with lines between the beginning
// and the end.
func respond(ch xssh.Channel, command, lines string) {
	_, beginning, _ := strings.Cut(command, `:put "`)
	beginning, _, _ = strings.Cut(beginning, `"`)
	token, _, _ := strings.Cut(beginning, "+")
	beginning = strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(beginning)
	_, _ = ch.Write([]byte(beginning + "\r\n" + strings.ReplaceAll(lines, "TOKEN", token) + token + ".\r\n"))
}
