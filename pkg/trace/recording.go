package trace

import (
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// Recording writes down all that a law is given, in the order in which it is
// given it. Its methods follow those of the law.
type Recording struct {
	enc   Encoder
	setup Setup
	start [2]bitrate.Rate
	begun bool
	at    time.Duration // of the last step
}

// NewRecording records a law made from setup that starts from the limits start.
// Nothing is written before the law is given something.
func NewRecording(enc Encoder, setup Setup, start [2]bitrate.Rate) *Recording {
	return &Recording{enc: enc, setup: setup, start: start}
}

func (w *Recording) begin() error {
	if w.begun {
		return nil
	}
	w.begun = true
	down, up := int64(w.start[autorate.Download]), int64(w.start[autorate.Upload])
	return w.enc.Encode(Record{Event: Start, DownloadBPS: &down, UploadBPS: &up, Setup: &w.setup})
}

// SetExternally records that somebody else set the limit of d to rate.
func (w *Recording) SetExternally(d autorate.Direction, rate bitrate.Rate) error {
	if err := w.begin(); err != nil {
		return err
	}
	rec, bps := Record{TimeMS: toMS(w.at), Event: Adopt}, int64(rate)
	if d == autorate.Upload {
		rec.UploadBPS = &bps
	} else {
		rec.DownloadBPS = &bps
	}
	return w.enc.Encode(rec)
}

// Reconfigure records other settings.
func (w *Recording) Reconfigure(cfg autorate.Config) error {
	if err := w.begin(); err != nil {
		return err
	}
	return w.enc.Encode(Record{
		TimeMS: toMS(w.at), Event: Config,
		Setup: &Setup{Version: setupVersion, Law: NewSettings(cfg)},
	})
}

// Step records what the law is given at now, then the step itself.
func (w *Recording) Step(now time.Duration, in autorate.Input) error {
	if err := w.begin(); err != nil {
		return err
	}
	w.at = now
	for _, e := range in.Events {
		if err := w.enc.Encode(w.event(e)); err != nil {
			return err
		}
	}
	for _, r := range in.Readings {
		d, u := &r.Queues[autorate.Download], &r.Queues[autorate.Upload]
		if err := w.enc.Encode(Record{
			TimeMS: toMS(r.At), Event: Counters,
			DownloadBytes: &d.Bytes, DownloadDropped: &d.Dropped, DownloadQueued: &d.QueuedBytes,
			UploadBytes: &u.Bytes, UploadDropped: &u.Dropped, UploadQueued: &u.QueuedBytes,
		}); err != nil {
			return err
		}
	}
	down, up := int64(in.Applied[autorate.Download]), int64(in.Applied[autorate.Upload])
	latency := toMS(in.WriteLatency)
	step := Record{TimeMS: toMS(now), Event: Step, DownloadBPS: &down, UploadBPS: &up, WriteLatencyMS: &latency, Hold: in.Hold}
	if in.SlowProbes > 0 {
		slow := toMS(in.SlowProbes)
		step.SlowProbesMS = &slow
	}
	return w.enc.Encode(step)
}

func (w *Recording) event(e rtt.Event) Record {
	rec := Record{TimeMS: toMS(e.At), Event: e.Kind.String(), Host: w.host(e.Reflector)}
	switch e.Kind {
	case rtt.Sent, rtt.Spare, rtt.Lost:
		rec.Seq = &e.Seq
	case rtt.Reply:
		ms := toMS(e.RTT)
		rec.Seq, rec.RTTMS = &e.Seq, &ms
	case rtt.OneWay:
		up, down := toMS(e.Up), toMS(e.Down)
		rec.UpMS, rec.DownMS = &up, &down
	}
	return rec
}

func (w *Recording) host(i uint8) string {
	if int(i) < len(w.setup.Hosts) && w.setup.Hosts[i] != "" {
		return w.setup.Hosts[i]
	}
	return fmt.Sprintf("reflector-%d", i)
}
