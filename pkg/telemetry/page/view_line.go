package page

import (
	"fmt"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/report"
)

// lineOf returns the condition of a WAN's line, which says nothing about the service:
// a congested line is what the service is for.
func lineOf(w telemetry.WANHealth) (string, severity) {
	switch age := w.Probe.LastReplyAgeSeconds; {
	case w.Source != telemetry.FromLoop || w.At == nil:
		return "line unknown", severityNone
	case age == nil:
		return "line not measured yet", severityNone
	case *age > noReplyAfter:
		return "line down: no replies", severityBad
	}
	worst := severityNone
	for _, d := range []telemetry.DirectionHealth{w.Download, w.Upload} {
		if is := stateSeverity(d.State); severityRank[is] > severityRank[worst] {
			worst = is
		}
	}
	text := map[severity]string{
		severityGood: "line clear", severityWatch: "line delayed", severityWarn: "line congested", severityBad: "line badly congested",
	}[worst]
	return pick(text != "", text, "line unknown"), worst
}

// noReplyAfter is the age of the last reply in seconds from which a line is down.
const noReplyAfter = 2

var severityRank = map[severity]int{severityNone: 0, severityGood: 1, severityWatch: 2, severityWarn: 3, severityBad: 4}

// linesVerdict returns the worst condition of all lines in one line, "" without any.
func linesVerdict(h telemetry.Host) (string, severity) {
	text, worst := "", severityNone
	for _, w := range h.WANs {
		line, is := lineOf(w)
		if text == "" || severityRank[is] > severityRank[worst] {
			text, worst = line, is
			if len(h.WANs) > 1 && is != severityGood {
				text += ": " + w.Name
			}
		}
	}
	if len(h.WANs) > 1 && worst == severityGood {
		text = "lines clear"
	}
	return text, worst
}

func gradeSeverity(grade string) severity {
	switch grade {
	case "A+", "A":
		return severityGood
	case "B":
		return severityWatch
	case "C":
		return severityWarn
	case "D", "F":
		return severityBad
	}
	return severityNone
}

// spread returns percentiles in one line, "" without samples.
func spread(p report.Percentiles) string {
	if p.P50 == nil {
		return ""
	}
	return fmt.Sprintf("%s / %s / %s ms", ms(p.P50), ms(p.P95), ms(p.P99))
}
