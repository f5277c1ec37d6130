package ssh_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// A link-local address has a zone, also in the file of known hosts. The loopback
// address takes one as well.
func TestAddressWithAZone(t *testing.T) {
	r, host, port := routertest.StartZoned(t, simrouter.SSH)
	cfg := config(r)
	cfg.Host, cfg.Port = host, port
	if _, err := newClient(t, cfg).Queue(t.Context(), routertest.Download); err != nil {
		t.Error(err)
	}

	cfg.Fingerprint, cfg.KnownHosts = "", filepath.Join(t.TempDir(), "known_hosts")
	_, err := newClient(t, cfg).Queue(t.Context(), routertest.Download)
	if !errors.Is(err, router.ErrCertificate) || !strings.Contains(err.Error(), "ssh-keyscan -p "+strconv.Itoa(port)+" "+host+" >>") {
		t.Errorf("unknown host: %v", err)
	}
	line := knownhosts.Line([]string{"[" + host + "]:" + strconv.Itoa(port)}, r.SSHHostKey())
	if err := os.WriteFile(cfg.KnownHosts, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newClient(t, cfg).Queue(t.Context(), routertest.Download); err != nil {
		t.Errorf("known host: %v", err)
	}
}
