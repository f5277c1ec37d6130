package config

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/regfile"
)

// The set of a fleet that a host follows, in fleet.directory.
const (
	currentSet = "current"     // link to the directory of the set in use
	homeFile   = ".config-dir" // in such a directory: where its files belong
)

// CurrentSet returns the link, in a fleet.directory, to the directory of the set in use.
func CurrentSet(directory string) string { return filepath.Join(directory, currentSet) }

// HomeFile returns the file that says, in the directory of a set, where its files belong, as
// an absolute path: what they name relatively is there.
func HomeFile(set string) string { return filepath.Join(set, homeFile) }

// Followed returns the directory with the set of a fleet that node.yaml in dir has this host
// follow; "" if it does not.
func Followed(dir string) string {
	for _, suffix := range []string{".yaml", ".yml"} {
		if f, err := regfile.Open(filepath.Join(dir, nodeName+suffix)); err == nil {
			defer func() { _ = f.Close() }() // only read
			root, ok := new(schema.Reader).Document(f)
			if !ok {
				return ""
			}
			return followedBy(root)
		}
	}
	return ""
}

// followedBy reads two keys alone: the others may need an environment that is not there.
func followedBy(root schema.Mapping) string {
	follow, directory := false, DefaultFleetDirectory
	r := new(schema.Reader)
	for _, section := range r.Pairs(root, "") {
		keys, ok := section.Mapping()
		if section.Name != "fleet" || !ok {
			continue
		}
		for _, key := range r.Pairs(keys, "") {
			switch text, _ := key.Scalar(); key.Name {
			case "config":
				follow = text == string(FollowConfig)
			case "directory":
				directory = os.ExpandEnv(text)
			}
		}
	}
	if !follow || !filepath.IsAbs(directory) {
		return ""
	}
	return CurrentSet(directory)
}

// home returns the directory that relative names in a file refer to: that of the file or,
// for one of the set of a fleet, that of the host's configurations.
func home(file string) string {
	dir := filepath.Dir(file)
	if text, err := regfile.Read(HomeFile(dir), 1<<12); err == nil {
		if at := strings.TrimSpace(string(text)); filepath.IsAbs(at) {
			return at
		}
	}
	return dir
}

// namedFile returns the path of a configuration that another one, in file, names. Where it
// is not in the directory itself, it is that of the set that file is of, or of the set which
// the directory follows.
func namedFile(file, path string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(home(file), path)
	}
	if exists(path) || !isName(baseName(path)) {
		return path
	}
	if beside := filepath.Join(filepath.Dir(file), filepath.Base(path)); filepath.Dir(path) == home(file) && exists(beside) {
		return beside
	}
	if followed, err := Path(filepath.Dir(path), baseName(path)); err == nil && exists(followed) {
		return followed
	}
	return path
}

// FleetConfig says whether a host takes its configurations from its fleet.
type FleetConfig string

// The values of fleet.config.
const (
	LocalConfig  FleetConfig = "off"
	FollowConfig FleetConfig = "follow"
)

// The defaults of fleet.directory and fleet.signers.
const (
	DefaultFleetDirectory = "/var/lib/wanctl/fleet"
	DefaultSigners        = "/etc/wanctl/allowed_signers"
)
