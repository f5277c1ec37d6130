// Package metricstest judges what a metrics endpoint says, for tests.
package metricstest

import (
	"bytes"
	"errors"
	"os/exec"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// Lint returns what is wrong with a page of metrics: by the rules of the
// library and, where promtool is installed, by those of promtool.
func Lint(page string) ([]string, error) {
	problems, err := promlint.New(strings.NewReader(page)).Lint()
	if err != nil {
		return nil, err
	}
	var wrong []string
	add := func(name, text string) {
		if !known(name, text) {
			wrong = append(wrong, name+": "+text)
		}
	}
	for _, p := range problems {
		add(p.Metric, p.Text)
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		return wrong, nil
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(page)
	said, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || len(said) == 0) {
		return nil, err
	}
	for line := range bytes.Lines(said) {
		name, text, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		add(name, text)
	}
	return wrong, nil
}

// known are the names that are as they are for a reason.
func known(name, text string) bool {
	// Names of the earlier system, not what one would choose today.
	if slices.Contains([]string{"wanctl_rtt_baseline_ms", "wanctl_rtt_load_ms", "wanctl_rtt_delta_ms"}, name) {
		return strings.Contains(text, "abbreviated units")
	}
	// Limits of queues are counted in bits everywhere else, too.
	return strings.HasSuffix(name, "_bits_per_second") && strings.Contains(text, `use base unit "bytes"`)
}
