package follow

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/fleet/release"
	"github.com/wanctl/wanctl/pkg/regfile"
)

// disk keeps sets of files below a directory:
//
//	sets/REVISION.SITE/   one set, complete and synced before it gets this name
//	current               link to the one in use
//	state.json            what must not be forgotten
//
// Each change is one rename, so that a crash or a full disk leaves the old or the new.
type disk struct {
	dir  string
	step func() error // if set, called before each change on the disk, in tests
}

func (d disk) before() error {
	if d.step == nil {
		return nil
	}
	return d.step()
}

// memory is what a node remembers.
type memory struct {
	Format   int               `json:"format"`
	Seen     map[string]uint64 `json:"seen"`     // the highest revision, by stage
	SeenSet  map[string]string `json:"seen_set"` // the hash of its list of files
	Returned uint64            `json:"returned"` // the revision that the node went back from
	Reason   string            `json:"reason"`
	Trial    *onTrial          `json:"trial,omitempty"`
}

// onTrial is a set that is in use, or about to be, and may be taken back.
type onTrial struct {
	Revision uint64                       `json:"revision"`
	Set      string                       `json:"set"`      // the name of its directory
	Previous string                       `json:"previous"` // the set to go back to
	Before   map[string]release.Condition `json:"before"`   // the loops
	Starts   int                          `json:"starts"`   // of the process since
}

const (
	setsDir   = "sets"
	stateFile = "state.json"
	maxState  = 1 << 20
)

func setName(revision uint64, site string) string { return fmt.Sprintf("%d.%s", revision, site) }

func revisionOf(set string) uint64 {
	number, _, _ := strings.Cut(set, ".")
	n, _ := strconv.ParseUint(number, 10, 64)
	return n
}

// load reads what the node remembers. Where that is lost or damaged, it is what the set in
// use says.
func (d disk) load(stage string) (m memory, err error) {
	text, err := regfile.Read(filepath.Join(d.dir, stateFile), maxState)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	case err == nil:
		if err = json.Unmarshal(text, &m); err != nil || m.Format != release.Format {
			err, m = fmt.Errorf("%s cannot be used, and begins anew", filepath.Join(d.dir, stateFile)), memory{}
		}
	}
	m.Format = release.Format
	if m.Seen == nil {
		m.Seen = map[string]uint64{}
	}
	if m.SeenSet == nil {
		m.SeenSet = map[string]string{}
	}
	if in := revisionOf(d.current()); len(m.Seen) == 0 && in > 0 {
		m.Seen[stage] = in
	}
	return m, err
}

func (d disk) save(m memory) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(d.dir, stateFile)
	if err := d.write(path+".new", append(text, '\n')); err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(path+".new")))
	}
	return d.rename(path+".new", path)
}

// current returns the name of the set in use; "" none.
func (d disk) current() string {
	target, err := os.Readlink(config.CurrentSet(d.dir))
	if err != nil {
		return ""
	}
	return filepath.Base(target)
}

// use makes a set the one in use.
func (d disk) use(set string) error {
	link := config.CurrentSet(d.dir)
	if err := ignoreMissing(os.Remove(link + ".new")); err != nil {
		return err
	}
	err := d.before()
	if err == nil {
		err = os.Symlink(filepath.Join(setsDir, set), link+".new")
	}
	if err != nil {
		return err
	}
	return d.rename(link+".new", link)
}

// put writes a set whose files belong to the configuration directory home.
func (d disk) put(set string, files map[string][]byte, home string) (err error) {
	sets := filepath.Join(d.dir, setsDir)
	final := filepath.Join(sets, set)
	if err := os.MkdirAll(sets, 0o750); err != nil {
		return err
	}
	if err = d.before(); err != nil {
		return err
	}
	incoming, err := os.MkdirTemp(sets, ".incoming-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(incoming))
		}
	}()
	if err := os.Chmod(incoming, 0o750); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := d.write(filepath.Join(incoming, name), files[name]); err != nil {
			return err
		}
	}
	if err := d.write(config.HomeFile(incoming), []byte(home+"\n")); err != nil {
		return err
	}
	if err := regfile.SyncDir(incoming); err != nil {
		return err
	}
	if err := os.RemoveAll(final); err != nil { // of an attempt before; it is not in use
		return err
	}
	return d.rename(incoming, final)
}

// same reports whether a set has these files, and no others.
func (d disk) same(set string, files map[string][]byte) bool {
	entries, err := os.ReadDir(d.path(set))
	if err != nil || len(entries) != len(files)+1 {
		return false
	}
	for name, content := range files {
		there, err := regfile.Read(filepath.Join(d.path(set), name), release.MaxFile)
		if err != nil || string(there) != string(content) {
			return false
		}
	}
	return true
}

func (d disk) path(set string) string { return filepath.Join(d.dir, setsDir, set) }

// prune removes all sets but those that are named.
func (d disk) prune(keep ...string) {
	entries, _ := os.ReadDir(filepath.Join(d.dir, setsDir))
	for _, e := range entries {
		if !slices.Contains(keep, e.Name()) {
			_ = os.RemoveAll(d.path(e.Name())) // the next one tries again
		}
	}
}

// write makes a file whose content is on the disk when it returns.
func (d disk) write(path string, text []byte) error {
	if err := d.before(); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// rename gives something its final name, which is on the disk when it returns.
func (d disk) rename(from, to string) error {
	err := d.before()
	if err == nil {
		err = os.Rename(from, to)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(from))
	}
	return regfile.SyncDir(filepath.Dir(to))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
