package page

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

const (
	// pollInterval is the time between two polls of the source.
	pollInterval = time.Second
	// overlap is how far each poll of the history reaches back before the
	// previous one: the samples of several daemons arrive late.
	overlap = 5 * time.Second
	// maxStreams bounds the pages that are live at once.
	maxStreams = 32
	// backlog is how many frames a subscriber may lag before it is dropped. It
	// connects again and requests what it missed.
	backlog = 2
	// frameWait bounds one write to a subscriber.
	frameWait = 5 * time.Second
	// heartbeat is the time without a frame after which a comment is sent, so
	// that proxies and dead connections are noticed.
	heartbeat = 15 * time.Second
	// retryAfter is the time that a browser waits before it connects again.
	retryAfter = 2 * time.Second
)

// broadcaster polls the source once a second for all streams together, and only
// while there are any.
type broadcaster struct {
	// dependencies
	source    Source
	now       func() time.Time
	latencies *latencies

	// state
	mu      sync.Mutex // protects the following fields
	streams int
	poller  *poller // nil: no subscriber
}

// poller is the goroutine that polls the source, from the first subscriber to
// the last.
type poller struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine has ended

	// guarded by broadcaster.mu
	subscribers map[*subscriber]struct{}
	newest      []byte // fields event
}

// subscriber is one stream. Its frames are closed when it was too slow.
type subscriber struct {
	poller *poller
	frames chan []byte
}

// subscribe adds a subscriber. It returns nil when there are too many.
func (b *broadcaster) subscribe(ctx context.Context) *subscriber {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.streams >= maxStreams {
		return nil
	}
	b.streams++
	if b.poller == nil {
		// It outlives the request that started it, and ends with the last one.
		pollCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		b.poller = &poller{cancel: cancel, done: make(chan struct{}), subscribers: map[*subscriber]struct{}{}}
		go b.poll(pollCtx, b.poller)
	}
	s := &subscriber{poller: b.poller, frames: make(chan []byte, backlog)}
	b.poller.subscribers[s] = struct{}{}
	if b.poller.newest != nil {
		s.frames <- b.poller.newest
	}
	return s
}

// unsubscribe removes s. The last one waits until the poller has ended.
func (b *broadcaster) unsubscribe(s *subscriber) {
	p := s.poller
	b.mu.Lock()
	b.streams--
	delete(p.subscribers, s)
	last := len(p.subscribers) == 0
	if last && b.poller == p {
		b.poller = nil
	}
	b.mu.Unlock()
	if last {
		p.cancel()
		<-p.done
	}
}

// poll polls the source once a second until ctx ends.
func (b *broadcaster) poll(ctx context.Context, p *poller) {
	defer close(p.done)
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	polled := b.now()
	var known seen
	for {
		at := b.now()
		if at.Before(polled) {
			polled = at // the clock was set back
		}
		askCtx, cancel := context.WithTimeout(ctx, sourceWait)
		host := b.source.Host(askCtx)
		window := b.source.History(askCtx, polled.Add(-overlap))
		timedOut := askCtx.Err() != nil
		cancel()
		if ctx.Err() != nil {
			return
		}
		if !timedOut { // otherwise the page notices the silence
			polled = at
			current := event("fields", newSnapshot(host, at, b.latencies.get(at)))
			frame := current
			window, known = known.news(window)
			if len(window.WANs) > 0 || len(window.Events) > 0 {
				frame = append(bytes.Clone(current), event("history", window)...)
			}
			b.broadcast(p, current, frame)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// broadcast sends frame to every subscriber of p and drops those that do not
// keep up.
func (b *broadcaster) broadcast(p *poller, current, frame []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.newest = current
	if len(frame) == 0 {
		return
	}
	for s := range p.subscribers {
		select {
		case s.frames <- frame:
		default:
			close(s.frames)
			delete(p.subscribers, s)
		}
	}
}

// event returns one server-sent event, nil when doc cannot be encoded: the page
// notices the silence.
func event(name string, doc any) []byte {
	body, err := json.Marshal(doc) // without a line break in it
	if err != nil {
		return nil
	}
	var b bytes.Buffer
	b.Grow(len(body) + 32)
	b.WriteString("event: " + name + "\ndata: ")
	b.Write(body)
	b.WriteString("\n\n")
	return b.Bytes()
}

// serve serves one stream. It ends with the request, so that the server can
// stop, and when the subscriber does not keep up.
func (b *broadcaster) serve(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("X-Accel-Buffering", "no") // a proxy in between must not buffer
	if r.Method == http.MethodHead {
		return
	}
	s := b.subscribe(r.Context())
	if s == nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many pages are live at once ("+strconv.Itoa(maxStreams)+"); use /page/status instead", http.StatusServiceUnavailable)
		return
	}
	defer b.unsubscribe(s)
	out := http.NewResponseController(w)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	frame := []byte("retry: " + strconv.FormatInt(retryAfter.Milliseconds(), 10) + "\n\n")
	for {
		if send(w, out, frame) != nil {
			return
		}
		beat.Reset(heartbeat)
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			frame = []byte(": still here\n\n")
		case next, ok := <-s.frames:
			if !ok {
				return
			}
			frame = next
		}
	}
}

// send writes and flushes one frame. The server's write timeout is meant for
// documents, so each frame gets its own. Behind middleware that cannot set it,
// the stream ends with the server's timeout and the browser connects again.
func send(w http.ResponseWriter, out *http.ResponseController, frame []byte) error {
	if err := out.SetWriteDeadline(time.Now().Add(frameWait)); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if _, err := w.Write(frame); err != nil {
		return err
	}
	return out.Flush()
}

// seen is the content of one window, used to find what is new in the next. The
// newest time would not do: clocks step, and daemons are late.
type seen struct {
	samples map[sampleKey]struct{}
	events  map[eventKey]struct{}
}

type sampleKey struct {
	wan string
	at  int64
}

type eventKey struct {
	at                         int64
	wan, kind, direction, text string
}

// news returns the part of e that was not in the previous window, and the
// content of e.
func (s seen) news(e history.Window) (history.Window, seen) {
	now := seen{map[sampleKey]struct{}{}, map[eventKey]struct{}{}}
	fresh := history.Window{WANs: map[string][]history.Point{}, Events: []history.Event{}}
	for wan, samples := range e.WANs {
		for i := range samples {
			key := sampleKey{wan, samples[i].At.UnixNano()}
			now.samples[key] = struct{}{}
			if _, old := s.samples[key]; !old {
				fresh.WANs[wan] = append(fresh.WANs[wan], samples[i])
			}
		}
	}
	for _, ev := range e.Events {
		key := eventKey{ev.At.UnixNano(), ev.WAN, ev.Kind, ev.Direction, ev.Text}
		now.events[key] = struct{}{}
		if _, old := s.events[key]; !old {
			fresh.Events = append(fresh.Events, ev)
		}
	}
	return fresh, now
}
