package routeros

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// User is a logged-in user. The nil User is the router itself.
type User struct {
	Name     string
	policies []string
	since    time.Time
}

// may reports whether u has every policy named; "" is no policy.
func (u *User) may(policies ...string) bool {
	if u == nil {
		return true
	}
	for _, p := range policies {
		if p != "" && !slices.Contains(u.policies, p) {
			return false
		}
	}
	return true
}

// May reports whether u has a policy.
func (u *User) May(policy string) bool { return u.may(policy) }

// Reasons of a failed login. Routers do not reveal which it was.
var (
	ErrCredentials = errors.New("unknown user or wrong password")
	ErrNoPolicy    = errors.New("user lacks the policy of the service")
)

// Login admits a user who comes in by a service ("api", "rest-api", "ssh") from
// an address. matches reports whether the client has the password. A refusal is
// logged.
func (m *Router) Login(name, service string, from netip.Addr, matches func(password string) bool) (*User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, err := m.user(name, from, matches)
	if err == nil && !u.May(service) {
		err = ErrNoPolicy
	}
	if err != nil {
		m.logLine("system,error,critical", "login failure for user "+name+" from "+from.String()+" via "+service)
		return nil, err
	}
	return u, nil
}

func (m *Router) user(name string, from netip.Addr, matches func(password string) bool) (*User, error) {
	r := m.byName("/user", name)
	if r == nil || r.values["disabled"] == "true" || !allowedFrom(r.values["address"], from) {
		return nil, ErrCredentials
	}
	if !matches(r.values["password"]) {
		return nil, ErrCredentials
	}
	u := &User{Name: name, since: m.now()}
	if g := m.byName("/user/group", r.values["group"]); g != nil {
		u.policies = strings.Split(g.values["policy"], ",")
	}
	return u, nil
}

// Stale reports whether a login of REST is so old that the router asks again.
func (m *Router) Stale(u *User) bool { return m.now().Sub(u.since) > 10*time.Minute }

// allowedFrom reports whether a list of addresses and prefixes contains from. An
// empty list contains every address.
func allowedFrom(list string, from netip.Addr) bool {
	if list == "" {
		return true
	}
	for item := range strings.SplitSeq(list, ",") {
		if p, err := netip.ParsePrefix(item); err == nil && p.Contains(from.Unmap()) {
			return true
		}
		if a, err := netip.ParseAddr(item); err == nil && a == from.Unmap() {
			return true
		}
	}
	return false
}

// LoggedIn records the start of a session.
func (m *Router) LoggedIn(u *User, service string, from netip.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.byName("/user", u.Name); r != nil {
		r.values["last-logged-in"] = m.stamp(m.now())
	}
	m.logLine("system,info,account", "user "+u.Name+" logged in from "+from.String()+" via "+service)
}

// LoggedOut records the end of a session.
func (m *Router) LoggedOut(u *User, service string, from netip.Addr) {
	m.Log("system,info,account", "user "+u.Name+" logged out from "+from.String()+" via "+service)
}

// AddUser adds a user, and a group of exactly these policies for it.
func (m *Router) AddUser(name, password string, policies ...string) error {
	group := "group-" + name
	_, err := m.Run(nil, Command{Path: "/user/group", Name: "add",
		Args: map[string]string{"name": group, "policy": strings.Join(policies, ",")}})
	if err != nil {
		return err
	}
	_, err = m.Run(nil, Command{Path: "/user", Name: "add",
		Args: map[string]string{"name": name, "group": group, "password": password}})
	return err
}
