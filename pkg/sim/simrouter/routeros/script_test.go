package routeros

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
)

// exec runs a line and returns what it printed, with plain newlines.
func (f *fixture) exec(line string) string {
	f.Helper()
	out := f.m.Exec(Exec{Line: line})
	if strings.Count(out.Output, "\n") != strings.Count(out.Output, "\r\n") {
		f.Errorf("%s: %q has lines without CRLF", line, out.Output)
	}
	return strings.ReplaceAll(out.Output, "\r\n", "\n")
}

const scriptFixture = twoQueues + `
/queue tree add name="c d" parent=a disabled=yes comment="x \"y\" \$z; {}" max-limit=480500k
/ip firewall mangle
add chain=prerouting action=mark-routing new-routing-mark=w comment="ADAPTIVE: Steer" disabled=yes
add chain=forward comment=other
/ip firewall address-list add list=L address=10.0.0.1
/system script add name=s source=":put hi; /queue tree set a max-limit=7M"
`

// TestLanguage covers the words of the language itself.
func TestLanguage(t *testing.T) {
	f := newFixture(t, Config{}, scriptFixture)
	for _, tt := range []struct{ name, line, want string }{
		{"put", `:put "a b"; :put c`, "a b\nc\n"},
		{"escapes", `:put "\"\\\$\?\n\r\t\_\41\FF"`, "\"\\$?\n\r\t A\xff\n"},
		{"interpolation", `:local x 5; :put "$x $($x . 1) $[:len "abc"]"`, "5 51 3\n"},
		{"concatenation", `:local b 2; :put ("a" . $b . "c")`, "a2c\n"},
		{"comparison", `:put ("a" = "a"); :put (2 != 2); :put (2 = "2")`, "true\nfalse\ntrue\n"},
		{"logic", `:put (true && !false); :put (false or true and false); :put (!true || false); :put (1 = 1 and 2 = 2)`, "true\nfalse\nfalse\ntrue\n"},
		{"short circuit", `:put (false && 1); :put (true || 1)`, "false\ntrue\n"},
		{"yes is true", `:put ([/queue tree get "c d" disabled] = yes)`, "true\n"},
		{"arrays", `:local a {1;"x";"k"={2;3}}; :put $a; :put ($a->0); :put ($a->"k"->1); :put [:len $a]; :put [:typeof ($a->"nope")]`, "1;x;k=2;3\n1\n3\n3\nnothing\n"},
		{"keys are sorted", `:put {"b"=1;"a"=2}`, "a=2;b=1\n"},
		{"if", `:if (1 = 1) do={:put y} else={:put n}; :if (1 = 2) do={:put y} else={:put n}; :if (1 = 2) do={:put y}`, "y\nn\n"},
		{"matching", `:put ("wanctl home" ~ "^wanctl "); :put ("my wanctl" ~ "^wanctl ")`, "true\nfalse\n"},
		{"do", `:do {:put x} on-error={:put y}; :put z`, "x\nz\n"},
		{"do on error", `:do {:put x; /queue type remove default; :put never} on-error={:put y}; :put z`, "x\ny\nz\n"},
		{"do on :error", `:do {:error "a"} on-error={:put b}`, "b\n"},
		{"do without on-error", `:do {:error "a"}; :put never`, "a (:error; line 1)\n"},
		{"foreach", `:foreach i in={1;2} do={:put $i}; :foreach i in=3 do={:put $i}; :foreach i in=$nope do={:put $i}`, "1\n2\n3\n"},
		{"foreach with keys", `:foreach k,v in={"a"=1;"b"=2} do={:put "$k$v"}`, "a1\nb2\n"},
		{"scopes", `:local x 1; {:local x 2; :put $x}; :put $x; :if (true) do={:local x 3}; :put $x`, "2\n1\n1\n"},
		{"conversions", `:put [:tostr 5]; :put [:len {1;2}]; :put [:len "abc"]`, "5\n2\n3\n"},
		{"types", `:put [:typeof 1]; :put [:typeof "1"]; :put [:typeof true]; :put [:typeof *1]; :put [:typeof {1}]; :put [:typeof $nope]`, "num\nstr\nbool\nid\narray\nnothing\n"},
		{"types of properties", `:foreach p in={"max-limit";"disabled";"burst-time";"comment";".id";"name"} do={:put [:typeof [/queue tree get a $p]]}`, "num\nbool\ntime\nnil\nid\nstr\n"},
		{"log", `:log info "hello"; /log warning "there"; :foreach i in=[/log find] do={:put ([/log get $i topics] . " " . [/log get $i message])}`, "script,info hello\nscript,warning there\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.T = t
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(f.m.Exec(Exec{Line: tt.line}).Output, "\r\n", "\n")); diff != "" {
				t.Errorf("%s: -want +got\n%s", tt.line, diff)
			}
		})
	}
}

// TestOtherWordsAreRefused: what the simulator does not know of the language is
// an error, never a silent success.
func TestOtherWordsAreRefused(t *testing.T) {
	f := newFixture(t, Config{}, scriptFixture)
	for line, want := range map[string]string{
		`:while (true) do={:put x}`:   "bad command name while (line 1 column 2)\n",
		`:global x 1`:                 "bad command name global (line 1 column 2)\n",
		`:put [:serialize to=json 1]`: "bad command name serialize (line 1 column 8)\n",
		`:put (1 + 2)`:                "syntax error (line 1 column 9)\n",
		`/queue tree print`:           "bad command name print (line 1 column 13)\n",
		`put x`:                       "bad command name put (line 1 column 1)\n",
	} {
		if got := f.exec(line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// TestMenuCommands runs commands that clients send.
func TestMenuCommands(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"get", `:put [/queue/tree/get [find name="a"] max-limit]`, "500000000\n"},
		{"get by name", `:put [/queue tree get "c d" max-limit]`, "480500000\n"},
		{"get by number", `:put [/queue tree get 1 name]`, "b\n"},
		{"get by id", `:put [/queue tree get *1000000 name]`, "a\n"},
		{"get what is unset", `:put [:typeof [/queue tree get a comment]]`, "nil\n"},
		{"get all", `:local r [/queue tree get "c d"]; :put ($r->"comment"); :put ($r->".id")`, "x \"y\" $z; {}\n*1000007\n"},
		{"find nothing", `:put [:len [/queue/tree/find name="nope"]]`, "0\n"},
		{"find in quotes", `:put [/queue/tree/find where comment="x \"y\" \$z; {}"]`, "*1000007\n"},
		{"find is exact", `:put [:len [/ip firewall mangle find comment="ADAPTIVE"]]`, "0\n"},
		{"find by rate", `:put [/queue tree find max-limit=500M]; :put [/queue tree find where max-limit=40M and !disabled]`, "*1000000\n*1000004\n"},
		{"find by or", `:foreach i in=[/queue tree find where name=a or (name="c d" && disabled)] do={:put [/queue tree get $i name]}`, "a\nc d\n"},
		{"find by expression", `:put [:len [/ip firewall mangle find where comment~"^ADAPT" and disabled]]; :put [:len [/queue tree find comment~"^x"]]; :put [:len [/queue tree find name~"("]]`, "1\n1\ninvalid regular expression\n"},
		{"find with a command", `:put [/queue tree find where name=[/queue tree get *1000000 name]]`, "*1000000\n"},
		{"singleton", `:put [/system identity get name]; :put ([/system identity get]->"name")`, "MikroTik\nMikroTik\n"},
		{"set", `/queue tree set [find name=a] max-limit=480M; :put [/queue tree get a max-limit]`, "480000000\n"},
		{"set nothing", `/queue tree set [find name="nope"] max-limit=1M`, ""},
		{"set several", `/queue tree set a,b priority=3; :put [:len [/queue tree find priority=3]]`, "2\n"},
		{"set by numbers=", `/queue tree set numbers=*1000000 max-limit=1M; :put [/queue tree get a max-limit]`, "1000000\n"},
		{"unset", `/queue tree unset "c d" comment; :put [:typeof [/queue tree get "c d" comment]]`, "nil\n"},
		{"unset by !", `/queue tree set "c d" !comment; :put [:typeof [/queue tree get "c d" comment]]`, "nil\n"},
		{"enable", `/ip firewall mangle enable [find comment="ADAPTIVE: Steer"]; :put [/ip firewall mangle get [find comment="ADAPTIVE: Steer"] disabled]`, "false\n"},
		{"add and remove", `:local id [/queue tree add name=n parent=global]; :put [/queue tree get $id name]; /queue tree remove $id; :put [:len [/queue tree find name=n]]`, "n\n0\n"},
		{"move", `/ip firewall mangle move [find comment=other] destination=0; :foreach i in=[/ip firewall mangle find] do={:put [/ip firewall mangle get $i comment]}`, "other\nADAPTIVE: Steer\n"},
		{"timeouts", `/ip firewall address-list add list=T address=1.2.3.4 timeout=1h; :put [/ip firewall address-list get [find list=T] timeout]`, "01:00:00\n"},
		{"run", `/system script run s; :put [/queue tree get a max-limit]`, "7000000\n"},
		{"context", "/queue tree\nset a max-limit=3M\n:put [get a max-limit]; /ip\nfirewall mangle\n:put [:len [find]]", "3000000\n2\n"},
		{"reset-counters", `/queue tree reset-counters a; :put [/queue tree get a bytes]`, "0\n"},
		{"the rest of the line is not run", `/queue tree set nope max-limit=1; :put never`, "no such item (/queue/tree/set; line 1)\n"},
		{"what went before is printed", `:put first; /queue tree set nope max-limit=1`, "first\nno such item (/queue/tree/set; line 1)\n"},
		{"nothing runs before a mistake", `/queue tree set a max-limit=1M; /queue tree frob`, "bad command name frob (line 1 column 45)\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, Config{}, scriptFixture)
			if err := f.m.SetCounters("a", router.Counters{Bytes: 5}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, f.exec(tt.line)); diff != "" {
				t.Errorf("%s: -want +got\n%s", tt.line, diff)
			}
		})
	}
}

// TestRefusalsByVersion: the words, and where they say the mistake is.
func TestRefusalsByVersion(t *testing.T) {
	old, now := newFixture(t, Config{Version: Version{7, 12, 2}}, scriptFixture), newFixture(t, Config{Version: Version{7, 22, 1}}, scriptFixture)
	for _, tt := range []struct{ line, old, now string }{
		{`/interface ethernet poe print`, "bad command name ethernet (line 1 column 12)", "bad command name ethernet (line 1 column 12)"},
		{`bash -se`, "bad command name bash (line 1 column 1)", "bad command name bash (line 1 column 1)"},
		{`:put a b`, "expected end of command (line 1 column 8)", "expected end of command (line 1 column 8)"},
		{`:put "a`, "syntax error (line 1 column 8)", "syntax error (line 1 column 8)"},
		{`/queue tree set a nope=1`, "expected end of command (line 1 column 19)", "bad parameter nope (line 1 column 19)"},
		{"/queue tree\n  set a nope=1", "expected end of command (line 2 column 9)", "bad parameter nope (line 2 column 9)"},
		{`/queue tree set nope max-limit=1`, "no such item", "no such item (/queue/tree/set; line 1)"},
		{`:put [/queue tree get [find name=nope] name]`, "no such item", "no such item (/queue/tree/get; line 1)"},
		{`:put [/queue tree get a nope]`, "input does not match any value of value-name", "input does not match any value of value-name (/queue/tree/get (value-name); line 1)"},
		{`/queue tree set a queue=nope`, "input does not match any value of queue", "input does not match any value of queue (/queue/tree/set (queue); line 1)"},
		{`/queue tree set a max-limit=fast`, "invalid value for argument max-limit", "invalid value for argument max-limit (/queue/tree/set (max-limit); line 1)"},
		{`/queue tree set a priority=9`, "value of priority is out of range (1 .. 8)", "value of priority is out of range (1 .. 8) (/queue/tree/set (priority); line 1)"},
		{`/queue tree set max-limit=1`, "missing value(s) of argument(s) numbers", "missing value(s) of argument(s) numbers (/queue/tree/set; line 1)"},
		{`/queue tree add name=x`, "missing value(s) of argument(s) parent", "missing value(s) of argument(s) parent (/queue/tree/add; line 1)"},
		{`/ip firewall address-list add list=L address=10.0.0.1`, "failure: already have such entry", "failure: already have such entry (/ip/firewall/address-list/add; line 1)"},
		{`:error "no luck"`, "no luck", "no luck (:error; line 1)"},
		{`:if (1) do={}`, "conditional not boolean", "conditional not boolean"},
	} {
		for _, c := range []struct {
			f    *fixture
			want string
		}{{old, tt.old}, {now, tt.now}} {
			if got := c.f.exec(tt.line); got != c.want+"\n" {
				t.Errorf("%s on %v: %q, want %q", tt.line, c.f.m.Version(), got, c.want)
			}
		}
	}
}

func TestErrorsOfTheOtherForm(t *testing.T) {
	f := newFixture(t, Config{Quirks: Quirks{OtherErrors: true}}, scriptFixture)
	if got := f.exec(`/queue tree set nope max-limit=1`); got != "no such item\n" {
		t.Errorf("got %q", got)
	}
}

func TestPoliciesOfScripts(t *testing.T) {
	f := newFixture(t, Config{}, scriptFixture)
	ro := &User{Name: "ro", policies: []string{"read", "ssh"}}
	none := &User{Name: "none", policies: []string{"ssh"}}
	for _, tt := range []struct {
		u          *User
		line, want string
	}{
		{ro, `:put [/queue tree get a name]`, "a\r\n"},
		{ro, `/queue tree set a max-limit=1M`, "not enough permissions (9) (/queue/tree/set; line 1)\r\n"},
		{ro, `/system script run s`, "not enough permissions (9) (/system/script/run; line 1)\r\n"},
		{ro, `/system reboot`, "not enough permissions (9) (/system/reboot; line 1)\r\n"},
		{none, `:put [/queue tree get a name]`, "not enough permissions (9) (/queue/tree/get; line 1)\r\n"},
		{none, `:put [:len [/queue tree find]]`, "not enough permissions (9) (/queue/tree/find; line 1)\r\n"},
	} {
		if got := f.m.Exec(Exec{User: tt.u, Line: tt.line}); got.Output != tt.want || got.Failed == (tt.want[0] != 'n') {
			t.Errorf("%s by %s: %+v, want %q", tt.line, tt.u.Name, got, tt.want)
		}
	}
	if limit := f.exec(":put [/queue tree get a max-limit]"); limit != "500000000\n" {
		t.Errorf("the limit is %s", limit)
	}
}

func TestCountersAreAskedForWhereNeeded(t *testing.T) {
	b := &real{count: router.Counters{Bytes: 100}, limits: map[string]bitrate.Rate{}}
	f := newFixture(t, Config{Backend: b}, scriptFixture)
	b.asked = nil
	for line, want := range map[string]string{
		`:put [/queue tree get [find name=b] bytes]`:                             "100\n",
		`:put ([/queue tree get b]->"bytes")`:                                    "100\n",
		`/queue tree set b max-limit=2M; :put [/queue tree find where name="b"]`: "*1000004\n",
	} {
		if got := f.exec(line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	if diff := cmp.Diff([]string{"b", "b"}, b.asked); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestLimits: no script hangs the router or fills its memory.
func TestLimits(t *testing.T) {
	f := newFixture(t, Config{}, scriptFixture+`/system script add name=self source="/system script run self"`)
	loops := func(n int, body string) string {
		ten := ":foreach i in={1;2;3;4;5;6;7;8;9;0} do={"
		return strings.Repeat(ten, n) + body + strings.Repeat("}", n)
	}
	for line, want := range map[string]string{
		loops(8, ""): "script takes too many steps",
		loops(6, `:put "0123456789012345678901234567890123456789"`):      "script prints too much",
		`:local x "0123456789"` + strings.Repeat(`;:local x "$x$x"`, 40): "text is too long",
		`:local x {1}` + strings.Repeat(`;:local x {$x;$x}`, 40):         "",
		strings.Repeat("{", 60) + strings.Repeat("}", 60):                "scripts nest too deeply",
		`/system script run self`:                                        "scripts call each other without end",
		`:put (` + strings.Repeat("(", 2000) + `1`:                       "syntax error",
		`:put "` + strings.Repeat("x", maxLine):                          "line is too long",
	} {
		start := time.Now()
		out := f.m.Exec(Exec{Line: line})
		if last := out.Output[max(0, len(out.Output)-200):]; !strings.Contains(last, want) {
			t.Errorf("%.80s: ...%q, want %q", line, last, want)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%.80s took %v", line, took)
		}
	}
}

func TestBootStates(t *testing.T) {
	f := newFixture(t, Config{}, scriptFixture)
	for _, tt := range []struct {
		boot       BootState
		line, want string
	}{
		{NoRows, `:put [:len [/queue tree find]]`, "0\r\n"},
		{NoRows, `/queue tree set [find name=a] max-limit=1M`, ""},
		{NoRows, `/queue tree set *1000000 max-limit=1M`, "no such item (/queue/tree/set; line 1)\r\n"},
		{NoRows, `:put [/system identity get name]`, "MikroTik\r\n"},
		{WrongMenu, `:put ([/queue tree get a]->"platform")`, "MikroTik\r\n"},
	} {
		if got := f.m.Exec(Exec{Line: tt.line, Boot: tt.boot}).Output; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.line, got, tt.want)
		}
	}
	if limit := f.exec(":put [/queue tree get a max-limit]"); limit != "500000000\n" {
		t.Errorf("the limit is %s", limit)
	}
}

func TestUses(t *testing.T) {
	f := newFixture(t, Config{}, scriptFixture)
	got := f.m.Uses(`:if ([/queue tree find name=a] = "") do={/ip/firewall/mangle/enable 0} else={:put "$[/log find]"}`)
	want := []rsc.Use{{Path: "/queue/tree", Command: "find"}, {Path: "/ip/firewall/mangle", Command: "enable"}, {Path: "/log", Command: "find"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestDefaultConfigurationLoadsOnEveryVersion(t *testing.T) {
	src, err := os.ReadFile("../default.rsc")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []Version{{6, 49, 10}, {7, 9, 0}, {7, 22, 1}} {
		if err := New(Config{Version: v}).Load("default.rsc", strings.NewReader(string(src))); err != nil {
			t.Errorf("%v: %v", v, err)
		}
	}
}

func TestLoadProgram(t *testing.T) {
	f := newFixture(t, Config{}, `
:local names {"x"; "y"}
:foreach n in=$names do={
  # every one of them
  /queue tree add name=("q-" . $n) parent=global \
     max-limit=5M
}
`)
	f.wantColumn("/queue/tree", "name", "q-x", "q-y")
	if f.m.WriteSectors() != 0 || f.m.Writes() != 0 {
		t.Error("the initial configuration counts as written")
	}
	err := New(Config{}).Load("f.rsc", strings.NewReader(":put 1\n:if (true) do={\n  :error \"stop here\"\n}"))
	var at *ScriptError
	if !errors.As(err, &at) || at.Error() != "f.rsc:3: stop here" {
		t.Errorf("got %v", err)
	}
}

// FuzzExec: any line ends soon, without a panic, and prints whole lines.
func FuzzExec(f *testing.F) {
	for _, line := range []string{
		`:foreach k,v in=[/queue tree get 0] do={:put "$k=$v"}`,
		`/queue tree set [find where !(name="a") or comment!="x"] max-limit=5M !comment`,
		`:local a {1;"b"=$x}; :if ([:len ($a->"b")] = 0) do={:put ($a . "x")} else={:error [:typeof $a]}`,
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		m := New(Config{Now: func() time.Time { return time.Unix(0, 0) }})
		if err := m.Load("x", strings.NewReader(scriptFixture)); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		out := m.Exec(Exec{Line: line}).Output
		if out != "" && !strings.HasSuffix(out, "\r\n") {
			t.Errorf("%q printed %q", line, out)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%q took %v", line, took)
		}
	})
}

// FuzzPut: what is quoted is printed as it was, whatever it is.
func FuzzPut(f *testing.F) {
	f.Add("a \"b\" $c \\ ? \r\n\t\x00\xff é ]})")
	m := New(Config{})
	f.Fuzz(func(t *testing.T, in string) {
		if len(in) > maxLine/4 {
			return
		}
		if got := m.Exec(Exec{Line: ":put " + rosdata.QuoteRSC(in)}).Output; got != in+"\r\n" {
			t.Errorf("%q became %q", in, got)
		}
	})
}
