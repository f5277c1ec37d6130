package routercmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/router"
)

// fakeRouter answers from what it holds. Calls that no test expects panic.
type fakeRouter struct {
	router.Client
	addresses []router.Address
	rule      router.Rule
	err       error // of the call that changes something
	writes    int
}

func (f *fakeRouter) Addresses(_ context.Context, list string) ([]router.Address, error) {
	var found []router.Address
	for _, a := range f.addresses {
		if list == "" || a.List == list {
			found = append(found, a)
		}
	}
	return found, nil
}

func (f *fakeRouter) AddAddress(_ context.Context, a router.Address) (router.Address, error) {
	f.writes++
	for _, have := range f.addresses {
		if have.List == a.List && have.Address == a.Address {
			return have, fmt.Errorf("add: %w", router.ErrExists)
		}
	}
	a.Dynamic = a.Timeout > 0
	return a, f.err
}

func (f *fakeRouter) RemoveAddress(context.Context, string, string) error {
	f.writes++
	return f.err
}

func (f *fakeRouter) Rule(context.Context, string) (router.Rule, error) { return f.rule, nil }

func (f *fakeRouter) SetRule(_ context.Context, _ string, enabled bool) (router.Rule, error) {
	f.writes++
	f.rule.Disabled = !enabled
	return f.rule, f.err
}

func (f *fakeRouter) RunScript(context.Context, string) error { return f.err }

func TestAddAddress(t *testing.T) {
	const list = "L"
	entry := router.Address{List: list, Address: "10.0.0.1"}
	with := func(change func(*router.Address)) router.Address {
		a := entry
		change(&a)
		return a
	}
	tests := []struct {
		name    string
		have    []router.Address
		want    router.Address
		comment bool // --comment was given
		changed bool
		err     string
	}{
		{name: "new", want: entry, changed: true},
		{name: "same", have: []router.Address{entry}, want: entry},
		{name: "same with a comment nobody asked about", want: entry,
			have: []router.Address{with(func(a *router.Address) { a.Comment = "x" })}},
		{name: "in another list", want: entry, changed: true,
			have: []router.Address{with(func(a *router.Address) { a.List = "M" })}},
		{name: "other comment", want: with(func(a *router.Address) { a.Comment = "y" }), comment: true,
			have: []router.Address{with(func(a *router.Address) { a.Comment = "x" })}, err: `its comment is "x", not "y"`},
		{name: "comment to be empty", want: entry, comment: true,
			have: []router.Address{with(func(a *router.Address) { a.Comment = "x" })}, err: `its comment is "x", not ""`},
		{name: "disabled", want: entry,
			have: []router.Address{with(func(a *router.Address) { a.Disabled = true })}, err: "it is disabled"},
		{name: "goes, but shall stay", want: entry,
			have: []router.Address{with(func(a *router.Address) { a.Timeout, a.Dynamic = 90*time.Second, true })}, err: "it expires in 1m30s"},
		{name: "stays, but shall go", want: with(func(a *router.Address) { a.Timeout = time.Hour }),
			have: []router.Address{entry}, err: "it stays, instead of expiring in 1h0m0s"},
		{name: "goes sooner", want: with(func(a *router.Address) { a.Timeout = time.Hour }),
			have: []router.Address{with(func(a *router.Address) { a.Timeout, a.Dynamic = 59*time.Minute, true })}},
		{name: "goes later", want: with(func(a *router.Address) { a.Timeout = time.Hour }),
			have: []router.Address{with(func(a *router.Address) { a.Timeout, a.Dynamic = 2*time.Hour, true })}, err: "it expires in 2h0m0s, not in 1h0m0s"},
		{name: "resolved from a host name", want: entry,
			have: []router.Address{with(func(a *router.Address) { a.Dynamic = true })}, err: "made it by itself"},
		{name: "two differences", want: with(func(a *router.Address) { a.Comment = "y" }), comment: true,
			have: []router.Address{with(func(a *router.Address) { a.Disabled = true })}, err: `it is disabled, and its comment is "", not "y"`},
	}
	for _, tt := range tests {
		for _, dryRun := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, dry run %t", tt.name, dryRun), func(t *testing.T) {
				f := &fakeRouter{addresses: tt.have}
				change, err := addAddress(t.Context(), f, tt.want, listAddOptions{dryRun: dryRun, commentGiven: tt.comment})
				if tt.err != "" {
					if err == nil || !strings.Contains(err.Error(), tt.err) || app.ExitStatus(err) != app.ExitCheck {
						t.Errorf("got %v with status %d, want %q with 5", err, app.ExitStatus(err), tt.err)
					}
				} else if err != nil || change.Changed != tt.changed {
					t.Errorf("got %+v, %v", change, err)
				}
				if dryRun && f.writes > 0 {
					t.Error("a dry run wrote")
				}
			})
		}
	}
}

func TestAddAddressFails(t *testing.T) {
	f := &fakeRouter{err: router.ErrDenied}
	if _, err := addAddress(t.Context(), f, router.Address{List: "L", Address: "10.0.0.1"}, listAddOptions{}); !errors.Is(err, router.ErrDenied) {
		t.Errorf("got %v", err)
	}
}

func TestRemoveAddress(t *testing.T) {
	f := &fakeRouter{addresses: []router.Address{{List: "L", Address: "2001:db8::1", Comment: "c"}}}
	change, err := removeAddress(t.Context(), f, "L", "2001:db8::1/128", true)
	if err != nil || f.writes != 0 || change.Comment != "c" {
		t.Errorf("dry run: got %+v, %v, %d writes", change, err, f.writes)
	}
	if _, err := removeAddress(t.Context(), f, "M", "2001:db8::1/128", true); !errors.Is(err, router.ErrNotFound) {
		t.Errorf("dry run in another list: got %v", err)
	}
	if _, err := removeAddress(t.Context(), f, "L", "2001:db8::1/128", false); err != nil || f.writes != 1 {
		t.Errorf("got %v, %d writes", err, f.writes)
	}
}

func TestSetRule(t *testing.T) {
	tests := []struct {
		name   string
		rule   router.Rule
		enable bool
		dryRun bool
		err    error

		want   string
		writes int
		fails  string
		status int
	}{
		{name: "enable", rule: router.Rule{Disabled: true}, enable: true, want: "steer: disabled -> enabled\n", writes: 1},
		{name: "disable", want: "steer: enabled -> disabled\n", writes: 1},
		{name: "enabled already", enable: true, want: "steer: already enabled\n"},
		{name: "disabled already", rule: router.Rule{Disabled: true}, want: "steer: already disabled\n"},
		{name: "dry run", dryRun: true, want: "steer: enabled -> disabled (dry run, nothing written)\n"},
		{name: "dynamic", rule: router.Rule{Dynamic: true}, fails: "is dynamic", status: app.ExitCheck},
		{name: "dynamic in a dry run", rule: router.Rule{Dynamic: true}, dryRun: true, fails: "is dynamic", status: app.ExitCheck},
		{name: "no answer", err: router.ErrOutcomeUnknown, fails: "the rule may have changed", status: app.ExitRouter, writes: 1},
		{name: "no effect", err: router.ErrNotApplied, fails: "not applied", status: app.ExitFailure, writes: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeRouter{rule: tt.rule, err: tt.err}
			change, err := setRule(t.Context(), f, "steer", tt.enable, tt.dryRun)
			if f.writes != tt.writes {
				t.Errorf("%d writes, want %d", f.writes, tt.writes)
			}
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) || app.ExitStatus(err) != tt.status {
					t.Errorf("got %v with status %d, want %q with %d", err, app.ExitStatus(err), tt.fails, tt.status)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var shown bytes.Buffer
			a := &app.App{Streams: output.Streams{Out: &shown}}
			a.Global.Output = output.Table
			if err := printRuleChange(a, change); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, shown.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRunScript(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		want   string
		status int
	}{
		{"ran", nil, "", app.ExitOK},
		{"its own error", fmt.Errorf(`it says "no (:error; line 1)": %w`, router.ErrInvalid), "no (:error; line 1)", app.ExitFailure},
		{"no answer", router.ErrOutcomeUnknown, `script "s" may have run`, app.ExitRouter},
		{"policy", router.ErrDenied, "more policies", app.ExitRouter},
		{"absent", router.ErrNotFound, "not found", app.ExitCheck},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := runScript(t.Context(), &fakeRouter{err: tt.err}, "s")
			if app.ExitStatus(err) != tt.status || tt.want != "" && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v with status %d, want %q with %d", err, app.ExitStatus(err), tt.want, tt.status)
			}
		})
	}
}

// TestInterrupted: an interrupt ends a loop well, but not a command that was to
// do something.
func TestInterrupted(t *testing.T) {
	asked := fmt.Errorf("cancelled while waiting for an answer: %w", errors.Join(router.ErrOutcomeUnknown, context.Canceled))
	for _, tt := range []struct {
		name   string
		err    error
		status int
		want   string
	}{
		{"a request", asked, app.ExitFailure, "wanctl: interrupted: cancelled while waiting"},
		{"between two", context.Canceled, app.ExitFailure, "wanctl: interrupted\n"},
		{"a loop", app.Stopped(asked), app.ExitOK, ""},
		{"a loop that failed", app.Stopped(router.ErrNotFound), app.ExitCheck, "wanctl: not found"},
		{"nothing", app.Stopped(nil), app.ExitOK, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := app.ExitStatus(tt.err); got != tt.status {
				t.Errorf("status %d, want %d", got, tt.status)
			}
			if tt.err == nil {
				return
			}
			var stderr strings.Builder
			a := &app.App{}
			a.Err = &stderr
			a.PrintError(nil, tt.err)
			if !strings.HasPrefix(stderr.String(), tt.want) {
				t.Errorf("printed %q, want %q", &stderr, tt.want)
			}
		})
	}
}

func TestCompletionFromTheRouter(t *testing.T) {
	items := []router.Script{{Name: "a", Comment: "one\ttab"}, {Name: ""}, {Name: "b\nc"}, {Name: "a"}, {Name: "d e", Comment: "x"}}
	got := offer(items, func(s router.Script) string { return s.Name }, func(s router.Script) string { return s.Comment })
	if diff := cmp.Diff([]string{"a\tone\\ttab", "d e\tx"}, got); diff != "" {
		t.Error(diff)
	}
}
