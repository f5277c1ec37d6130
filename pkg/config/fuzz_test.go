package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config/schema"
)

// invariants returns what a validated WAN must never be.
func invariants(w *WAN) []string {
	var broken []string
	hold := func(what string, ok bool) {
		if !ok {
			broken = append(broken, what)
		}
	}
	for name, d := range map[string]Direction{"download": w.Download, "upload": w.Upload} {
		hold(name+" floors in order", 0 < d.FloorRed && d.FloorRed <= d.FloorSoftRed && d.FloorSoftRed <= d.FloorYellow &&
			d.FloorYellow <= d.FloorGreen && d.FloorGreen <= d.Ceiling && d.Ceiling <= 100*bitrate.Gbps)
	}
	t := w.Thresholds
	hold("thresholds in order", 0 < t.TargetBloat && t.TargetBloat < t.WarnBloat && t.WarnBloat < t.HardRedBloat)
	hold("baseline bounds in order", 0 < t.BaselineMin && t.BaselineMin < t.BaselineMax)
	hold("baseline within bounds", w.BaselineInitial == 0 || t.BaselineMin <= w.BaselineInitial && w.BaselineInitial <= t.BaselineMax)
	hold("time constant", 50*time.Millisecond <= t.LoadTimeConstant && t.LoadTimeConstant <= 10*time.Second)
	hold("interval", 10*time.Millisecond <= w.Interval && w.Interval <= 5*time.Second)
	hold("1 to 64 reflectors", len(w.PingHosts) >= 1 && len(w.PingHosts) <= 64)
	hold("two queues", w.Queues.Download != w.Queues.Upload)
	hold("files", w.LockFile != "" && w.StateFile != "" && w.Logging.Main != "")
	hold("listeners", w.Health.Port >= 0 && w.Health.Port <= 65535 && w.Metrics.Port >= 0 && w.Metrics.Port <= 65535)
	hold("names of queues", strings.TrimSpace(w.Queues.Download) != "" && strings.TrimSpace(w.Queues.Upload) != "")
	words := append([]string{w.Name}, w.PingHosts...)
	words = append(words, w.Fallback.TCPTargets...)
	for _, r := range append([]Router{w.Router}, w.Router.Failover...) {
		hold("a port", r.Port >= 1 && r.Port <= 65535)
		hold("a transport", r.Transport == REST || r.Transport == API || r.Transport == SSH)
		hold("TLS where there is some", !r.TLS || r.Transport != SSH)
		words = append(words, r.Host, r.User)
	}
	for _, word := range words {
		hold("an argument: "+word, word != "" && word[0] != '-' && !strings.ContainsAny(word, " \n\x00"))
	}
	return broken
}

// No input panics; what is accepted holds the invariants; and what is printed
// of it loads again to the same.
//
// Run it with -fuzzminimizetime 10x: the seeds are long, and minimising them
// takes all the time there is otherwise.
func FuzzParse(f *testing.F) {
	names, err := filepath.Glob(configs + "/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
		f.Add(optional.ReplaceAllString(string(text), "$1$2"))
	}
	f.Add(minimal)
	f.Add(strings.Replace(minimal, "router:", "router: &r\n  <<: [*r, *r]\n  failover: [*r, api]", 1))
	opts := Options{LookupEnv: environment(map[string]string{"ROUTER_PASSWORD": "secret", "HOME": "/home/x"})}
	f.Fuzz(func(t *testing.T, text string) {
		wan, _, err := Parse(strings.NewReader(text), "f", opts)
		if err != nil {
			if strings.Contains(err.Error(), "secret") && !strings.Contains(text, "secret") {
				t.Fatalf("the password is in %q", err)
			}
			return
		}
		if broken := invariants(wan); broken != nil {
			t.Fatalf("accepted without %q", broken)
		}
		printed, err := schema.Marshal(Settings(wan, nil))
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := Parse(strings.NewReader(string(printed)), "f", Options{})
		if err != nil {
			t.Fatalf("printed, but does not load: %v\n%s", err, printed)
		}
		if diff := cmp.Diff(wan, again, cmp.Comparer(func(a, b Secret) bool { return a.IsSet() == b.IsSet() })); diff != "" {
			t.Fatalf("-first +again:\n%s\n%s", diff, printed)
		}
	})
}
