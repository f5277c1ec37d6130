package api

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

func TestPrintWords(t *testing.T) {
	for _, tt := range []struct {
		name string
		q    rosclient.Query
		want string
	}{
		{"menu", rosclient.Query{Menu: "/ip/route"}, "/ip/route/print"},
		{"row", rosclient.Query{Menu: "/m", ID: "*1", Props: []string{".id", "name"}}, "/m/print =.proplist=.id,name ?.id=*1"},
		{"one of three", rosclient.Query{Menu: "/m", Where: []rosclient.Match{{Prop: "name", Values: []string{"a", "b=c", "#|"}}}},
			"/m/print ?name=a ?name=b=c ?#| ?name=#| ?#|"},
		{"both", rosclient.Query{Menu: "/m", Where: []rosclient.Match{{Prop: "list", Values: []string{"l"}}, {Prop: "address", Values: []string{"a", "b"}}}},
			"/m/print ?list=l ?address=a ?address=b ?#|"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, strings.Join(printWords(tt.q, false), " ")); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestReplies: what may come back for a print that is alone.
func TestReplies(t *testing.T) {
	row := rosdata.Row{".id": "*1", "name": "q"}
	for _, tt := range []struct {
		name   string
		answer func(tag string) [][]string
		rows   []rosdata.Row
		class  error
		want   string // in the error
	}{
		{"no rows", func(tag string) [][]string { return [][]string{done(tag)} }, nil, nil, ""},
		{"no rows, said so", func(tag string) [][]string { return [][]string{{"!empty", ".tag=" + tag}, done(tag)} }, nil, nil, ""},
		{"tag comes last", func(tag string) [][]string {
			return [][]string{{"!re", "=.id=*1", "=name=q", ".tag=" + tag}, {"!done", ".tag=" + tag}}
		}, []rosdata.Row{row}, nil, ""},
		{"row without attributes", func(tag string) [][]string { return [][]string{re(tag), re(tag, "=.id=*1", "=name=q"), done(tag)} }, []rosdata.Row{row}, nil, ""},
		{"any bytes", func(tag string) [][]string {
			return [][]string{re(tag, "=.id=*1", "=comment==\xff\x00\r\n!done\x80", "=empty=", "=flag"), done(tag)}
		}, []rosdata.Row{{".id": "*1", "comment": "=\xff\x00\r\n!done\x80", "empty": "", "flag": ""}}, nil, ""},
		{"rows after the end", func(tag string) [][]string {
			return [][]string{re("77", "=.id=*7"), re(tag, "=.id=*1", "=name=q"), done(tag), re(tag, "=.id=*2"), done(tag)}
		}, []rosdata.Row{row}, nil, ""},

		{"trap", func(tag string) [][]string {
			return [][]string{trap(tag, "=category=0", "=message=no such command prefix"), done(tag)}
		}, nil, router.ErrUnsupported, `it says "no such command prefix"`},
		{"trap without category", func(tag string) [][]string {
			return [][]string{trap(tag, "=message=not enough permissions (9)"), done(tag)}
		}, nil, router.ErrDenied, `the group of user "admin" needs policy=read,write,api`},
		{"trap without message", func(tag string) [][]string { return [][]string{trap(tag, "=category=2"), done(tag)} }, nil, router.ErrOutcomeUnknown, "interrupted"},
		{"trap without anything", func(tag string) [][]string { return [][]string{trap(tag), done(tag)} }, nil, router.ErrInvalid, "no reason given"},
		{"several traps", func(tag string) [][]string {
			return [][]string{trap(tag, "=message=failure: x"), trap(tag, "=message=no such item"), done(tag)}
		}, nil, router.ErrNotFound, `it says "failure: x" and "no such item"`},
		{"trap after rows", func(tag string) [][]string {
			return [][]string{re(tag, "=.id=*1"), trap(tag, "=message=action timed out (13)"), done(tag)}
		}, nil, router.ErrOutcomeUnknown, "action timed out"},
		{"long trap", func(tag string) [][]string {
			return [][]string{trap(tag, "=message="+strings.Repeat("\x01é", 5000)), done(tag)}
		}, nil, router.ErrInvalid, `it says "\x01`},

		{"fatal", func(string) [][]string { return [][]string{{"!fatal", "session terminated on request"}} }, nil, router.ErrOutcomeUnknown, `ended the session and says "session terminated on request"`},
		{"fatal with a message", func(string) [][]string { return [][]string{{"!fatal", "=message=going down"}} }, nil, router.ErrOutcomeUnknown, `"going down"`},
		{"fatal after the login", func(string) [][]string { return [][]string{{"!fatal", "not logged in"}} }, nil, router.ErrAuth, `"not logged in"`},
		{"trap about the session", func(string) [][]string { return [][]string{{"!trap", "=message=not logged in"}, {"!done"}} }, nil, router.ErrAuth, `"not logged in"`},
		{"unknown reply", func(tag string) [][]string { return [][]string{{"?done", ".tag=" + tag}} }, nil, router.ErrOutcomeUnknown, `it says "?done"`},
		{"bare word", func(tag string) [][]string { return [][]string{re(tag, "name")} }, nil, router.ErrOutcomeUnknown, `the word "name"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := newTransport(t, func(p *peer) {
				p.send(tt.answer(p.expect("/m/print"))...)
				p.waitClosed()
			})
			rows, err := tr.Print(bounded(t), rosclient.Query{Menu: "/m"})
			if !errors.Is(err, tt.class) {
				t.Errorf("class of %.300v is not %v", err, tt.class)
			}
			if err != nil && (!strings.Contains(err.Error(), tt.want) || len(err.Error()) > 500) {
				t.Errorf("error of %d bytes lacks %q: %.300v", len(err.Error()), tt.want, err)
			}
			if diff := cmp.Diff(tt.rows, rows); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			var e *rosdata.Error
			if errors.As(err, &e) && e.ConnReset {
				t.Error("a session that had carried nothing counts as one that died")
			}
		})
	}
}

// TestLostSession: a session that had served before and is gone is worth
// another try, whatever the router says at its end.
func TestLostSession(t *testing.T) {
	for _, tt := range []struct {
		name string
		last []string
	}{
		{"closed", nil},
		{"terminated", []string{"!fatal", "session terminated"}},
		{"logged out", []string{"!fatal", "not logged in"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, plainConfig(t, func(p *peer) {
				p.login()
				if p.n == 1 {
					p.send(done(p.expect("/ip/route/print")))
					p.expect("/ip/route/print")
					if tt.last != nil {
						p.send(tt.last)
					}
					return
				}
				tag := p.expect("/ip/route/print")
				p.send(re(tag, "=dst-address=0.0.0.0/0"), done(tag))
				p.waitClosed()
			}))
			for want := range 2 {
				routes, err := c.Routes(t.Context())
				if err != nil || len(routes) != want {
					t.Errorf("%d routes, %v; want %d", len(routes), err, want)
				}
			}
		})
	}
}

// TestStatistics: versions that leave counters out unless asked for statistics.
func TestStatistics(t *testing.T) {
	const plain, stats = "/queue/tree/print =.proplist=.id,name,bytes", "/queue/tree/print =stats= =.proplist=.id,name,bytes"
	q := rosclient.Query{Menu: "/queue/tree", Props: []string{".id", "name", "bytes"}}
	bare, full := []string{"=.id=*1", "=name=q"}, []string{"=.id=*1", "=name=q", "=bytes=7"}
	for _, tt := range []struct {
		name   string
		second func(tag string) [][]string // to the question for statistics
		want   rosdata.Row
		third  string // what is asked for the next time
	}{
		{"bring counters", func(tag string) [][]string { return [][]string{re(tag, full...), done(tag)} }, rosdata.Row{".id": "*1", "name": "q", "bytes": "7"}, stats},
		{"bring none", func(tag string) [][]string { return [][]string{re(tag, bare...), done(tag)} }, rosdata.Row{".id": "*1", "name": "q"}, plain},
		{"do not exist", func(tag string) [][]string {
			return [][]string{trap(tag, "=message=unknown parameter stats"), done(tag)}
		}, rosdata.Row{".id": "*1", "name": "q"}, plain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := newTransport(t, func(p *peer) {
				tag := p.expect(plain)
				p.send(re(tag, bare...), done(tag))
				p.send(tt.second(p.expect(stats))...)
				tag = p.expect(tt.third)
				p.send(re(tag, full...), done(tag))
				p.waitClosed()
			})
			rows, err := tr.Print(bounded(t), q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]rosdata.Row{tt.want}, rows); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if rows, err = tr.Print(bounded(t), q); err != nil || len(rows) != 1 || rows[0]["bytes"] != "7" {
				t.Errorf("second print: %v, %v", rows, err)
			}
		})
	}
}
