package console

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/router/simrouter/rsc"
)

// maxScript bounds a configuration; a real export is some hundred kilobytes.
const maxScript = 1 << 20

// maxDepth bounds scripts that run scripts.
const maxDepth = 8

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
	m.mu.Lock()
	defer m.mu.Unlock()
	sectors, writes := m.sectors, m.writes
	_, err = m.script(nil, string(src), 0)
	// What the machine started with is not what was written to it.
	m.sectors, m.writes = sectors, writes
	var at *rsc.SyntaxError
	if errors.As(err, &at) {
		return &ScriptError{file, at.Line, at.Text}
	}
	return err
}

// script runs the statements of src and returns what :put printed.
func (m *Machine) script(u *User, src string, depth int) (string, error) {
	if depth > maxDepth {
		return "", &rsc.SyntaxError{Line: 1, Text: "scripts call each other without end"}
	}
	statements, err := rsc.Parse(src)
	if err != nil {
		return "", err
	}
	var printed strings.Builder
	context := "/"
	for _, s := range statements {
		if context, err = m.statement(u, s, context, &printed, depth); err != nil {
			return printed.String(), err
		}
	}
	return printed.String(), nil
}

// statement runs one command. A path without a command becomes the context
// of what follows, as in exports.
func (m *Machine) statement(u *User, s rsc.Statement, context string, printed *strings.Builder, depth int) (string, error) {
	fail := func(format string, args ...any) (string, error) {
		return context, &rsc.SyntaxError{Line: s.Line, Text: fmt.Sprintf(format, args...)}
	}
	first := s.Words[0]
	if strings.HasPrefix(first.Text, ":") && !first.Quoted {
		return context, m.builtin(s, printed)
	}
	path, words := m.path(context, s.Words)
	if len(words) == 0 {
		if !m.isPrefix(path) {
			return fail("bad command name %s", first.Text)
		}
		return path, nil
	}
	command := words[0]
	mn := m.menus[path]
	if mn == nil || !command.Bare() || !mn.has(command.Text) {
		return fail("bad command name %s", command.Text)
	}
	args, err := m.arguments(u, mn, words[1:])
	if err != nil {
		return fail("%v", err)
	}
	c := Command{Path: path, Name: command.Text, Args: args, depth: depth + 1}
	if _, rerr := m.run(u, c); rerr != nil {
		return fail("%s", rerr.Text)
	}
	return context, nil
}

// path follows the words that lead into menus: "/queue tree add" as well as
// "/queue/tree/add". It returns the menu and the words after it.
func (m *Machine) path(context string, words []rsc.Word) (string, []rsc.Word) {
	at := context
	rest := words
	for len(rest) > 0 && rest[0].Bare() {
		t := rest[0].Text
		if strings.HasPrefix(t, "/") {
			at = "/"
		}
		parts := strings.Split(strings.Trim(t, "/"), "/")
		if t == "/" {
			parts = nil
		}
		used := 0
		for _, p := range parts {
			next := strings.TrimSuffix(at, "/") + "/" + p
			if !m.isPrefix(next) {
				break
			}
			at, used = next, used+1
		}
		if used < len(parts) {
			if used == 0 && !strings.HasPrefix(t, "/") {
				return at, rest
			}
			left := rsc.Word{Text: strings.Join(parts[used:], "/"), Line: rest[0].Line}
			return at, append([]rsc.Word{left}, rest[1:]...)
		}
		rest = rest[1:]
	}
	return at, rest
}

// isPrefix reports whether path is a menu or leads to one.
func (m *Machine) isPrefix(path string) bool {
	if path == "/" || m.menus[path] != nil {
		return true
	}
	for p := range m.menus {
		if strings.HasPrefix(p, path+"/") {
			return true
		}
	}
	return false
}

// arguments turns words into arguments. A word without a key names rows.
func (m *Machine) arguments(u *User, mn *menu, words []rsc.Word) (map[string]string, error) {
	args := make(map[string]string, len(words))
	for _, w := range words {
		key, value := w.Text, w
		if w.Value != nil {
			value = *w.Value
		} else {
			key = argNumbers
		}
		text := value.Text
		if value.Group {
			ids, err := m.findExpression(u, mn, value.Sub)
			if err != nil {
				return nil, err
			}
			text = ids
		}
		args[key] = text
	}
	return args, nil
}

// findExpression evaluates [find key=value ...].
func (m *Machine) findExpression(u *User, mn *menu, words []rsc.Word) (string, error) {
	if len(words) == 0 || words[0].Text != "find" || words[0].Value != nil {
		return "", fmt.Errorf("only [find ...] is understood in brackets")
	}
	var query []string
	for _, w := range words[1:] {
		switch {
		case w.Value != nil:
			v := w.Value.Text
			// Compared in the API representation, so 500M finds 500000000.
			if f := mn.field(w.Text); f != nil && f.parse != nil {
				if parsed, err := f.parse(m, w.Text, v); err == nil {
					v = parsed
				}
			}
			query = append(query, w.Text+"="+v)
		case w.Text == "where":
		default:
			query = append(query, w.Text)
		}
	}
	res, err := m.run(u, Command{Path: mn.path, Name: "find", Query: query})
	if err != nil {
		return "", err
	}
	return res.Ret, nil
}

// builtin runs the few global commands that are simulated.
func (m *Machine) builtin(s rsc.Statement, printed *strings.Builder) error {
	words := s.Words[1:]
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.Text
	}
	switch name := s.Words[0].Text; {
	case name == ":put" && len(words) == 1:
		printed.WriteString(texts[0] + "\r\n")
	case name == ":log" && len(words) == 2:
		m.logLine("script,"+texts[0], texts[1])
	case name == ":error" && len(words) == 1:
		return &rsc.SyntaxError{Line: s.Line, Text: texts[0] + " (:error; line " + strconv.Itoa(s.Line) + ")"}
	default:
		return &rsc.SyntaxError{Line: s.Line, Text: "bad command name " + strings.TrimPrefix(name, ":")}
	}
	return nil
}

// runScript is /system/script/run. Output is discarded, as on REST and the API.
func (m *Machine) runScript(u *User, mn *menu, c Command) *Error {
	if n, ok := c.Args["number"]; ok {
		c.Args[argNumbers] = n
	}
	targets, rerr := mn.targets(c)
	if rerr != nil {
		return rerr
	}
	for _, r := range targets {
		if r.values["dont-require-permissions"] != "true" && !u.may(strings.Split(r.values["policy"], ",")...) {
			return errDenied()
		}
		n, _ := strconv.Atoi(r.values["run-count"])
		r.values["run-count"] = strconv.Itoa(n + 1)
		r.values["last-started"] = m.stamp(m.now())
		if _, err := m.script(nil, r.values["source"], c.depth); err != nil {
			return badRequest(ScriptFailure, err.Error())
		}
	}
	return nil
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
	m.writes++
	printed, err := m.script(u, src, 0)
	if _, wait := c.Args["as-string"]; !wait {
		return Result{Ret: fmt.Sprintf("*%X", 0xB000+m.writes), HasRet: true}, nil
	}
	if err != nil {
		printed += err.Error()
	}
	return Result{Ret: printed, HasRet: true}, nil
}
