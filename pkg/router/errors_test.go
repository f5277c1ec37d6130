package router

import (
	"errors"
	"fmt"
	"testing"
)

func TestErrorOf(t *testing.T) {
	down := &ItemError{Name: "down", Err: ErrInvalid}
	up := &ItemError{Name: "up", Err: fmt.Errorf("router r: %w", ErrDenied)}
	for _, tt := range []struct {
		name string
		err  error
		item string
		want error
	}{
		{"nil", nil, "down", nil},
		{"plain", ErrDenied, "down", nil},
		{"itself", down, "down", down},
		{"another", up, "down", nil},
		{"joined", errors.Join(down, up), "up", up},
		{"wrapped", fmt.Errorf("setting: %w", errors.Join(ErrAuth, fmt.Errorf("x: %w", down))), "down", down},
		{"inside another", &ItemError{Name: "both", Err: up}, "up", up},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ErrorOf(tt.err, tt.item); !errors.Is(got, tt.want) || got == nil != (tt.want == nil) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestIsRefusal(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false}, {ErrUnreachable, false}, {ErrOutcomeUnknown, false}, {ErrAuth, false}, {ErrCertificate, false},
		{ErrDenied, true}, {ErrInvalid, true}, {ErrUnsupported, true}, {ErrNotFound, true}, {ErrAmbiguous, true},
		{ErrDynamic, true}, {ErrExists, true}, {ErrNotApplied, true},
		{&ItemError{Name: "down", Err: fmt.Errorf("x: %w", ErrInvalid)}, true},
		{errors.Join(ErrDenied, ErrOutcomeUnknown), false}, // it may have been made
	} {
		if got := IsRefusal(tt.err); got != tt.want {
			t.Errorf("%v: %v", tt.err, got)
		}
	}
}
