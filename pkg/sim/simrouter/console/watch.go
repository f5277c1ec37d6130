package console

import "maps"

// Watch follows the configuration of a menu, as listen and print follow do.
// Counters and other state that changes by itself are not followed.
type Watch struct {
	// C has a value when something on the router may have changed.
	C <-chan struct{}

	m    *Machine
	menu *menu
	of   Command
	poke chan struct{}
	last map[uint32]map[string]string // configuration by id, as Changes told it; guarded by the machine
}

// Watch starts following the menu of c, with its Proplist and Query. It needs
// the policies that print needs, and a Close.
func (m *Machine) Watch(u *User, c Command) (*Watch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	print := c
	print.Name = "print"
	if _, err := m.run(u, print); err != nil {
		return nil, err
	}
	poke := make(chan struct{}, 1)
	w := &Watch{C: poke, m: m, menu: m.menus[c.Path], of: c, poke: poke}
	w.last = w.snapshot()
	m.watches[w] = struct{}{}
	return w, nil
}

// Close ends it.
func (w *Watch) Close() {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	delete(w.m.watches, w)
}

// Changes returns what is new since Watch or the last call: the rows that were
// added or changed, as print shows them, and of rows that are gone their .id
// and .dead=true. Several changes of one row in between are one.
func (w *Watch) Changes() []map[string]string {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	before, now := w.last, w.snapshot()
	w.last = now
	var changes []map[string]string
	for id := range before {
		if _, there := now[id]; !there {
			changes = append(changes, map[string]string{argID: (&row{id: id}).ref(), ".dead": "true"})
		}
	}
	for _, r := range w.menu.rows {
		if was, there := before[r.id]; there && maps.Equal(was, now[r.id]) {
			continue
		}
		shown := w.m.show(w.menu, r, nil)
		if ok, err := matches(shown, w.of.Query); ok && err == nil {
			changes = append(changes, project(shown, w.of.Proplist))
		}
	}
	return changes
}

func (w *Watch) snapshot() map[uint32]map[string]string {
	s := make(map[uint32]map[string]string, len(w.menu.rows))
	for _, r := range w.menu.rows {
		s[r.id] = w.menu.config(r)
	}
	return s
}

// changed tells the watches. The caller holds m.mu.
func (m *Machine) changed() {
	for w := range m.watches {
		select {
		case w.poke <- struct{}{}:
		default: // it has not come to look since the last time
		}
	}
}
