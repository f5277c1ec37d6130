package daemon

import (
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/web"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
)

// WebAccess is who may use a listener, by a web configuration that is read again at
// each reload.
type WebAccess struct {
	*supervisor.Access

	path      string // "": everybody, without TLS
	used      bool   // a listener was made, which keeps TLS or none
	encrypted bool
}

// NewWebAccess lets everybody in until Load has read the web configuration at path.
func NewWebAccess(path string) *WebAccess {
	return &WebAccess{Access: supervisor.NewAccess(), path: path}
}

// Load reads the web configuration. What cannot be used, or is not accepted, leaves
// all as it was. An error of the file is a *config.Error. accept may be nil.
func (w *WebAccess) Load(accept func(supervisor.Protection) error) error {
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

// Protect has a listener, which does not run yet, encrypt its connections. Its
// handler must be one that Require returned.
func (w *WebAccess) Protect(s *supervisor.HTTPServer) {
	w.used, w.encrypted = true, w.Encrypted()
	if w.encrypted {
		s.UseTLS(w.TLS())
	}
}
