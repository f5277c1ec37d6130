package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/redact"
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

// Errorf reports a problem with a key; line is 0 and key is empty where there is none.
func (r *Reader) Errorf(line int, key, format string, args ...any) {
	r.problems = append(r.problems, Problem{r.File, line, key, fmt.Sprintf(format, args...)})
}

// Warnf reports a doubt about a key, like Errorf.
func (r *Reader) Warnf(line int, key, format string, args ...any) {
	r.warnings = append(r.warnings, Problem{r.File, line, key, fmt.Sprintf(format, args...)})
}

// Warnings returns the doubts that were reported, by line.
func (r *Reader) Warnings() []Problem { return byLine(r.redacted(r.warnings)) }

// redacted returns problems without the passwords of the file, which may have been
// written in the wrong place.
func (r *Reader) redacted(problems []Problem) []Problem {
	for i := range problems {
		problems[i].Text = redact.Text(problems[i].Text, r.secrets...)
	}
	return problems
}

// Err returns an *Error with all problems that were reported, by line; nil when there
// are none.
func (r *Reader) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return &Error{byLine(r.redacted(r.problems))}
}

// byLine sorts problems by line, those without one last.
func byLine(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(min(1, b.Line), min(1, a.Line)), cmp.Compare(a.Line, b.Line))
	})
	return problems
}
