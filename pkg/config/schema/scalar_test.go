package schema

import (
	"strings"
	"testing"
)

func TestParseScalar(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, tt := range []struct {
		name string
		kind Kind
		in   string
		want string // "" is an error
	}{
		{"name", Identifier, "WAN-Download_1.2", "WAN-Download_1.2"},
		{"longest name", Identifier, long + "b", long + "b"},
		{"name too long", Identifier, long + "bc", ""},
		{"name with a dash in front", Identifier, "-x", ""},
		{"name with a slash", Identifier, "a/b", ""},
		{"name with a line break", Identifier, "a\n", ""},
		{"name of dots", Identifier, "..", ""},
		{"no name", Identifier, "", ""},
		{"comment on the router", RouterName, "wanctl: steer to ATT", "wanctl: steer to ATT"},
		{"longest queue", RouterName, strings.Repeat("ü", 128), strings.Repeat("ü", 128)},
		{"queue too long", RouterName, strings.Repeat("a", 129), ""},
		{"queue with blanks around", RouterName, " Glasfaser (oben) ", " Glasfaser (oben) "},
		{"comment with a dash in front", RouterName, "-x", "-x"},
		{"comment of script", RouterName, `a"b; $x ]`, `a"b; $x ]`},
		{"blank comment", RouterName, "  ", ""},
		{"no comment", RouterName, "", ""},
		{"comment of two lines", RouterName, "a\nb", ""},
		{"comment in another encoding", RouterName, "\xfc", ""},
		{"IPv4", Host, "192.168.88.1", "192.168.88.1"},
		{"IPv6", Host, "2001:db8::1", "2001:db8::1"},
		{"IPv6 with a zone", Host, "fe80::1%eth0.10", "fe80::1%eth0.10"},
		{"IPv6 with an odd zone", Host, "fe80::1%-x", ""},
		{"host name", Host, "router.lan.", "router.lan."},
		{"host name with underscore", Host, "my_router", "my_router"},
		{"longest label", Host, long + ".lan", long + ".lan"},
		{"label too long", Host, long + "b.lan", ""},
		{"host name too long", Host, strings.Repeat("a.", 128) + "b", ""},
		{"IPv4 out of range", Host, "192.168.88.256", ""},
		{"IPv4 too short", Host, "1.1.1", ""},
		{"number", Host, "3232258049", ""},
		{"option", Host, "-f", ""},
		{"label with a dash in front", Host, "a.-b", ""},
		{"empty label", Host, "a..b", ""},
		{"brackets", Host, "[::1]", ""},
		{"port", Host, "router:443", ""},
		{"URL", Host, "https://router", ""},
		{"no host", Host, "", ""},
		{"dot", Host, ".", ""},
		{"address", Address, "192.168.88.10", "192.168.88.10"},
		{"address in another spelling", Address, "2001:DB8:0::1", "2001:db8::1"},
		{"no address", Address, "router", ""},
		{"interface", Interface, "eth0.10@if2", "eth0.10@if2"},
		{"interface too long", Interface, "abcdefghijklmnop", ""},
		{"interface like an option", Interface, "-i", ""},
		{"interface with a slash", Interface, "../x", ""},
		{"user", User, "wanctl@home", "wanctl@home"},
		{"user like an option", User, "-l", ""},
		{"user with a space", User, "a b", ""},
		{"user with a control character", User, "a\x1b[0m", ""},
		{"no user", User, "", ""},
		{"certificate", TLSHash, strings.Repeat("AB:", 31) + "ab", strings.Repeat("ab", 32)},
		{"SHA-1", TLSHash, strings.Repeat("ab", 20), ""},
		{"no hex", TLSHash, strings.Repeat("xy", 32), ""},
		{"host key", SSHHash, "SHA256:" + strings.Repeat("A", 43) + "=", "SHA256:" + strings.Repeat("A", 43)},
		{"short host key", SSHHash, "SHA256:AAAA", ""},
		{"user too long", User, strings.Repeat("a", 65), ""},
		{"a kind that needs more than a text", HostList, "1.1.1.1", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseScalar(tt.kind, tt.in)
			if (err != nil) != (tt.want == "") || err == nil && got != tt.want {
				t.Errorf("ParseScalar(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestCheckTarget(t *testing.T) {
	for in, want := range map[string]string{
		"1.1.1.1:443":     "1.1.1.1:443",
		"dns.google:0853": "dns.google:853",
		"[::1]:80":        "[::1]:80",
		"::1:80":          "",
		"1.1.1.1":         "",
		"1.1.1.1:0":       "",
		"1.1.1.1:65536":   "",
		"1.1.1.1:http":    "",
		"-x:80":           "",
		":80":             "",
		"":                "",
	} {
		if got, err := checkTarget(in); (err != nil) != (want == "") || err == nil && got != want {
			t.Errorf("checkTarget(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}
