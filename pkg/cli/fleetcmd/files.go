package fleetcmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/configdir"
	"github.com/wanctl/wanctl/pkg/fleet/release"
	"github.com/wanctl/wanctl/pkg/regfile"
)

// read returns the files below dir that are configurations, checked.
func (o *options) read(dir string) (release.Contents, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	c := release.Contents{}
	if err := o.readDir(c, dir, ""); err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			if err := o.readDir(c, filepath.Join(dir, e.Name()), e.Name()+"/"); err != nil {
				return nil, err
			}
		}
	}
	if len(c) == 0 {
		return nil, app.Usagef("there is no configuration in %s: it holds NAME.yaml for every node and SITE/NAME.yaml for those of a site", dir)
	}
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return c, o.check(dir, c)
}

func (o *options) readDir(c release.Contents, dir, site string) error {
	for _, path := range config.Files(dir) {
		if filepath.Dir(path) != filepath.Clean(dir) {
			continue // of a set that this host follows itself
		}
		name := site + filepath.Base(path)
		text, err := regfile.Read(path, release.MaxFile)
		if errors.Is(err, regfile.ErrTooLarge) {
			return fmt.Errorf("%w: is it a configuration?", err)
		} else if err != nil {
			return err
		}
		if len(c) == release.MaxFiles {
			return fmt.Errorf("%s: a set may have %d files", dir, release.MaxFiles)
		}
		c[name] = text
	}
	return nil
}

// check checks files as each node will: those of every node together with those of its site.
// Passwords are not known here, and variables are those of this environment.
func (o *options) check(dir string, c release.Contents) error {
	var bad config.Error
	seen := map[string]bool{}
	add := func(list *[]config.Problem, p config.Problem) {
		if text := p.String(); !seen[text] {
			seen[text] = true
			*list = append(*list, p)
		}
	}
	for name, text := range c {
		for _, p := range config.LiteralSecrets(text, filepath.Join(dir, name)) {
			add(&bad.Problems, p)
		}
	}
	var warnings []config.Problem
	set := release.Set{Files: c.List()}
	opts := o.ConfigOptions()
	opts.FileAlone, opts.WithoutSecrets = true, true
	for _, site := range append(set.Sites(), "") {
		results, err := validateSite(dir, c, set.ForSite(site), opts)
		if err != nil {
			return err
		}
		for _, r := range results {
			for _, p := range r.Errors() {
				add(&bad.Problems, p)
			}
			for _, p := range r.Warnings() {
				add(&warnings, p)
			}
		}
	}
	o.WarnProblems(warnings)
	if len(bad.Problems) > 0 {
		slices.SortFunc(bad.Problems, func(a, b config.Problem) int { return strings.Compare(a.File, b.File) })
		return &bad
	}
	return nil
}

// validateSite validates the files of one node, by their names on it and in the set.
func validateSite(dir string, c release.Contents, names map[string]string, opts config.Options) ([]*configdir.Result, error) {
	tmp, err := os.MkdirTemp("", "wanctl-fleet-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	var paths []string
	replace := []string{}
	for name, inSet := range names {
		path := filepath.Join(tmp, name)
		if err := os.WriteFile(path, c[inSet], 0o600); err != nil {
			return nil, err
		}
		paths = append(paths, path)
		replace = append(replace, path, filepath.Join(dir, inSet))
	}
	slices.Sort(paths)
	results, err := configdir.Validate(paths, opts, nil)
	named := strings.NewReplacer(replace...)
	for _, r := range results {
		for i := range r.Findings {
			p := &r.Findings[i].Problem
			p.File, p.Text = named.Replace(p.File), named.Replace(p.Text)
		}
	}
	return results, err
}
