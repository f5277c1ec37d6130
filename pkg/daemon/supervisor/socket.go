package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	// socketMax is the longest path of a unix socket, in bytes.
	socketMax = len(syscall.RawSockaddrUnix{}.Path) - 1
	// socketWatch is how often the file is looked after: whoever empties the
	// directory takes it away without anybody noticing.
	socketWatch = 10 * time.Second
	// socketAnswer is how long the process behind a socket may take to show
	// that it lives.
	socketAnswer = time.Second
)

// SocketServer is a Task that serves HTTP on a unix socket. Like a port that is
// taken, a socket that cannot be made is a warning and tried again.
//
// A socket that a killed process left behind is replaced. One on which somebody
// answers is left alone, and so is whatever is not a socket.
type SocketServer struct {
	// configuration
	name string
	path string
	fail slog.Level // of what is logged when it cannot be made
	look time.Duration

	// dependencies
	handler http.Handler
	log     *slog.Logger

	// state
	ready     chan struct{}
	readyOnce sync.Once
}

// NewSocketServer serves handler at path, whose directory has to exist. When
// that cannot be, it logs so at the level fail. log may be nil.
func NewSocketServer(name, path string, handler http.Handler, log *slog.Logger, fail slog.Level) *SocketServer {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &SocketServer{name: name, path: path, fail: fail, look: socketWatch, handler: handler, log: log, ready: make(chan struct{})}
}

// Ready is closed after the first attempt to listen, whatever came of it.
func (s *SocketServer) Ready() <-chan struct{} { return s.ready }

func (s *SocketServer) String() string { return s.name + " socket" }

// Run serves until ctx ends, and then removes the socket. It never fails.
func (s *SocketServer) Run(ctx context.Context) error {
	isReady := func() { s.readyOnce.Do(func() { close(s.ready) }) }
	defer isReady()
	said := ""
	pause := listenPauseMin
	for {
		ln, err := listenSocket(ctx, s.path)
		if err == nil {
			isReady()
			s.log.Debug("listening", "socket", s.path)
			said, pause = "", listenPauseMin
			err = s.serve(ctx, ln)
		}
		if ctx.Err() != nil {
			return nil
		}
		if text := err.Error(); text != said {
			said = text
			s.log.Log(ctx, s.fail, "other programs cannot ask this loop: no socket", "socket", s.path, "error", err, "hint", socketHint(s.path, err))
		}
		isReady()
		if errors.Is(err, errSocketName) || !sleep(ctx, pause) {
			return nil
		}
		pause = min(2*pause, listenPauseMax)
	}
}

// serve serves on ln until ctx ends or the file is not ours any more, which is
// an error.
func (s *SocketServer) serve(ctx context.Context, ln *socket) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var watch sync.WaitGroup
	defer watch.Wait()
	watch.Go(func() {
		for sleep(ctx, s.look) {
			if !ln.ours() {
				cancel(errSocketGone)
			}
		}
	})
	err := serveHTTP(ctx, ln, s.handler, nil, s.log)
	if cause := context.Cause(ctx); errors.Is(cause, errSocketGone) {
		err = cause
	}
	cancel(nil)
	return err
}

// Why there is no socket.
var (
	errSocketName  = fmt.Errorf("the path is longer than the %d bytes that the system allows", socketMax)
	errSocketTaken = errors.New("another process answers there")
	errSocketOther = errors.New("the file is there and is no socket")
	errSocketGone  = errors.New("somebody has removed or replaced it")
)

// socketHint says what a person can do about err.
func socketHint(path string, err error) string {
	switch {
	case errors.Is(err, errSocketName):
		return "set lock_file to a shorter path: the socket is beside it"
	case errors.Is(err, errSocketTaken):
		return "it may be a dry run; see who: ss -xlp src " + path
	case errors.Is(err, errSocketOther):
		return "look at it: ls -l " + path
	case errors.Is(err, errSocketGone):
		return "it is made anew"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "let this user write in " + filepath.Dir(path) + ", or set lock_file to a path it may write"
	case errors.Is(err, fs.ErrNotExist):
		return "create " + filepath.Dir(path)
	}
	return "set lock_file to another path: the socket is beside it"
}

// socket is a listener that removes its file when it is closed.
type socket struct {
	*net.UnixListener
	path  string
	file  fs.FileInfo
	close func() error
}

func (s *socket) Close() error { return s.close() }

// ours reports whether path still is the file that was made.
func (s *socket) ours() bool {
	now, err := os.Lstat(s.path)
	return err == nil && os.SameFile(now, s.file)
}

func listenSocket(ctx context.Context, path string) (*socket, error) {
	if len(path) > socketMax {
		return nil, errSocketName
	}
	if err := clearSocket(ctx, path); err != nil {
		return nil, err
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, WithoutPath(err)
	}
	ln.SetUnlinkOnClose(false) // it would remove whatever has that name by then
	s := &socket{UnixListener: ln, path: path}
	s.close = sync.OnceValue(func() error {
		if s.file == nil || s.ours() {
			_ = os.Remove(path) // first, so that nobody is refused who could have been told
		}
		return ln.Close()
	})
	// Nothing secret is told, so the directory alone decides who may ask.
	if err := os.Chmod(path, 0o666); err != nil {
		return nil, errors.Join(WithoutPath(err), s.close())
	}
	if s.file, err = os.Lstat(path); err != nil {
		return nil, errors.Join(WithoutPath(err), s.close())
	}
	return s, nil
}

// clearSocket removes a socket whose process is gone.
func clearSocket(ctx context.Context, path string) error {
	switch st, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return WithoutPath(err)
	case st.Mode().Type() != fs.ModeSocket:
		return errSocketOther
	}
	dialer := net.Dialer{Timeout: socketAnswer}
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = conn.Close()
		return errSocketTaken
	case errors.Is(err, syscall.ECONNREFUSED):
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return WithoutPath(err)
		}
		return nil
	case errors.Is(err, fs.ErrNotExist): // removed meanwhile
		return nil
	}
	return WithoutPath(err)
}
