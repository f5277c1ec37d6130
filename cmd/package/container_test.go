//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// rootFS makes the root file system of the image with the project's own recipe.
func rootFS(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "wanctl")
	build := exec.Command("go", "build", "-o", binary, "./cmd/wanctl")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	root := filepath.Join(dir, "root")
	if out, err := exec.Command("sh", "configs/container/rootfs.sh", root, binary).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return root
}

// container prepares the image's program as an engine starts it: first process of
// its own namespace, in that root, as the image's user, with the variables given.
func container(root string, args []string, env ...string) *exec.Cmd {
	cmd := exec.Command("/usr/bin/wanctl", args...)
	cmd.Dir = "/var/lib/wanctl"
	cmd.Env = append([]string{"ZONEINFO=/usr/share/zoneinfo.zip"}, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Chroot:      root,
		Cloneflags:  syscall.CLONE_NEWPID,
		Credential:  &syscall.Credential{Uid: imageUser, Gid: imageUser},
		AmbientCaps: []uintptr{unix.CAP_NET_RAW},
		Pdeathsig:   syscall.SIGKILL,
	}
	return cmd
}

// TestContainer runs the image without an engine.
func TestContainer(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for chroot and a process namespace")
	}
	if testing.Short() {
		t.Skip("builds the program and takes some seconds")
	}
	inRoot(t)
	root := rootFS(t)

	out, err := container(root, []string{"version"}).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "wanctl ") {
		t.Errorf("version: %v: %s", err, out)
	}
	out, err = container(root, nil, "WANCTL_MODE=shapes").CombinedOutput()
	if status(err) != 2 || !strings.Contains(string(out), "WANCTL_MODE=shapes: no such mode; use one of") {
		t.Errorf("an unknown mode ended with %v: %s", err, out)
	}
	config := filepath.Join(root, "etc/wanctl/dsl.yaml")
	port := simulatedRouter(t, filepath.Join(root, "usr/bin/wanctl"))
	if err := os.WriteFile(config, fmt.Appendf(nil, containerConfig, port), 0o644); err != nil {
		t.Fatal(err)
	}

	var stderr bytes.Buffer
	loop := container(root, nil, "WANCTL_MODE=shape", "ROUTER_PASSWORD=secret-of-the-test", "TZ=Europe/Vienna")
	loop.Stdout, loop.Stderr = io.Discard, &stderr
	if err := loop.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- loop.Wait() }()
	defer func() { _ = loop.Process.Kill() }()
	healthy := func() bool {
		out, err = container(root, []string{"health", "127.0.0.1:19101"}).CombinedOutput()
		return err == nil
	}
	for deadline := time.Now().Add(30 * time.Second); !healthy(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the container's health check never succeeded: %v: %s\n%s", err, out, &stderr)
		}
	}
	if err := loop.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("after SIGTERM: %v\n%s", err, &stderr)
		}
	case <-time.After(2 * time.Second):
		t.Errorf("the container did not end within 2 s of SIGTERM")
	}
	if strings.Contains(stderr.String(), "level=ERROR") {
		t.Errorf("errors in the log:\n%s", &stderr)
	}
	for _, name := range []string{"var/lib/wanctl/dsl_state.json", "var/log/wanctl/dsl.log"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("nothing was kept: %v", err)
		}
	}
}

const containerConfig = `wan_name: dsl
router: {transport: rest, host: 127.0.0.1, port: %s, user: wanctl, password: "${ROUTER_PASSWORD}"}
queues: {download: WAN-Download-1, upload: WAN-Upload-1}
continuous_monitoring:
  baseline_rtt_initial: 1
  download: {ceiling_mbps: 500, floor_mbps: 100}
  upload: {ceiling_mbps: 40, floor_mbps: 10}
  ping_hosts: [127.0.0.1, 127.0.0.2, 127.0.0.3]
  fallback_checks: {tcp_targets: ["127.0.0.1:1"], gateway_ip: 127.0.0.1}
health_check: {port: 19101}
metrics: {enabled: false}
`

// simulatedRouter starts one and returns its port.
func simulatedRouter(t *testing.T, wanctl string) string {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready")
	cmd := exec.Command(wanctl, "sim", "router", "--listen", "127.0.0.1:0", "--ready-file", ready,
		"--user", "wanctl", "--password-env", "ROUTER_PASSWORD")
	cmd.Env = append(os.Environ(), "ROUTER_PASSWORD=secret-of-the-test")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if b, err := os.ReadFile(ready); err == nil && len(b) > 0 {
			first, _, _ := strings.Cut(string(b), "\n")
			return first[strings.LastIndexByte(first, ':')+1:]
		}
	}
	t.Fatalf("the simulated router never listened: %s", &out)
	return ""
}

func status(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// TestImage: the image that is made without an engine is the one that the
// Dockerfile describes, and the same files give the same bytes.
func TestImage(t *testing.T) {
	inRoot(t)
	root := t.TempDir()
	for _, dir := range []string{"usr/bin", "var/lib/wanctl", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "usr/bin/wanctl"), []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	made := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	var first, second bytes.Buffer
	for _, w := range []io.Writer{&first, &second} {
		if err := writeImage(w, root, "arm", "wanctl:1", made); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two images of the same files differ")
	}
	files := map[string][]byte{}
	for r := tar.NewReader(&first); ; {
		h, err := r.Next()
		if err != nil {
			break
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	var image struct {
		Variant string
		Config  struct {
			User, WorkingDir string
			Env, Entrypoint  []string
			Healthcheck      struct{ Test []string }
		}
	}
	if err := json.Unmarshal(files["config.json"], &image); err != nil {
		t.Fatal(err)
	}
	dockerfile, err := os.ReadFile("configs/container/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	list := func(s []string) string { return `["` + strings.Join(s, `", "`) + `"]` }
	for _, want := range []string{
		"USER " + image.Config.User, "WORKDIR " + image.Config.WorkingDir,
		"ENTRYPOINT " + list(image.Config.Entrypoint), "CMD " + list(image.Config.Healthcheck.Test[1:]),
	} {
		if !strings.Contains(string(dockerfile), want+"\n") {
			t.Errorf("the Dockerfile has no %q", want)
		}
	}
	for _, v := range regexp.MustCompile(`[A-Z]+=\S+`).FindAllString(regexp.MustCompile(`(?s)ENV .*?[^\\]\n`).FindString(string(dockerfile)), -1) {
		if !slices.Contains(image.Config.Env, v) {
			t.Errorf("the image's environment has no %s, the Dockerfile has", v)
		}
	}
	if image.Variant != "v7" {
		t.Errorf("variant %q of arm, want v7", image.Variant)
	}
	layer := map[string]*tar.Header{}
	for r := tar.NewReader(bytes.NewReader(files["layer.tar"])); ; {
		h, err := r.Next()
		if err != nil {
			break
		}
		layer[h.Name] = h
	}
	if h := layer["var/lib/wanctl/"]; h == nil || h.Uid != imageUser {
		t.Errorf("the state directory is %+v, want it the user's", h)
	}
	if h := layer["usr/bin/wanctl"]; h == nil || h.Uid != 0 || h.Mode != 0o755 {
		t.Errorf("the program is %+v, want it root's and executable", h)
	}
}
