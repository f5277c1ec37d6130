package export

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

func home() *Plan {
	return &Plan{
		Name: "home", Host: "192.168.88.1",
		Users: []User{{Name: "wanctl", Services: []Service{
			{Transport: "rest", TLS: true, Port: 443}, {Transport: "ssh", Port: 2222, Key: true}, {Transport: "rest", Port: 80}}}},
		From:         []string{"192.168.88.10/32"},
		Download:     Queue{Name: "down", Type: "cake-down-home", Ceiling: 500 * bitrate.Mbps},
		Upload:       Queue{Name: "up", Type: "cake-up-home", Ceiling: 38_500 * bitrate.Kbps},
		WANInterface: "ether1-wan", LANInterface: "bridge1",
	}
}

// commands are the lines of a script that are run.
func commands(t *testing.T, p *Plan) []string {
	t.Helper()
	var b strings.Builder
	if err := p.Script(&b); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(b.String()) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestScript(t *testing.T) {
	want := []string{
		`:if ([:len [/interface find name="ether1-wan"]] = 0) do={`, `:error "there is no interface ether1-wan"`, `}`,
		`:if ([:len [/interface find name="bridge1"]] = 0) do={`, `:error "there is no interface bridge1"`, `}`,
		`:if ([:len [/user group find name="wanctl"]] = 0) do={`,
		`/user group add name="wanctl" policy=read,write,api,rest-api,ssh comment="what wanctl needs"`, `}`,
		`:if ([:len [/user find name="wanctl"]] = 0) do={`,
		`/user add name="wanctl" group="wanctl" password="" address="192.168.88.10/32" disabled=yes comment="wanctl"`, `}`,
		`:if ([:len [/queue type find name="cake-down-home"]] = 0) do={`,
		`/queue type add name="cake-down-home" kind=cake cake-diffserv=diffserv4 cake-flowmode=dual-dsthost cake-nat=yes cake-wash=yes`, `}`,
		`:if ([:len [/queue type find name="cake-up-home"]] = 0) do={`,
		`/queue type add name="cake-up-home" kind=cake cake-diffserv=diffserv4 cake-flowmode=dual-srchost cake-nat=yes cake-ack-filter=filter`, `}`,
		`:if ([:len [/queue tree find name="down"]] = 0) do={`,
		`/queue tree add name="down" parent="bridge1" packet-mark=no-mark queue="cake-down-home" max-limit=500M bucket-size=0.05 comment="wanctl home"`, `}`,
		`:if ([:len [/queue tree find name="up"]] = 0) do={`,
		`/queue tree add name="up" parent="ether1-wan" packet-mark=no-mark queue="cake-up-home" max-limit=38500k bucket-size=0.05 comment="wanctl home"`, `}`,
	}
	if diff := cmp.Diff(want, commands(t, home())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestScriptVariants(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Plan)
		want   []string // in the script
		absent []string
	}{
		{"services", func(*Plan) {},
			[]string{"/ip service set www-ssl certificate=wanctl-tls disabled=no\n", "/ip service set ssh port=2222 disabled=no\n",
				"/ip service set www disabled=no\n", "/ip service webserver set rest-plain=yes rest-secure=yes\n", `public-key-file=wanctl.pub user="wanctl"`, `common-name="192.168.88.1"`},
			[]string{"from anywhere"}},
		{"password", func(p *Plan) { p.Users[0].Password = "pa$$" },
			[]string{`password="pa\$\$" address`}, []string{"disabled=yes", "disabled until"}},
		{"from anywhere", func(p *Plan) { p.From = nil }, []string{"from anywhere"}, []string{"address="}},
		{"admin is there already", func(p *Plan) { p.Users[0].Name = Admin }, []string{"www-ssl"}, []string{"/user add", "/user group add", "disabled until"}},
		{"two addresses", func(p *Plan) { p.From = append(p.From, "10.0.0.0/8") }, []string{`address="192.168.88.10/32,10.0.0.0/8"`}, nil},
		{"ssh alone wants no certificate", func(p *Plan) { p.Users[0].Services = p.Users[0].Services[1:2] },
			[]string{"policy=read,write,ssh "}, []string{"certificate", "rest-api"}},
		{"placeholders", func(p *Plan) { p.WANInterface, p.LANInterface = "", "" },
			[]string{`find name="WAN-INTERFACE"`, `:error "WAN-INTERFACE stands for`, "--lan-interface NAME", `parent="LAN-INTERFACE"`}, nil},
		{"every interface", func(p *Plan) { p.Style, p.LANInterface = Marks, Global }, []string{`parent="global"`}, []string{`find name="global"`}},
		{"no marks", func(*Plan) {}, []string{"--style marks instead where", `packet-mark=no-mark`}, []string{"mangle", "fasttrack", "cake-bandwidth="}},
		{"marks", func(p *Plan) { p.Style = Marks }, []string{
			`queue tree add name="down" parent="bridge1" packet-mark="home-download"`,
			`queue tree add name="up" parent="ether1-wan" packet-mark="home-upload"`,
			`/ip firewall mangle add chain=forward action=mark-packet in-interface="ether1-wan" new-packet-mark="home-download" passthrough=yes comment="wanctl home: mark download"`,
			`/ip firewall mangle add chain=postrouting action=mark-packet out-interface="ether1-wan" new-packet-mark="home-upload" passthrough=yes comment="wanctl home: mark upload"`,
			`/ipv6 firewall mangle add chain=forward action=mark-packet in-interface="ether1-wan" new-packet-mark="home-download"`,
			`/ipv6 firewall mangle add chain=postrouting action=mark-packet out-interface="ether1-wan" new-packet-mark="home-upload"`,
			"#   /ip firewall filter disable [find action=fasttrack-connection]\n"}, []string{"no-mark"}},
		{"simple queue of the WAN", func(p *Plan) { p.Style, p.Simple, p.LANInterface = Simple, "both", "" }, []string{
			`/queue simple add name="both" target="ether1-wan" queue="cake-down-home/cake-up-home" max-limit=500M/38500k bucket-size=0.05/0.05 comment="wanctl home"`,
			"# the download (", "#     simple: \"both\"\n#     target: wan\n", "action=fasttrack-connection"},
			[]string{"queue tree", "mangle", "LAN-INTERFACE"}},
		{"simple queue of the LAN", func(p *Plan) { p.Style, p.Simple, p.Target, p.WANInterface = Simple, "both", TargetLAN, "" }, []string{
			`/queue simple add name="both" target="bridge1" queue="cake-up-home/cake-down-home" max-limit=38500k/500M bucket`,
			"# the upload (", "#     target: lan\n"}, []string{"WAN-INTERFACE"}},
		{"simple queue for one direction", func(p *Plan) { p.Style, p.Simple, p.Download = Simple, "both", Queue{} }, []string{
			`queue="default-small/cake-up-home" max-limit=0/38500k`}, []string{"cake-down-home"}},
		{"upload alone", func(p *Plan) { p.Style, p.Download, p.LANInterface = Marks, Queue{}, "" },
			[]string{`name="up"`, "mark upload", "cake-up-home"}, []string{`name="down"`, "mark download", "cake-down-home", "LAN-INTERFACE", "ack-filter"}},
		{"download alone", func(p *Plan) { p.Upload, p.WANInterface = Queue{}, "" },
			[]string{`name="down"`}, []string{`name="up"`, "WAN-INTERFACE"}},
		{"one type for both", func(p *Plan) { p.Upload.Type = p.Download.Type },
			[]string{`name="cake-down-home" kind=cake cake-diffserv=diffserv4 cake-flowmode=triple-isolate cake-nat=yes cake-ack-filter=filter`}, []string{"dual-", "wash"}},
		{"probes", func(p *Plan) { p.Probes = &Probes{Source: "192.168.88.11", Gateway: "192.0.2.1"} }, []string{
			`/routing table add name="probe-home" fib comment="wanctl home: probes"`,
			`/ip route add dst-address=0.0.0.0/0 gateway="192.0.2.1" routing-table="probe-home" comment="wanctl home: probes"`,
			`/routing rule add src-address="192.168.88.11/32" action=lookup min-prefix=0 table=main comment="wanctl home: probes to other networks"`,
			`/routing rule add src-address="192.168.88.11/32" action=lookup-only-in-table table="probe-home" comment="wanctl home: probes"`},
			[]string{"The commands then are"}},
		{"probes over IPv6", func(p *Plan) { p.Probes = &Probes{Source: "2001:db8::5", Gateway: "pppoe-out1"} }, []string{
			`/ipv6 route add dst-address=::/0 gateway="pppoe-out1"`, `src-address="2001:db8::5/128"`}, []string{"/ip route"}},
		{"probes by an interface", func(p *Plan) { p.Probes = &Probes{Interface: "vlan20", Gateway: "192.0.2.1"} }, []string{
			`/routing rule add interface="vlan20" action=lookup-only-in-table`, `:error "there is no interface vlan20"`}, []string{"src-address="}},
		{"probes without a gateway", func(p *Plan) { p.Probes = &Probes{Source: "192.168.88.11"} }, []string{
			"# Its gateway is not known: export with --wan-gateway ADDRESS", `#   /ip route add dst-address=0.0.0.0/0 gateway="..." routing-table="probe-home"`,
			`#   /routing rule add src-address="192.168.88.11/32" action=lookup-only-in-table`}, []string{"\n  /routing"}},
		{"probes by an interface of the host", func(p *Plan) { p.Probes = &Probes{HostInterface: "eth0.20", Gateway: "192.0.2.1"} }, []string{
			`#   /ip route add dst-address=0.0.0.0/0 gateway="192.0.2.1" routing-table="probe-home"`,
			`# They leave the host by its interface "eth0.20"`, `export with --probe-source ADDRESS or --probe-interface NAME`}, []string{"\n  /routing", "gateway is not known"}},
		{"probes by a mark of the host", func(p *Plan) { p.Probes = &Probes{HostMark: 0x14, Gateway: "192.0.2.1"} }, []string{
			"# They have the mark 0x14, which only the host sees.", "#   ip rule add fwmark 0x14 lookup 120\n", `#   /routing rule add src-address=".../32" action=lookup-only-in-table`},
			[]string{"\n  /routing", "gateway is not known"}},
		{"symmetric line", func(p *Plan) { p.Upload.Ceiling = p.Download.Ceiling }, nil, []string{"ack-filter"}},
		{"steering", func(p *Plan) {
			p.Steering = &Steering{Alternate: "att", Comment: "steer it", Table: "to-att", List: "LAT", ForceList: "FORCE_OUT_ATT"}
		}, []string{
			`/routing table add name="to-att" fib`,
			`src-address-list="LAT" connection-state=new action=mark-connection new-connection-mark="steer-att" passthrough=yes disabled=yes comment="steer it"`,
			`in-interface="bridge1" dst-address-type=!local connection-mark="steer-att" action=mark-routing new-routing-mark="to-att"`,
			`src-address-list="FORCE_OUT_ATT"`, "gateway=... ",
		}, []string{"find routing-table"}},
		{"steering with a gateway", func(p *Plan) {
			p.LANInterface = Global
			p.Steering = &Steering{Alternate: "att", Comment: "steer it", Table: "to-att", List: "LAT", ForceList: "F", Gateway: "10.9.0.1"}
		}, []string{`[/ip route find routing-table="to-att"]`, `gateway="10.9.0.1"`, `in-interface-list="LAN"`}, []string{"gateway=..."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := home()
			tt.change(p)
			var b strings.Builder
			if err := p.Script(&b); err != nil {
				t.Fatal(err)
			}
			for _, s := range tt.want {
				if !strings.Contains(b.String(), s) {
					t.Errorf("%s is missing in\n%s", s, b.String())
				}
			}
			for _, s := range tt.absent {
				if strings.Contains(b.String(), s) {
					t.Errorf("%s is in\n%s", s, b.String())
				}
			}
		})
	}
}

func TestItemsAreFoundByTheirKey(t *testing.T) {
	p := home()
	p.Steering = &Steering{Alternate: "a", Comment: "c", Table: "t", List: "l", ForceList: "f", Gateway: "g"}
	seen := map[string]bool{}
	for _, i := range p.Items() {
		if !strings.Contains(i.Find(), " find "+i.Key+"=") {
			t.Errorf("%s has no %s", i.Add(), i.Key)
		}
		if seen[i.Find()] {
			t.Errorf("two items are found by %s", i.Find())
		}
		seen[i.Find()] = true
		if i.Properties()[i.Key] == "" {
			t.Errorf("%v has no %s", i.Properties(), i.Key)
		}
	}
}

var (
	quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	notes  = regexp.MustCompile(`(?m)^#.*\n`)
)

// FuzzScript checks that no name changes what is run: without comments and
// strings, the script is the same for every one.
func FuzzScript(f *testing.F) {
	for _, s := range []string{"x", `"; /system reboot; "`, "$[/system reboot]", "a\n/system reboot", "\\", "#", "}", "\r", "\u2028", "a\x00"} {
		f.Add(s)
	}
	skeleton := func(s string, style Style) string {
		p := &Plan{
			Name: s, Host: s, Users: []User{{Name: s, Password: s, Services: []Service{{Transport: "ssh", Key: true}, {Transport: "api", TLS: true}}}},
			From: []string{s}, Download: Queue{s, s, 100}, Upload: Queue{s, s, 90}, WANInterface: s, LANInterface: s,
			Style: style, Simple: s, Probes: &Probes{Source: s, Interface: s, Gateway: s, HostInterface: s},
			Steering: &Steering{s, s, s, s, s, s},
		}
		var b strings.Builder
		if err := p.Script(&b); err != nil {
			f.Fatal(err)
		}
		if err := p.RemoveScript(&b); err != nil {
			f.Fatal(err)
		}
		return quoted.ReplaceAllString(notes.ReplaceAllString(strings.ReplaceAll(b.String(), "\r", "\n"), ""), `""`)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" || s == Global || s == Admin || isIPv6(s) {
			t.Skip("another plan")
		}
		for _, style := range []Style{Tree, Marks, Simple} {
			if diff := cmp.Diff(skeleton("x", style), skeleton(s, style)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", s, diff)
			}
		}
	})
}

func TestRemoveScript(t *testing.T) {
	p := home()
	p.Simple = "both"
	var b strings.Builder
	if err := p.RemoveScript(&b); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		if line = strings.TrimSpace(line); strings.Contains(line, " remove ") {
			got = append(got, line)
		}
	}
	want := []string{
		`/ipv6 route remove [find where routing-table="probe-home" and comment="wanctl home: probes"]`,
		`/routing rule remove [find where comment="wanctl home: probes" and action=lookup-only-in-table]`,
		`/routing rule remove [find where comment="wanctl home: probes to other networks" and action=lookup]`,
		`/ip route remove [find where routing-table="probe-home" and comment="wanctl home: probes"]`,
		`/routing table remove [find where name="probe-home" and comment="wanctl home: probes"]`,
		`/ipv6 firewall mangle remove [find where comment="wanctl home: mark upload" and action=mark-packet and new-packet-mark="home-upload"]`,
		`/ipv6 firewall mangle remove [find where comment="wanctl home: mark download" and action=mark-packet and new-packet-mark="home-download"]`,
		`/ip firewall mangle remove [find where comment="wanctl home: mark upload" and action=mark-packet and new-packet-mark="home-upload"]`,
		`/ip firewall mangle remove [find where comment="wanctl home: mark download" and action=mark-packet and new-packet-mark="home-download"]`,
		`/queue simple remove [find where name="both" and comment="wanctl home"]`,
		`/queue tree remove [find where name="up" and comment="wanctl home"]`,
		`/queue tree remove [find where name="down" and comment="wanctl home"]`,
		`/queue type remove [find where name="cake-up-home" and kind=cake and cake-diffserv=diffserv4 and cake-flowmode=dual-srchost]`,
		`/queue type remove [find where name="cake-down-home" and kind=cake and cake-diffserv=diffserv4 and cake-flowmode=dual-dsthost]`,
		`/user remove [find where name="wanctl" and comment="wanctl"]`,
		`/user group remove [find where name="wanctl" and comment="what wanctl needs"]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
