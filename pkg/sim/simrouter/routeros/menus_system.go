package routeros

import (
	"slices"
	"strconv"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/value"
)

// policies a group can hold.
var policies = []string{
	"local", "telnet", "ssh", "ftp", "reboot", "read", "write", "policy", "test", "winbox", "password", "web",
	"sniff", "sensitive", "api", "romon", "rest-api",
}

// policyList is the type of a list of policies; older versions had two more.
func policyList() valueType { return list(slices.Concat(policies, []string{"dude", "tikapp"})...) }

func users() *menu {
	return &menu{
		path: "/user", nextID: 1, writePolicy: "policy",
		fields: []field{
			{name: "name", typ: name, required: true},
			{name: "group", typ: reference("/user/group"), required: true},
			{name: "password", kind: secret, typ: text},
			{name: "address", typ: text},
			{name: "comment", kind: optional, typ: text},
			{name: "disabled", typ: boolean, value: "false"},
			{name: "expired", kind: status, typ: boolean, value: "false"},
			{name: "last-logged-in", kind: status},
		},
		unique:    []string{"name"},
		duplicate: "user with the same name already exists",
		beforeRemove: func(m *Router, r *row) *Error {
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
			{name: "name", typ: name, required: true},
			{name: "policy", typ: policyList()},
			{name: "comment", kind: optional, typ: text},
		},
		unique:    []string{"name"},
		duplicate: "group with the same name already exists",
	}
}

func scripts() *menu {
	return &menu{
		path: "/system/script", nextID: 1,
		fields: []field{
			{name: "name", typ: name, required: true},
			{name: "source", typ: text},
			{name: "policy", typ: policyList(), value: "read,write,policy,test"},
			{name: "dont-require-permissions", typ: boolean, value: "false"},
			{name: "comment", kind: optional, typ: text},
			{name: "owner", typ: text, value: "admin"},
			{name: "invalid", kind: status, typ: boolean, value: "false"},
			{name: "run-count", kind: status, typ: number, value: "0"},
			{name: "last-started", kind: flag},
		},
		unique:    []string{"name"},
		duplicate: "script with the same name already exists",
	}
}

// system has commands and no rows.
func system() *menu { return &menu{path: "/system", singleton: true, fixed: true} }

func identity() *menu {
	mn := &menu{
		path: "/system/identity", singleton: true, fixed: true,
		fields: []field{{name: "name", typ: name, value: "MikroTik"}},
	}
	mn.rows = []*row{mn.newRow()}
	return mn
}

func resource() *menu {
	mn := &menu{path: "/system/resource", singleton: true, fixed: true}
	for _, f := range []field{
		{name: "architecture-name", value: "arm64"},
		{name: "bad-blocks", typ: number, value: "0"},
		{name: "board-name", value: "RB5009UG+S+"},
		{name: "build-time", value: "2026-01-26 14:00:00"},
		{name: "cpu", value: "ARM64"},
		{name: "cpu-count", typ: number, value: "4"},
		{name: "cpu-frequency", typ: number, value: "1400"},
		{name: "cpu-load", typ: number, value: "3"},
		{name: "free-hdd-space", typ: number, value: "993644544"},
		{name: "free-memory", typ: number, value: "871366656"},
		{name: "platform", value: "MikroTik"},
		{name: "total-hdd-space", typ: number, value: "1073741824"},
		{name: "total-memory", typ: number, value: "1073741824"},
		{name: "uptime", typ: interval},
		{name: "version"},
		{name: "write-sect-since-reboot", typ: number, value: "0"},
		{name: "write-sect-total", typ: number, value: "0"},
	} {
		f.kind = status
		mn.fields = append(mn.fields, f)
	}
	mn.rows = []*row{mn.newRow()}
	mn.refresh = func(m *Router, r *row, _ func(string) bool) {
		r.values["uptime"] = value.FormatInterval(m.uptime())
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
