package page

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// An archive that cannot be read is named, and costs the other WANs nothing.
func TestRangeOfUnreadableArchive(t *testing.T) {
	now := time.Now()
	file := filepath.Join(t.TempDir(), "lte_history")
	if err := os.WriteFile(file, nil, 0o600); err != nil { // where the directory belongs
		t.Fatal(err)
	}
	kept := []history.Kept{{WAN: "lte", Archive: history.NewArchive(file)}, keepDays(t, "dsl", now, 1)}
	answer := httptest.NewRecorder()
	newRanges(func() []history.Kept { return kept }).serve(answer, httptest.NewRequest("GET", "/page/range?span=hour", nil))
	var doc rangeDocument
	if err := json.Unmarshal(answer.Body.Bytes(), &doc); err != nil || answer.Code != 200 {
		t.Fatalf("%d, %v: %s", answer.Code, err, answer.Body)
	}
	if points := doc.WANs["lte"]; len(doc.WANs["dsl"]) < 700 || points == nil || len(points) != 0 {
		t.Errorf("%d points of dsl, %v of lte", len(doc.WANs["dsl"]), points)
	}
	if len(doc.Events) != 1 || doc.Events[0].WAN != "lte" || !strings.Contains(doc.Events[0].Text, "cannot be read: open "+file) {
		t.Errorf("%+v", doc.Events)
	}
}
