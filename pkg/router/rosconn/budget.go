package rosconn

import (
	"cmp"
	"errors"
)

// MaxAnswer is the size limit of one answer in bytes, over every protocol, unless a
// Target has another. Thirty thousand address-list rows take about 6 MiB.
const MaxAnswer = 8 << 20

// ErrTooLarge is the Cause of an Error about an answer that exceeds its Budget.
var ErrTooLarge = errors.New("answer is too large")

// Budget is what an answer may still cost: bytes that are received, and memory for its
// rows, which are maps. Without the second, an answer of empty rows would take thirty
// times its size.
type Budget struct{ received, memory int }

const (
	// memoryFactor is the memory that rows may take, in sizes of the answer. Rows of a
	// router take three to five.
	memoryFactor = 6
	// rowCost and valueCost are what a row and each of its values take in bytes,
	// besides their text.
	rowCost   = 320
	valueCost = 64
)

// NewBudget returns the budget of an answer of at most size bytes.
func NewBudget(size int) Budget { return Budget{size, memoryFactor * size} }

// Budget returns the budget of an answer of t.
func (t *Target) Budget() Budget { return NewBudget(cmp.Or(t.MaxAnswer, MaxAnswer)) }

// Bytes returns how many bytes may still be received.
func (b *Budget) Bytes() int { return b.received }

// Receive takes n bytes, or returns ErrTooLarge.
func (b *Budget) Receive(n int) error {
	b.received -= n
	return b.check()
}

// Row takes a row, or returns ErrTooLarge.
func (b *Budget) Row() error {
	b.memory -= rowCost
	return b.check()
}

// Value takes a value of a row and its text, or returns ErrTooLarge.
func (b *Budget) Value(text int) error {
	b.memory -= valueCost + text
	return b.check()
}

func (b *Budget) check() error {
	if b.received < 0 || b.memory < 0 {
		return ErrTooLarge
	}
	return nil
}
