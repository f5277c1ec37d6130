package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// Daemon is what one daemon, a loop or steering, has on this host: files, listeners,
// and itself where it runs.
type Daemon struct {
	*config.Base
	User int    // effective id of the one who asks
	Unit string // of systemd, such as "wanctl@spectrum"

	Open        bool // the configuration, which holds a password, is readable by everyone
	Directories []Directory
	Foreign     string // the part of the history that belongs to another user than the directory of the state; "" without
	State       error  // why the state file is of no use; nil where it is, or where there is none

	Holder   state.Owner
	Held     bool // by a live process
	LockErr  error
	Status   telemetry.Status // of a daemon that answers; "" without
	Reasons  []string
	Warnings []string
	Watchdog Watchdog

	Listeners []Listener
}

// Directory is a directory that a daemon writes to.
type Directory struct {
	Key, Path string
	Err       error  // why this user cannot write there
	Owner     int    // of the nearest directory that exists
	Missing   bool   // it does not exist yet
	Exposed   string // the directory above in which any user may replace files; "" without
}

// Watchdog is what restarts a daemon that hangs.
type Watchdog struct {
	Known   bool
	Every   time.Duration // 0: nothing
	Systemd bool          // the host has it
	Unit    bool          // and a unit with a watchdog
}

// Listener is an address that a daemon listens on.
type Listener struct {
	Key, Addr string
	Taken     bool  // something listens there
	Ours      bool  // another daemon of this host has the address as well, and runs
	Err       error // this host has no such address
}

// readDaemon reads the facts of the daemon of b.
func readDaemon(ctx context.Context, b *config.Base, unit string) *Daemon {
	d := &Daemon{Base: b, User: os.Geteuid(), Unit: unit}
	d.Open = holdsPassword(b)
	for _, f := range []struct{ key, path string }{{"state_file", b.StateFile}, {"lock_file", b.LockFile}, {"logging.main_log", b.Logging.Main}} {
		if len(d.Directories) == 0 || filepath.Dir(f.path) != d.Directories[len(d.Directories)-1].Path {
			d.Directories = append(d.Directories, readDirectory(f.key, f.path))
		}
	}
	d.Foreign = foreignPart(b.HistoryDir())
	d.Holder, d.Held, d.LockErr = state.Holder(b.LockFile)
	d.Watchdog = readWatchdog(d.Holder, d.Held)
	for _, l := range []struct {
		key string
		config.Endpoint
	}{{"health_check.port", b.Health}, {"metrics.port", b.Metrics}} {
		if l.Enabled && l.Port != 0 {
			d.Listeners = append(d.Listeners, readListener(ctx, l.key, l.Endpoint))
		}
	}
	return d
}

// holdsPassword reports whether every user can read the configuration and it holds the
// password itself.
func holdsPassword(b *config.Base) bool {
	st, err := os.Stat(b.Path)
	if err != nil || st.Mode().Perm()&0o004 == 0 || !b.Router.Password.IsSet() {
		return false
	}
	text, err := os.ReadFile(b.Path)
	return err == nil && regexp.MustCompile(`password\s*:\s*["']?`+regexp.QuoteMeta(b.Router.Password.Reveal())).Match(text)
}

func readDirectory(key, file string) Directory {
	d := Directory{Key: key, Path: filepath.Dir(file), Exposed: state.Exposed(file)}
	for dir := d.Path; ; dir = filepath.Dir(dir) {
		st, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
			d.Missing = true
			continue
		}
		const write, execute = 2, 1
		if err == nil {
			err = syscall.Access(dir, write|execute)
		}
		if own, is := ownerOf(st); is {
			d.Owner = own
		}
		d.Err = err
		return d
	}
}

// foreignPart returns dir, the directory of a history, or the first file in it that has
// another owner than the directory above dir; "" without. Root may own everything.
func foreignPart(dir string) string {
	st, _ := os.Stat(filepath.Dir(dir)) // nil has no owner
	want, known := ownerOf(st)
	if !known || want == 0 {
		return ""
	}
	entries, _ := os.ReadDir(dir) // none if this user may not
	paths := []string{dir}
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	for _, path := range paths {
		st, _ := os.Lstat(path)
		if own, known := ownerOf(st); known && own != want {
			return path
		}
	}
	return ""
}

func ownerOf(st fs.FileInfo) (int, bool) {
	if st == nil {
		return 0, false
	}
	sys, is := st.Sys().(*syscall.Stat_t)
	if !is {
		return 0, false
	}
	return int(sys.Uid), true
}

// readWatchdog reads the environment of a daemon that runs, else the units.
func readWatchdog(o state.Owner, held bool) (w Watchdog) {
	w.Systemd = hasSystemd()
	if held && o.PID > 0 {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", o.PID))
		if err != nil {
			return w // another user's
		}
		w.Known = true
		for v := range strings.SplitSeq(string(env), "\x00") {
			if us, is := strings.CutPrefix(v, "WATCHDOG_USEC="); is {
				n, _ := strconv.ParseInt(us, 10, 64) // 0 is none
				w.Every = time.Duration(n) * time.Microsecond
			}
		}
		return w
	}
	for _, dir := range []string{"/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"} {
		text, err := os.ReadFile(filepath.Join(dir, "wanctl@.service"))
		w.Unit = w.Unit || err == nil && strings.Contains(string(text), "\nWatchdogSec=")
	}
	return w
}

// hasSystemd reports whether systemd runs this host.
func hasSystemd() bool {
	_, err := os.Stat("/run/systemd/system")
	return err == nil
}

// readListener finds out by connecting whether something listens: binding the port, for
// however short, could be in the way of a daemon that starts.
func readListener(ctx context.Context, key string, e config.Endpoint) Listener {
	l := Listener{Key: key, Addr: net.JoinHostPort(e.Host, strconv.Itoa(e.Port))}
	var lc net.ListenConfig
	any, err := lc.Listen(ctx, "tcp", net.JoinHostPort(e.Host, "0"))
	if err != nil {
		l.Err = err
		return l
	}
	_ = any.Close()
	to := l.Addr
	if ip := net.ParseIP(e.Host); ip != nil && ip.IsUnspecified() {
		to = net.JoinHostPort("localhost", strconv.Itoa(e.Port))
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", to)
	if err == nil {
		l.Taken = true
		_ = conn.Close()
	}
	return l
}

var daemonChecks = []Check[Daemon]{
	{"files", checkFiles},
	{"state", checkState},
	{"loop", checkLoop},
	{"watchdog", checkWatchdog},
	{"ports", checkPorts},
}

func checkFiles(d *Daemon) (results []Result) {
	if d.Open {
		results = append(results, warning("chmod 640 "+d.Path, "%s holds the router's password, and everyone may read it", d.Path))
	}
	for _, dir := range d.Directories {
		switch {
		case dir.Exposed != "":
			results = append(results, warning("chmod o-w "+dir.Exposed, "%s: everyone may replace files in %s", dir.Key, dir.Exposed))
		case dir.Err != nil && d.Held: // by another user, who may
		case dir.Err != nil && d.User != 0 && dir.Missing:
			results = append(results, skipped("%s: %s does not exist yet; systemd or the daemon creates it", dir.Key, dir.Path))
		case dir.Err != nil && d.User != 0:
			results = append(results, skipped("%s: %s belongs to user %d, not to you; the daemon's user has to be able to write there", dir.Key, dir.Path, dir.Owner))
		case dir.Err != nil:
			results = append(results, failure("set "+dir.Key+" to a file in another directory", "%s: %s is not writable: %v", dir.Key, dir.Path, dir.Err))
		}
	}
	if d.Foreign != "" {
		dir := d.HistoryDir()
		results = append(results, warning(fmt.Sprintf("sudo chown -R --reference=%s %s", filepath.Dir(dir), dir),
			"history: %s does not belong to the owner of %s, as after a start by root: the service may be unable to keep its history", d.Foreign, filepath.Dir(dir)))
	}
	if results == nil {
		results = one(ok("state, lock and log can be written"))
	}
	return results
}

func checkState(d *Daemon) []Result {
	if d.State != nil {
		return one(warning("wanctl state repair --config "+d.Path, "%s cannot be used: %v", d.StateFile, d.State))
	}
	return nil
}

func checkLoop(d *Daemon) (results []Result) {
	switch {
	case d.LockErr != nil:
		return one(failure("set lock_file to a file that can be a lock", "%v", d.LockErr))
	case d.Held && d.Status == "":
		return one(warning("see what it is: ps -fp "+strconv.Itoa(d.Holder.PID), "%s is held by %s, which does not answer on %s", d.LockFile, d.Holder, d.Socket()))
	case d.Status == "":
		return one(warning(d.start(), "it does not run"))
	case d.Status == telemetry.Healthy:
		results = one(ok("it runs as %s and is healthy", d.Holder))
	default:
		results = one(warning("wanctl status", "it runs as %s and is %s: %s", d.Holder, d.Status, strings.Join(d.Reasons, "; ")))
	}
	for _, w := range d.Warnings {
		results = append(results, warning("wanctl status", "%s", w))
	}
	return results
}

// start is the command that starts the daemon.
func (d *Daemon) start() string { return startCommand(d.Watchdog.Systemd, d.Unit, d.Path) }

// startCommand starts the daemon of the configuration at path: by its unit where systemd
// reads that, else by hand.
func startCommand(systemd bool, unit, path string) string {
	switch {
	case systemd && filepath.Dir(path) == "/etc/wanctl":
		return "systemctl enable --now " + unit
	case strings.HasPrefix(unit, "wanctl@"):
		return "wanctl shape --config " + path
	}
	return "wanctl steer --config " + path
}

func checkWatchdog(d *Daemon) []Result {
	w := d.Watchdog
	switch {
	case w.Every > 0:
		return one(ok("systemd restarts it after %v without a sign of life", w.Every))
	case d.Held && !w.Known:
		return one(skipped("whether something restarts it is seen as root or as its user"))
	case d.Held && w.Systemd:
		return one(warning("systemctl enable --now "+d.Unit, "it was started by hand: nothing restarts it when it hangs or ends"))
	case w.Systemd && !w.Unit:
		return one(warning("install the units: make install, or a package", "there is no wanctl@.service with a watchdog"))
	case w.Systemd:
		return one(ok("the unit has a watchdog"))
	}
	return one(ok("without systemd, what starts it has to restart it; it can ask 'wanctl health'"))
}

func checkPorts(d *Daemon) (results []Result) {
	for _, l := range d.Listeners {
		_, port, _ := net.SplitHostPort(l.Addr)
		switch {
		case l.Err != nil:
			results = append(results, failure("set "+strings.TrimSuffix(l.Key, "port")+"host to one of: ip -brief address", "%s: this host cannot listen on %s: %v", l.Key, l.Addr, l.Err))
		case l.Taken && d.Status == "" && !l.Ours:
			results = append(results, warning("ss -ltnp sport = :"+port+", or set "+l.Key+" to another port", "%s: something else listens on %s", l.Key, l.Addr))
		case l.Taken:
			results = append(results, ok("%s: the daemon, or another of this host, listens on %s", l.Key, l.Addr))
		default:
			results = append(results, ok("%s: %s is free", l.Key, l.Addr))
		}
	}
	return results
}
