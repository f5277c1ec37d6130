package probecmd

import (
	"fmt"
	"io"

	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// reflector is a row of the table of reflectors.
type reflector struct {
	host string
	rtt.Quality
}

var reflectorColumns = []output.Column[reflector]{
	{Head: "REFLECTOR", Text: func(r reflector) string { return r.host }},
	{Head: "OPERATOR", Text: func(r reflector) string {
		if r.Operator == r.host {
			return "-"
		}
		return r.Operator
	}},
	{Head: "USE", Text: func(r reflector) string { return r.Role.String() }},
	{Head: "ANSWERED", Right: true, Text: func(r reflector) string { return r.known(fmt.Sprintf("%.0f%%", 100*r.AnswerRate)) }},
	{Head: "IDLE", Right: true, Text: func(r reflector) string { return r.known(rttText(r.Baseline)) }},
	{Head: "NOISE", Right: true, Text: func(r reflector) string { return r.known(rttText(r.Noise)) }},
	{Head: "FAULT", Text: func(r reflector) string {
		if r.Fault == rtt.NoFault {
			return "-"
		}
		return r.Fault.String()
	}},
}

// known returns text, or a dash before the first probe was answered or lost.
func (r reflector) known(text string) string {
	if !r.Known {
		return "-"
	}
	return text
}

// reflectors returns a row for each ICMP host.
func reflectors(s probe.Status) (rows []reflector) {
	for _, t := range s.Targets {
		if t.Quality != nil {
			rows = append(rows, reflector{t.Name, *t.Quality})
		}
	}
	return rows
}

// printReflectors prints the table of reflectors if there are several to compare.
func printReflectors(w io.Writer, s probe.Status) error {
	rows := reflectors(s)
	if len(rows) < 2 {
		return nil
	}
	fmt.Fprintln(w)
	return output.List(w, output.Table, rows, reflectorColumns)
}

// hasSpares reports whether some ICMP host is not in use.
func hasSpares(s probe.Status) bool {
	for _, r := range reflectors(s) {
		if r.Role != rtt.InUse {
			return true
		}
	}
	return false
}

// useColumn is the column of the live table that shows spares.
var useColumn = tuiColumn{head: "USE", width: len(rtt.InUse.String()), left: true, spare: 5, cell: func(_ *hostStats, t probe.TargetStatus) string {
	if t.Quality == nil {
		return ""
	}
	return t.Quality.Role.String()
}}
