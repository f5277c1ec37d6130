package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
	"github.com/wanctl/wanctl/pkg/router"
)

// shapeOnce measures and decides once, and prints a row a WAN.
func shapeOnce(ctx context.Context, a *app.App, o shape.Options) error {
	decisions, err := shape.Once(ctx, o)
	if len(decisions) == 0 {
		return err
	}
	if err := printOnce(a, decisions); err != nil {
		return err
	}
	if errors.Is(err, shape.ErrNoReply) && !router.IsAccessError(err) {
		return app.Checkf("%v", err)
	}
	return err
}

func printOnce(a *app.App, decisions []shape.Decision) error {
	if a.Global.Output != output.Table {
		return output.List(a.Out, a.Global.Output, decisions, nil)
	}
	side := func(limit *int64, state, why *string) string {
		if limit == nil {
			return "not limited"
		}
		return fmt.Sprintf("%s %s, %s", bitrate.Rate(*limit).Human(), *state, *why)
	}
	return output.List(a.Out, output.Table, decisions, []output.Column[shape.Decision]{
		{Head: "WAN", Text: func(d shape.Decision) string { return d.WAN }},
		{Head: "RTT", Right: true, Text: func(d shape.Decision) string { return fmt.Sprintf("%.1f ms", d.RTTMS) }},
		{Head: "EXCESS", Right: true, Text: func(d shape.Decision) string { return fmt.Sprintf("%.1f ms", d.ExcessMS) }},
		{Head: "DOWNLOAD", Text: func(d shape.Decision) string { return side(d.DownBPS, d.DownState, d.DownWhy) }},
		{Head: "UPLOAD", Text: func(d shape.Decision) string { return side(d.UpBPS, d.UpState, d.UpWhy) }},
	})
}
