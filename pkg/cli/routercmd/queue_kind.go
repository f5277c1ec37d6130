package routercmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
)

// Kinds of queues.
const (
	kindTree   = "tree"
	kindSimple = "simple"
)

// addKind adds the flag --kind.
func addKind(cmd *cobra.Command, kind *string) {
	cmd.Flags().StringVar(kind, "kind", "", "only queues of one `KIND`, tree or simple")
	app.CompleteFlag(cmd, "kind", kindTree, kindSimple)
}

func checkKind(kind string) error {
	if kind != "" && kind != kindTree && kind != kindSimple {
		return app.Usagef("--kind %s: use tree or simple", kind)
	}
	return nil
}

// found is the queue of a name: one of the two.
type found struct {
	tree   *router.Queue
	simple *router.SimpleQueue
}

// findQueue reads the one queue of a name, in the queue tree, among the simple
// queues or, without a kind, in both.
func findQueue(ctx context.Context, client router.Client, name, kind string) (found, error) {
	if kind == kindSimple {
		q, err := client.SimpleQueue(ctx, name)
		return found{simple: &q}, err
	}
	q, err := client.Queue(ctx, name)
	if kind == kindTree || err != nil && !errors.Is(err, router.ErrNotFound) {
		return found{tree: &q}, err
	}
	simple, err2 := simpleQueues(ctx, client)
	if err2 != nil {
		return found{}, err2
	}
	here := slices.ContainsFunc(simple, func(s router.SimpleQueue) bool { return s.Name == name })
	switch {
	case err == nil && here:
		return found{}, fmt.Errorf("queue %q: %w: there is one in the queue tree and a simple queue; choose with --kind tree or --kind simple", name, router.ErrAmbiguous)
	case err == nil || len(simple) == 0:
		return found{tree: &q}, err
	}
	s, simpleErr := client.SimpleQueue(ctx, name)
	if errors.Is(simpleErr, router.ErrNotFound) {
		return found{}, fmt.Errorf("%w; %w", err, simpleErr)
	}
	return found{simple: &s}, simpleErr
}

// isAbsent reports whether err says that there is no such queue, or no such menu.
func isAbsent(err error) bool {
	return errors.Is(err, router.ErrNotFound) || errors.Is(err, router.ErrUnsupported)
}

// simpleQueues lists the simple queues, none where the menu is absent.
func simpleQueues(ctx context.Context, client router.Client) ([]router.SimpleQueue, error) {
	queues, err := client.SimpleQueues(ctx)
	if isAbsent(err) {
		return nil, nil
	}
	return queues, err
}

// sides says which side of a simple queue is the download: 'A', 'B' or "", and why.
type sides func(router.SimpleQueue) (side, why string)

// newSides returns a function that decides by the routes and interfaces of the router, and
// by the configuration.
func newSides(ctx context.Context, client router.Client, configured config.Queues) sides {
	routes, err := client.DefaultRoutes(ctx)
	interfaces, err2 := client.Interfaces(ctx)
	return func(q router.SimpleQueue) (string, string) {
		if configured.Simple == q.Name && configured.Target != "" {
			side := map[config.Target]string{config.TargetLAN: "B", config.TargetWAN: "A"}[configured.Target]
			return side, "queues.target of the configuration is " + string(configured.Target)
		}
		if err := errors.Join(err, err2); err != nil {
			return "", err.Error()
		}
		side, why, err := q.DownloadSide(routes, interfaces)
		if err != nil {
			return "", err.Error() + "; queues.target in the configuration says it"
		}
		return string(rune('A' + side)), why
	}
}

// configuredQueues returns the queues of the configuration, none with --host or in
// one of steering.
func (o *connFlags) configuredQueues(a *app.App, cmd *cobra.Command) (q config.Queues) {
	if o.host != "" {
		return q
	}
	path, err := a.OnePath(cmd)
	if err != nil || config.DetectKind(path) == config.KindSteering {
		return q
	}
	// Warnings have been printed when the connection was made.
	if wan, _, err := config.Load(path, a.ConfigOptions()); err == nil {
		q = wan.Queues
	}
	return q
}
