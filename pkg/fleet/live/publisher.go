package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/klauspost/compress/s2"
	"golang.org/x/time/rate"
)

// Bus carries the messages of a fleet. None of its methods keeps anything for later.
type Bus interface {
	Publish(subject string, data []byte) error
	Subscribe(subject string, receive func(subject, reply string, data []byte)) error
	Request(ctx context.Context, subject string, data []byte) ([]byte, error)
}

// queued is how many batches may wait for a bus that stands still: older ones would be of
// no use to anybody.
const queued = 2

// Publisher publishes what the loops of one host do.
type Publisher struct {
	Site, Node string
	Every      time.Duration
	Sample     func(context.Context) Batch                 // what the loops do now, without site and node
	History    func(wan string) (document any, known bool) // the last ten minutes of a WAN
	Dropped    func()                                      // counts a batch that was not published
	Log        *slog.Logger
}

// message is a batch to be published.
type message struct {
	subject string
	data    []byte
}

// Run publishes a batch every interval, and answers requests, until ctx ends. A bus that
// stands still costs batches, and nothing waits for it.
func (p *Publisher) Run(ctx context.Context, bus Bus) {
	waiting := make(chan message, queued)
	defer close(waiting)
	go func() {
		for m := range waiting {
			if bus.Publish(m.subject, m.data) != nil {
				p.Dropped()
			}
		}
	}()
	if err := p.answer(bus); err != nil {
		p.Log.Warn("the fleet cannot ask this node for the history of a WAN", "error", err)
	}
	ticker := time.NewTicker(p.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		b := p.Sample(ctx)
		b.Site, b.Node = p.Site, p.Node
		data, err := b.encode()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			p.Dropped()
			continue
		}
		select {
		case waiting <- message{Subject(b.Site, b.Node), data}:
		default:
			p.Dropped()
		}
	}
}

// asks is how many requests a second a host answers, whoever asks.
const asks = 10

// answer answers requests for the history of a WAN.
func (p *Publisher) answer(bus Bus) error {
	limit := rate.NewLimiter(asks, asks)
	return bus.Subscribe(historySubject(p.Site, p.Node), func(_, reply string, data []byte) {
		if reply == "" || len(data) > maxText || !limit.Allow() {
			return
		}
		document, known := p.History(string(data))
		if !known {
			document = map[string]string{"error": fmt.Sprintf("no loop of %s is called %q", p.Node, data)}
		}
		if text, err := json.Marshal(document); err == nil {
			_ = bus.Publish(reply, s2.Encode(nil, text)) // who asks waits no longer than seconds
		}
	})
}

// Ask returns the last ten minutes of a WAN, a document of JSON, from its node.
func Ask(ctx context.Context, bus Bus, site, node, wan string) (json.RawMessage, error) {
	data, err := bus.Request(ctx, historySubject(site, node), []byte(wan))
	if err != nil {
		return nil, err
	}
	text, err := unpack(data)
	if err != nil || !json.Valid(text) {
		return nil, errors.New("the node answers something that is no history")
	}
	var failed struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(text, &failed) == nil && failed.Error != "" {
		return nil, errors.New(shorten(failed.Error))
	}
	return text, nil
}
