package routeros

import (
	"os"
	"strings"
	"testing"
)

// containerMenus are what configs/container/routeros.rsc uses and the simulated
// router does not have otherwise. Exports of RouterOS 7.21 and later have these
// names; before it a mount and the list of them had one name, and the container
// referred to it as mounts.
func containerMenus(v Version) []*menu {
	list, mounts := "list", "mountlists"
	if !v.AtLeast(7, 21) {
		list, mounts = "name", "mounts"
	}
	optionals := func(names ...string) (fields []field) {
		for _, n := range names {
			fields = append(fields, field{name: n, kind: optional, typ: text})
		}
		return fields
	}
	return []*menu{
		{path: "/interface/veth", nextID: 1, unique: []string{"name"}, fields: append(optionals("address", "gateway", "gateway6", "comment"),
			field{name: "name", typ: name, required: true}),
			afterChange: func(m *Router) {
				for _, r := range m.menus["/interface/veth"].rows {
					if m.byName(interfacePath, r.values["name"]) == nil {
						m.addRow(interfacePath, map[string]string{"name": r.values["name"], "type": "veth"})
					}
				}
			}},
		{path: "/ip/address", nextID: 1, fields: append(optionals("network", "comment"),
			field{name: "address", typ: text, required: true},
			field{name: "interface", typ: reference(interfacePath), required: true})},
		{path: "/ip/firewall/nat", nextID: 1, ordered: true, fields: append(optionals("src-address", "out-interface", "comment"),
			field{name: "chain", typ: name, required: true},
			field{name: "action", typ: enum("accept", "masquerade", "src-nat", "dst-nat"), value: "accept"})},
		{path: "/container/envs", nextID: 1, unique: []string{list, "key"}, fields: []field{
			{name: list, typ: name, required: true}, {name: "key", typ: name, required: true}, {name: "value", typ: text}}},
		{path: "/container/mounts", nextID: 1, fields: []field{
			{name: list, typ: name, required: true}, {name: "src", typ: text, required: true}, {name: "dst", typ: text, required: true}}},
		{path: "/container", nextID: 1, fields: append(optionals("file", "remote-image", "root-dir", "name", "hostname", "dns", "cmd", "entrypoint"),
			field{name: "interface", typ: reference("/interface/veth"), required: true},
			field{name: "envlists", kind: optional, typ: reference("/container/envs")},
			field{name: mounts, kind: optional, typ: reference("/container/mounts")},
			field{name: "logging", typ: boolean, value: "false"},
			field{name: "start-on-boot", typ: boolean, value: "false"})},
	}
}

// containerRouter is a router that can run containers.
func containerRouter(v Version) *Router {
	m := New(Config{Version: v})
	for _, mn := range containerMenus(v) {
		if mn.field("list") != nil {
			mn.named = "list"
		}
		m.menus[mn.path] = mn
		m.ordered = append(m.ordered, mn)
	}
	return m
}

func loadContainerScript(m *Router) error {
	f, err := os.Open("../../../../configs/container/routeros.rsc")
	if err != nil {
		return err
	}
	defer f.Close()
	return m.Load("routeros.rsc", f)
}

// TestContainerScript imports the script of wanctl-container(7).
func TestContainerScript(t *testing.T) {
	m := containerRouter(Version{7, 21, 0})
	if err := loadContainerScript(m); err != nil {
		t.Fatal(err)
	}
	container := m.menus["/container"].rows[0].values
	veth := m.menus["/interface/veth"].rows[0].values
	router := m.menus["/ip/address"].rows[0].values
	account := m.byName("/user", "wanctl").values
	mask, _, _ := strings.Cut(veth["address"], "/")
	if container["interface"] != veth["name"] || router["interface"] != veth["name"] {
		t.Errorf("the container's link is %v, its own and the router's address are on %q and %q", container["interface"], veth["name"], router["interface"])
	}
	if want := veth["gateway"] + "/30"; router["address"] != want {
		t.Errorf("the router's end is %s, the container's gateway %s", router["address"], veth["gateway"])
	}
	if account["address"] != mask+"/32" {
		t.Errorf("the account is for %s, the container has %s", account["address"], veth["address"])
	}
	if src := m.menus["/ip/firewall/nat"].rows[0].values["src-address"]; src != mask {
		t.Errorf("addresses are translated for %s, the container has %s", src, veth["address"])
	}
	written := map[string]bool{}
	for _, r := range m.menus["/container/mounts"].rows {
		written[r.values["dst"]] = true
	}
	for _, dir := range []string{"/etc/wanctl", "/var/lib/wanctl", "/var/log/wanctl"} {
		if !written[dir] {
			t.Errorf("nothing is mounted at %s", dir)
		}
	}
	if p := m.byName("/user/group", account["group"]).values["policy"]; !strings.Contains(p, "write") || !strings.Contains(p, "api") {
		t.Errorf("the account may %s", p)
	}
}

// TestContainerScriptIsForNewerRouters says what the script's first lines say.
func TestContainerScriptIsForNewerRouters(t *testing.T) {
	if err := loadContainerScript(containerRouter(Version{7, 20, 8})); err == nil {
		t.Error("a router of version 7.20 takes it")
	}
}
