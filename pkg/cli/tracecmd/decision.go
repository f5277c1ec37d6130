package tracecmd

import (
	"fmt"
	"io"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
)

// NewDecisionStream returns a stream of decisions to standard output.
func NewDecisionStream(a *app.App) *output.Stream[shape.Decision] {
	return output.NewStream(a.Out, a.Global.Output, printDecision)
}

// printDecision writes one decision as a line for people.
func printDecision(w io.Writer, d shape.Decision) error {
	line := fmt.Sprintf("%9.2fs  rtt %6.1f ms  excess %6.1f ms", d.TimeMS/1e3, d.RTTMS, d.ExcessMS)
	if d.DownBPS != nil {
		line += fmt.Sprintf("  down %-8s %7.2fM of ~%.1fM  %-14s", *d.DownState, float64(*d.DownBPS)/1e6, float64(*d.DownCap)/1e6, *d.DownWhy)
	}
	if d.UpBPS != nil {
		line += fmt.Sprintf("  up %-8s %7.2fM of ~%.1fM  %s", *d.UpState, float64(*d.UpBPS)/1e6, float64(*d.UpCap)/1e6, *d.UpWhy)
	}
	_, err := fmt.Fprintln(w, line)
	return err
}
