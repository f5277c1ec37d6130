package autorate

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func (p phase) String() string { return [...]string{"hold", "drain", "wait"}[p] }

// Every event in every phase leads where the table says, or changes nothing; every
// phase can be reached, and hold from each of them.
func TestTransitions(t *testing.T) {
	next := func(p phase, e event) phase {
		d := direction{phase: p}
		d.enter(e)
		return d.phase
	}
	reached := map[phase]bool{hold: true}
	for range wait {
		for p := range reached {
			for e := congested; e <= episodeOver; e++ {
				want, listed := transitions[p][e]
				if !listed {
					want = p
				}
				if got := next(p, e); got != want {
					t.Errorf("%v: event %d leads to %v, not %v", p, e, got, want)
				}
				reached[next(p, e)] = true
			}
		}
	}
	for p := hold; p <= wait; p++ {
		if !reached[p] {
			t.Errorf("%v cannot be reached", p)
		}
		if next(p, episodeOver) != hold {
			t.Errorf("the end of an episode leaves %v in %v", p, next(p, episodeOver))
		}
	}
}

// Under any load and delay the events happen that the table lists, and no others.
func TestTransitionsHappen(t *testing.T) {
	const bad phase = 99
	whole := transitions
	defer func() { transitions = whole }()
	for p := hold; p <= wait; p++ {
		for e := congested; e <= episodeOver; e++ {
			transitions = map[phase]map[event]phase{}
			for from, events := range whole {
				transitions[from] = maps.Clone(events)
			}
			transitions[p][e] = bad
			happens := happensInSomeLife(bad)
			if _, listed := whole[p][e]; listed != happens {
				t.Errorf("event %d in %v: listed %v, happens %v", e, p, listed, happens)
			}
		}
	}
}

// happensInSomeLife reports that under random load and delay a direction gets into p.
func happensInSomeLife(p phase) bool {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 9))
		b := newBench(testConfig)
		for range 100 {
			loads := [2]load{{rng.Float64() * 1.1, rng.IntN(2) == 0}, {rng.Float64() * 1.1, rng.IntN(2) == 0}}
			x := time.Duration(rng.ExpFloat64() * 30 * float64(ms))
			for range rng.IntN(40) {
				b.step(x, loads)
				if b.law.dirs[Download].phase == p || b.law.dirs[Upload].phase == p {
					return true
				}
			}
		}
	}
	return false
}

// Numbers have names, and stand in constants.go: others are found by nobody.
func TestNumbersHaveNames(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	// Zero, one, two halves, and the units of what is measured.
	plain := map[string]bool{"0": true, "1": true, "2": true, "8": true, "1.0": true}
	for _, f := range files {
		name := f.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || name == "constants.go" || name == "config.go" || name == "types.go" {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && (lit.Kind == token.INT || lit.Kind == token.FLOAT) && !plain[lit.Value] {
				t.Errorf("%v: %s has no name in constants.go", set.Position(lit.Pos()), lit.Value)
			}
			return true
		})
	}
}

// What a direction remembers beside an episode, its counters and its limits of the past
// has to fit into a reader's head.
func TestDirectionIsSmall(t *testing.T) {
	apart := map[string]bool{"id": true, "cfg": true, "meter": true, "history": true, "traffic": true, "episode": true, "reported": true}
	n := 0
	var count func(reflect.Type)
	count = func(typ reflect.Type) {
		for i := range typ.NumField() {
			switch f := typ.Field(i); {
			case apart[f.Name]:
			case f.Type.Kind() == reflect.Struct:
				count(f.Type)
			default:
				n++
			}
		}
	}
	count(reflect.TypeFor[direction]())
	if n >= 20 {
		t.Errorf("%d fields of state in a direction", n)
	}
}
