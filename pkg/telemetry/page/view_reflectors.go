package page

import (
	"fmt"
	"strings"

	"github.com/wanctl/wanctl/pkg/telemetry"
)

// maxListed is how many reflectors are listed.
const maxListed = 12

// reflectorRow is one reflector as the table of a WAN shows it.
type reflectorRow struct {
	Host    string `json:"host"`
	Use     string `json:"use"`
	RTT     string `json:"rtt"`
	Answers string `json:"answers"`
	Note    string `json:"note"`
}

// reflectorRows returns the rows of the reflectors in use, of those on trial, and of the
// spares.
func reflectorRows(hosts []telemetry.Reflector) []reflectorRow {
	var rows []reflectorRow
	for _, use := range []string{"in_use", "trial", "spare"} {
		for _, r := range hosts {
			if r.Use == use {
				rows = append(rows, newReflectorRow(r))
			}
		}
	}
	if n := len(rows) - maxListed; n > 0 {
		rows = append(rows[:maxListed:maxListed], reflectorRow{Host: fmt.Sprintf("%d more", n)})
	}
	return rows
}

func newReflectorRow(r telemetry.Reflector) reflectorRow {
	row := reflectorRow{Host: r.Host, Use: strings.ReplaceAll(r.Use, "_", " "), RTT: none, Answers: none, Note: r.Fault}
	if r.Operator != "" {
		row.Host += " (" + r.Operator + ")"
	}
	if r.BaselineRTTMs != nil {
		row.RTT = ms(r.BaselineRTTMs)
		if r.NoiseMs != nil {
			row.RTT += " ± " + ms(r.NoiseMs)
		}
		row.RTT += " ms"
	}
	if r.AnswerRatio != nil {
		row.Answers = fmt.Sprintf("%.0f %%", 100**r.AnswerRatio)
	}
	return row
}
