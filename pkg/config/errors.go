package config

import (
	"fmt"
	"strings"
)

// Problem is one thing wrong, or doubtful, in one place of a file.
type Problem struct {
	File string
	Line int    // 0 when it concerns the whole file
	Key  string // dotted, such as "router.host"; may be empty
	Text string // what is wrong and what to write instead
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// Error carries every problem of a configuration at once.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
