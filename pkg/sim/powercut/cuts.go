package powercut

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Recording is what a program did to the files below a directory.
type Recording struct {
	dir string
	ops []op
}

// file is the number of a file, by the order in which they were made.
type file int

// directory is the file of a name that is a directory's.
const directory file = -1

// op is a change, or an acknowledgement.
type op struct {
	kind kind
	file file
	path string // absolute
	to   string // of a rename or link
	at   int64  // offset of a write, or the new size
	data []byte // of a write
}

type kind int

const (
	created kind = iota + 1
	made         // a directory
	written
	truncated
	renamed
	linked
	removed
	synced
	syncedDir
	printed
)

// disk is what is durable, and what may be lost.
type disk struct {
	names   map[string]file // durable names by path
	content map[file][]byte // durable content
	now     map[string]file // names as the program sees them
	pending []change        // in the order in which they were made
}

// change is what a power cut may undo: of the content of a file, or of names.
type change struct {
	op
	names map[string]file // new values; 0: removed
	dirs  []string        // of the names
}

// ways is in how many ways a change may survive: not at all, whole, and a write by half
// or as zeros.
func (c *change) ways() int {
	if c.kind == written && len(c.data) > 1 {
		return 4
	}
	return 2
}

// Disk is what the disk may hold after a power cut.
type Disk struct {
	Dir     string // what the recorded directory is now
	Printed string // what the program had written to standard output
}

// Cuts calls check with every state that the disk may be in after a power cut at any
// moment of the recording, without repetitions; dir is empty and is made use of. Where
// more than most states are possible at one moment it tries those in which all or
// nothing, or all but one change is lost, and others by chance, in the same way each
// time. It returns how many it tried.
func (r *Recording) Cuts(dir string, most int, check func(Disk) error) (tried int, err error) {
	d := disk{names: map[string]file{}, content: map[file][]byte{}, now: map[string]file{}}
	seen := map[uint64]bool{}
	var out strings.Builder
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range len(r.ops) + 1 {
		for _, ways := range d.outcomes(most, rng) {
			names, content := d.after(ways)
			if sum := fingerprint(names, content, out.String()); seen[sum] {
				continue
			} else {
				seen[sum] = true
			}
			tried++
			at := filepath.Join(dir, fmt.Sprint(tried))
			if err := r.layOut(at, names, content); err != nil {
				return tried, err
			}
			if err := check(Disk{at, out.String()}); err != nil {
				return tried, fmt.Errorf("power cut before change %d of %d, of those not synced %v survive: %w\n%s",
					i+1, len(r.ops), ways, err, r.story(i))
			}
			if err := os.RemoveAll(at); err != nil {
				return tried, err
			}
		}
		if i < len(r.ops) {
			if r.ops[i].kind == printed {
				out.Write(r.ops[i].data)
			}
			d.apply(&r.ops[i])
		}
	}
	return tried, nil
}

// apply carries out an operation.
func (d *disk) apply(o *op) {
	c := change{op: *o}
	switch o.kind {
	case written, truncated:
		d.pending = append(d.pending, c)
		return
	case synced:
		d.settle(func(c *change) bool { return c.names == nil && c.file == o.file })
		return
	case syncedDir:
		d.settle(func(c *change) bool { return slices.Contains(c.dirs, o.path) })
		return
	case created:
		c.names = map[string]file{o.path: o.file}
	case made:
		c.names = map[string]file{o.path: directory}
	case linked:
		c.names = map[string]file{o.to: d.now[o.path]}
	case renamed:
		if d.now[o.path] == d.now[o.to] {
			return // two names of one file: rename(2) does nothing
		}
		c.names = map[string]file{o.to: d.now[o.path], o.path: 0}
	case removed:
		c.names = map[string]file{o.path: 0}
	case printed:
		return
	}
	for path := range c.names {
		c.dirs = append(c.dirs, filepath.Dir(path))
	}
	put(d.now, c.names)
	d.pending = append(d.pending, c)
}

// settle makes the changes durable of which which holds.
func (d *disk) settle(which func(*change) bool) {
	d.pending = slices.DeleteFunc(d.pending, func(c change) bool {
		if !which(&c) {
			return false
		}
		c.survive(1, d.names, d.content)
		return true
	})
}

func put(names, more map[string]file) {
	for path, f := range more {
		if f == 0 {
			delete(names, path)
		} else {
			names[path] = f
		}
	}
}

// survive applies the change in one of its ways; 0 is not at all.
func (c *change) survive(way int, names map[string]file, content map[file][]byte) {
	switch {
	case way == 0:
	case c.names != nil:
		put(names, c.names)
	case c.kind == truncated:
		content[c.file] = slices.Concat(content[c.file], make([]byte, c.at))[:c.at]
	default:
		data := c.data
		switch way {
		case 2:
			data = data[:len(data)/2]
		case 3:
			data = make([]byte, len(data))
		}
		old := content[c.file]
		end := c.at + int64(len(data))
		fresh := slices.Concat(old, make([]byte, max(0, end-int64(len(old)))))
		copy(fresh[c.at:], data)
		content[c.file] = fresh
	}
}

// outcomes returns for each state the way in which each pending change survives.
func (d *disk) outcomes(most int, rng *rand.Rand) (all [][]int) {
	total := 1
	for i := range d.pending {
		if total *= d.pending[i].ways(); total > most {
			return d.someOutcomes(most, rng)
		}
	}
	for n := range total {
		ways := make([]int, len(d.pending))
		for i := range ways {
			ways[i], n = n%d.pending[i].ways(), n/d.pending[i].ways()
		}
		all = append(all, ways)
	}
	return all
}

func (d *disk) someOutcomes(most int, rng *rand.Rand) [][]int {
	n := len(d.pending)
	none, whole := make([]int, n), slices.Repeat([]int{1}, n)
	all := [][]int{none, whole}
	for i := range n {
		for way := range d.pending[i].ways() {
			one := slices.Clone(whole)
			one[i] = way
			all = append(all, one)
		}
	}
	for range most {
		ways := make([]int, n)
		for i := range ways {
			ways[i] = rng.IntN(d.pending[i].ways())
		}
		all = append(all, ways)
	}
	return all
}

// after returns the disk on which the pending changes have survived in these ways.
func (d *disk) after(ways []int) (map[string]file, map[file][]byte) {
	names, content := maps.Clone(d.names), maps.Clone(d.content)
	for i, way := range ways {
		d.pending[i].survive(way, names, content)
	}
	return names, content
}

func fingerprint(names map[string]file, content map[file][]byte, out string) uint64 {
	h := fnv.New64a()
	for _, path := range slices.Sorted(maps.Keys(names)) {
		fmt.Fprintf(h, "%q %v %x\n", path, names[path] == directory, content[names[path]])
	}
	fmt.Fprintf(h, "%q", out)
	return h.Sum64()
}

// layOut makes the files of a disk below at. What is in a directory that is not there
// is lost.
func (r *Recording) layOut(at string, names map[string]file, content map[file][]byte) error {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	first := map[file]string{}
	for _, path := range slices.Sorted(maps.Keys(names)) {
		to := at + strings.TrimPrefix(path, r.dir)
		if _, err := os.Stat(filepath.Dir(to)); err != nil {
			continue
		}
		f := names[path]
		var err error
		switch {
		case f == directory:
			err = os.Mkdir(to, 0o755)
		case first[f] != "":
			err = os.Link(first[f], to)
		default:
			first[f] = to
			err = os.WriteFile(to, content[f], 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// story describes the operations before n, the last ones.
func (r *Recording) story(n int) string {
	var b bytes.Buffer
	for i := max(0, n-30); i < n; i++ {
		o := r.ops[i]
		name := func(path string) string { return strings.TrimPrefix(path, r.dir+"/") }
		fmt.Fprintf(&b, "%4d %-9s", i+1, [...]string{created: "create", made: "mkdir", written: "write", truncated: "truncate", renamed: "rename",
			linked: "link", removed: "remove", synced: "fsync", syncedDir: "fsync dir", printed: "print"}[o.kind])
		if o.file > 0 {
			fmt.Fprintf(&b, " file %d", o.file)
		}
		if o.path != "" {
			fmt.Fprintf(&b, " %s", name(o.path))
		}
		if o.to != "" {
			fmt.Fprintf(&b, " to %s", name(o.to))
		}
		if o.kind == written || o.kind == printed {
			fmt.Fprintf(&b, " %d bytes at %d: %.60q", len(o.data), o.at, o.data)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
