package routercmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/router"
)

type queueSetOptions struct {
	maxLimit  string
	queueType string
	dryRun    bool
}

// queueChange is the output for programs. Limits are absent while unlimited.
type queueChange struct {
	Queue       string       `json:"queue"`
	Changed     bool         `json:"changed"` // or would be, in a dry run
	DryRun      bool         `json:"dry_run"`
	OldMaxLimit bitrate.Rate `json:"old_max_limit_bps,omitempty"`
	MaxLimit    bitrate.Rate `json:"max_limit_bps,omitempty"`
	OldType     string       `json:"old_queue_type"`
	Type        string       `json:"queue_type"`
}

func newQueueSetCmd(a *app.App, o *connFlags) *cobra.Command {
	var set queueSetOptions
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Set the limit or the type of one queue",
		Long: `Set the limit, the type or both of the one queue of that exact name, and print
what it was before and what the router reports afterwards. A queue that is as
wanted already is not written to, which spares the router's flash.

A running 'wanctl shape' takes a limit set by hand for the new truth and goes on
from there.

` + app.ExitStatuses,
		Example: `  wanctl router queue set WAN-Download-1 --max-limit 480M --wan spectrum
  wanctl router queue set WAN-Download-1 --max-limit 0 --dry-run --host 192.168.88.1`,
		Args:              app.UsageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: o.complete(a, queueNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := set.settings(cmd)
			if err != nil {
				return err
			}
			return o.with(a, cmd, func(ctx context.Context, client router.Client) error {
				change, err := setQueue(ctx, client, args[0], settings, set.dryRun)
				if errors.Is(err, router.ErrInvalid) && settings.Type != nil {
					return fmt.Errorf("%w; 'wanctl router queue types' lists the queue types", err)
				}
				if err != nil {
					return err
				}
				return printQueueChange(a, change)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&set.maxLimit, "max-limit", "", "new limit, such as 480M, 0.48G or 480000000; 0 is no limit (`RATE` in bit/s)")
	f.StringVar(&set.queueType, "queue-type", "", "new queue type, by `NAME`")
	f.BoolVar(&set.dryRun, "dry-run", false, "read and compare, but write nothing")
	_ = cmd.RegisterFlagCompletionFunc("max-limit", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("queue-type", o.completeValue(a, queueTypeNames))
	return cmd
}

func (o *queueSetOptions) settings(cmd *cobra.Command) (router.QueueSettings, error) {
	var set router.QueueSettings
	if cmd.Flags().Changed("max-limit") {
		limit, err := bitrate.Parse(o.maxLimit)
		if err != nil {
			return set, app.Usagef("--max-limit: %v", err)
		}
		set.MaxLimit = &limit
	}
	if cmd.Flags().Changed("queue-type") {
		if o.queueType == "" {
			return set, app.Usagef("--queue-type: a name is needed; 'wanctl router queue types' lists them")
		}
		set.Type = &o.queueType
	}
	if set == (router.QueueSettings{}) {
		return set, app.Usagef("nothing to set: give --max-limit, --queue-type or both")
	}
	return set, nil
}

// setQueue changes a queue where it differs from what is wanted.
func setQueue(ctx context.Context, client router.Client, name string, set router.QueueSettings, dryRun bool) (queueChange, error) {
	old, err := client.Queue(ctx, name)
	if err != nil {
		return queueChange{}, err
	}
	now := old
	if set.MaxLimit != nil {
		now.MaxLimit = *set.MaxLimit
	}
	if set.Type != nil {
		now.Type = *set.Type
	}
	changed := now.MaxLimit != old.MaxLimit || now.Type != old.Type
	if changed && !dryRun {
		queues, err := client.SetQueues(ctx, router.QueueChange{Name: name, QueueSettings: set})
		if err != nil {
			return queueChange{}, unsure(err, "the queue may have changed: 'wanctl router queue get' shows it")
		}
		now = queues[0]
	}
	return queueChange{
		Queue: name, Changed: changed, DryRun: dryRun,
		OldMaxLimit: old.MaxLimit, MaxLimit: now.MaxLimit, OldType: old.Type, Type: now.Type,
	}, nil
}

func printQueueChange(a *app.App, c queueChange) error {
	switch a.Global.Output {
	case output.JSON:
		return output.EncodeJSON(a.Out, c)
	case output.JSONL, output.CSV:
		return output.List(a.Out, a.Global.Output, []queueChange{c}, nil)
	case output.Table:
	}
	suffix := ""
	if c.DryRun {
		suffix = " (dry run, nothing written)"
	}
	name := output.Printable(c.Queue)
	if !c.Changed {
		_, err := fmt.Fprintf(a.Out, "%s: is so already: max-limit %s, queue type %s\n", name, limitText(c.MaxLimit), output.Printable(c.Type))
		return err
	}
	if c.MaxLimit != c.OldMaxLimit {
		if _, err := fmt.Fprintf(a.Out, "%s: max-limit %s -> %s%s\n", name, limitText(c.OldMaxLimit), limitText(c.MaxLimit), suffix); err != nil {
			return err
		}
	}
	if c.Type != c.OldType {
		if _, err := fmt.Fprintf(a.Out, "%s: queue type %s -> %s%s\n", name, output.Printable(c.OldType), output.Printable(c.Type), suffix); err != nil {
			return err
		}
	}
	return nil
}
