package config

import "fmt"

// CheckTogether reports, as an *Error, what keeps several WANs from running in
// one process: each needs its own name, files and queues.
func CheckTogether(wans []*WAN) error {
	var problems []Problem
	owner := map[[2]string]*WAN{}
	for _, w := range wans {
		queue := func(name string) string { return fmt.Sprintf("%s on %s", name, w.Router.Host) }
		for _, claim := range []struct{ key, kind, value string }{
			{"wan_name", "name", w.Name},
			{"lock_file", "file", w.LockFile},
			{"state_file", "file", w.StateFile},
			{"queues.download", "queue", queue(w.Queues.Download)},
			{"queues.upload", "queue", queue(w.Queues.Upload)},
		} {
			id := [2]string{claim.kind, claim.value}
			other, taken := owner[id]
			if !taken {
				owner[id] = w
				continue
			}
			problems = append(problems, Problem{File: w.Path, Key: claim.key,
				Text: fmt.Sprintf("%s is used by %s too; two loops must not share it", claim.value, other.Path)})
		}
	}
	if len(problems) > 0 {
		return &Error{problems}
	}
	return nil
}
