package config

import (
	"io"
	"os"
)

// FileKind is which of the two kinds of file something is.
type FileKind uint8

// The kinds of file.
const (
	KindUnknown FileKind = iota // has the sections of neither, or cannot be read
	KindWAN
	KindSteering
)

func (k FileKind) String() string {
	switch k {
	case KindWAN:
		return "wan"
	case KindSteering:
		return "steering"
	case KindUnknown:
	}
	return "unknown"
}

// Kind tells by its sections what kind of file is at path, whatever else may be
// wrong with it. Of what cannot be read, the loader of either kind says why.
func Kind(path string) FileKind {
	f, err := os.Open(path)
	if err != nil {
		return KindUnknown
	}
	defer func() { _ = f.Close() }() // only read
	return ReadKind(f)
}

// ReadKind is Kind for a configuration that is not a file.
func ReadKind(src io.Reader) FileKind {
	r := newReader("", "", Options{})
	root, ok := r.Document(src)
	if !ok {
		return KindUnknown
	}
	if _, _, found := root.Line(steeringSections...); found {
		return KindSteering
	}
	if _, _, found := root.Line(wanSections...); found {
		return KindWAN
	}
	return KindUnknown
}
