package routeros

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/value"
)

// exportHost is a scriptHost for the export of a real router, which has more
// arguments, interfaces and rows than the simulated one.
type exportHost struct {
	scriptHost
	warn func(line int, text string)
}

// Command accepts every argument of add and set, and every word as one of add.
func (h *exportHost) Command(path, name string) (rsc.Signature, bool) {
	sig, ok := h.scriptHost.Command(path, name)
	if ok && (name == "add" || name == "set") {
		mn, has := h.m.menus[path], sig.Has
		sig.Has = func(arg string) bool { return has(arg) || mn.field(arg) == nil }
		if flag := sig.Flag; name == "add" {
			sig.Flag = func(word string) bool { return flag(word) || mn.field(word) == nil && word[0] != '!' }
		}
	}
	return sig, ok
}

// Run adds what a command refers to before it runs.
func (h *exportHost) Run(c rsc.Call) (rsc.Value, error) {
	if c.Name != "add" && c.Name != "set" {
		return h.scriptHost.Run(c)
	}
	h.m.mu.Lock()
	mn := h.m.menus[c.Path]
	mn.addFields(c)
	mn.nameBuiltin(c)
	switch c.Path {
	case treePath:
		if parent := c.Args["parent"].Text(); parent != "" && !h.m.isParent(parent) {
			h.addInterface(parent)
		}
		h.addTypes(c)
	case interfaceQueuePath:
		h.addInterface(c.Args[argNumbers].Text())
		h.m.listInterfaceQueues()
		h.addTypes(c)
	case simplePath:
		for _, name := range value.TargetInterfaces(c.Args["target"].Text()) {
			h.addInterface(name)
		}
		h.checkSimpleParent(c)
		h.addTypes(c)
	}
	h.m.mu.Unlock()
	v, err := h.scriptHost.Run(c)
	var failed *rsc.Failure
	if c.Name == "set" && errors.As(err, &failed) && failed.Text == errNoItem().Text {
		// Rows that every router of another version or model has.
		h.warn(c.Line, c.Path+" has no "+c.Args[argNumbers].Argument()+": skipped")
		return rsc.Value{}, nil
	}
	return v, err
}

// addFields gives the menu a field for every argument that it does not have.
func (mn *menu) addFields(c rsc.Call) {
	for _, arg := range slices.Sorted(maps.Keys(c.Args)) {
		if arg != argNumbers && mn.field(arg) == nil {
			mn.fields = append(mn.fields, field{name: arg, kind: optional, typ: text})
		}
	}
}

// nameBuiltin replaces the number of a built-in row, which differs between
// versions, by the name in "set NUMBER name=NAME".
func (mn *menu) nameBuiltin(c rsc.Call) {
	name := c.Args["name"].Text()
	_, err := strconv.Atoi(c.Args[argNumbers].Text())
	if err == nil && slices.ContainsFunc(mn.rows, func(r *row) bool { return r.values["name"] == name }) {
		c.Args[argNumbers] = c.Args["name"]
	}
}

// addInterface makes an interface that a queue refers to: most interfaces are in
// menus that are not simulated.
func (h *exportHost) addInterface(name string) {
	if h.m.byName(interfacePath, name) == nil {
		h.m.addRow(interfacePath, map[string]string{"name": name, "type": "ether"})
	}
}

// checkSimpleParent leaves out a parent that the export does not have.
func (h *exportHost) checkSimpleParent(c rsc.Call) {
	if parent := c.Args["parent"].Text(); parent != "" && parent != "none" && h.m.byName(simplePath, parent) == nil {
		delete(c.Args, "parent")
		h.warn(c.Line, "simple queue "+parent+" is not in this export: parent=none is taken instead")
	}
}

// addTypes makes the queue types that a queue names and the export does not
// have, as those built into other versions.
func (h *exportHost) addTypes(c rsc.Call) {
	types := append(strings.Split(c.Args["queue"].Text(), "/"), c.Args["total-queue"].Text())
	for _, name := range types {
		if name != "" && h.m.byName(typePath, name) == nil {
			h.m.addRow(typePath, map[string]string{"name": name, "kind": "pfifo"})
			h.warn(c.Line, "queue type "+name+" is not in this export: taken for a pfifo")
		}
	}
}
