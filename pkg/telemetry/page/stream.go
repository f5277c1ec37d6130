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
	// pollInterval is the time between two looks at the source.
	pollInterval = time.Second
	// overlap is how far each look at the history reaches back before the one
	// before: the samples of several daemons come in late.
	overlap = 5 * time.Second
	// maxStreams bounds the pages that are live at once.
	maxStreams = 32
	// backlog is how many frames a client may be late before it is dropped. It
	// connects again and asks for what it missed.
	backlog = 2
	// frameWait bounds how long one write to a client may take.
	frameWait = 5 * time.Second
	// heartbeat is the time without a frame after which a comment is sent, so
	// that proxies and dead connections show.
	heartbeat = 15 * time.Second
	// retryAfter is what a browser waits before it connects again.
	retryAfter = 2 * time.Second
)

// hub feeds every stream from one look a second at the source, and looks only
// while there is a stream.
type hub struct {
	// dependencies
	source Source
	now    func() time.Time

	// state
	mu   sync.Mutex // protects the following fields
	open int        // streams
	feed *feed      // nil: nobody listens
}

// feed is the goroutine that looks at the source, from the first client that
// comes to the last one that leaves.
type feed struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine has ended

	// guarded by hub.mu
	clients map[*client]struct{}
	status  []byte // the newest status event
}

// client is one stream. Its frames are closed when it was too slow.
type client struct {
	feed   *feed
	frames chan []byte
}

// join adds a client, nil when there are too many.
func (h *hub) join(ctx context.Context) *client {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open >= maxStreams {
		return nil
	}
	h.open++
	if h.feed == nil {
		// It outlives the request that started it, and ends with the last one.
		feedCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		h.feed = &feed{cancel: cancel, done: make(chan struct{}), clients: map[*client]struct{}{}}
		go h.run(feedCtx, h.feed)
	}
	c := &client{feed: h.feed, frames: make(chan []byte, backlog)}
	h.feed.clients[c] = struct{}{}
	if h.feed.status != nil {
		c.frames <- h.feed.status
	}
	return c
}

// leave takes c off. The last one waits until the feed has ended.
func (h *hub) leave(c *client) {
	h.mu.Lock()
	h.open--
	delete(c.feed.clients, c)
	last := len(c.feed.clients) == 0
	if last && h.feed == c.feed {
		h.feed = nil
	}
	h.mu.Unlock()
	if last {
		c.feed.cancel()
		<-c.feed.done
	}
}

// run looks at the source once a second until ctx ends.
func (h *hub) run(ctx context.Context, f *feed) {
	defer close(f.done)
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	looked := h.now()
	var known seen
	for {
		at := h.now()
		if at.Before(looked) {
			looked = at // the clock was set back
		}
		askCtx, cancel := context.WithTimeout(ctx, sourceWait)
		host := h.source.Host(askCtx)
		excerpt := h.source.History(askCtx, looked.Add(-overlap))
		late := askCtx.Err() != nil
		cancel()
		if ctx.Err() != nil {
			return
		}
		if !late { // else it is no answer, and the page sees that nothing comes
			looked = at
			status := event("status", filledHost(host))
			frame := status
			excerpt, known = known.news(excerpt)
			if len(excerpt.WANs) > 0 || len(excerpt.Events) > 0 {
				frame = append(bytes.Clone(status), event("history", filled(excerpt))...)
			}
			h.broadcast(f, status, frame)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// broadcast hands frame to every client of f and drops those that are late.
func (h *hub) broadcast(f *feed, status, frame []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f.status = status
	if len(frame) == 0 {
		return
	}
	for c := range f.clients {
		select {
		case c.frames <- frame:
		default:
			close(c.frames)
			delete(f.clients, c)
		}
	}
}

// event is one server-sent event, nothing when doc cannot be encoded: the page
// sees that nothing comes.
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

// serve is one stream. It ends with the request, so that the server can stop,
// and when the client does not keep up.
func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("X-Accel-Buffering", "no") // a proxy in between must not wait for more
	if r.Method == http.MethodHead {
		return
	}
	c := h.join(r.Context())
	if c == nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many pages are live at once ("+strconv.Itoa(maxStreams)+"); ask /page/status instead", http.StatusServiceUnavailable)
		return
	}
	defer h.leave(c)
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
		case next, ok := <-c.frames:
			if !ok {
				return
			}
			frame = next
		}
	}
}

// send writes one frame and sees that it leaves. The server's timeout is for
// documents: each frame gets its own. Behind middleware that hides how to set
// it, the stream ends with the server's, and the browser comes back.
func send(w http.ResponseWriter, out *http.ResponseController, frame []byte) error {
	if err := out.SetWriteDeadline(time.Now().Add(frameWait)); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if _, err := w.Write(frame); err != nil {
		return err
	}
	return out.Flush()
}

// seen is what one excerpt held, to tell what is new in the next one. It does
// not go by the newest time: clocks step, and daemons are late.
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

// news returns what in e was not in the excerpt before, and what e held.
func (s seen) news(e history.Excerpt) (history.Excerpt, seen) {
	now := seen{map[sampleKey]struct{}{}, map[eventKey]struct{}{}}
	fresh := history.Excerpt{WANs: map[string][]history.Sample{}}
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
