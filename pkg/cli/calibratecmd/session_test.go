package calibratecmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/calibrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// Limits that are lifted are restored, or it is an error for as long as they are not.
func TestRestore(t *testing.T) {
	const lost = `/queue tree set down name=away`
	for _, tt := range []struct {
		name    string
		fault   func(t *testing.T, run func(string), s *session)
		want    error
		recover string
	}{
		{name: "no fault"},
		{name: "a queue is renamed", want: router.ErrNotFound, recover: `/queue tree set away name=down`,
			fault: func(_ *testing.T, run func(string), _ *session) { run(lost) }},
		{name: "the journal is removed", fault: func(t *testing.T, _ func(string), s *session) {
			if err := os.Remove(s.journal.Path()); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "the journal is damaged", fault: func(t *testing.T, _ func(string), s *session) {
			if err := os.WriteFile(s.journal.Path(), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, r := openSession(t)
			run := func(script string) {
				t.Helper()
				if err := r.Run(script); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.SetLimits(t.Context(), [2]bitrate.Rate{2 * bitrate.Gbps, 100 * bitrate.Mbps}); err != nil {
				t.Fatal(err)
			}
			if tt.fault != nil {
				tt.fault(t, run, s)
			}
			if tt.want != nil {
				for range 3 {
					if err := s.Restore(t.Context()); !errors.Is(err, tt.want) {
						t.Fatalf("error %v, want %v", err, tt.want)
					}
				}
				run(tt.recover)
			}
			for range 2 {
				if err := s.Restore(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for name, want := range map[string]string{"down": "500000000", "up": "40000000"} {
				row, _ := r.State().Row("/queue/tree", "name", name)
				if limit, err := bitrate.Parse(row["max-limit"]); err != nil || fmt.Sprint(int64(limit)) != want {
					t.Errorf("limit of %s %s, want %s", name, row["max-limit"], want)
				}
			}
			if _, found, err := s.journal.Load(); found || err != nil {
				t.Errorf("journal found %v, error %v", found, err)
			}
		})
	}
}

func openSession(t *testing.T) (*session, *simrouter.Router) {
	t.Helper()
	r, err := simrouter.New(simrouter.Config{Script: `/interface add name=ether1 type=ether
/queue tree add name=down parent=global max-limit=500M; /queue tree add name=up parent=ether1 max-limit=40M
/user group add name=q policy=read,write,api,rest-api; /user add name=u group=q password=p
`})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.StartService(t.Context(), simrouter.API, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	dir := t.TempDir()
	text := fmt.Sprintf("wan_name: w\nrouter: {transport: api, host: 127.0.0.1, port: %s, user: u, password: p, tls: false}\n"+
		"queues: {download: down, upload: up}\nlock_file: %s\nstate_file: %s\n"+
		"continuous_monitoring: {baseline_rtt_initial: 9, download: {ceiling_mbps: 500, floor_mbps: 1}, upload: {ceiling_mbps: 40, floor_mbps: 1}}\n",
		r.Addr()[strings.LastIndex(r.Addr(), ":")+1:], filepath.Join(dir, "w.lock"), filepath.Join(dir, "w.json"))
	cfg, _, err := config.Parse(strings.NewReader(text), "w.yaml", config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := open(t.Context(), &app.App{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s, r
}

// Whatever ended a measurement first, that the limits are not restored is part of the
// error; and nothing is said twice.
func TestJoinedErrors(t *testing.T) {
	errLock, errRouter := errors.New("lock lost"), errors.New("router gone")
	notRestored := func(err error) error {
		return errors.Join(err, fmt.Errorf("%w: %w", calibrate.ErrNotRestored, errRouter))
	}
	ended := func(ctx context.Context) error { <-ctx.Done(); return nil }
	fails := func(context.Context) error { return errLock }
	for _, tt := range []struct {
		name        string
		measurement func(context.Context) error
		other       func(context.Context) error
		want        string
	}{
		{"all is well", func(context.Context) error { return nil }, ended, "<nil>"},
		{"the measurement fails", func(context.Context) error { return errRouter }, ended, "router gone"},
		{"the lock is lost", func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }, fails, "lock lost"},
		{"the lock is lost in a call to the router", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, fails, "lock lost"},
		{"the lock is lost, and the limits not restored", func(ctx context.Context) error { <-ctx.Done(); return notRestored(context.Cause(ctx)) }, fails,
			"lock lost\nthe limits could not be restored: router gone"},
		{"the same in a call to the router", func(ctx context.Context) error { <-ctx.Done(); return notRestored(nil) }, fails,
			"lock lost; the limits could not be restored: router gone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, err := together(t.Context(), func(ctx context.Context) (calibrate.Result, error) {
				return calibrate.Result{Bytes: 7}, tt.measurement(ctx)
			}, tt.other)
			if fmt.Sprint(err) != tt.want || res.Bytes != 7 {
				t.Errorf("error %v, want %s; result of %d bytes", err, tt.want, res.Bytes)
			}
			if errors.Is(err, calibrate.ErrNotRestored) != strings.Contains(tt.want, "restored") {
				t.Errorf("%v does not say whether the limits are restored", err)
			}
		})
	}
}
