package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzReadSecrets: an error names the file and quotes nothing of it, and a value in
// quotes is what it was.
func FuzzReadSecrets(f *testing.F) {
	f.Add("# the router's\nROUTER_PASSWORD=correct horse\n; old\nWANCTL_SSH_PASSPHRASE='a b'\n", "x")
	f.Add("ROUTER_PASSWORD=\"a\\\"b\\\\\"\r\nexport A=b\n", `a"b\c$d`+"`")
	f.Add("=\nA\n A = b\nA=\\", "\t\r é\xff")
	path := filepath.Join(f.TempDir(), "secrets")
	read := func(t *testing.T, text string) (map[string]string, error) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		variables, _, err := ReadSecrets(path, false)
		return variables, err
	}
	const marker = "hunter2hunter2"
	f.Fuzz(func(t *testing.T, text, value string) {
		_, err := read(t, text+"\n"+marker+"\n")
		var invalid *Error
		if !errors.As(err, &invalid) || !strings.HasPrefix(err.Error(), path) || strings.Contains(err.Error(), marker) {
			t.Fatalf("%v", err)
		}
		variables, _ := read(t, text)
		for name := range variables {
			if !assignment.MatchString(name + "=") {
				t.Errorf("variable %q", name)
			}
		}
		if strings.Contains(value, "\n") || len(value) > maxSecrets/4 {
			return
		}
		quoted := strings.NewReplacer(`"`, `\"`, `\`, `\\`, "`", "\\`", `$`, `\$`).Replace(value)
		if variables, err = read(t, "A=\""+quoted+"\"\n"); err != nil || variables["A"] != value {
			t.Errorf("%q was written as %q and read as %q, %v", value, quoted, variables["A"], err)
		}
	})
}
