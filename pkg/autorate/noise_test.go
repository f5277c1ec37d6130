package autorate

import (
	"math/rand/v2"
	"testing"
	"time"
)

const testTick = 50 * time.Millisecond

// learned is the noise of ten idle seconds of a link whose delays draw returns.
func learned(draw func(*rand.Rand) time.Duration) *noise {
	n, rng := &noise{tick: testTick}, rand.New(rand.NewPCG(5, 5))
	for range 200 {
		n.add(draw(rng))
		n.learn(unloaded, 15*time.Millisecond)
	}
	return n
}

func quiet(rng *rand.Rand) time.Duration {
	return time.Duration(rng.Float64() * float64(time.Millisecond))
}

// jittery is mostly small and now and then 40 ms.
func jittery(rng *rand.Rand) time.Duration {
	r := rng.Float64()
	return time.Duration(r * r * r * r * float64(40*time.Millisecond))
}

// A queue counts at once on a quiet link, and after a few samples on one whose
// delays look like queues; its end counts at once on both.
func TestSamplesFollowTheNoise(t *testing.T) {
	const queue = 60 * time.Millisecond
	for _, tt := range []struct {
		name        string
		draw        func(*rand.Rand) time.Duration
		least, most int // samples until a queue shows
	}{
		{"quiet", quiet, 1, 1},
		{"uniform", func(rng *rand.Rand) time.Duration { return time.Duration(rng.Float64() * float64(6*time.Millisecond)) }, 1, 2},
		{"jitter", jittery, 2, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := learned(tt.draw)
			n.add(0)
			took := 0
			for n.excess() < queue {
				if n.add(queue); took > maxSamples {
					t.Fatal("a queue never shows")
				}
				took++
			}
			if took < tt.least || took > tt.most || took != n.extra+1 {
				t.Errorf("a queue shows after %d samples, %d to %d wanted", took, tt.least, tt.most)
			}
			if n.add(0); n.excess() != 0 {
				t.Errorf("it is gone, and the excess is %v", n.excess())
			}
		})
	}
}

// On a link with jitter few samples pass the threshold, though it has not grown
// with the jitter.
func TestJitterStaysBelowTheThreshold(t *testing.T) {
	n, rng := learned(jittery), rand.New(rand.NewPCG(6, 6))
	over, single := 0, 0
	threshold := n.threshold(0, 15*time.Millisecond)
	for range 2000 {
		x := jittery(rng)
		if n.add(x); n.excess() > threshold {
			over++
		}
		if x > threshold {
			single++
		}
	}
	if threshold > 12*time.Millisecond || over > 300 || 3*over > single {
		t.Errorf("threshold %v: %d of 2000 above it, %d by single samples", threshold, over, single)
	}
}

// Bursts under load are not the link's noise, but for false alarms. What was seen
// without load stays true under load, and is forgotten when it is no longer seen.
func TestNoiseIsLearnedSlowlyUnderLoad(t *testing.T) {
	loaded := func(n *noise, draw func(*rand.Rand) time.Duration) time.Duration {
		rng := rand.New(rand.NewPCG(7, 7))
		for range 2000 {
			n.add(draw(rng))
			n.learn(held, 15*time.Millisecond)
		}
		return n.p90[0]
	}
	if got := loaded(learned(quiet), jittery); got > noiseLoaded+time.Millisecond {
		t.Errorf("noise %v learned under load", got)
	}
	n := learned(quiet)
	for range 100 {
		n.falseAlarm()
	}
	if got := loaded(n, jittery); got < noiseLoaded+falseAlarmMost/2 || got > noiseLoaded+falseAlarmMost+2*time.Millisecond {
		t.Errorf("noise %v learned under load after false alarms", got)
	}
	idle := learned(jittery)
	if before, got := idle.p90[0], loaded(idle, jittery); got < before*2/3 {
		t.Errorf("noise %v without load is %v after load", before, got)
	}
	if got := loaded(learned(jittery), quiet); got > 3*time.Millisecond {
		t.Errorf("noise %v though there is none", got)
	}
}

// What was in use before a restart is in use after it, and goes on.
func TestRecalledSamples(t *testing.T) {
	before := learned(jittery)
	after := noise{tick: testTick}
	after.restore(before.value(), before.extra+1)
	if after.extra != before.extra || after.value() != before.value() {
		t.Errorf("%d samples, noise %v; before %d, %v", after.extra+1, after.value(), before.extra+1, before.value())
	}
	rng := rand.New(rand.NewPCG(8, 8))
	for range 5 {
		after.add(jittery(rng))
		after.learn(unloaded, 15*time.Millisecond)
	}
	if after.extra+1 < 2 {
		t.Error("what was known is forgotten at once")
	}
	for _, samples := range []int{-1, 0, 1, 99} {
		n := noise{tick: testTick}
		if n.restore(time.Millisecond, samples); n.extra < 0 || n.extra >= maxSamples {
			t.Errorf("%d samples recalled as %d", samples, n.extra+1)
		}
	}
}

// On a noisy line more noise is learned under load: what a download shows whose shaper
// holds the flow, however much, and what has gone by itself, up to what a single sample
// shows of the unloaded line. A queue that stands, or grows, teaches nothing.
func TestLoadTeachesANoisyLine(t *testing.T) {
	after := func(n *noise, why lesson, x func(i int, rng *rand.Rand) time.Duration) [maxSamples]time.Duration {
		rng := rand.New(rand.NewPCG(8, 8))
		for i := range 400 {
			n.add(x(i, rng))
			n.learn(why, 15*time.Millisecond)
		}
		return n.p90
	}
	bursts := func(_ int, rng *rand.Rand) time.Duration { return 20*time.Millisecond + jittery(rng) }
	if got := after(learned(jittery), held, bursts); got[maxSamples-1] < 19*time.Millisecond {
		t.Errorf("noise %v though the shaper holds a flow of bursts that last", got)
	}
	if got := after(learned(quiet), held, bursts); got[0] > noiseLoaded+time.Millisecond {
		t.Errorf("noise %v on a quiet line", got)
	}
	more := func(_ int, rng *rand.Rand) time.Duration { return 2 * jittery(rng) }
	n := learned(jittery)
	single, pairs := n.p90[0], n.p90[1]
	if got := after(n, passed, more); got[0] > single*5/4 || got[1] < pairs*5/4 {
		t.Errorf("noise %v of twice the jitter, %v and %v before", got, single, pairs)
	}
	for name, queue := range map[string]func(int, *rand.Rand) time.Duration{
		"stands": func(int, *rand.Rand) time.Duration { return 50 * time.Millisecond },
		"grows":  func(i int, _ *rand.Rand) time.Duration { return time.Duration(i) * time.Millisecond },
	} {
		if got := after(learned(jittery), passed, queue); got[0] > single/2 {
			t.Errorf("noise %v of a queue that %s, %v before", got, name, single)
		}
	}
}
