package routeros

import "fmt"

// queueByName returns the one queue of a name, of the tree or else a simple one,
// and its menu.
func (m *Router) queueByName(name string) (*menu, *row, error) {
	for _, path := range []string{treePath, simplePath} {
		if r := m.byName(path, name); r != nil {
			return m.menus[path], r, nil
		}
	}
	return nil, nil, fmt.Errorf("no queue %q on the simulated router", name)
}

// Bypass makes traffic go past a queue, or through it again: while it does not,
// the queue's counters stand still and its limit limits nothing.
func (m *Router) Bypass(queue string, on bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	mn, r, err := m.queueByName(queue)
	if err != nil {
		return err
	}
	if r.queue.bypassed == on {
		return nil
	}
	mn.refresh(m, r, func(string) bool { return true }) // the counters so far
	r.queue.bypassed = on
	if err := m.setRealLimits(mn.path, r, r); err != nil {
		r.queue.bypassed = !on
		return err
	}
	r.queue.stood = true
	return nil
}

// Recreate removes a queue and adds it again as it was: with another id, last in
// the menu, counting from zero.
func (m *Router) Recreate(queue string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	mn, r, err := m.queueByName(queue)
	if err != nil {
		return err
	}
	i := mn.index(r)
	mn.rows = append(append(mn.rows[:i:i], mn.rows[i+1:]...), r)
	r.id = mn.newID()
	m.clearCounters(mn, r)
	return nil
}

// SwapNames exchanges the names of two queues of one menu at once.
func (m *Router) SwapNames(a, b string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	mn, x, err := m.queueByName(a)
	if err != nil {
		return err
	}
	y := mn.find(b)
	if y == nil {
		return fmt.Errorf("no queue %q in %s of the simulated router", b, mn.path)
	}
	x.values["name"], y.values["name"] = b, a
	mn.byKey = nil
	return nil
}
