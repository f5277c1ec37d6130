package trace

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"
)

// Reader reads a trace of either encoding; the first character decides.
type Reader struct {
	next  func() (Record, error)
	line  int       // of the record read last
	start time.Time // of the first line that has only a wall-clock time
}

// NewReader returns a Reader of r.
func NewReader(r io.Reader) *Reader {
	rd := &Reader{}
	rd.next = func() (Record, error) {
		br := bufio.NewReaderSize(r, 64<<10)
		first, err := rd.firstByte(br)
		if err != nil {
			return Record{}, err
		}
		if first == '{' {
			rd.next = rd.jsonLines(br)
		} else {
			rd.next = rd.csvLines(br)
		}
		return rd.next()
	}
	return rd
}

// Read returns the next record, or io.EOF after the last. Other errors name
// the line.
func (r *Reader) Read() (Record, error) { return r.next() }

// Line is the line of the record that Read returned last.
func (r *Reader) Line() int { return r.line }

func (r *Reader) firstByte(br *bufio.Reader) (byte, error) {
	for {
		b, err := br.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != ' ' && b != '\n' && b != '\r' && b != '\t' {
			return b, br.UnreadByte()
		}
		if b == '\n' {
			r.line++
		}
	}
}

func (r *Reader) jsonLines(br *bufio.Reader) func() (Record, error) {
	scanner := bufio.NewScanner(br)
	scanner.Buffer(nil, 1<<20)
	return func() (Record, error) {
		for scanner.Scan() {
			r.line++
			line := r.line
			b := bytes.TrimSpace(scanner.Bytes())
			if len(b) == 0 {
				continue
			}
			var in struct {
				Record
				// Told apart from 0, and the wall-clock time of lines without.
				T    *float64   `json:"t_ms"`
				Time *time.Time `json:"time"`
			}
			if err := json.Unmarshal(b, &in); err != nil {
				return Record{}, fmt.Errorf("line %d: %w", line, err)
			}
			rec := in.Record
			switch {
			case in.T != nil:
				rec.TimeMS = *in.T
			case in.Time != nil:
				if r.start.IsZero() {
					r.start = *in.Time
				}
				rec.TimeMS = toMS(in.Time.Sub(r.start))
			default:
				return Record{}, fmt.Errorf("line %d: no t_ms and no time", line)
			}
			if err := rec.check(); err != nil {
				return Record{}, fmt.Errorf("line %d: %w", line, err)
			}
			return rec, nil
		}
		if err := scanner.Err(); err != nil {
			return Record{}, fmt.Errorf("line %d: %w", r.line+1, err)
		}
		return Record{}, io.EOF
	}
}

func (r *Reader) csvLines(br *bufio.Reader) func() (Record, error) {
	cr := csv.NewReader(br)
	cr.ReuseRecord = true
	before := r.line // empty lines that csv did not see
	var names []string
	return func() (Record, error) {
		if names == nil {
			head, err := cr.Read()
			if err != nil {
				return Record{}, err
			}
			names = append([]string{}, head...)
			if !slices.Contains(names, "t_ms") || !slices.Contains(names, "event") {
				return Record{}, errors.New("line 1: not a trace: expected JSON lines, or CSV whose header names t_ms and event")
			}
		}
		row, err := cr.Read()
		if err != nil {
			return Record{}, err // a csv.ParseError names its line
		}
		line, _ := cr.FieldPos(0)
		line += before
		r.line = line
		var rec Record
		for i, name := range names {
			if row[i] == "" {
				continue
			}
			if err := rec.set(name, row[i]); err != nil {
				return Record{}, fmt.Errorf("line %d: %s: %w", line, name, err)
			}
		}
		if err := rec.check(); err != nil {
			return Record{}, fmt.Errorf("line %d: %w", line, err)
		}
		return rec, nil
	}
}

// set fills the field of one CSV column. Columns it does not know are other
// programs' business.
func (r *Record) set(name, value string) (err error) {
	switch name {
	case "t_ms":
		r.TimeMS, err = strconv.ParseFloat(value, 64)
	case "event":
		r.Event = value
	case "host":
		r.Host = value
	case "seq":
		var n uint64
		n, err = strconv.ParseUint(value, 10, 32)
		seq := uint32(n)
		r.Seq = &seq
	case "hold":
		r.Hold, err = strconv.ParseBool(value)
	case "rtt_ms":
		r.RTTMS, err = parseFloat(value)
	case "up_ms":
		r.UpMS, err = parseFloat(value)
	case "down_ms":
		r.DownMS, err = parseFloat(value)
	case "setup":
		err = json.Unmarshal([]byte(value), &r.Setup)
	case "slow_probes_ms":
		r.SlowProbesMS, err = parseFloat(value)
	case "write_latency_ms":
		r.WriteLatencyMS, err = parseFloat(value)
	case "download_bytes":
		r.DownloadBytes, err = parseUint(value)
	case "download_dropped":
		r.DownloadDropped, err = parseUint(value)
	case "download_queued_bytes":
		r.DownloadQueued, err = parseUint(value)
	case "upload_bytes":
		r.UploadBytes, err = parseUint(value)
	case "upload_dropped":
		r.UploadDropped, err = parseUint(value)
	case "upload_queued_bytes":
		r.UploadQueued, err = parseUint(value)
	case "download_bps":
		r.DownloadBPS, err = parseInt(value)
	case "upload_bps":
		r.UploadBPS, err = parseInt(value)
	}
	return err
}

func parseFloat(s string) (*float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	return &f, err
}

func parseUint(s string) (*uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	return &n, err
}

func parseInt(s string) (*int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	return &n, err
}

// check refuses what cannot be replayed.
func (r Record) check() error {
	if math.IsNaN(r.TimeMS) || math.IsInf(r.TimeMS, 0) || math.Abs(r.TimeMS) > 9e12 {
		return errors.New("t_ms is not a usable time")
	}
	if r.Setup != nil {
		if err := r.Setup.check(); err != nil {
			return err
		}
	}
	switch r.Event {
	case Reply, Late:
		if r.RTTMS == nil {
			return fmt.Errorf("%s without rtt_ms", r.Event)
		}
		fallthrough
	case Sent, Lost, OneWay, Spare:
		if r.Event == OneWay && (r.UpMS == nil || r.DownMS == nil) {
			return errors.New("one-way without up_ms and down_ms")
		}
		if r.Host == "" {
			return fmt.Errorf("%s without host", r.Event)
		}
	case Counters:
		if r.DownloadBytes == nil || r.UploadBytes == nil {
			return errors.New("counters without download_bytes and upload_bytes")
		}
	case Adopt:
		if (r.DownloadBPS == nil) == (r.UploadBPS == nil) {
			return errors.New("adopt without one of download_bps and upload_bps")
		}
	case Config:
		if r.Setup == nil {
			return errors.New("config without setup")
		}
	case Step, Start:
	case "":
		return errors.New("no event: not a record of a trace")
	}
	return nil
}
