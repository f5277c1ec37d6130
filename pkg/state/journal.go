package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/regfile"
)

// Journal is the file that holds the limits of a WAN's queues while a program has
// replaced them for a measurement. It is written before the first change and removed
// once they are restored: one that is there without a live owner of the WAN's lock is
// what a killed program left, and its limits are to be restored. The caller holds the
// lock of the WAN.
type Journal struct{ path string }

// SavedLimits is the content of a Journal.
type SavedLimits struct {
	Began  time.Time               `json:"began"`
	Limits map[string]bitrate.Rate `json:"max_limit_bps"` // by queue; 0: unlimited
}

// OpenJournal returns the journal of the WAN that has the state file at statePath. No
// file is touched.
func OpenJournal(statePath string) *Journal {
	return &Journal{strings.TrimSuffix(statePath, ".json") + ".limits.json"}
}

// Path is the path of the file.
func (j *Journal) Path() string { return j.path }

// Begin writes the limits to be restored. After it has returned they survive a power
// cut. Limits that an earlier journal holds stay as they are there: what is in force
// is not what the user has set.
func (j *Journal) Begin(s SavedLimits) error {
	earlier, _, err := j.Load()
	if err != nil && !errors.Is(err, ErrDamaged) {
		return err
	}
	for name, limit := range earlier.Limits {
		s.Limits[name] = limit
	}
	return j.store(s)
}

// Keep leaves only the limits of s in the file, those that are still to be restored,
// and ends the journal when there are none.
func (j *Journal) Keep(s SavedLimits) error {
	if len(s.Limits) == 0 {
		return j.End()
	}
	return j.store(s)
}

func (j *Journal) store(s SavedLimits) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encoding journal: %w", err)
	}
	if err := j.write(append(text, '\n')); err != nil {
		return withHint("writing", j.path, "state_file", err)
	}
	return nil
}

func (j *Journal) write(text []byte) error {
	dir := filepath.Dir(j.path)
	if err := makeDir(dir); err != nil {
		return err
	}
	f, err := renameio.NewPendingFile(j.path, renameio.WithTempDir(dir), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }()
	regfile.ChownLikeDir(f.File, dir)
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil { // synced before
		return err
	}
	return regfile.SyncDir(dir)
}

// Load reads the limits to be restored. found is false when there are none. A file
// that cannot be understood is ErrDamaged.
func (j *Journal) Load() (s SavedLimits, found bool, err error) {
	text, err := regfile.Read(j.path, maxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err != nil {
		return s, false, withHint("reading", j.path, "state_file", err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return SavedLimits{}, true, fmt.Errorf("%s: %w", j.path, damagef("%v", err))
	}
	for name, limit := range s.Limits {
		if name == "" || limit < 0 {
			return SavedLimits{}, true, fmt.Errorf("%s: %w", j.path, damagef("limit %d of queue %q", limit, name))
		}
	}
	return s, true, nil
}

// End removes the file: the limits are restored, or not ours to restore any more. After
// it has returned a power cut does not bring the file back.
func (j *Journal) End() error {
	err := os.Remove(j.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil:
		err = regfile.SyncDir(filepath.Dir(j.path))
	}
	if err != nil {
		return withHint("removing", j.path, "state_file", err)
	}
	return nil
}
