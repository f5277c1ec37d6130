package cli_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli"
	"github.com/wanctl/wanctl/pkg/state"
)

// Exit status of a script's wanctl whose output is not what the schema says.
const exitInvalid = 99

// schemaFile is configs/output.schema.json. Scripts have an environment variable for the
// directory.
func schemaFile() string {
	return filepath.Join(cmp.Or(os.Getenv("CONFIGS"), "../../configs"), "output.schema.json")
}

// checkedMain runs wanctl as scripts do, and holds what it prints with -o json or -o
// jsonl, and what it records, against the schema.
func checkedMain(args []string) int {
	name, isJSON := documentOf(args)
	if info, err := os.Stdout.Stat(); !isJSON || err != nil || info.Mode()&fs.ModeDevice != 0 { // such as /dev/full
		return cli.Main(context.Background(), args)
	}
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	real := os.Stdout
	os.Stdout = w
	var printed bytes.Buffer
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(io.MultiWriter(real, &printed), r)
		_ = r.Close() // where the reader has left, wanctl is to notice
	}()
	status := cli.Main(context.Background(), args)
	_ = w.Close()
	<-copied
	if err := validate(name, printed.Bytes()); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n%s", strings.Join(args, " "), err, printed.Bytes())
		return exitInvalid
	}
	if i := slices.Index(args, "--record"); i >= 0 && i+1 < len(args) && strings.HasSuffix(args[i+1], ".jsonl") {
		text, err := os.ReadFile(args[i+1])
		if err == nil {
			err = validate("recording", text)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(os.Stderr, "recording of %s: %v\n", strings.Join(args, " "), err)
			return exitInvalid
		}
	}
	return status
}

// documentOf returns the name of the command in the schema, and whether it prints JSON.
func documentOf(args []string) (name string, isJSON bool) {
	for i, arg := range args {
		if format, joined := strings.CutPrefix(arg, "--output="); joined {
			isJSON = strings.HasPrefix(format, "json")
		}
		if arg == "-o" || arg == "--output" {
			isJSON = i+1 < len(args) && strings.HasPrefix(args[i+1], "json")
		}
	}
	if !isJSON {
		return "", false
	}
	root := cli.Command("")
	cmd, _, err := root.Find(args)
	if err != nil || cmd == root || cmd.HasSubCommands() && !cmd.Runnable() {
		return "", false
	}
	return strings.ReplaceAll(strings.TrimPrefix(cmd.CommandPath(), root.Name()+" "), " ", "-"), true
}

// validateServed holds what an address serves against the schema, if it has a document
// for the path.
func validateServed(path, contentType string, body []byte) error {
	names := map[string][]string{"/": {"health", "health-steer", "health-host", "fleet"}, "/page/fleet": {"fleet"}, "/history": {"history"}}
	names["/health"] = names["/"]
	var errs []error
	for _, name := range names[path] {
		err := validate(name, body)
		if err == nil || contentType != "application/json" {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// noZone matches a time that says neither Z nor an offset.
var noZone = regexp.MustCompile(`"(\w+)": ?"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?"`)

// validate holds JSON values that follow each other against the definition called name.
// In a list the items are meant. Nothing at all is right.
func validate(name string, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	schema, err := compileDocument(name)
	if err != nil {
		return err
	}
	for _, m := range noZone.FindAllSubmatch(text, -1) {
		if !strings.HasSuffix(string(m[1]), "_local") {
			return fmt.Errorf("%s has no time zone", m[0])
		}
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	for {
		var value any
		if err := dec.Decode(&value); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("no JSON: %w", err)
		}
		items, isList := value.([]any)
		if !isList {
			items = []any{value}
		}
		for _, item := range items {
			if err := schema.Validate(item); err != nil {
				return err
			}
		}
	}
}

// compileDocument returns one definition of the schema, in which no key is allowed that
// it does not have.
func compileDocument(name string) (*jsonschema.Schema, error) {
	text, err := os.ReadFile(schemaFile())
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	closeObjects(doc)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("output.schema.json", doc); err != nil {
		return nil, err
	}
	schema, err := c.Compile("output.schema.json#/$defs/" + name)
	if err != nil {
		return nil, fmt.Errorf("the schema has no %s: does the command print it without app.Prints? %w", name, err)
	}
	return schema, nil
}

func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, object := v["properties"].(map[string]any); object && v["type"] == "object" {
			v["additionalProperties"] = false
		}
		for _, inner := range v {
			closeObjects(inner)
		}
	case []any:
		for _, inner := range v {
			closeObjects(inner)
		}
	}
}

// Each command that prints JSON does so in some script: only then its part of the
// schema is true.
func TestScriptsPrintEveryDocument(t *testing.T) {
	files, err := filepath.Glob("../../testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	printed := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			for _, part := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune("|&;>'()", r) }) {
				if words := strings.Fields(part); slices.Contains(words, "wanctl") {
					name, _ := documentOf(words[slices.Index(words, "wanctl")+1:])
					printed[name] = true
				}
			}
		}
	}
	for _, d := range cli.Documents() {
		// Some are served or recorded, and a line is calibrated in the lab alone.
		if !printed[d.Name] && !slices.Contains([]string{"health-steer", "health-host", "fleet", "history", "notify-event", "recording", "calibrate"}, d.Name) {
			t.Errorf("no script has wanctl %s -o json", strings.ReplaceAll(d.Name, "-", " "))
		}
	}
}

// What is saved, full or empty, is what the schema says.
func TestStateFilesFitTheSchema(t *testing.T) {
	now, dir := time.Now(), t.TempDir()
	law := json.RawMessage(`{"x":1}`)
	direction := state.Direction{GreenStreak: 1, CurrentRate: 5 * bitrate.Mbps, Applied: 4 * bitrate.Mbps}
	for name, save := range map[string]func(string) error{
		"state-wan": func(path string) error {
			f := state.OpenWAN(path)
			return errors.Join(f.Save(state.WAN{}), check(t, "state-wan", path),
				f.Save(state.WAN{Download: direction, Upload: direction, BaselineRTT: 24 * time.Millisecond, LoadRTT: 25 * time.Millisecond, Timestamp: now, Law: law}))
		},
		"state-steering": func(path string) error {
			f := state.OpenSteering(path)
			return errors.Join(f.Save(state.Steering{}), check(t, "state-steering", path),
				f.Save(state.Steering{
					Current: "DSL_GOOD", BaselineRTT: time.Millisecond, HistoryRTT: []time.Duration{1, 2}, HistoryDelta: []time.Duration{-1},
					Transitions: []state.Transition{{At: now, From: "a", To: "b"}}, LastTransition: now, QueueEWMA: 1.5,
					DropsHistory: []int{1}, QueueHistory: []int{2}, Congestion: "GREEN", Timestamp: now, Law: law,
				}))
		},
	} {
		path := filepath.Join(dir, name+".json")
		if err := errors.Join(save(path), check(t, name, path)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func check(t *testing.T, name, path string) error {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	schema, err := compileDocument(name)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}
