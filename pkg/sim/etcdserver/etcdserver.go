// Package etcdserver runs a real etcd for tests: the one that is installed, as by Debian's package
// etcd-server, or else the version that testdata/etcd/go.mod pins, built on demand into the
// build cache.
package etcdserver

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/pinned"
)

// Server is an etcd with one member.
type Server struct {
	URL string // of its clients

	t    testing.TB
	path string
	args []string
	dir  string

	cmd *exec.Cmd
	log *logs
}

// Start starts an etcd, and ends it with the test. Flags are further ones of it.
func Start(t testing.TB, flags ...string) *Server {
	t.Helper()
	s := &Server{t: t, path: binary(t), dir: filepath.Join(t.TempDir(), "data"), args: flags}
	t.Cleanup(s.Kill)
	for range 3 { // somebody else may be faster at a port
		client, peer := "http://"+free(t), "http://"+free(t)
		s.URL = client
		s.args = append([]string{
			"--data-dir", s.dir, "--listen-client-urls", client, "--advertise-client-urls", client,
			"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=" + peer,
		}, flags...)
		if s.run() {
			return s
		}
	}
	t.Fatalf("etcd does not start:\n%s", s.log)
	return nil
}

// Restart starts it again after Kill, at the same address.
func (s *Server) Restart() {
	s.t.Helper()
	if !s.run() {
		s.t.Fatalf("etcd does not start again:\n%s", s.log)
	}
}

// Kill ends it at once, as a loss of power would.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// LoseData removes what it has stored. It must not be running.
func (s *Server) LoseData() {
	s.t.Helper()
	if err := os.RemoveAll(s.dir); err != nil {
		s.t.Fatal(err)
	}
}

// Pause stops its process, which goes on with Resume.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// run reports whether it has started.
func (s *Server) run() bool {
	s.log = new(logs)
	s.cmd = exec.Command(s.path, s.args...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if s.healthy() {
			return true
		}
		if s.cmd.Process.Signal(syscall.Signal(0)) != nil || strings.Contains(s.log.String(), "address already in use") {
			break
		}
	}
	s.Kill()
	return false
}

func (s *Server) healthy() bool {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/health", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	return answer.StatusCode == http.StatusOK
}

// free returns an address of the loopback network that nobody listened to a moment ago.
func free(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// logs is what it has printed.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var build = sync.OnceValues(func() (string, error) { return pinned.Build("sim/etcdserver/testdata/etcd", "server") })

// binary returns the path of an etcd.
func binary(t testing.TB) string {
	t.Helper()
	if path, err := exec.LookPath("etcd"); err == nil {
		return path
	}
	if testing.Short() {
		t.Skip("no etcd is installed (apt install etcd-server), and -short builds none")
	}
	path, err := build()
	if err == nil {
		return path
	}
	problem := fmt.Sprintf("there is no etcd (apt install etcd-server), and the pinned one cannot be built: %v", err)
	if strings.Contains(problem, "dial tcp") || strings.Contains(problem, "module lookup disabled") {
		t.Skip(problem) // without network
	}
	t.Fatal(problem)
	return ""
}
