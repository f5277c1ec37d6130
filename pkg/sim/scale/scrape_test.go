package scale

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reading is the metrics of the program at one moment, summed over all WANs.
type reading struct {
	at   time.Time
	sums map[string]float64 // by name
	late map[float64]float64
}

// scrape reads the metrics.
func scrape(ctx context.Context, address string) (r reading, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return r, err
	}
	r.at = time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return r, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return r, fmt.Errorf("metrics: %s", resp.Status)
	}
	r.sums, r.late = map[string]float64{}, map[float64]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		series, text, ok := strings.Cut(lines.Text(), " ")
		if !ok || strings.HasPrefix(series, "#") {
			continue
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		name, labels, _ := strings.Cut(series, "{")
		r.sums[name] += value
		if name == "wanctl_loop_lateness_seconds_bucket" {
			_, le, _ := strings.Cut(labels, `le="`)
			le, _, _ = strings.Cut(le, `"`)
			if bound, err := strconv.ParseFloat(le, 64); err == nil {
				r.late[bound] += value
			}
		}
	}
	return r, lines.Err()
}

// quantile returns the quantile q of the lateness between two readings, interpolated
// within its bucket as Prometheus does.
func quantile(before, after reading, q float64) float64 {
	bounds := make([]float64, 0, len(after.late))
	for b := range after.late {
		bounds = append(bounds, b)
	}
	slices.SortFunc(bounds, cmp.Compare)
	if len(bounds) == 0 {
		return 0
	}
	count := func(b float64) float64 { return after.late[b] - before.late[b] }
	want := q * count(bounds[len(bounds)-1])
	lower, below := 0.0, 0.0
	for i, b := range bounds {
		if n := count(b); n >= want {
			if i == len(bounds)-1 || n == below {
				return lower
			}
			return lower + (b-lower)*(want-below)/(n-below)
		}
		lower, below = b, count(b)
	}
	return lower
}
