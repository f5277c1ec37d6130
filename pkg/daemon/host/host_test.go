package host

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Whom a listener may serve without protection.
func TestReach(t *testing.T) {
	alice := map[string]string{"alice": ""}
	verified := &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}                                                               //nolint:gosec // not used
	open, users, encrypted := supervisor.Protection{}, supervisor.Protection{Users: alice}, supervisor.Protection{TLS: &tls.Config{}} //nolint:gosec // not used
	both, certificates := supervisor.Protection{TLS: &tls.Config{}, Users: alice}, supervisor.Protection{TLS: verified}               //nolint:gosec // not used
	for _, tt := range []struct {
		listen string
		public bool
		has    supervisor.Protection
		want   string // in the error; "" allows it
	}{
		{"127.0.0.1:9100", false, open, ""},
		{"127.9.9.9:9100", false, open, ""},
		{"[::1]:9100", false, open, ""},
		{"localhost:9100", false, open, ""},
		{":9100", false, open, "no TLS and users"},
		{"0.0.0.0:9100", false, open, "no TLS and users"},
		{"[::]:9100", false, users, "no TLS (tls_server_config)"},
		{"192.0.2.1:9100", false, encrypted, "no users (basic_auth_users)"},
		{"router.lan:9100", false, open, "--listen 127.0.0.1:9100"},
		{"192.0.2.1:9100", false, both, ""},
		{"192.0.2.1:9100", false, certificates, ""},
		{"192.0.2.1:9100", true, open, ""},
	} {
		o := Options{Listen: tt.listen, InsecurePublic: tt.public}
		err := o.checkReach(tt.has)
		var exposed *ExposedError
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s %+v: %v", tt.listen, tt.has, err)
		case tt.want != "" && (!errors.As(err, &exposed) || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s %+v: error is %v, want %q", tt.listen, tt.has, err, tt.want)
		}
	}
}

// directory is a directory of configurations that is read again and again.
type directory struct {
	t    *testing.T
	path string
	log  strings.Builder
	hostConfig
}

func newDirectory(t *testing.T) *directory {
	d := &directory{t: t, path: t.TempDir()}
	d.hostConfig = hostConfig{
		options: &Options{ConfigDir: d.path, Config: config.Options{}},
		log:     slog.New(slog.NewTextHandler(&d.log, nil)),
	}
	return d
}

func (d *directory) write(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.path, name), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *directory) wan(file, name string) {
	d.t.Helper()
	d.write(file, `wan_name: `+name+`
router: {host: 192.0.2.1, user: u, password: "${NOT_SET_HERE}"}
queues: {download: d, upload: u}
state_file: "`+filepath.Join(d.path, name)+`.json"
continuous_monitoring: {download: {ceiling_mbps: 90, floor_mbps: 5}, upload: {ceiling_mbps: 9, floor_mbps: 1}}
`)
}

// want reads the directory. Each entry is NAME, or NAME! of a configuration that
// cannot be used; problems are parts of the error's lines.
func (d *directory) want(entries []string, problems ...string) {
	d.t.Helper()
	wans, steering, err := d.read()
	var got []string
	add := func(name, problem string) {
		if problem != "" {
			name += "!"
		}
		got = append(got, name)
	}
	for _, w := range wans {
		add(w.Name, w.Problem)
	}
	for _, s := range steering {
		add(s.Name, s.Problem)
	}
	if diff := cmp.Diff(entries, got); diff != "" {
		d.t.Errorf("served (-want +got):\n%s", diff)
	}
	var invalid *config.Error
	if err != nil && !errors.As(err, &invalid) {
		d.t.Fatal(err)
	}
	var lines []config.Problem
	if invalid != nil {
		lines = invalid.Problems
	}
	if len(lines) != len(problems) {
		d.t.Fatalf("problems %v, want %q", lines, problems)
	}
	for i, p := range lines {
		if !strings.Contains(p.String(), problems[i]) {
			d.t.Errorf("problem %s, want %q", p, problems[i])
		}
	}
}

// A configuration that becomes bad is served as it was; one that never was good is
// served as a problem; what is no configuration is left out.
func TestConfigurationsAddedAndRemoved(t *testing.T) {
	d := newDirectory(t)
	d.want(nil, "no configuration of a WAN or of steering in this directory")

	d.wan("dsl.yaml", "dsl")
	d.write("grafana.yaml", "datasources: []\n")
	d.want([]string{"dsl"})
	if !strings.Contains(d.log.String(), "grafana.yaml") {
		t.Errorf("a file that is left out is not named:\n%s", &d.log)
	}

	d.write("lte.yaml", "wan_name: lte\nqueues: [\n")
	d.want([]string{"dsl", "lte.yaml!"}, "lte.yaml")
	d.wan("lte.yaml", "lte")
	d.want([]string{"dsl", "lte"})

	d.write("dsl.yaml", "wan_name: dsl\nqueues: [\n")
	d.want([]string{"dsl", "lte"}, "dsl.yaml")
	d.want([]string{"dsl", "lte"}, "dsl.yaml") // and so it stays

	if err := os.Remove(filepath.Join(d.path, "dsl.yaml")); err != nil {
		t.Fatal(err)
	}
	d.want([]string{"lte"})
}

func TestTwoOfOneName(t *testing.T) {
	d := newDirectory(t)
	d.wan("a.yaml", "dsl")
	d.wan("b.yaml", "dsl")
	d.want([]string{"dsl"}, "b.yaml: wan_name: dsl is the name in "+filepath.Join(d.path, "a.yaml")+" too")
}

// Of a loop that does not run, what it left is shown.
func TestSavedState(t *testing.T) {
	d := newDirectory(t)
	d.wan("dsl.yaml", "dsl")
	wans, _, err := d.read()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wans[0].State(); err == nil {
		t.Error("a state without a file")
	}
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	saved := state.WAN{
		BaselineRTT: 20 * time.Millisecond, LoadRTT: 26 * time.Millisecond, Timestamp: at,
		Download: state.Direction{CurrentRate: 80 * bitrate.Mbps, Applied: 80 * bitrate.Mbps},
		Upload:   state.Direction{CurrentRate: 8 * bitrate.Mbps, Applied: 8 * bitrate.Mbps},
	}
	if err := state.OpenWAN(filepath.Join(d.path, "dsl.json")).Save(saved); err != nil {
		t.Fatal(err)
	}
	got, err := wans[0].State()
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "dsl" || got.At == nil || !got.At.Equal(at) || *got.BaselineRTTMs != 20 || *got.LoadRTTMs != 26 || *got.ExcessMs != 6 {
		t.Errorf("%+v", got)
	}
	if d, u := *got.Download.CurrentRateMbps, *got.Upload.CurrentRateMbps; d != 80 || u != 8 {
		t.Errorf("limits of %v and %v Mbit/s, want 80 and 8", d, u)
	}
}
