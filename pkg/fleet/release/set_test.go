package release_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/fleet/release"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{"cable.yaml", "cable.yml", "north-12/cable.yaml", "a.b.yaml", "_.yaml"} {
		if err := release.CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{
		"", ".yaml", "..yaml", "../a.yaml", "/a.yaml", "a/../b.yaml", "a/b/c.yaml", "a//b.yaml", "a/", ".hidden.yaml", ".a/b.yaml", "../..yaml",
		"a\x00.yaml", "a\n.yaml", "a b.yaml", "a.json", "a", "a.yaml/b", "é.yaml", `a\b.yaml`, "-a.yaml", strings.Repeat("a", 64) + ".yaml",
		"node.yaml", "node.yml", "north/node.yaml", "a.yaml\n",
	} {
		if err := release.CheckName(name); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
}

func TestBounds(t *testing.T) {
	many := release.Contents{}
	for i := range release.MaxFiles + 1 {
		many[fmt.Sprintf("f%d.yaml", i)] = nil
	}
	large := strings.Repeat("x", release.MaxFile)
	heavy := release.Contents{}
	for i := range release.MaxNode/release.MaxFile + 1 {
		heavy[fmt.Sprintf("f%d.yaml", i)] = []byte(large)
	}
	for want, c := range map[string]release.Contents{
		"without files":            {},
		"more than a set may have": many,
		"a.yaml: has 65537 bytes":  files("a.yaml", large+"x"),
		"more than 16777216 bytes": heavy,
		"is in the set, too":       files("a.yaml", "", "a.yml", ""),
		"is no NAME.yaml":          files("../a.yaml", ""),
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := files("a.yaml", large).Check(); err != nil {
		t.Error(err)
	}
}

func TestForSite(t *testing.T) {
	set := release.Set{Files: files("a.yaml", "", "b.yml", "", "north/b.yaml", "", "north/c.yaml", "", "south/a.yaml", "").List()}
	for site, want := range map[string]string{
		"":      "map[a.yaml:a.yaml b.yml:b.yml]",
		"east":  "map[a.yaml:a.yaml b.yml:b.yml]",
		"north": "map[a.yaml:a.yaml b.yaml:north/b.yaml c.yaml:north/c.yaml]",
		"south": "map[a.yaml:south/a.yaml b.yml:b.yml]",
	} {
		if got := fmt.Sprint(set.ForSite(site)); got != want {
			t.Errorf("%q: %s, want %s", site, got, want)
		}
	}
	if got := fmt.Sprint(set.Sites()); got != "[north south]" {
		t.Error(got)
	}
}
