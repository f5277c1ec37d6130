package rosdata

import (
	"net/netip"
	"strings"
	"testing"
)

func TestNormalAddress(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"address", "192.168.88.50", "192.168.88.50"},
		{"host prefix", "192.168.88.50/32", "192.168.88.50"},
		{"prefix", "10.0.0.0/8", "10.0.0.0/8"},
		{"prefix with host bits", "10.1.2.3/8", "10.0.0.0/8"},
		{"everything", "0.0.0.0/0", "0.0.0.0/0"},
		{"range", "10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"},
		{"range that is a prefix", "192.168.0.0-192.168.1.255", "192.168.0.0/23"},
		{"range that is everything", "0.0.0.0-255.255.255.255", "0.0.0.0/0"},
		{"range of one", "10.0.0.1-10.0.0.1", "10.0.0.1"},
		{"range as long as a prefix, but beside its bounds", "10.0.0.1-10.0.0.2", "10.0.0.1-10.0.0.2"},
		{"IPv6", "2001:DB8:0::1", "2001:db8::1/128"},
		{"IPv6 prefix", "2001:db8::1/32", "2001:db8::/32"},
		{"IPv6 range", "2001:db8::-2001:db8::ff", "2001:db8::/120"},
		{"IPv4 in IPv6", "::ffff:10.0.0.1", "::ffff:10.0.0.1/128"},
		{"host name", "updates.example.com", "updates.example.com"},
		{"host name with dashes", "a-b.my-site.example", "a-b.my-site.example"},
		{"host name of digits", "10.20.30.example", "10.20.30.example"},
		{"host name with root", "example.com.", "example.com."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := NormalAddress(tt.in)
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestNormalAddressRefuses(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"empty", "", "is empty"},
		{"flag", "-rf", "begins with a dash"},
		{"range without a beginning", "-10.0.0.1", "begins with a dash"},
		{"octet", "10.0.0.256", "not an address"},
		{"short", "10.0.1", "not an address"},
		{"leading zero", "010.0.0.1", "not an address"},
		{"prefix length", "10.0.0.0/33", "not a prefix"},
		{"mask", "10.0.0.0/255.0.0.0", "not a prefix"},
		{"range backwards", "10.0.0.9-10.0.0.1", "ends before it begins"},
		{"range of two kinds", "10.0.0.1-::1", "one end of the range is IPv4"},
		{"range with an open end", "10.0.0.1-", "one end of the range"},
		{"range of octets", "10.0.0.1-9", "one end of the range"},
		{"zone", "fe80::1%ether1", "zone"},
		{"word", "console", "with its domain"},
		{"space", "a b.example", "characters of a host name"},
		{"two", "10.0.0.1,10.0.0.2", "not an address"},
		{"quote", `x".example`, "characters of a host name"},
		{"line", "a.example\n", "characters of a host name"},
		{"no label", "a..example", "between its dots"},
		{"dash at an end", "a-.example", "begins or ends with a dash"},
		{"too long", strings.Repeat("a.", 130) + "example", "too long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := NormalAddress(tt.in)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, %v, want an error with %q", got, err, tt.want)
			}
		})
	}
}

// FuzzNormalAddress checks that normal form is stable, harmless, and covers the
// addresses that were written.
func FuzzNormalAddress(f *testing.F) {
	for _, s := range []string{"192.168.0.0-192.168.1.255", "10.1.2.3/8", "::1", "a-b.example", "-x", "10.0.0.1-9", "::-::ff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := NormalAddress(s)
		if err != nil {
			return
		}
		if again, err := NormalAddress(got); err != nil || again != got {
			t.Fatalf("%q became %q, and that %q, %v", s, got, again, err)
		}
		if strings.HasPrefix(got, "-") || strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"\$?;=`, r) }) {
			t.Fatalf("%q became %q", s, got)
		}
		if a, err := netip.ParseAddr(s); err == nil {
			if got != s && got != a.String()+"/128" {
				t.Fatalf("%q became %q", s, got)
			}
		}
	})
}
