package routercmd

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/router"
)

// routerQueue is the output for programs. Limits are absent while unlimited.
type routerQueue struct {
	Name          string       `json:"name"`
	Parent        string       `json:"parent"`
	Type          string       `json:"queue_type"`
	MaxLimit      bitrate.Rate `json:"max_limit_bps,omitempty"`
	LimitAt       bitrate.Rate `json:"limit_at_bps,omitempty"`
	Rate          bitrate.Rate `json:"rate_bps"`
	Bytes         uint64       `json:"bytes"`
	Packets       uint64       `json:"packets"`
	Dropped       uint64       `json:"dropped"`
	QueuedBytes   uint64       `json:"queued_bytes"`
	QueuedPackets uint64       `json:"queued_packets"`
	Disabled      bool         `json:"disabled"`
	Invalid       bool         `json:"invalid"`
	Comment       string       `json:"comment,omitempty"`
}

func newQueueCmd(a *app.App, o *connFlags) *cobra.Command {
	return newGroup("queue", "Queues of the queue tree", "Read and set queues of the router's queue tree.",
		newQueueGetCmd(a, o), newQueueSetCmd(a, o), newQueueTypesCmd(a, o))
}

func newQueueGetCmd(a *app.App, o *connFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "get [NAME]",
		Short: "Limits and counters of all queues, or of one",
		Long: `Print limits and counters of the queues in the queue tree, or of the one of that
exact name. Counters count since the router started; dropped counts packets.

With -o json, all queues are an array and one queue is an object. A limit that
is absent there, or empty in CSV, is no limit.

` + app.ExitStatuses,
		Example: `  wanctl router queue get --wan spectrum
  wanctl router queue get WAN-Download-1 --host 192.168.88.1 -o json`,
		Args:              app.UsageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: o.complete(a, queueNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.with(a, cmd, func(ctx context.Context, client router.Client) error {
				if len(args) == 1 {
					q, err := client.Queue(ctx, args[0])
					if err != nil {
						return err
					}
					return printQueue(a, q)
				}
				queues, err := client.Queues(ctx)
				if err != nil {
					return err
				}
				return listQueues(a, routerQueues(queues...))
			})
		},
	}
}

func printQueue(a *app.App, q router.Queue) error {
	queues := routerQueues(q)
	if a.Global.Output == output.JSON {
		return output.EncodeJSON(a.Out, queues[0])
	}
	return listQueues(a, queues)
}

func listQueues(a *app.App, queues []routerQueue) error {
	return output.List(a.Out, a.Global.Output, queues, queueColumns())
}

func routerQueues(queues ...router.Queue) []routerQueue {
	list := make([]routerQueue, len(queues))
	for i, q := range queues {
		list[i] = routerQueue{
			Name: q.Name, Parent: q.Parent, Type: q.Type, MaxLimit: q.MaxLimit, LimitAt: q.LimitAt,
			Rate: q.Counters.Rate, Bytes: q.Counters.Bytes, Packets: q.Counters.Packets, Dropped: q.Counters.Dropped,
			QueuedBytes: q.Counters.QueuedBytes, QueuedPackets: q.Counters.QueuedPackets,
			Disabled: q.Disabled, Invalid: q.Invalid, Comment: q.Comment,
		}
	}
	return list
}

// queueColumns is the table for people, as wide as a terminal.
func queueColumns() []output.Column[routerQueue] {
	return []output.Column[routerQueue]{
		output.Text("NAME", func(q routerQueue) string { return q.Name }),
		output.Text("PARENT", func(q routerQueue) string { return q.Parent }),
		output.Text("TYPE", func(q routerQueue) string { return q.Type }),
		output.Number("MAX-LIMIT", func(q routerQueue) string { return limitText(q.MaxLimit) }),
		output.Number("RATE", func(q routerQueue) string { return q.Rate.Human() }),
		output.Number("SENT", func(q routerQueue) string { return bytesText(q.Bytes) }),
		output.Number("DROPPED", func(q routerQueue) string { return strconv.FormatUint(q.Dropped, 10) }),
		output.Number("QUEUED", func(q routerQueue) string { return bytesText(q.QueuedBytes) }),
		output.Text("STATE", routerQueue.state),
	}
}

// state is what a person should know of a queue beside its numbers.
func (q routerQueue) state() string {
	switch {
	case q.Invalid:
		return "invalid"
	case q.Disabled:
		return "disabled"
	}
	return "ok"
}

func limitText(r bitrate.Rate) string {
	if r == 0 {
		return "unlimited"
	}
	return r.String()
}
