package console

import (
	"crypto/subtle"
	"errors"
	"net/netip"
	"slices"
	"strings"
)

// User is somebody logged in. The nil User is the machine itself.
type User struct {
	Name     string
	policies []string
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

// Why a login failed. Routers do not tell the two apart to the outside.
var (
	ErrCredentials = errors.New("unknown user or wrong password")
	ErrNoPolicy    = errors.New("user lacks the policy of the service")
)

// Login checks a password and that the user may come in by a service ("api",
// "rest-api", "ssh") from that address. A refusal is logged.
func (m *Machine) Login(name, password, service string, from netip.Addr) (*User, error) {
	return m.LoginBy(name, service, from, func(want string) bool {
		return subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1
	})
}

// LoginBy is Login for a peer that does not show its password: knows says
// whether it knows the one the user has.
func (m *Machine) LoginBy(name, service string, from netip.Addr, knows func(password string) bool) (*User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, err := m.user(name, from, knows)
	if err == nil && !u.May(service) {
		err = ErrNoPolicy
	}
	if err != nil {
		m.logLine("system,error,critical", "login failure for user "+name+" from "+from.String()+" via "+service)
		return nil, err
	}
	return u, nil
}

func (m *Machine) user(name string, from netip.Addr, knows func(password string) bool) (*User, error) {
	r := m.byName("/user", name)
	if r == nil || r.values["disabled"] == "true" || !allowedFrom(r.values["address"], from) {
		return nil, ErrCredentials
	}
	if !knows(r.values["password"]) {
		return nil, ErrCredentials
	}
	u := &User{Name: name}
	if g := m.byName("/user/group", r.values["group"]); g != nil {
		u.policies = strings.Split(g.values["policy"], ",")
	}
	return u, nil
}

// allowedFrom checks an address against a list of addresses and prefixes; an
// empty list is everybody.
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

// LoggedIn notes the start of a session.
func (m *Machine) LoggedIn(u *User, service string, from netip.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.byName("/user", u.Name); r != nil {
		r.values["last-logged-in"] = m.stamp(m.now())
	}
	m.logLine("system,info,account", "user "+u.Name+" logged in from "+from.String()+" via "+service)
}

// LoggedOut notes its end.
func (m *Machine) LoggedOut(u *User, service string, from netip.Addr) {
	m.Log("system,info,account", "user "+u.Name+" logged out from "+from.String()+" via "+service)
}

// AddUser adds a user, and a group of exactly these policies for it.
func (m *Machine) AddUser(name, password string, policies ...string) error {
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
