package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// checkDashboards holds dashboards against the types of a current Grafana: the
// dashboard, its variables, each panel's options and each query. Grafana itself
// migrates what is of an older schema silently, and drops what it does not know.
func checkDashboards(files []string) (errs []error) {
	panels := []string{"row"}
	for _, p := range []variants.PanelcfgConfig{stat.VariantConfig(), statetimeline.VariantConfig(), timeseries.VariantConfig()} {
		cog.NewRuntime().RegisterPanelcfgVariant(p) // there is one runtime
		panels = append(panels, p.Identifier)
	}
	cog.NewRuntime().RegisterDataqueryVariant(prometheus.VariantConfig())
	for _, f := range files {
		if err := checkDashboard(f, panels); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f, err))
		}
	}
	return errs
}

func checkDashboard(file string, panels []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var d dashboard.Dashboard
	err = d.UnmarshalJSONStrict(text)
	if none := (cog.BuildErrors{}); errors.As(err, &none) && len(none) == 0 {
		err = d.Validate()
	}
	if err != nil {
		return err
	}
	for _, p := range d.Panels {
		if p.Panel != nil && !slices.Contains(panels, p.Panel.Type) {
			return fmt.Errorf("panel %d: the type %s is not checked; add it to checkDashboards", *p.Panel.Id, p.Panel.Type)
		}
	}
	if current := dashboard.NewDashboard().SchemaVersion; d.SchemaVersion != current {
		return fmt.Errorf("schemaVersion %d, and Grafana's is %d", d.SchemaVersion, current)
	}
	return nil
}
