package api

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// refusal returns the error for the traps of a command. Their text decides the
// class, since the category is often absent.
func (t *transport) refusal(traps []rosdata.Row) error {
	class := router.ErrInvalid
	said := make([]string, len(traps))
	for i, trap := range traps {
		text := trapText(trap)
		said[i] = rosdata.Quote(text)
		if class == router.ErrInvalid {
			class = rosdata.Classify(text)
		}
	}
	text := "it says " + strings.Join(said[:min(len(said), 3)], " and ")
	hint := ""
	if errors.Is(class, router.ErrDenied) {
		hint = "the group of user " + rosdata.Quote(t.user) + " needs policy=read,write,api; on the router: /user group print"
	}
	return t.target.Fail(class, text, hint)
}

// trapText returns the text of a trap.
func trapText(trap rosdata.Row) string {
	if message := trap["message"]; message != "" {
		return message
	}
	switch category := trap["category"]; category {
	case "":
		return "no reason given"
	case "0":
		return "no such command or item"
	case "1":
		return "invalid value"
	case "2":
		return "interrupted"
	default:
		return "failure of category " + category
	}
}

// connectErr returns the error about a failure to connect or to log in.
func (t *transport) connectErr(ctx context.Context, err error) error {
	var at *rosconn.Error
	if !errors.As(err, &at) {
		return err
	}
	var text fatalError
	var junk protocolError
	var other wrongProtocol
	switch {
	case errors.As(at.Cause, &text):
		return t.loginEnded(string(text))
	case errors.As(at.Cause, &other):
		hint := "use the port of " + t.target.Service + " (router.port)"
		if other == "HTTP" {
			hint += ", or set " + rosconn.HTTP(t.target.TLS != nil).Settings
		}
		if other == "TLS" {
			hint = "remove tls: false, or use the port of api (router.port), which is 8728 mostly"
		}
		return t.target.Fail(router.ErrUnreachable, other.Error(), hint)
	case errors.As(at.Cause, &junk):
		return t.target.Fail(router.ErrUnreachable, string(junk), fmt.Sprintf("is this the port of %s (router.port)?", t.target.Service))
	}
	err = t.target.Describe(ctx, err)
	var e *rosdata.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case at.Phase == rosconn.Handshaking && errors.Is(e.Cause, context.DeadlineExceeded):
		e.Hint = "is it starting or overloaded, or is this the port of api? that is 8728 mostly, and 8729 that of api-ssl (router.port, router.tls)"
	case at.Phase == rosconn.LoggingIn && e.Hint == "" && e.Cause == nil:
		e.Hint = fmt.Sprintf("is this the port of %s (router.port)? or %s", t.target.Service, t.target.AdmissionHint())
		if t.target.TLS == nil {
			e.Hint = "a TLS port does this: remove tls: false, or use the port of api (router.port), which is 8728 mostly; or " + t.target.AdmissionHint()
		}
	}
	return err
}

// loginEnded returns the error for a !fatal in reply to a login.
func (t *transport) loginEnded(text string) error {
	if errors.Is(rosdata.Classify(text), router.ErrAuth) {
		return t.loginRefused(text)
	}
	return t.target.Fail(router.ErrUnreachable, "no login: it ended the session and says "+rosdata.Quote(text), "is it starting or overloaded?")
}

// exchangeErr returns the error for a session that ended during an exchange.
func (t *transport) exchangeErr(ctx context.Context, err error) error {
	var at *rosconn.Error
	if !errors.As(err, &at) {
		return err
	}
	var text fatalError
	var junk protocolError
	switch {
	case errors.As(at.Cause, &text):
		e := t.target.Fail(router.ErrOutcomeUnknown, "it ended the session and says "+rosdata.Quote(string(text)), "")
		if class := rosdata.Classify(string(text)); !errors.Is(class, router.ErrInvalid) {
			e.Class = class
		}
		if errors.Is(e.Class, router.ErrAuth) && at.Served > 0 {
			// The login worked before; the next one shows whether it still does.
			e.Class = router.ErrOutcomeUnknown
		}
		e.ConnReset = at.Served > 0 && errors.Is(e.Class, router.ErrOutcomeUnknown)
		return e
	case errors.As(at.Cause, &junk):
		return t.target.Malformed(string(junk))
	}
	return t.target.Describe(ctx, err)
}
