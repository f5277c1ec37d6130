package rosdata

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/wanctl/wanctl/pkg/router"
)

// messages maps what RouterOS says to what it means. The text is the same in
// every protocol; categories and HTTP statuses are not dependable.
var messages = []struct {
	part  string
	class error
}{
	{"not enough permissions", router.ErrDenied},
	{"no such item", router.ErrNotFound},

	{"invalid user name or password", router.ErrAuth},
	{"cannot log in", router.ErrAuth},
	{"could not authenticate", router.ErrAuth},
	{"not logged in", router.ErrAuth},

	{"unknown parameter", router.ErrUnsupported},
	{"bad parameter", router.ErrUnsupported},
	{"no such command", router.ErrUnsupported},
	{"bad command name", router.ErrUnsupported},
	{"expected end of command", router.ErrUnsupported},

	{"already have such", router.ErrExists},
	{"already exists", router.ErrExists},

	{"session closed", router.ErrOutcomeUnknown},
	{"action timed out", router.ErrOutcomeUnknown},
	{"interrupted", router.ErrOutcomeUnknown},
}

// Classify returns the class of a message of the router: one of the errors of
// package router, ErrInvalid for everything that is only a refusal.
func Classify(message string) error {
	message = strings.ToLower(message)
	for _, m := range messages {
		if strings.Contains(message, m.part) {
			return m.class
		}
	}
	return router.ErrInvalid
}

// maxQuote bounds what of a router's text gets into an error.
const maxQuote = 200

// Quote makes text of a router fit for an error or a log: on one line, in
// quotes, unprintable bytes escaped, and no longer than 200 bytes.
func Quote(s string) string {
	cut := s
	for {
		q := fmt.Sprintf("%q", cut)
		if len(q) <= maxQuote {
			if len(cut) < len(s) {
				return q + "..."
			}
			return q
		}
		// Escapes are up to six times as long as what they escape.
		n := min(len(cut)-1, max(1, len(cut)*(maxQuote-2)/len(q)))
		for n > 0 && !utf8.RuneStart(cut[n]) {
			n--
		}
		cut = cut[:n]
	}
}
