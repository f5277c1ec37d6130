package value

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

var intervalUnits = []struct {
	suffix string
	d      time.Duration
}{
	{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour},
	{"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond},
}

// FormatInterval writes a duration the way RouterOS does: 6w5d11h, 100ms, 0s.
func FormatInterval(d time.Duration) string {
	if d <= 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range intervalUnits {
		if n := d / u.d; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + u.suffix)
			d -= n * u.d
		}
	}
	return b.String()
}

// ParseInterval reads 1h30m, 00:10:00, 250ms, or bare seconds.
func ParseInterval(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	if t, err := time.Parse("15:04:05", s); err == nil {
		return t.Sub(t.Truncate(24 * time.Hour)), true
	}
	var total time.Duration
	for s != "" {
		digits := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if digits <= 0 {
			return 0, false
		}
		n, err := strconv.ParseUint(s[:digits], 10, 31)
		if err != nil {
			return 0, false
		}
		s = s[digits:]
		end := strings.IndexFunc(s, func(r rune) bool { return r >= '0' && r <= '9' })
		if end < 0 {
			end = len(s)
		}
		i := slices.IndexFunc(intervalUnits, func(u struct {
			suffix string
			d      time.Duration
		}) bool {
			return u.suffix == s[:end]
		})
		if i < 0 {
			return 0, false
		}
		total += time.Duration(n) * intervalUnits[i].d
		s = s[end:]
	}
	return total, true
}

// scriptTime writes a duration as scripts do: 6w5d11:55:45, 00:00:00.05.
func scriptTime(d time.Duration) string {
	var b strings.Builder
	for _, u := range intervalUnits[:2] {
		if n := d / u.d; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + u.suffix)
			d -= n * u.d
		}
	}
	b.WriteString((time.Time{}).Add(d).Format("15:04:05"))
	if rest := d % time.Second; rest > 0 {
		b.WriteString(strings.TrimRight((time.Time{}).Add(rest).Format(".000000"), "0"))
	}
	return b.String()
}
