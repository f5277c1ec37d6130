// Package redact keeps secrets out of texts.
package redact

import "strings"

// Mask is what every printed form of a set secret looks like.
const Mask = "********"

// minSecret is the length from which secrets are masked wherever they appear. Shorter
// ones are part of ordinary words.
const minSecret = 4

// ownWords are the words of suggested commands and keys, and user names that everybody
// knows. Masking one hides nothing: it makes the advice useless, and tells what the
// password is.
const ownWords = "wanctl config explain show validate router info queue export shape steer probe status " +
	"host port user password service transport rest https www-ssl api-ssl admin mikrotik routeros"

// Text returns text with Mask in the place of every secret: somebody may have written a
// password where a host or a user belongs, or the router may repeat it. Secrets that
// are, or are part of, one of the program's own words are left.
func Text(text string, secrets ...string) string {
	for _, s := range secrets {
		if len(s) >= minSecret && !strings.Contains(ownWords, s) {
			text = strings.ReplaceAll(text, s, Mask)
		}
	}
	return text
}
