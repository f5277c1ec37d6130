// Package release is the configuration of a fleet as it travels: sets of files with a
// revision, which stage of the fleet is to have which, and whether nodes stay healthy with
// it. It is pure: it reaches the bus through Store, keys through Keys, and time through its
// arguments.
//
// What is on the bus, by key:
//
//	file/SHA256     the content of one file
//	set/REVISION    the names of a set's files and their content, signed; never changed
//	release/STAGE   the revision that the nodes of a stage are to have, signed
//	node/NAME       what a node says of itself
//
// The release is written last, and only if it is the one that was read before: a push that
// ends in the middle has changed nothing.
package release

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Bounds of what nodes accept.
const (
	MaxFile  = 64 << 10 // bytes of one file
	MaxFiles = 4000     // of a set
	MaxNode  = 16 << 20 // bytes of all files of one node
	MaxValue = 1000_000 // bytes of one value on the bus, which takes 1 MiB

	// MaxRevision is what every reader of JSON can hold.
	MaxRevision = 1<<53 - 1
)

// File is one file of a set.
type File struct {
	Size   int    `json:"size_bytes"`
	SHA256 string `json:"sha256"`
}

// Set is the names of the files of one revision, and their content by its hash. A name is
// FILE.yaml, for every node, or SITE/FILE.yaml, for those of one site.
type Set struct {
	Format     int             `json:"format"`
	Revision   uint64          `json:"revision"`
	Created    string          `json:"created"`
	RollbackOf uint64          `json:"rollback_of,omitempty"` // the revision that this one takes back
	SameAs     uint64          `json:"same_as,omitempty"`     // the revision whose files these are
	Files      map[string]File `json:"files"`
}

// Contents are the files of a set by name.
type Contents map[string][]byte

var identifier = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$`)

// CheckName returns an error for what is no name of a file of a set, so that no name leads
// out of a directory, hides in one, or is that of a node's own file.
func CheckName(name string) error {
	site, file, inSite := strings.Cut(name, "/")
	if !inSite {
		site, file = "any", name
	}
	base := strings.TrimSuffix(strings.TrimSuffix(file, ".yaml"), ".yml")
	switch {
	case !identifier.MatchString(site) || !identifier.MatchString(base) || base == file:
		return fmt.Errorf("%.80q is no NAME.yaml or SITE/NAME.yaml of letters, digits, _ . -", name)
	case base == "node":
		return fmt.Errorf("%q is the file in which a node says who it is: it stays on its host", name)
	}
	return nil
}

// CheckStage returns an error for what is no name of a stage.
func CheckStage(stage string) error {
	if !identifier.MatchString(stage) {
		return fmt.Errorf("%.80q is no name of a stage: letters, digits, _ . -", stage)
	}
	return nil
}

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
}

// List returns the list of files of these contents.
func (c Contents) List() map[string]File {
	files := make(map[string]File, len(c))
	for name, content := range c {
		files[name] = File{len(content), sum(content)}
	}
	return files
}

// Check returns an error where contents are none of a set that nodes accept.
func (c Contents) Check() error { return checkFiles(c.List()) }

func checkFiles(files map[string]File) error {
	switch n := len(files); {
	case n == 0:
		return fmt.Errorf("a set without files")
	case n > MaxFiles:
		return fmt.Errorf("%d files are more than a set may have, %d", n, MaxFiles)
	}
	sizes := map[string]int{} // by site, "" for every node
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := files[name]
		if err := CheckName(name); err != nil {
			return err
		}
		if f.Size < 0 || f.Size > MaxFile {
			return fmt.Errorf("%s: has %d bytes; a file may have %d", name, f.Size, MaxFile)
		}
		if raw, err := hex.DecodeString(f.SHA256); err != nil || len(raw) != sha256.Size || strings.ToLower(f.SHA256) != f.SHA256 {
			return fmt.Errorf("%s: %.80q is no SHA-256", name, f.SHA256)
		}
		twin := strings.TrimSuffix(name, ".yml") + ".yaml"
		if _, both := files[twin]; both && twin != name {
			return fmt.Errorf("%s: %s is in the set, too: remove one of them", name, twin)
		}
		site := path.Dir(name)
		sizes[site] += f.Size
		if sizes["."]+sizes[site] > MaxNode {
			return fmt.Errorf("%s: the files of one node have more than %d bytes", name, MaxNode)
		}
	}
	return nil
}

// ForSite returns the files of a node of a site by their names on it, each with its name in
// the set. A file of the site replaces one of that name for every node.
func (s *Set) ForSite(site string) map[string]string {
	names := map[string]string{}
	for name := range s.Files {
		if !strings.Contains(name, "/") {
			names[name] = name
		}
	}
	for name := range s.Files {
		if of, file, found := strings.Cut(name, "/"); found && of == site {
			delete(names, strings.TrimSuffix(file, path.Ext(file))+".yaml")
			delete(names, strings.TrimSuffix(file, path.Ext(file))+".yml")
			names[file] = name
		}
	}
	return names
}

// Sites returns the sites that a set has files for.
func (s *Set) Sites() []string {
	sites := map[string]bool{}
	for name := range s.Files {
		if of, _, found := strings.Cut(name, "/"); found {
			sites[of] = true
		}
	}
	return slices.Sorted(maps.Keys(sites))
}

// Change is one file in which two sets differ.
type Change struct {
	Name string `json:"file"`
	Kind string `json:"change"` // added, changed, removed
}

// The kinds of Change.
const (
	Added   = "added"
	Changed = "changed"
	Removed = "removed"
)

// Diff returns in which files two lists differ, by name. A list may be nil.
func Diff(old, fresh map[string]File) []Change {
	changes := []Change{}
	for name, f := range fresh {
		if was, known := old[name]; !known {
			changes = append(changes, Change{name, Added})
		} else if was != f {
			changes = append(changes, Change{name, Changed})
		}
	}
	for name := range old {
		if _, kept := fresh[name]; !kept {
			changes = append(changes, Change{name, Removed})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Name, b.Name) })
	return changes
}
