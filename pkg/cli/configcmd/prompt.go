package configcmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/wanctl/wanctl/pkg/cli/app"
)

// prompter gets answers from flags, else from the terminal, else the proposed ones. If
// there is no answer, it records the missing flag.
type prompter struct {
	*app.App
	ctx     context.Context // of the command; an interrupt ends a question
	given   func(flag string) bool
	lines   *bufio.Reader
	tty     bool     // a person is there
	missing []string // flags, with what they are
}

func newPrompter(a *app.App, cmd *cobra.Command) *prompter {
	return &prompter{App: a, ctx: cmd.Context(), given: cmd.Flags().Changed, lines: bufio.NewReader(a.In), tty: a.OutTTY && isTerminal(a.In)}
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// question is something to be answered.
type question struct {
	flag    string
	text    string
	explain string // above the question, on a terminal
	propose string // "" where there is nothing to propose
	// check returns the canonical form of an answer.
	check func(string) (string, error)
	empty bool // no answer is an answer
}

// ask returns the answer; value is that of the flag.
func (p *prompter) ask(q question, value string) (string, error) {
	if p.given(q.flag) {
		answer, err := q.checked(value)
		if err != nil {
			return "", app.Usagef("--%s %q %v", q.flag, value, err)
		}
		return answer, nil
	}
	if !p.tty {
		if q.propose == "" && !q.empty {
			p.missing = append(p.missing, "--"+q.flag+": "+q.text)
			return "", nil
		}
		return q.propose, nil
	}
	if q.explain != "" {
		p.say("\n%s\n", q.explain)
	}
	for {
		hint := ""
		if q.propose != "" {
			hint = " [" + q.propose + "]"
		}
		p.say("%s%s: ", q.text, hint)
		line, err := p.line()
		if err != nil {
			return "", err
		}
		if line == "" {
			line = q.propose
		}
		if line == "" && !q.empty {
			continue
		}
		answer, err := q.checked(line)
		if err == nil {
			return answer, nil
		}
		p.say("  %q %v\n", line, err)
	}
}

func (q question) checked(answer string) (string, error) {
	if answer == "" && q.empty || q.check == nil {
		return answer, nil
	}
	return q.check(answer)
}

// confirm asks for yes or no on a terminal, and is otherwise elsewhere.
func (p *prompter) confirm(text string, proposed, otherwise bool) (bool, error) {
	if !p.tty {
		return otherwise, nil
	}
	hint := "y/N"
	if proposed {
		hint = "Y/n"
	}
	for {
		p.say("%s [%s] ", text, hint)
		line, err := p.line()
		if err != nil {
			return false, err
		}
		switch strings.ToLower(line) {
		case "":
			return proposed, nil
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
	}
}

// password asks for one without showing it.
func (p *prompter) password(text string) (string, error) {
	p.say("%s: ", text)
	fd := int(p.In.(*os.File).Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	secret, err := p.interruptible(func() (string, error) {
		secret, err := term.ReadPassword(fd)
		return string(secret), err
	})
	if err != nil {
		_ = term.Restore(fd, before)
	}
	p.say("\n")
	return secret, err
}

// line reads a line; the end of the input ends the command.
func (p *prompter) line() (string, error) {
	return p.interruptible(func() (string, error) {
		line, err := p.lines.ReadString('\n')
		if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
			return "", errors.New("nothing was written: the input ended before all was answered")
		}
		return strings.TrimSpace(line), nil
	})
}

// interruptible returns what read does, unless the command is interrupted: then read is
// left to the end of the process.
func (p *prompter) interruptible(read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := read()
		got <- answer{text, err}
	}()
	select {
	case a := <-got:
		return a.text, a.err
	case <-p.ctx.Done():
		return "", fmt.Errorf("nothing was written: %w", p.ctx.Err())
	}
}

// say prints for the person; a broken terminal shows at the next question.
func (p *prompter) say(format string, args ...any) {
	if p.tty {
		_, _ = fmt.Fprintf(p.Out, format, args...)
	}
}

// complete returns an error that names all missing flags.
func (p *prompter) complete() error {
	if len(p.missing) == 0 {
		return nil
	}
	return app.Usagef("there is no terminal to ask on; give\n  %s", strings.Join(p.missing, "\n  "))
}
