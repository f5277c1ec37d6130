package faults

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
)

// Fault is one entry of the table.
type Fault struct {
	Name  string `json:"name"`
	Group string `json:"-"`               // name of the file
	Slow  bool   `json:"slow,omitempty"`  // left out of short runs
	Alone bool   `json:"alone,omitempty"` // tried while no other is, for it is about time

	Program string         `json:"program,omitempty"` // shape (default), steer or serve; the latter two have a loop beside them
	Args    []string       `json:"args,omitempty"`    // further arguments of the program
	Wrap    []string       `json:"wrap,omitempty"`    // program and arguments that start it
	Network bool           `json:"network,omitempty"` // it runs in a network of its own
	Service string         `json:"service,omitempty"` // of the router: www (default), api or ssh
	Config  map[string]any `json:"config,omitempty"`  // sections and keys beside those of every configuration
	Env     []string       `json:"env,omitempty"`
	Ulimit  string         `json:"ulimit,omitempty"` // arguments of ulimit(1)
	Unread  string         `json:"unread,omitempty"` // stderr, stdout or notify: nobody reads it, and it is full

	// The steps, in the form of Steps.
	Before []string `json:"before,omitempty"` // the program starts
	During []string `json:"during,omitempty"` // the fault, while it runs
	After  []string `json:"after,omitempty"`  // the fault ends

	Expect Expect `json:"expect"`
}

// Expect is what must come of a fault, beside what must come of all of them: no limit
// outside the bounds, no other queue written, no password in any output, little memory,
// a prompt end with status 0, a whole state file and no lock file after it.
type Expect struct {
	Exit   *int   `json:"exit,omitempty"`      // it ends by itself with this status; nil: it runs until it is told to end
	Killed bool   `json:"or_killed,omitempty"` // or a second signal ends it at once
	Stderr string `json:"stderr,omitempty"`    // is in standard error
	Log    string `json:"log,omitempty"`       // is in the log file

	Start   string   `json:"start,omitempty"`  // health before the fault: healthy (default), starting, degraded
	Health  string   `json:"health,omitempty"` // that the fault leads to: healthy (default), starting, degraded; unanswered when nobody gets it
	Reason  string   `json:"reason,omitempty"` // is in the health document
	Within  Duration `json:"within,omitempty"` // 0: 10 s
	Limit   int      `json:"limit,omitempty"`  // of the download at last, in Mbit/s; 0: 500, as it was
	Writes  *int     `json:"writes_at_most,omitempty"`
	Peak    int      `json:"peak_mib,omitempty"` // of resident memory; 0: 64
	Recover Duration `json:"recover,omitempty"`  // time until it is healthy after the fault; 0: 10 s
}

// Duration is a time.Duration in the form of time.ParseDuration.
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

func (d Duration) or(byDefault time.Duration) time.Duration {
	if d == 0 {
		return byDefault
	}
	return time.Duration(d)
}

// Load reads the table: one file of JSON for each group.
func Load(files fs.FS) ([]Fault, error) {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, err
	}
	var table []Fault
	known := map[string]bool{}
	for _, name := range names {
		f, err := files.Open(name)
		if err != nil {
			return nil, err
		}
		dec := json.NewDecoder(f)
		dec.DisallowUnknownFields()
		var group []Fault
		err = dec.Decode(&group)
		_ = f.Close() // only read
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for i := range group {
			group[i].Group = strings.TrimSuffix(path.Base(name), ".json")
			id := group[i].Group + ": " + group[i].Name
			if known[id] || group[i].Name == "" {
				return nil, fmt.Errorf("%s: the name %q is empty or not unique", name, group[i].Name)
			}
			known[id] = true
		}
		table = append(table, group...)
	}
	return table, nil
}

// Result is what came of a fault.
type Result struct {
	Group    string   `json:"group"`
	Name     string   `json:"name"`
	OK       bool     `json:"ok"`
	Skipped  string   `json:"skipped,omitempty"` // why it could not be tried here
	Problems []string `json:"problems"`
	Seconds  float64  `json:"seconds"`
	PeakMiB  float64  `json:"peak_mib"` // resident memory
	Writes   int      `json:"writes"`   // that the router took
}
