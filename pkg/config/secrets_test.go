package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, text string, mode fs.FileMode) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// The quotes are those that systemd reads in an EnvironmentFile.
func TestReadSecrets(t *testing.T) {
	path := write(t, `# a comment
; another
ROUTER_PASSWORD=plain
  SPACED = is no name
`, 0o600)
	good, _, err := ReadSecrets(path, true)
	if want := path + ":4: is not NAME=VALUE"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if diff := cmp.Diff(map[string]string{"ROUTER_PASSWORD": "plain"}, good); diff != "" {
		t.Errorf("the other lines: -want +got:\n%s", diff)
	}

	got, open, err := ReadSecrets(write(t, `# a comment
; another

A=plain
B= with spaces around 
C="quoted # \"twice\" \x"
D='single "as it is" \'
E=a\ b
F=
G=x=y
A=the last one counts
`, 0o600), false)
	if err != nil || open {
		t.Fatalf("open %v, %v", open, err)
	}
	if _, open, _ := ReadSecrets(write(t, "A=b", 0o644), true); !open {
		t.Error("a file that everyone may read is not reported")
	}
	want := map[string]string{
		"A": "the last one counts", "B": " with spaces around", "C": `quoted # "twice" \x`, "D": `single "as it is" \`, "E": "a b", "F": "", "G": "x=y",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReadSecretsOfNoFile(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	if got, _, err := ReadSecrets(none, true); got != nil || err != nil {
		t.Errorf("an optional file that does not exist: %v, %v", got, err)
	}
	var invalid *Error
	if _, _, err := ReadSecrets(none, false); !errors.As(err, &invalid) || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a named file that does not exist: %v", err)
	}
	if _, _, err := ReadSecrets(t.TempDir(), true); err == nil || !strings.Contains(err.Error(), "a directory") {
		t.Errorf("a directory: %v", err)
	}
	if _, _, err := ReadSecrets(write(t, strings.Repeat("#\n", 1<<16), 0o600), true); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a large file: %v", err)
	}
}

// A pipe would keep the program waiting, and a device has no end.
func TestOnlyRegularFilesAreRead(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo.yaml")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, "/dev/zero"} {
		_, _, err := Load(path, Options{})
		if want := path + ": is not a regular file"; err == nil || err.Error() != want {
			t.Errorf("Load: got %v, want %s", err, want)
		}
		if kind := DetectKind(path); kind != KindUnknown {
			t.Errorf("DetectKind(%s) = %v", path, kind)
		}
		if _, _, err := ReadSecrets(path, true); err == nil || !strings.Contains(err.Error(), "cannot be read: not a regular file") {
			t.Errorf("ReadSecrets: %v", err)
		}
		_, problems, _ := load(edit(t, "password: hunter2", "password_file: "+path), Options{})
		want := []string{"f:5: router.password_file: " + path + ": not a regular file"}
		if diff := cmp.Diff(want, problems); diff != "" {
			t.Errorf("password_file: -want +got:\n%s", diff)
		}
	}
}

func TestPasswordFile(t *testing.T) {
	good, open := write(t, "from file\r\n", 0o600), write(t, "from file", 0o644)
	for _, tt := range []struct {
		name     string
		text     string
		env      map[string]string
		want     string // the password
		problems []string
		warnings []string
	}{
		{name: "alone", text: "password_file: " + good, want: "from file"},
		{name: "before ROUTER_PASSWORD", text: "password_file: " + good, env: map[string]string{"ROUTER_PASSWORD": "environment"}, want: "from file"},
		{name: "behind the variable of password", text: "password_file: " + good, env: map[string]string{"WANCTL_ROUTER_PASSWORD": "environment"}, want: "environment"},
		{name: "by a variable", text: "password: hunter2", env: map[string]string{"WANCTL_ROUTER_PASSWORD_FILE": good}, want: "from file"},
		{name: "beside what show prints", text: "password: '********'\n  password_file: " + good, want: "from file"},
		{name: "beside a password", text: "password: hunter2\n  password_file: " + good,
			problems: []string{"f:5: router.password: is there, and password_file as well; remove one of them"}},
		{name: "for everyone", text: "password_file: " + open, want: "from file",
			warnings: []string{"f:5: router.password_file: may be read by everyone; run: chmod 600 " + open}},
		{name: "absent", text: "password_file: /none/of/it", problems: []string{"f:5: router.password_file: /none/of/it: no such file or directory"}},
		{name: "two lines", text: "password_file: " + write(t, "a\nb\n", 0o600), problems: []string{"holds a line break or another control character"}},
		{name: "empty", text: "password_file: " + write(t, "\n", 0o600), problems: []string{"is empty"}},
		{name: "of a failover alone", text: "password: hunter2\n  failover: [{transport: api, password_file: " + good + "}]", want: "hunter2"},
		{name: "of a failover beside a file", text: "password_file: " + good + "\n  failover: [{transport: api, password: other}]", want: "from file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wan, problems, warnings := load(edit(t, "password: hunter2", tt.text), Options{LookupEnv: environment(tt.env)})
			if len(problems) != len(tt.problems) || len(problems) == 1 && !strings.Contains(problems[0], tt.problems[0]) {
				t.Fatalf("problems %q, want %q", problems, tt.problems)
			}
			if diff := cmp.Diff(tt.warnings, warnings); diff != "" {
				t.Errorf("warnings: -want +got:\n%s", diff)
			}
			if tt.problems == nil && wan.Router.Password.Reveal() != tt.want {
				t.Errorf("password %q, want %q", wan.Router.Password.Reveal(), tt.want)
			}
		})
	}
}

// A command that never dials reads no password.
func TestPasswordFileWithoutSecrets(t *testing.T) {
	wan, problems, _ := load(edit(t, "password: hunter2", "password_file: none"), Options{WithoutSecrets: true})
	if problems != nil || wan.Router.Password.IsSet() || !filepath.IsAbs(wan.Router.PasswordFile) {
		t.Errorf("problems %q, password file %q", problems, wan.Router.PasswordFile)
	}
}

// An entry of failover has one password, its own before that of the router.
func TestPasswordFileOfFailover(t *testing.T) {
	file := write(t, "from file", 0o600)
	for text, want := range map[string]string{
		"password: hunter2\n  failover: [{transport: api, password_file: " + file + "}]": "from file",
		"password_file: " + file + "\n  failover: [{transport: api, password: other}]":   "other",
		"password_file: " + file + "\n  failover: [api]":                                 "from file",
	} {
		wan, problems, _ := load(edit(t, "password: hunter2", text), Options{})
		if problems != nil {
			t.Fatal(problems)
		}
		if got := wan.Router.Failover[0].Password.Reveal(); got != want {
			t.Errorf("%s: password %q, want %q", text, got, want)
		}
	}
}
