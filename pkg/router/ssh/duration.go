package ssh

import (
	"regexp"
	"strconv"
	"strings"
)

// clock matches times as scripts print them: 6w5d11:55:45, 00:00:00.050.
var clock = regexp.MustCompile(`^((?:\d+w)?(?:\d+d)?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,9}))?$`)

// duration returns a time of a script in the form of RouterOS's other interfaces:
// 6w5d11h55m45s, 50ms. Other text is returned unchanged.
func duration(s string) string {
	parts := clock.FindStringSubmatch(s)
	if parts == nil {
		return s
	}
	var b strings.Builder
	b.WriteString(parts[1])
	fraction, _ := strconv.Atoi((parts[5] + "000000")[:6])
	for _, unit := range []struct{ value, suffix string }{
		{parts[2], "h"}, {parts[3], "m"}, {parts[4], "s"},
		{strconv.Itoa(fraction / 1000), "ms"}, {strconv.Itoa(fraction % 1000), "us"},
	} {
		if n := strings.TrimLeft(unit.value, "0"); n != "" {
			b.WriteString(n + unit.suffix)
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}
