package routercmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
)

// simpleChange is the output for programs. Limits are absent while unlimited.
type simpleChange struct {
	Queue        string       `json:"queue"`
	Kind         string       `json:"kind"`
	Changed      bool         `json:"changed"` // or would be, in a dry run
	DryRun       bool         `json:"dry_run"`
	OldMaxLimitA bitrate.Rate `json:"old_max_limit_a_bps,omitempty"`
	OldMaxLimitB bitrate.Rate `json:"old_max_limit_b_bps,omitempty"`
	MaxLimitA    bitrate.Rate `json:"max_limit_a_bps,omitempty"`
	MaxLimitB    bitrate.Rate `json:"max_limit_b_bps,omitempty"`
	OldType      string       `json:"old_queue_type"`
	Type         string       `json:"queue_type"`
}

// treeSettings are the settings for a queue of the tree.
func (o *queueSetOptions) treeSettings(cmd *cobra.Command, name string) (router.QueueSettings, error) {
	var set router.QueueSettings
	if cmd.Flags().Changed("download") || cmd.Flags().Changed("upload") {
		return set, app.Usagef("queue %q is one of the tree and has one limit: set it with --max-limit", name)
	}
	if cmd.Flags().Changed("max-limit") {
		limit, err := bitrate.Parse(o.maxLimit)
		if err != nil {
			return set, app.Usagef("queue %q is one of the tree and has one limit, not %q: write --max-limit RATE", name, o.maxLimit)
		}
		set.MaxLimit = &limit
	}
	if o.queueType != "" {
		set.Type = &o.queueType
	}
	return set, nil
}

// simpleSettings are the settings for a simple queue. which says which side is the
// download; it is only called where that matters.
func (o *queueSetOptions) simpleSettings(cmd *cobra.Command, name string, which func() (side, why string)) (router.SimpleSettings, error) {
	var set router.SimpleSettings
	if cmd.Flags().Changed("max-limit") {
		limits, err := ratePair(o.maxLimit)
		if err != nil {
			return set, app.Usagef("%q is a simple queue with two limits: write --max-limit A/B as RouterOS does, or --download and --upload", name)
		}
		set.MaxLimit = [2]*bitrate.Rate{&limits[0], &limits[1]}
	}
	download, upload := cmd.Flags().Changed("download"), cmd.Flags().Changed("upload")
	if download || upload {
		side, why := which()
		if side == "" {
			return set, app.Usagef("%s; write --max-limit A/B instead", why)
		}
		down := strings.Index("AB", side)
		if download {
			set.MaxLimit[down] = &o.downRate
		}
		if upload {
			set.MaxLimit[1-down] = &o.upRate
		}
	}
	if o.queueType != "" {
		a, b, two := strings.Cut(o.queueType, "/")
		if !two {
			b = a
		}
		set.Type = [2]*string{&a, &b}
	}
	return set, nil
}

// ratePair parses "A/B".
func ratePair(s string) (rates [2]bitrate.Rate, err error) {
	a, b, two := strings.Cut(s, "/")
	if !two {
		return rates, fmt.Errorf("%q is not A/B", s)
	}
	for i, one := range []string{a, b} {
		if rates[i], err = bitrate.Parse(one); err != nil {
			return rates, err
		}
	}
	return rates, nil
}

// setSimpleQueue changes a simple queue where it differs from what is wanted.
func (o *queueSetOptions) setSimpleQueue(ctx context.Context, cmd *cobra.Command, client router.Client, old router.SimpleQueue, configured config.Queues) (simpleChange, error) {
	set, err := o.simpleSettings(cmd, old.Name, func() (string, string) { return newSides(ctx, client, configured)(old) })
	if err != nil {
		return simpleChange{}, err
	}
	now := old
	for side := range 2 {
		if set.MaxLimit[side] != nil {
			now.MaxLimit[side] = *set.MaxLimit[side]
		}
		if set.Type[side] != nil {
			now.Type[side] = *set.Type[side]
		}
	}
	changed := now.MaxLimit != old.MaxLimit || now.Type != old.Type
	if changed && !o.dryRun {
		if now, err = client.SetSimpleQueue(ctx, old.Name, set); err != nil {
			return simpleChange{}, unsure(err, "the queue may have changed: 'wanctl router queue get' shows it")
		}
	}
	return simpleChange{
		Queue: old.Name, Kind: kindSimple, Changed: changed, DryRun: o.dryRun,
		OldMaxLimitA: old.MaxLimit[0], OldMaxLimitB: old.MaxLimit[1], MaxLimitA: now.MaxLimit[0], MaxLimitB: now.MaxLimit[1],
		OldType: pair(old.Type[0], old.Type[1]), Type: pair(now.Type[0], now.Type[1]),
	}, nil
}

func printSimpleChange(a *app.App, c simpleChange) error {
	return output.One(a.Out, a.Global.Output, c, changeText{
		name: c.Queue, changed: c.Changed, dryRun: c.DryRun, oldType: c.OldType, newType: c.Type,
		oldLimit: pair(limitText(c.OldMaxLimitA), limitText(c.OldMaxLimitB)), limit: pair(limitText(c.MaxLimitA), limitText(c.MaxLimitB)),
	}.String())
}
