package routercmd

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/router"
)

// routerQueue is the output for programs. Limits are absent while unlimited. Those of
// a simple queue, and its counters, are by side; Rate, Bytes and the other counters
// are those of both sides together.
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

	Kind      string       `json:"kind"`
	Target    string       `json:"target,omitempty"`
	MaxLimitA bitrate.Rate `json:"max_limit_a_bps,omitempty"`
	MaxLimitB bitrate.Rate `json:"max_limit_b_bps,omitempty"`
	LimitAtA  bitrate.Rate `json:"limit_at_a_bps,omitempty"`
	LimitAtB  bitrate.Rate `json:"limit_at_b_bps,omitempty"`
	BytesA    uint64       `json:"bytes_a,omitempty"`
	BytesB    uint64       `json:"bytes_b,omitempty"`
	RateA     bitrate.Rate `json:"rate_a_bps,omitempty"`
	RateB     bitrate.Rate `json:"rate_b_bps,omitempty"`
	Download  string       `json:"download_side,omitempty"` // "A" or "B"; absent when unknown
	Why       string       `json:"download_side_reason,omitempty"`
	DownLimit bitrate.Rate `json:"download_max_limit_bps,omitempty"`
	UpLimit   bitrate.Rate `json:"upload_max_limit_bps,omitempty"`

	simple *router.SimpleQueue // nil: one of the tree
	tree   router.Queue
}

func newQueueCmd(a *app.App, o *connFlags) *cobra.Command {
	return newGroup("queue", "Show and set queues of the queue tree and simple queues", "Read and set queues of the router's queue tree, and simple queues.",
		newQueueGetCmd(a, o), newQueueSetCmd(a, o), newQueueTypesCmd(a, o))
}

func newQueueGetCmd(a *app.App, o *connFlags) *cobra.Command {
	var kind string
	cmd := &cobra.Command{
		Use:   "get [NAME]",
		Short: "Show limits and counters of all queues, or of one",
		Long: `Print limits and counters of the queues in the queue tree and of the simple queues,
or of the one of that exact name. Counters count since the router started; dropped
counts packets.

A simple queue has two numbers of each kind, A/B: A is what its target sends. With
the port to the provider as target, A is the line's download; with the LAN, B is.
The direction and its reason are below the table, as is what overrides a limit: a
parent with a lower one, limit-at, bursts, a total.

With -o json, all queues are an array and one queue is an object. A limit that
is absent there, or empty in CSV, is no limit.`,
		Example: `  wanctl router queue get --wan spectrum
  wanctl router queue get WAN-Download-1 --host 192.168.88.1 -o json`,
		Args:              app.UsageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: o.complete(a, queueNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.with(a, cmd, func(ctx context.Context, client router.Client) error {
				if err := checkKind(kind); err != nil {
					return err
				}
				queues, err := readQueues(ctx, client, kind, args)
				if err != nil {
					return err
				}
				if len(queues) == 0 {
					warnNoQueues(ctx, a, client)
				}
				addSimple(queues, func() sides { return newSides(ctx, client, o.configuredQueues(a, cmd)) })
				if len(args) == 1 && a.Global.Output == output.JSON {
					return output.EncodeJSON(a.Out, queues[0])
				}
				return listQueues(a, queues)
			})
		},
	}
	addKind(cmd, &kind)
	return app.Prints[routerQueue](a, cmd)
}

// warnNoQueues prints what a router has in place of queues, and how to come to some.
func warnNoQueues(ctx context.Context, a *app.App, client router.Client) {
	text := router.InterfaceQueues(ctx, client)
	if text == "" {
		text = "'wanctl router export' prints the commands that add queues"
	}
	a.Warnf("no queues: %s", text)
}

// readQueues reads the queues of a kind, or the one that args name.
func readQueues(ctx context.Context, client router.Client, kind string, args []string) ([]routerQueue, error) {
	if len(args) == 1 {
		f, err := findQueue(ctx, client, args[0], kind)
		switch {
		case err != nil:
			return nil, err
		case f.simple != nil:
			return []routerQueue{{simple: f.simple}}, nil
		}
		return routerQueues(*f.tree), nil
	}
	var queues []routerQueue
	if kind != kindSimple {
		tree, err := client.Queues(ctx)
		if err != nil {
			return nil, err
		}
		queues = routerQueues(tree...)
	}
	if kind == kindTree {
		return queues, nil
	}
	simple, err := simpleQueues(ctx, client)
	for _, q := range simple {
		queues = append(queues, routerQueue{simple: &q})
	}
	return queues, err
}

func listQueues(a *app.App, queues []routerQueue) error {
	if err := output.List(a.Out, a.Global.Output, queues, queueColumns()); err != nil || a.Global.Output != output.Table {
		return err
	}
	for _, q := range queues {
		for _, line := range q.remarks(queues) {
			if _, err := fmt.Fprintf(a.Out, "%s: %s\n", output.Printable(q.Name), output.Printable(line)); err != nil {
				return err
			}
		}
	}
	return nil
}

// remarks returns which side of a simple queue is the download, and what keeps the
// limits of a queue from being what holds, given the queues that may be above it.
func (q routerQueue) remarks(queues []routerQueue) []string {
	var above []router.Queue
	var parent *router.SimpleQueue
	for _, p := range queues {
		switch {
		case q.Parent == "" || p.Name != q.Parent:
		case q.simple != nil && p.simple != nil:
			parent = p.simple
		case q.simple == nil && p.simple == nil:
			above = append(above, p.tree)
		}
	}
	if q.simple == nil {
		return q.tree.Overrides("", 0, q.MaxLimit, above...)
	}
	which := "which number is the download is unknown"
	if q.Download != "" {
		which = q.Download + " is the download"
	}
	return append([]string{which + ": " + q.Why}, q.simple.Overrides(parent)...)
}

// addSimple completes the simple queues among queues.
func addSimple(queues []routerQueue, read func() sides) {
	var sideOf sides
	for i := range queues {
		s := queues[i].simple
		if s == nil {
			continue
		}
		if sideOf == nil {
			sideOf = read()
		}
		side, why := sideOf(*s)
		a, b := s.Counters[router.SideA], s.Counters[router.SideB]
		q := routerQueue{
			Name: s.Name, Parent: s.Parent, Type: pair(s.Type[0], s.Type[1]), Rate: a.Rate + b.Rate,
			Bytes: a.Bytes + b.Bytes, Packets: a.Packets + b.Packets, Dropped: a.Dropped + b.Dropped,
			QueuedBytes: a.QueuedBytes + b.QueuedBytes, QueuedPackets: a.QueuedPackets + b.QueuedPackets,
			Disabled: s.Disabled, Invalid: s.Invalid, Comment: s.Comment,
			Kind: kindSimple, Target: strings.Join(s.Target, ","), MaxLimitA: s.MaxLimit[0], MaxLimitB: s.MaxLimit[1],
			LimitAtA: s.LimitAt[0], LimitAtB: s.LimitAt[1], BytesA: a.Bytes, BytesB: b.Bytes, RateA: a.Rate, RateB: b.Rate,
			Download: side, Why: why, simple: s,
		}
		switch side {
		case "A":
			q.DownLimit, q.UpLimit = s.MaxLimit[0], s.MaxLimit[1]
		case "B":
			q.DownLimit, q.UpLimit = s.MaxLimit[1], s.MaxLimit[0]
		}
		queues[i] = q
	}
}

func pair(a, b string) string { return a + "/" + b }

func routerQueues(queues ...router.Queue) []routerQueue {
	list := make([]routerQueue, len(queues))
	for i, q := range queues {
		list[i] = routerQueue{
			Name: q.Name, Parent: q.Parent, Type: q.Type, MaxLimit: q.MaxLimit, LimitAt: q.LimitAt,
			Rate: q.Counters.Rate, Bytes: q.Counters.Bytes, Packets: q.Counters.Packets, Dropped: q.Counters.Dropped,
			QueuedBytes: q.Counters.QueuedBytes, QueuedPackets: q.Counters.QueuedPackets,
			Disabled: q.Disabled, Invalid: q.Invalid, Comment: q.Comment, Kind: kindTree, tree: q,
		}
	}
	return list
}

// two returns a column's text: that of a queue of the tree, or those of both sides.
func two(q routerQueue, one string, side func(int) string) string {
	if q.simple == nil {
		return one
	}
	return side(router.SideA) + " / " + side(router.SideB)
}

// queueColumns is the table for people, as wide as a terminal.
func queueColumns() []output.Column[routerQueue] {
	return []output.Column[routerQueue]{
		output.Text("NAME", func(q routerQueue) string { return q.Name }),
		output.Text("KIND", func(q routerQueue) string { return q.Kind }),
		output.Text("PARENT/TARGET", func(q routerQueue) string {
			if q.simple == nil || q.Parent == "" {
				return q.Parent + q.Target
			}
			return q.Target + " below " + q.Parent
		}),
		output.Text("TYPE", func(q routerQueue) string { return q.Type }),
		output.Number("MAX-LIMIT", func(q routerQueue) string {
			if q.simple != nil {
				return pair(limitText(q.MaxLimitA), limitText(q.MaxLimitB))
			}
			return limitText(q.MaxLimit)
		}),
		output.Number("RATE", func(q routerQueue) string {
			return two(q, q.Rate.Human(), func(i int) string { return q.simple.Counters[i].Rate.Human() })
		}),
		output.Number("SENT", func(q routerQueue) string {
			return two(q, bytesText(q.Bytes), func(i int) string { return bytesText(q.simple.Counters[i].Bytes) })
		}),
		output.Number("DROPPED", func(q routerQueue) string { return strconv.FormatUint(q.Dropped, 10) }),
		output.Number("QUEUED", func(q routerQueue) string { return bytesText(q.QueuedBytes) }),
		output.Text("STATE", routerQueue.state),
	}
}

// state returns the state of a queue in one word.
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
