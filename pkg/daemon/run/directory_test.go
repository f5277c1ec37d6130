package run

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/config"
)

// A change counts when the file has stayed the same from one look to the next, so that
// neither half a file nor the moment between removing and writing one is taken for it.
func TestDirectoryChanges(t *testing.T) {
	dir := t.TempDir()
	d := directory{path: dir, last: map[string]stamp{}, used: map[string]stamp{}}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(name string) {
		t.Helper()
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, all bool, names ...string) {
		t.Helper()
		paths, err := d.changes(all)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range paths {
			got = append(got, strings.TrimSuffix(filepath.Base(p), ".yaml"))
		}
		slices.Sort(got)
		if !slices.Equal(got, names) {
			t.Errorf("%s: %v, want %v", what, got, names)
		}
	}
	want("empty", false)
	write("a.yaml", "queues: {}")
	write("notes.txt", "")
	want("a file that has just come", false)
	want("and stayed", false, "a")
	want("nothing new", false)

	write("a.yaml", "queues: {d")
	want("half a change", false)
	write("a.yaml", "queues: {download: x}")
	want("the other half", false)
	want("and stayed", false, "a")

	remove("a.yaml")
	want("an editor has moved it away", false)
	write("a.yaml", "queues: {download: yy}")
	want("and written it anew", false)
	want("and stayed", false, "a")

	write("b.yaml", "queues: {}")
	want("all, at once", true, "a", "b")
	want("nothing new", false)
	remove("b.yaml")
	want("a file that has just gone", false)
	want("and stayed away", false, "b")
	want("nothing new", false)

	remove("a.yaml")
	want("all of what is gone, too", true, "a")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	_, err := d.changes(false)
	if invalid := new(config.Error); !errors.As(err, &invalid) || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("error %v of a directory that is gone", err)
	}
}
