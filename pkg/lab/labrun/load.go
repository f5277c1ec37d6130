//go:build linux

package labrun

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/lab"
)

// Load is a saturating TCP transfer in one direction.
type Load struct {
	client, server *exec.Cmd
	output         bytes.Buffer
}

// LoadResult is what the transfer itself saw.
type LoadResult struct {
	PayloadMbps float64 // TCP payload that arrived
	Retransmits int
}

// StartLoad starts an iperf3 of several cubic streams, with a server of its
// own, for a number of whole seconds.
func StartLoad(ctx context.Context, l *lab.Lab, d autorate.Direction, streams int, duration time.Duration) (*Load, error) {
	port := strconv.Itoa(5201 + int(d))
	load := &Load{server: l.Equipment(ctx, lab.Server, "iperf3", "-s", "-1", "-B", lab.ServerAddr, "-p", port, "--forceflush")}
	if err := startAndAwait(load.server, "listening"); err != nil {
		return nil, err
	}
	args := []string{"-c", lab.ServerAddr, "-p", port, "-P", strconv.Itoa(streams), "-C", "cubic", "-J",
		"-t", strconv.Itoa(int((duration + time.Second - 1) / time.Second))}
	if d == autorate.Download {
		args = append(args, "-R")
	}
	load.client = l.Equipment(ctx, lab.Client, "iperf3", args...)
	load.client.Stdout = &load.output
	if err := load.client.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting iperf3: %w", err), kill(load.server))
	}
	return load, nil
}

// Wait waits for the end of the transfer.
func (l *Load) Wait() (LoadResult, error) {
	err := l.client.Wait()
	err = errors.Join(err, kill(l.server)) // it has served the one client it was for
	var report struct {
		Error string
		End   struct {
			Sent struct {
				Retransmits int
			} `json:"sum_sent"`
			Received struct {
				BitsPerSecond float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		}
	}
	if jerr := json.Unmarshal(l.output.Bytes(), &report); jerr != nil && err == nil {
		err = fmt.Errorf("reading iperf3's report: %w", jerr)
	}
	if report.Error != "" {
		err = errors.Join(err, errors.New(report.Error))
	}
	if err != nil {
		return LoadResult{}, fmt.Errorf("running iperf3: %w", err)
	}
	return LoadResult{report.End.Received.BitsPerSecond / 1e6, report.End.Sent.Retransmits}, nil
}

// Stop ends the transfer early.
func (l *Load) Stop() error { return errors.Join(kill(l.client), kill(l.server)) }

// kill ends a started process and waits for it.
func kill(cmd *exec.Cmd) error {
	_ = cmd.Process.Kill() // it may have ended by itself
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}

// startAndAwait starts a program and returns when it has printed the words.
func startAndAwait(cmd *exec.Cmd, words string) error {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", cmd, err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), words) {
			go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the process
			return nil
		}
	}
	return errors.Join(fmt.Errorf("%s ended before it was %s", cmd, words), kill(cmd))
}
