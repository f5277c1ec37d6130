package routeros

import (
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/router/rosdata"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
)

// notExported are the menus that /export leaves out: users, as real routers do, and
// what is no configuration.
var notExported = []string{"/user", filesPath, "/log", "/system/resource"}

// export returns the configuration of the menu at path and of those below it as
// commands that make it anew. Settings at their defaults, secrets and rows that the
// router made itself are left out.
func (m *Router) export(path string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.updateRows()
	fresh := New(Config{Version: m.version, Quirks: m.quirks})
	var b strings.Builder
	b.WriteString("# " + m.stamp(m.now()) + " by RouterOS " + m.version.String() + "\r\n")
	for _, mn := range m.ordered {
		whole := path == "/" || mn.path == path || strings.HasPrefix(mn.path, path+"/")
		if !whole || path == "/" && slices.Contains(notExported, mn.path) {
			continue
		}
		builtin := fresh.menus[mn.path]
		if mn.path == interfaceQueuePath {
			builtin = m.builtinInterfaceQueues()
		}
		var lines []string
		for _, r := range mn.rows {
			if line := mn.exportRow(r, builtin); line != "" && !r.dynamic {
				lines = append(lines, line+"\r\n")
			}
		}
		if len(lines) > 0 {
			b.WriteString("/" + strings.ReplaceAll(mn.path[1:], "/", " ") + "\r\n" + strings.Join(lines, ""))
		}
	}
	return b.String()
}

// exportRow returns the command that makes a row, or that changes the one that every
// router has; "" if there is nothing to do.
func (mn *menu) exportRow(r *row, builtin *menu) string {
	old, line := mn.newRow(), "add"
	name := r.values[mn.rowName()]
	if mn.singleton {
		old, line = builtin.rows[0], "set"
	} else if b := builtin.find(name); b != nil && (mn.fixed || b.id == r.id) {
		old, line = b, "set "+scriptWord(name)
	}
	changed := ""
	for i := range mn.fields {
		f := &mn.fields[i]
		v, set := r.values[f.name]
		was, wasSet := old.values[f.name]
		if !f.settable(false) || f.kind == secret || v == was && set == wasSet || v == "" && was == "" && !f.bare {
			continue
		}
		changed += " " + f.name
		if !f.bare || v != "" {
			changed += "=" + scriptWord(f.typ.Export(v))
		}
	}
	if changed == "" && line != "add" {
		return ""
	}
	return line + changed
}

// scriptWord returns text as one word of a script.
func scriptWord(s string) string {
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("-_.:/,!", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return rosdata.QuoteRSC(s)
}

// exportTo is /export and the export of one menu: it prints, or writes a file.
func (h *scriptHost) exportTo(c rsc.Call) (rsc.Value, error) {
	if !h.u.may("read") {
		return rsc.Value{}, failure(errDenied(), c)
	}
	text := h.m.export(c.Path)
	file, given := c.Args["file"]
	if !given {
		h.printed.WriteString(text)
		return rsc.Value{}, nil
	}
	name := file.Text()
	if !strings.HasSuffix(name, ".rsc") {
		name += ".rsc"
	}
	if err := h.m.WriteFile(h.u, name, []byte(text)); err != nil {
		return rsc.Value{}, failure(errFailure(err.Error()), c)
	}
	return rsc.Value{}, nil
}
