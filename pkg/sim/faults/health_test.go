package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"
)

var listening = regexp.MustCompile(`msg=listening server=(?:health|serve) address=(\S+)`)

// address returns where the program serves its health; "" while it does not.
func (p *process) address() string {
	text := p.stderr.String()
	if log, err := os.ReadFile(p.log); err == nil {
		text += string(log)
	}
	all := listening.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

// dial connects to a local address in the network of the run.
func (r *run) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if r.net != nil {
		return r.net.dial(ctx, network, addr)
	}
	dialer := net.Dialer{Timeout: time.Second}
	return dialer.DialContext(ctx, network, addr)
}

// health returns the health document.
func (r *run) health(ctx context.Context, p *process) (string, error) {
	addr := p.address()
	if addr == "" {
		return "", errors.New("it does not listen yet")
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/health", nil)
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: r.dial}}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// awaitHealth waits for a status of the program, and for a text in the document.
func (r *run) awaitHealth(ctx context.Context, p *process, status, reason string, most time.Duration) error {
	var text string
	var err error
	over := false
	if r.wait(func() bool {
		if over = p.isOver(); over {
			return true
		}
		text, err = r.health(ctx, p)
		if status == "unanswered" {
			return err != nil
		}
		return err == nil && strings.Contains(text, `"status": "`+status+`"`) && strings.Contains(text, reason)
	}, most) && !over {
		if strings.Contains(text, password) {
			r.problemf("the password is in the health document")
		}
		return nil
	}
	switch {
	case over:
		return fmt.Errorf("it has ended, and should be %s: %s", status, tail(p.stderr.String()))
	case err != nil:
		return fmt.Errorf("not %s within %v: %w", status, most, err)
	}
	return fmt.Errorf("not %s with %q within %v: %s", status, reason, most, strings.Join(strings.Fields(text), " "))
}
