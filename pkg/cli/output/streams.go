// Package output is the input and output of commands: the three streams, whether they are
// terminals, colour, and one way to print a list in each output format.
package output

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are the standard streams of a command. Tests use buffers.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer

	// OutTTY and ErrTTY say that a person watches: live tables, colour and
	// progress are for them alone.
	OutTTY bool
	ErrTTY bool
}

// System returns the process's own streams.
func System() Streams {
	return Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		OutTTY: term.IsTerminal(int(os.Stdout.Fd())),
		ErrTTY: term.IsTerminal(int(os.Stderr.Fd())),
	}
}

// Width returns the columns of the terminal behind Out, or 80.
func (s Streams) Width() int {
	if f, ok := s.Out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return 80
}
