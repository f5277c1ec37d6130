package simcmd

import (
	"context"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/sim/linksim/controllers"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/sim/linksim/score"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

type linkOptions struct {
	scenarios []string
	kind      string
	field     bool
	heldOut   bool
	laws      []string
	rivals    bool
	routers   []string
	seeds     int
	seed      uint64
	oneSeed   bool
	oneWay    bool
	parallel  int
	list      bool
	record    string
}

// allKinds is the value of --link that means every one.
const allKinds = "all"

func newLinkCmd(a *app.App) *cobra.Command {
	var o linkOptions
	cmd := &cobra.Command{
		Use:   "link [SCENARIO...]",
		Short: "Measure control laws on a simulated link",
		Long: `Run control laws on a simulated link in virtual time and print what they were
worth: the median over several seeds and, in brackets, the 10th and 90th
percentile. What misses its target has a "!" behind it and is explained below
the table.

Without arguments the standard set is run. --link KIND runs the matrix of a kind
of line instead: every course of its capacity under every load; SCENARIO may be a
pattern there, such as 'dsl/*/upload'. --field runs what real lines, hosts and
reflectors do beside these. --list shows what there is.

Some scenarios and kinds of lines are set aside: no law may be tuned on them, so
they run only if they are named, or with --held-out, which also takes seeds that no
law is tuned on.

Utilisation is what was delivered over what the true capacity would have carried,
in percent. Excess is what a sparse packet suffers above the idle RTT, the link's
own jitter included. KEPT is what the limit leaves of the capacity of a direction
that is idle while the other is loaded. CUT, BELOW and DRAINED are how long after
a loss of capacity the limit was first lowered, was at or below the new capacity,
and the queue was below 10 ms again; BACK is how long after its return nine tenths
of it were in use.

--record writes what the law was given in one run as a trace, its settings too.
'wanctl trace replay FILE' gives the decisions of our law again, and needs no
configuration; over the run of another law it tells what ours would have decided.

Interrupted, it prints what is done.`,
		Example: `  wanctl sim link
  wanctl sim link step-download --rivals --router api,rest-slow
  wanctl sim link --link dsl --seeds 5
  wanctl sim link step-download --seed 3 --record step.jsonl`,
		Args: app.UsageArgs(cobra.ArbitraryArgs),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, s := range slices.Concat(scenario.Standard(), scenario.Field()) {
				names = append(names, s.Name+"\t"+s.About)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.scenarios = args
			o.oneSeed = cmd.Flags().Changed("seed")
			for _, pair := range [][]string{{"seed", "seeds"}, {"law", "rivals"}, {"record", "seeds"}, {"list", "record"}, {"field", "link"}, {"held-out", "seed"}} {
				if err := app.Exclusive(cmd, pair...); err != nil {
					return err
				}
			}
			return runLink(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.seeds, "seeds", 20, "`N` seeds, from 0")
	f.Uint64Var(&o.seed, "seed", 0, "this seed `N` alone")
	f.StringSliceVar(&o.laws, "law", []string{controllers.Ours}, "`LAWS`, of "+strings.Join(lawNames(), ", "))
	f.BoolVar(&o.rivals, "rivals", false, "all laws")
	f.StringSliceVar(&o.routers, "router", []string{"api"}, "`ROUTERS` that limits are written through, of "+strings.Join(routerNames(), ", "))
	f.StringVar(&o.kind, "link", "", "the matrix of this `KIND` of line: "+strings.Join(kindNames(), ", ")+" or "+allKinds)
	f.BoolVar(&o.field, "field", false, "the scenarios of real lines, hosts and reflectors")
	f.BoolVar(&o.heldOut, "held-out", false, fmt.Sprintf("with what is set aside, and seeds from %d", scenario.HeldOutSeed))
	f.BoolVar(&o.list, "list", false, "list scenarios instead of running them")
	f.IntVar(&o.parallel, "parallel", runtime.GOMAXPROCS(0), "`N` runs at a time")
	f.StringVar(&o.record, "record", "", "write what the law saw in one run to `FILE` (.csv, or JSON lines)")
	f.BoolVar(&o.oneWay, "one-way", false, "the reflectors tell their clocks, so that a law can tell the directions apart")
	app.CompleteFlag(cmd, "law", lawNames()...)
	app.CompleteFlag(cmd, "router", routerNames()...)
	app.CompleteFlag(cmd, "link", append(kindNames(), allKinds)...)
	// The default is the machine's, which has no place in a manual.
	f.Lookup("parallel").DefValue = "processors"
	return app.Prints[score.Row](a, app.Prints[scenarioRecord](a, cmd))
}

func lawNames() (names []string) {
	for _, l := range controllers.Laws() {
		names = append(names, l.Name)
	}
	return names
}

func routerNames() (names []string) {
	for _, r := range simrun.Routers() {
		names = append(names, r.Name)
	}
	return names
}

func kindNames() (names []string) {
	for _, k := range scenario.Kinds() {
		names = append(names, k.Name)
	}
	return names
}

func runLink(ctx context.Context, a *app.App, o linkOptions) error {
	scenarios, err := o.chosen()
	if err != nil {
		return err
	}
	if o.oneWay {
		for i, s := range scenarios {
			scenarios[i] = s.WithClocks()
		}
	}
	if o.list {
		return listScenarios(a, scenarios)
	}
	laws, routers, err := o.opponents()
	if err != nil {
		return err
	}
	switch {
	case o.seeds < 1:
		return app.Usagef("--seeds %d: at least 1", o.seeds)
	case o.parallel < 1:
		return app.Usagef("--parallel %d: at least 1", o.parallel)
	}
	seeds := []uint64{o.seed}
	if !o.oneSeed && o.record == "" {
		seeds = seeds[:0]
		for seed := range uint64(o.seeds) {
			if o.heldOut {
				seed += scenario.HeldOutSeed
			}
			seeds = append(seeds, seed)
		}
	}
	if o.record != "" {
		return recordLink(ctx, a, o, scenarios, laws, routers)
	}
	return compareLaws(ctx, a, matrix{scenarios: scenarios, laws: laws, routers: routers, seeds: seeds, parallel: o.parallel})
}

// chosen finds the scenarios that the arguments and --link name.
func (o linkOptions) chosen() ([]scenario.Scenario, error) {
	offered, all := scenario.Standard(), slices.Concat(scenario.Standard(), scenario.Field(), scenario.Matrix())
	if o.field {
		offered = scenario.Field()
	}
	if o.kind != "" {
		if o.kind != allKinds && !slices.Contains(kindNames(), o.kind) {
			return nil, app.Usagef("--link %q: use %s or %s", o.kind, strings.Join(kindNames(), ", "), allKinds)
		}
		offered = slices.DeleteFunc(scenario.Matrix(), func(s scenario.Scenario) bool {
			return o.kind != allKinds && !strings.HasPrefix(s.Name, o.kind+"/")
		})
		all = offered
	}
	if len(o.scenarios) == 0 {
		return slices.DeleteFunc(offered, func(s scenario.Scenario) bool {
			return s.HeldOut() && !o.heldOut && (o.kind == "" || o.kind == allKinds)
		}), nil
	}
	var some []scenario.Scenario
	for _, pattern := range o.scenarios {
		n := len(some)
		for _, s := range all {
			match, err := path.Match(pattern, s.Name)
			if err != nil {
				return nil, app.Usagef("scenario %q: the pattern is not well-formed", pattern)
			}
			if match {
				some = append(some, s)
			}
		}
		if len(some) == n {
			return nil, app.Usagef("no scenario %q; see 'wanctl sim link --list' and '--list --link all'", pattern)
		}
	}
	return some, nil
}

// opponents finds the laws and the routers.
func (o linkOptions) opponents() (laws []controllers.Law, routers []simrun.Router, err error) {
	if o.rivals {
		laws = controllers.Laws()
	} else {
		for _, name := range o.laws {
			l, ok := controllers.Find(name)
			if !ok {
				return nil, nil, app.Usagef("--law %q: use %s", name, strings.Join(lawNames(), ", "))
			}
			laws = append(laws, l)
		}
	}
	for _, name := range o.routers {
		i := slices.Index(routerNames(), name)
		if i < 0 {
			return nil, nil, app.Usagef("--router %q: use %s", name, strings.Join(routerNames(), ", "))
		}
		routers = append(routers, simrun.Routers()[i])
	}
	if len(laws) == 0 || len(routers) == 0 {
		return nil, nil, app.Usagef("--law and --router need at least one name each")
	}
	return laws, routers, nil
}
