package routeros

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// is returns a check for one password.
func is(password string) func(string) bool {
	return func(want string) bool { return want == password }
}

func TestPolicies(t *testing.T) {
	f := newFixture(t, Config{}, `/user group
add name=ro policy=read,rest-api
add name=rw policy=read,write,api
/user
add name=ro group=ro password=r
add name=rw group=rw password=w address=10.0.0.0/8,192.0.2.1
add name=off group=full disabled=yes
/interface add name=x
/system script
add name=s source="/interface disable x" policy=read,write,reboot
add name=free source="/interface disable x" policy=read,write,reboot dont-require-permissions=yes
`)
	local, ten := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("10.1.2.3")
	for _, tt := range []struct {
		name, password, service string
		from                    netip.Addr
		want                    error
	}{
		{"ro", "r", "rest-api", local, nil},
		{"ro", "R", "rest-api", local, ErrCredentials},
		{"ro", "", "rest-api", local, ErrCredentials},
		{"ro", "r", "api", local, ErrNoPolicy},
		{"rw", "w", "api", ten, nil},
		{"rw", "w", "api", local, ErrCredentials},
		{"rw", "w", "api", netip.MustParseAddr("::ffff:192.0.2.1"), nil},
		{"off", "", "api", local, ErrCredentials},
		{"nobody", "", "api", local, ErrCredentials},
	} {
		u, err := f.m.Login(tt.name, tt.service, tt.from, is(tt.password))
		if !errors.Is(err, tt.want) || (err == nil) != (u != nil) {
			t.Errorf("login of %s from %s by %s: %v, want %v", tt.name, tt.from, tt.service, err, tt.want)
		}
	}
	log := f.column("/log", "message")
	if len(log) != 6 || log[0] != "login failure for user ro from 127.0.0.1 via rest-api" {
		t.Errorf("log is %q", log)
	}
	ro, _ := f.m.Login("ro", "rest-api", local, is("r"))
	rw, _ := f.m.Login("rw", "api", ten, is("w"))
	for _, tt := range []struct {
		name, path, command string
		args                []string
		u                   *User
		denied              bool
	}{
		{"reading", "/queue/tree", "print", nil, ro, false},
		{"writing without write", "/interface", "set", []string{".id=x", "disabled=no"}, ro, true},
		{"writing", "/interface", "set", []string{".id=x", "disabled=no"}, rw, false},
		{"users without policy", "/user", "set", []string{".id=ro", "password="}, rw, true},
		{"script beyond the user", "/system/script", "run", []string{"number=s"}, rw, true},
		{"script for everybody", "/system/script", "run", []string{"number=free"}, rw, false},
		{"execute without write", "/", "execute", []string{"script=:put x"}, ro, true},
	} {
		_, err := f.do(tt.u, tt.path, tt.command, tt.args...)
		var e *Error
		denied := errors.As(err, &e) && e.Denied && e.Text == "not enough permissions (9)"
		if denied != tt.denied || err != nil && !denied {
			t.Errorf("%s: %v, want denied: %v", tt.name, err, tt.denied)
		}
	}
	for _, row := range f.must("/user", "print").Rows {
		if _, shown := row["password"]; shown {
			t.Errorf("password is printed: %v", row)
		}
	}
}

func TestScripts(t *testing.T) {
	f := newFixture(t, Config{}, twoQueues+`
/system script
add name=halve source="/queue tree set [find name=a] max-limit=250M; :log info \"halved\""
add name=broken source="/queue tree\nset [find name=a] max-limit=1M\nset [find name=a] speed=1"
add name=loop source="/system script run loop"
`)
	f.must("/system/script", "run", "numbers=halve")
	row, _ := f.m.Row("/queue/tree", "name", "a")
	script, _ := f.m.Row("/system/script", "name", "halve")
	if row["max-limit"] != "250000000" || script["run-count"] != "1" || script["last-started"] == "" {
		t.Errorf("queue %v, script %v", row, script)
	}
	f.wantColumn("/log", "message", "halved")
	for name, want := range map[string]string{"broken": "bad parameter speed (line 3 column 19)", "loop": "scripts call each other without end"} {
		_, err := f.do(nil, "/system/script", "run", "number="+name)
		var e *Error
		if !errors.As(err, &e) || e.Category != ScriptFailure || !strings.Contains(e.Text, want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	for src, want := range map[string]string{
		`:put "a b"; :put c`:                         "a b\r\nc\r\n",
		`:error "no luck"`:                           "no luck (:error; line 1)",
		"/queue tree set [find name=zz] max-limit=1": "", // nothing found, nothing done
		"/queue tree set a max-limit=x":              "invalid value for argument max-limit (/queue/tree/set (max-limit); line 1)",
		":frobnicate":                                "bad command name frobnicate (line 1 column 2)",
	} {
		if got := f.must("/", "execute", "script="+src, "as-string=").Ret; got != want {
			t.Errorf("execute %s: %q, want %q", src, got, want)
		}
	}
	if got := f.must("/", "execute", "script=:put x").Ret; !strings.HasPrefix(got, "*") {
		t.Errorf("execute in the background: %q, want a job", got)
	}
}

func TestLoadNamesFileAndLine(t *testing.T) {
	for src, want := range map[string]string{
		"\n/queue tree\nadd name=a parent=nowhere": "f.rsc:3: input does not match any value of parent",
		"/queue trees add name=a":                  "f.rsc:1: bad command name trees",
		"/queue tree\nremove zz":                   "f.rsc:2: no such item",
		"/user/group\nadd name=g; add name=g":      "f.rsc:2: failure: group with the same name already exists",
		"x y":                                      "f.rsc:1: bad command name x",
		"/queue tree set [set]":                    "f.rsc:1: missing value(s) of argument(s) numbers",
	} {
		err := New(Config{}).Load("f.rsc", strings.NewReader(src))
		var at *ScriptError
		if !errors.As(err, &at) || at.Error() != want {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
	if err := New(Config{}).Load("f.rsc", strings.NewReader(strings.Repeat("#", maxScript+1))); err == nil {
		t.Error("a script without end was read")
	}
}

func TestContextOfPaths(t *testing.T) {
	f := newFixture(t, Config{}, "/queue tree\nadd name=a parent=global\n/queue/tree/add name=b parent=global\n"+
		"/queue\ntree add name=c parent=global\n/ip firewall\naddress-list add list=x address=1.2.3.4\n/queue tree add name=d parent=c")
	f.wantColumn("/queue/tree", "name", "a", "b", "c", "d")
	f.wantColumn("/ip/firewall/address-list", "address", "1.2.3.4")
}
