// Package fluid is traffic in fluid approximation: queues hold bytes instead of
// packets, senders react to bytes acknowledged and bytes lost, and time passes
// in steps of a caller's choice. It is the inner loop of the simulated link.
package fluid

import "time"

// Packet is the size of a full frame in bytes.
const Packet = 1514.0

// Chunk is what one flow put into a queue in one step.
type Chunk struct {
	Flow  int
	Bytes float64
	At    time.Duration // when it entered this queue
}

// Queue is a FIFO of chunks.
type Queue struct {
	chunks []Chunk
	head   int
	bytes  float64
}

// Bytes returns how much waits.
func (q *Queue) Bytes() float64 { return q.bytes }

// Empty reports that nothing waits.
func (q *Queue) Empty() bool { return q.head == len(q.chunks) }

// Push appends c.
func (q *Queue) Push(c Chunk) {
	if c.Bytes <= 0 {
		return
	}
	if q.head > 1024 && q.head > len(q.chunks)/2 {
		n := copy(q.chunks, q.chunks[q.head:])
		q.chunks, q.head = q.chunks[:n], 0
	}
	q.chunks = append(q.chunks, c)
	q.bytes += c.Bytes
}

// Take removes up to budget bytes of the oldest chunk: call it until the budget
// is spent or it returns 0.
func (q *Queue) Take(budget float64) (flow int, bytes float64) {
	if q.head == len(q.chunks) {
		return 0, 0
	}
	c := &q.chunks[q.head]
	flow, bytes = c.Flow, min(c.Bytes, budget)
	c.Bytes -= bytes
	q.bytes -= bytes
	if c.Bytes <= 1e-9 {
		if q.head++; q.head == len(q.chunks) {
			q.chunks, q.head, q.bytes = q.chunks[:0], 0, 0
		}
	}
	return flow, bytes
}

// Due removes and returns the oldest chunk if its At is not after now.
func (q *Queue) Due(now time.Duration) (c Chunk, ok bool) {
	if q.head == len(q.chunks) || q.chunks[q.head].At > now {
		return Chunk{}, false
	}
	c = q.chunks[q.head]
	q.Take(c.Bytes)
	return c, true
}

// Sojourn is how long the oldest byte has been waiting.
func (q *Queue) Sojourn(now time.Duration) time.Duration {
	if q.head == len(q.chunks) {
		return 0
	}
	return now - q.chunks[q.head].At
}

// Bottleneck is the ISP's box: a deep FIFO that drops what does not fit.
type Bottleneck struct {
	Queue
	Buffer float64 // bytes
}

// Offer enqueues what fits and returns what does not.
func (b *Bottleneck) Offer(c Chunk) (overflow float64) {
	if free := b.Buffer - b.bytes; c.Bytes > free {
		overflow = c.Bytes - max(0, free)
		c.Bytes -= overflow
	}
	b.Push(c)
	return overflow
}
