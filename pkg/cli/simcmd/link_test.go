package simcmd

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/sim/linksim/controllers"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

// Interrupted, the matrix keeps what is done and drops what is half done.
func TestSimMatrixPrintsWhatIsDone(t *testing.T) {
	s, _ := scenario.Find("fixed-download")
	law, _ := controllers.Find("fixed")
	m := matrix{
		scenarios: []scenario.Scenario{s}, laws: []controllers.Law{law}, routers: simrun.Routers()[:1],
		seeds: make([]uint64, 50), parallel: 2,
	}
	cells := m.cells()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := m.run(ctx, cells, func(done int) {
		if done == 3 {
			cancel()
		}
	})
	if done < 3 || done > 3+m.parallel {
		t.Errorf("%d runs done after an interrupt at the third", done)
	}
	if rows := scoreRows(cells); len(rows) != 1 || rows[0].Seeds != done {
		t.Errorf("rows %+v, want one of %d runs", rows, done)
	}
}

func TestSimProgressIsForPeopleOnly(t *testing.T) {
	for _, tt := range []struct {
		name       string
		tty, quiet bool
		shows      bool
	}{
		{"terminal", true, false, true},
		{"pipe", false, false, false},
		{"quiet", true, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			a := &app.App{Streams: output.Streams{Err: &b, ErrTTY: tt.tty}}
			a.Global.Quiet = tt.quiet
			progress, clear := showProgress(a, 2)
			progress(1)
			if got := strings.Contains(b.String(), "1 of 2 runs, 50 %"); got != tt.shows {
				t.Errorf("%q", b.String())
			}
			if clear(); tt.shows && !strings.HasSuffix(b.String(), "\r\x1b[K") {
				t.Errorf("the line is left behind: %q", b.String())
			}
		})
	}
}
