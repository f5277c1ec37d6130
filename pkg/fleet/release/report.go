package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Result is how a node stands with a revision.
type Result string

// The results.
const (
	Waiting  Result = "waiting"  // no release has been read yet
	OnTrial  Result = "trial"    // in use, for less than two minutes
	Applied  Result = "applied"  // in use
	Refused  Result = "refused"  // never in use: not signed, invalid, lower than one seen
	Failed   Result = "failed"   // could not be fetched or kept; it is tried again
	Returned Result = "returned" // was in use, and the node went back by itself
)

// Results lists all results.
func Results() []Result { return []Result{Waiting, OnTrial, Applied, Refused, Failed, Returned} }

// Report is what a node says of itself. It is not signed.
type Report struct {
	Format   int      `json:"format"`
	Node     string   `json:"node"`
	Site     string   `json:"site"`
	Stage    string   `json:"stage"`
	Revision uint64   `json:"revision"` // in use; 0: none
	Seen     uint64   `json:"seen"`     // the highest of a release that was signed
	Tried    uint64   `json:"tried"`    // that Result is about
	Result   Result   `json:"result"`
	Reason   string   `json:"reason"`
	Loops    int      `json:"loops"`
	Degraded []string `json:"degraded"`     // names of loops, the first ones
	Unwell   int      `json:"loops_unwell"` // how many
	Local    []string `json:"local_files"`  // names of the set that files of the host replace
	Version  string   `json:"version"`

	Age time.Duration `json:"-"` // since it was written
}

const (
	maxReport = 16 << 10
	maxListed = 8 // names in a report
)

// NewReport returns r as it is sent: with bounded lists and texts.
func NewReport(r Report) []byte {
	r.Format = Format
	r.Local = append([]string{}, r.Local[:min(len(r.Local), maxListed)]...)
	r.Degraded = append([]string{}, r.Degraded[:min(len(r.Degraded), maxListed)]...)
	if len(r.Reason) > 1000 {
		r.Reason = strings.ToValidUTF8(r.Reason[:1000], "") + "..."
	}
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and numbers always have JSON
	}
	return text
}

// ParseReport reads what a node says of itself.
func ParseReport(node string, text []byte) (r Report, err error) {
	if len(text) > maxReport {
		return r, fmt.Errorf("%s: has %d bytes", NodeKey(node), len(text))
	}
	if err := strict(text, &r); err != nil {
		return r, fmt.Errorf("%s: %w", NodeKey(node), err)
	}
	if r.Node != node || !slices.Contains(Results(), r.Result) || r.Loops < 0 || r.Unwell < 0 {
		return r, fmt.Errorf("%s: is no report of that node", NodeKey(node))
	}
	return r, nil
}

// Reports returns what all nodes say of themselves. What is no report is left out: anybody may
// write there.
func Reports(ctx context.Context, s Store) (reports []Report, err error) {
	keys, err := s.Keys(ctx, nodePrefix)
	if err != nil {
		return nil, err
	}
	slices.Sort(keys)
	for _, key := range keys {
		e, err := s.Get(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		if r, err := ParseReport(strings.TrimPrefix(key, nodePrefix), e.Value); err == nil {
			r.Age = e.Age
			reports = append(reports, r)
		}
	}
	return reports, nil
}

// Present returns the reports of the nodes of a stage that are not absent.
func Present(reports []Report, stage string) []Report {
	return slices.DeleteFunc(slices.Clone(reports), func(r Report) bool { return r.Stage != stage || r.Age > AbsentTime })
}
