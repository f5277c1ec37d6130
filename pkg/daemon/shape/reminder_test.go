package shape

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReminder(t *testing.T) {
	var r reminder
	if r.clear() {
		t.Error("the zero value has something to clear")
	}
	var reported []time.Duration
	var changes int
	for now := time.Duration(0); now < 3*time.Hour; now += time.Minute {
		text := "limit-at"
		if now >= 90*time.Minute {
			text = "denied"
		}
		isNew, due := r.remind(now, text)
		if due {
			reported = append(reported, now)
		}
		if isNew {
			changes++
		}
	}
	want := []time.Duration{0, time.Hour, 90 * time.Minute, 150 * time.Minute}
	if diff := cmp.Diff(want, reported); diff != "" || changes != 2 {
		t.Errorf("%d changes, reported (-want +got):\n%s", changes, diff)
	}
	if !r.clear() || r.clear() {
		t.Error("clear does not report what was wrong, once")
	}
}
