// Package trace is the recorded form of what a law was given: how it was set up,
// probe events, counter readings, limits that somebody else set, and its steps
// with the limits then in force. A trace replayed through the same law gives the
// same decisions again.
//
// There are two encodings of the same flat record, JSON lines and CSV. What
// `wanctl probe -o jsonl` prints is a trace too, one without counters.
package trace

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Events of a Record.
const (
	Sent     = "sent"
	Reply    = "reply"
	Late     = "late" // a reply after the probe was given up: read like a reply
	Lost     = "lost"
	OneWay   = "one-way"
	Spare    = "spare" // sent, to a reflector that is not in use
	Counters = "counters"
	Step     = "step"
	Start    = "start"  // first line of a recording: what the law began with
	Adopt    = "adopt"  // somebody else set a limit, and the law went on from there
	Config   = "config" // the law was given other settings
)

// Record is one line of a trace. Times are milliseconds on the recording
// loop's monotonic clock, rates bit/s. Pointers tell absent from zero.
type Record struct {
	TimeMS float64 `json:"t_ms"`
	Event  string  `json:"event"`

	// sent, spare, reply, late, lost, one-way
	Host   string   `json:"host,omitempty"`
	Seq    *uint32  `json:"seq,omitempty"`
	RTTMS  *float64 `json:"rtt_ms,omitempty"`
	UpMS   *float64 `json:"up_ms,omitempty"`
	DownMS *float64 `json:"down_ms,omitempty"`

	// counters: since boot, queued is the backlog at that moment
	DownloadBytes   *uint64 `json:"download_bytes,omitempty"`
	DownloadDropped *uint64 `json:"download_dropped,omitempty"`
	DownloadQueued  *uint64 `json:"download_queued_bytes,omitempty"`
	UploadBytes     *uint64 `json:"upload_bytes,omitempty"`
	UploadDropped   *uint64 `json:"upload_dropped,omitempty"`
	UploadQueued    *uint64 `json:"upload_queued_bytes,omitempty"`

	// start, step: the limits in force when the law ran; adopt: the one limit
	DownloadBPS    *int64   `json:"download_bps,omitempty"`
	UploadBPS      *int64   `json:"upload_bps,omitempty"`
	WriteLatencyMS *float64 `json:"write_latency_ms,omitempty"`
	Hold           bool     `json:"hold,omitempty"`
	SlowProbesMS   *float64 `json:"slow_probes_ms,omitempty"` // step: between two probes of a reflector, where they are fewer than usual

	// start, config
	Setup *Setup `json:"setup,omitempty"`
}

// Columns of the CSV encoding, in order.
var columns = []string{
	"t_ms", "event", "host", "seq", "rtt_ms",
	"download_bytes", "download_dropped", "download_queued_bytes",
	"upload_bytes", "upload_dropped", "upload_queued_bytes",
	"download_bps", "upload_bps", "write_latency_ms", "hold",
	"up_ms", "down_ms", "setup", "slow_probes_ms",
}

// Time returns the record's time.
func (r Record) Time() time.Duration { return fromMS(r.TimeMS) }

// fromMS is exact for what toMS wrote: whole nanoseconds up to 104 days.
func fromMS(ms float64) time.Duration { return time.Duration(math.Round(ms * 1e6)) }

func toMS(d time.Duration) float64 { return float64(d) / 1e6 }

// Encoder writes records.
type Encoder interface {
	Encode(r Record) error
}

// NewEncoder returns an encoder that writes to w in the encoding that the name of
// the file asks for: CSV when it ends in .csv, else JSON lines.
func NewEncoder(name string, w io.Writer) Encoder {
	if strings.HasSuffix(name, ".csv") {
		return NewCSVEncoder(w)
	}
	return NewJSONEncoder(w)
}

// NewJSONEncoder writes JSON lines.
func NewJSONEncoder(w io.Writer) Encoder {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return jsonEncoder{enc}
}

type jsonEncoder struct{ enc *json.Encoder }

func (e jsonEncoder) Encode(r Record) error { return e.enc.Encode(r) }

// NewCSVEncoder writes CSV with a header line.
func NewCSVEncoder(w io.Writer) Encoder { return &csvEncoder{w: csv.NewWriter(w)} }

type csvEncoder struct {
	w      *csv.Writer
	headed bool
	row    []string
}

func (e *csvEncoder) Encode(r Record) error {
	if !e.headed {
		e.headed = true
		if err := e.w.Write(columns); err != nil {
			return err
		}
	}
	hold, setup := "", ""
	if r.Hold {
		hold = "true"
	}
	if r.Setup != nil {
		b, err := json.Marshal(r.Setup)
		if err != nil {
			return err
		}
		setup = string(b)
	}
	e.row = append(e.row[:0],
		strconv.FormatFloat(r.TimeMS, 'f', -1, 64), r.Event, r.Host, text(r.Seq), text(r.RTTMS),
		text(r.DownloadBytes), text(r.DownloadDropped), text(r.DownloadQueued),
		text(r.UploadBytes), text(r.UploadDropped), text(r.UploadQueued),
		text(r.DownloadBPS), text(r.UploadBPS), text(r.WriteLatencyMS), hold,
		text(r.UpMS), text(r.DownMS), setup, text(r.SlowProbesMS),
	)
	if err := e.w.Write(e.row); err != nil {
		return err
	}
	e.w.Flush()
	return e.w.Error()
}

func text[T any](p *T) string {
	if p == nil {
		return ""
	}
	if f, ok := any(*p).(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(*p)
}
