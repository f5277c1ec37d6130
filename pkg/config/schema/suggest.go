package schema

import (
	"slices"
	"strings"
)

// Find returns the keys that name means: the key of that dotted name, all
// keys of that section, all keys whose last parts are name, or all keys of
// sections whose last parts are.
func Find(keys []Key, name string) []Key {
	for _, match := range []func(Key) bool{
		func(k Key) bool { return k.Name == name },
		func(k Key) bool { return strings.HasPrefix(k.Name, name+".") },
		func(k Key) bool { return strings.HasSuffix(k.Name, "."+name) },
		func(k Key) bool { return name != "" && strings.Contains(k.Name, "."+name+".") },
	} {
		var found []Key
		for _, k := range keys {
			if match(k) {
				found = append(found, k)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// Suggest returns the key or section whose name, or its last part, is closest
// to a misspelt name; "" when nothing is close.
func Suggest(keys []Key, name string) string {
	var full, short []string
	for _, k := range keys {
		full = append(full, k.Name)
		short = append(short, k.Short())
		for section := parent(k.Name); section != ""; section = parent(section) {
			full = append(full, section)
		}
	}
	if !strings.Contains(name, ".") {
		full, short = short, full // a bare word is more likely the last part
	}
	if near := Nearest(name, full); near != "" {
		return near
	}
	return Nearest(name, short)
}

// Hint says where an unknown key belongs or what it may have meant.
func Hint(keys []Key, name string) string {
	last := name[strings.LastIndexByte(name, '.')+1:]
	var siblings, elsewhere []string
	for _, k := range keys {
		if rest, ok := strings.CutPrefix(k.Name, name[:len(name)-len(last)]); ok {
			first, _, _ := strings.Cut(rest, ".")
			siblings = append(siblings, first)
		}
		for n := k.Name; n != ""; n = parent(n) {
			if (n == last || strings.HasSuffix(n, "."+last)) && !slices.Contains(elsewhere, n) {
				elsewhere = append(elsewhere, n)
			}
		}
	}
	if near := Nearest(last, siblings); near != "" {
		return "; did you mean " + near + "?"
	}
	if len(elsewhere) > 0 {
		return "; did you mean " + strings.Join(elsewhere, " or ") + "?"
	}
	if near := Suggest(keys, name); near != "" {
		return "; did you mean " + near + "?"
	}
	return "; 'wanctl config explain' lists all"
}

func firstBelow(keys []Key, section string) string {
	for _, k := range keys {
		if rest, ok := strings.CutPrefix(k.Name, section+"."); ok {
			return rest
		}
	}
	return ""
}

// Nearest returns the candidate with the fewest typing mistakes in name, "" when
// even that one has more than a third of its letters wrong.
func Nearest(name string, candidates []string) string {
	best, bestDistance := "", max(1, len(name)/3)+1
	closer := func(c, part string) {
		if d := distance(strings.ToLower(name), part); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	for _, c := range candidates {
		closer(c, c)
	}
	if best != "" {
		return best
	}
	for _, c := range candidates { // forgotten units: ceiling for ceiling_mbps
		if i := strings.LastIndexByte(c, '_'); i > 0 {
			closer(c, c[:i])
		}
	}
	return best
}

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b (optimal string alignment).
func distance(a, b string) int {
	const far = 1 << 10
	if len(a) > 128 || len(b) > 128 {
		return far
	}
	var before []int
	prev := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev = prev, row
	}
	return prev[len(b)]
}
