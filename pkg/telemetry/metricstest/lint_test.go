package metricstest

import (
	"strings"
	"testing"
)

func TestLint(t *testing.T) {
	good := "# HELP wanctl_x_total Things.\n# TYPE wanctl_x_total counter\nwanctl_x_total 1\n" +
		"# HELP wanctl_limit_bits_per_second A limit.\n# TYPE wanctl_limit_bits_per_second gauge\nwanctl_limit_bits_per_second 1\n"
	if wrong, err := Lint(good); err != nil || len(wrong) != 0 {
		t.Errorf("%v, %v", wrong, err)
	}
	for name, bad := range map[string]string{
		"no help":               "# TYPE wanctl_x gauge\nwanctl_x 1\n",
		"a counter that is one": "# HELP wanctl_x Things.\n# TYPE wanctl_x counter\nwanctl_x 1\n",
		"another unit":          "# HELP wanctl_x_ms Time.\n# TYPE wanctl_x_ms gauge\nwanctl_x_ms 1\n",
	} {
		if wrong, err := Lint(bad); err != nil || len(wrong) == 0 || !strings.HasPrefix(wrong[0], "wanctl_x") {
			t.Errorf("%s: %v, %v", name, wrong, err)
		}
	}
	if _, err := Lint("this is no page"); err == nil {
		t.Error("nonsense is fine")
	}
}
