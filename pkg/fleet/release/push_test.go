package release_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/fleet/release"
	"github.com/wanctl/wanctl/pkg/fleet/release/storetest"
	"github.com/wanctl/wanctl/pkg/fleet/sshsig"
)

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// newKeys returns the keys of somebody whom those in allowed, and they, may sign for.
func newKeys(t testing.TB, who string) release.Keys {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	allowed, err := sshsig.ParseSigners("allowed_signers", []byte(who+" "+string(ssh.MarshalAuthorizedKey(key.PublicKey()))))
	if err != nil {
		t.Fatal(err)
	}
	return release.Keys{
		Sign: func(text []byte) (string, error) { return sshsig.Sign(key, release.Namespace, text) },
		Verify: func(signature string, text []byte) (string, error) {
			return allowed.Verify(signature, release.Namespace, text, now)
		},
	}
}

func files(pairs ...string) release.Contents {
	c := release.Contents{}
	for i := 0; i < len(pairs); i += 2 {
		c[pairs[i]] = []byte(pairs[i+1])
	}
	return c
}

func push(t testing.TB, k release.Keys, s release.Store, stage string, c release.Contents) uint64 {
	t.Helper()
	p, err := k.Plan(t.Context(), s, stage, c, release.Options{})
	if err == nil {
		err = k.Apply(t.Context(), s, p, now)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.Revision
}

// content returns what a stage has, "NAME=CONTENT ...", as a node reads it.
func content(t testing.TB, k release.Keys, s release.Store, stage string) string {
	t.Helper()
	current, err := k.Read(t.Context(), s, stage)
	if errors.Is(err, release.ErrNotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(current.Revision)
	for _, c := range release.Diff(nil, current.Set.Files) {
		b, err := release.Content(t.Context(), s, c.Name, current.Set.Files[c.Name])
		if err != nil {
			t.Fatal(err)
		}
		text += " " + c.Name + "=" + string(b)
	}
	return text
}

func want(t testing.TB, k release.Keys, s release.Store, stage, text string) {
	t.Helper()
	if got := content(t, k, s, stage); got != text {
		t.Errorf("%s has %q, want %q", stage, got, text)
	}
}

func TestStore(t *testing.T) { storetest.Conformance(t, new(storetest.Memory)) }

// TestStages: push to canaries, advance, go back twice, go back to a revision by number.
func TestStages(t *testing.T) {
	k, s, ctx := newKeys(t, "admin"), new(storetest.Memory), t.Context()
	push(t, k, s, "stable", files("a.yaml", "A"))
	push(t, k, s, "stable", files("a.yaml", "B"))
	push(t, k, s, "canary", files("a.yaml", "C", "north/b.yaml", "N"))
	want(t, k, s, "stable", "2 a.yaml=B")
	want(t, k, s, "canary", "3 a.yaml=C north/b.yaml=N")

	p, err := k.PlanAdvance(ctx, s, "canary", "stable", release.Options{})
	if err != nil || fmt.Sprint(p.Changes) != "[{a.yaml changed} {north/b.yaml added}]" {
		t.Fatalf("PlanAdvance: %+v, %v", p, err)
	}
	if err := k.Apply(ctx, s, p, now); err != nil {
		t.Fatal(err)
	}
	want(t, k, s, "stable", "3 a.yaml=C north/b.yaml=N")
	if p, err := k.PlanAdvance(ctx, s, "canary", "stable", release.Options{}); err != nil || !p.Empty() {
		t.Errorf("advance again: %+v, %v", p, err)
	}

	back := func(to uint64) {
		t.Helper()
		p, err := k.PlanRollback(ctx, s, "stable", to, release.Options{})
		if err == nil {
			err = k.Apply(ctx, s, p, now)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	back(0)
	want(t, k, s, "stable", "4 a.yaml=B")
	back(0)
	want(t, k, s, "stable", "5 a.yaml=A")
	if _, err := k.PlanRollback(ctx, s, "stable", 0, release.Options{}); err == nil || !strings.Contains(err.Error(), "nothing before revision 5") {
		t.Errorf("rollback of the first: %v", err)
	}
	back(3)
	want(t, k, s, "stable", "6 a.yaml=C north/b.yaml=N")
	if _, err := k.PlanAdvance(ctx, s, "canary", "stable", release.Options{}); err == nil || !strings.Contains(err.Error(), "above 3 of canary") {
		t.Errorf("advance to a lower revision: %v", err)
	}
	if p, err := k.Plan(ctx, s, "stable", files("a.yaml", "C", "north/b.yaml", "N"), release.Options{}); err != nil || !p.Empty() {
		t.Errorf("push of what is there: %+v, %v", p, err)
	}
}

// TestAllOrNothing: the store fails at each operation of a push in turn, before or after it
// has done what it was asked. The stage has the old files or the new ones, Apply says which,
// and another push succeeds.
func TestAllOrNothing(t *testing.T) {
	k := newKeys(t, "admin")
	for _, kind := range []string{"put", "put-done", "get"} {
		for at := 1; ; at++ {
			s := new(storetest.Memory)
			push(t, k, s, "stable", files("a.yaml", "old"))
			p, err := k.Plan(t.Context(), s, "stable", files("a.yaml", "new", "b.yaml", "new"), release.Options{})
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			s.Fail = func(op, _ string) error {
				if op == kind {
					if n++; n >= at { // from then on: the connection is gone
						return errors.New("no connection")
					}
				}
				return nil
			}
			err = k.Apply(t.Context(), s, p, now)
			s.Fail = nil
			got := content(t, k, s, "stable")
			var unknown *release.UnknownError
			switch {
			case err == nil && got != "2 a.yaml=new b.yaml=new",
				err != nil && !errors.As(err, &unknown) && got != "1 a.yaml=old",
				got != "1 a.yaml=old" && got != "2 a.yaml=new b.yaml=new":
				t.Errorf("%s %d fails: %v, and the stage has %q", kind, at, err, got)
			}
			if n < at {
				break
			}
			push(t, k, s, "stable", files("a.yaml", "newer"))
		}
	}
}

// TestTwoPushes: of two at once one succeeds, the other has ErrConflict, also where they are
// for two stages and took the same revision.
func TestTwoPushes(t *testing.T) {
	k := newKeys(t, "admin")
	for _, other := range []string{"stable", "canary"} {
		s := new(storetest.Memory)
		push(t, k, s, "stable", files("a.yaml", "1"))
		mine, err := k.Plan(t.Context(), s, "stable", files("a.yaml", "mine"), release.Options{})
		if err != nil {
			t.Fatal(err)
		}
		push(t, k, s, other, files("a.yaml", "theirs"))
		if err := k.Apply(t.Context(), s, mine, now); !errors.Is(err, release.ErrConflict) {
			t.Errorf("%s: %v, want a conflict", other, err)
		}
		want(t, k, s, other, "2 a.yaml=theirs")
	}
	// Both have a set of their own, and the same release before.
	s := new(storetest.Memory)
	push(t, k, s, "canary", files("a.yaml", "1"))
	one, err1 := k.PlanAdvance(t.Context(), s, "canary", "stable", release.Options{})
	two, err2 := k.Plan(t.Context(), s, "stable", files("a.yaml", "2"), release.Options{})
	if err := errors.Join(err1, err2, k.Apply(t.Context(), s, two, now)); err != nil {
		t.Fatal(err)
	}
	if err := k.Apply(t.Context(), s, one, now); !errors.Is(err, release.ErrConflict) {
		t.Errorf("the second: %v, want a conflict", err)
	}
	want(t, k, s, "stable", "2 a.yaml=2")
}

// TestStranger: whoever can write to the bus, and has no key, cannot have a node or an
// administrator use what he wrote.
func TestStranger(t *testing.T) {
	ctx := t.Context()
	k, stranger := newKeys(t, "admin"), newKeys(t, "mallory")
	s := new(storetest.Memory)
	push(t, k, s, "canary", files("a.yaml", "1"))
	push(t, k, s, "stable", files("a.yaml", "good"))
	push(t, k, s, "stable", files("a.yaml", "better"))
	get := func(key string) []byte {
		e, err := s.Get(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		return e.Value
	}
	hisStore := new(storetest.Memory)
	for range 4 {
		push(t, stranger, hisStore, "stable", files("a.yaml", fmt.Sprint("evil", time.Now())))
	}
	hisRelease, err1 := hisStore.Get(ctx, "release/stable")
	hisSet, err2 := hisStore.Get(ctx, "set/2")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	stable, set2, set3 := get("release/stable"), get("set/2"), get("set/3")
	for what, c := range map[string]struct {
		key  string
		text []byte
		want string
	}{
		"his release":                 {"release/stable", hisRelease.Value, "is not in allowed_signers"},
		"a release without signature": {"release/stable", []byte(`{"document":"{}","signature":""}`), "not signed"},
		"no envelope":                 {"release/stable", []byte(`revision: 9`), "not readable"},
		"that of another stage":       {"release/stable", get("release/canary"), `of the stage "canary"`},
		"a signature of another text": {"release/stable", []byte(strings.Replace(string(stable), `\"revision\":3`, `\"revision\":2`, 1)), "is not of this text"},
		"the set of another revision": {"set/3", set2, "is the set of revision 2"},
		"a set as a release":          {"release/stable", set2, "unknown field"},
		"a release as a set":          {"set/3", stable, "unknown field"},
		"a word after it":             {"release/stable", append(append([]byte{}, stable...), "{}"...), "followed by"},
		"too much":                    {"release/stable", append(append([]byte{}, stable...), make([]byte, release.MaxValue)...), "more than"},
	} {
		s.Set("release/stable", stable)
		s.Set("set/3", set3)
		s.Set(c.key, c.text)
		if _, err := k.Read(ctx, s, "stable"); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.key) {
			t.Errorf("%s: %v, want %q of %s", what, err, c.want, c.key)
		}
	}
	s.Set("release/stable", hisRelease.Value)
	if p, err := k.Plan(ctx, s, "stable", files("a.yaml", "mended"), release.Options{Replace: true}); err != nil || k.Apply(ctx, s, p, now) != nil {
		t.Errorf("replacing a stranger's release: %v", err)
	}
	want(t, k, s, "stable", "4 a.yaml=mended")
	s.Set("release/stable", stable)
	s.Set("set/3", set3)
	s.Set("set/2", hisSet.Value)
	if _, err := k.PlanRollback(ctx, s, "stable", 0, release.Options{}); err == nil || !strings.Contains(err.Error(), "set/2") {
		t.Errorf("a rollback signs a stranger's set: %v", err)
	}
	current, err := k.Read(ctx, s, "stable")
	if err != nil {
		t.Fatal(err)
	}
	f := current.Set.Files["a.yaml"]
	s.Set("file/"+f.SHA256, []byte("beTTer"))
	if _, err := release.Content(ctx, s, "a.yaml", f); err == nil || !strings.Contains(err.Error(), "a.yaml") {
		t.Errorf("a stranger's content: %v", err)
	}
	push(t, k, s, "canary", files("a.yaml", "better")) // which writes it again
	if b, err := release.Content(ctx, s, "a.yaml", f); err != nil || string(b) != "better" {
		t.Errorf("after another push: %q, %v", b, err)
	}
}

// TestDataLost: revisions that nodes have seen are not given again unknowingly.
func TestDataLost(t *testing.T) {
	k, s, ctx := newKeys(t, "admin"), new(storetest.Memory), t.Context()
	for i := range 3 {
		push(t, k, s, "stable", files("a.yaml", fmt.Sprint(i)))
	}
	s.Lose()
	s.Set("node/pop1", release.NewReport(release.Report{Node: "pop1", Revision: 3, Seen: 3, Result: release.Applied}))
	s.Set("node/pop2", []byte(`{"format":1,"node":"pop1","seen":900}`)) // a stranger
	var lost *release.LostError
	if _, err := k.Plan(ctx, s, "stable", files("a.yaml", "x"), release.Options{}); !errors.As(err, &lost) || lost.Seen != 3 || lost.Node != "pop1" {
		t.Fatalf("Plan: %v", err)
	}
	p, err := k.Plan(ctx, s, "stable", files("a.yaml", "x"), release.Options{Revision: lost.Seen + 1})
	if err == nil {
		err = k.Apply(ctx, s, p, now)
	}
	if err != nil {
		t.Fatal(err)
	}
	want(t, k, s, "stable", "4 a.yaml=x")
	for at, text := range map[uint64]string{4: "not above the highest of the bus, 4", release.MaxRevision + 1: "is above"} {
		if _, err := k.Plan(ctx, s, "stable", files("a.yaml", "y"), release.Options{Revision: at}); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("revision %d: %v", at, err)
		}
	}
}

// TestFormat: a document of a later version is refused by its number, though it is signed.
func TestFormat(t *testing.T) {
	k, s := newKeys(t, "admin"), new(storetest.Memory)
	push(t, k, s, "stable", files("a.yaml", "1"))
	later := k
	later.Sign = func(text []byte) (string, error) { return k.Sign(text) }
	document := `{"format":2,"stage":"stable","revision":9,"waves":[]}`
	signature, err := k.Sign([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	s.Set("release/stable", fmt.Appendf(nil, `{"document":%q,"signature":%q}`, document, signature))
	if _, err := later.Read(context.Background(), s, "stable"); !errors.Is(err, release.ErrFormat) || !strings.Contains(err.Error(), "format: 2") {
		t.Errorf("%v, want ErrFormat", err)
	}
}

// FuzzRead: whatever is on the bus, what Read returns is signed, and is of the stage.
func FuzzRead(f *testing.F) {
	k, s := newKeys(f, "admin"), new(storetest.Memory)
	push(f, k, s, "stable", files("a.yaml", "1"))
	releaseText, err1 := s.Get(f.Context(), "release/stable")
	setText, err2 := s.Get(f.Context(), "set/1")
	if err := errors.Join(err1, err2); err != nil {
		f.Fatal(err)
	}
	f.Add(releaseText.Value, setText.Value)
	f.Add(setText.Value, releaseText.Value)
	f.Add([]byte(`{"document":"{\"format\":1}","signature":"-----BEGIN SSH SIGNATURE-----"}`), []byte("{}"))
	f.Fuzz(func(t *testing.T, releaseText, setText []byte) {
		s := new(storetest.Memory)
		s.Set("release/stable", releaseText)
		s.Set("set/1", setText)
		current, err := k.Read(t.Context(), s, "stable")
		if err == nil && (current.By != "admin" || current.Stage != "stable" || current.Set.Files["a.yaml"].Size != 1) {
			t.Errorf("%q and %q are read as %+v", releaseText, setText, current)
		}
	})
}

// FuzzDocuments: what a signer of another version may have signed does not panic, and has
// only names that stay in their directory.
func FuzzDocuments(f *testing.F) {
	f.Add([]byte(`{"format":1,"stage":"stable","revision":1,"set_sha256":"","previous":[]}`), []byte(`{"format":1,"revision":1,"created":"","files":{"../a.yaml":{"size_bytes":1,"sha256":""}}}`))
	f.Add([]byte(`{"format":1,"stage":"stable","revision":1,"previous":[7]}`), []byte(`{"format":1,"revision":1,"created":"","files":{"a/b.yaml":{"size_bytes":1,"sha256":"6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"}}}`))
	k := release.Keys{Verify: func(string, []byte) (string, error) { return "anybody", nil }}
	f.Fuzz(func(t *testing.T, releaseText, setText []byte) {
		s := new(storetest.Memory)
		s.Set("release/stable", fmt.Appendf(nil, `{"document":%q}`, releaseText))
		s.Set("set/1", fmt.Appendf(nil, `{"document":%q}`, setText))
		current, err := k.Read(t.Context(), s, "stable")
		if err != nil {
			return
		}
		for name := range current.Set.Files {
			if strings.Contains(name, "..") && release.CheckName(name) != nil || strings.Count(name, "/") > 1 || strings.HasPrefix(name, "/") || strings.HasPrefix(name, ".") {
				t.Errorf("the name %q", name)
			}
		}
	})
}

// FuzzReport: whatever a node says, ParseReport and NewReport agree on it.
func FuzzReport(f *testing.F) {
	f.Add(release.NewReport(release.Report{Node: "pop1", Result: release.Applied, Local: []string{"a.yaml"}, Reason: strings.Repeat("é", 800)}))
	f.Add([]byte(`{"format":1,"node":"pop1","result":"trial","loops":-1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := release.ParseReport("pop1", text)
		if err != nil {
			return
		}
		again, err := release.ParseReport("pop1", release.NewReport(r))
		if err != nil || again.Node != "pop1" || again.Result != r.Result {
			t.Errorf("%q is %+v, and then %+v, %v", text, r, again, err)
		}
	})
}
