package fleetcmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/fleet/kv"
	"github.com/wanctl/wanctl/pkg/fleet/release"
)

// change is the output for programs: one file that changes.
type change struct {
	Stage    string `json:"stage"`
	Revision uint64 `json:"revision"`
	Before   uint64 `json:"revision_before"` // of the stage; 0: none
	File     string `json:"file"`
	Change   string `json:"change"`
	DryRun   bool   `json:"dry_run"`
}

func rows(p *release.Plan, dryRun bool) (list []change) {
	var before uint64
	if p.Base != nil {
		before = p.Base.Revision
	}
	for _, c := range p.Changes {
		list = append(list, change{p.Stage, p.Revision, before, c.Name, c.Kind, dryRun})
	}
	return list
}

func (o *options) print(list []change) error {
	if list == nil {
		list = []change{}
	}
	return output.List(o.Out, o.Global.Output, list, []output.Column[change]{
		output.Text("STAGE", func(c change) string { return c.Stage }),
		output.Number("BEFORE", func(c change) string { return fmt.Sprint(c.Before) }),
		output.Number("REVISION", func(c change) string { return fmt.Sprint(c.Revision) }),
		output.Text("FILE", func(c change) string { return c.File }),
		output.Text("CHANGE", func(c change) string { return c.Change }),
	})
}

// say prints progress for people.
func (o *options) say(format string, args ...any) {
	if !o.Global.Quiet {
		_, _ = fmt.Fprintf(o.Err, format+"\n", args...)
	}
}

type pushOptions struct {
	*options
	stage, from, then, key string
	after                  time.Duration
	dryRun                 bool
	plan                   release.Options
}

func (o *pushOptions) flags(cmd *cobra.Command) {
	stageFlag(cmd, &o.stage)
	f := cmd.Flags()
	f.StringVar(&o.key, "key", "", "private SSH key `FILE` to sign with, or the public key of one that an agent has (default ~/.ssh/id_ed25519)")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would change, and write nothing")
	f.Uint64Var(&o.plan.Revision, "revision", 0, "`NUMBER` of the new revision, above all there were, after the servers have lost their data (default the next)")
}

func newPushCmd(o *options) *cobra.Command {
	p := pushOptions{options: o}
	cmd := &cobra.Command{
		Use: "push DIR", Short: "Push configurations to the nodes of a stage", Args: app.UsageArgs(cobra.MaximumNArgs(1)),
		Long: `Push the configurations below DIR to the nodes of a stage, or with --from those that another
stage has. All of a push counts or nothing: the release is written last, and only if nobody
else has pushed meanwhile.

With --then it waits until the nodes of the first stage have been as healthy as before for
ten minutes, and releases the same set to the second. It stops where one of them refuses the
set, goes back, or is worse than before. It may be interrupted; --from goes on later.

A variable ${NAME} in a file that is not a secret needs a value here, too, to be checked.`,
		Example: `  wanctl fleet push fleet/ --dry-run --url nats://hub.example.net
  wanctl fleet push fleet/ --stage canary --then stable --url nats://hub.example.net
  wanctl fleet push --from canary --stage stable --url nats://hub.example.net`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case (len(args) == 0) == (p.from == ""):
				return app.Usagef("name a directory, or with --from the stage whose set is to be released")
			case p.then != "" && p.then == p.stage:
				return app.Usagef("--then %s is the stage itself", p.then)
			}
			return p.run(cmd.Context(), args)
		},
	}
	p.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&p.from, "from", "", "release the set that this `STAGE` has, without DIR")
	f.StringVar(&p.then, "then", "", "then release it to this `STAGE`, when the nodes of the first have stayed healthy")
	f.DurationVar(&p.after, "after", release.SteadyTime, "with --then: for how `LONG`")
	f.BoolVar(&p.plan.Replace, "replace", false, "also replace a release that cannot be read, or that nobody known has signed")
	return app.Prints[change](o.App, cmd)
}

func (p *pushOptions) run(ctx context.Context, args []string) error {
	var contents release.Contents
	if len(args) > 0 {
		var err error
		if contents, err = p.read(args[0]); err != nil {
			return err
		}
	}
	store, end, err := p.connect()
	if err != nil {
		return err
	}
	defer end()
	keys, err := p.keys()
	if err != nil {
		return err
	}
	var plan *release.Plan
	if p.from != "" {
		plan, err = keys.PlanAdvance(ctx, store, p.from, p.stage, p.plan)
	} else {
		plan, err = keys.Plan(ctx, store, p.stage, contents, p.plan)
	}
	if err != nil {
		return explain(err, "wanctl fleet push "+fmt.Sprint(args))
	}
	if plan.Empty() {
		p.say("the stage %s has these files already, as revision %d: nothing is pushed", p.stage, plan.Base.Revision)
		return p.print(nil)
	}
	list := rows(plan, p.dryRun)
	if p.dryRun {
		return p.print(list)
	}
	reports, err := release.Reports(ctx, store)
	if err != nil {
		return err
	}
	before := release.Present(reports, p.stage)
	if p.then != "" && len(before) == 0 {
		return app.Checkf("no node of the stage %s has reported in the last %v, so that nothing would show how it does: wanctl fleet status", p.stage, release.AbsentTime)
	}
	if err := keys.Apply(ctx, store, plan, time.Now()); err != nil {
		return explain(err, "wanctl fleet push")
	}
	p.say("stage %s: revision %d is released, %d nodes present", p.stage, plan.Revision, len(before))
	if p.then != "" {
		more, err := p.advance(ctx, keys, store, plan, before)
		if err != nil {
			return err
		}
		list = append(list, more...)
	}
	return p.print(list)
}

// keys returns those to sign with; a dry run needs none.
func (p *pushOptions) keys() (release.Keys, error) {
	keys, err := p.signing(p.key)
	if err != nil && p.dryRun {
		if p.key != "" || p.hasSigners() && keys.Sign != nil {
			return keys, err
		}
		return p.verifier(nil), nil
	}
	return keys, err
}

// patience is how long canaries may take to become steady, beside --after.
const patience = 15 * time.Minute

// advance waits for the canaries, and releases their set to the next stage.
func (p *pushOptions) advance(ctx context.Context, keys release.Keys, store *kv.Store, plan *release.Plan, before []release.Report) ([]change, error) {
	later := fmt.Sprintf("wanctl fleet push --from %s --stage %s", p.stage, p.then)
	canaries, start, last := release.NewCanaries(plan.Revision, before), time.Now(), ""
	for {
		select {
		case <-ctx.Done():
			p.say("interrupted: the stage %s is unchanged. To go on: %s", p.then, later)
			return nil, ctx.Err()
		case <-time.After(min(2*time.Second, max(p.after/4, 100*time.Millisecond))):
		}
		reports, err := release.Reports(ctx, store)
		if err != nil {
			reports = nil // the servers may be back in time
		}
		now := canaries.Observe(time.Since(start), release.Present(reports, p.stage))
		switch {
		case now.Sick != "":
			return nil, app.Checkf("the stage %s is unchanged: %s. To take it back: wanctl fleet rollback --stage %s", p.then, now.Sick, p.stage)
		case now.Wait != "" && now.Wait != last:
			p.say("waiting: %s", now.Wait)
		case now.Wait == "" && now.Steady >= p.after:
			return p.release(ctx, keys, store, plan.Revision)
		}
		last = now.Wait
		if time.Since(start) > p.after+patience {
			return nil, app.Checkf("the stage %s is unchanged after %v: %s. To go on by hand: %s", p.then, time.Since(start).Round(time.Second), last, later)
		}
	}
}

func (p *pushOptions) release(ctx context.Context, keys release.Keys, store *kv.Store, revision uint64) ([]change, error) {
	plan, err := keys.PlanAdvance(ctx, store, p.stage, p.then, p.plan)
	switch {
	case err != nil:
		return nil, err
	case plan.Revision != revision:
		return nil, app.Checkf("the stage %s is unchanged: somebody else has pushed revision %d to %s", p.then, plan.Revision, p.stage)
	case plan.Empty():
		p.say("the stage %s has these files already", p.then)
		return nil, nil
	}
	if err := keys.Apply(ctx, store, plan, time.Now()); err != nil {
		return nil, explain(err, "wanctl fleet push")
	}
	p.say("stage %s: revision %d is released", p.then, plan.Revision)
	return rows(plan, false), nil
}

func newRollbackCmd(o *options) *cobra.Command {
	p := pushOptions{options: o}
	var to uint64
	cmd := &cobra.Command{
		Use: "rollback", Short: "Give a stage the configurations that it had before", Args: app.UsageArgs(cobra.NoArgs),
		Long: `Give the nodes of a stage the configurations again that they had before the present revision,
or those of --to. Nodes refuse a lower revision than they have seen, so this is a new one with
the old files. Again, it goes back further.`,
		Example: "  wanctl fleet rollback --stage canary --url nats://hub.example.net\n  wanctl fleet rollback --to 17 --dry-run --url nats://hub.example.net",
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, end, err := o.connect()
			if err != nil {
				return err
			}
			defer end()
			keys, err := p.keys()
			if err != nil {
				return err
			}
			plan, err := keys.PlanRollback(cmd.Context(), store, p.stage, to, p.plan)
			if err != nil {
				return explain(err, "wanctl fleet rollback")
			}
			if !p.dryRun {
				if err := keys.Apply(cmd.Context(), store, plan, time.Now()); err != nil {
					return explain(err, "wanctl fleet rollback")
				}
				o.say("stage %s: revision %d has the files of revision %d", p.stage, plan.Revision, plan.SameAs())
			}
			return o.print(rows(plan, p.dryRun))
		},
	}
	p.flags(cmd)
	cmd.Flags().Uint64Var(&to, "to", 0, "`REVISION` whose files are to be used again (default the one before)")
	return app.Prints[change](o.App, cmd)
}

func newDiffCmd(o *options) *cobra.Command {
	p := pushOptions{options: o, dryRun: true}
	cmd := &cobra.Command{
		Use: "diff DIR", Short: "Show which files of a directory differ from those of a stage", Args: app.UsageArgs(cobra.MaximumNArgs(1)),
		Long: `Show which configurations below DIR differ from those that a stage has, or with --from those of
another stage. Nothing is written.`,
		Example: "  wanctl fleet diff fleet/ --url nats://hub.example.net\n  wanctl fleet diff --from canary --stage stable --url nats://hub.example.net",
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 0) == (p.from == "") {
				return app.Usagef("name a directory, or with --from a stage")
			}
			return p.run(cmd.Context(), args)
		},
	}
	stageFlag(cmd, &p.stage)
	cmd.Flags().StringVar(&p.from, "from", "", "compare with the set that this `STAGE` has, without DIR")
	return app.Prints[change](o.App, cmd)
}
