package state

import "errors"

// recovered is the part of a damaged state that can be used.
type recovered[T any] struct {
	state T
	doc   object
	path  string    // file that doc is from; "" when neither can be used
	reset []Invalid // values that were removed from doc
}

// recover reads the state of text, the file, or else of backup, where text is no
// JSON object of the right kind. Invalid values are removed one by one, so that
// their defaults apply.
func (f *File[T]) recover(text, backup []byte, validate func(T) []Invalid) recovered[T] {
	var r recovered[T]
	for _, c := range []struct {
		path string
		text []byte
	}{{f.path, text}, {f.BackupPath(), backup}} {
		if doc, err := parseObject(c.text); err == nil && !f.kind.excludes(doc) {
			r.path, r.doc = c.path, doc
			break
		}
	}
	for {
		v, invalid := f.decode(r.doc)
		if len(invalid) == 0 && validate != nil {
			invalid = validate(v)
		}
		r.state = v
		removed := 0
		for _, i := range invalid {
			if raw, _ := r.doc.lookup(i.Key); raw != nil && r.doc.set(i.Key, nil) == nil {
				r.reset = append(r.reset, i)
				removed++
			}
		}
		if removed == 0 {
			return r
		}
	}
}

// errMissing: there is no state file, but a backup.
var errMissing = errors.New("the file is missing")
