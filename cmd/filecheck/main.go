// Command filecheck holds files that other programs read against what those programs
// accept: .goreleaser.yaml and compose.yaml against the JSON schemas of goreleaser
// and of Compose, the Dockerfile against BuildKit's parser, dashboards against
// Grafana's types. It is a module of its own,
// so that none of these is a dependency of wanctl.
//
//	go -C cmd/filecheck run . ../..
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// checks are the files, the modules that have their schemas, and where.
var checks = []struct{ file, module, schema string }{
	{".goreleaser.yaml", "github.com/goreleaser/goreleaser/v2@v2.13.3", "www/docs/static/schema.json"},
	{"configs/container/compose.yaml", "github.com/compose-spec/compose-go/v2@v2.16.2", "schema/compose-spec.json"},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: filecheck DIR")
		os.Exit(2)
	}
	boards, err := filepath.Glob(filepath.Join(os.Args[1], "configs/grafana/*.json"))
	errs := append(checkDashboards(boards), err, checkDockerfile(filepath.Join(os.Args[1], "configs/container/Dockerfile")))
	for _, c := range checks {
		if err := checkSchema(filepath.Join(os.Args[1], c.file), c.module, c.schema); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.file, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// checkSchema validates a YAML file.
func checkSchema(file, module, schema string) error {
	dir, err := download(module)
	if err != nil {
		return err
	}
	compiled, err := jsonschema.NewCompiler().Compile(filepath.Join(dir, schema))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	// The tags of YAML's merge keys are resolved by the decoder; the numbers have to be
	// those of JSON.
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return err
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return err
	}
	return compiled.Validate(doc)
}

// download returns where the files of a module are.
func download(module string) (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", cmd, err)
	}
	var found struct{ Dir string }
	return found.Dir, json.Unmarshal(out, &found)
}

func checkDockerfile(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	parsed, err := parser.Parse(f)
	if err == nil {
		_, _, err = instructions.Parse(parsed.AST, nil)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
