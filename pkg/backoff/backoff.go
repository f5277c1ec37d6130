// Package backoff spaces the retries of a call that fails: writes of limits,
// polls of counters, changes of a steering rule, starts of a pinger.
//
// It is one policy for all of them, and pure: it holds no timer and no clock.
// Each caller keeps a Backoff for each operation, and waits in its own way.
package backoff

import "time"

const (
	// First is the pause after one failure: long enough for a router to end a
	// session or to finish a request that timed out on our side, short enough
	// that a limit that must fall is late by a few control intervals only.
	First = 250 * time.Millisecond
	// Longest bounds the pauses, which double. It is how late the return of a
	// router or an interface is noticed, which may have been gone for hours,
	// and at one call in ten seconds nobody minds the attempts.
	Longest = 10 * time.Second
)

// The pauses after a refusal: an answer, and one that will be the same until
// somebody changes the router. They double too.
const (
	FirstRefusal   = time.Minute
	LongestRefusal = 5 * time.Minute
)

// Delay returns the pause after the nth failure in a row, 0 after none.
func Delay(n int) time.Duration { return delay(n, First, Longest) }

// RefusalDelay returns the pause after the nth refusal in a row, 0 after none.
func RefusalDelay(n int) time.Duration { return delay(n, FirstRefusal, LongestRefusal) }

func delay(n int, first, longest time.Duration) time.Duration {
	if n <= 0 {
		return 0
	}
	// Sixteen doublings exceed the longest; many more would overflow.
	return min(first<<min(n-1, 16), longest)
}

// Backoff counts the failures of one operation. The zero value has none.
// Times are on any one monotonic clock of the caller.
type Backoff struct {
	failures int
	until    time.Duration
}

// Fail records a failure at now and returns the pause before the next attempt.
func (b *Backoff) Fail(now time.Duration) time.Duration {
	b.failures++
	pause := Delay(b.failures)
	b.until = now + pause
	return pause
}

// Stall records at now that a router which answers did not answer this, and returns the
// pause before the next attempt. Pauses begin as those after failures and grow as long
// as those after refusals.
func (b *Backoff) Stall(now time.Duration) time.Duration {
	b.failures++
	pause := delay(b.failures, First, LongestRefusal)
	b.until = now + pause
	return pause
}

// Refuse records a refusal at now and returns the pause before the next attempt.
func (b *Backoff) Refuse(now time.Duration) time.Duration {
	b.failures++
	pause := RefusalDelay(b.failures)
	b.until = now + pause
	return pause
}

// Reset records a success: the next failure is the first one again.
func (b *Backoff) Reset() { *b = Backoff{} }

// Skip ends the pause but keeps the count, for when there is reason to believe
// that the next attempt succeeds.
func (b *Backoff) Skip() { b.until = 0 }

// Until returns the time before which nothing is to be tried.
func (b *Backoff) Until() time.Duration { return b.until }

// Failures returns how many attempts failed in a row.
func (b *Backoff) Failures() int { return b.failures }
