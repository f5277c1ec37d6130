package demo

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

// The uncontrolled side is bloated and fully used, never more than fully.
func TestMeasuresMatchTheLink(t *testing.T) {
	w := NewWorld(time.Now(), [2]string{"d", "u"})
	for at := time.Duration(0); at <= Length; at += 1700 * time.Microsecond {
		w.advance(at)
		for len(w.events) > 0 {
			<-w.events
		}
	}
	_, alone := w.Compare()
	if alone.Utilisation < 0.95 || alone.Utilisation > 1.001 {
		t.Errorf("utilisation without control %.3f", alone.Utilisation)
	}
	if alone.P50 < 100*time.Millisecond || alone.Above30 < 0.9 {
		t.Errorf("without control: excess p50 %v, share above 30 ms %.2f", alone.P50, alone.Above30)
	}
	if w.dropped > 0 {
		t.Errorf("%d events dropped", w.dropped)
	}
}

// One direction alone: only that one is loaded and measured, and the other one has no
// queue.
func TestOneDirection(t *testing.T) {
	for _, tt := range []struct {
		name   string
		queues [2]string
		loaded autorate.Direction
	}{
		{"download", [2]string{"d", ""}, autorate.Download},
		{"upload", [2]string{"", "u"}, autorate.Upload},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := NewWorld(time.Now(), tt.queues)
			for at := time.Duration(0); at <= Length; at += 20 * time.Millisecond {
				w.advance(at)
				for len(w.events) > 0 {
					<-w.events
				}
			}
			if got := w.alone.link.Delivered(tt.loaded); got == 0 {
				t.Error("nothing was carried")
			}
			// Acknowledgements and probes alone.
			if got := w.alone.link.Delivered(1 - tt.loaded); got > w.alone.link.Delivered(tt.loaded)/10 {
				t.Errorf("the other direction carried %.0f bytes", got)
			}
			if _, alone := w.Compare(); alone.Utilisation < 0.9 || alone.P95 < 50*time.Millisecond {
				t.Errorf("without control: %+v", alone)
			}
			if w.SetMaxLimit("", 1) == nil {
				t.Error("a direction without a queue was limited")
			}
		})
	}
}
