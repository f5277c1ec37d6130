package config

import (
	"fmt"
	"strings"
)

// CheckConflicts reports, as an *Error, what keeps several loops from running beside
// each other: each WAN needs its own name and queues, each steering its own rule, and
// all of them their own files.
func CheckConflicts(wans []*WAN, steering ...*Steering) error {
	owners := map[[2]string]string{} // paths by kind and value
	var problems []Problem
	claim := func(path, key, kind, value string) {
		id := [2]string{kind, value}
		if kind == "name" {
			id[1] = strings.ToLower(value) // as it is in the metrics
		}
		if owner, taken := owners[id]; taken {
			problems = append(problems, Problem{File: path, Key: key,
				Text: fmt.Sprintf("%s is used by %s too; two loops must not share it", value, owner)})
			return
		}
		owners[id] = path
	}
	for _, w := range wans {
		claim(w.Path, "wan_name", "name", w.Name)
		claim(w.Path, "lock_file", "file", w.LockFile)
		claim(w.Path, "state_file", "file", w.StateFile)
		for _, q := range []struct{ key, kind, name string }{
			{"queues.download", "queue", w.Queues.Download}, {"queues.upload", "queue", w.Queues.Upload}, {"queues.simple", "simple queue", w.Queues.Simple},
		} {
			if q.name != "" {
				claim(w.Path, q.key, q.kind, q.name+" on "+w.Router.Host)
			}
		}
	}
	for _, s := range steering {
		claim(s.Path, "lock_file", "file", s.LockFile)
		claim(s.Path, "state_file", "file", s.StateFile)
		claim(s.Path, "mangle_rule.comment", "rule", fmt.Sprintf("%q on %s", s.Rule, s.Router.Host))
	}
	if len(problems) > 0 {
		return &Error{Problems: problems}
	}
	return nil
}
