package console

import (
	"strconv"
)

// policies a group can hold.
var policies = []string{
	"local", "telnet", "ssh", "ftp", "reboot", "read", "write", "policy", "test", "winbox", "password", "web",
	"sniff", "sensitive", "api", "romon", "rest-api",
}

func users() *menu {
	return &menu{
		path: "/user", nextID: 1, writePolicy: "policy",
		fields: []field{
			{name: "name", parse: name, need: true},
			{name: "group", parse: reference("/user/group"), need: true},
			{name: "password", kind: secret, parse: text},
			{name: "address", parse: text},
			{name: "comment", kind: optional, parse: text},
			{name: "disabled", parse: boolean, value: "false"},
			{name: "expired", kind: status, value: "false"},
			{name: "last-logged-in", kind: status},
		},
		unique: func(r *row) string { return r.values["name"] },
		taken:  "user with the same name already exists",
		leave: func(m *Machine, r *row) *Error {
			if len(m.menus["/user"].rows) == 1 {
				return errFailure("last user cannot be removed")
			}
			return nil
		},
	}
}

func userGroups() *menu {
	return &menu{
		path: "/user/group", nextID: 1, writePolicy: "policy",
		fields: []field{
			{name: "name", parse: name, need: true},
			{name: "policy", parse: list(policies...)},
			{name: "comment", kind: optional, parse: text},
		},
		unique: func(r *row) string { return r.values["name"] },
		taken:  "group with the same name already exists",
	}
}

func scripts() *menu {
	return &menu{
		path: "/system/script", nextID: 1,
		fields: []field{
			{name: "name", parse: name, need: true},
			{name: "source", parse: text},
			{name: "policy", parse: list(policies...), value: "read,write,policy,test"},
			{name: "dont-require-permissions", parse: boolean, value: "false"},
			{name: "comment", kind: optional, parse: text},
			{name: "owner", kind: status, value: "admin"},
			{name: "invalid", kind: status, value: "false"},
			{name: "run-count", kind: status, value: "0"},
			{name: "last-started", kind: flag},
		},
		unique: func(r *row) string { return r.values["name"] },
		taken:  "script with the same name already exists",
	}
}

// system has commands and no rows.
func system() *menu { return &menu{path: "/system", singleton: true, fixed: true} }

func identity() *menu {
	mn := &menu{
		path: "/system/identity", singleton: true, fixed: true,
		fields: []field{{name: "name", parse: name, value: "MikroTik"}},
	}
	mn.rows = []*row{mn.newRow()}
	return mn
}

func resource() *menu {
	mn := &menu{path: "/system/resource", singleton: true, fixed: true}
	for _, f := range []struct{ name, value string }{
		{"architecture-name", "arm64"}, {"bad-blocks", "0"}, {"board-name", "RB5009UG+S+"},
		{"build-time", "2026-01-26 14:00:00"}, {"cpu", "ARM64"}, {"cpu-count", "4"}, {"cpu-frequency", "1400"},
		{"cpu-load", "3"}, {"free-hdd-space", "993644544"}, {"free-memory", "871366656"}, {"platform", "MikroTik"},
		{"total-hdd-space", "1073741824"}, {"total-memory", "1073741824"}, {"uptime", ""}, {"version", ""},
		{"write-sect-since-reboot", "0"}, {"write-sect-total", "0"},
	} {
		mn.fields = append(mn.fields, field{name: f.name, kind: status, value: f.value})
	}
	mn.rows = []*row{mn.newRow()}
	mn.refresh = func(m *Machine, r *row, _ func(string) bool) {
		r.values["uptime"] = formatInterval(m.uptime())
		r.values["version"] = m.version.String() + " (stable)"
		r.values["write-sect-since-reboot"] = strconv.Itoa(m.sectors - m.sectorsAtBoot)
		r.values["write-sect-total"] = strconv.Itoa(m.sectors)
	}
	return mn
}

func logMenu() *menu {
	return &menu{
		path: "/log", fixed: true, nextID: 1,
		fields: []field{
			{name: "time", kind: status},
			{name: "topics", kind: status},
			{name: "message", kind: status},
		},
	}
}
