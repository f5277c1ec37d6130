package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// imageUser is the number under which the program runs in the image, and to which
// the directories belong that it writes. Dockerfile and rootfs.sh have the same.
const imageUser = 65532

// imageConfig is what an engine has to know to run the image: the part of the
// Dockerfile that is not files. See the OCI image specification, config.md.
func imageConfig(arch, layer string, made time.Time) any {
	variant := ""
	if arch == "arm" {
		variant = "v7"
	}
	return map[string]any{
		"architecture": arch, "variant": variant, "os": "linux", "created": made,
		"config": map[string]any{
			"User":       fmt.Sprintf("%d:%d", imageUser, imageUser),
			"Env":        []string{"PATH=/usr/bin", "ZONEINFO=/usr/share/zoneinfo.zip", "GODEBUG=schedtrace=2000000000"},
			"WorkingDir": "/var/lib/wanctl",
			"Entrypoint": []string{"/usr/bin/wanctl"},
			"Healthcheck": map[string]any{
				"Test":     []string{"CMD", "/usr/bin/wanctl", "health"},
				"Interval": 15 * time.Second, "Timeout": 5 * time.Second, "StartPeriod": 30 * time.Second,
			},
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + layer}},
	}
}

// writeImage writes the root file system at dir as an image that 'docker load',
// podman and RouterOS import. The same files give the same bytes.
func writeImage(w io.Writer, dir, arch, tag string, made time.Time) error {
	layer, err := layerOf(dir, made)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(layer)
	config, err := json.Marshal(imageConfig(arch, hex.EncodeToString(sum[:]), made))
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]map[string]any{
		{"Config": "config.json", "RepoTags": []string{tag}, "Layers": []string{"layer.tar"}},
	})
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	for _, f := range []struct {
		name string
		data []byte
	}{{"layer.tar", layer}, {"config.json", config}, {"manifest.json", manifest}} {
		header := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.data)), ModTime: made}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		if _, err := out.Write(f.data); err != nil {
			return err
		}
	}
	return out.Close()
}

// layerOf returns the files below dir as a tar, in the order of their names.
func layerOf(dir string, made time.Time) ([]byte, error) {
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: name, Mode: int64(info.Mode().Perm()), ModTime: made, Typeflag: tar.TypeReg, Size: info.Size()}
		if info.Mode()&fs.ModeSticky != 0 {
			header.Mode |= 0o1000
		}
		if info.IsDir() {
			header.Name, header.Typeflag, header.Size = name+"/", tar.TypeDir, 0
		}
		if writable(name) {
			header.Uid, header.Gid = imageUser, imageUser
		}
		if err := out.WriteHeader(header); err != nil || info.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = out.Write(data)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// writable reports the directories that the program writes.
func writable(name string) bool {
	return strings.HasPrefix(name, "var/") && strings.HasSuffix(name, "/wanctl") || name == "run/wanctl"
}
