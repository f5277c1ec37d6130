package main

import (
	"go/constant"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/config"
)

// lawPage is the manual of the control law.
var lawPage = func() []byte {
	b, err := texts.ReadFile("law.md")
	if err != nil {
		panic(err)
	}
	return b
}()

// terms returns the terms that law.md explains, with what follows in their line.
func terms() []string {
	var found []string
	lines := strings.Split(string(lawPage), "\n")
	for i, line := range lines[1:] {
		if strings.HasPrefix(line, ": ") {
			found = append(found, lines[i])
		}
	}
	return found
}

func TestLawExplainsEveryReason(t *testing.T) {
	explained := map[string]bool{}
	for _, term := range terms() {
		explained[term] = true
	}
	n := 0
	for r := autorate.Reason(1); r.String() != "unknown"; r++ {
		if !explained["`"+r.String()+"`"] {
			t.Errorf("law.md does not explain the reason %q", r)
		}
		n++
	}
	if n == 0 {
		t.Fatal("the law has no reasons")
	}
}

// The page has to name every key of what touches the law, with the default that
// is in force.
func TestLawExplainsEveryKey(t *testing.T) {
	const section = "continuous_monitoring."
	direction := regexp.MustCompile(`^(download|upload)\.`)
	n := 0
	for _, k := range config.WANKeys() {
		name, ok := strings.CutPrefix(k.Name, section)
		if !ok {
			continue
		}
		n++
		name = "`" + direction.ReplaceAllString(name, "DIRECTION.") + "`"
		var line string
		for _, term := range terms() {
			if strings.Contains(term, name) {
				line = term
			}
		}
		switch {
		case line == "":
			t.Errorf("law.md does not explain %s", name)
		case k.Default != "" && !strings.Contains(line, "default "+k.Default):
			t.Errorf("law.md: %q does not tell the default of %s, %s", line, k.Name, k.Default)
		case k.Required && !strings.Contains(line, "required"):
			t.Errorf("law.md: %q does not tell that %s is required", line, k.Name)
		}
	}
	if n == 0 {
		t.Fatal("there are no keys below " + section)
	}
}

// Keys without effect are told apart from those with one.
func TestLawListsKeysWithoutEffect(t *testing.T) {
	knobs, rest, found := strings.Cut(string(lawPage), "### What is not a knob")
	if !found {
		t.Fatal("law.md has no such section")
	}
	for _, k := range config.WANKeys() {
		i := strings.LastIndexByte(k.Name, '.')
		if !strings.HasPrefix(k.Name, "continuous_monitoring.") {
			continue
		}
		name := k.Name[i+1:] + "`"
		if k.Deprecated != "" && (strings.Contains(knobs, name) || !strings.Contains(rest, name)) {
			t.Errorf("%s has no effect, but law.md says otherwise", k.Name)
		}
	}
}

// The page quotes the numbers of the law by name, so that it cannot be out of step; each
// has a comment that says what it is.
func TestLawQuotesItsNumbers(t *testing.T) {
	groups, err := lawNumbers()
	if err != nil {
		t.Fatal(err)
	}
	page, err := quoteNumbers(string(lawPage), groups)
	if err != nil {
		t.Fatal(err)
	}
	if left := quoted.FindString(page); left != "" {
		t.Errorf("%s is left in the page", left)
	}
	n := 0
	for _, g := range groups {
		for _, c := range g.numbers {
			n++
			if c.about == "" {
				t.Errorf("%s has no comment", c.name)
			}
			if !strings.Contains(page, c.name) {
				t.Errorf("%s is not in the page", c.name)
			}
		}
	}
	if q := len(quoted.FindAllString(string(lawPage), -1)); n < 100 || q < 50 {
		t.Errorf("%d numbers, %d of which are quoted in sentences", n, q)
	}
	if _, err := quoteNumbers("{noSuchNumber}", groups); err == nil {
		t.Error("a number that does not exist is quoted")
	}
}

func TestNumbersAsText(t *testing.T) {
	for _, tt := range []struct {
		n    number
		want string
	}{
		{number{value: constant.MakeInt64(int64(450 * time.Millisecond)), time: true}, "450 ms"},
		{number{value: constant.MakeInt64(int64(1500 * time.Millisecond)), time: true}, "1.5 s"},
		{number{value: constant.MakeInt64(int64(10 * time.Minute)), time: true}, "10 min"},
		{number{value: constant.MakeInt64(int64(300 * time.Microsecond)), time: true}, "0.3 ms"},
		{number{value: constant.MakeFloat64(0.975)}, "0.975"},
		{number{value: constant.MakeFloat64(0.0625), ratio: "1/16"}, "1/16"},
	} {
		if got := tt.n.String(); got != tt.want {
			t.Errorf("%v, want %v", got, tt.want)
		}
	}
	if got := (number{value: constant.MakeFloat64(0.975)}).percent(); got != "97.5 %" {
		t.Errorf("%v, want 97.5 %%", got)
	}
}
