package shape

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/survey"
)

// menuReader is what bypassWatch reads of the router.
type menuReader interface {
	survey.Reader
	Interfaces(ctx context.Context) ([]router.Interface, error)
}

// bypassWatch feeds a bypassDetector from the steps of a loop and from the counters
// of the WAN's interface. It looks for causes on the router when a queue is found to
// be bypassed.
type bypassWatch struct {
	client menuReader
	queues *Queues

	meter   loadMeter   // of the loop's goroutine
	windows chan window // from there to Run; one is dropped rather than waited for

	// State of Run.
	detector bypassDetector
	wan      string        // the interface of the WAN; "" until it is known
	wanBytes [2]uint64     // of it when it was last read
	wanAt    time.Time     // when; zero: never
	pause    time.Duration // after a search for wan, or a reading of it, without success
	retryAt  time.Time     // when it ends

	reports [2]atomic.Pointer[string] // of a queue that is bypassed: what was found, and the likely causes
}

// newBypassWatch returns the watch of the queues q of the WAN cfg.
func newBypassWatch(client menuReader, q *Queues, cfg *config.WAN) *bypassWatch {
	return &bypassWatch{
		client: client, queues: q, windows: make(chan window, 1),
		detector: bypassDetector{ceilings: [2]bitrate.Rate{cfg.Download.Ceiling, cfg.Upload.Ceiling}},
	}
}

// Observe implements control.Observer.
func (b *bypassWatch) Observe(e control.Event) {
	step, ok := e.(*control.Step)
	if !ok {
		return
	}
	if w, ended := b.meter.step(&step.Input, &step.Decision); ended {
		select {
		case b.windows <- w:
		default:
		}
	}
}

// Run evaluates windows until ctx ends.
func (b *bypassWatch) Run(ctx context.Context) error {
	b.readWAN(ctx)
	for i := 1; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case w := <-b.windows:
			w.wan = b.readWAN(ctx)
			b.evaluate(ctx, w)
			if i%4 == 0 { // once a minute
				b.queues.readOverrides(ctx, b.queues.counters)
			}
		}
	}
}

func (b *bypassWatch) evaluate(ctx context.Context, w window) {
	var skip [2]bool
	for d := range skip {
		skip[d] = b.queues.names[d] == "" || b.queues.fault(autorate.Direction(d)) != 0
	}
	var causes string
	if b.detector.add(w, skip) {
		causes = b.causes(ctx)
	}
	for d, bypassed := range b.detector.bypassed {
		switch report := &b.reports[d]; {
		case !bypassed:
			report.Store(nil)
		case report.Load() == nil:
			report.Store(new(b.report(autorate.Direction(d), causes)))
		}
	}
}

// causes returns what may lead traffic past the queues, the most likely first.
func (b *bypassWatch) causes(ctx context.Context) string {
	var texts []string
	for _, c := range b.queues.survey().Causes(ctx, b.client, b.wan) {
		texts = append(texts, c.String())
	}
	return strings.Join(texts, "; ")
}

func (b *bypassWatch) report(d autorate.Direction, causes string) string {
	what := "not one byte while there is delay"
	if load := b.detector.load[d]; load > 0 {
		what = fmt.Sprintf("%s of the %s that pass %s", b.detector.carried[d].Human(), load.Human(), b.wan)
	}
	return fmt.Sprintf("queue %q carries %s: the %v is not limited; likely causes: %s", b.queues.names[d], what, d, causes)
}

// bypassed returns what was found about the queue of d, and its likely causes; "" when
// it carries the load, and where nobody watches. The text stays the same until the
// queue is in use again.
func (b *bypassWatch) bypassed(d autorate.Direction) string {
	if b == nil {
		return ""
	}
	if report := b.reports[d].Load(); report != nil {
		return *report
	}
	return ""
}

// The pause after the interface of the WAN was not found, or could not be read, doubles
// from searchPause to maxSearchPause: on many routers nothing tells which one it is, and
// over REST a reading delays the limits.
const (
	searchPause    = time.Minute
	maxSearchPause = 16 * time.Minute
)

// readWAN returns what has passed the WAN's interface since the last call, received
// and sent; 0 when that is not known.
func (b *bypassWatch) readWAN(ctx context.Context) (rates [2]bitrate.Rate) {
	if time.Now().Before(b.retryAt) {
		return rates
	}
	rates, known := b.measureWAN(ctx)
	if known {
		b.pause = 0
		return rates
	}
	b.pause = min(max(searchPause, 2*b.pause), maxSearchPause)
	b.retryAt, b.wanAt = time.Now().Add(b.pause), time.Time{}
	return rates
}

// measureWAN is readWAN without pauses, and reports whether the interface is known and
// was read.
func (b *bypassWatch) measureWAN(ctx context.Context) (rates [2]bitrate.Rate, known bool) {
	interfaces, err := b.client.Interfaces(ctx)
	if err != nil {
		return rates, false
	}
	find := func(name string) int {
		return slices.IndexFunc(interfaces, func(i router.Interface) bool { return name != "" && i.Name == name })
	}
	i := find(b.wan)
	if i < 0 {
		b.wanAt = time.Time{}
		if i = find(b.queues.survey().WANInterface(ctx, b.client)); i < 0 {
			return rates, false
		}
		b.wan = interfaces[i].Name
	}
	now, bytes := time.Now(), [2]uint64{interfaces[i].Received, interfaces[i].Sent}
	if took := now.Sub(b.wanAt).Seconds(); !b.wanAt.IsZero() && took > 0 {
		for d := range rates {
			rates[d] = bitrate.Rate(float64(bytes[d]-min(bytes[d], b.wanBytes[d])) * 8 / took)
		}
	}
	b.wanBytes, b.wanAt = bytes, now
	return rates, true
}
