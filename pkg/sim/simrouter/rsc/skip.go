package rsc

import (
	"slices"
	"strings"
)

// skipper finds the commands of an export that are about menus which the host
// does not have.
type skipper struct {
	report func(line int, path string) // nil: nothing is skipped
	seen   map[string]bool
	inside bool // relative commands are about an unknown menu
}

// menuCommands are the names that end the path of an unknown menu.
var menuCommands = []string{"add", "set", "remove", "enable", "disable", "move", "unset", "comment", "print", "export", "import"}

// command reports whether c is to be skipped.
func (s *skipper) command(h Host, c *Command) bool {
	first, bare := c.Words[0].Bare()
	switch {
	case s.report == nil || !bare || first[0] == ':':
		return false
	case first[0] != '/':
		return s.inside
	}
	path := unknownMenu(h, c)
	s.inside = path != ""
	if s.inside && !s.seen[path] {
		s.seen[path] = true
		s.report(c.Line, path)
	}
	return s.inside
}

// unknownMenu returns the menu that a command with an absolute path leads to,
// or "" when the host has it.
func unknownMenu(h Host, c *Command) string {
	t := resolve(h, "/", c)
	if t.name == "" || t.path == "" || slices.Contains(menuCommands, t.name) {
		return ""
	}
	if _, ok := h.Command(t.path, t.name); ok {
		return ""
	}
	path := strings.TrimSuffix(t.path, "/")
	words := append(strings.Split(t.name, "/"), bareWords(t.args)...)
	for _, w := range words {
		if slices.Contains(menuCommands, w) {
			break
		}
		path += "/" + w
	}
	return path
}

// bareWords returns the words at the start of a command that may be a path.
func bareWords(words []Word) []string {
	var all []string
	for _, w := range words {
		text, ok := w.Bare()
		if !ok {
			break
		}
		all = append(all, text)
	}
	return all
}
