package export

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

func TestSameValue(t *testing.T) {
	for _, tt := range []struct {
		want, have string
		same       bool
	}{
		{"yes", "true", true}, {"yes", "false", false}, {"500M", "500000000", true}, {"0.05", "0.050", true},
		{"0.05/0.05", "0.05/0.050", true}, {"0.05/0.05", "0.05", false}, {"a/b", "a/c", false},
		{"10.0.0.1/32", "10.0.0.1", true}, {"10.0.0.1/32", "10.0.0.0/24", false},
		{"10.0.0.1/32,::1/128", "::1;10.0.0.1", true}, {"10.0.0.1/32,::1/128", "::1", false},
		{"x", "", false}, {"", "x", false}, {"0", "", false},
	} {
		if got := sameValue(tt.want, tt.have); got != tt.same {
			t.Errorf("sameValue(%q, %q) = %t", tt.want, tt.have, got)
		}
	}
}

func TestDiffOfMenusThatAreNotShown(t *testing.T) {
	p := home()
	p.Style = Marks
	denied := fmt.Errorf("print: %w", router.ErrDenied)
	tests := []struct {
		name string
		read func(menu string) ([]rosdata.Row, error)
		want map[State]int
		err  error
	}{
		{"nothing there", func(string) ([]rosdata.Row, error) { return nil, nil }, map[State]int{Missing: 12}, nil},
		{"users are not shown, and there is no IPv6", func(menu string) ([]rosdata.Row, error) {
			switch {
			case menu == "/user":
				return nil, denied
			case strings.HasPrefix(menu, "/ipv6"):
				return nil, router.ErrUnsupported
			}
			return nil, nil
		}, map[State]int{Missing: 9, Unreadable: 3}, nil},
		{"nothing is shown", func(string) ([]rosdata.Row, error) { return nil, denied }, nil, router.ErrDenied},
		{"the connection is lost", func(menu string) ([]rosdata.Row, error) {
			if menu == "/queue/tree" {
				return nil, router.ErrUnreachable
			}
			return nil, nil
		}, nil, router.ErrUnreachable},
		{"FastTrack", func(menu string) ([]rosdata.Row, error) {
			rows := map[string][]rosdata.Row{
				"/ip/firewall/filter": {{"action": "accept"}, {"action": "fasttrack-connection", "disabled": "true"}, {"action": "fasttrack-connection"}},
				"/ipv6/firewall/filter": {{"action": "fasttrack-connection", "disabled": "true"},
					{"action": "fasttrack-connection", "dynamic": "true"}},
			}
			return rows[menu], nil
		}, map[State]int{Missing: 12, Different: 1}, nil},
		{"twice", func(menu string) ([]rosdata.Row, error) {
			if menu == "/ip/firewall/mangle" {
				r := rosdata.Row{"comment": "wanctl home: mark upload"}
				return []rosdata.Row{r, r}, nil
			}
			return nil, nil
		}, map[State]int{Missing: 11, Different: 1}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			findings, err := p.Diff(tt.read)
			if !errors.Is(err, tt.err) {
				t.Errorf("got error %v, want %v", err, tt.err)
			}
			var got map[State]int
			for _, f := range findings {
				if got == nil {
					got = map[State]int{}
				}
				got[f.State]++
				if f.State == Unreadable && (f.Err == nil || f.Needed()) {
					t.Errorf("%s: %v", f.Menu, f.Err)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDiffOfOtherQueues(t *testing.T) {
	types := []rosdata.Row{{"name": "my-cake", "kind": "cake"}, {"name": "default-small", "kind": "pfifo"}}
	tests := []struct {
		name   string
		style  Style
		queues []rosdata.Row
		want   map[string]State
	}{
		{"marks and a CAKE type of one's own", Tree, []rosdata.Row{
			{"name": "down", "parent": "bridge1", "packet-mark": "x", "queue": "my-cake", "bucket-size": "0.1"},
			{"name": "up", "parent": "ether1-wan", "packet-mark": "", "queue": "my-cake", "bucket-size": "0.05"}},
			map[string]State{"down": Tuned, "up": Tuned, "cake-down-home": Tuned, "cake-up-home": Tuned}},
		{"another parent", Tree, []rosdata.Row{
			{"name": "down", "parent": "global", "packet-mark": "x", "queue": "cake-down-home", "bucket-size": "0.05"},
			{"name": "up", "parent": "ether1-wan", "packet-mark": "no-mark", "queue": "cake-up-home", "bucket-size": "0.05", "invalid": "true"}},
			map[string]State{"down": Different, "up": Different, "cake-down-home": Missing, "cake-up-home": Missing}},
		{"no CAKE", Tree, []rosdata.Row{
			{"name": "down", "parent": "bridge1", "packet-mark": "no-mark", "queue": "default-small", "bucket-size": "0.05"}},
			map[string]State{"down": Different, "up": Missing, "cake-down-home": Missing, "cake-up-home": Missing}},
		{"simple queue with one type", Simple, []rosdata.Row{
			{"name": "both", "target": "ether1-wan", "queue": "my-cake/my-cake", "bucket-size": "0.1/0.1"}},
			map[string]State{"both": Tuned, "cake-down-home": Tuned, "cake-up-home": Tuned}},
		{"simple queue of the networks behind the interface", Simple, []rosdata.Row{
			{"name": "both", "target": "192.168.20.0/24,2001:db8::/56", "queue": "cake-down-home/cake-up-home", "bucket-size": "0.05/0.05"}},
			map[string]State{"both": Tuned, "cake-down-home": Missing, "cake-up-home": Missing}},
		{"simple queue of another interface", Simple, []rosdata.Row{
			{"name": "both", "target": "ether5", "queue": "cake-down-home/cake-up-home", "bucket-size": "0.05/0.05"}},
			map[string]State{"both": Different, "cake-down-home": Missing, "cake-up-home": Missing}},
		{"simple queue without CAKE one way", Simple, []rosdata.Row{
			{"name": "both", "target": "ether1-wan", "queue": "my-cake/default-small", "bucket-size": "0.05/0.05"}},
			map[string]State{"both": Different, "cake-down-home": Missing, "cake-up-home": Missing}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := home()
			p.Style, p.Simple, p.Users = tt.style, "both", nil
			findings, err := p.Diff(func(menu string) ([]rosdata.Row, error) {
				return map[string][]rosdata.Row{"/queue/type": types, "/queue/tree": tt.queues, "/queue/simple": tt.queues}[menu], nil
			})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]State{}
			for _, f := range findings {
				if f.Section == Queues || f.Section == QueueTypes {
					got[f.Properties()[f.Key]] = f.State
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDiffOfUsers(t *testing.T) {
	const needed = "read,write,ssh,api,rest-api,!telnet"
	tests := []struct {
		name   string
		users  []rosdata.Row
		groups []rosdata.Row
		want   map[string]State // by menu
	}{
		{"as exported", []rosdata.Row{{"name": "wanctl", "group": "wanctl", "address": "192.168.88.10"}}, []rosdata.Row{{"name": "wanctl", "policy": needed}},
			map[string]State{"/user": OK, "/user group": OK}},
		{"another group that will do", []rosdata.Row{{"name": "wanctl", "group": "full"}}, []rosdata.Row{{"name": "full", "policy": needed + ",reboot"}},
			map[string]State{"/user": Tuned, "/user group": Tuned}},
		{"another group that will not", []rosdata.Row{{"name": "wanctl", "group": "g"}}, []rosdata.Row{{"name": "g", "policy": "read,!write,ssh,api,rest-api"}},
			map[string]State{"/user": Different, "/user group": Missing}},
		{"disabled", []rosdata.Row{{"name": "wanctl", "group": "wanctl", "address": "192.168.88.10/32", "disabled": "true"}}, []rosdata.Row{{"name": "wanctl", "policy": needed}},
			map[string]State{"/user": Different, "/user group": OK}},
		{"a policy is missing", []rosdata.Row{{"name": "wanctl", "group": "wanctl", "address": ""}}, []rosdata.Row{{"name": "wanctl", "policy": "read;write;ssh;rest-api"}},
			map[string]State{"/user": Tuned, "/user group": Different}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			findings, err := home().Diff(func(menu string) ([]rosdata.Row, error) {
				return map[string][]rosdata.Row{"/user": tt.users, "/user/group": tt.groups}[menu], nil
			})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]State{}
			for _, f := range findings {
				if f.Section == Users {
					got[f.Menu] = f.State
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
