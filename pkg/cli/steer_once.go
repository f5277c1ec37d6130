package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/daemon/steer"
)

// steerOnce assesses once, acts on it and prints what was found.
func steerOnce(ctx context.Context, a *app.App, o steer.Options) error {
	health, err := steer.Once(ctx, o)
	if health != nil {
		if err := printSteeringHealth(a, *health); err != nil {
			return err
		}
	}
	if errors.Is(err, steer.ErrNoRTT) {
		return app.Checkf("%v", err)
	}
	return err
}

// resetSteering disables the rule and forgets the state.
func resetSteering(ctx context.Context, a *app.App, cfg *steer.Config) error {
	rule, err := steer.Reset(ctx, cfg, a.DialRouter)
	if err != nil {
		return err
	}
	return output.One(a.Out, a.Global.Output, steeringReset{cfg.Rule, rule == "disabled", false, cfg.StateFile},
		fmt.Sprintf("mangle rule %q: %s\nstate %s: cleared\n", cfg.Rule, rule, cfg.StateFile))
}

// steeringReset is what a reset has done.
type steeringReset struct {
	Rule    string `json:"rule_comment"`
	Changed bool   `json:"rule_changed"`
	Enabled bool   `json:"rule_enabled"`
	State   string `json:"state_file"` // cleared
}

// printAssessment writes one assessment as a line for people.
func printAssessment(w io.Writer, r steer.Assessment) error {
	_, err := fmt.Fprintf(w, "%s %s %s\n", r.Time.Format(time.TimeOnly), r.Congestion, r.Reason)
	return err
}
