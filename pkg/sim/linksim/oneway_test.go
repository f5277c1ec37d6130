package linksim_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

// swinging is a line with bulk load of the given directions, two seconds of every
// four, that reflectors tell their clocks over. Nobody limits it.
func swinging(jitter linksim.Jitter, loaded [2]bool, change func(*linksim.Config)) *linksim.Link {
	return plain(func(c *linksim.Config) {
		c.Seed, c.Jitter = 3, jitter
		c.Limit = [2]bitrate.Rate{}
		c.OneWay = linksim.OneWay{Asked: true, Clock: linksim.Drifting(time.Hour, 80)}
		for d := range c.Flows {
			c.Flows[d] = nil
			if loaded[d] {
				c.Flows[d] = func(t time.Duration) int {
					if t < 20*time.Second || t%(4*time.Second) < 2*time.Second {
						return 0
					}
					return 2
				}
			}
		}
		if change != nil {
			change(c)
		}
	})
}

// The delays that are shown are those of the queues, in their directions.
func TestOneWayDelays(t *testing.T) {
	const ms = time.Millisecond
	for _, d := range autorate.Directions {
		t.Run(d.String(), func(t *testing.T) {
			var loaded [2]bool
			loaded[d] = true
			l := swinging(linksim.Fibre, loaded, nil)
			var most, other time.Duration
			n := 0
			for now := time.Duration(0); now < 40*time.Second; now += 10 * ms {
				l.Advance(now)
				for _, e := range l.Events() {
					if e.Kind != rtt.OneWay {
						continue
					}
					n++
					ahead := linksim.Drifting(time.Hour, 80)(int(e.Reflector), now)
					up, down := e.Up-ahead, e.Down+ahead
					idle := 12*ms + time.Duration(e.Reflector)*ms
					if d == autorate.Upload {
						up, down = down, up
					}
					other, most = max(other, up-idle), max(most, down-idle)
				}
			}
			if n < 390 || n > 400 {
				t.Errorf("shown %d times in 40 s, want 10 a second", n)
			}
			if other > 2*ms || most < 150*ms || most > 245*ms {
				t.Errorf("up to %v in this direction, %v in the other; the FIFO holds 240 ms", most, other)
			}
		})
	}
}

// Echoes are the same whether clocks are shown or not.
func TestOneWayDoesNotChangeEchoes(t *testing.T) {
	echoes := func(asked bool) (events []rtt.Event) {
		l := swinging(linksim.DOCSIS, [2]bool{true, true}, func(c *linksim.Config) { c.OneWay.Asked = asked })
		for now := time.Duration(0); now < 30*time.Second; now += 50 * time.Millisecond {
			l.Advance(now)
			for _, e := range l.Events() {
				if e.Kind != rtt.OneWay {
					events = append(events, e)
				} else if !asked {
					t.Fatal("shown without being asked")
				}
			}
		}
		return events
	}
	if diff := cmp.Diff(echoes(false), echoes(true)); diff != "" {
		t.Errorf("(-without +with):\n%s", diff)
	}
}

func TestOneWayFaults(t *testing.T) {
	count := func(change func(*linksim.Config)) (n [3]int) {
		l := swinging(linksim.Fibre, [2]bool{}, change)
		for now := time.Duration(0); now < 10*time.Second; now += 50 * time.Millisecond {
			l.Advance(now)
			for _, e := range l.Events() {
				if e.Kind == rtt.OneWay {
					n[e.Reflector]++
				}
			}
		}
		return n
	}
	silent := count(func(c *linksim.Config) { c.Fault = linksim.SilentFrom(1, 0) })
	if silent[1] != 0 || silent[0] < 30 {
		t.Errorf("with the second silent %v were shown", silent)
	}
	if dark := count(func(c *linksim.Config) { c.Blackout = linksim.Constant(true) }); dark != [3]int{} {
		t.Errorf("in the dark %v were shown", dark)
	}
}

// What package rtt makes of it on links of all kinds: with a clear queue in one
// direction it never names the other, and names this one as soon as samples have
// come through the queue, which is two ticks or three later than its echoes.
func TestOneWayNamesTheDirection(t *testing.T) {
	const ms = time.Millisecond
	for name, jitter := range map[string]linksim.Jitter{
		"fibre": linksim.Fibre, "dsl": linksim.DSL, "docsis": linksim.DOCSIS, "lte": linksim.LTE, "starlink": linksim.Starlink,
	} {
		for _, d := range autorate.Directions {
			t.Run(name+" "+d.String(), func(t *testing.T) {
				var loaded [2]bool
				loaded[d] = true
				l := swinging(jitter, loaded, nil)
				path := rtt.Path{Interval: 50 * ms}
				clear, shown, right, wrong := 0, 0, 0, 0
				for now := time.Duration(0); now < 3*time.Minute; now += 50 * ms {
					l.Advance(now)
					for _, e := range l.Events() {
						path.Observe(e, now < 20*time.Second)
					}
					v := path.View(now)
					if now < 30*time.Second || v.Excess < 30*ms || l.Excess() < 30*ms {
						continue
					}
					clear++
					if !v.OneWay {
						continue
					}
					shown++
					this, other := v.Down, v.Up
					if d == autorate.Upload {
						this, other = other, this
					}
					switch {
					case this > 10*ms && this > 2*other:
						right++
					case other > 10*ms && other > this:
						wrong++
					}
				}
				t.Logf("%d ticks with a clear queue, shown at %d, right at %d, wrong at %d", clear, shown, right, wrong)
				if shown < clear*95/100 || right < shown*85/100 || wrong > shown/200 {
					t.Errorf("of %d ticks with a clear queue it is shown at %d, right at %d, wrong at %d", clear, shown, right, wrong)
				}
			})
		}
	}
}
