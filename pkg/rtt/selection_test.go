package rtt

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// panel is a selection whose reflectors answer in virtual time.
type panel struct {
	*Selection
	now    time.Duration
	seq    []uint32
	rng    *rand.Rand
	answer func(i int, now time.Duration) time.Duration // 0: none
	roles  []Change
	unsent map[int]bool // nothing can be sent to them
}

func newPanel(operators string, answer func(i int, now time.Duration) time.Duration) *panel {
	ops := strings.Fields(operators)
	return &panel{
		Selection: NewSelection(ops, MaxUsed, ProbeInterval), seq: make([]uint32, len(ops)),
		rng: rand.New(rand.NewPCG(1, 2)), answer: answer, now: time.Hour,
	}
}

func (p *panel) run(d time.Duration) {
	spares := (Plan{Interval: ProbeInterval}).Spares(len(p.seq))
	for end := p.now + d; p.now < end; p.now += ProbeInterval {
		for i := range p.seq {
			if p.unsent[i] {
				continue
			}
			every := ProbeInterval
			if p.Role(i) == Standby {
				every = spares[0].Interval
			}
			if (p.now+time.Duration(i)*time.Second)%every >= ProbeInterval {
				continue
			}
			kind := Sent
			if p.Role(i) != InUse {
				kind = Spare
			}
			e := Event{At: p.now, Kind: kind, Seq: p.seq[i], Reflector: uint8(i)}
			p.seq[i]++
			p.Observe(e)
			if rtt := p.answer(i, p.now); rtt > 0 {
				e.Kind, e.At, e.RTT = Reply, p.now+rtt, rtt
			} else {
				e.Kind, e.At = Lost, p.now
			}
			p.Observe(e)
		}
		if p.now%time.Second < ProbeInterval {
			p.roles = append(p.roles, p.Review(p.now)...)
		}
	}
}

func (p *panel) used() (used []int) {
	for i := range p.seq {
		if p.Role(i) == InUse {
			used = append(used, i)
		}
	}
	return used
}

func near(i int) time.Duration { return time.Duration(20+3*i) * ms }

func TestSelectionBegins(t *testing.T) {
	for _, tt := range []struct {
		operators string
		want      []int
	}{
		{"a b c", []int{0, 1, 2}},
		{"a b c d e", []int{0, 1, 2}},
		{"a a a b b c", []int{0, 3, 5}},
		{"a a b b", []int{0, 1, 2}},
		{"a a a a", []int{0, 1, 2}},
		{"a", []int{0}},
	} {
		if diff := cmp.Diff(tt.want, newPanel(tt.operators, nil).used()); diff != "" {
			t.Errorf("%s: %s", tt.operators, diff)
		}
	}
}

func TestSelectionReplacesDegradedReflectors(t *testing.T) {
	const at = time.Hour + time.Minute
	rng := rand.New(rand.NewPCG(3, 4))
	bad := func(who int, how func(rtt time.Duration) time.Duration) func(int, time.Duration) time.Duration {
		return func(i int, now time.Duration) time.Duration {
			if i == who && now >= at {
				return how(near(i))
			}
			return near(i)
		}
	}
	for _, tt := range []struct {
		name      string
		operators string
		answer    func(int, time.Duration) time.Duration
		want      []int
		within    time.Duration // from when it goes bad
		fault     Fault
	}{
		{"nothing", "a b c d e", bad(-1, nil), []int{0, 1, 2}, time.Hour, NoFault},
		{"silent", "a b c d e", bad(1, func(time.Duration) time.Duration { return 0 }), []int{0, 2, 3}, 8 * time.Second, NotAnswering},
		{"one in four answered", "a b c d", bad(0, func(d time.Duration) time.Duration { return d * time.Duration(rng.IntN(4)/3) }), []int{1, 2, 3}, 25 * time.Second, FewAnswers},
		{"one in twenty lost is good enough", "a b c d", bad(0, func(d time.Duration) time.Duration { return d * time.Duration(min(1, rng.IntN(20))) }), []int{0, 1, 2}, time.Hour, NoFault},
		{"noisy", "a b c d", bad(2, func(d time.Duration) time.Duration { return d + time.Duration(rng.Int64N(int64(60*ms))) }), []int{0, 1, 3}, 25 * time.Second, Noisy},
		{"a little noisy is good enough", "a b c d", bad(2, func(d time.Duration) time.Duration { return d + time.Duration(rng.Int64N(int64(10*ms))) }), []int{0, 1, 2}, time.Hour, NoFault},
		{"moved away", "a b c d", bad(2, func(d time.Duration) time.Duration { return d + 40*ms }), []int{0, 1, 3}, 25 * time.Second, Disagrees},
		{"the spare has the operator of one in use", "a b c a", bad(2, func(time.Duration) time.Duration { return 0 }), []int{0, 1, 2}, time.Hour, NoFault},
		{"the spare has the operator of the bad one", "a b c c", bad(2, func(time.Duration) time.Duration { return 0 }), []int{0, 1, 3}, 8 * time.Second, NotAnswering},
		{"no spare", "a b c", bad(2, func(time.Duration) time.Duration { return 0 }), []int{0, 1, 2}, time.Hour, NoFault},
		{"none answers", "a b c d e", func(i int, now time.Duration) time.Duration {
			if now >= at {
				return 0
			}
			return near(i)
		}, []int{0, 1, 2}, time.Hour, NoFault},
		{"the whole line is as noisy", "a b c d", func(i int, now time.Duration) time.Duration {
			if now >= at {
				return near(i) + time.Duration(rng.Int64N(int64(60*ms)))
			}
			return near(i)
		}, []int{0, 1, 2}, time.Hour, NoFault},
		{"a route that all share grows", "a b c d", func(i int, now time.Duration) time.Duration {
			if now >= at {
				return near(i) + 60*ms
			}
			return near(i)
		}, []int{0, 1, 2}, time.Hour, NoFault},
		{"the silent spare is passed over", "a b c d e", func(i int, now time.Duration) time.Duration {
			if i == 3 || i == 0 && now >= at {
				return 0
			}
			return near(i)
		}, []int{1, 2, 4}, 8 * time.Second, NotAnswering},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPanel(tt.operators, tt.answer)
			p.run(time.Minute + min(tt.within, 10*time.Minute))
			if diff := cmp.Diff(tt.want, p.used()); diff != "" {
				t.Errorf("in use: %s%+v", diff, p.roles)
			}
			if tt.fault == NoFault && len(p.roles) > 0 {
				t.Errorf("changes %+v, want none", p.roles)
			}
			if tt.fault != NoFault && (len(p.roles) == 0 || p.roles[0].Fault != tt.fault) {
				t.Errorf("changes %+v, want %q first", p.roles, tt.fault)
			}
			for i := range p.seq {
				if q := p.Quality(i); q.AnswerRate < 0 || q.AnswerRate > 1 || q.Noise < 0 {
					t.Errorf("%d: %+v", i, q)
				}
			}
		})
	}
}

// A reflector that comes and goes is replaced once, and its place is not taken back.
func TestSelectionDoesNotFlap(t *testing.T) {
	p := newPanel("a b c d", func(i int, now time.Duration) time.Duration {
		if i == 0 && now/(20*time.Second)%2 == 1 {
			return 0
		}
		return near(i)
	})
	p.run(time.Hour)
	swaps := 0
	for _, c := range p.roles {
		if c.Role == InUse {
			swaps++
		}
	}
	if swaps != 1 || !slices.Equal(p.used(), []int{1, 2, 3}) {
		t.Errorf("%d replacements in an hour, in use %v", swaps, p.used())
	}
}

// One that recovers before its spare is through with the trial keeps its place.
func TestTrialEndsWhenTheOtherRecovers(t *testing.T) {
	p := newPanel("a b c d", func(i int, now time.Duration) time.Duration {
		if i == 0 && now > time.Hour+time.Minute && now < time.Hour+time.Minute+4*time.Second {
			return 0
		}
		return near(i)
	})
	p.run(2 * time.Minute)
	if !slices.Equal(p.used(), []int{0, 1, 2}) || len(p.roles) != 2 || p.roles[0].Role != OnTrial || p.roles[1].Role != Standby {
		t.Errorf("in use %v, changes %+v", p.used(), p.roles)
	}
}

// Names are resolved later: two of one operator do not both stay.
func TestSelectionLearnsOperators(t *testing.T) {
	p := newPanel("a b c d", func(i int, _ time.Duration) time.Duration { return near(i) })
	p.run(10 * time.Second)
	p.SetOperator(1, "a")
	p.run(10 * time.Second)
	if !slices.Equal(p.used(), []int{0, 2, 3}) {
		t.Errorf("in use %v, changes %+v", p.used(), p.roles)
	}
}

// A spare that comes into use under load has an idle RTT that agrees with the others',
// whatever it showed before, and what is combined does not jump.
func TestSpareJoinsWithoutAJump(t *testing.T) {
	for _, tt := range []struct {
		name         string
		first        time.Duration // what the spare showed when it was first probed
		queue, moved time.Duration // under load, and how much farther the spare is by then
	}{
		{"learnt idle", 0, 30 * ms, 0},
		{"first probed under load", 80 * ms, 30 * ms, 0},
		{"moved away since", 0, 30 * ms, 50 * ms},
		{"moved nearer since", 0, 30 * ms, -10 * ms},
		{"no load", 0, 0, 50 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Path{Interval: 50 * ms}
			seq := [4]uint32{}
			now := time.Duration(0)
			probe := func(i int, kind Kind, rtt time.Duration) {
				p.Observe(Event{At: now, Kind: kind, Seq: seq[i], Reflector: uint8(i)}, false)
				p.Observe(reply(now+rtt, uint8(i), seq[i], rtt), false)
				seq[i]++
			}
			used := []int{0, 1, 2}
			run := func(d, queue time.Duration, spare func(n int) (Kind, time.Duration)) (most time.Duration) {
				n := 0
				for end := now + d; now < end; now += 50 * ms {
					for _, i := range used {
						probe(i, Sent, near(i)+queue)
					}
					if kind, rtt := spare(n); kind != 0 {
						probe(3, kind, rtt)
					}
					n++
					v := p.View(now + 49*ms + queue)
					most = max(most, (v.Excess - queue).Abs())
				}
				return most
			}
			run(40*time.Second, 0, func(n int) (Kind, time.Duration) {
				if n%200 == 0 {
					return Spare, near(3) + tt.first
				}
				return 0, 0
			})
			run(10*time.Second, tt.queue, func(int) (Kind, time.Duration) { return 0, 0 })
			away := near(3) + tt.moved
			if most := run(2*time.Second, tt.queue, func(int) (Kind, time.Duration) { return Spare, away + tt.queue }); most > ms {
				t.Errorf("the excess is off by %v during the trial", most)
			}
			used = []int{1, 2} // 0 is given up
			run(2*time.Second, tt.queue, func(int) (Kind, time.Duration) { return Sent, away + tt.queue })
			if got := p.Reflector(3).Baseline(); (got - away).Abs() > 4*ms {
				t.Errorf("baseline %v, want about %v", got, away)
			}
			if v := p.View(now); (v.Excess-tt.queue).Abs() > 4*ms || v.Alive != 3 {
				t.Errorf("excess %v of %d, want about %v of 3", v.Excess, v.Alive, tt.queue)
			}
		})
	}
}

// A spare has no say, however often it is probed.
func TestSpareDoesNotVote(t *testing.T) {
	var p Path
	for i := range uint32(100) {
		at := time.Duration(i) * 50 * ms
		p.Observe(Event{At: at, Kind: Sent, Seq: i}, true)
		p.Observe(reply(at+20*ms, 0, i, 20*ms), true)
		p.Observe(Event{At: at, Kind: Spare, Seq: i, Reflector: 1}, true)
		p.Observe(reply(at+20*ms, 1, i, 90*ms), true)
	}
	if v := p.View(5 * time.Second); v.Alive != 1 || v.Base != 20*ms || v.Excess != 0 {
		t.Errorf("%+v", v)
	}
}

// Soon after the start of a long list, a silent reflector is replaced by a spare that
// has not been probed yet; those that nothing can be sent to block no other.
func TestSelectionTriesUnprobedSpares(t *testing.T) {
	p := newPanel("a b c d e f", func(i int, _ time.Duration) time.Duration {
		if i == 1 || i == 3 {
			return 0
		}
		return near(i)
	})
	p.unsent = map[int]bool{4: true}
	p.run(25 * time.Second)
	if !slices.Equal(p.used(), []int{0, 2, 5}) {
		t.Errorf("in use %v, changes %+v", p.used(), p.roles)
	}
}

// What was lost as a reflector in use does not count for a spare, and a dropped one is
// without a fault once it has rested and answers.
func TestDroppedReflectorStartsAnew(t *testing.T) {
	const silent = time.Hour + time.Minute
	p := newPanel("a b c d", func(i int, now time.Duration) time.Duration {
		if i == 0 && now >= silent && now < silent+20*time.Second {
			return 0
		}
		return near(i)
	})
	p.run(2 * time.Minute)
	if q := p.Quality(0); q.Role != Standby || q.Fault != NotAnswering || q.AnswerRate < 0.5 {
		t.Errorf("after a minute: %+v", q)
	}
	p.run(restFor)
	if q := p.Quality(0); q.Role != Standby || q.Fault != NoFault || q.AnswerRate < leastAnswered {
		t.Errorf("after its rest: %+v", q)
	}
}

// Without a spare, a reflector that moved away for good is no fault for ever.
func TestMovedReflectorIsAcceptedInTheEnd(t *testing.T) {
	p := newPanel("a b c", func(i int, now time.Duration) time.Duration {
		if i == 2 && now >= time.Hour+time.Minute {
			return near(i) + 40*ms
		}
		return near(i)
	})
	p.run(2 * time.Minute)
	if q := p.Quality(2); q.Fault != Disagrees {
		t.Errorf("after a minute: %+v", q)
	}
	p.run(restFor)
	if q := p.Quality(2); q.Fault != NoFault || (q.Baseline-near(2)-40*ms).Abs() > time.Microsecond {
		t.Errorf("after ten minutes: %+v", q)
	}
}
