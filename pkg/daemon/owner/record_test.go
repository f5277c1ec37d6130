package owner

import (
	"bufio"
	"bytes"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/ha"
)

// journal is the log of all nodes of a site.
type journal struct {
	mu  sync.Mutex // protects the following field
	buf bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(b)
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// fate adds what nodes cannot report.
func (j *journal) fate(node string, f ha.Fate) {
	r := &recorder{log: j.logger(), node: node}
	r.write(ha.Record{Fate: f})
}

// records returns those of the protocol.
func (j *journal) records(t *testing.T) (all []ha.Record) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	for lines := bufio.NewScanner(bytes.NewReader(j.buf.Bytes())); lines.Scan(); {
		var line struct {
			Message string    `json:"msg"`
			Record  ha.Record `json:"record"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%v in %s", err, lines.Text())
		}
		if line.Message == RecordMessage {
			all = append(all, line.Record)
		}
	}
	return all
}

// replay holds the log against the model.
func (j *journal) replay(t *testing.T, a ha.Assumptions) error {
	t.Helper()
	all := j.records(t)
	if len(all) < 20 {
		t.Errorf("%d records", len(all))
	}
	began := time.Now()
	defer func() { t.Logf("%d records replayed in %v", len(all), time.Since(began).Round(time.Millisecond)) }()
	return ha.Replay(all, a)
}
