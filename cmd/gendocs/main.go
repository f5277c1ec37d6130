// Command gendocs writes the shell completions and man pages of wanctl into
// completions/ and man/, from the commands themselves, and the manuals that belong to no
// command from the Markdown beside it. The JSON schemas of the configuration files, and
// of the documents that wanctl writes, go into configs/.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli"
	"github.com/wanctl/wanctl/pkg/config"
)

func main() {
	if err := generate("completions", "man", "configs"); err != nil {
		fmt.Fprintln(os.Stderr, "gendocs:", err)
		os.Exit(1)
	}
}

func generate(completions, man, configs string) error {
	if err := writeSchemas(configs); err != nil {
		return err
	}
	if err := writeDocuments(filepath.Join(configs, "output.schema.json")); err != nil {
		return err
	}
	root := cli.Command("")
	if err := writeCompletions(root, completions); err != nil {
		return err
	}
	return writeMan(root, man)
}

func writeSchemas(dir string) error {
	for name, kind := range map[string]config.FileKind{"wanctl": config.KindWAN, "steering": config.KindSteering} {
		text, err := config.JSONSchema(kind)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name+".schema.json"), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func writeCompletions(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := root.GenBashCompletionFileV2(filepath.Join(dir, "wanctl.bash"), true); err != nil {
		return err
	}
	if err := root.GenZshCompletionFile(filepath.Join(dir, "_wanctl")); err != nil {
		return err
	}
	return root.GenFishCompletionFile(filepath.Join(dir, "wanctl.fish"), true)
}

// writeMan removes pages that are gone, too.
func writeMan(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.[1-8]"))
	if err != nil {
		return err
	}
	for _, f := range old {
		if strings.HasPrefix(filepath.Base(f), "wanctl") {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	if err := writeCommands(root, dir); err != nil {
		return err
	}
	for _, p := range pages {
		if err := p.write(dir); err != nil {
			return err
		}
	}
	return nil
}
