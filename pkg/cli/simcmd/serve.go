package simcmd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/remote"
)

// readyInfo is what a script needs to know.
type readyInfo struct {
	Address        string `json:"address,omitempty"` // of REST
	Fingerprint    string `json:"tls_fingerprint,omitempty"`
	Control        string `json:"control,omitempty"`
	API            string `json:"api,omitempty"`
	APISSL         string `json:"api_ssl,omitempty"`
	SSH            string `json:"ssh,omitempty"`
	SSHFingerprint string `json:"ssh_fingerprint,omitempty"`
}

func serveSimulatedRouter(ctx context.Context, a *app.App, sim *simrouter.Router, o routerOptions) error {
	defer sim.Close()
	ready, err := startSimulatedRouter(ctx, a, sim, o)
	if err != nil {
		return err
	}
	if o.control != "" {
		addr, stop, err := serveControl(ctx, sim, o.control)
		if err != nil {
			return err
		}
		defer stop()
		ready.Control = addr
	}
	if err := printSimulatedRouter(a, ready, o); err != nil {
		return err
	}
	if o.readyFile != "" {
		if err := writeReady(o.readyFile, ready); err != nil {
			return err
		}
	}
	<-ctx.Done()
	if !a.Global.Quiet {
		if a.ErrTTY {
			fmt.Fprintln(a.Err) // after the ^C of the terminal
		}
		c := sim.Counts()
		fmt.Fprintf(a.Err, "%d requests on %d connections, %d changes, %d flash sectors written, %d logins, %d refused\n",
			c.Requests, c.Connections, c.Writes, c.WriteSectors, c.Logins, c.LoginFailures)
	}
	return nil
}

// startSimulatedRouter starts the services that have an address.
func startSimulatedRouter(ctx context.Context, a *app.App, sim *simrouter.Router, o routerOptions) (readyInfo, error) {
	for _, s := range o.services() {
		err := sim.StartService(ctx, s.kind, s.addr)
		switch {
		case err == nil:
		case slices.Contains(o.optional, s.kind):
			a.Warnf("%v; it is not served; choose another address with --%s", err, s.flag)
		default:
			return readyInfo{}, fmt.Errorf("%w; choose another address with --%s", err, s.flag)
		}
	}
	ready := readyInfo{
		Address:     sim.AddrOf(simrouter.WWWSSL) + sim.AddrOf(simrouter.WWW), // one of them at the most
		Fingerprint: sim.Fingerprint(),
		API:         sim.AddrOf(simrouter.API),
		APISSL:      sim.AddrOf(simrouter.APISSL),
		SSH:         sim.AddrOf(simrouter.SSH),
	}
	if ready.SSH != "" {
		ready.SSHFingerprint = sim.SSHFingerprint()
	}
	return ready, nil
}

// serveControl opens the control endpoint.
func serveControl(ctx context.Context, sim *simrouter.Router, addr string) (string, func(), error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return "", nil, fmt.Errorf("control endpoint: %w; choose another address with --control", err)
	}
	srv := &http.Server{Handler: remote.Handler(sim), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln) // ends by stop
	}()
	return ln.Addr().String(), func() {
		_ = srv.Close()
		<-done
	}, nil
}

// file is what scripts read: three lines without names, then lines with one.
func (r readyInfo) file() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n%s\n", r.Address, r.Fingerprint, r.Control)
	for _, line := range [][2]string{{"api", r.API}, {"api-ssl", r.APISSL}, {"ssh", r.SSH}, {"ssh-fingerprint", r.SSHFingerprint}} {
		if line[1] != "" {
			fmt.Fprintf(&b, "%s %s\n", line[0], line[1])
		}
	}
	return b.String()
}

// writeReady puts the file there at once, so that whoever waits for it never
// reads half of it.
func writeReady(path string, r readyInfo) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".ready-*")
	if err != nil {
		return fmt.Errorf("ready file: %w", err)
	}
	_, err = f.WriteString(r.file())
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("ready file: %w", err)
	}
	return nil
}
