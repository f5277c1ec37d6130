package fluid

import (
	"math"
	"testing"
	"time"
)

func TestQueueIsFirstInFirstOut(t *testing.T) {
	var q Queue
	q.Push(Chunk{Flow: 1, Bytes: 100, At: 10})
	q.Push(Chunk{Flow: 2, Bytes: 50, At: 20})
	q.Push(Chunk{Flow: 3, Bytes: 0, At: 30})
	if q.Bytes() != 150 || q.Sojourn(110) != 100 {
		t.Errorf("%v bytes, oldest waits %v", q.Bytes(), q.Sojourn(110))
	}
	var got [4]float64
	for budget := 120.0; budget > 0; {
		flow, n := q.Take(budget)
		if n == 0 {
			t.Fatal("empty too early")
		}
		got[flow] += n
		budget -= n
	}
	if got != [4]float64{1: 100, 2: 20} || q.Bytes() != 30 || q.Sojourn(110) != 90 {
		t.Errorf("took %v, %v left", got, q.Bytes())
	}
	if q.Take(1000); !q.Empty() || q.Bytes() != 0 {
		t.Errorf("%v bytes left of an empty queue", q.Bytes())
	}
}

func TestBottleneckDropsWhatDoesNotFit(t *testing.T) {
	b := Bottleneck{Buffer: 1000}
	if over := b.Offer(Chunk{Bytes: 800}); over != 0 {
		t.Errorf("%v dropped of what fits", over)
	}
	if over := b.Offer(Chunk{Bytes: 300}); over != 100 || b.Bytes() != 1000 {
		t.Errorf("%v dropped, %v kept", over, b.Bytes())
	}
	if over := b.Offer(Chunk{Bytes: 300}); over != 300 {
		t.Errorf("%v dropped by a full buffer", over)
	}
}

// CoDel leaves a queue alone for an interval, then drops ever faster.
func TestShaperDropsAStandingQueue(t *testing.T) {
	var s Shaper
	var drops []time.Duration
	for now := time.Duration(0); now < time.Second; now += time.Millisecond {
		s.Push(Chunk{Bytes: 5000, At: now})
		for _, n := s.Drop(now); n > 0; _, n = s.Drop(now) {
			drops = append(drops, now)
		}
		for budget := 4000.0; budget > 0; {
			_, n := s.Take(budget)
			if n == 0 {
				break
			}
			budget -= n
		}
	}
	if len(drops) < 20 || uint64(len(drops)) != s.Dropped {
		t.Fatalf("%d drops, %d counted", len(drops), s.Dropped)
	}
	if drops[0] < codelInterval {
		t.Errorf("first drop after %v", drops[0])
	}
	first, last := drops[1]-drops[0], drops[len(drops)-1]-drops[len(drops)-2]
	if last >= first {
		t.Errorf("drops come %v apart at first and %v at last", first, last)
	}
}

func TestAcknowledgementsPassTheBulk(t *testing.T) {
	s := Shaper{Acks: 1000}
	s.Push(Chunk{Bytes: 1e6})
	if n := s.TakeAcks(400); n != 200 {
		t.Errorf("%v bytes of acknowledgements pass a busy shaper of 400, want half", n)
	}
	s.Take(1e6)
	if n := s.TakeAcks(400); n != 400 {
		t.Errorf("%v bytes pass an idle one of 400", n)
	}
	if s.Sent != 600 {
		t.Errorf("%v bytes counted", s.Sent)
	}
}

// wire is a sender on a link of so many bytes a second with a FIFO. One step in
// lossy loses what it would have delivered; 0: none does.
func wire(s *Sender, rate, buffer float64, base time.Duration, length time.Duration, lossy int) (delivered, peak float64) {
	const dt = time.Millisecond
	type slot struct{ acks, losses float64 }
	line := make([]slot, 8192)
	queue := 0.0
	for i := 0; i < int(length/dt); i++ {
		now := time.Duration(i) * dt
		at := &line[i%len(line)]
		s.SetRTT(base.Seconds() + queue/rate)
		if at.acks > 0 {
			s.Acked(now, at.acks)
		}
		if at.losses > 0 {
			s.Lost(now, at.losses)
		}
		*at = slot{}
		due := &line[(i+int(base/dt))%len(line)]
		queue += s.Want(dt.Seconds())
		if over := queue - buffer; over > 0 {
			queue = buffer
			due.losses += over
		}
		out := min(queue, rate*dt.Seconds())
		queue -= out
		if lossy > 0 && i%lossy == 0 {
			due.losses += out
			continue
		}
		due.acks += out
		delivered += out
		peak = max(peak, queue)
	}
	return delivered, peak
}

func TestSendersFillALink(t *testing.T) {
	const rate, base = 5e6, 24 * time.Millisecond // 40 Mbit/s
	bdp := rate * base.Seconds()
	for _, tt := range []struct {
		name      string
		transfer  Transfer
		peak, low float64 // of the queue, in products of bandwidth and delay
	}{
		{"cubic fills the buffer", Transfer{Congestion: Cubic, Bytes: math.Inf(1)}, 10.1, 5},
		{"cubic in bursts, too", Transfer{Congestion: Cubic, Bytes: math.Inf(1), Burst: 4, Seed: 3}, 10.1, 5},
		{"bbr keeps about one in it", Transfer{Congestion: BBR, Bytes: math.Inf(1)}, 3, 0.2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s Sender
			tt.transfer.RTT = base.Seconds()
			s.Start(0, tt.transfer)
			got, peak := wire(&s, rate, 10*bdp, base, 30*time.Second, 0)
			if share := got / (rate * 30); share < 0.9 {
				t.Errorf("delivered %.2f of what the link carries", share)
			}
			if peak > tt.peak*bdp || peak < tt.low*bdp {
				t.Errorf("the queue peaks at %.1f bandwidth-delay products, want %v to %v", peak/bdp, tt.low, tt.peak)
			}
		})
	}
}

// BBR does not care for a loss that halves CUBIC again and again.
func TestLossMattersToCubicAlone(t *testing.T) {
	share := func(c Congestion) float64 {
		var s Sender
		s.Start(0, Transfer{Congestion: c, Bytes: math.Inf(1), RTT: 0.05})
		got, _ := wire(&s, 5e6, 1e6, 50*time.Millisecond, 20*time.Second, 200)
		return got / (5e6 * 20)
	}
	cubic, bbr := share(Cubic), share(BBR)
	if cubic > 0.5 || bbr < 0.8 {
		t.Errorf("with losses CUBIC uses %.2f of the link, BBR %.2f", cubic, bbr)
	}
}

// HyStart ends slow start before the buffer is full.
func TestHyStartLeavesRoomInTheBuffer(t *testing.T) {
	peak := func(wary bool) float64 {
		var s Sender
		s.Start(0, Transfer{Congestion: Cubic, Bytes: math.Inf(1), RTT: 0.024, HyStart: wary})
		_, peak := wire(&s, 5e6, 1.2e6, 24*time.Millisecond, time.Second, 0)
		return peak / 1.2e6
	}
	if with, without := peak(true), peak(false); with > 0.3 || without < 0.99 {
		t.Errorf("in the first second the buffer is filled to %.2f with HyStart, %.2f without", with, without)
	}
}

func TestATransferEnds(t *testing.T) {
	for _, c := range []Congestion{Cubic, BBR} {
		var s Sender
		s.Start(0, Transfer{Congestion: c, Bytes: 300_000, RTT: 0.024, Burst: 4})
		got, _ := wire(&s, 5e6, 1e6, 24*time.Millisecond, 5*time.Second, 0)
		if s.Active || math.Abs(got-300_000) > 1 || s.InFlight() > 1 {
			t.Errorf("%v: delivered %.0f of 300000 bytes, %.0f in flight, active %v", c, got, s.InFlight(), s.Active)
		}
	}
}
