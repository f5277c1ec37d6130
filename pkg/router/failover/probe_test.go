package failover

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
)

func TestReturnToFirstEndpoint(t *testing.T) {
	run(t, func(b *bench) {
		b.endpoints[0].set(down)
		b.info(1)
		b.endpoints[0].seen()
		time.Sleep(time.Minute)
		asked := b.endpoints[0].seen()
		if len(asked) < 3 || len(asked) > 4 || slices.ContainsFunc(asked, func(s string) bool { return s != "Info" }) {
			b.Errorf("asked %v in a minute", asked) // after about 5, 15, 35 and perhaps 60 s
		}
		if len(b.endpoints[1].seen()) != 1 {
			b.Error("the active endpoint was asked as well")
		}
		time.Sleep(time.Hour)
		if n := len(b.endpoints[0].seen()); n < 9 || n > 18 {
			b.Errorf("asked %d times in an hour", n)
		}
		b.wantActive(1)
		if n := b.endpoints[0].open(); n != 1 {
			b.Errorf("%d clients of the first endpoint while it is asked", n)
		}

		b.endpoints[0].set(up)
		time.Sleep(longestPause * 6 / 5)
		synctest.Wait()
		b.wantActive(0)
		b.wantSwitches(2)
		if n := b.endpoints[1].open(); n != 0 {
			b.Errorf("%d clients of the abandoned endpoint are open", n)
		}
		opened := b.endpoints[0].opened
		b.info(0)
		if b.endpoints[0].opened != opened {
			b.Error("the session that found the endpoint open is not the one in use")
		}
		b.mu.Lock()
		back := b.switches[1]
		b.mu.Unlock()
		if back.Why != nil || back.From != "rest r:443" || back.To != "api r:8729" || back.Took < time.Hour {
			b.Errorf("told of %+v", back)
		}
		b.endpoints[0].seen()
		time.Sleep(time.Hour)
		if n := len(b.endpoints[0].seen()); n != 0 {
			b.Errorf("asked %d times on the first endpoint", n)
		}
	})
}

// An endpoint that was abandoned because it did not answer is as good as new once it answers.
func TestStalledEndpointReturns(t *testing.T) {
	run(t, func(b *bench) {
		b.endpoints[0].set(mute)
		for range maxTimeouts {
			b.info(1)
		}
		b.wantActive(1)
		b.endpoints[0].set(up)
		time.Sleep(longestPause)
		for range maxTimeouts {
			b.info(0)
		}
		b.wantSwitches(2)
	})
}

// asked returns after how long the first endpoint was asked for the first time.
func (b *bench) asked() time.Duration {
	b.endpoints[0].seen()
	start := time.Now()
	for len(b.endpoints[0].seen()) == 0 {
		time.Sleep(100 * time.Millisecond)
	}
	return time.Since(start)
}

// A first endpoint that answers the question and nothing else is not asked every
// five seconds for ever.
func TestFlappingIsDamped(t *testing.T) {
	run(t, func(b *bench) {
		var last time.Duration
		for i := range 12 {
			b.endpoints[0].set(down)
			b.info(1)
			b.endpoints[0].set(up)
			last = b.asked()
			synctest.Wait()
			b.wantActive(0)
			if i == 0 && (last < 4*time.Second || last > 6*time.Second+100*time.Millisecond) {
				b.Errorf("first asked after %v", last)
			}
		}
		if last < 4*time.Minute {
			b.Errorf("asked after %v at last", last)
		}
		time.Sleep(longestPause)
		b.endpoints[0].set(down)
		b.info(1)
		if again := b.asked(); again > 7*time.Second {
			b.Errorf("asked after %v, although it had been well for long", again)
		}
	})
}

// Refused credentials on the return are not repeated every few seconds.
func TestRefusedProbe(t *testing.T) {
	run(t, func(b *bench) {
		b.endpoints[0].set(down)
		b.info(1)
		b.endpoints[0].set(func(s *service) { s.err = router.ErrAuth })
		b.endpoints[0].seen()
		time.Sleep(3 * time.Minute)
		if n := len(b.endpoints[0].seen()); n != 1 {
			b.Errorf("%d attempts", n)
		}
		b.endpoints[0].set(up)
		time.Sleep(6 * time.Minute)
		b.wantActive(0)
	})
}

// Back over the second endpoint's failure, without the background's help.
func TestFallbackToFirstEndpoint(t *testing.T) {
	run(t, func(b *bench) {
		b.endpoints[0].set(down)
		b.endpoints[2].set(down)
		b.info(1)
		b.endpoints[0].set(up)
		b.endpoints[1].set(down)
		b.info(0)
		b.wantActive(0)
		b.endpoints[0].seen()
		time.Sleep(time.Hour)
		if n := len(b.endpoints[0].seen()); n != 0 {
			b.Errorf("still asked in the background, %d times", n)
		}
	})
}
