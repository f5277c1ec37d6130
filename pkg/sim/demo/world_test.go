package demo

import (
	"testing"
	"time"
)

// The uncontrolled side is bloated and fully used, never more than fully.
func TestMeasuresAreHonest(t *testing.T) {
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
