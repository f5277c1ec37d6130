package rosconn

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// What an answer is charged is at least what its rows take in memory.
func TestBudgetCoversMemory(t *testing.T) {
	for _, values := range []int{0, 1, 8, 9, 22, 60} {
		t.Run(fmt.Sprintf("%d values", values), func(t *testing.T) {
			const rows = 2000
			b := NewBudget(1 << 30)
			kept := make([]rosdata.Row, 0, rows)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for range rows {
				_ = b.Row()
				r := make(rosdata.Row, 8)
				for i := range values {
					text := strings.Repeat("x", 20)
					r[fmt.Sprint(i)] = text
					_ = b.Value(len(text) + 8)
				}
				kept = append(kept, r)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			took, charged := int(after.HeapAlloc-before.HeapAlloc), memoryFactor<<30-b.memory
			if took > charged+charged/4 {
				t.Errorf("%d rows take %d bytes, charged are %d", rows, took, charged)
			}
			runtime.KeepAlive(kept)
		})
	}
}

func TestBudgetEnds(t *testing.T) {
	b := NewBudget(100)
	if err := b.Receive(100); err != nil {
		t.Error(err)
	}
	if err := b.Receive(1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
	b = NewBudget(100)
	if err := b.Row(); err != nil {
		t.Error(err)
	}
	if err := b.Row(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("two rows in 600 bytes: %v", err)
	}
	if got, want := (&Target{}).Budget(), NewBudget(MaxAnswer); got != want {
		t.Errorf("by default %v, want %v", got, want)
	}
}
