// Package liveview is what the live views of demo, shape and steer share: a block of
// lines at the bottom of a terminal that several goroutines may change and print above,
// and the parts that the block is made of.
package liveview

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
)

// Possible reports whether a live view can be shown: on a terminal that moves its
// cursor, to a person who wants to see something.
func Possible(a *app.App) bool {
	kind, _ := a.LookupEnv("TERM")
	return a.OutTTY && kind != "dumb" && a.Global.Output == output.Table && !a.Global.Quiet
}

// Screen is the terminal. Its methods may be called from several goroutines.
type Screen struct {
	log io.Writer // for what is written without a block

	// mu protects the following fields.
	mu    sync.Mutex
	live  *output.Live
	block []string
	begun bool
}

// NewScreen returns the terminal of a without a block.
func NewScreen(a *app.App) *Screen { return &Screen{log: a.Err, live: output.NewLive(a.Streams)} }

// Draw replaces the block.
func (s *Screen) Draw(block []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.block, s.begun = block, true
	return s.live.Draw(block)
}

// Write implements io.Writer for a log: whole lines, which go above the block.
func (s *Screen) Write(lines []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun {
		return s.log.Write(lines)
	}
	for line := range bytes.Lines(lines) {
		if err := s.live.Print(string(bytes.TrimRight(line, "\n")), s.block); err != nil {
			return 0, err
		}
	}
	return len(lines), nil
}

// Close leaves the block where it is. What is written afterwards follows it.
func (s *Screen) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = false
	return s.live.Close()
}

// StateColour returns the colour of a state by its name.
func StateColour(state string) output.Colour {
	switch state {
	case autorate.Yellow.String():
		return output.Yellow
	case autorate.SoftRed.String(), autorate.Red.String():
		return output.Red
	}
	return output.Green
}

// Samples is how many values a sparkline has.
const Samples = 60

// Keep appends x to the newest Samples values.
func Keep(values []float64, x float64) []float64 {
	values = append(values, x)
	return values[max(0, len(values)-Samples):]
}

// Delay returns the newest of delays in ms and a sparkline of all of them. NaN is an
// unknown one.
func Delay(colour bool, values []float64, top float64) string {
	newest := values[len(values)-1]
	c := output.Green
	switch {
	case newest > 30:
		c = output.Red
	case newest > 10:
		c = output.Yellow
	}
	drawn := make([]float64, len(values))
	for i, x := range values {
		if drawn[i] = x; x > top {
			drawn[i] = math.Inf(1)
		}
	}
	text := fmt.Sprintf("%6.1f ms", newest)
	if math.IsNaN(newest) {
		text, c = "no replies", output.Red
	}
	return output.Paint(colour, c, text) + " " + output.Sparkline(output.Blocks, drawn, 0, top)
}
