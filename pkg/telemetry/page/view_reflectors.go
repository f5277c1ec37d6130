package page

import (
	"fmt"
	"strings"

	"github.com/wanctl/wanctl/pkg/telemetry"
)

// maxListed is how many reflectors a row names.
const maxListed = 8

// reflectorTexts returns the rows about the reflectors in use and about the spares, ""
// without any.
func reflectorTexts(hosts []telemetry.Reflector) (used, spares string) {
	var lists [2][]string
	for _, r := range hosts {
		row := 1
		if r.Use == "in_use" {
			row = 0
		}
		lists[row] = append(lists[row], reflectorText(r))
	}
	return listText(lists[0]), listText(lists[1])
}

// reflectorText returns such as "1.1.1.1 (Cloudflare) 12 ms ± 0.4, 98 %: noisy delay".
func reflectorText(r telemetry.Reflector) string {
	text := r.Host
	if r.Operator != "" {
		text += " (" + r.Operator + ")"
	}
	if r.BaselineRTTMs != nil {
		text += " " + ms(r.BaselineRTTMs) + " ms"
	}
	if r.NoiseMs != nil && r.BaselineRTTMs != nil {
		text += " ± " + ms(r.NoiseMs)
	}
	if r.AnswerRatio != nil && *r.AnswerRatio < 0.995 {
		text += fmt.Sprintf(", answers %.0f %%", 100**r.AnswerRatio)
	}
	if r.Use == "trial" {
		text += ", on trial"
	}
	if r.Fault != "" {
		text += ": " + r.Fault
	}
	return text
}

func listText(texts []string) string {
	if len(texts) > maxListed {
		texts = append(texts[:maxListed:maxListed], fmt.Sprintf("%d more", len(texts)-maxListed))
	}
	return strings.Join(texts, "; ")
}
