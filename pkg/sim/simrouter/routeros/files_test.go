package routeros

import (
	"strings"
	"testing"
)

func TestImport(t *testing.T) {
	f := newFixture(t, Config{}, `/queue tree add name=a parent=global`)
	for name, source := range map[string]string{
		"good.rsc":  ":put hello\n/queue tree\nset a max-limit=5M\n",
		"bad.rsc":   "/queue tree set a max-limit=6M\n/queue tree set nope max-limit=1M\n/queue tree set a max-limit=7M",
		"loop.rsc":  "/import loop.rsc",
		"outer.rsc": "/import good.rsc",
		"mine":      `:error "stop"`,
	} {
		if err := f.m.WriteFile(nil, name, []byte(source)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ name, line, want string }{
		{"prints", "/import good.rsc; :put [/queue tree get a max-limit]", "5000000\nhello\n\nScript file loaded and executed successfully\n"},
		{"within another", "/import file-name=outer.rsc", "hello\n\nScript file loaded and executed successfully\n\nScript file loaded and executed successfully\n"},
		{"stops at a mistake", "/import bad.rsc", "Script Error: no such item (/queue/tree/set; line 2)\n"},
		{"what came before it stays", ":put [/queue tree get a max-limit]", "6000000\n"},
		{"error of its own", "/import mine", "Script Error: stop (:error; line 1)\n"},
		{"no such file", "/import nope", "failure: no such file nope (/import; line 1)\n"},
		{"no name", "/import", "missing value(s) of argument(s) file-name (/import; line 1)\n"},
		{"size", `:put [/file get good.rsc size]`, "42\n"},
		{"removed", `/file remove good.rsc; :put [:len [/file find name=good.rsc]]`, "0\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.T = t
			if got := f.exec(tt.line); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got := f.exec("/import loop.rsc"); !strings.Contains(got, "without end") {
		t.Errorf("got %q", got)
	}
}

func TestImportNeedsPolicies(t *testing.T) {
	f := newFixture(t, Config{}, `/queue tree add name=a parent=global`)
	reader := &User{Name: "r", policies: []string{"read", "ssh"}}
	if err := f.m.WriteFile(reader, "x", nil); err == nil {
		t.Error("a user without ftp wrote a file")
	}
	if err := f.m.WriteFile(&User{policies: []string{"ftp"}}, "x", []byte("/queue tree set a max-limit=1M")); err != nil {
		t.Error(err)
	}
	if err := f.m.WriteFile(nil, "y", make([]byte, maxFile+1)); err == nil {
		t.Error("a file above the limit was written")
	}
	if out := f.m.Exec(Exec{User: reader, Line: "/import x"}); !strings.HasPrefix(out.Output, "not enough permissions (9)") {
		t.Errorf("got %q", out.Output)
	}
}
