package daemon

import "errors"

// Closers releases what was opened, in the reverse order. The zero value has
// nothing to release.
type Closers struct{ list []func() error }

// OnClose has Close call f before everything that was added earlier.
func (c *Closers) OnClose(f func() error) { c.list = append(c.list, f) }

// Close calls all functions, each once, and joins their errors.
func (c *Closers) Close() error {
	var errs []error
	for i := len(c.list) - 1; i >= 0; i-- {
		errs = append(errs, c.list[i]())
	}
	c.list = nil
	return errors.Join(errs...)
}
