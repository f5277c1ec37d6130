// Package pinned builds programs of others that only tests run, each at the version that a
// module of its own pins, so that none of it is a dependency of the program.
package pinned

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Build returns the path of a tool, which it builds into the build cache when it is not there.
// The tool is that of the module in a directory below pkg. The error has what Go printed,
// and the command that repeats it.
func Build(module, tool string) (path string, err error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("there is no Go to build it: %w", err)
	}
	// As the program is built, so that nothing is compiled twice; only errors matter of its output.
	cmd := exec.Command("go", "tool", "-n", tool)
	cmd.Dir = filepath.Join(strings.TrimSpace(string(root)), "pkg", filepath.FromSlash(module))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath", "GOWORK=off", "GOOS=", "GOARCH=")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w\n%s(cd %s && %s)", err, &errs, cmd.Dir, strings.Join(cmd.Args, " "))
	}
	return strings.TrimSpace(string(out)), nil
}
