package routeros

import (
	"strconv"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
)

const filesPath = "/file"

// maxFile bounds a file on the router, in bytes.
const maxFile = 1 << 20

// files is the menu of files, which arrive by SFTP.
func files() *menu {
	return &menu{
		path: filesPath, nextID: 1,
		fields: []field{
			{name: "name", typ: name, required: true},
			{name: "type", kind: status, value: "script"},
			{name: "size", kind: status, typ: number, value: "0"},
			{name: "contents", kind: secret, typ: text},
		},
		unique:    []string{"name"},
		duplicate: "file with the same name already exists",
		check: func(_ *Router, _, now *row) *Error {
			now.values["size"] = strconv.Itoa(len(now.values["contents"]))
			return nil
		},
	}
}

// WriteFile creates or replaces a file. The user needs the policy ftp, as for all
// transfers of files.
func (m *Router) WriteFile(u *User, name string, data []byte) error {
	if !u.may("ftp") {
		return errDenied()
	}
	if len(data) > maxFile {
		return errFailure("not enough space")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := Command{Path: filesPath, Name: "add", Args: map[string]string{"name": name, "contents": string(data)}}
	if r := m.byName(filesPath, name); r != nil {
		c.Name, c.Args[argID] = "set", r.ref()
	}
	// The session may write files without the policy to change settings.
	if _, err := m.run(nil, c); err != nil {
		return err
	}
	return nil
}

// File returns the contents of a file, and whether there is one.
func (m *Router) File(name string) (contents string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byName(filesPath, name)
	if r == nil {
		return "", false
	}
	return r.values["contents"], true
}

// importFile is /import: it runs a file command by command, and stops at the first
// that fails.
func (h *scriptHost) importFile(c rsc.Call) (rsc.Value, error) {
	name := c.Args["file-name"].Text()
	if name == "" {
		return rsc.Value{}, failure(errMissing("file-name"), c)
	}
	if !h.u.may("read", "write") {
		return rsc.Value{}, failure(errDenied(), c)
	}
	h.m.mu.Lock()
	r := h.m.byName(filesPath, name)
	source := ""
	if r != nil {
		source = r.values["contents"]
	}
	h.m.mu.Unlock()
	switch {
	case r == nil:
		return rsc.Value{}, failure(errFailure("no such file "+name), c)
	case h.depth >= maxDepth:
		return rsc.Value{}, failure(errFailure("files import each other without end"), c)
	}
	inner := &scriptHost{m: h.m, u: h.u, depth: h.depth + 1, uncounted: h.uncounted, boot: h.boot}
	out, err := rsc.Run(source, rsc.Options{Host: inner, Stepwise: true, Steps: loadSteps})
	h.printed.WriteString(out + inner.printed.String())
	if err != nil {
		return rsc.Value{}, &rsc.Failure{Text: "Script Error: " + h.m.message(err), Placed: true}
	}
	h.printed.WriteString("\r\nScript file loaded and executed successfully\r\n")
	return rsc.Value{}, nil
}
