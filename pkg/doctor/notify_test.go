package doctor

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/config"
)

func TestNotifyFaults(t *testing.T) {
	endpoint := ReceiverEndpoint{Key: "notify.webhook.url", Address: "ntfy.sh:443", Tried: true}
	for _, c := range []struct {
		name   string
		change func(*Notify)
		want   []string
	}{
		{"nobody", func(n *Notify) { n.Program, n.Endpoints = "", nil }, nil},
		{"fine", func(*Notify) {}, nil},
		{"not tried", func(n *Notify) { n.Endpoints[0].Tried = false }, nil},
		{"program", func(n *Notify) { n.ProgramErr = errors.New("/etc/wanctl/hook: no such file") },
			[]string{"warning notify: notify.command.path: no notification is sent by it: /etc/wanctl/hook: no such file; next: fix it, then: wanctl notify test --config /etc/wanctl/dsl.yaml"}},
		{"in a home", func(n *Notify) { n.Hidden = true }, []string{"warning notify: notify.command.path: /etc/wanctl/hook is out of sight"}},
		{"away", func(n *Notify) { n.Endpoints[0].Err = errors.New("connection refused") }, []string{"warning notify: notify.webhook.url: ntfy.sh:443 cannot be reached: connection refused"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &Notify{Path: "/etc/wanctl/dsl.yaml", Program: "/etc/wanctl/hook", Endpoints: []ReceiverEndpoint{endpoint}}
			c.change(n)
			judge(t, notifyChecks, n, c.want...)
		})
	}
}

// Nothing connects unless that is asked for, and no finding has the secret part of an
// address.
func TestReadNotify(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hook := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(hook, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := &config.Base{}
	b.Notify.Command.Path = hook
	b.Notify.Webhook.URL = config.NewSecret("http://user:s3cret@" + ln.Addr().String() + "/s3cret")
	b.Notify.MQTT.Broker = "mqtts://" + ln.Addr().String()
	_ = ln.Close() // a connection would be refused
	if n := readNotify(t.Context(), b, false); n.Endpoints[0].Tried || n.Endpoints[0].Err != nil || n.ProgramErr == nil {
		t.Errorf("got %+v", n)
	}
	n := readNotify(t.Context(), b, true)
	if len(n.Endpoints) != 2 || n.Endpoints[0].Err == nil || n.Endpoints[1].Err == nil || n.Endpoints[0].Address != ln.Addr().String() {
		t.Errorf("got %+v", n)
	}
	for _, r := range checkNotify(n) {
		if strings.Contains(r.Text+r.Next, "s3cret") {
			t.Errorf("a secret in %q", r.Text)
		}
	}
}
