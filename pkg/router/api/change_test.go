package api

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// twoLimits are the changes of a write of both queues.
func twoLimits() []rosclient.Change {
	set := func(id, limit string) rosclient.Change {
		return rosclient.Change{Menu: "/queue/tree", Command: "set", ID: id, Set: map[string]string{"max-limit": limit}, Props: []string{".id", "max-limit"}}
	}
	return []rosclient.Change{set("*1", "100"), set("*2", "200")}
}

const (
	setOne   = "/queue/tree/set =.id=*1 =max-limit=100"
	setTwo   = "/queue/tree/set =.id=*2 =max-limit=200"
	readBoth = "/queue/tree/print =.proplist=.id,max-limit ?.id=*1 ?.id=*2 ?#|"
)

var (
	rowOne = rosdata.Row{".id": "*1", "max-limit": "100"}
	rowTwo = rosdata.Row{".id": "*2", "max-limit": "200"}
)

// TestTwoQueuesTakeOneRoundTrip: the router answers nothing before it has received
// everything, and then in whatever order it likes.
func TestTwoQueuesTakeOneRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(p *peer, one, two, read string)
		want   []rosclient.Outcome // Err is compared by class
	}{
		{"in order", func(p *peer, one, two, read string) {
			p.send(done(one), done(two), re(read, "=.id=*1", "=max-limit=100"), re(read, "=.id=*2", "=max-limit=200"), done(read))
		}, []rosclient.Outcome{{Row: rowOne}, {Row: rowTwo}}},
		{"in another order", func(p *peer, one, two, read string) {
			p.send(re(read, "=.id=*2", "=max-limit=200"), done(two), re(read, "=.id=*1", "=max-limit=100"), done(read), done(one))
		}, []rosclient.Outcome{{Row: rowOne}, {Row: rowTwo}}},
		{"byte by byte, with what nobody asked for between", func(p *peer, one, two, read string) {
			p.send(re("99", "=.id=*1"), done("99"), []string{"!re", "=.id=*9"}, []string{"!done"})
			for _, s := range [][]string{done(one), re(read), done(two), {"!empty", ".tag=" + read}, re(read, "=.id=*1", "=max-limit=100", ".about=x"), done(read)} {
				for _, c := range appendSentence([]byte{0}, s...) {
					p.raw(string(c))
				}
			}
		}, []rosclient.Outcome{{Row: rowOne}, {}}},
		{"one is refused", func(p *peer, one, two, read string) {
			p.send(trap(one, "=category=4", "=message=no such item"), done(one), done(two), re(read, "=.id=*2", "=max-limit=200"), done(read))
		}, []rosclient.Outcome{{Err: router.ErrNotFound}, {Row: rowTwo}}},
		{"rate in the console's form", func(p *peer, one, two, read string) {
			p.send(done(one), done(two), re(read, "=.id=*1", "=max-limit=0.1k"), re(read, "=.id=*2", "=max-limit=200"), done(read))
		}, []rosclient.Outcome{{Row: rosdata.Row{".id": "*1", "max-limit": "0.1k"}}, {Row: rowTwo}}},
		// Then the row proves nothing, and menus reads once more.
		{"read-back overtakes the change", func(p *peer, one, two, read string) {
			p.send(re(read, "=.id=*1", "=max-limit=99"), re(read, "=.id=*2", "=max-limit=200"), done(read), done(one), done(two))
		}, []rosclient.Outcome{{}, {Row: rowTwo}}},
		{"read-back refused", func(p *peer, one, two, read string) {
			p.send(done(one), done(two), trap(read, "=message=no such command"), done(read))
		}, []rosclient.Outcome{{}, {}}},
		{"connection ends after the first", func(p *peer, one, _, _ string) {
			p.send(done(one))
		}, []rosclient.Outcome{{}, {Err: router.ErrOutcomeUnknown}}},
		{"connection ends before the read-back", func(p *peer, one, two, read string) {
			p.send(done(one), done(two), re(read, "=.id=*1", "=max-limit=100"))
		}, []rosclient.Outcome{{}, {}}},
		{"connection ends after a refusal", func(p *peer, one, _, _ string) {
			p.send(trap(one, "=message=not enough permissions (9)"))
		}, []rosclient.Outcome{{Err: router.ErrDenied}, {Err: router.ErrOutcomeUnknown}}},
		{"session is ended", func(p *peer, _, two, _ string) {
			p.send(done(two), []string{"!fatal", "session terminated"})
		}, []rosclient.Outcome{{Err: router.ErrOutcomeUnknown}, {}}},
		{"nonsense", func(p *peer, one, _, _ string) {
			p.send(done(one), []string{"!hello"})
		}, []rosclient.Outcome{{}, {Err: router.ErrOutcomeUnknown}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := newTransport(t, func(p *peer) {
				tt.answer(p, p.expect(setOne), p.expect(setTwo), p.expect(readBoth))
			})
			got := tr.Change(bounded(t), twoLimits()...)
			for i := range got {
				if !errors.Is(got[i].Err, tt.want[i].Err) {
					t.Errorf("change %d: %v, want class %v", i, got[i].Err, tt.want[i].Err)
				}
				if diff := cmp.Diff(tt.want[i].Row, got[i].Row); diff != "" {
					t.Errorf("change %d: -want +got\n%s", i, diff)
				}
			}
		})
	}
}

func TestOtherChanges(t *testing.T) {
	for _, tt := range []struct {
		name     string
		change   rosclient.Change
		received string
		answer   func(tag string) []string
		want     rosclient.Outcome
	}{
		{"add", rosclient.Change{Menu: "/ip/firewall/address-list", Command: "add", Set: map[string]string{"list": "l", "comment": "a=b\r\n\x00?#|"}},
			"/ip/firewall/address-list/add =comment=a=b\r\n\x00?#| =list=l",
			func(tag string) []string { return done(tag, "=ret=*A") }, rosclient.Outcome{ID: "*A"}},
		{"remove", rosclient.Change{Menu: "/ip/firewall/address-list", Command: "remove", ID: "*A"},
			"/ip/firewall/address-list/remove =.id=*A",
			func(tag string) []string { return done(tag) }, rosclient.Outcome{}},
		{"run", rosclient.Change{Menu: "/system/script", Command: "run", ID: "*1"},
			"/system/script/run =.id=*1",
			func(tag string) []string { return done(tag) }, rosclient.Outcome{}},
		{"clearing a value", rosclient.Change{Menu: "/system/script", Command: "add", Set: map[string]string{"comment": ""}},
			"/system/script/add =comment=",
			func(tag string) []string { return done(tag) }, rosclient.Outcome{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := newTransport(t, func(p *peer) {
				p.send(tt.answer(p.expect(tt.received)))
				p.expect("/quit")
			})
			if diff := cmp.Diff([]rosclient.Outcome{tt.want}, tr.Change(bounded(t), tt.change)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if err := tr.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNoSession: a change is not sent on another session than the caller knows.
func TestNoSession(t *testing.T) {
	tr := newTransport(t, func(p *peer) { p.receive() })
	if _, err := tr.Print(bounded(t), rosclient.Query{Menu: "/queue/tree"}); !errors.Is(err, router.ErrOutcomeUnknown) {
		t.Errorf("first print: %v", err)
	}
	for _, o := range tr.Change(bounded(t), twoLimits()...) {
		if !errors.Is(o.Err, rosclient.ErrNotSent) {
			t.Errorf("change: %v", o.Err)
		}
	}
	if _, err := tr.Print(bounded(t), rosclient.Query{Menu: "/queue/tree"}); !errors.Is(err, router.ErrUnreachable) {
		t.Errorf("second print: %v", err)
	}
}

// TestCancelledChange: a late answer must not be taken for that of the next
// command, so the session is given up.
func TestCancelledChange(t *testing.T) {
	received := make(chan struct{}, 1)
	tr := newTransport(t, func(p *peer) {
		if p.n == 1 {
			p.expect(setOne)
			p.expect("/queue/tree/print =.proplist=.id,max-limit ?.id=*1")
			received <- struct{}{}
			p.waitClosed()
			return
		}
		p.send(done(p.expect("/system/identity/print")))
	})
	ctx, cancel := context.WithCancel(bounded(t))
	go func() {
		<-received
		cancel()
	}()
	o := tr.Change(ctx, twoLimits()[0])[0]
	if !errors.Is(o.Err, context.Canceled) || !errors.Is(o.Err, router.ErrOutcomeUnknown) {
		t.Errorf("change: %v", o.Err)
	}
	serial, err := tr.Connect(bounded(t))
	if err != nil || serial != 2 {
		t.Errorf("session %d, %v; want the second", serial, err)
	}
	if _, err := tr.Print(bounded(t), rosclient.Query{Menu: "/system/identity"}); err != nil {
		t.Error(err)
	}
}
