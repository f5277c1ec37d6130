package routeros

import (
	"net/netip"
	"slices"
	"strconv"
)

// ipService is the menu of network services. Of its settings, the admitted
// addresses and max-sessions have an effect: the embedding program opens and closes
// ports.
func ipService(v Version) *menu {
	secure := []string{"tls"}
	mn := &menu{
		path: "/ip/service", fixed: true,
		fields: []field{
			{name: "name", kind: status},
			{name: "port", typ: integer(1, 65535)},
			{name: "proto", kind: flag, value: "tcp"},
			{name: admitting(v), typ: text},
			{name: "certificate", typ: text, value: "none", only: secure},
			{name: "tls-version", typ: enum("any", "only-1.2"), value: "any", only: secure},
			{name: "vrf", typ: text, value: "main"},
			{name: "disabled", typ: boolean, value: "true"},
			{name: "invalid", kind: status, typ: boolean, value: "false"},
			{name: "dynamic", kind: status, typ: boolean, value: "false"},
			{name: "connection", kind: flag},
			{name: "local", kind: flag},
			{name: "remote", kind: flag},
		},
	}
	if v.AtLeast(7, 16) {
		mn.fields = append(mn.fields, field{name: "max-sessions", typ: integer(1, 1000), value: "20"})
	}
	for _, s := range []struct {
		name string
		port int
	}{
		{"telnet", 23}, {"ftp", 21}, {"www", 80}, {"ssh", 22}, {"www-ssl", 443}, {"api", 8728}, {"winbox", 8291}, {"api-ssl", 8729},
	} {
		r := mn.newRow()
		r.id = mn.newID()
		r.values["name"], r.values["port"] = s.name, strconv.Itoa(s.port)
		if s.name == "www-ssl" || s.name == "api-ssl" {
			r.values["kind"] = "tls"
		}
		mn.rows = append(mn.rows, r)
	}
	return mn
}

// admitting returns the name of the setting that lists the addresses a service
// admits.
func admitting(v Version) string {
	if v.AtLeast(7, 24) {
		return "available-from"
	}
	return "address"
}

// webserver is the menu that says what www and www-ssl serve, from 7.24 on.
func webserver() *menu {
	mn := &menu{
		path: webserverPath, singleton: true, fixed: true,
		fields: []field{
			{name: "rest-plain", typ: boolean, value: "true"},
			{name: "rest-secure", typ: boolean, value: "true"},
		},
	}
	mn.rows = []*row{mn.newRow()}
	return mn
}

const webserverPath = "/ip/service/webserver"

// ServesREST reports whether www, or www-ssl, answers REST.
func (m *Router) ServesREST(encrypted bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	mn := m.menus[webserverPath]
	if mn == nil {
		return true
	}
	if encrypted {
		return mn.rows[0].values["rest-secure"] == "true"
	}
	return mn.rows[0].values["rest-plain"] == "true"
}

// Admits reports whether a service admits connections from an address.
func (m *Router) Admits(service string, from netip.Addr) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byName("/ip/service", service)
	return r == nil || allowedFrom(r.values[admitting(m.version)], from)
}

// ServiceStarted records that a service listens at a port.
func (m *Router) ServiceStarted(name string, port int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.byName("/ip/service", name); r != nil {
		r.values["disabled"], r.values["port"] = "false", strconv.Itoa(port)
		if r.values["kind"] == "tls" {
			r.values["certificate"] = "simrouter"
		}
	}
}

// AddConnection adds the row of a connection to a service, which routers have
// from 7.16 on. The returned func removes it.
func (m *Router) AddConnection(service, local, remote string) (ended func()) {
	if !m.version.AtLeast(7, 16) {
		return func() {}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	mn := m.menus["/ip/service"]
	of := mn.find(service)
	if of == nil {
		return func() {}
	}
	r := &row{id: mn.newID(), dynamic: true, values: map[string]string{
		"name": service, "port": of.values["port"], "proto": "tcp", "address": "", "vrf": "main",
		"disabled": "false", "invalid": "false", "dynamic": "true",
		"connection": "true", "local": local, "remote": remote,
	}}
	mn.rows = append(mn.rows, r)
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		mn.rows = slices.DeleteFunc(mn.rows, func(x *row) bool { return x == r })
	}
}

// MaxSessions returns how many connections a service takes at a time; 0 is no
// limit, as before 7.16.
func (m *Router) MaxSessions(service string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.menus["/ip/service"].rows {
		if r.values["name"] == service && !r.dynamic {
			n, _ := strconv.Atoi(r.values["max-sessions"])
			return n
		}
	}
	return 0
}
