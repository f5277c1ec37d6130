package simcmd

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSimUsers: what is said of users is how they really log in.
func TestSimUsers(t *testing.T) {
	const admin, own = "admin without a password", "wanctl, password wanctl, may do what wanctl needs"
	for _, tt := range []struct {
		name string
		o    routerOptions
		want []string
	}{
		{"as it comes", routerOptions{}, []string{admin, own}},
		{"one more", routerOptions{user: "bob", passwordEnv: "SECRET"}, []string{admin, own, "bob with the password in SECRET"}},
		{"one more, without", routerOptions{user: "bob"}, []string{admin, own, "bob without a password"}},
		{"another password", routerOptions{user: "wanctl", passwordEnv: "SECRET"}, []string{admin, "wanctl with the password in SECRET"}},
		{"of the administrator", routerOptions{user: "admin", passwordEnv: "SECRET"}, []string{own, "admin with the password in SECRET"}},
		{"a script of one's own", routerOptions{script: "x.rsc"}, []string{"those of x.rsc; an export of a router has none: add one with --user NAME"}},
		{"and a user", routerOptions{script: "x.rsc", user: "bob"}, []string{"bob without a password"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.o.users()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
