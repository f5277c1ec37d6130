package config

import (
	"fmt"
	"strings"
)

// claim is something that one configuration alone may have.
type claim struct{ key, kind, value string }

// CheckTogether reports, as an *Error, what keeps several loops from running
// beside each other: each WAN needs its own name and queues, each steering its
// own rule, and all of them their own files.
func CheckTogether(wans []*WAN, steering ...*Steering) error {
	var c claims
	for _, w := range wans {
		queue := func(name string) string { return fmt.Sprintf("%s on %s", name, w.Router.Host) }
		c.take(w.Path,
			claim{"wan_name", "name", w.Name},
			claim{"lock_file", "file", w.LockFile},
			claim{"state_file", "file", w.StateFile},
			claim{"queues.download", "queue", queue(w.Queues.Download)},
			claim{"queues.upload", "queue", queue(w.Queues.Upload)})
	}
	for _, s := range steering {
		c.take(s.Path,
			claim{"lock_file", "file", s.LockFile},
			claim{"state_file", "file", s.StateFile},
			claim{"mangle_rule.comment", "rule", fmt.Sprintf("%q on %s", s.Rule, s.Router.Host)})
	}
	if len(c.problems) > 0 {
		return &Error{Problems: c.problems}
	}
	return nil
}

// claims says who has what already.
type claims struct {
	owner    map[[2]string]string // path by kind and value
	problems []Problem
}

func (c *claims) take(path string, wanted ...claim) {
	if c.owner == nil {
		c.owner = map[[2]string]string{}
	}
	for _, w := range wanted {
		id := [2]string{w.kind, w.value}
		if w.kind == "name" {
			id[1] = strings.ToLower(w.value) // as it is in the metrics
		}
		other, taken := c.owner[id]
		if !taken {
			c.owner[id] = path
			continue
		}
		c.problems = append(c.problems, Problem{File: path, Key: w.key,
			Text: fmt.Sprintf("%s is used by %s too; two loops must not share it", w.value, other)})
	}
}
