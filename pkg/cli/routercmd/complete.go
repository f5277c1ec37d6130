package routercmd

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/router"
)

// completeTimeout is how long a shell waits for names from the router.
const completeTimeout = time.Second

// names reads what a shell offers from a router. args are the arguments before
// the one that is completed.
type names func(ctx context.Context, c router.Client, args []string) ([]cobra.Completion, error)

// complete offers names read from the router, one list for each argument, and
// nothing when it cannot be reached: a shell cannot show errors.
func (o *connFlags) complete(a *app.App, arguments ...names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(arguments) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return o.completions(a, cmd, args, arguments[len(args)]), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeValue is complete for the value of a flag.
func (o *connFlags) completeValue(a *app.App, values names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return o.completions(a, cmd, args, values), cobra.ShellCompDirectiveNoFileComp
	}
}

func (o *connFlags) completions(a *app.App, cmd *cobra.Command, args []string, read names) []cobra.Completion {
	// The shell shows what goes to stderr in the middle of the line.
	a.Global.Quiet = true
	// cobra parses the flags twice here, which names every WAN twice.
	a.Global.WANs = slices.Compact(a.Global.WANs)
	if err := a.ReadEnvironment(cmd); err != nil {
		return nil
	}
	client, err := o.connect(a, cmd)
	if err != nil {
		return nil
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
	defer cancel()
	found, err := read(ctx, client, args)
	if err != nil {
		return nil
	}
	return found
}

// offer makes completions of items: a name that could not be typed, or that
// would break the lines the shell reads, is left out, and so are repetitions.
func offer[T any](items []T, name, about func(T) string) []cobra.Completion {
	var found []cobra.Completion
	seen := map[string]bool{}
	for _, item := range items {
		n := name(item)
		if n == "" || !output.IsPrintable(n) || seen[n] {
			continue
		}
		seen[n] = true
		found = append(found, cobra.CompletionWithDesc(n, output.Printable(about(item))))
	}
	return found
}

func queueNames(ctx context.Context, c router.Client, _ []string) ([]cobra.Completion, error) {
	queues, err := c.Queues(ctx)
	if err != nil {
		return nil, err
	}
	names := offer(queues, func(q router.Queue) string { return q.Name },
		func(q router.Queue) string { return "max-limit " + limitText(q.MaxLimit) })
	simple, err := simpleQueues(ctx, c)
	return append(names, offer(simple, func(q router.SimpleQueue) string { return q.Name },
		func(q router.SimpleQueue) string {
			return "simple queue, max-limit " + pair(limitText(q.MaxLimit[0]), limitText(q.MaxLimit[1]))
		})...), err
}

func queueTypeNames(ctx context.Context, c router.Client, _ []string) ([]cobra.Completion, error) {
	types, err := c.QueueTypes(ctx)
	return offer(types, func(t router.QueueType) string { return t.Name },
		func(t router.QueueType) string { return t.Kind }), err
}

func listNames(ctx context.Context, c router.Client, _ []string) ([]cobra.Completion, error) {
	entries, err := c.Addresses(ctx, "")
	size := map[string]int{}
	for _, e := range entries {
		size[e.List]++
	}
	return offer(entries, func(e router.Address) string { return e.List },
		func(e router.Address) string { return entryCount(size[e.List]) }), err
}

func listAddresses(ctx context.Context, c router.Client, args []string) ([]cobra.Completion, error) {
	entries, err := c.Addresses(ctx, args[0])
	return offer(entries, func(e router.Address) string { return e.Address },
		func(e router.Address) string { return e.Comment }), err
}

func ruleComments(ctx context.Context, c router.Client, _ []string) ([]cobra.Completion, error) {
	rules, err := c.Rules(ctx)
	return offer(rules, func(r router.Rule) string { return r.Comment },
		func(r router.Rule) string { return r.Chain + " " + r.Action + ", " + newRouterRule(r).state() }), err
}

func scriptNames(ctx context.Context, c router.Client, _ []string) ([]cobra.Completion, error) {
	scripts, err := c.Scripts(ctx)
	return offer(scripts, func(s router.Script) string { return s.Name },
		func(s router.Script) string { return s.Comment }), err
}
