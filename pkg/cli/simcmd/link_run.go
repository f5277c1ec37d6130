package simcmd

import (
	"context"
	"fmt"
	"sync"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/sim/linksim/controllers"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/sim/linksim/score"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

// matrix is what `sim link` runs: each with each.
type matrix struct {
	scenarios []scenario.Scenario
	laws      []controllers.Law
	routers   []simrun.Router
	seeds     []uint64
	parallel  int
}

// matrixCell is the runs of one law in one scenario through one router.
type matrixCell struct {
	scenario scenario.Scenario
	law      controllers.Law
	router   simrun.Router
	asked    bool // for itself, not only for others to be measured against
	runs     []simrun.Result
	done     []bool
}

func (m matrix) cells() []*matrixCell {
	var cells []*matrixCell
	add := func(s scenario.Scenario, asked bool) {
		for _, r := range m.routers {
			for _, l := range m.laws {
				cells = append(cells, &matrixCell{
					scenario: s, law: l, router: r, asked: asked,
					runs: make([]simrun.Result, len(m.seeds)), done: make([]bool, len(m.seeds)),
				})
			}
		}
	}
	have := map[string]bool{}
	for _, s := range m.scenarios {
		have[s.Name] = true
	}
	for _, s := range m.scenarios {
		if name := s.Targets.Against; name != "" && !have[name] {
			base, _ := scenario.Find(name)
			have[name] = true
			add(base, false)
		}
		add(s, true)
	}
	return cells
}

// compareLaws runs m and prints what came of it.
func compareLaws(ctx context.Context, a *app.App, m matrix) error {
	cells := m.cells()
	total := len(cells) * len(m.seeds)
	progress, clear := showProgress(a, total)
	done := m.run(ctx, cells, progress)
	clear()
	rows, scenarios := scoreRows(cells), map[string]scenario.Scenario{}
	for _, c := range cells {
		scenarios[c.scenario.Name] = c.scenario
	}
	score.CheckTargets(rows, func(name string) scenario.Targets { return scenarios[name].Targets })
	asked := rows[:0]
	for _, r := range rows {
		for _, s := range m.scenarios {
			if s.Name == r.Scenario {
				asked = append(asked, r)
				break
			}
		}
	}
	if err := printScores(a, asked); err != nil {
		return err
	}
	if done < total {
		a.Warnf("interrupted: %d of %d runs are done, and the numbers are of those", done, total)
	}
	return nil
}

// scoreRows sums up the cells that have anything to sum up.
func scoreRows(cells []*matrixCell) []score.Row {
	var rows []score.Row
	for _, c := range cells {
		var runs []simrun.Result
		for i, done := range c.done {
			if done {
				runs = append(runs, c.runs[i])
			}
		}
		if len(runs) > 0 {
			rows = append(rows, score.New(c.scenario.Name, c.law.Name, c.router.Name, runs))
		}
	}
	return rows
}

// run does all runs, some at a time, until ctx ends, and returns how many were
// done.
func (m matrix) run(ctx context.Context, cells []*matrixCell, progress func(done int)) (done int) {
	type job struct {
		cell *matrixCell
		seed int
	}
	jobs, finished := make(chan job), make(chan job)
	var workers sync.WaitGroup
	for range m.parallel {
		workers.Go(func() {
			for j := range jobs {
				c := j.cell
				t := c.simulation(m.seeds[j.seed])
				t.Stop = func() bool { return ctx.Err() != nil }
				r := t.Run(c.scenario.From, c.scenario.To)
				if ctx.Err() != nil {
					continue
				}
				r.Changes = nil
				c.runs[j.seed], c.done[j.seed] = r, true
				finished <- j
			}
		})
	}
	go func() {
		defer close(finished)
		defer workers.Wait()
		defer close(jobs)
		for _, c := range cells {
			for i := range m.seeds {
				select {
				case jobs <- job{c, i}:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	for range finished {
		done++
		progress(done)
	}
	return done
}

func (c *matrixCell) simulation(seed uint64) *simrun.Simulation {
	controller, start := c.law.New(c.scenario, seed)
	t := c.scenario.Simulation(seed, controller, c.router, &start)
	t.Unmetered = c.law.Unmetered()
	t.SlowProbes = !t.Unmetered // the others know nothing of them
	return t
}

// showProgress shows a person how far the runs are; clear takes that away again.
func showProgress(a *app.App, total int) (progress func(done int), clear func()) {
	if !a.ErrTTY || a.Global.Quiet || total == 1 {
		return func(int) {}, func() {}
	}
	shown := -1
	progress = func(done int) {
		if percent := done * 100 / total; percent != shown {
			shown = percent
			fmt.Fprintf(a.Err, "\r%d of %d runs, %d %%\x1b[K", done, total, percent)
		}
	}
	return progress, func() { fmt.Fprint(a.Err, "\r\x1b[K") }
}
