package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/redact"
)

// WebhookConfig is an address that events are posted to.
type WebhookConfig struct {
	URL string // with http or https; it may hold a secret
	// Headers are "Name: value"; values may be secrets.
	Headers        []string
	Text           bool   // the body is the summary instead of the document
	TLSFingerprint string // see PinnedTLS
	Timeout        time.Duration
	Version        string // of this program
}

// Webhook posts each event to an address.
type Webhook struct {
	cfg     WebhookConfig
	headers http.Header
	client  *http.Client
	secrets []string
}

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 4096

// errRedirect is why a redirection is not followed.
var errRedirect = errors.New("it redirects elsewhere, which is not followed; write the new address in notify.webhook.url")

// NewWebhook returns the receiver of an address, which does not connect yet. No proxy of
// the environment is used: what the loop sends does not depend on who started it.
func NewWebhook(cfg WebhookConfig) *Webhook {
	w := &Webhook{cfg: cfg, headers: http.Header{}, secrets: urlSecrets(cfg.URL)}
	for _, line := range cfg.Headers {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		w.headers.Add(name, value)
		w.secrets = append(w.secrets, value)
		w.secrets = append(w.secrets, parts(strings.Fields(value))...) // "Bearer TOKEN"
	}
	slices.SortFunc(w.secrets, func(a, b string) int { return len(b) - len(a) }) // a part is masked after the whole
	w.client = &http.Client{
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: cfg.Timeout}).DialContext,
			TLSClientConfig:        PinnedTLS(cfg.TLSFingerprint),
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout:        30 * time.Second,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			first := via[0]
			if len(via) > 3 || req.Method != first.Method || req.URL.Scheme != first.URL.Scheme || req.URL.Host != first.URL.Host {
				return errRedirect
			}
			return nil
		},
	}
	return w
}

// Name implements Receiver.
func (*Webhook) Name() string { return "webhook" }

// Send implements Receiver.
func (w *Webhook) Send(ctx context.Context, e Event) error {
	body, kind := []byte(e.Summary), "text/plain; charset=utf-8"
	if !w.cfg.Text {
		var err error
		if body, err = json.Marshal(e); err != nil {
			return &Refusal{err}
		}
		kind = "application/json"
	}
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return &Refusal{errors.New("notify.webhook.url cannot be used")} // err has all of it
	}
	req.Header = w.headers.Clone()
	for name, value := range map[string]string{"Content-Type": kind, "User-Agent": "wanctl/" + w.cfg.Version} {
		if req.Header.Get(name) == "" {
			req.Header.Set(name, value)
		}
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return w.failure(err)
	}
	defer func() { _ = resp.Body.Close() }() // only read
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return w.check(resp.StatusCode, answer)
}

// failure returns an error of a request without the URL in it.
func (w *Webhook) failure(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, errRedirect) {
		return errRedirect // tried again: the portal of a hotel goes away
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %v", w.cfg.Timeout)
	}
	return errors.New(redact.Text(err.Error(), w.secrets...))
}

// check returns the error of an answer. One about the event is a Refusal; whoever mends a
// token or restarts a proxy is to get the newest event.
func (w *Webhook) check(status int, answer []byte) error {
	if status/100 == 2 {
		return nil
	}
	text := fmt.Sprintf("answer %d %s", status, http.StatusText(status))
	if line, _, _ := strings.Cut(strings.TrimSpace(string(answer)), "\n"); line != "" {
		line = redact.Text(printable(line), w.secrets...)
		text += ": " + strings.ToValidUTF8(line[:min(len(line), 200)], "")
	}
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return refusal("%s", text)
	}
	return errors.New(text)
}

// urlSecrets returns the parts of an address that may be secret.
func urlSecrets(address string) []string {
	secrets := []string{address}
	u, err := url.Parse(address)
	if err != nil { // every request fails
		return secrets
	}
	if p, set := u.User.Password(); set {
		secrets = append(secrets, p)
	}
	path, query := strings.Trim(u.EscapedPath(), "/"), u.RawQuery
	secrets = append(secrets, path, query)
	secrets = append(secrets, parts(strings.Split(path, "/"))...)
	secrets = append(secrets, parts(strings.Split(strings.Trim(u.Path, "/"), "/"))...)
	for _, values := range u.Query() {
		secrets = append(secrets, parts(values)...)
	}
	return secrets
}

// parts returns those parts of a secret that may be one on their own: an answer may quote
// the token alone.
func parts(of []string) []string {
	const least = 5 // bytes; what is shorter is a word
	own := map[string]bool{"Bearer": true, "Basic": true, "Token": true}
	return slices.DeleteFunc(slices.Clone(of), func(s string) bool { return len(s) < least || own[s] })
}
