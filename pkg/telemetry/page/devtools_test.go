package page

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a headless Chromium, driven over its debugging pipe: messages of
// JSON that end in a zero byte.
type browser struct {
	to *os.File

	mu      sync.Mutex // protects the following fields
	lastID  int
	waiting map[int]chan message
	tabs    map[string]*tab // by session
	err     error           // why the pipe ended
}

type message struct {
	ID        int             `json:"id,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// startBrowser skips the test where there is no Chromium that starts.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium here: the page is not tested in a browser")
	}
	in, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// A browser goes on writing to its profile for a moment after it was told
	// to stop, which t.TempDir would not forgive.
	profile, err := os.MkdirTemp("", "wanctl-page")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
		"--disable-component-update", "--no-first-run", "--no-proxy-server", "--hide-scrollbars", "--user-data-dir="+profile, "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{in, out}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Skipf("Chromium does not start: %v", err)
	}
	in.Close()
	out.Close()
	b := &browser{to: to, waiting: map[int]chan message{}, tabs: map[string]*tab{}}
	read := make(chan struct{})
	go func() {
		defer close(read)
		b.read(from)
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = b.call(ctx, "", "Browser.close", nil, nil)
		kill := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		to.Close()
		_ = cmd.Wait()
		kill.Stop()
		from.Close()
		<-read
		_ = os.RemoveAll(profile)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := b.call(ctx, "", "Browser.getVersion", nil, nil); err != nil {
		t.Skipf("Chromium does not answer: %v\n%s", err, said.String())
	}
	return b
}

func (b *browser) read(from *os.File) {
	in := bufio.NewReader(from)
	for {
		line, err := in.ReadBytes(0)
		if err != nil {
			b.mu.Lock()
			b.err = fmt.Errorf("the browser is gone: %w", err)
			for id, c := range b.waiting {
				close(c)
				delete(b.waiting, id)
			}
			b.mu.Unlock()
			return
		}
		var m message
		if json.Unmarshal(line[:len(line)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if c := b.waiting[m.ID]; c != nil && m.ID != 0 {
			delete(b.waiting, m.ID)
			c <- m
		} else if tab := b.tabs[m.SessionID]; tab != nil {
			tab.take(m)
		}
		b.mu.Unlock()
	}
}

// call sends a command and decodes its result into result, unless that is nil.
func (b *browser) call(ctx context.Context, session, method string, params, result any) error {
	raw, err := json.Marshal(params)
	if err != nil {
		return err
	}
	if params == nil {
		raw = []byte("{}")
	}
	answer := make(chan message, 1)
	b.mu.Lock()
	if b.err != nil {
		defer b.mu.Unlock()
		return b.err
	}
	b.lastID++
	id := b.lastID
	b.waiting[id] = answer
	line, _ := json.Marshal(message{ID: id, SessionID: session, Method: method, Params: raw})
	_, err = b.to.Write(append(line, 0))
	b.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case m, ok := <-answer:
		switch {
		case !ok:
			return errors.New(method + ": the browser is gone")
		case m.Error != nil:
			return errors.New(method + ": " + m.Error.Message)
		case result != nil:
			return json.Unmarshal(m.Result, result)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

// tab is one page. complaints are the errors its console shows.
type tab struct {
	t       *testing.T
	browser *browser
	session string

	complaints []string // guarded by browser.mu
}

// view is how a tab looks at pages.
type view struct {
	width, height int
	dark, plain   bool // plain: without JavaScript
}

func (b *browser) open(t *testing.T, v view, url string) *tab {
	t.Helper()
	tb := &tab{t: t, browser: b}
	var target struct{ TargetID string }
	tb.must(b.call(t.Context(), "", "Target.createTarget", map[string]any{"url": "about:blank", "newWindow": true}, &target))
	var attached struct{ SessionID string }
	tb.must(b.call(t.Context(), "", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached))
	tb.session = attached.SessionID
	b.mu.Lock()
	b.tabs[tb.session] = tb
	b.mu.Unlock()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = b.call(ctx, "", "Target.closeTarget", map[string]any{"targetId": target.TargetID}, nil)
	})
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		tb.do(domain+".enable", nil, nil)
	}
	scheme := "light"
	if v.dark {
		scheme = "dark"
	}
	tb.do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	tb.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": v.width, "height": v.height, "deviceScaleFactor": 1, "mobile": v.width < 500}, nil)
	tb.do("Emulation.setScriptExecutionDisabled", map[string]any{"value": v.plain}, nil)
	tb.do("Page.navigate", map[string]any{"url": url}, nil)
	return tb
}

func (tb *tab) must(err error) {
	tb.t.Helper()
	if err != nil {
		tb.t.Fatal(err)
	}
}

func (tb *tab) do(method string, params, result any) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.t.Context(), 10*time.Second)
	defer cancel()
	tb.must(tb.browser.call(ctx, tb.session, method, params, result))
}

// take notes what the console would show in red. The caller holds browser.mu.
func (tb *tab) take(m message) {
	var p struct {
		Type  string
		Args  []struct{ Value any }
		Entry struct{ Source, Level, Text, URL string }
		Exc   struct {
			Text      string
			Exception struct{ Description string }
		} `json:"exceptionDetails"`
	}
	if json.Unmarshal(m.Params, &p) != nil {
		return
	}
	switch {
	case m.Method == "Runtime.exceptionThrown":
		tb.complaints = append(tb.complaints, "exception: "+p.Exc.Text+" "+p.Exc.Exception.Description)
	case m.Method == "Runtime.consoleAPICalled" && (p.Type == "error" || p.Type == "warning"):
		tb.complaints = append(tb.complaints, fmt.Sprintf("console: %v", p.Args))
	case m.Method == "Log.entryAdded" && (p.Entry.Level == "error" || p.Entry.Level == "warning"):
		tb.complaints = append(tb.complaints, p.Entry.Source+": "+p.Entry.Text+" "+p.Entry.URL)
	}
}

// clean fails the test when the console shows errors other than those whose
// text holds one of allowed.
func (tb *tab) clean(allowed ...string) {
	tb.t.Helper()
	tb.browser.mu.Lock()
	defer tb.browser.mu.Unlock()
next:
	for _, c := range tb.complaints {
		for _, a := range allowed {
			if strings.Contains(c, a) {
				continue next
			}
		}
		tb.t.Errorf("the console shows: %s", c)
	}
}

// eval runs JavaScript and returns what it yields, as JSON.
func (tb *tab) eval(script string, result any) error {
	ctx, cancel := context.WithTimeout(tb.t.Context(), 10*time.Second)
	defer cancel()
	var answer struct {
		Result  struct{ Value json.RawMessage }
		Details *struct {
			Exception struct{ Description string }
		} `json:"exceptionDetails"`
	}
	err := tb.browser.call(ctx, tb.session, "Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true, "awaitPromise": true}, &answer)
	if err != nil {
		return err
	}
	if answer.Details != nil {
		return errors.New(answer.Details.Exception.Description)
	}
	return json.Unmarshal(answer.Result.Value, result)
}

// waitFor waits until condition, in JavaScript, holds.
func (tb *tab) waitFor(what, condition string) {
	tb.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	var holds bool
	var err error
	for time.Now().Before(deadline) {
		if err = tb.eval("Boolean("+condition+")", &holds); err == nil && holds {
			return
		}
		time.Sleep(30 * time.Millisecond)
	}
	var text string
	_ = tb.eval("document.body.innerText", &text)
	tb.browser.mu.Lock()
	defer tb.browser.mu.Unlock()
	tb.t.Fatalf("waited in vain: %s (%v)\nconsole: %q\n%s", what, err, tb.complaints, text)
}

// text is the text of the first element that selector finds.
func (tb *tab) text(selector string) string {
	tb.t.Helper()
	var text string
	tb.must(tb.eval(fmt.Sprintf("document.querySelector(%q).textContent", selector), &text))
	return text
}

// shoot writes a picture of what is in view to the directory of -page.shots.
func (tb *tab) shoot(name string) {
	tb.t.Helper()
	if *shots == "" {
		return
	}
	var picture struct{ Data string }
	tb.do("Page.captureScreenshot", nil, &picture)
	png, err := base64.StdEncoding.DecodeString(picture.Data)
	tb.must(err)
	tb.must(os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o644))
}
