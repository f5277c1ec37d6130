// Package natsserver starts a real NATS server for a test, in a process that can be stopped,
// paused and restarted. The server is no dependency of the module: a pinned release is
// built when a test first needs it.
package natsserver

import (
	"net"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/pinned"
)

// binary returns the path of the server, which it builds at first.
var binary = sync.OnceValues(func() (string, error) { return pinned.Build("sim/natsserver/testdata/nats", "nats-server") })

// Server is a server on loopback, without TLS unless its configuration says otherwise.
type Server struct {
	t    testing.TB
	port int
	args []string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// New returns a server that runs until the test ends, on a free port. args are further
// arguments, such as "-js", "-sd", directory.
func New(t testing.TB, args ...string) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	s := &Server{t: t, port: port, args: args}
	t.Cleanup(s.Kill)
	s.Start()
	return s
}

// Address is "127.0.0.1:port".
func (s *Server) Address() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// URL is the address for clients without TLS.
func (s *Server) URL() string { return "nats://" + s.Address() }

// PID is the process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Start starts the server, again after Kill, and waits until it listens.
func (s *Server) Start() {
	s.t.Helper()
	path, err := binary()
	if err != nil {
		s.t.Fatalf("the NATS server cannot be built: %v", err)
	}
	args := append([]string{"-a", "127.0.0.1", "-p", strconv.Itoa(s.port)}, s.args...)
	s.cmd, s.done = exec.Command(path, args...), make(chan struct{})
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // it is killed
		close(s.done)
	}()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", s.Address())
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal(err)
		}
	}
}

// Pause stops the process without ending it: connections stay, and nothing is answered.
func (s *Server) Pause() { _ = s.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume has a paused process go on.
func (s *Server) Resume() { _ = s.cmd.Process.Signal(syscall.SIGCONT) }

// Kill ends the process at once.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
}
