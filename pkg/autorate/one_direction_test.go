package autorate_test

import (
	"os"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/trace"
)

// A direction that is not controlled gets no decision, and does not stand in the way of
// the other one: on a line whose upload falls from 10 to 4 Mbit/s and rises again, the
// upload is limited as it is beside an idle download.
func TestOneDirection(t *testing.T) {
	f, err := os.Open("../../testdata/trace/step-upload.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lowest := bitrate.Gbps
	r := &trace.Replay{
		New: func(s *trace.Setup, start [2]bitrate.Rate) trace.Law {
			cfg := s.Law.Config()
			cfg.Directions[autorate.Download] = autorate.DirectionConfig{}
			return withoutDownload{autorate.New(cfg, [2]bitrate.Rate{0, start[autorate.Upload]})}
		},
		Each: func(_ autorate.Input, dec autorate.Decision) error {
			if down := dec.Directions[autorate.Download]; down != (autorate.DirectionDecision{}) {
				t.Fatalf("at %v the download is decided: %+v", dec.At, down)
			}
			up := dec.Directions[autorate.Upload]
			if up.State == 0 || up.Limit <= 0 || up.Limit > 11*bitrate.Mbps {
				t.Fatalf("at %v the upload is %+v", dec.At, up)
			}
			lowest = min(lowest, up.Limit)
			return nil
		},
	}
	if err := trace.Run(trace.NewReader(f), r); err != nil {
		t.Fatal(err)
	}
	if lowest > 5*bitrate.Mbps {
		t.Errorf("the upload was cut to %v only", lowest)
	}
}

// withoutDownload is a law that sees no counters and no limit of the download.
type withoutDownload struct{ *autorate.Law }

func (w withoutDownload) Step(now time.Duration, in autorate.Input) autorate.Decision {
	in.Applied[autorate.Download] = 0
	for i := range in.Readings {
		in.Readings[i].Queues[autorate.Download] = autorate.Counters{}
	}
	return w.Law.Step(now, in)
}
