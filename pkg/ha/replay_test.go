package ha

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var assumed = Assumptions{Fence: siteFence}

// history runs a site with faults, and returns what has happened.
func history(seed uint64, broken string) (s *site, faults []string) {
	s = newSite(seed, nodes, broken)
	s.run(5 * time.Second)
	for range 8 {
		faults = append(faults, s.fault())
		s.run(time.Duration(s.rng.IntN(15000)) * time.Millisecond)
	}
	return s, faults
}

// Whatever nodes do that keep to the protocol, the model explains.
func TestReplayExplains(t *testing.T) {
	takeovers := 0
	for seed := range uint64(60) {
		s, faults := history(seed, "")
		if err := Replay(s.records, assumed); err != nil {
			t.Fatalf("seed %d, %q: %v", seed, faults, err)
		}
		for _, r := range s.records {
			if r.Step != nil && r.Step.Next.Op == Start {
				takeovers++
			}
		}
	}
	if takeovers < 150 {
		t.Errorf("%d take-overs", takeovers)
	}
}

// Of a router or node that does something wrong, some history has no explanation.
func TestReplayFinds(t *testing.T) {
	for _, broken := range []string{
		"fences do nothing", "nobody is fenced", "sessions stay open", "sessions are not verified",
		"the router forgets an entry", "the router replaces an entry",
	} {
		var why error
		for seed := uint64(0); seed < 60 && why == nil; seed++ {
			s, _ := history(seed, broken)
			why = Replay(s.records, assumed)
		}
		if why == nil {
			t.Errorf("%s: not found in 60 histories", broken)
		}
		t.Logf("%s: %v", broken, why)
	}
}

// takeover is the history of an owner that is paused, and of its successor; and the records
// of what the latter does.
func takeover(t *testing.T) []Record {
	t.Helper()
	s := newSite(1, 2, "")
	s.run(5 * time.Second)
	s.nodes[0].paused = s.now + 20*time.Second
	s.run(25 * time.Second)
	if err := Replay(s.records, assumed); err != nil || s.log.Owner().Node != "b" {
		t.Fatalf("%v, %+v", err, s.log)
	}
	return s.records
}

// A take-over in which one thing is changed is found, and what was wrong is said.
func TestReplayBrokenRecords(t *testing.T) {
	step := func(node string, op Op) func(Record) bool { // that has this as its next action
		return func(r Record) bool { return r.Node == node && r.Step != nil && r.Step.Next.Op == op }
	}
	kind := func(node string, k Kind) func(Record) bool {
		return func(r Record) bool { return step(node, Append)(r) && r.Step.Next.Entry.Kind == k }
	}
	session := func(node string, s SessionState) func(Record) bool {
		return func(r Record) bool { return r.Node == node && r.Session != nil && r.Session.State == s }
	}
	for _, tt := range []struct {
		name   string
		which  func(Record) bool // the last of them is changed
		change func(all []Record, i int) []Record
		want   string
	}{
		{"the fence is not set", step("b", Fence), remove, `it does {"op":"append"`},
		{"nothing is claimed", kind("b", Claimed), remove, `it does {"op":"mark"`},
		{"the entry is not put in force", kind("b", Running), remove, `the protocol says {"op":"append"`},
		{"the claim has another epoch", kind("b", Claimed), func(all []Record, i int) []Record {
			all[i].Step.Next.Entry.Epoch++
			return all
		}, `the protocol says {"op":"append"`},
		{"another node is fenced", step("b", Fence), func(all []Record, i int) []Record {
			all[i].Step.Next.Address = "c"
			return all
		}, `the protocol says {"op":"fence"`},
		{"loops start before the log was read", step("b", Start), func(all []Record, i int) []Record {
			return slices.Insert(all, i, Record{Node: "b", At: all[i].At, Step: &Step{Now: all[i].Step.Now, Next: all[i].Step.Next}})
		}, "the protocol says"},
		{"an owner goes on though it was not answered", step("a", Stop), remove, `the protocol says {"op":"stop"`},
		{"a refusal is passed over", func(r Record) bool { return r.Node == "b" && r.Step != nil && r.Step.Next.Op == Mark }, func(all []Record, i int) []Record {
			all[i].Step.Event.Outcome = Refused
			return all
		}, `the protocol says {"op":"read"`},
		{"an entry comes from nowhere", step("a", Wait), func(all []Record, i int) []Record {
			return slices.Insert(all, 0, Record{Node: "c", Start: &Config{Name: "c"}, Step: &Step{Next: Action{Op: Append}}})
		}, "the protocol says"},
		{"a verifying read is of before the take-over", session("b", Verified), func(all []Record, i int) []Record {
			log := all[i].Session.View.Log
			all[i].Session.View.Log = append(log[:2:2], log[len(log)-1])
			return append(all[:i:i], all[i:]...)
		}, "is verified, but the owner"},
		{"a read lacks an entry", func(r Record) bool {
			return step("b", Wait)(r) && len(r.Step.Event.View.Log) == 2 && r.At < int64(4*time.Second)
		}, func(all []Record, i int) []Record {
			all[i].Step.Event.View.Log = all[i].Step.Event.View.Log[:1]
			return all
		}, "would not answer"},
		{"a session is not read for", session("b", Verified), func(all []Record, i int) []Record {
			all[i].Session.View = nil
			return all
		}, "was not opened and the log read"},
		{"a session was not opened", session("b", Opened), remove, "was not opened"},
		{"a session shows another owner", session("b", Verified), func(all []Record, i int) []Record {
			all[i].Session.View.Log = all[i].Session.View.Log[:2]
			return all
		}, `but the owner is "a"`},
		{"a session is verified after its end", session("a", Verified), func(all []Record, i int) []Record {
			all[i].At = all[len(all)-1].At
			return all
		}, "was not opened"},
		{"a session stays open after the stop", session("a", Ended), remove, "a session can still be written to"},
		{"loops of a standby have a session", session("b", Verified), func(all []Record, i int) []Record {
			verified := all[i]
			verified.Node = "a"
			return append(all, Record{Node: "a", At: verified.At, Session: &Session{Number: 99, State: Opened}},
				Record{Node: "a", At: verified.At, Session: &Session{Number: 99, State: Verified, View: verified.Session.View}})
		}, "is verified, but the owner is \"b\""},
		{"the node did not start", func(r Record) bool { return r.Node == "b" && r.Start != nil }, remove, "it has not started"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := takeover(t)
			i := -1
			for k, r := range all {
				if tt.which(r) {
					i = k
				}
			}
			if i < 0 {
				t.Fatal("no such record")
			}
			err := Replay(tt.change(all, i), assumed)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			t.Logf("%.200v", err)
		})
	}
}

func remove(all []Record, i int) []Record { return slices.Delete(all, i, i+1) }

// Records are the same after they were written and read.
func TestRecordsAsJSON(t *testing.T) {
	s, _ := history(3, "")
	text, err := json.Marshal(s.records)
	if err != nil {
		t.Fatal(err)
	}
	var all []Record
	if err := json.Unmarshal(text, &all); err != nil || len(all) < 100 {
		t.Fatalf("%v, %d", err, len(all))
	}
	for i := range all {
		if a, b := all[i], s.records[i]; !reflect.DeepEqual(a.Step, b.Step) && len(b.Step.Event.View.Log) > 0 || !reflect.DeepEqual(a.Session, b.Session) && a.Session.View == nil {
			t.Fatalf("%+v became %+v", b, a)
		}
	}
	if err := Replay(all, assumed); err != nil {
		t.Error(err)
	}
}
