// Package metricstest checks the output of a metrics endpoint, for tests. It
// knows the lint rules and the exceptions that the project makes.
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
// Prometheus library and, if promtool is installed, by those of promtool.
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

// known reports whether a finding is a deliberate exception.
func known(name, text string) bool {
	// Names of the earlier system, not what one would choose today.
	if slices.Contains([]string{"wanctl_rtt_baseline_ms", "wanctl_rtt_load_ms", "wanctl_rtt_delta_ms"}, name) {
		return strings.Contains(text, "abbreviated units")
	}
	// RouterOS and its users count limits of queues in bits.
	return strings.HasSuffix(name, "_bits_per_second") && strings.Contains(text, `use base unit "bytes"`)
}
