package rosclient

import "sync"

// Uncertain remembers rows with a change of unknown outcome. Clients of the same
// router share one (ShareUncertain), so that the next change of such a row
// begins with a read on whichever of them makes it. The zero Uncertain is empty.
type Uncertain struct {
	mu   sync.Mutex // protects rows
	rows map[rowKey]bool
}

// rowKey is the menu and the name of a row.
type rowKey struct{ menu, name string }

func (u *Uncertain) add(menu, name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.rows == nil {
		u.rows = make(map[rowKey]bool)
	}
	u.rows[rowKey{menu, name}] = true
}

func (u *Uncertain) remove(menu, name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.rows, rowKey{menu, name})
}

func (u *Uncertain) has(menu, name string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.rows[rowKey{menu, name}]
}

// ShareUncertain makes c remember changes of unknown outcome in u, which other
// clients of the same router use as well. Call it before any other method.
func (c *Client) ShareUncertain(u *Uncertain) { c.uncertain = u }
