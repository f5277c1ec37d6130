package routeros

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
)

const (
	maxScript = 16 << 20 // bytes of a configuration; block lists make exports of megabytes
	maxLine   = 64 << 10 // bytes of a line sent over SSH
	maxDepth  = 8        // scripts that run scripts
	loadSteps = 20_000_000
)

// ScriptError is a mistake in a script, and where it is.
type ScriptError struct {
	File string
	Line int
	Text string
}

func (e *ScriptError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text) }

// Load runs a script in the form of a RouterOS export as the router itself. Its
// changes count neither as writes nor as flash sectors. A mistake in it is a
// *ScriptError; the commands before the mistake stay in effect.
func (m *Router) Load(file string, r io.Reader) error {
	return m.load(file, r, rsc.Options{Host: &scriptHost{m: m, uncounted: true}})
}

// LoadExport is Load for the export of a real router, which has more than the
// simulated one: menus that are not simulated are skipped, arguments that are not
// interpreted are kept as text, and what a queue refers to exists. warn is called
// once for each difference, with the line where it first matters.
func (m *Router) LoadExport(file string, r io.Reader, warn func(line int, text string)) error {
	host := &exportHost{scriptHost: scriptHost{m: m, uncounted: true}, warn: warn}
	return m.load(file, r, rsc.Options{Host: host, SkipMenu: func(line int, menu string) {
		warn(line, "menu "+menu+" is not simulated: skipped")
	}})
}

func (m *Router) load(file string, r io.Reader, o rsc.Options) error {
	src, err := io.ReadAll(io.LimitReader(r, maxScript+1))
	if err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	if len(src) > maxScript {
		return fmt.Errorf("%s is larger than %d bytes", file, maxScript)
	}
	o.Stepwise, o.Steps = true, loadSteps
	_, err = rsc.Run(string(src), o)
	var at *rsc.Error
	if errors.As(err, &at) {
		text := at.Text
		if at.Detail != "" {
			text = at.Detail
		}
		return &ScriptError{file, at.Line, text}
	}
	return err
}

// Exec is one line for the command line of a user.
type Exec struct {
	User *User // nil is the router itself
	Line string
	Boot BootState
}

// BootState is how much of its configuration a router has loaded. Before it
// is Ready, nothing changes on it.
type BootState uint8

// The states.
const (
	Ready     BootState = iota
	NoRows              // answers as if all menus were empty
	WrongMenu           // answers with /system/resource for every menu
)

// Executed is the result of a line. Output lines end in CRLF; when the line
// failed, the last one is the error.
type Executed struct {
	Output string
	Failed bool
}

// Exec runs a line as a router does that is reached by SSH.
func (m *Router) Exec(e Exec) Executed {
	if len(e.Line) > maxLine {
		return Executed{Output: "line is too long\r\n", Failed: true}
	}
	host := &scriptHost{m: m, u: e.User, boot: e.Boot}
	out, err := rsc.Run(e.Line, rsc.Options{Host: host})
	out += host.printed.String()
	if err != nil {
		out += m.message(err) + "\r\n"
	}
	return Executed{out, err != nil}
}

// Uses lists the commands of menus that a line names, up to its first mistake.
func (m *Router) Uses(line string) []rsc.Use {
	if len(line) > maxLine {
		return nil
	}
	uses, _ := rsc.Check(line, &scriptHost{m: m})
	return uses
}

// message returns an error in the words of this version. From 7.16 on, errors say
// where they happened.
func (m *Router) message(err error) string {
	var at *rsc.Error
	if errors.As(err, &at) {
		return at.Words(m.version.AtLeast(7, 16) != m.quirks.OtherErrors)
	}
	return err.Error()
}

// isScript reports whether c runs a script. Such commands lock the router for
// each command of the script, not for all of it.
func (c Command) isScript() bool {
	return c.Path == "/" && c.Name == "execute" || c.Path == "/system/script" && c.Name == "run"
}

// count adds one to a number kept as text.
func count(values map[string]string, name string) {
	n, _ := strconv.Atoi(values[name])
	values[name] = strconv.Itoa(n + 1)
}

func (m *Router) runText(u *User, c Command) (Result, *Error) {
	if c.Name == "execute" {
		return m.execute(u, c)
	}
	return Result{}, m.runScript(&scriptHost{m: m, u: u}, c)
}

// runScript is /system/script/run. Output is discarded, as on REST and the API.
func (m *Router) runScript(caller *scriptHost, c Command) *Error {
	args := map[string]string{argNumbers: c.Args[argNumbers]}
	for _, a := range []string{argID, "number"} {
		if ref, ok := c.Args[a]; ok {
			args[argNumbers] = ref
		}
	}
	c.Args = args
	sources, err := m.startScripts(caller, c)
	if err != nil {
		return err
	}
	for _, src := range sources {
		if caller.depth >= maxDepth {
			return badRequest(ScriptFailure, "scripts call each other without end")
		}
		h := &scriptHost{m: m, depth: caller.depth + 1, uncounted: caller.uncounted}
		if _, err := rsc.Run(src, rsc.Options{Host: h}); err != nil {
			return badRequest(ScriptFailure, m.message(err))
		}
	}
	return nil
}

// startScripts counts the runs of scripts and returns their sources.
func (m *Router) startScripts(caller *scriptHost, c Command) ([]string, *Error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !caller.uncounted {
		m.writes++
	}
	u := caller.u
	if !u.may("read", "write") {
		return nil, errDenied()
	}
	targets, err := m.menus["/system/script"].targets(c)
	if err != nil {
		return nil, err
	}
	var sources []string
	for _, r := range targets {
		if r.values["dont-require-permissions"] != "true" && !u.may(strings.Split(r.values["policy"], ",")...) {
			return nil, errDenied()
		}
		count(r.values, "run-count")
		r.values["last-started"] = m.stamp(m.now())
		sources = append(sources, r.values["source"])
	}
	return sources, nil
}

// execute runs text given by the caller. Errors are returned as output, as
// RouterOS does over REST.
func (m *Router) execute(u *User, c Command) (Result, *Error) {
	if !u.may("read", "write") {
		return Result{}, errDenied()
	}
	src, ok := c.Args["script"]
	if !ok {
		return Result{}, errMissing("script")
	}
	m.mu.Lock()
	m.writes++
	job := fmt.Sprintf("*%X", 0xB000+m.writes)
	m.mu.Unlock()
	out, err := rsc.Run(src, rsc.Options{Host: &scriptHost{m: m, u: u}})
	if _, wait := c.Args["as-string"]; !wait {
		return Result{Ret: job, HasRet: true}, nil
	}
	if err != nil {
		out += m.message(err)
	}
	return Result{Ret: out, HasRet: true}, nil
}
