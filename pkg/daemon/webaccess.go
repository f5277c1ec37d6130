package daemon

import (
	"crypto/tls"
	"net/http"
	"sync"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/web"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
)

// WebAccess is who may use a listener, by a web configuration that is read again at
// each reload. Its methods may be called from several goroutines.
type WebAccess struct {
	*supervisor.Access

	mu        sync.Mutex // protects the following fields
	path      string     // "": everybody, without TLS
	used      bool       // a listener was made, which keeps TLS or none
	encrypted bool
}

// NewWebAccess lets everybody in until Load has read the web configuration at path.
func NewWebAccess(path string) *WebAccess {
	return &WebAccess{Access: supervisor.NewAccess(), path: path}
}

// Load reads the web configuration. What cannot be used, or is not accepted, leaves
// all as it was. An error of the file is a *config.Error. accept may be nil.
func (w *WebAccess) Load(accept func(supervisor.Protection) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.load(accept)
}

func (w *WebAccess) load(accept func(supervisor.Protection) error) error {
	p := supervisor.Protection{}
	if w.path != "" {
		file, err := web.Load(w.path)
		if err != nil {
			return err
		}
		p = supervisor.Protection(*file)
	}
	if accept != nil {
		if err := accept(p); err != nil {
			return err
		}
	}
	if w.used && w.encrypted != (p.TLS != nil) {
		return config.ErrorAt(w.path, "tls_server_config", "TLS cannot be switched on or off while running; restart: systemctl restart 'wanctl*.service'")
	}
	w.Set(p)
	return nil
}

// Server returns a server that admits whom w does. It serves once the web configuration
// has been loaded, by Load or by itself.
func (w *WebAccess) Server(name, addr, setting string, handler http.Handler, logs *Logs) *supervisor.HTTPServer {
	s := supervisor.NewHTTPServer(name, addr, setting, w.Require(handler), logs.Main())
	s.UseTLS(func() (*tls.Config, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.used {
			if err := w.load(nil); err != nil {
				return nil, err
			}
			w.used, w.encrypted = true, w.Encrypted()
		}
		return w.TLS(), nil
	})
	return s
}

// Guard keeps web pages of other sites from reading what next serves, by names that they
// have rebound to this host. Where there are users, such a page does not have the password.
func (w *WebAccess) Guard(next http.Handler) http.Handler {
	guarded := supervisor.RejectRebinding(next)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.Closed() {
			next.ServeHTTP(rw, r)
			return
		}
		guarded.ServeHTTP(rw, r)
	})
}
