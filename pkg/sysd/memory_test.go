package sysd

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestMemoryMax(t *testing.T) {
	const unit = "0::/system.slice/system-wanctl.slice/wanctl@spectrum.service\n"
	for _, tt := range []struct {
		name   string
		cgroup string
		limits map[string]string // by directory below /sys/fs/cgroup
		want   int64
	}{
		{name: "no control groups"},
		{name: "unit", cgroup: unit, want: 134217728, limits: map[string]string{
			"system.slice": "max", "system.slice/system-wanctl.slice": "max",
			"system.slice/system-wanctl.slice/wanctl@spectrum.service": "134217728"}},
		{name: "slice with less", cgroup: unit, want: 67108864, limits: map[string]string{
			"system.slice": "67108864", "system.slice/system-wanctl.slice/wanctl@spectrum.service": "134217728"}},
		{name: "container", cgroup: "0::/\n", limits: map[string]string{"": "100000000"}, want: 100000000},
		{name: "no limit", cgroup: unit, limits: map[string]string{"system.slice": "max"}},
		{name: "damaged", cgroup: "0::/a\n", limits: map[string]string{"a": "-5", "": "x"}},
		{name: "first version", cgroup: "4:cpu,memory:/a/b\n1:name=systemd:/a\n0::/a\n", want: 134217728, limits: map[string]string{
			"memory": "9223372036854771712", "memory/a": "134217728", "memory/a/b": "9223372036854771712"}},
		{name: "outside of the namespace", cgroup: "0::/../../..\n", limits: map[string]string{"": "1000"}, want: 1000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := fstest.MapFS{}
			if tt.cgroup != "" {
				root["proc/self/cgroup"] = &fstest.MapFile{Data: []byte(tt.cgroup)}
			}
			for dir, text := range tt.limits {
				if dir != "" {
					dir += "/"
				}
				file := "memory.max"
				if strings.HasPrefix(dir, "memory/") {
					file = "memory.limit_in_bytes"
				}
				root["sys/fs/cgroup/"+dir+file] = &fstest.MapFile{Data: []byte(text + "\n")}
			}
			if got, ok := MemoryMax(root); got != tt.want || ok != (tt.want > 0) {
				t.Errorf("%d, %v, want %d", got, ok, tt.want)
			}
		})
	}
}
