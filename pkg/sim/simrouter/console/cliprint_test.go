package console

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const printFixture = `/interface add name=ether1 comment="INET Uplink"
/interface add name=bridge1 type=bridge disabled=yes
/queue tree
add name=WAN-Download-1 parent=bridge1 packet-mark=wan1-download max-limit=800M bucket-size=0.05 comment="with \"quotes\""
add name="two words" parent=global max-limit=480500k limit-at=499999 disabled=yes
/ip firewall mangle
add chain=prerouting action=mark-routing new-routing-mark=WAN2 passthrough=no comment="ADAPTIVE: Steer" src-address-list=LAT
add chain=forward disabled=yes
/ip firewall address-list
add list=L address=10.0.0.1 comment=static
add list=L address=10.0.0.2 timeout=1h
`

// TestPrint: what people see, in the forms of both major versions. A dot stands
// for each blank at the end of a line.
func TestPrint(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		width      int
		v6, v7     string
	}{
		{
			"detail with comments and flags", "/ip firewall mangle print", 0,
			`Flags: X - disabled, I - invalid, D - dynamic.
 0    ;;; ADAPTIVE: Steer
      chain=prerouting action=mark-routing log=no log-prefix="" passthrough=no new-routing-mark=WAN2 src-address-list=LAT.

 1 X  chain=forward action=accept log=no log-prefix="".

`, `Flags: X - disabled, I - invalid; D - dynamic.
 0   ;;; ADAPTIVE: Steer
     chain=prerouting action=mark-routing log=no log-prefix="" passthrough=no new-routing-mark=WAN2 src-address-list=LAT.

 1 X chain=forward action=accept log=no log-prefix="".

`,
		},
		{
			"wrapped, with counters", `/queue tree print stats detail where name~"WAN"`, 80,
			`Flags: X - disabled, I - invalid.
 0    ;;; with "quotes"
      name="WAN-Download-1" parent=bridge1 packet-mark=wan1-download
      queue=default-small limit-at=0 max-limit=800M priority=8 burst-limit=0
      burst-threshold=0 burst-time=0s bucket-size=0.050 bytes=0 dropped=0
      packet-rate=0 packets=0 queued-bytes=0 queued-packets=0 rate=0.

`, `Flags: X - disabled, I - invalid.
 0 ;;; with "quotes"
   name="WAN-Download-1" parent=bridge1 packet-mark=wan1-download
   queue=default-small limit-at=0 max-limit=800M priority=8 burst-limit=0
   burst-threshold=0 burst-time=0s bucket-size=0.050 bytes=0 dropped=0
   packet-rate=0 packets=0 queued-bytes=0 queued-packets=0 rate=0.

`,
		},
		{
			"nothing found in detail", `/queue tree print where name=nope`, 0,
			"Flags: X - disabled, I - invalid.\n", "Flags: X - disabled, I - invalid.\n",
		},
		{
			"terse", `/queue tree print terse where disabled`, 0,
			` 1 X name=two words parent=global packet-mark= queue=default-small limit-at=499999 max-limit=480500k priority=8 burst-limit=0 burst-threshold=0 burst-time=0s bucket-size=0.100.
`, `1 X name=two words parent=global packet-mark= queue=default-small limit-at=499999 max-limit=480500k priority=8 burst-limit=0 burst-threshold=0 burst-time=0s bucket-size=0.100.
`,
		},
		{
			"table", "/ip firewall address-list print", 0,
			`Flags: X - disabled, D - dynamic.
 #    LIST  ADDRESS   CREATION-TIME         TIMEOUT..
 0    ;;; static
      L     10.0.0.1  nov/23/2026 12:00:00...........
 1 D  L     10.0.0.2  nov/23/2026 12:00:00  1h.......
`, `Flags: D - DYNAMIC
Columns: LIST, ADDRESS, CREATION-TIME, TIMEOUT
#   LIST  ADDRESS   CREATION-TIME        TIMEOUT..
;;; static
0   L     10.0.0.1  2026-11-23 12:00:00...........
1 D L     10.0.0.2  2026-11-23 12:00:00  1h.......
`,
		},
		{
			"empty table", "/ip firewall address-list print where list=nope", 0,
			"Flags: X - disabled, D - dynamic.\n #    LIST  ADDRESS  CREATION-TIME  TIMEOUT..\n", "",
		},
		{
			"flags of a table", "/interface print", 0,
			`Flags: X - disabled, R - running.
 #    NAME     TYPE....
 0 R  ;;; INET Uplink
      ether1   bridge..
 1 XR bridge1  bridge..
`, `Flags: X - DISABLED, R - RUNNING
Columns: NAME, TYPE
#    NAME     TYPE....
;;; INET Uplink
0 R  ether1   bridge..
1 XR bridge1  bridge..
`,
		},
		{
			"of one row", "/system identity print", 0,
			"  name: MikroTik\n", "  name: MikroTik\n",
		},
		{
			"log", "/log print", 0,
			" nov/23/2026 12:00:00 script,info hello there\n", " 2026-11-23 12:00:00 script,info hello there\n",
		},
		{
			"properties asked for", `/queue tree print detail proplist=name,max-limit where name="two words"`, 0,
			"expected end of command (line 1 column 26)\n", `Flags: X - disabled, I - invalid.
 1 X name="two words" max-limit=480500k.

`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for v, want := range map[Version]string{{6, 49, 10}: tt.v6, {7, 22, 1}: tt.v7} {
				f := newFixture(t, Config{Version: v}, printFixture+":log info \"hello there\"")
				var got strings.Builder
				for line := range strings.Lines(f.m.Exec(Exec{Line: tt.line, Width: tt.width}).Output) {
					text := strings.TrimSuffix(line, "\r\n")
					bare := strings.TrimRight(text, " ")
					got.WriteString(bare + strings.Repeat(".", len(text)-len(bare)) + "\n")
				}
				if diff := cmp.Diff(want, got.String()); diff != "" {
					t.Errorf("version %v: -want +got\n%s", v, diff)
				}
			}
		})
	}
}

func TestPrintResource(t *testing.T) {
	f := newFixture(t, Config{Uptime: 90 * time.Second}, "")
	out := f.exec("/system resource print")
	for _, want := range []string{
		"                   uptime: 1m30s\n", "                  version: 7.22.1 (stable)\n", "                 cpu-load: 3%\n",
		"            cpu-frequency: 1400MHz\n", "              free-memory: 831.0MiB\n", "         write-sect-total: 572180\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestDisplayRate(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "1000": "1k", "480500000": "480500k", "499999999": "499999999", "500000000": "500M", "2000000000": "2G", "x": "x",
	} {
		if got := displayRate(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := display("max-limit", "10000000/30000000"); got != "10M/30M" {
		t.Errorf("got %s", got)
	}
}
