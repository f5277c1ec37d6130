package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
)

// loaded runs a command that loads WANs the way the others do, and returns
// their names, standard error and the exit status.
func loaded(t *testing.T, env map[string]string, one bool, args ...string) (names []string, stderr string, status int) {
	t.Helper()
	var errs bytes.Buffer
	a := &app.App{Streams: output.Streams{Out: &bytes.Buffer{}, Err: &errs}, LookupEnv: func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}}
	root := newRootCmd(a)
	root.AddCommand(&cobra.Command{Use: "load", RunE: func(cmd *cobra.Command, _ []string) error {
		load := a.LoadWANs
		if one {
			load = func(cmd *cobra.Command) ([]*config.WAN, error) {
				wan, err := a.LoadWAN(cmd)
				return []*config.WAN{wan}, err
			}
		}
		wans, err := load(cmd)
		if err != nil {
			return err
		}
		for _, w := range wans {
			names = append(names, w.Name)
		}
		return nil
	}})
	root.SetArgs(append([]string{"load"}, args...))
	cmd, err := root.ExecuteContextC(context.Background())
	if err != nil {
		a.PrintError(cmd, err)
	}
	return names, errs.String(), app.ExitStatus(err)
}

func TestLoadWANs(t *testing.T) {
	dir := t.TempDir()
	write := func(name, wan, queue, extra string) string {
		path := filepath.Join(dir, name)
		text := "wan_name: " + wan + "\nrouter: {host: r, user: u, password: p}\nqueues: {download: " + queue + "-down, upload: " + queue +
			"-up}\ncontinuous_monitoring:\n  baseline_rtt_initial: 20\n  download: {ceiling_mbps: 100, floor_mbps: 10}\n" +
			"  upload: {ceiling_mbps: 10, floor_mbps: 1}\n" + extra
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a := write("a.yaml", "A", "a", "")
	write("b.yml", "B", "b", "timeouts: {ping_total: 5}\n")
	write("bad.yaml", "-", "b", "")
	write("worse.yaml", "W", "w", "x: y\n")
	write("twin.yaml", "Twin", "a", "")

	for _, tt := range []struct {
		name   string
		env    map[string]string
		one    bool
		args   []string
		want   []string
		status int
		stderr string // a part of it
	}{
		{name: "file", args: []string{"--config", a}, want: []string{"A"}},
		{name: "names, in order, with warnings", args: []string{"--wan", "b", "--wan", "a"}, want: []string{"B", "A"},
			stderr: "wanctl: warning: " + filepath.Join(dir, "b.yml") + ":8: timeouts.ping_total: "},
		{name: "file by environment", env: map[string]string{"WANCTL_CONFIG": a}, want: []string{"A"}},
		{name: "a name beats the file of the environment", env: map[string]string{"WANCTL_CONFIG": a}, args: []string{"-q", "--wan", "b"}, want: []string{"B"}},
		{name: "overrides apply", env: map[string]string{"WANCTL_WAN_NAME": "C"}, args: []string{"--wan", "a"}, want: []string{"C"}},
		{name: "quiet", args: []string{"-q", "--wan", "b"}, want: []string{"B"}},
		{name: "none", status: app.ExitUsage, stderr: "which WAN? give --wan NAME for NAME.yaml in " + dir + ", or --config FILE; there are a, b, bad, twin, worse"},
		{name: "both", args: []string{"--config", a, "--wan", "a"}, status: app.ExitUsage, stderr: "not both"},
		{name: "a path as a name", args: []string{"--wan", "./a"}, status: app.ExitUsage, stderr: `--wan: WAN "./a" is not a name`},
		{name: "all problems of all files", args: []string{"--wan", "bad", "--wan", "worse", "--wan", "none"}, status: app.ExitConfig,
			stderr: "wanctl: " + filepath.Join(dir, "worse.yaml") + ":8: x: unknown key"},
		{name: "a missing file", args: []string{"--wan", "none"}, status: app.ExitConfig, stderr: "none.yaml: no such file; "},
		{name: "the same queues", args: []string{"--wan", "a", "--wan", "twin"}, status: app.ExitConfig,
			stderr: "queues.download: a-down on r is used by " + a + " too"},
		{name: "the same WAN twice", args: []string{"--wan", "a", "--wan", "a"}, status: app.ExitConfig, stderr: "wan_name: A is used by "},
		{name: "one of one", one: true, args: []string{"--wan", "a"}, want: []string{"A"}},
		{name: "one of two", one: true, args: []string{"--wan", "a", "--wan", "b"}, status: app.ExitUsage, stderr: "wanctl load works on one WAN"},
		{name: "one of none", one: true, status: app.ExitUsage, stderr: "which WAN?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, stderr, status := loaded(t, tt.env, tt.one, append([]string{"--config-dir", dir}, tt.args...)...)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if status != tt.status {
				t.Errorf("exit status %d, want %d", status, tt.status)
			}
			if !strings.Contains(stderr, tt.stderr) || tt.stderr == "" && stderr != "" {
				t.Errorf("stderr %q, want %q", stderr, tt.stderr)
			}
		})
	}
}

// Output that cannot be written is a failure, not a silent success.
func TestConfigOutputFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yaml")
	text := "wan_name: a\nrouter: {host: r, user: u, password: p}\nqueues: {download: d, upload: u}\ncontinuous_monitoring:\n  baseline_rtt_initial: 20\n" +
		"  download: {ceiling_mbps: 100, floor_mbps: 10}\n  upload: {ceiling_mbps: 10, floor_mbps: 1}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"config", "validate", path},
		{"config", "validate", path, "-o", "json"},
		{"config", "show", "--config", path},
		{"config", "show", "--config", path, "-o", "csv"},
		{"config", "explain"},
		{"config", "explain", "router"},
	} {
		a := &app.App{Streams: output.Streams{Out: fullDisk{}, Err: &bytes.Buffer{}}, LookupEnv: func(string) (string, bool) { return "", false }}
		if status := Run(context.Background(), a, args); status != app.ExitFailure {
			t.Errorf("%v: exit status %d, want %d", args, status, app.ExitFailure)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }
