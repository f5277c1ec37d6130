package output

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// Escape sequences that every terminal of this century knows.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	clearLine  = "\x1b[K" // from the cursor to the end of the line
	clearBelow = "\x1b[J"
)

// Live is a block of lines on a terminal that is redrawn in place. It hides
// the cursor until Close. It is for one goroutine, and for a terminal only:
// ask Streams.OutTTY first.
type Live struct {
	w     io.Writer
	size  func() (columns, rows int)
	drawn int // lines of the block on the screen
	begun bool
}

// NewLive returns a block on s.Out.
func NewLive(s Streams) *Live { return &Live{w: s.Out, size: s.size} }

// Width returns how many columns a line of the block has now.
func (l *Live) Width() int {
	columns, _ := l.size()
	return columns
}

// Draw replaces the block by lines. Lines are cut at the width of the terminal
// and the block at its height, since what scrolls away cannot be redrawn.
func (l *Live) Draw(lines []string) error { return l.draw("", lines) }

// Print writes a line above the block, where it stays, however long it is.
func (l *Live) Print(line string, block []string) error { return l.draw(line, block) }

func (l *Live) draw(above string, lines []string) error {
	columns, rows := l.size()
	var b strings.Builder
	if !l.begun {
		b.WriteString(hideCursor)
		l.begun = true
	}
	if l.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", l.drawn)
	}
	if above != "" {
		b.WriteString(above + clearLine + "\n") // one that wraps scrolls away whole
	}
	if room := max(rows-1, 1); len(lines) > room {
		lines = lines[:room]
	}
	for _, line := range lines {
		b.WriteString(Fit(line, columns) + clearLine + "\n")
	}
	b.WriteString(clearBelow)
	l.drawn = len(lines)
	_, err := io.WriteString(l.w, b.String())
	return err
}

// Close leaves the block where it is and gives the cursor back.
func (l *Live) Close() error {
	if !l.begun {
		return nil
	}
	l.begun, l.drawn = false, 0
	_, err := io.WriteString(l.w, showCursor)
	return err
}

// size returns columns and rows of the terminal behind Out, or 80 and 24.
func (s Streams) size() (columns, rows int) {
	if f, ok := s.Out.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return 80, 24
}

// Fit cuts line so that it takes at most columns on a terminal. Colour takes
// none, and is switched off again where a cut would leave it on.
func Fit(line string, columns int) string {
	used, coloured := 0, false
	for i := 0; i < len(line); {
		if n := escapeLen(line[i:]); n > 0 {
			coloured = line[i:i+n] != resetColour
			i += n
			continue
		}
		if used == columns {
			if coloured {
				return line[:i] + resetColour
			}
			return line[:i]
		}
		_, n := utf8.DecodeRuneInString(line[i:])
		used++
		i += n
	}
	return line
}

// escapeLen returns the length of the colour sequence that s starts with.
func escapeLen(s string) int {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0
	}
	return strings.IndexByte(s, 'm') + 1
}

// Colour is a foreground of the terminal's own palette, or an attribute.
type Colour int

// Colours in use: few, and none that carries a meaning of its own.
const (
	Bold   Colour = 1
	Dim    Colour = 2
	Red    Colour = 31
	Green  Colour = 32
	Yellow Colour = 33
)

const resetColour = "\x1b[0m"

// Paint returns text in colour c if on, which is where --no-color and pipes
// are to be respected.
func Paint(on bool, c Colour, text string) string {
	if !on || text == "" {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s%s", c, text, resetColour)
}
