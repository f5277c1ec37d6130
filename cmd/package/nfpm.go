package main

import (
	"fmt"
	"io"
	"maps"

	"go.yaml.in/yaml/v3"
)

// names of a GOARCH where packages have others. What lacks here nfpm knows itself.
var (
	nfpmArch = map[string]string{"arm": "arm7"}
	// openWrtArch is the name of the commonest processor of each kind; others need
	// `opkg --force-architecture`, since the binary runs on all of its kind.
	openWrtArch = map[string]string{
		"amd64": "x86_64", "arm64": "aarch64_generic", "arm": "arm_cortex-a7_neon-vfpv4",
		"riscv64": "riscv64_generic", "mips": "mips_24kc", "mipsle": "mipsel_24kc",
	}
)

// writeNFPM writes the configuration of nfpm for one architecture and format. The
// binary is dist/wanctl-GOARCH.
func (d *description) writeNFPM(w io.Writer, goarch, format string, r revision) error {
	s, err := d.of(format)
	if err != nil {
		return err
	}
	list, err := s.entries(format, "dist/wanctl-"+goarch)
	if err != nil {
		return err
	}
	arch, other := nfpmArch[goarch]
	if !other {
		arch = goarch
	}
	out := maps.Clone(s.Rest)
	out["name"], out["arch"], out["platform"] = s.Name, arch, "linux"
	out["version"], out["mtime"], out["contents"] = r.version, r.date, list
	if format == "ipk" {
		name, ok := openWrtArch[goarch]
		if !ok {
			return fmt.Errorf("OpenWrt has no name for %s here", goarch)
		}
		out["ipk"] = map[string]string{"arch": name}
	}
	return yaml.NewEncoder(w).Encode(out)
}
