package eval

import (
	"sync"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc/value"
)

// Globals are the global variables that scripts share. They are safe for
// concurrent use; the zero Globals are none yet.
type Globals struct {
	mu   sync.Mutex // protects vars
	vars map[string]value.Value
}

// maxGlobals bounds what scripts leave behind.
const maxGlobals = 200

func (g *Globals) get(name string) value.Value {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.vars[name]
}

func (g *Globals) set(name string, v value.Value) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.vars == nil {
		g.vars = map[string]value.Value{}
	}
	if _, known := g.vars[name]; !known && len(g.vars) >= maxGlobals {
		return false
	}
	g.vars[name] = v
	return true
}

// frame is a place in the program: what is visible, and which menu commands
// are relative to.
type frame struct {
	scope   *scope
	context string
}

// scope is a block's variables.
type scope struct {
	outer *scope
	vars  map[string]*variable
}

// variable is a local, or stands for a global one.
type variable struct {
	global bool
	value  value.Value
}

func (s *scope) find(name string) *variable {
	for ; s != nil; s = s.outer {
		if v := s.vars[name]; v != nil {
			return v
		}
	}
	return nil
}

func (r *run) lookup(name string) value.Value {
	v := r.frame.scope.find(name)
	switch {
	case v == nil:
		return value.Value{}
	case v.global:
		return r.globals.get(name)
	}
	return v.value
}

// function is code as a value.
type function struct {
	block   *rsc.Block
	context string
	text    string // as :put shows it
}

func codeOf(f *function) value.Value { return value.OfCode(f, f.text) }
