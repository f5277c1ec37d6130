package probe

import (
	"math/bits"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/rtt"
)

// host is a host at a distance of up and down.
type host struct {
	up, down time.Duration
	shows    func(t time.Duration) uint32 // at our time t
}

func (h host) ask(at time.Duration) answer {
	v := h.shows(at + h.up)
	return answer{sent: at, arrived: at + h.up + h.down, receive: v, transmit: v}
}

// sinceMidnight is a proper clock that is ahead of ours by so much.
func sinceMidnight(ahead time.Duration) func(time.Duration) uint32 {
	return func(t time.Duration) uint32 { return uint32((t + ahead) / time.Millisecond % dayMS) }
}

// sinceBoot is one without the time of day, which it says.
func sinceBoot(ahead time.Duration) func(time.Duration) uint32 {
	return func(t time.Duration) uint32 { return uint32((t+ahead)/time.Millisecond) | 1<<31 }
}

func swap(shows func(time.Duration) uint32) func(time.Duration) uint32 {
	return func(t time.Duration) uint32 { return bits.ReverseBytes32(shows(t)) }
}

func TestClockDetection(t *testing.T) {
	const ms = time.Millisecond
	rng := rand.New(rand.NewPCG(1, 1))
	for _, tt := range []struct {
		name  string
		shows func(time.Duration) uint32
		want  bool
		as    timestampFormat
	}{
		{"a proper clock", sinceMidnight(9 * time.Hour), true, timestampFormat{false, dayMS}},
		{"at midnight", sinceMidnight(24*time.Hour - 61*time.Second), true, timestampFormat{false, dayMS}},
		{"since boot", sinceBoot(40 * 24 * time.Hour), true, timestampFormat{false, nonStandardMS}},
		{"since boot, wrapping", sinceBoot(nonStandardMS*ms - 61*time.Second), true, timestampFormat{false, nonStandardMS}},
		{"a standard time of many days", func(t time.Duration) uint32 { return uint32(t/ms) + dayMS*3 }, true, timestampFormat{false, nonStandardMS}},
		{"little-endian", swap(sinceMidnight(9 * time.Hour)), true, timestampFormat{true, dayMS}},
		{"little-endian since boot", swap(sinceBoot(9 * time.Hour)), true, timestampFormat{true, nonStandardMS}},
		{"at 200 ppm", func(t time.Duration) uint32 { return sinceMidnight(time.Hour)(t + t/5000) }, true, timestampFormat{false, dayMS}},
		{"zero", func(time.Duration) uint32 { return 0 }, false, timestampFormat{}},
		{"a constant", func(time.Duration) uint32 { return 12_345_678 }, false, timestampFormat{}},
		{"random numbers", func(time.Duration) uint32 { return rng.Uint32N(dayMS) }, false, timestampFormat{}},
		{"seconds", func(t time.Duration) uint32 { return uint32(t / time.Second) }, false, timestampFormat{}},
		{"microseconds", func(t time.Duration) uint32 { return uint32(t / time.Microsecond % dayMS) }, false, timestampFormat{}},
		{"steps of 10 ms", func(t time.Duration) uint32 { return uint32(t/ms) / 10 * 10 }, false, timestampFormat{}},
		{"steps of 16 ms", func(t time.Duration) uint32 { return uint32(t/ms) / 16 * 16 }, false, timestampFormat{}},
	} {
		for _, distance := range []host{{up: 3 * ms, down: 2 * ms}, {up: 20 * ms, down: 11 * ms}, {up: 30 * ms, down: 150 * ms}} {
			t.Run(tt.name, func(t *testing.T) {
				h := distance
				h.shows = tt.shows
				var detector clockDetector
				var c remoteClock
				known := false
				now := time.Minute
				for range maxAnswers {
					now += 200*ms + rtt.NextClockRequest(0, rng.Float64(), 0)
					detector.add(h.ask(now))
					if c, known = detector.detect(); known {
						break
					}
				}
				if known != tt.want || known && c.timestampFormat != tt.as {
					t.Fatalf("%+v, %v after %d answers; want %v %+v", c, known, detector.n, tt.want, tt.as)
				}
				if !known {
					return
				}
				if detector.n > minAnswers+1 {
					t.Errorf("took %d answers", detector.n)
				}
				// A queue shows where it stands, hours later too, on the way over
				// any midnight.
				var before answer
				for at := now; at < now+30*time.Hour; at += 17 * time.Minute {
					calm, queued := h, h
					queued.up += 70 * ms
					up0, down0, ok0 := c.delays(calm.ask(at))
					up1, down1, ok1 := c.delays(queued.ask(at))
					if !ok0 || !ok1 || (up1-up0-70*ms).Abs() > ms || (down1-down0).Abs() > ms {
						t.Fatalf("%v later: %v, %v and with 70ms in the upload %v, %v (%v, %v)", at-now, up0, down0, up1, down1, ok0, ok1)
					}
					if up1+down1 != queued.up+queued.down {
						t.Fatalf("up %v and down %v are not the round trip of %v", up1, down1, queued.up+queued.down)
					}
					before = calm.ask(at)
				}
				before.transmit = tt.shows(before.sent + h.up + 10*time.Second)
				if _, _, ok := c.delays(before); ok {
					t.Error("a host that answered after its answer arrived is believed")
				}
			})
		}
	}
}

// A round trip longer than the trial cannot make a constant look like a clock.
func TestClockDetectionOnALongPath(t *testing.T) {
	h := host{up: time.Second, down: 3 * time.Second, shows: func(time.Duration) uint32 { return 5 }}
	var detector clockDetector
	for i := range maxAnswers {
		detector.add(h.ask(time.Duration(i) * 303 * time.Millisecond))
		if _, ok := detector.detect(); ok {
			t.Fatalf("a constant passes after %d answers", detector.n)
		}
	}
}

// Whatever a host answers, delays that are accepted add up to no more than the
// exchange took.
func FuzzRemoteClock(f *testing.F) {
	f.Add(uint64(1), uint32(1), uint32(2))
	f.Add(uint64(2), uint32(1<<31), uint32(1<<32-1))
	f.Fuzz(func(t *testing.T, seed uint64, receive, transmit uint32) {
		rng := rand.New(rand.NewPCG(seed, 1))
		h := host{up: time.Duration(rng.Int64N(1e9)), down: time.Duration(rng.Int64N(1e9)), shows: sinceMidnight(time.Duration(rng.Int64N(2e14)))}
		if rng.IntN(2) == 0 {
			h.shows = swap(sinceBoot(time.Duration(rng.Int64N(2e14))))
		}
		var detector clockDetector
		var c remoteClock
		known := false
		at := time.Duration(rng.Int64N(2e14))
		for range maxAnswers {
			at += 300*time.Millisecond + time.Duration(rng.Int64N(1e7))
			detector.add(h.ask(at))
			if c, known = detector.detect(); known {
				break
			}
		}
		if !known {
			return
		}
		a := h.ask(at + time.Minute)
		a.receive, a.transmit = receive, transmit
		if up, down, ok := c.delays(a); ok {
			period := time.Duration(c.period) * time.Millisecond
			if sum := wrap(up+down, period); sum > a.arrived-a.sent || sum < -clockSlack {
				t.Errorf("up %v and down %v of a trip of %v", up, down, a.arrived-a.sent)
			}
		}
	})
}
