package supervisor

import (
	"net"
	"net/http"
	"os"
	"strings"
)

// RejectRebinding serves requests on a loopback address only when they name this
// host: by an IP address, by localhost or by the name of the system. A foreign
// page whose name was made to resolve to this host (DNS rebinding) reads nothing.
// A listener that others can reach may have any name; TLS and passwords protect
// it.
func RejectRebinding(next http.Handler) http.Handler {
	own, err := os.Hostname()
	if err != nil {
		own = ""
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if OnLoopback(r) && !names(r.Host, own) {
			http.Error(w, "this listener answers to localhost and to IP addresses only; let a proxy in between send the header Host: localhost",
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// OnLoopback reports whether r came in on a loopback address, which only
// processes of this host reach.
func OnLoopback(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

// names reports whether the Host header asks for this host.
func names(host, own string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	return host == "" || // HTTP/1.0
		net.ParseIP(host) != nil ||
		host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		host == strings.ToLower(own)
}
