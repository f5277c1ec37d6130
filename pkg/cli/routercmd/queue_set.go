package routercmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
)

type queueSetOptions struct {
	maxLimit         string
	download, upload string
	queueType        string
	kind             string
	dryRun           bool

	downRate, upRate bitrate.Rate // as parsed
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
		Short: "Set the limits or the type of one queue",
		Long: `Set the limit, the type or both of the one queue of that exact name, and print
its former values and what the router reports afterwards. A queue that has these values
already is not written, which spares the router's flash.

A simple queue has two limits, A/B, of which A is what its target sends. Both go in
one write. --download and --upload name them where the router's target, or the
configuration, says which is which.

A running 'wanctl shape' adopts a limit that is set by hand and continues from it.`,
		Example: `  wanctl router queue set WAN-Download-1 --max-limit 480M --wan spectrum
  wanctl router queue set WAN-Download-1 --max-limit 0 --dry-run --host 192.168.88.1
  wanctl router queue set internet --max-limit 50M/500M --wan fibre
  wanctl router queue set internet --download 480M --wan fibre`,
		Args:              app.UsageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: o.complete(a, queueNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := set.check(cmd); err != nil {
				return err
			}
			return o.with(a, cmd, func(ctx context.Context, client router.Client) error {
				err := set.run(ctx, a, cmd, client, args[0], func() config.Queues { return o.configuredQueues(a, cmd) })
				if errors.Is(err, router.ErrInvalid) && set.queueType != "" {
					return fmt.Errorf("%w; 'wanctl router queue types' lists the queue types", err)
				}
				return err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&set.maxLimit, "max-limit", "", "new limit, such as 480M, 0.48G or 480000000; 0 is no limit (`RATE` in bit/s); of a simple queue A/B, such as 50M/500M")
	f.StringVar(&set.download, "download", "", "new limit of the download of a simple queue (`RATE` in bit/s)")
	f.StringVar(&set.upload, "upload", "", "new limit of the upload of a simple queue (`RATE` in bit/s)")
	f.StringVar(&set.queueType, "queue-type", "", "new queue type, by `NAME`; of a simple queue A/B, or one for both")
	addKind(cmd, &set.kind)
	f.BoolVar(&set.dryRun, "dry-run", false, "read and compare, but write nothing")
	for _, name := range []string{"max-limit", "download", "upload"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	_ = cmd.RegisterFlagCompletionFunc("queue-type", o.completeValue(a, queueTypeNames))
	return app.Prints[queueChange](a, app.Prints[simpleChange](a, cmd))
}

// check checks what the flags say without reading the queue.
func (o *queueSetOptions) check(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	if err := checkKind(o.kind); err != nil {
		return err
	}
	if given("max-limit") {
		if _, err := bitrate.Parse(o.maxLimit); err != nil && !strings.Contains(o.maxLimit, "/") {
			return app.Usagef("--max-limit: %v", err)
		} else if _, err := ratePair(o.maxLimit); err != nil && strings.Contains(o.maxLimit, "/") {
			return app.Usagef("--max-limit: %v", err)
		}
	}
	for _, one := range []struct {
		flag, text string
		rate       *bitrate.Rate
	}{{"download", o.download, &o.downRate}, {"upload", o.upload, &o.upRate}} {
		if !given(one.flag) {
			continue
		}
		if given("max-limit") {
			return app.Usagef("give --max-limit, or --download and --upload, not both")
		}
		var err error
		if *one.rate, err = bitrate.Parse(one.text); err != nil {
			return app.Usagef("--%s: %v", one.flag, err)
		}
	}
	if given("queue-type") && o.queueType == "" {
		return app.Usagef("--queue-type: a name is needed; 'wanctl router queue types' lists them")
	}
	if !given("max-limit") && !given("download") && !given("upload") && o.queueType == "" {
		return app.Usagef("nothing to set: give --max-limit, --queue-type or both")
	}
	return nil
}

// run changes the queue of a name.
func (o *queueSetOptions) run(ctx context.Context, a *app.App, cmd *cobra.Command, client router.Client, name string, configured func() config.Queues) error {
	f, err := findQueue(ctx, client, name, o.kind)
	if err != nil {
		return err
	}
	if f.simple != nil {
		c, err := o.setSimpleQueue(ctx, cmd, client, *f.simple, configured())
		if err != nil {
			return err
		}
		return printSimpleChange(a, c)
	}
	set, err := o.treeSettings(cmd, name)
	if err != nil {
		return err
	}
	c, err := setQueue(ctx, client, *f.tree, set, o.dryRun)
	if err != nil {
		return err
	}
	return printQueueChange(a, c)
}

// setQueue changes a queue where it differs from what is wanted.
func setQueue(ctx context.Context, client router.Client, old router.Queue, set router.QueueSettings, dryRun bool) (queueChange, error) {
	now := old
	if set.MaxLimit != nil {
		now.MaxLimit = *set.MaxLimit
	}
	if set.Type != nil {
		now.Type = *set.Type
	}
	changed := now.MaxLimit != old.MaxLimit || now.Type != old.Type
	if changed && !dryRun {
		queues, err := client.SetQueues(ctx, router.QueueChange{Name: old.Name, QueueSettings: set})
		if err != nil {
			return queueChange{}, unsure(err, "the queue may have changed: 'wanctl router queue get' shows it")
		}
		now = queues[0]
	}
	return queueChange{
		Queue: old.Name, Changed: changed, DryRun: dryRun,
		OldMaxLimit: old.MaxLimit, MaxLimit: now.MaxLimit, OldType: old.Type, Type: now.Type,
	}, nil
}

func printQueueChange(a *app.App, c queueChange) error {
	return output.One(a.Out, a.Global.Output, c, changeText{
		name: c.Queue, changed: c.Changed, dryRun: c.DryRun, oldType: c.OldType, newType: c.Type,
		oldLimit: limitText(c.OldMaxLimit), limit: limitText(c.MaxLimit),
	}.String())
}

// changeText is a change of either kind of queue as a person reads it.
type changeText struct {
	name, oldLimit, limit, oldType, newType string
	changed, dryRun                         bool
}

// String returns a line for each setting that changed, or one that says that none did.
func (c changeText) String() string {
	suffix := ""
	if c.dryRun {
		suffix = " (dry run, nothing written)"
	}
	name := output.Printable(c.name)
	if !c.changed {
		return fmt.Sprintf("%s: unchanged: max-limit %s, queue type %s\n", name, c.limit, output.Printable(c.newType))
	}
	var lines strings.Builder
	if c.limit != c.oldLimit {
		fmt.Fprintf(&lines, "%s: max-limit %s -> %s%s\n", name, c.oldLimit, c.limit, suffix)
	}
	if c.newType != c.oldType {
		fmt.Fprintf(&lines, "%s: queue type %s -> %s%s\n", name, output.Printable(c.oldType), output.Printable(c.newType), suffix)
	}
	return lines.String()
}
