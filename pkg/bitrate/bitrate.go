// Package bitrate is a data rate in bits per second, parsed and formatted as network
// engineers and RouterOS write it.
//
// RouterOS counts bits with decimal suffixes (k = 1000, M = 1000², G = 1000³)
// and so does this package. There is no unit of bytes per second.
package bitrate

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Rate is a data rate in bit/s. The zero Rate means "no limit" to RouterOS.
type Rate int64

// Multiples of a bit per second.
const (
	Kbps Rate = 1_000
	Mbps Rate = 1_000_000
	Gbps Rate = 1_000_000_000
)

// FromMbps converts a rate in Mbit/s, rounding to the nearest bit per second.
func FromMbps(mbps float64) Rate { return Rate(math.Round(mbps * float64(Mbps))) }

// Mbps returns the rate in Mbit/s.
func (r Rate) Mbps() float64 { return float64(r) / float64(Mbps) }

// Clamp returns r bounded to [lo, hi].
func (r Rate) Clamp(lo, hi Rate) Rate { return max(lo, min(r, hi)) }

// String writes the rate as the RouterOS console does: the largest suffix
// that divides it exactly, so that Parse(r.String()) == r always holds.
func (r Rate) String() string {
	switch {
	case r == 0:
		return "0"
	case r%Gbps == 0:
		return strconv.FormatInt(int64(r/Gbps), 10) + "G"
	case r%Mbps == 0:
		return strconv.FormatInt(int64(r/Mbps), 10) + "M"
	case r%Kbps == 0:
		return strconv.FormatInt(int64(r/Kbps), 10) + "k"
	}
	return strconv.FormatInt(int64(r), 10)
}

// Human writes the rate rounded for reading, for example "482.1 Mbit/s".
func (r Rate) Human() string {
	abs := r
	if abs < 0 {
		abs = -abs
	}
	switch {
	case abs >= Gbps:
		return fmt.Sprintf("%.2f Gbit/s", float64(r)/float64(Gbps))
	case abs >= Mbps:
		return fmt.Sprintf("%.1f Mbit/s", r.Mbps())
	case abs >= Kbps:
		return fmt.Sprintf("%.0f kbit/s", float64(r)/float64(Kbps))
	}
	return fmt.Sprintf("%d bit/s", int64(r))
}

// Parse reads "480M", "0.48G", "1500k" or "480000000". Suffixes are decimal
// and either case is accepted. Negative, empty and non-finite rates, and
// fractions of a bit, are errors.
func Parse(s string) (Rate, error) {
	digits, unit := strings.TrimSpace(s), Rate(1)
	if n := len(digits); n > 0 {
		switch digits[n-1] {
		case 'k', 'K':
			unit = Kbps
		case 'm', 'M':
			unit = Mbps
		case 'g', 'G':
			unit = Gbps
		}
		if unit > 1 {
			digits = digits[:n-1]
		}
	}
	if !isDecimal(digits) {
		return 0, fmt.Errorf("rate %q: write bits per second, for example 480M, 0.48G or 480000000", s)
	}
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		if n > math.MaxInt64/int64(unit) {
			return 0, fmt.Errorf("rate %q is too large", s)
		}
		return Rate(n) * unit, nil
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil || f*float64(unit) > 1e15 {
		return 0, fmt.Errorf("rate %q is too large", s)
	}
	bits := math.Round(f * float64(unit))
	if math.Abs(bits-f*float64(unit)) > 1e-3 {
		return 0, fmt.Errorf("rate %q is not a whole number of bits per second", s)
	}
	return Rate(bits), nil
}

// isDecimal reports whether s is digits with at most one point inside.
func isDecimal(s string) bool {
	digits, points := 0, 0
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.':
			points++
		default:
			return false
		}
	}
	return digits > 0 && points <= 1 && s[0] != '.' && s[len(s)-1] != '.'
}
