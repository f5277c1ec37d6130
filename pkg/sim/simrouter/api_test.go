package simrouter

import (
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	goros "github.com/go-routeros/routeros/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/sentence"
)

const apiScript = script + `
/user group add name=api policy=read,api
/user add name=api group=api password=p
/user set admin password=secret
`

// talk is a client that sends and receives raw sentences.
type talk struct {
	*testing.T
	conn net.Conn
	in   *sentence.Reader
}

func startAPI(t *testing.T, cfg Config) *Router {
	t.Helper()
	if cfg.Script == "" {
		cfg.Script = apiScript
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.StartService(t.Context(), API, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func connect(t *testing.T, r *Router) *talk {
	t.Helper()
	conn, err := net.Dial("tcp", r.AddrOf(API))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &talk{t, conn, sentence.NewReader(conn)}
}

func login(t *testing.T, r *Router) *talk {
	t.Helper()
	c := connect(t, r)
	c.want("/login =name=admin =password=secret", "!done")
	return c
}

// say sends a sentence whose words are separated by spaces.
func (c *talk) say(words string) {
	c.Helper()
	if _, err := c.conn.Write(sentence.Append(nil, strings.Fields(words)...)); err != nil {
		c.Fatal(err)
	}
}

// hear reads n sentences.
func (c *talk) hear(n int) []string {
	c.Helper()
	var got []string
	for range n {
		words, err := c.in.Read()
		if err != nil {
			c.Fatalf("after %q: %v", got, err)
		}
		got = append(got, strings.Join(words, " "))
	}
	return got
}

// want sends a sentence and checks the answer to the word.
func (c *talk) want(say string, want ...string) {
	c.Helper()
	if say != "" {
		c.say(say)
	}
	if diff := cmp.Diff(want, c.hear(len(want))); diff != "" {
		c.Errorf("%s: -want +got\n%s", say, diff)
	}
}

// wantEnd checks that the router says nothing more and closes.
// wantNoSession: a connection is reset, perhaps before it is known to be one.
func wantNoSession(t *testing.T, r *Router) {
	t.Helper()
	conn, err := net.Dial("tcp", r.AddrOf(API))
	switch {
	case errors.Is(err, syscall.ECONNRESET):
	case err != nil:
		t.Error(err)
	default:
		t.Cleanup(func() { _ = conn.Close() })
		(&talk{t, conn, sentence.NewReader(conn)}).wantEnd()
	}
}

func (c *talk) wantEnd() {
	c.Helper()
	if words, err := c.in.Read(); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		c.Errorf("got %q, %v; want the end of the connection", words, err)
	}
}

func TestAPICommands(t *testing.T) {
	c := login(t, startAPI(t, Config{}))
	c.want("/queue/tree/print =.proplist=.id,name ?name=a .tag=7", "!re .tag=7 =.id=*1000000 =name=a", "!done .tag=7")
	c.want("/queue/tree/print ?name=nope", "!empty", "!done")
	c.want("/queue/tree/print =.proplist=name ?name=a ?=name=x ?#|", "!re =name=a", "!done")
	c.want("/queue/tree/print =.proplist=comment ?name=a", "!re", "!done")
	c.want("/queue/tree/print =count-only=", "!done =ret=2")
	c.want("/queue/tree/getall =detail= =stats= =.proplist=name,max-limit ?>max-limit=1", "!re =max-limit=500000000 =name=a", "!done")
	c.want("/queue/tree/set =.id=*1000000 =max-limit=480M", "!done")
	c.want("/queue/tree/set =numbers=a =comment=x", "!done")
	c.want("/queue/tree/set =.id=a =!comment=", "!done")
	c.want("/queue/tree/print =.id=*1000000 =.proplist=name,max-limit,comment", "!re =max-limit=480000000 =name=a", "!done")
	c.want("/queue/tree/add =name=d =parent=global", "!done =ret=*1000007")
	c.want("/queue/tree/disable =.id=*1000000,*1000007", "!done")
	c.want("/queue/tree/print =.proplist=name ?disabled=true", "!re =name=a", "!re =name=d", "!done")
	c.want("/queue/tree/print =.proplist=name ?disabled=yes", "!re =name=a", "!re =name=d", "!done")
	c.want("/queue/tree/remove =.id=d .tag=a=b", "!done .tag=a=b")
	c.want("/system/identity/print", "!re =name=MikroTik", "!done")
	c.want("/queue/tree/set =.id=*77 =max-limit=1 .tag=x", "!trap .tag=x =category=0 =message=no such item", "!done .tag=x")
	c.want("/queue/tree/set =.id=a =max-limt=1", "!trap =category=1 =message=unknown parameter max-limt", "!done")
	c.want("/nope/print", "!trap =category=0 =message=no such command prefix", "!done")
	c.want("/queue/tree/find", "!trap =category=0 =message=no such command", "!done")
	c.want("queue", "!trap =category=1 =message=unknown parameter queue", "!done")
	c.want("/quit", "!fatal session terminated on request")
	c.wantEnd()
}

func TestAPIOlderVersions(t *testing.T) {
	c := login(t, startAPI(t, Config{Version: "6.49.10", Quirks: Quirks{NoCategories: true}}))
	c.want("/queue/tree/print ?name=nope", "!done")
	c.want("/queue/tree/set =.id=*77 =max-limit=1", "!trap =message=no such item", "!done")
}

func TestAPILogin(t *testing.T) {
	const wrong = "!trap =category=4 =message=invalid user name or password (6)"
	r := startAPI(t, Config{})
	c := connect(t, r)
	c.want("/login =name=admin =password=x", wrong, "!done")
	c.want("/login =name=restonly =password=o", wrong, "!done") // rest-api is not api
	c.want("/login .tag=l", strings.Replace(wrong, "!trap", "!trap .tag=l", 1), "!done .tag=l")
	c.want("/login =name=api =password=p", "!done")
	c.want("/queue/tree/set =.id=a =max-limit=1M", "!trap =category=4 =message=not enough permissions (9)", "!done")
	c.want("/queue/tree/print =count-only=", "!done =ret=2")
	if n := r.Counts(); n.LoginFailures != 3 || n.Logins != 1 || n.Requests != 2 || n.Services[API].Connections != 1 {
		t.Errorf("counted %+v", n)
	}
	if n := logged(r, "user api logged in from 127.0.0.1 via api"); n != 1 {
		t.Errorf("the login is in the log %d times", n)
	}
	_ = c.conn.Close()
	for logged(r, "user api logged out from 127.0.0.1 via api") != 1 {
		time.Sleep(time.Millisecond)
	}

	c = connect(t, r)
	c.want("/system/identity/print .tag=1", "!trap .tag=1 =category=4 =message=not logged in", "!done .tag=1")
	c.wantEnd()

	c = connect(t, r)
	for range maxLoginTries {
		c.want("/login =name=admin =password=x", wrong, "!done")
	}
	c.want("/login =name=admin =password=secret", "!fatal too many commands before login")
	c.wantEnd()

	c = connect(t, startAPI(t, Config{Quirks: Quirks{LoginMessage: "cannot log in"}}))
	c.want("/login =name=admin =password=x", "!trap =category=4 =message=cannot log in", "!done")
}

// logged counts the lines of the log with that message.
func logged(r *Router, message string) int {
	res, err := r.State().Run(nil, routeros.Command{Path: "/log", Name: "print", Query: []string{"message=" + message}})
	if err != nil {
		return -1
	}
	return len(res.Rows)
}

func TestAPIOldLogin(t *testing.T) {
	for name, cfg := range map[string]Config{"6.42": {Version: "6.42"}, "knob": {Quirks: Quirks{OldLogin: true}}} {
		t.Run(name, func(t *testing.T) {
			r := startAPI(t, cfg)
			c := connect(t, r)
			respond := func(password string) string {
				c.say("/login")
				got := c.hear(1)[0]
				challenge, err := hex.DecodeString(strings.TrimPrefix(got, "!done =ret="))
				if err != nil || len(challenge) != 16 {
					t.Fatalf("challenge is %q", got)
				}
				sum := md5.Sum([]byte("\x00" + password + string(challenge)))
				return "/login =name=admin =response=00" + hex.EncodeToString(sum[:])
			}
			trap := "!trap =category=4 =message=invalid user name or password (6)"
			c.want(respond("wrong"), trap, "!done")
			right := respond("secret")
			c.want(right, "!done")
			c.want(right, trap, "!done") // a challenge is good for one answer
			c.want("/queue/tree/print =count-only=", "!done =ret=2")

			// A new client's first try is a failed login to an old router.
			c = connect(t, r)
			c.say("/login =name=admin =password=secret")
			if got := c.hear(1)[0]; !strings.HasPrefix(got, "!done =ret=") {
				t.Errorf("got %q, want a challenge", got)
			}
			if n := logged(r, "login failure for user admin from 127.0.0.1 via api"); n != 3 {
				t.Errorf("%d failed logins in the log, want 3: wrong, used again, first try of a new client", n)
			}
		})
	}
}

func TestAPICancel(t *testing.T) {
	r := startAPI(t, Config{})
	c := login(t, r)
	r.Inject(Fault{Kind: Stall, Command: "print", Times: 2})
	c.say("/queue/tree/print .tag=10")
	c.say("/queue/tree/print .tag=11")
	c.want("/cancel =tag=11 .tag=20", "!trap .tag=11 =category=2 =message=interrupted", "!done .tag=20", "!done .tag=11")
	c.want("/cancel", "!trap .tag=10 =category=2 =message=interrupted", "!done", "!done .tag=10")
	c.want("/cancel =tag=none", "!done")
	c.want("/queue/tree/listen", "!trap =category=0 =message=no such command or directory (listen)", "!done")
}

// TestAPIFlights: what is in flight together shares the latency, keeps its
// order, and is not held up by a command with a tag that hangs.
func TestAPIFlights(t *testing.T) {
	const commands = 10
	for serial, latency := range map[bool]time.Duration{false: time.Second, true: 30 * time.Millisecond} {
		r := startAPI(t, Config{Latency: latency, Quirks: Quirks{SerialiseAll: serial}})
		c := login(t, r)
		began := time.Now()
		var want []string
		for i := range commands {
			c.say(fmt.Sprintf("/queue/tree/print =count-only= .tag=%d", i))
			want = append(want, fmt.Sprintf("!done .tag=%d =ret=2", i))
		}
		c.want("", want...)
		took := time.Since(began)
		if took < latency || serial && took < commands*latency {
			t.Errorf("serial=%v: %d commands of %v took %v", serial, commands, latency, took)
		}
		if !serial && took >= commands*latency {
			t.Errorf("%d commands took %v: each paid the latency", commands, took)
		}
	}
}

func TestAPIStalledCommandDelaysNoOther(t *testing.T) {
	r := startAPI(t, Config{})
	c := login(t, r)
	r.Inject(Fault{Kind: Stall, Command: "print", Times: 1})
	c.say("/queue/tree/print .tag=1")
	c.want("/queue/tree/set =.id=a =max-limit=1M .tag=2", "!done .tag=2")
	c.want("/cancel =tag=1", "!trap .tag=1 =category=2 =message=interrupted", "!done", "!done .tag=1")

	// Without tags, answers cannot be told apart: they keep their order.
	r.Inject(Fault{Kind: Slow, For: 30 * time.Millisecond, Command: "print", Times: 1})
	c.say("/queue/tree/print =count-only=")
	c.want("/queue/tree/set =.id=a =max-limit=2M", "!done =ret=2", "!done")
	if q, _ := r.Queue("a"); q.MaxLimit != 2_000_000 {
		t.Errorf("max-limit is %s", q.MaxLimit)
	}
}

func TestAPIFaults(t *testing.T) {
	const say = "/queue/tree/print =.proplist=.id,name .tag=1"
	rows := []string{"!re .tag=1 =.id=*1000000 =name=a", "!re .tag=1 =.id=*1000004 =name=b c", "!done .tag=1"}
	trap := func(text string) []string { return []string{"!trap .tag=1 =category=4" + text, "!done .tag=1"} }
	r := startAPI(t, Config{RequestCap: 20 * time.Millisecond})
	c := login(t, r)
	for _, tt := range []struct {
		fault Fault
		want  []string
	}{
		{Fault{Kind: Status, Text: "broken"}, trap(" =message=broken")},
		{Fault{Kind: Status, Status: 500}, trap("")},
		{Fault{Kind: Deny}, trap(" =message=not enough permissions (9)")},
		{Fault{Kind: Ignore}, rows[2:]},
		{Fault{Kind: Empty}, []string{"!empty .tag=1", "!done .tag=1"}},
		{Fault{Kind: Truncate}, []string{rows[0], "!re .tag=1 =.id=*1000004", rows[2]}},
		{Fault{Kind: Garble}, append([]string{"?re .tag=1 =.id=*1000000 =name=a"}, rows[1:]...)},
		{Fault{Kind: HTML}, append([]string{"?re .tag=1 =.id=*1000000 =name=a"}, rows[1:]...)},
		{Fault{Kind: EmptyRe}, append([]string{"!re .tag=1"}, rows...)},
		{Fault{Kind: Unsolicited}, append([]string{"!re .tag=unused =.id=*FFFF", "!done .tag=unused"}, rows...)},
		{Fault{Kind: MultiTrap}, append(trap(" =message=failure: the first of two")[:1], trap(" =message=failure: the second of two")...)},
		{Fault{Kind: Slow, For: time.Millisecond}, rows},
		{Fault{Kind: Slow, For: time.Hour}, []string{"!trap .tag=1 =category=2 =message=action timed out - try again, if error continues contact MikroTik support and send a supout file (13)", "!done .tag=1"}},
	} {
		t.Run(string(tt.fault.Kind), func(t *testing.T) {
			tt.fault.Times, tt.fault.Path, tt.fault.Service, tt.fault.Command = 1, "/queue", API, "print"
			r.Inject(tt.fault)
			c.T = t
			c.want(say, tt.want...)
			c.want(say, rows...) // it applies once
		})
	}
	c.T = t
	r.Inject(Fault{Kind: WrongData, Times: 1})
	c.say(say)
	if got := c.hear(2); !strings.HasPrefix(got[0], "!re .tag=1 =architecture-name=") || got[1] != rows[2] {
		t.Errorf("wrong data: %q", got)
	}

	// Faults after which the connection is unusable.
	for kind, want := range map[FaultKind]error{
		Cut: io.ErrUnexpectedEOF, Reset: syscall.ECONNRESET, HugeWord: sentence.ErrTooLong, ControlByte: sentence.ErrControl,
	} {
		c := login(t, r)
		r.Inject(Fault{Kind: kind, Times: 1, Path: "/system"})
		c.say("/system/identity/print")
		if words, err := c.in.Read(); !errors.Is(err, want) {
			t.Errorf("%s: %q, %v; want %v", kind, words, err, want)
		}
	}
	c = login(t, r)
	r.Inject(Fault{Kind: Fatal, Times: 1})
	c.want(say, "!fatal session terminated by the router")
	c.wantEnd()

	// A fault applies to a login only when it names it.
	r.Inject(Fault{Kind: Deny})
	c = login(t, r)
	r.ClearFaults()
	r.Inject(Fault{Kind: Fatal, Command: "login", Times: 1})
	c = connect(t, r)
	c.want("/login =name=admin =password=secret", "!fatal session terminated by the router")

	// With Applied, the command has taken effect before the fault.
	for _, applied := range []bool{false, true} {
		before := r.Writes()
		c = login(t, r)
		r.Inject(Fault{Kind: Reset, Command: "set", Times: 1, Applied: applied})
		c.say("/queue/tree/set =.id=a =max-limit=1M")
		c.wantEnd()
		if happened := r.Writes() > before; happened != applied {
			t.Errorf("applied=%v, but the write happened: %v", applied, happened)
		}
	}
}

func TestAPIBounds(t *testing.T) {
	r := startAPI(t, Config{})
	for name, tt := range map[string]struct{ send, want string }{
		"huge word":    {"\xF0\x40\x00\x00\x00", "!fatal sentence is too long"},
		"control byte": {"\xF8", "!fatal reserved control byte"},
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, r)
			if _, err := io.WriteString(c.conn, tt.send); err != nil {
				t.Fatal(err)
			}
			c.want("", tt.want)
			c.wantEnd()
		})
	}
	c := login(t, r)
	r.Inject(Fault{Kind: Stall})
	for i := range maxPending {
		c.say(fmt.Sprintf("/log/print .tag=%d", i))
	}
	c.want("/log/print .tag=more", "!trap .tag=more =category=4 =message=failure: too many commands at a time", "!done .tag=more")
}

func TestAPIReboot(t *testing.T) {
	r := startAPI(t, Config{})
	c := login(t, r)
	c.want("/system/reboot", "!done")
	c.wantEnd()
	if r.Counts().Writes != 0 {
		t.Error("a reboot counts as a write")
	}
}

func TestAPITLS(t *testing.T) {
	for _, without := range []bool{false, true} {
		r, err := New(Config{Script: apiScript, Plain: true, Quirks: Quirks{NoAPICertificate: without}})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if r.Fingerprint() != "" {
			t.Error("a certificate before a service needs one")
		}
		if err := r.StartService(t.Context(), APISSL, "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		conn, err := tls.Dial("tcp", r.AddrOf(APISSL), &tls.Config{InsecureSkipVerify: true})
		if without {
			if err == nil || !strings.Contains(err.Error(), "remote error: tls: handshake failure") {
				t.Errorf("without a certificate: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c := &talk{t, conn, sentence.NewReader(conn)}
		c.want("/login =name=admin =password=secret", "!done")
		if len(r.Fingerprint()) != 64 {
			t.Errorf("fingerprint %q", r.Fingerprint())
		}
	}
}

// TestAPIWithAnotherCodec: a client that shares no code with the simulator
// understands it.
func TestAPIWithAnotherCodec(t *testing.T) {
	for _, version := range []string{"6.42", "6.49.10", "7.22.1"} {
		r := startAPI(t, Config{Version: version})
		conn, err := net.Dial("tcp", r.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c, err := goros.NewClient(conn)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Login("admin", "secret"); err != nil {
			t.Fatal(err)
		}
		long := strings.Repeat("long ", 5000)
		if _, err := c.Run("/queue/tree/set", "=.id=a", "=comment="+long); err != nil {
			t.Fatal(err)
		}
		reply, err := c.Run("/queue/tree/print", "?name=a")
		if err != nil || len(reply.Re) != 1 || reply.Re[0].Map["comment"] != long {
			t.Errorf("%s: %v, %v", version, reply, err)
		}
		if reply, err = c.Run("/queue/tree/print", "?name=nope"); err != nil || len(reply.Re) != 0 {
			t.Errorf("%s: %v, %v", version, reply, err)
		}
		var device *goros.DeviceError
		if _, err = c.Run("/queue/tree/set", "=.id=nope"); !errors.As(err, &device) || device.Sentence.Map["message"] != "no such item" {
			t.Errorf("%s: %v", version, err)
		}
	}
}
