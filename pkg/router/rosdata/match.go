package rosdata

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/router"
)

// Only returns the one row whose property equals value exactly. what is the kind
// of row in errors, such as "queue".
// ErrNotFound with the nearest values when there is none, ErrAmbiguous when
// there are several.
func Only(rows []Row, what, prop, value string) (Row, error) {
	var found []Row
	for _, r := range rows {
		if r[prop] == value {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		values := make([]string, len(rows))
		for i, r := range rows {
			values[i] = r[prop]
		}
		return nil, fmt.Errorf("%s %s: %w%s", what, Quote(value), router.ErrNotFound, near(value, values))
	}
	return nil, fmt.Errorf("%s %s: %w: %d have that %s", what, Quote(value), router.ErrAmbiguous, len(found), prop)
}

// maxCompared is the number of existing values that near compares. Tables of a
// router can have tens of thousands of rows.
const maxCompared = 2000

// near returns a text with the existing values most similar to value.
func near(value string, values []string) string {
	if len(values) == 0 {
		return "; the router has none at all"
	}
	type candidate struct {
		value    string
		distance int
	}
	candidates := make([]candidate, min(len(values), maxCompared))
	for i := range candidates {
		candidates[i] = candidate{values[i], distance(value, values[i])}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	quoted := make([]string, 0, 3)
	for _, c := range candidates[:min(3, len(candidates))] {
		quoted = append(quoted, Quote(c.value))
	}
	if len(values) == len(quoted) {
		return "; the router has " + strings.Join(quoted, ", ")
	}
	return "; the nearest names are " + strings.Join(quoted, ", ")
}

// distance is the number of single-byte edits between two names, upper and
// lower case being the same.
func distance(a, b string) int {
	a, b = strings.ToLower(a[:min(len(a), 64)]), strings.ToLower(b[:min(len(b), 64)])
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
