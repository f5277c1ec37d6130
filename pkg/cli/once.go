package cli

import "errors"

// once is a flag that takes one value. Of two files one would silently be left
// out otherwise. The same value again is harmless: completion parses flags twice.
type once struct {
	value *string
	set   bool
}

// String implements pflag.Value.
func (o *once) String() string {
	if o.value == nil {
		return ""
	}
	return *o.value
}

// Type implements pflag.Value.
func (o *once) Type() string { return "string" }

// Set implements pflag.Value.
func (o *once) Set(v string) error {
	if o.set && v != *o.value {
		return errors.New("it was given before; several WANs are named by --wan NAME, repeated, with --config-dir DIR")
	}
	*o.value, o.set = v, true
	return nil
}
