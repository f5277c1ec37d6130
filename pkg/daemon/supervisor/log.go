package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/regfile"
)

// Log is an io.Writer for loggers that never waits for what it writes to. A
// goroutine of its own carries the lines to the file or terminal; while that
// is stuck or full, lines beyond the buffer are dropped and counted, and a
// line that tells how many follows when it works again.
//
// Each Write is taken as whole lines, as log/slog writes them.
type Log struct {
	// configuration
	path string // "" for a writer that cannot be reopened
	opts LogOptions

	wake chan struct{} // something changed
	done chan struct{} // the goroutine has ended

	// mu protects the following fields. It is never held while writing.
	mu      sync.Mutex
	pending []byte    // lines to be written
	next    io.Writer // to be written to from now on; nil: as before
	lost    uint64    // lines, not told of yet
	total   uint64    // lines lost since the start
	lastErr error     // of the last write; nil when it worked
	opening bool      // by Reopen
	closed  bool
}

// LogOptions are the options of a Log.
type LogOptions struct {
	Size  int           // of the buffer, in bytes; 0: 256 KiB
	JSON  bool          // the lines are JSON, so ours have to be
	Flush time.Duration // how long Close waits for the last lines; 0: 2 s
}

// NewLog writes to w, which stays open.
func NewLog(w io.Writer, opts LogOptions) *Log { return newLog("", keepOpen{w}, opts) }

// OpenLog appends to the file at path and creates it, and its directory, when
// missing. Reopen follows a rotation. A disk that does not answer within
// LogOptions.Flush has its file opened later; lines wait in the buffer until then.
func OpenLog(path string, opts LogOptions) (*Log, error) {
	opts = opts.withDefaults()
	opened := make(chan openedFile, 1)
	go func() {
		f, err := openLogFile(path)
		opened <- openedFile{f, err}
	}()
	timer := time.NewTimer(opts.Flush)
	defer timer.Stop()
	select {
	case o := <-opened:
		if o.err != nil {
			return nil, o.err
		}
		return newLog(path, o.f, opts), nil
	case <-timer.C:
		return newLog(path, &lateFile{opened: opened}, opts), nil
	}
}

func (o LogOptions) withDefaults() LogOptions {
	if o.Size <= 0 {
		o.Size = 256 << 10
	}
	if o.Flush <= 0 {
		o.Flush = 2 * time.Second
	}
	return o
}

func newLog(path string, w io.Writer, opts LogOptions) *Log {
	opts = opts.withDefaults()
	l := &Log{path: path, opts: opts, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go l.carry(w)
	return l
}

func openLogFile(path string) (*os.File, error) {
	dir := filepath.Dir(path)
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		const flags = os.O_APPEND | os.O_CREATE | os.O_WRONLY
		var f *os.File
		if f, err = regfile.OpenFile(path, flags|os.O_EXCL, 0o640); err == nil {
			regfile.ChownLikeDir(f, dir)
			return f, nil
		}
		if errors.Is(err, fs.ErrExist) {
			f, err = regfile.OpenFile(path, flags, 0o640)
		}
		if err == nil {
			return f, nil
		}
	}
	hint := ""
	_, missing := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrPermission) && missing == nil:
		hint = fmt.Sprintf("; it belongs to another user: 'sudo chown --reference=%s %s', or set logging.main_log to another path", dir, path)
	case errors.Is(err, fs.ErrPermission):
		hint = fmt.Sprintf("; let this user write there (chown or chmod %s), or set logging.main_log to another path", dir)
	case errors.Is(err, regfile.ErrNotRegular):
		hint = "; set logging.main_log or logging.debug_log to another path"
	}
	return nil, fmt.Errorf("opening log %s: %w%s", path, WithoutPath(err), hint)
}

// Write takes p in, or drops it when the buffer is full. It fails only after
// Close.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, os.ErrClosed
	}
	if len(l.pending)+len(p) > l.opts.Size {
		l.lose(1)
		return len(p), nil
	}
	l.pending = append(l.pending, p...)
	l.poke()
	return len(p), nil
}

func (l *Log) lose(lines uint64) {
	l.lost += lines
	l.total += lines
}

// poke wakes the goroutine, which may be awake.
func (l *Log) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Lost is how many lines were lost so far, and why the last write failed, nil
// when it did not.
func (l *Log) Lost() (lines uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total, l.lastErr
}

// Reopen goes on in a new file at the same path, for after a rotation. When it
// cannot be opened the old one stays in use. No line is lost or torn between
// the two. It does nothing for a Log without a path, or while another Reopen is
// waiting for the disk.
func (l *Log) Reopen() error {
	if l.path == "" {
		return nil
	}
	l.mu.Lock()
	opening := l.opening
	l.opening = true
	l.mu.Unlock()
	if opening {
		return nil
	}
	f, err := openLogFile(l.path)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opening = false
	if err != nil {
		return fmt.Errorf("%w; going on with the old file", err)
	}
	if l.closed {
		return errors.Join(os.ErrClosed, f.Close())
	}
	if l.next != nil { // of an earlier Reopen, not taken up yet
		err = closeWriter(l.next)
	}
	l.next = f
	l.poke()
	return err
}

// Close writes what is pending and closes the file. It waits no longer than
// LogOptions.Flush; what is stuck then is lost, and an error tells so.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.poke()
	l.mu.Unlock()
	timer := time.NewTimer(l.opts.Flush)
	defer timer.Stop()
	select {
	case <-l.done:
		return nil
	case <-timer.C:
		return fmt.Errorf("closing log %s: its last lines could not be written within %v", l.path, l.opts.Flush)
	}
}

// carry is the goroutine: it takes what is pending and writes it in one go.
func (l *Log) carry(w io.Writer) {
	defer close(l.done)
	var buf []byte
	torn := false // the last line written lacks its end
	for range l.wake {
		l.mu.Lock()
		buf, l.pending = l.pending, buf[:0]
		next, closed, lost, reason := l.next, l.closed, l.lost, l.lastErr
		l.next, l.lost = nil, 0
		l.mu.Unlock()

		if next != nil {
			l.note(closeWriter(w))
			w, torn = next, false
		}
		told := 0
		if lost > 0 {
			told = len(buf)
			buf = append(buf, l.notice(lost, reason)...)
			told = len(buf) - told
		}
		if len(buf) > 0 {
			torn = l.write(w, buf, told, lost, torn)
		}
		if closed {
			_ = closeWriter(w) // nobody is left to be told
			return
		}
	}
}

// write writes buf, whose last told bytes tell of lost lines, and counts what
// cannot be written. It reports whether a line was torn.
func (l *Log) write(w io.Writer, buf []byte, told int, lost uint64, torn bool) bool {
	if torn {
		if _, err := w.Write([]byte("\n")); err != nil {
			l.failed(buf[:len(buf)-told], lost, err)
			return true
		}
	}
	n, err := w.Write(buf)
	if err == nil {
		l.note(nil)
		return false
	}
	n = min(max(n, 0), len(buf))
	if n < len(buf)-told {
		l.failed(buf[n:len(buf)-told], lost, err)
	} else {
		l.failed(nil, lost, err)
	}
	return n > 0 && buf[n-1] != '\n'
}

// failed counts the lines in rest and those that were to be told of.
func (l *Log) failed(rest []byte, lost uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastErr = err
	l.lose(uint64(bytes.Count(rest, []byte("\n"))))
	l.lost += lost // they are in the total already
}

func (l *Log) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastErr = err
}

// notice is a log line that tells of lost ones.
func (l *Log) notice(lines uint64, reason error) []byte {
	var buf bytes.Buffer
	var h slog.Handler = slog.NewTextHandler(&buf, nil)
	if l.opts.JSON {
		h = slog.NewJSONHandler(&buf, nil)
	}
	why := "too slow"
	if reason != nil {
		why = reason.Error()
	}
	slog.New(h).Warn("log lines were lost here", "lines", lines, "reason", why)
	return buf.Bytes()
}

// lateFile is a log file that has not been opened yet. It is used by one goroutine.
type lateFile struct {
	opened <-chan openedFile
	openedFile
}

type openedFile struct {
	f   *os.File
	err error
}

func (l *lateFile) wait() error {
	if l.f == nil && l.err == nil {
		l.openedFile = <-l.opened
	}
	return l.err
}

func (l *lateFile) Write(p []byte) (int, error) {
	if err := l.wait(); err != nil {
		return 0, err
	}
	return l.f.Write(p)
}

func (l *lateFile) Close() error {
	if err := l.wait(); err != nil {
		return err
	}
	return l.f.Close()
}

// keepOpen hides Close.
type keepOpen struct{ io.Writer }

func closeWriter(w io.Writer) error {
	if c, ok := w.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// NewLogger returns a logger that writes to w, as JSON or as text, from the named
// level up: debug, info, warn or error.
func NewLogger(w io.Writer, level string, asJSON bool) *slog.Logger {
	var from slog.Level
	if err := from.UnmarshalText([]byte(level)); err != nil {
		from = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: from}
	if asJSON {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
