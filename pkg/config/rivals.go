package config

import "slices"

// Rival is another configuration of the same directory that names the same row of a
// router, a queue or a rule.
type Rival struct {
	Path     string
	LockFile string
	Row      string // that both name, for messages
}

// Rivals returns the configurations beside that of w that name one of its queues. Only
// one of their loops may run; two that share a file of this host are kept apart by its
// lock. Files that cannot be used are left out: no loop runs by them.
func (w *WAN) Rivals(opts Options) []Rival { return rivals(w.Path, opts, claimsOfWAN(w)) }

// Rivals is that of a WAN, for the rule of steering.
func (s *Steering) Rivals(opts Options) []Rival { return rivals(s.Path, opts, claimsOfSteering(s)) }

func rivals(own string, opts Options, claims []claim) (found []Rival) {
	opts.FileAlone, opts.WithoutSecrets = true, true
	for _, path := range Files(home(own)) {
		if baseName(path) == baseName(own) {
			continue
		}
		var theirs []claim
		var lockFile string
		if w, _, err := Load(path, opts); err == nil {
			theirs, lockFile = claimsOfWAN(w), w.LockFile
		} else if s, _, err := LoadSteering(path, opts); err == nil {
			theirs, lockFile = claimsOfSteering(s), s.LockFile
		}
		for _, c := range claims {
			if c.router != nil && slices.ContainsFunc(theirs, c.conflicts) {
				found = append(found, Rival{path, lockFile, c.name})
				break
			}
		}
	}
	return found
}
