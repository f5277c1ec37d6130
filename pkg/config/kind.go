package config

import (
	"io"

	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/regfile"
)

// FileKind is one of the two kinds of file.
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

// Sections that only one kind of file has.
var (
	wanSections      = []string{"queues", "continuous_monitoring"}
	steeringSections = []string{"topology", "mangle_rule", "cake_state_sources", "cake_queues", "address_lists", "confidence"}
)

// DetectKind returns the kind of the file at path, from its sections, whatever else
// may be wrong with it. A file whose sections do not say, because it is missing or
// empty, is of steering when it has that name: its loader has the right advice.
func DetectKind(path string) FileKind {
	kind := kindOfFile(path)
	if kind == KindUnknown && baseName(path) == "steering" {
		return KindSteering
	}
	return kind
}

func kindOfFile(path string) FileKind {
	f, err := regfile.Open(path)
	if err != nil {
		return KindUnknown
	}
	defer func() { _ = f.Close() }() // only read
	return ReadKind(f)
}

// mayBeWAN reports whether the file at path is that of a WAN. One that cannot be read
// or parsed counts, so that a mistake in a file never makes another the only one.
func mayBeWAN(path string) bool {
	f, err := regfile.Open(path)
	if err != nil {
		return true
	}
	defer func() { _ = f.Close() }() // only read
	root, ok := new(schema.Reader).Document(f)
	if !ok {
		return baseName(path) != "steering"
	}
	_, _, found := root.Line(wanSections...)
	return found
}

// ReadKind is DetectKind for a configuration that is not a file.
func ReadKind(src io.Reader) FileKind {
	root, ok := new(schema.Reader).Document(src)
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
