package linksim

import "time"

// chunk is what one flow put into a queue in one step.
type chunk struct {
	flow  int
	bytes float64
	at    time.Duration // when it entered this queue
}

// queue is a FIFO of chunks in fluid approximation.
type queue struct {
	chunks []chunk
	head   int
	bytes  float64
}

func (q *queue) push(c chunk) {
	if c.bytes <= 0 {
		return
	}
	if q.head > 1024 && q.head > len(q.chunks)/2 {
		n := copy(q.chunks, q.chunks[q.head:])
		q.chunks, q.head = q.chunks[:n], 0
	}
	q.chunks = append(q.chunks, c)
	q.bytes += c.bytes
}

// pop takes up to budget bytes off the head, handing each piece to out.
func (q *queue) pop(budget float64, out func(flow int, bytes float64)) {
	for budget > 0 && q.head < len(q.chunks) {
		c := &q.chunks[q.head]
		n := min(c.bytes, budget)
		c.bytes -= n
		budget -= n
		q.bytes -= n
		flow := c.flow
		if c.bytes <= 1e-9 {
			q.head++
		}
		out(flow, n)
	}
	if q.head == len(q.chunks) {
		q.chunks, q.head, q.bytes = q.chunks[:0], 0, 0
	}
}

// dropHead removes up to n bytes of the oldest chunk and returns whose.
func (q *queue) dropHead(n float64) (flow int, dropped float64) {
	if q.head == len(q.chunks) {
		return 0, 0
	}
	c := &q.chunks[q.head]
	dropped = min(n, c.bytes)
	c.bytes -= dropped
	q.bytes -= dropped
	flow = c.flow
	if c.bytes <= 1e-9 {
		q.head++
	}
	return flow, dropped
}

// sojourn is how long the oldest byte has been waiting.
func (q *queue) sojourn(now time.Duration) time.Duration {
	if q.head == len(q.chunks) {
		return 0
	}
	return now - q.chunks[q.head].at
}

// shaper stands in for a CAKE queue on the router: a limit, CoDel on what
// waits, and no delay for sparse flows, which it isolates.
type shaper struct {
	queue
	limit float64 // bit/s

	// CoDel, RFC 8289.
	above    time.Duration // when the sojourn time first stayed above target
	dropping bool
	next     time.Duration
	count    int

	sent    float64 // bytes
	dropped uint64  // packets
}

const (
	codelTarget   = 5 * time.Millisecond
	codelInterval = 100 * time.Millisecond
	packet        = 1514.0
)

// manage drops by CoDel and returns the flow and bytes lost in this step.
func (s *shaper) manage(now time.Duration, lost func(flow int, bytes float64)) {
	if s.sojourn(now) < codelTarget || s.bytes < 2*packet {
		s.above, s.dropping = 0, false
		return
	}
	if s.above == 0 {
		s.above = now + codelInterval
		return
	}
	if now < s.above {
		return
	}
	if !s.dropping {
		s.dropping, s.next = true, now
		s.count = max(1, s.count/2)
	}
	for s.dropping && now >= s.next && s.bytes > packet {
		flow, n := s.dropHead(packet)
		s.dropped++
		lost(flow, n)
		s.count++
		s.next += time.Duration(float64(codelInterval) / sqrt(float64(s.count)))
	}
}

// bottleneck is the ISP's box: a deep FIFO drained at the capacity.
type bottleneck struct {
	queue
	buffer float64 // bytes
}

// offer enqueues what fits and returns what does not.
func (b *bottleneck) offer(c chunk) (overflow float64) {
	if free := b.buffer - b.bytes; c.bytes > free {
		overflow = c.bytes - max(0, free)
		c.bytes -= overflow
	}
	b.push(c)
	return overflow
}
