package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Store is the key-value store of a fleet.
type Store interface {
	// Get returns what a key has, or ErrNotFound.
	Get(ctx context.Context, key string) (Entry, error)
	// Put sets a key that has this version, 0 where it does not exist, and returns the new
	// one; ErrConflict where it has another.
	Put(ctx context.Context, key string, value []byte, version uint64) (uint64, error)
	// Keys lists the keys that begin with prefix, in any order.
	Keys(ctx context.Context, prefix string) ([]string, error)
	// Watch calls changed when it may be that a key has changed, from one goroutine, until
	// ctx ends.
	Watch(ctx context.Context, key string, changed func()) error
}

// Entry is what a key has.
type Entry struct {
	Value   []byte
	Version uint64        // another one after each change
	Age     time.Duration // since the change
}

var (
	// ErrNotFound is the cause where a key does not exist.
	ErrNotFound = errors.New("no such key")
	// ErrConflict is the cause where a key has changed meanwhile.
	ErrConflict = errors.New("it has been changed meanwhile")
)

// Prefixes of keys.
const (
	filePrefix    = "file/"
	setPrefix     = "set/"
	releasePrefix = "release/"
	nodePrefix    = "node/"
)

// ReleaseKey returns the key of a stage.
func ReleaseKey(stage string) string { return releasePrefix + stage }

// NodeKey returns the key of a node.
func NodeKey(node string) string { return nodePrefix + node }

func setKey(revision uint64) string { return setPrefix + strconv.FormatUint(revision, 10) }

// Current is the release of a stage with its set.
type Current struct {
	Release
	Set *Set
	By  string // who signed the release

	version uint64 // of the key
}

// Read returns the release of a stage with its set; ErrNotFound where there is none.
func (k Keys) Read(ctx context.Context, s Store, stage string) (*Current, error) {
	e, err := s.Get(ctx, ReleaseKey(stage))
	if err != nil {
		return nil, fmt.Errorf("release/%s: %w", stage, err)
	}
	r, who, err := k.OpenRelease(stage, e.Value)
	if err != nil {
		return nil, err
	}
	set, err := k.ReadSet(ctx, s, r.Revision, r.Set)
	if err != nil {
		return nil, err
	}
	return &Current{*r, set, who, e.Version}, nil
}

// ReadSet returns the set of a revision. hash is that of its document; "" accepts every one
// that is signed.
func (k Keys) ReadSet(ctx context.Context, s Store, revision uint64, hash string) (*Set, error) {
	e, err := s.Get(ctx, setKey(revision))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setKey(revision), err)
	}
	set, err := k.openSet(revision, hash, e.Value)
	return set, err
}

// Content returns the content of a file of a set.
func Content(ctx context.Context, s Store, name string, f File) ([]byte, error) {
	e, err := s.Get(ctx, filePrefix+f.SHA256)
	if err != nil {
		return nil, fmt.Errorf("%s: its content: %w", name, err)
	}
	if len(e.Value) != f.Size || sum(e.Value) != f.SHA256 {
		return nil, fmt.Errorf("%s: its content on the bus is not that of the set", name)
	}
	return e.Value, nil
}

// Stages lists the stages that have a release.
func Stages(ctx context.Context, s Store) ([]string, error) {
	keys, err := s.Keys(ctx, releasePrefix)
	if err != nil {
		return nil, err
	}
	var stages []string
	for _, key := range keys {
		if stage := strings.TrimPrefix(key, releasePrefix); CheckStage(stage) == nil {
			stages = append(stages, stage)
		}
	}
	slices.Sort(stages)
	return stages, nil
}

// latest returns the highest revision there is.
func latest(ctx context.Context, s Store) (highest uint64, err error) {
	keys, err := s.Keys(ctx, setPrefix)
	if err != nil {
		return 0, err
	}
	for _, key := range keys {
		if n, err := strconv.ParseUint(strings.TrimPrefix(key, setPrefix), 10, 64); err == nil && n < MaxRevision {
			highest = max(highest, n)
		}
	}
	return highest, nil
}
