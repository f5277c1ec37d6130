package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/wanctl/wanctl/"

// layers lists, from the bottom up, which packages exist at each level. A
// package imports only lower levels; adapters never import each other.
var layers = map[string]int{
	"pkg/bitrate": 0, "pkg/units": 0, "pkg/backoff": 0, "pkg/redact": 0, "pkg/actuate": 0, "pkg/rtt": 0, "pkg/autorate": 0, "pkg/trace": 0, "pkg/steering": 0, "pkg/ha": 0, "pkg/sim/linksim": 0,
	"pkg/fleet/release": 0, "pkg/fleet/sshsig": 0,
	leaf:        0,
	"pkg/probe": 1, "pkg/router": 1, "pkg/state": 1, "pkg/config": 1, "pkg/telemetry": 1, "pkg/notify": 1, "pkg/fleet": 1, "pkg/sysd": 1, "pkg/ha/etcd": 1, "pkg/lab/netns": 1,
	"pkg/control": 2, "pkg/steerd": 2, "pkg/calibrate": 2, "pkg/daemon/supervisor": 2,
	"pkg/daemon": 3, "pkg/sim": 3, "pkg/lab": 3,
	"pkg/doctor": 4,
	"pkg/cli":    5,
	"cmd":        6,
}

// homes says which packages may import a library.
var homes = map[string][]string{
	"github.com/spf13/cobra":                   {"pkg/cli", "cmd"},
	"github.com/cpuguy83/go-md2man":            {"cmd"},
	"github.com/spf13/pflag":                   {"pkg/cli", "cmd"},
	"github.com/spf13/viper":                   {"pkg/config"},
	"go.yaml.in/yaml":                          {"pkg/config", "cmd/package"},
	"github.com/prometheus-community/pro-bing": {"pkg/probe"},
	"github.com/olekukonko/tablewriter":        {"pkg/cli/output"},
	"github.com/jszwec/csvutil":                {"pkg/cli/output"},
	"github.com/prometheus/client_golang":      {"pkg/telemetry"},
	"github.com/prometheus/client_model":       {"pkg/telemetry"},
	"github.com/prometheus/common":             {"pkg/telemetry"},
	"github.com/prometheus/exporter-toolkit":   {"pkg/config/web"},
	"github.com/coreos/go-systemd":             {"pkg/sysd"},
	"github.com/gofrs/flock":                   {"pkg/state"},
	"github.com/google/renameio":               {"pkg/state"},
	"github.com/go-routeros/routeros":          {"pkg/router/api"},
	"github.com/eclipse/paho.mqtt.golang":      {"pkg/notify/mqtt"},
	"github.com/mochi-mqtt/server":             {"pkg/notify/mqtt"},
	"github.com/nats-io/nats.go":               {"pkg/fleet"},
	"golang.org/x/crypto/ssh":                  {"pkg/router/ssh", "pkg/sim/simrouter", "pkg/fleet/sshsig"},
	"golang.org/x/crypto/bcrypt":               {"pkg/daemon"},
	"golang.org/x/term":                        {"pkg/cli"},

	module + "pkg/ha/etcd": {"pkg/daemon/owner", "pkg/ha/etcd"}, // as if it were one
}

// leaf is what every adapter shares and thus imports nothing of ours; it opens files, so
// that the pure packages must not import it.
const leaf = "pkg/regfile"

// pure packages reach no clock, no system and no network.
var impure = []string{"os", "net", "net/http", "log", "log/slog", "os/exec", "syscall"}

type pkg struct {
	ImportPath string
	Imports    []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// room returns the entry of layers that path belongs to, and its level.
func room(path string) (name string, level int, known bool) {
	rel := strings.TrimPrefix(path, module)
	for name := rel; name != ""; {
		if l, ok := layers[name]; ok {
			return name, l, true
		}
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			break
		}
		name = name[:i]
	}
	return rel, 0, false
}

func TestLayers(t *testing.T) {
	for _, p := range list(t) {
		name, level, known := room(p.ImportPath)
		path := strings.TrimPrefix(p.ImportPath, module)
		if !known {
			t.Errorf("%s has no level: add it to layers in this test", name)
			continue
		}
		for _, imp := range p.Imports {
			if strings.HasPrefix(imp, module) {
				other, otherLevel, _ := room(imp)
				if other != name && (otherLevel > level || otherLevel == level && level > 0) {
					t.Errorf("%s (level %d) imports %s (level %d)", name, level, other, otherLevel)
				}
				if level == 0 && other == leaf {
					t.Errorf("%s is pure but imports %s", name, leaf)
				}
				if level == 2 && otherLevel == 1 {
					t.Errorf("%s imports the adapter %s: use an interface of its own", name, other)
				}
			}
			for _, bad := range impure {
				if level == 0 && name != leaf && imp == bad {
					t.Errorf("%s is pure but imports %s", name, imp)
				}
			}
			for lib, allowed := range homes {
				if (imp == lib || strings.HasPrefix(imp, lib+"/")) && !within(path, allowed) {
					t.Errorf("%s imports %s, whose home is %s", path, imp, strings.Join(allowed, ", "))
				}
			}
		}
	}
}

func within(path string, allowed []string) bool {
	for _, a := range allowed {
		if path == a || strings.HasPrefix(path, a+"/") {
			return true
		}
	}
	return false
}
