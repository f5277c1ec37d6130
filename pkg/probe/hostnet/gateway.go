package hostnet

import (
	"bufio"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// Route flags of the kernel's tables.
const (
	routeUp      = 0x1
	routeGateway = 0x2
)

var errNoGateway = errors.New("no default route with a gateway")

// DefaultGateway returns the gateway of the default route as it is now, through
// iface unless that is empty. Where there is one for IPv4, IPv6 is not asked.
func DefaultGateway(iface string) (netip.Addr, error) {
	for _, table := range []struct {
		path  string
		parse func(io.Reader, string) (netip.Addr, bool)
	}{
		{"/proc/net/route", defaultGateway4},
		{"/proc/net/ipv6_route", defaultGateway6},
	} {
		f, err := os.Open(table.path)
		if err != nil {
			continue // no such family, or not Linux
		}
		addr, ok := table.parse(f, iface)
		_ = f.Close()
		if ok {
			return addr, nil
		}
	}
	return netip.Addr{}, errNoGateway
}

// defaultGateway4 reads the IPv4 routing table in the format of
// /proc/net/route and returns the gateway of the default route with the lowest
// metric, through iface unless that is empty.
func defaultGateway4(table io.Reader, iface string) (best netip.Addr, ok bool) {
	lowest := uint64(math.MaxUint64)
	for scan := bufio.NewScanner(table); scan.Scan(); {
		// Iface Destination Gateway Flags RefCnt Use Metric Mask ...
		f := strings.Fields(scan.Text())
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" || iface != "" && f[0] != iface {
			continue
		}
		flags, err1 := strconv.ParseUint(f[3], 16, 32)
		metric, err2 := strconv.ParseUint(f[6], 10, 32)
		raw, err3 := hex.DecodeString(f[2])
		if err1 != nil || err2 != nil || err3 != nil || len(raw) != 4 || flags&(routeUp|routeGateway) != routeUp|routeGateway {
			continue
		}
		if metric < lowest {
			// The kernel prints the address as a number of its byte order,
			// which is little-endian wherever this runs.
			best, lowest, ok = netip.AddrFrom4([4]byte{raw[3], raw[2], raw[1], raw[0]}), metric, true
		}
	}
	return best, ok
}

// defaultGateway6 is defaultGateway4 for the format of /proc/net/ipv6_route.
func defaultGateway6(table io.Reader, iface string) (best netip.Addr, ok bool) {
	const anywhere = "00000000000000000000000000000000"
	lowest := uint64(math.MaxUint64)
	for scan := bufio.NewScanner(table); scan.Scan(); {
		// destination length source length gateway metric refcnt use flags iface
		f := strings.Fields(scan.Text())
		if len(f) < 10 || f[0] != anywhere || f[1] != "00" || iface != "" && f[9] != iface {
			continue
		}
		raw, err1 := hex.DecodeString(f[4])
		metric, err2 := strconv.ParseUint(f[5], 16, 32)
		flags, err3 := strconv.ParseUint(f[8], 16, 32)
		if err1 != nil || err2 != nil || err3 != nil || flags&(routeUp|routeGateway) != routeUp|routeGateway {
			continue
		}
		addr, valid := netip.AddrFromSlice(raw)
		if !valid || !addr.Is6() || metric >= lowest {
			continue
		}
		if addr.IsLinkLocalUnicast() {
			addr = addr.WithZone(f[9])
		}
		best, lowest, ok = addr, metric, true
	}
	return best, ok
}
