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
		`/queue tree add name="down" parent="bridge1" packet-mark="home-download" queue="cake-down-home" max-limit=500M bucket-size=0.05 comment="wanctl home"`, `}`,
		`:if ([:len [/queue tree find name="up"]] = 0) do={`,
		`/queue tree add name="up" parent="ether1-wan" packet-mark="home-upload" queue="cake-up-home" max-limit=38500k bucket-size=0.05 comment="wanctl home"`, `}`,
		`:if ([:len [/ip firewall mangle find comment="wanctl home: mark download"]] = 0) do={`,
		`/ip firewall mangle add chain=forward action=mark-packet in-interface="ether1-wan" new-packet-mark="home-download" passthrough=yes comment="wanctl home: mark download"`, `}`,
		`:if ([:len [/ip firewall mangle find comment="wanctl home: mark upload"]] = 0) do={`,
		`/ip firewall mangle add chain=postrouting action=mark-packet out-interface="ether1-wan" new-packet-mark="home-upload" passthrough=yes comment="wanctl home: mark upload"`, `}`,
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
				"/ip service set www disabled=no\n", `public-key-file=wanctl.pub user="wanctl"`, `common-name="192.168.88.1"`},
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
		{"every interface", func(p *Plan) { p.LANInterface = Global }, []string{`parent="global"`}, []string{`find name="global"`}},
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
	skeleton := func(s string) string {
		p := &Plan{
			Name: s, Host: s, Users: []User{{Name: s, Password: s, Services: []Service{{Transport: "ssh", Key: true}, {Transport: "api", TLS: true}}}},
			From: []string{s}, Download: Queue{s, s, 100}, Upload: Queue{s, s, 90}, WANInterface: s, LANInterface: s,
			Steering: &Steering{s, s, s, s, s, s},
		}
		var b strings.Builder
		if err := p.Script(&b); err != nil {
			f.Fatal(err)
		}
		return quoted.ReplaceAllString(notes.ReplaceAllString(strings.ReplaceAll(b.String(), "\r", "\n"), ""), `""`)
	}
	want := skeleton("x")
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" || s == Global || s == Admin {
			t.Skip("another plan")
		}
		if diff := cmp.Diff(want, skeleton(s)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", s, diff)
		}
	})
}
