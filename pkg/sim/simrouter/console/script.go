package console

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc/eval"
)

// maxScript bounds a configuration; a real export is some hundred kilobytes.
const maxScript = 1 << 20

// maxLine bounds what is typed at the console, or sent to it over SSH.
const maxLine = 64 << 10

// maxDepth bounds scripts that run scripts.
const maxDepth = 8

// How long :delay may take in one script; at the console it can be interrupted.
const (
	maxDelay     = time.Second
	maxExecDelay = 10 * time.Second
)

// ScriptError is what is wrong with a script, and where.
type ScriptError struct {
	File string
	Line int
	Text string
}

func (e *ScriptError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text) }

// Load runs a script that sets the machine up, in the form of a RouterOS
// export. A mistake in it is a *ScriptError; what ran before it stays.
func (m *Machine) Load(file string, r io.Reader) error {
	src, err := io.ReadAll(io.LimitReader(r, maxScript+1))
	if err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	if len(src) > maxScript {
		return fmt.Errorf("%s is larger than %d bytes", file, maxScript)
	}
	// What the machine started with is not what was written to it.
	h := &scriptHost{m: m, uncounted: true}
	_, err = eval.Run(string(src), eval.Options{
		Host: h, Stepwise: true, Limits: eval.Limits{Work: 20_000_000, Delay: maxDelay},
	})
	var at *eval.Error
	if errors.As(err, &at) {
		text := at.Text
		if at.Detail != "" {
			text = at.Detail
		}
		return &ScriptError{file, at.Line, text}
	}
	return err
}

// Exec is one line for the console of a user.
type Exec struct {
	User *User // nil is the machine itself
	Line string

	// Width is where detailed printing wraps; 0 never.
	Width int
	// Context is the menu the line is relative to, "" for "/".
	Context string
	// Gone is closed when nobody waits for the answer any more; nil never.
	Gone <-chan struct{}

	Pretend Pretence
}

// Pretence is how a router answers that has not got its wits together yet.
// Nothing changes on it meanwhile.
type Pretence uint8

// The ways to answer.
const (
	Truth     Pretence = iota // as it is
	NoRows                    // as if all menus were empty
	WrongMenu                 // with /system/resource for every menu
)

// Executed is what a line did.
type Executed struct {
	Output      string // lines end in CRLF; of an error, the router's words come last
	Failed      bool
	Interrupted bool   // by Gone
	Context     string // the menu for the next line
}

// Exec runs a line as the console does that is reached by SSH.
func (m *Machine) Exec(e Exec) Executed {
	if len(e.Line) > maxLine {
		return Executed{Output: "line is too long" + eol, Failed: true, Context: e.Context}
	}
	h := &scriptHost{m: m, u: e.User, width: e.Width, gone: e.Gone, pretend: e.Pretend}
	res, err := eval.Run(e.Line, m.options(h, eval.Options{Context: e.Context, Limits: eval.Limits{Delay: maxExecDelay}}))
	out := Executed{Output: res.Output, Context: res.Context}
	if errors.Is(err, errInterrupted) {
		out.Interrupted = true
		return out
	}
	if err != nil {
		out.Failed = true
		out.Output += m.words(err) + eol
	}
	return out
}

// Uses lists the commands of menus that a line names, as far as it is right.
func (m *Machine) Uses(line, context string) []eval.Use {
	if len(line) > maxLine {
		return nil
	}
	if context == "" {
		context = "/"
	}
	uses, _ := eval.Check(line, &scriptHost{m: m}, context)
	return uses
}

// words is an error in the words of this version.
func (m *Machine) words(err error) string {
	var at *eval.Error
	if errors.As(err, &at) {
		return at.Words(m.places())
	}
	return err.Error()
}

// places reports whether errors say where they happened.
func (m *Machine) places() bool {
	return m.version.AtLeast(7, 16) != m.quirks.CLI.OtherErrors
}

func (m *Machine) options(h *scriptHost, o eval.Options) eval.Options {
	name := ""
	if h.u != nil {
		name = h.u.Name
	}
	o.Host, o.Globals = h, m.environment.of(name)
	o.JSON, o.Places = m.quirks.CLI.JSON, m.places()
	if o.Limits.Delay == 0 {
		o.Limits.Delay = maxDelay
	}
	return o
}

// environment is the global variables of scripts, by user.
type environment struct {
	mu     sync.Mutex // protects byUser
	byUser map[string]*eval.Globals
}

func (e *environment) of(user string) *eval.Globals {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byUser == nil {
		e.byUser = map[string]*eval.Globals{}
	}
	if e.byUser[user] == nil {
		e.byUser[user] = &eval.Globals{}
	}
	return e.byUser[user]
}

func (e *environment) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.byUser = nil
}

// isScript reports whether c runs a script. Such commands lock the machine for
// each command of the script, not for the whole of it.
func (c Command) isScript() bool {
	return c.Path == "/" && c.Name == "execute" || c.Path == "/system/script" && c.Name == "run"
}

func (m *Machine) runText(u *User, c Command) (Result, *Error) {
	if c.Name == "execute" {
		return m.execute(u, c)
	}
	return Result{}, m.runScript(&scriptHost{m: m, u: u}, c)
}

// runScript is /system/script/run. Output is discarded, as on REST and the API.
func (m *Machine) runScript(caller *scriptHost, c Command) *Error {
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
		h := &scriptHost{m: m, depth: caller.depth + 1, gone: caller.gone, uncounted: caller.uncounted}
		if _, err := eval.Run(src, m.options(h, eval.Options{})); err != nil {
			return badRequest(ScriptFailure, m.words(err))
		}
	}
	return nil
}

// startScripts notes that scripts start, and returns their sources.
func (m *Machine) startScripts(caller *scriptHost, c Command) ([]string, *Error) {
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

// execute runs text given by the caller. Its failures come back as text, as
// if they were output: that is how RouterOS answers over REST.
func (m *Machine) execute(u *User, c Command) (Result, *Error) {
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
	res, err := eval.Run(src, m.options(&scriptHost{m: m, u: u}, eval.Options{}))
	if _, wait := c.Args["as-string"]; !wait {
		return Result{Ret: job, HasRet: true}, nil
	}
	if err != nil {
		res.Output += m.words(err)
	}
	return Result{Ret: res.Output, HasRet: true}, nil
}
