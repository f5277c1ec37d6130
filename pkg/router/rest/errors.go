package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// errNoIdentifier is the Cause of a refusal in which RouterOS says that the request
// names no row. It says so too when the user may not write.
var errNoIdentifier = errors.New("no resource identifier")

// exchangeErr returns the error about a lost connection. served is the number of
// answers before.
func (t *transport) exchangeErr(ctx context.Context, err error, served int) error {
	err = t.target.Describe(ctx, err)
	var e *rosdata.Error
	if !errors.As(err, &e) || served > 0 || e.Hint != "" || e.Cause != nil {
		return err
	}
	e.Hint = t.target.AdmissionHint()
	if t.target.TLS == nil {
		e.Hint = "a TLS port does this to plain http: remove tls: false, or use the port of www; or " + e.Hint
	}
	return err
}

// refusal returns the error for an answer with an error status. notJSON is the
// error of decoding the body, if any.
func (t *transport) refusal(status int, body rosdata.Row, notJSON error) error {
	detail := body["detail"]
	text := fmt.Sprintf("HTTP %d %s", status, http.StatusText(status))
	if detail != "" {
		text = "it says " + rosdata.Quote(detail)
	}
	class := rosdata.Classify(detail)
	fail := t.target.Fail
	switch {
	case status == http.StatusUnauthorized:
		hint := "check router.user and router.password, that the user is not disabled, that the user's group has the policies api and rest-api, and that the user's address admits this host"
		if t.password() == "" {
			hint = "no password is given: set ROUTER_PASSWORD, for a service in /etc/wanctl/secrets; " + hint
		}
		return fail(router.ErrAuth, "user or password refused for "+rosdata.Quote(t.user), hint)
	case status == http.StatusForbidden && errors.Is(notJSON, errHTML):
		return t.restDisabled(text)
	case class == router.ErrDenied || status == http.StatusForbidden:
		return t.denied(text)
	case errors.Is(notJSON, errHTML) && status == http.StatusNotFound:
		return fail(router.ErrOutcomeUnknown, "it has no REST interface (HTTP 404)", "RouterOS 7.1 has it over https, 7.9 over http")
	case notJSON != nil && t.target.TLS == nil:
		return fail(router.ErrOutcomeUnknown, text, "a TLS port does this to plain http: remove tls: false, or use the port of www")
	case notJSON != nil || status >= 500:
		return fail(router.ErrOutcomeUnknown, text, "is it starting?")
	case class != router.ErrInvalid:
		return fail(class, text, "")
	case status == http.StatusNotFound:
		return fail(router.ErrNotFound, text, "")
	case status == http.StatusMethodNotAllowed || status == http.StatusNotAcceptable:
		return fail(router.ErrUnsupported, text, "")
	case status >= 300 && status < 400:
		return fail(router.ErrOutcomeUnknown, text, "it redirects: check router.port and router.tls")
	}
	e := fail(router.ErrInvalid, text, "")
	if strings.Contains(detail, "missing or invalid resource identifier") {
		e.Cause = errNoIdentifier
	}
	return e
}

// denied returns the error about a missing policy.
func (t *transport) denied(text string) error {
	return t.target.Fail(router.ErrDenied, text, "REST needs the policies api and rest-api: the group of user "+
		rosdata.Quote(t.user)+" needs policy=read,write,api,rest-api; on the router: /user group print")
}

// noWritePolicy returns the error about a user who may read a row and not change
// it.
func (t *transport) noWritePolicy() error {
	return t.target.Fail(router.ErrDenied, `it says "missing or invalid resource identifier" to a change, and answers reads`,
		"the user may not write: the group of user "+rosdata.Quote(t.user)+" needs policy=read,write,api,rest-api; on the router: /user group print")
}

// restDisabled returns the error about a web server that does not offer REST, a
// setting since RouterOS 7.24.
func (t *transport) restDisabled(text string) error {
	setting := "rest-secure"
	if t.target.TLS == nil {
		setting = "rest-plain"
	}
	return t.target.Fail(router.ErrDenied, "its web server does not offer REST on the service "+t.target.Service+" ("+text+")",
		"on the router: /ip service webserver print, and set "+setting+"=yes")
}
