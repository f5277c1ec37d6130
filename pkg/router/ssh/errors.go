package ssh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	xssh "golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// hostKeyErr returns the error about a host key that is not trusted.
func (t *transport) hostKeyErr(err error) error {
	var distrust *hostKeyError
	if errors.As(err, &distrust) {
		return t.target.Fail(router.ErrCertificate, distrust.text, distrust.hint)
	}
	return err
}

// dialErr returns the error about a session that could not be opened.
func (t *transport) dialErr(ctx context.Context, err error) error {
	var at *rosconn.Error
	if !errors.As(err, &at) || at.Phase == rosconn.Connecting {
		return t.target.Describe(ctx, err)
	}
	var disagree *xssh.AlgorithmNegotiationError
	switch {
	case errors.As(err, &disagree) && !t.legacy && outdated(err):
		return t.target.Fail(router.ErrUnreachable,
			fmt.Sprintf("it offers only outdated cryptography for the %s (%s)", disagree.What, strings.Join(disagree.RequestedAlgorithms, ", ")),
			"update RouterOS; on the router: /ip ssh set strong-crypto=yes; or accept it with router.ssh_legacy: true")
	case disagree != nil:
		return t.target.Fail(router.ErrUnreachable,
			fmt.Sprintf("no common algorithm for the %s: it offers %s", disagree.What, strings.Join(disagree.RequestedAlgorithms, ", ")), "")
	case errors.Is(err, errExpired):
		return t.target.Fail(router.ErrAuth, "the password of user "+rosdata.Quote(t.login.user)+" has expired",
			"log in by hand once and set a new one")
	case at.Phase == rosconn.LoggingIn && refusedLogin(err):
		return t.refusedLogin()
	}
	return t.target.Describe(ctx, err)
}

func (t *transport) refusedLogin() error {
	what, check := "user or password", "check router.user and router.password"
	switch withPassword := t.login.password() != ""; {
	case t.login.signer != nil && withPassword:
		what, check = "user, key and password", "check router.user, router.ssh_key and router.password"
	case t.login.signer != nil:
		what, check = "user or key", "check router.user and router.ssh_key (on the router: /user ssh-keys print)"
	}
	hint := check + ", that the user's group has the policy ssh, and that the user's address admits this host"
	if t.login.signer == nil {
		hint += "; a user with an imported key is refused a password"
	} else if t.login.signer.PublicKey().Type() == xssh.KeyAlgoRSA && !t.legacy {
		hint += "; RouterOS 6 takes RSA keys only with router.ssh_legacy: true"
	}
	return t.target.Fail(router.ErrAuth, what+" refused for "+rosdata.Quote(t.login.user), hint)
}

// promptErr returns the error about a session that asks for a new password, and
// otherwise err.
func (t *transport) promptErr(err error, output []byte) error {
	var unsent *unsentError
	if errors.As(err, &unsent) || !asksForNew(string(output)) {
		return err
	}
	return t.target.Fail(router.ErrAuth, "it asks user "+rosdata.Quote(t.login.user)+" for a new password instead of running commands",
		"log in by hand once and set one, or use a user of its own for wanctl")
}

// requestErr returns the error about a request that was not answered, and closes
// the session.
func (t *transport) requestErr(ctx context.Context, err error) error {
	var already *rosdata.Error
	if errors.As(err, &already) && already.Class == router.ErrInvalid {
		return err
	}
	served := 0
	if s, ok := t.session.Conn(); ok {
		served = s.served
	}
	_ = t.Close()
	var unsent *unsentError
	var closed *xssh.OpenChannelError
	switch {
	case already != nil:
		return err
	case errors.Is(err, errNoExec):
		return t.target.Fail(router.ErrUnsupported, "it lets user "+rosdata.Quote(t.login.user)+" in and "+errNoExec.Error(), "")
	case errors.As(err, &closed):
		e := t.target.Fail(router.ErrUnreachable, "it opens no further session ("+rosdata.Quote(closed.Message)+")", "on the router: /ip service print")
		e.ConnReset = served > 0
		return e
	case errors.As(err, &unsent):
		err = &rosconn.Error{Phase: rosconn.Waiting, Served: served, Cause: unsent.cause}
	}
	return t.target.Describe(ctx, err)
}

// markers are the beginnings of lines that are error messages of RouterOS.
var markers = []string{
	"bad command name", "bad parameter", "syntax error", "expected ", "unknown parameter", "no such ",
	"invalid value", "invalid ", "input does not match", "value of ", "ambiguous value", "missing value", "missing =",
	"failure:", "std failure:", "not enough permissions", "interrupted", "already have ", "entry already exists",
	"action timed out", "could not ", "cannot ", "script error", "error:", "exit status ",
}

// refused returns the error message in what the router printed instead of the
// expected line; "" if there is none, as in half an answer. The message comes
// first, since complete lines have been read already. Only a script of the router
// may print other lines before it fails, and its message is its author's.
func refused(a answer, command string) string {
	var lines []string
	for line := range strings.FieldsFuncSeq(a.rest, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	switch {
	case len(lines) == 0:
		return ""
	case command == "run":
		return strings.TrimSpace(lines[len(lines)-1])
	case !isMarker(strings.TrimSpace(lines[0])):
		return ""
	case a.begun:
		return strings.TrimSpace(lines[0])
	}
	// A console may wrap it like a terminal.
	return strings.TrimSpace(strings.Join(lines, ""))
}

func isMarker(line string) bool {
	low := strings.ToLower(line)
	return slices.ContainsFunc(markers, func(m string) bool { return strings.HasPrefix(low, m) })
}

// refusal returns the error for a script that did not run to its end.
func (t *transport) refusal(a answer, command string) error {
	text := refused(a, command)
	switch {
	case text != "":
	case a.rest == "" && !a.begun:
		return t.target.Malformed("it answered nothing")
	case a.rest == "":
		return t.target.Malformed("its answer ends early")
	case asksForNew(a.rest):
		return t.promptErr(errNoExec, []byte(a.rest))
	default:
		return t.target.Malformed("its answer is something else: " + rosdata.Quote(strings.TrimSpace(a.rest)))
	}
	class := rosdata.Classify(text)
	hint := ""
	if errors.Is(class, router.ErrDenied) {
		hint = "the group of user " + rosdata.Quote(t.login.user) + " needs policy=read,write,ssh; on the router: /user group print"
	}
	return t.target.Fail(class, "it says "+rosdata.Quote(text), hint)
}
