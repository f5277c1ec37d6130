// Package live is what the hosts of a fleet do now: a batch a second of each, on its
// subject, and a View of all of them. Nothing of it is kept: who listens late has missed it,
// and has the next batch a second later.
package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/klauspost/compress/s2"
)

// Format is the version of batches. A reader leaves out what it does not know.
const Format = 1

// Bounds of what a reader accepts from the network, and a publisher sends.
const (
	maxBytes = 8 << 20 // of a document, unpacked
	maxWANs  = 5000    // of a host
	maxText  = 300     // of any text, in bytes
)

// Batch is what the loops of one host do.
type Batch struct {
	Format  int    `json:"format"`
	Site    string `json:"site"`
	Node    string `json:"node"`
	Stage   string `json:"stage,omitempty"`
	Version string `json:"version"`
	WANs    []WAN  `json:"wans"`
}

// WAN is one loop. Unknown numbers are null.
type WAN struct {
	Name       string     `json:"wan"`
	Status     string     `json:"status"`            // healthy, starting or degraded
	Reasons    string     `json:"reasons,omitempty"` // why it is not healthy, for people
	RTTMs      *float64   `json:"rtt_ms"`
	BaselineMs *float64   `json:"baseline_rtt_ms"`
	ExcessMs   *float64   `json:"excess_ms"`
	Reflectors int        `json:"reflectors_alive"`
	Download   *Direction `json:"download,omitempty"` // absent where it is not controlled
	Upload     *Direction `json:"upload,omitempty"`
}

// Direction is one direction of a WAN.
type Direction struct {
	State          string   `json:"state"`
	LimitMbps      *float64 `json:"limit_mbps"`
	ThroughputMbps *float64 `json:"throughput_mbps"`
}

// AllSubjects are those of all batches.
const AllSubjects = "wanctl.live.*.*"

// Subject returns where a node publishes. Names may have dots, which part the words of a
// subject.
func Subject(site, node string) string { return "wanctl.live." + word(site) + "." + word(node) }

// historySubject returns where a node answers requests for the last ten minutes of a WAN.
func historySubject(site, node string) string {
	return "wanctl.history." + word(site) + "." + word(node)
}

func word(name string) string { return strings.ReplaceAll(name, ".", "/") }

// encode returns b as it is published.
func (b *Batch) encode() ([]byte, error) {
	b.Format = Format
	text, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	return s2.Encode(nil, text), nil
}

// decode returns a batch that came on a subject. The server decides who may publish there, so
// that no host can speak for another one.
func decode(subject string, data []byte) (*Batch, error) {
	text, err := unpack(data)
	if err != nil {
		return nil, err
	}
	b := new(Batch)
	if err := json.Unmarshal(text, b); err != nil {
		return nil, err
	}
	switch {
	case b.Format != Format:
		return nil, fmt.Errorf("format %d of a batch is not known: this program is too old for %s", b.Format, b.Node)
	case Subject(b.Site, b.Node) != subject:
		return nil, fmt.Errorf("a batch of %s at %s", Subject(b.Site, b.Node), subject)
	case len(b.WANs) > maxWANs || !isName(b.Site) || !isName(b.Node) || long(b.Stage, b.Version):
		return nil, errors.New("too large a batch")
	}
	for i := range b.WANs {
		w := &b.WANs[i]
		if long(w.Name, w.Status) || w.Name == "" || w.Download != nil && long(w.Download.State) || w.Upload != nil && long(w.Upload.State) {
			return nil, errors.New("a text in a batch is too long, or a name missing")
		}
		w.Reasons = shorten(w.Reasons)
	}
	return b, nil
}

// unpack returns the text of packed data, if it is not too long.
func unpack(data []byte) ([]byte, error) {
	n, err := s2.DecodedLen(data)
	if err != nil || n > maxBytes {
		return nil, errors.New("not packed by s2, or too long")
	}
	text, err := s2.Decode(make([]byte, 0, n), data)
	if err != nil {
		return nil, errors.New("not packed by s2")
	}
	return text, nil
}

func long(texts ...string) bool {
	for _, s := range texts {
		if len(s) > maxText {
			return true
		}
	}
	return false
}

func shorten(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "..."
}
