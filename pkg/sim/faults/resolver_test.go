package faults

import (
	"errors"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

const dnsKinds = `good (the reflectors for every name), silent, nxdomain, servfail, elsewhere (addresses that nobody has), garbage`

// resolver is a DNS server with faults. The name of a reflector is reflector-N.example,
// and its addresses those of all, the Nth first.
type resolver struct {
	conn net.PacketConn
	done chan struct{}

	mu   sync.Mutex // protects the following field
	kind string
}

func startResolver(addr string) (*resolver, error) {
	conn, err := net.ListenPacket("udp4", addr) //nolint:noctx // it ends with the run
	if err != nil {
		return nil, err
	}
	r := &resolver{conn: conn, done: make(chan struct{}), kind: "good"}
	go func() {
		defer close(r.done)
		for query := make([]byte, 1500); ; {
			n, from, err := conn.ReadFrom(query)
			if err != nil {
				return
			}
			if answer, err := r.answer(query[:n]); err == nil {
				_, _ = conn.WriteTo(answer, from) // the client asks again
			}
		}
	}()
	return r, nil
}

func (r *resolver) close() {
	_ = r.conn.Close()
	<-r.done
}

func (r *resolver) set(kind string) error {
	switch kind {
	case "good", "silent", "nxdomain", "servfail", "elsewhere", "garbage":
	default:
		return errors.New("no such kind; there are: " + dnsKinds)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kind = kind
	return nil
}

// answer returns the answer to a query, or an error for none.
func (r *resolver) answer(query []byte) ([]byte, error) {
	r.mu.Lock()
	kind := r.kind
	r.mu.Unlock()
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		return nil, errors.Join(errors.New("not a query"), err)
	}
	m.Response, m.Additionals = true, nil
	q := m.Questions[0]
	addrs := reflectors
	switch kind {
	case "silent":
		return nil, errors.New("silent")
	case "garbage":
		return append(query[:2:2], "no answer of a resolver"...), nil
	case "nxdomain":
		m.RCode = dnsmessage.RCodeNameError
		return m.Pack()
	case "servfail":
		m.RCode = dnsmessage.RCodeServerFailure
		return m.Pack()
	case "elsewhere":
		addrs = []string{"203.0.113.99"}
	}
	if q.Type != dnsmessage.TypeA {
		return m.Pack()
	}
	first := 0
	if name := q.Name.String(); len(name) > len("reflector-") {
		first = int(name[len("reflector-")]-'1') % len(addrs)
	}
	for i := range addrs {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
			Body:   &dnsmessage.AResource{A: netip.MustParseAddr(addrs[(first+i)%len(addrs)]).As4()},
		})
	}
	return m.Pack()
}
