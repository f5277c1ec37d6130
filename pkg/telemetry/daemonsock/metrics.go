package daemonsock

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/wanctl/wanctl/pkg/telemetry"
)

// Metrics returns the metrics of the WAN called wan: of its loop or, from a
// steering daemon, of its primary WAN. Of the process there are only those that OfLoop
// labels, so that those of several daemons can be merged.
func (c *Client) Metrics(ctx context.Context, wan string) ([]*dto.MetricFamily, error) {
	var families []*dto.MetricFamily
	err := c.get(ctx, "/metrics", "text/plain", func(resp *http.Response) error {
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %s", resp.Status)
		}
		var err error
		families, err = parse(bounded(resp.Body))
		return err
	})
	if err != nil {
		return nil, err
	}
	return telemetry.FamiliesOfWAN(families, wan), nil
}

func parse(text io.Reader) ([]*dto.MetricFamily, error) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	byName, err := parser.TextToMetricFamilies(text)
	families := slices.Collect(maps.Values(byName))
	slices.SortFunc(families, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return families, err
}
