package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Options are of a change that is planned.
type Options struct {
	Revision uint64 // of the new set; 0: the next one
	Replace  bool   // what the stage has, also where it cannot be read or nobody known signed it
}

// Plan is a change of a stage, before it is made.
type Plan struct {
	Stage    string
	Revision uint64
	Base     *Current // what the stage has; nil: nothing
	Changes  []Change

	contents   Contents // of a new set; nil: the set exists
	set        *Set
	setHash    string
	previous   []uint64
	rollbackOf uint64
	sameAs     uint64
}

// Empty reports whether the plan changes nothing.
func (p *Plan) Empty() bool { return p.Base != nil && len(p.Changes) == 0 && p.rollbackOf == 0 }

// SameAs returns the revision whose files a rollback brings back.
func (p *Plan) SameAs() uint64 { return p.sameAs }

// LostError says that nodes have seen a revision that the store does not have.
type LostError struct {
	Node string
	Seen uint64
	Has  uint64 // the highest of the store
}

func (e *LostError) Error() string {
	return fmt.Sprintf("node %s has seen revision %d, the bus has none above %d: it has lost its data, and nodes refuse lower revisions", e.Node, e.Seen, e.Has)
}

// next returns the revision of a new set. at is the one that was asked for, 0 for the next.
func next(ctx context.Context, s Store, at uint64) (uint64, error) {
	highest, err := latest(ctx, s)
	switch {
	case err != nil:
		return 0, err
	case at > MaxRevision:
		return 0, fmt.Errorf("revision %d is above %d", at, uint64(MaxRevision))
	case at > highest:
		return at, nil
	case at != 0:
		return 0, fmt.Errorf("revision %d is not above the highest of the bus, %d", at, highest)
	}
	reports, err := Reports(ctx, s)
	if err != nil {
		return 0, err
	}
	for _, r := range reports {
		if r.Seen > highest && r.Seen < MaxRevision {
			return 0, &LostError{r.Node, r.Seen, highest}
		}
	}
	return highest + 1, nil
}

// base returns what a stage has; nil: nothing.
func (k Keys) base(ctx context.Context, s Store, stage string, replace bool) (*Current, error) {
	if err := CheckStage(stage); err != nil {
		return nil, err
	}
	e, err := s.Get(ctx, ReleaseKey(stage))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	current, err := k.Read(ctx, s, stage)
	if err != nil && replace {
		return &Current{Set: new(Set), version: e.Version}, nil
	}
	return current, err
}

// Plan returns what it takes for a stage to have these files.
func (k Keys) Plan(ctx context.Context, s Store, stage string, contents Contents, o Options) (*Plan, error) {
	if err := contents.Check(); err != nil {
		return nil, err
	}
	current, err := k.base(ctx, s, stage, o.Replace)
	if err != nil {
		return nil, err
	}
	p := &Plan{Stage: stage, Base: current, contents: contents}
	if p.Revision, err = next(ctx, s, o.Revision); err != nil {
		return nil, err
	}
	p.Changes = Diff(p.base(), contents.List())
	return p, nil
}

func (p *Plan) base() map[string]File {
	if p.Base == nil {
		return nil
	}
	if p.Base.Revision > 0 {
		p.previous = append([]uint64{p.Base.Revision}, p.Base.Previous...)
		p.previous = p.previous[:min(len(p.previous), MaxPrevious)]
	}
	return p.Base.Set.Files
}

// PlanAdvance returns what it takes for a stage to have the set that another one has.
func (k Keys) PlanAdvance(ctx context.Context, s Store, from, stage string, o Options) (*Plan, error) {
	source, err := k.Read(ctx, s, from)
	if err != nil {
		return nil, err
	}
	current, err := k.base(ctx, s, stage, o.Replace)
	if err != nil {
		return nil, err
	}
	if current != nil && current.Revision > source.Revision {
		return nil, fmt.Errorf("the stage %s has revision %d, above %d of %s: push the files themselves", stage, current.Revision, source.Revision, from)
	}
	p := &Plan{Stage: stage, Base: current, Revision: source.Revision, set: source.Set, setHash: source.Release.Set}
	p.Changes = Diff(p.base(), source.Set.Files)
	return p, nil
}

// PlanRollback returns what it takes for a stage to have the files of an earlier revision
// again, in a new one; 0 is the revision before the one it has.
func (k Keys) PlanRollback(ctx context.Context, s Store, stage string, to uint64, o Options) (*Plan, error) {
	current, err := k.base(ctx, s, stage, false)
	switch {
	case err != nil:
		return nil, err
	case current == nil:
		return nil, fmt.Errorf("the stage %s has no release", stage)
	case to == 0 && len(current.Previous) == 0:
		return nil, fmt.Errorf("the stage %s has had nothing before revision %d", stage, current.Revision)
	case to == 0:
		to = current.Previous[0]
	case to >= current.Revision:
		return nil, fmt.Errorf("revision %d is not before revision %d, which the stage %s has", to, current.Revision, stage)
	}
	old, err := k.ReadSet(ctx, s, to, "")
	if err != nil {
		return nil, err
	}
	p := &Plan{Stage: stage, Base: current, set: old, rollbackOf: current.Revision, sameAs: to}
	// What was before that revision is what the next rollback goes back to.
	for i, r := range current.Previous {
		if r == to {
			p.previous = current.Previous[i+1:]
		}
	}
	if p.Revision, err = next(ctx, s, o.Revision); err != nil {
		return nil, err
	}
	p.Changes = Diff(current.Set.Files, old.Files)
	return p, nil
}

// Apply carries a plan out at the time now. Where it fails, the stage has what it had, unless
// the error is an UnknownError. ErrConflict: somebody else has pushed meanwhile.
func (k Keys) Apply(ctx context.Context, s Store, p *Plan, now time.Time) error {
	for _, name := range slices.Sorted(maps.Keys(p.contents)) {
		if err := putFile(ctx, s, p.contents[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if p.setHash == "" {
		files := p.contents.List()
		if p.set != nil {
			files = p.set.Files
		}
		set := Set{Format: Format, Revision: p.Revision, Created: now.UTC().Format(time.RFC3339),
			RollbackOf: p.rollbackOf, SameAs: p.sameAs, Files: files}
		value, hash, err := k.seal(set)
		if err != nil {
			return err
		}
		if err := put(ctx, s, setKey(p.Revision), value, 0); err != nil {
			return err
		}
		p.setHash = hash
	}
	previous := p.previous
	if previous == nil {
		previous = []uint64{}
	}
	value, _, err := k.seal(Release{Format: Format, Stage: p.Stage, Revision: p.Revision, Set: p.setHash, Previous: previous})
	if err != nil {
		return err
	}
	var version uint64
	if p.Base != nil {
		version = p.Base.version
	}
	return put(ctx, s, ReleaseKey(p.Stage), value, version)
}

// UnknownError says that a write was not confirmed and cannot be read back either.
type UnknownError struct{ Key, Cause string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("%s: it is not known whether it was written: %s", e.Key, e.Cause)
}

// put writes a key. An error of which it is not known what it means is resolved by reading.
func put(ctx context.Context, s Store, key string, value []byte, version uint64) error {
	_, err := s.Put(ctx, key, value, version)
	if err == nil {
		return nil
	}
	switch now, readErr := s.Get(ctx, key); {
	case readErr == nil && bytes.Equal(now.Value, value):
		return nil
	case errors.Is(err, ErrConflict) || readErr == nil || errors.Is(readErr, ErrNotFound):
		return fmt.Errorf("%s: %w", key, err)
	}
	return &UnknownError{key, err.Error()}
}

// putFile writes the content of a file, unless it is there.
func putFile(ctx context.Context, s Store, content []byte) error {
	key := filePrefix + sum(content)
	there, err := s.Get(ctx, key)
	switch {
	case err == nil && bytes.Equal(there.Value, content):
		return nil
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	}
	if _, err = s.Put(ctx, key, content, there.Version); errors.Is(err, ErrConflict) {
		there, err = s.Get(ctx, key) // another push may have the same file
		if err == nil && !bytes.Equal(there.Value, content) {
			err = ErrConflict
		}
	}
	return err
}
