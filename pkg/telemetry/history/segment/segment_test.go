package segment

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

var spec = Spec{Name: "1m", Period: time.Hour, Keep: 5 * time.Hour, MaxBytes: 1 << 20, Sync: true}

// written returns a log in dir with n records, a minute apart from noon on.
func written(t *testing.T, dir string, s Spec, from, n int) *Log {
	t.Helper()
	l := NewLog(dir, s)
	for i := from; i < from+n; i++ {
		if err := errors.Join(l.Append(noon.Add(time.Duration(i)*time.Minute), fmt.Appendf(nil, "record %d", i)), l.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// read returns all records in dir.
func read(t *testing.T, dir string, s Spec) (texts []string) {
	t.Helper()
	if err := s.Read(dir, time.Time{}, noon.AddDate(10, 0, 0), func(p []byte) bool {
		texts = append(texts, string(p))
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return texts
}

func listed(t *testing.T, dir string, s Spec) []file {
	t.Helper()
	files, err := s.files(dir)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A directory that cannot be read is not taken for an empty one.
func TestUnreadableDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	nothing := func([]byte) bool { return true }
	if err := spec.Read(dir, time.Time{}, noon, nothing); err != nil {
		t.Errorf("an absent one: %v", err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // as root, too, nobody lists a file
		t.Fatal(err)
	}
	if err := spec.Read(dir, time.Time{}, noon, nothing); !errors.Is(err, syscall.ENOTDIR) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
}

func numbered(from, n int) (texts []string) {
	for i := from; i < from+n; i++ {
		texts = append(texts, fmt.Sprint("record ", i))
	}
	return texts
}

func TestAppendAndRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b]*", "history") // made, and no pattern
	l := written(t, dir, spec, 0, 130)
	if diff := cmp.Diff(numbered(0, 130), read(t, dir, spec)); diff != "" {
		t.Errorf("while it is written (-want +got)\n%s", diff)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := written(t, dir, spec, 130, 5).Close(); err != nil { // the next process
		t.Fatal(err)
	}
	if diff := cmp.Diff(numbered(0, 135), read(t, dir, spec)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if files := listed(t, dir, spec); len(files) != 3 {
		t.Errorf("%d files of three hours", len(files))
	}
	var some []string
	_ = spec.Read(dir, noon.Add(70*time.Minute), noon.Add(80*time.Minute), func(p []byte) bool {
		some = append(some, string(p))
		return len(some) < 2
	})
	if diff := cmp.Diff(numbered(60, 2), some); diff != "" {
		t.Errorf("the hour that was asked for, until enough (-want +got)\n%s", diff)
	}
	if err := l.Append(noon, make([]byte, MaxRecord+1)); err == nil {
		t.Error("a record that no reader would accept was added")
	}
}

// A file that is cut anywhere yields the records before the cut, and takes more.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	if err := written(t, dir, spec, 0, 6).Close(); err != nil {
		t.Fatal(err)
	}
	path := listed(t, dir, spec)[0].path
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) + 1 {
		for _, tail := range [][]byte{nil, make([]byte, 40), bytes.Repeat([]byte{0xff}, 40)} { // what file systems leave
			if err := os.WriteFile(path, append(whole[:n:n], tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			kept := read(t, dir, spec)
			if !slices.Equal(kept, numbered(0, len(kept))) {
				t.Fatalf("cut at %d: %q", n, kept)
			}
			if n == len(whole) && len(kept) != 6 {
				t.Fatalf("nothing is cut off, and %q is read", kept)
			}
			if err := written(t, dir, spec, 6, 1).Close(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append(kept, "record 6"), read(t, dir, spec)); diff != "" {
				t.Fatalf("cut at %d, then continued (-want +got)\n%s", n, diff)
			}
		}
	}
}

// One bad byte costs one record, or those behind a length that cannot be.
func TestBadByte(t *testing.T) {
	var body []byte
	body = append(body, magic...)
	for i := range 6 {
		body = frame(body, fmt.Appendf(nil, "record %d", i))
	}
	all := numbered(0, 6)
	for at := len(magic); at < len(body); at++ {
		bad := bytes.Clone(body)
		bad[at] ^= 0x55
		var got []string
		scan(bad, func(p []byte) bool { got = append(got, string(p)); return true })
		inLength := (at-len(magic))%(header+len("record 0")) < 4
		if len(got) < 5 && !inLength {
			t.Errorf("byte %d: %q", at, got)
		}
		for _, text := range got {
			if !slices.Contains(all, text) {
				t.Errorf("byte %d: %q was never written", at, text)
			}
		}
	}
}

func TestRetention(t *testing.T) {
	for _, c := range []struct {
		name string
		spec Spec
		want int // files
	}{
		{"age", Spec{Name: "x", Period: time.Hour, Keep: 5 * time.Hour, MaxBytes: 1 << 20}, 6},
		{"bytes", Spec{Name: "x", Period: time.Hour, Keep: 500 * time.Hour, MaxBytes: 4000}, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := written(t, dir, c.spec, 0, 60*20).Close(); err != nil {
				t.Fatal(err)
			}
			files := listed(t, dir, c.spec)
			if len(files) < c.want-1 || len(files) > c.want+1 || !files[len(files)-1].start.Equal(noon.Add(19*time.Hour)) {
				t.Errorf("%d files from %v to %v", len(files), files[0].start, files[len(files)-1].start)
			}
		})
	}
}

// A record with a wrong time costs nothing that is worth keeping, and neither do the
// records of a clock that starts in 1970.
func TestWrongClock(t *testing.T) {
	s := Spec{Name: "x", Period: time.Hour, Keep: 10 * time.Hour, MaxBytes: 1 << 20}
	for _, c := range []struct {
		name string
		at   []time.Time
	}{
		{"years ahead", []time.Time{noon.AddDate(12, 0, 0)}},
		{"years behind", []time.Time{time.Unix(5, 0), time.Unix(7200, 0), time.Unix(15000, 0)}},
		{"both", []time.Time{time.Unix(5, 0), noon.AddDate(12, 0, 0)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			l := written(t, dir, s, 0, 400)
			for _, at := range c.at {
				if err := l.Append(at, []byte("wrong")); err != nil {
					t.Fatal(err)
				}
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if err := written(t, dir, s, 400, 200).Close(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, text := range read(t, dir, s) {
				if text != "wrong" {
					got = append(got, text)
				}
			}
			if diff := cmp.Diff(numbered(0, 600), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// A file of another version is kept under another name, however often there is one.
func TestForeignFile(t *testing.T) {
	dir := t.TempDir()
	path := spec.path(dir, noon)
	texts := []string{"wanctl-segment-2\nrecords of another version", "a"}
	for i, text := range texts {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var said []string
		l := NewLog(dir, spec)
		l.Aside = func(path, to string) { said = append(said, path, to) }
		if err := errors.Join(l.Append(noon, []byte("record 0")), l.Close()); err != nil {
			t.Fatal(err)
		}
		to := fmt.Sprintf("%s.unknown-%d", path, i+1)
		if diff := cmp.Diff([]string{path, to}, said); diff != "" {
			t.Errorf("said (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(numbered(0, 1), read(t, dir, spec)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	for i, text := range texts {
		if kept, err := os.ReadFile(fmt.Sprintf("%s.unknown-%d", path, i+1)); err != nil || string(kept) != text {
			t.Errorf("%v, %q is kept of %q", err, kept, text)
		}
	}
}

// What root writes belongs to the owner of the directory it is in, and so a service with
// fewer rights can go on with it. A link of that owner leads root nowhere.
func TestRootWritesForTheService(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	parent := t.TempDir()
	if err := os.Chown(parent, 4242, 4343); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "history")
	if err := written(t, dir, spec, 0, 130).Close(); err != nil {
		t.Fatal(err)
	}
	paths := []string{dir}
	for _, f := range listed(t, dir, spec) {
		paths = append(paths, f.path)
	}
	if len(paths) != 4 {
		t.Errorf("%q", paths)
	}
	for _, path := range paths {
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if sys := st.Sys().(*syscall.Stat_t); sys.Uid != 4242 || sys.Gid != 4343 {
			t.Errorf("%s belongs to %d:%d", path, sys.Uid, sys.Gid)
		}
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Symlink(outside, spec.path(dir, noon.Add(9*time.Hour))); err != nil {
		t.Fatal(err)
	}
	if err := NewLog(dir, spec).Append(noon.Add(9*time.Hour), []byte("x")); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("through a link: %v", err)
	}
	if _, err := os.Lstat(outside); err == nil {
		t.Error("a file was made outside")
	}
}

// What a clock that was ahead has left is bounded, and gives way to what is right.
func TestRecordsFromTheFutureAreBounded(t *testing.T) {
	s := Spec{Name: "x", Period: time.Hour, Keep: 500 * time.Hour, MaxBytes: 4000}
	dir := t.TempDir()
	if err := written(t, dir, s, 60*480, 120).Close(); err != nil {
		t.Fatal(err)
	}
	if err := written(t, dir, s, 0, 60*20).Close(); err != nil {
		t.Fatal(err)
	}
	files := listed(t, dir, s)
	if newest := files[len(files)-1].start; len(files) < 3 || len(files) > 5 || !newest.Equal(noon.Add(19*time.Hour)) {
		t.Errorf("%d files, the newest of %v", len(files), newest)
	}
}

// A disk that is full for a while costs the records of that time alone.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	l := written(t, dir, spec, 0, 3)
	l.f.Close()
	readOnly, err := os.Open(listed(t, dir, spec)[0].path)
	if err != nil {
		t.Fatal(err)
	}
	l.f = readOnly // writes fail from here on
	if err := errors.Join(l.Append(noon.Add(3*time.Minute), []byte("lost")), l.Flush()); !errors.Is(err, syscall.EBADF) {
		t.Errorf("%v", err)
	}
	for i := 4; i < 6; i++ {
		if err := errors.Join(l.Append(noon.Add(time.Duration(i)*time.Minute), fmt.Appendf(nil, "record %d", i)), l.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(append(numbered(0, 3), numbered(4, 2)...), read(t, dir, spec)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte(magic), []byte("a record"))
	f.Add(frame([]byte(magic), []byte("x")), []byte("y"))
	f.Fuzz(func(t *testing.T, body, payload []byte) {
		end := scan(body, func(p []byte) bool { return len(p) > 0 && len(p) <= MaxRecord })
		if end < 0 || end > len(body) {
			t.Fatalf("end %d of %d", end, len(body))
		}
		if end == 0 || len(payload) == 0 || len(payload) > MaxRecord {
			return
		}
		var last []byte
		scan(frame(body[:end:end], payload), func(p []byte) bool { last = p; return true })
		if !bytes.Equal(last, payload) {
			t.Errorf("appended %q, read %q", payload, last)
		}
	})
}
