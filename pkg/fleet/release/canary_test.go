package release_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/fleet/release"
)

type conditions = map[string]release.Condition

const second = time.Second

func TestTrial(t *testing.T) {
	well, starting, unwell := release.Well, release.Starting, release.Unwell
	type step struct {
		at    time.Duration
		loops conditions
	}
	for name, c := range map[string]struct {
		before conditions
		steps  []step
		at     time.Duration // at which the trial ends
		why    string
	}{
		"stays well":           {conditions{"a": well}, []step{{1 * second, conditions{"a": well}}, {120 * second, conditions{"a": well}}}, 120 * second, ""},
		"a restart":            {conditions{"a": well}, []step{{1 * second, conditions{"a": unwell}}, {20 * second, conditions{"a": unwell}}, {21 * second, conditions{"a": well}}, {120 * second, conditions{"a": well}}}, 120 * second, ""},
		"falls":                {conditions{"a": well}, []step{{10 * second, conditions{"a": unwell}}, {29 * second, conditions{"a": unwell}}, {30 * second, conditions{"a": unwell}}}, 30 * second, "a is degraded"},
		"falls late":           {conditions{"a": well}, []step{{119 * second, conditions{"a": unwell}}, {120 * second, conditions{"a": unwell}}}, 120 * second, "a is degraded"},
		"falls twice, briefly": {conditions{"a": well}, []step{{1 * second, conditions{"a": unwell}}, {15 * second, conditions{"a": well}}, {16 * second, conditions{"a": unwell}}, {30 * second, conditions{"a": unwell}}, {31 * second, conditions{"a": well}}, {120 * second, conditions{"a": well}}}, 120 * second, ""},
		"was unwell":           {conditions{"a": unwell}, []step{{120 * second, conditions{"a": unwell}}}, 120 * second, ""},
		"never comes up":       {conditions{"a": well}, []step{{60 * second, conditions{"a": starting}}, {120 * second, conditions{"a": starting}}}, 120 * second, "a is not up"},
		"a new one falls":      {conditions{"a": well}, []step{{1 * second, conditions{"a": well, "b": unwell}}, {21 * second, conditions{"a": well, "b": unwell}}}, 21 * second, "b is degraded"},
		"one is removed":       {conditions{"a": well, "b": well}, []step{{120 * second, conditions{"a": well}}}, 120 * second, ""},
	} {
		trial := release.NewTrial(c.before)
		for i, s := range c.steps {
			ended, why := trial.Observe(s.at, s.loops)
			last := i == len(c.steps)-1
			if ended != last || last && (s.at != c.at || (why == "") != (c.why == "") || !strings.Contains(why, c.why)) {
				t.Errorf("%s: at %v: %v, %q", name, s.at, ended, why)
			}
		}
	}
}

func TestCanaries(t *testing.T) {
	r := func(node string, revision, tried uint64, result release.Result, unwell int) release.Report {
		return release.Report{Node: node, Revision: revision, Tried: tried, Result: result, Unwell: unwell, Reason: "because"}
	}
	before := []release.Report{r("a", 6, 6, release.Applied, 1), r("b", 6, 6, release.Applied, 0)}
	good := []release.Report{r("a", 7, 7, release.Applied, 1), r("b", 7, 7, release.OnTrial, 0)}
	type step struct {
		at           time.Duration
		now          []release.Report
		steady       time.Duration
		sick, waited string
	}
	for name, steps := range map[string][]step{
		"steady": {
			{0, before, 0, "", "a does not have it"},
			{5 * second, good, 0, "", ""},
			{605 * second, good, release.SteadyTime, "", ""},
		},
		"one is slow": {
			{5 * second, []release.Report{good[0], before[1]}, 0, "", "b does not have it"},
			{15 * second, good, 0, "", ""},
			{25 * second, good, 10 * second, "", ""},
		},
		"one refuses, another is slow": {{5 * second, []release.Report{before[0], r("b", 6, 7, release.Refused, 0)}, 0, "b refuses it: because", ""}},
		"one goes back":                {{5 * second, []release.Report{good[0], r("b", 6, 7, release.Returned, 0)}, 0, "b has gone back: because", ""}},
		"one has a full disk": {
			{5 * second, []release.Report{good[0], r("b", 6, 7, release.Failed, 0)}, 0, "", "b: because"},
			{500 * second, good, 0, "", ""},
			{505 * second, good, 5 * second, "", ""},
		},
		"one falls silent": {
			{5 * second, good, 0, "", ""},
			{300 * second, good[:1], 0, "", "b has fallen silent"},
			{310 * second, good, 0, "", ""},
		},
		"health falls for a moment": {
			{5 * second, good, 0, "", ""},
			{300 * second, []release.Report{good[0], r("b", 7, 7, release.Applied, 1)}, 0, "", "b: 1 loops"},
			{310 * second, good, 0, "", ""},
			{320 * second, good, 10 * second, "", ""},
		},
		"health falls": {
			{300 * second, []release.Report{good[0], r("b", 7, 7, release.Applied, 1)}, 0, "", "b: 1 loops"},
			{320 * second, []release.Report{good[0], r("b", 7, 7, release.Applied, 1)}, 0, "b: 1 loops are unwell, before the change 0", ""},
		},
		"somebody else pushes": {{5 * second, []release.Report{good[0], r("b", 8, 8, release.Applied, 0)}, 0, "revision 8", ""}},
	} {
		c := release.NewCanaries(7, before)
		for _, s := range steps {
			p := c.Observe(s.at, s.now)
			if p.Steady != s.steady || (p.Sick == "") != (s.sick == "") || !strings.Contains(p.Sick, s.sick) || s.sick == "" && ((p.Wait == "") != (s.waited == "") || !strings.Contains(p.Wait, s.waited)) {
				t.Errorf("%s: at %v: %+v, want %+v", name, s.at, p, s)
			}
		}
	}
}
