//go:build linux

package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The devices. Every one sends packets of one segment only (gso_max_segs 1): a
// queue that is measured in milliseconds must not be filled by packets of 64 kB.
// Fixed addresses and permanent neighbours keep ARP out of the queues.
const (
	routerLAN = "lan" // to the client
	routerWAN = "wan" // to the modem
	modemLAN  = "lan" // to the router
	tunName   = "wan" // the line, at the modem and at the server

	clientMAC    = "02:00:00:00:00:01"
	routerLANMAC = "02:00:00:00:00:02"
	routerWANMAC = "02:00:00:00:00:03"
	modemMAC     = "02:00:00:00:00:04"
)

// sysctls apply in every namespace: IPv4 alone, forwarding, nothing remembered
// from one TCP connection to the next, unprivileged ping, and windows that fill
// the modem's queue.
func sysctls() map[string]string {
	return map[string]string{
		"ipv6/conf/all/disable_ipv6":       "1",
		"ipv4/conf/all/rp_filter":          "0",
		"ipv4/conf/default/rp_filter":      "0",
		"ipv4/ip_forward":                  "1",
		"ipv4/tcp_no_metrics_save":         "1",
		"ipv4/ping_group_range":            "0 2147483647",
		"ipv4/tcp_rmem":                    "4096 131072 8388608",
		"ipv4/tcp_wmem":                    "4096 65536 8388608",
		"ipv4/conf/default/send_redirects": "0",
		"ipv4/conf/all/send_redirects":     "0",
	}
}

// connect makes the devices, addresses and routes.
func (l *Lab) connect(ctx context.Context) error {
	for i := range l.ns {
		if err := l.Do(Namespace(i), setSysctls); err != nil {
			return err
		}
	}
	const veth = " gso_max_segs 1 txqueuelen 1000 "
	var reflectors strings.Builder
	for _, addr := range append(Reflectors(), ServerAddr, PingerAddr) {
		fmt.Fprintf(&reflectors, "addr add %s/32 dev lo\n", addr)
	}
	for _, step := range []struct {
		ns    Namespace
		lines string
	}{
		{Router, "link add " + routerLAN + veth + "address " + routerLANMAC + " type veth peer name eth0" + veth +
			"address " + clientMAC + " netns " + l.ns[Client].Path + "\n" +
			"link add " + routerWAN + veth + "address " + routerWANMAC + " type veth peer name " + modemLAN + veth +
			"address " + modemMAC + " netns " + l.ns[Modem].Path + "\n"},
		{Client, `
link set lo up
addr add 192.0.2.2/24 dev eth0
link set eth0 up
neigh add 192.0.2.1 lladdr ` + routerLANMAC + ` dev eth0 nud permanent
route add default via 192.0.2.1
`},
		{Router, `
link set lo up
addr add 192.0.2.1/24 dev lan
addr add 198.51.100.2/30 dev wan
link set lan up
link set wan up
neigh add 192.0.2.2 lladdr ` + clientMAC + ` dev lan nud permanent
neigh add 198.51.100.1 lladdr ` + modemMAC + ` dev wan nud permanent
route add default via 198.51.100.1
`},
		{Modem, `
link set lo up
addr add 198.51.100.1/30 dev lan
addr add 198.51.100.5 peer 198.51.100.6 dev wan
link set lan up
link set wan up mtu 1500 txqueuelen 1000 gso_max_segs 1
neigh add 198.51.100.2 lladdr ` + routerWANMAC + ` dev lan nud permanent
route add 192.0.2.0/24 via 198.51.100.2
route add default via 198.51.100.6
`},
		{Server, `
link set lo up
addr add 198.51.100.6 peer 198.51.100.5 dev wan
link set wan up mtu 1500 txqueuelen 1000 gso_max_segs 1
route add default via 198.51.100.5
` + reflectors.String()},
	} {
		if err := l.batch(ctx, step.ns, "ip", step.lines); err != nil {
			return fmt.Errorf("connecting the lab: %w", err)
		}
	}
	return nil
}

// setSysctls runs on the namespace's thread: /proc/sys/net is that thread's.
func setSysctls() error {
	for name, value := range sysctls() {
		if err := os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0); err != nil {
			return fmt.Errorf("setting up namespace: %w", err)
		}
	}
	return nil
}
