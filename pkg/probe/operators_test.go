package probe

import (
	"fmt"
	"net/netip"
	"testing"
)

// BenchmarkOperators is what one changed address of one of 64 names costs.
func BenchmarkOperators(b *testing.B) {
	hosts, domains, addrs := make([]string, 64), make([]string, 64), make([]netip.Addr, 64)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("echo.example%d.co.uk", i)
		domains[i] = domain(hosts[i])
		addrs[i] = netip.AddrFrom4([4]byte{198, 18, byte(i), 1})
	}
	b.ReportAllocs()
	for b.Loop() {
		operators(hosts, domains, addrs)
	}
}
