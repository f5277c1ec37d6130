package steer

import (
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/steering"
	"github.com/wanctl/wanctl/pkg/units"
)

// note explains the reason of a decision where its name does not; "" else.
func (c *Controller) note(st steerd.Status) string {
	d := &st.Decision
	switch {
	case st.Rule.ByHand && st.DryRun:
		return fmt.Sprintf("the rule was %s by hand (seen at %s); a dry run goes its own way", enabledWord(st.Rule.Enabled), clock(st.Rule.Since))
	case st.Rule.ByHand && st.Rule.Enabled:
		return fmt.Sprintf("the rule was enabled by hand (seen at %s) and stays enabled until it is disabled by hand or by 'wanctl steer --reset'", clock(st.Rule.Since))
	case st.Rule.ByHand:
		return fmt.Sprintf("the rule was disabled by hand (seen at %s): nothing is steered until %s is calm", clock(st.Rule.Since), c.cfg.Primary)
	}
	a := st.Alternate
	return c.cfg.blocked(d, a.Condition, a.RTT-a.Baseline, a.Baseline > 0 && a.RTT > 0, a.Loss)
}

// blocked explains why connections stay on a congested primary WAN or return to it,
// where the alternate WAN is the reason; "" else.
func (cfg *Config) blocked(d *steering.Decision, condition steering.Alternate, excess time.Duration, known bool, loss float64) string {
	why := ""
	switch d.Reason {
	case steering.AlternateIsDown:
		why = "is down"
	case steering.AlternateIsDegraded:
		why = "is congested itself"
	case steering.AlternateIsNotBetter:
		why = "is not measurably better"
	default:
		return ""
	}
	text := cfg.Alternate + " " + why
	if condition != steering.AlternateDown && known {
		text += fmt.Sprintf(": %.1f ms above its baseline, %s %.1f ms", units.Millis(excess), cfg.Primary, units.Millis(d.ExcessEWMA))
	}
	if loss > 0 {
		text += fmt.Sprintf(", %.0f %% of its probes are lost", 100*loss)
	}
	return text
}

func enabledWord(enabled bool) string {
	if enabled {
		return "enabled"
	}
	return "disabled"
}

func clock(t time.Time) string { return t.Local().Format(time.DateTime) }
