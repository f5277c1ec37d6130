package state

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/state/salvage"
)

const (
	newWAN = `{"download":{"green_streak":5,"soft_red_streak":0,"red_streak":0,"current_rate":500000000,"extra":"new"},` +
		`"upload":{"green_streak":7,"soft_red_streak":0,"red_streak":0,"current_rate":40000000},"ewma":{"baseline_rtt":24.5,"load_rtt":25.5},` +
		`"last_applied":{"dl_rate":500000000,"ul_rate":40000000},"other":{"a":[1,2]},"timestamp":"2026-11-23T01:02:03.000000",` +
		`"wanctl":{"version":1,"saved_at":"2026-11-23T01:02:03Z","law":{"n":2}}}`
	oldWAN = `{"download":{"green_streak":4,"soft_red_streak":1,"red_streak":1,"current_rate":400000000,"extra":"old"},` +
		`"upload":{"green_streak":6,"soft_red_streak":1,"red_streak":1,"current_rate":30000000},"ewma":{"baseline_rtt":23.5,"load_rtt":26.5},` +
		`"last_applied":{"dl_rate":400000000,"ul_rate":30000000},"other":{"a":[0]},"timestamp":"2026-11-23T01:01:03.000000",` +
		`"wanctl":{"version":1,"saved_at":"2026-11-23T01:01:03Z","law":{"n":1}}}`
)

// told is changes in a form that is short to compare with.
func told(changes []Change) []string {
	var out []string
	for _, c := range changes {
		out = append(out, strings.TrimRight(fmt.Sprintf("%s %s %s", c.Key, c.From, c.Value), " "))
	}
	return out
}

func TestMend(t *testing.T) {
	bounds := WANBounds{Download: [2]bitrate.Rate{100 * bitrate.Mbps, 500 * bitrate.Mbps}}
	for _, tt := range []struct {
		name, text, backup string
		judge              func(WAN) []Bad
		want               string   // what the document holds; "" where the changes say all
		changes            []string // that were made
	}{
		{name: "nothing wrong", text: newWAN, backup: oldWAN, want: newWAN},
		{name: "one field out of range", text: strings.Replace(newWAN, "24.5", "-1", 1), backup: oldWAN,
			want: strings.Replace(newWAN, "24.5", "23.5", 1), changes: []string{"ewma.baseline_rtt backup 23.5"}},
		{name: "one field of another type", text: strings.Replace(newWAN, "24.5", `"x"`, 1), backup: oldWAN,
			want: strings.Replace(newWAN, "24.5", "23.5", 1), changes: []string{"ewma.baseline_rtt backup 23.5"}},
		{name: "NaN", text: strings.Replace(newWAN, "24.5", "NaN", 1), backup: oldWAN,
			want: strings.Replace(newWAN, "24.5", "23.5", 1), changes: []string{"ewma.baseline_rtt backup 23.5"}},
		{name: "without a backup", text: strings.Replace(newWAN, "24.5", "NaN", 1),
			want: strings.Replace(newWAN, `"baseline_rtt":24.5,`, "", 1), changes: []string{"ewma.baseline_rtt default"}},
		{name: "bad in the backup too", text: strings.Replace(newWAN, "24.5", "NaN", 1), backup: strings.Replace(oldWAN, "23.5", "-7", 1),
			want: strings.Replace(newWAN, `"baseline_rtt":24.5,`, "", 1), changes: []string{"ewma.baseline_rtt default"}},
		{name: "several fields", text: strings.NewReplacer("24.5", "-1", "500000000", "0").Replace(newWAN), backup: oldWAN,
			changes: []string{"download.current_rate backup 400000000", "ewma.baseline_rtt backup 23.5", "last_applied.dl_rate backup 400000000"}},
		{name: "an object that is none", text: strings.Replace(newWAN, `{"baseline_rtt":24.5,"load_rtt":25.5}`, "7", 1), backup: oldWAN,
			want: strings.Replace(newWAN, `{"baseline_rtt":24.5,"load_rtt":25.5}`, `{"baseline_rtt":23.5,"load_rtt":26.5}`, 1), changes: []string{`ewma backup {"baseline_rtt":23.5,"load_rtt":26.5}`}},
		{name: "outside what is configured", text: strings.Replace(newWAN, `"current_rate":500000000`, `"current_rate":600000000`, 1), backup: oldWAN, judge: bounds.Judge,
			changes: []string{"download.current_rate backup 400000000"}},
		{name: "the backup is outside as well", text: strings.Replace(newWAN, `"current_rate":500000000`, `"current_rate":600000000`, 1),
			backup: strings.Replace(oldWAN, `"current_rate":400000000`, `"current_rate":700000000`, 1), judge: bounds.Judge,
			changes: []string{"download.current_rate default"}},
		{name: "cut", text: newWAN[:strings.Index(newWAN, `,"load_rtt"`)+1], backup: oldWAN,
			want: strings.NewReplacer(`,"load_rtt":25.5`, `,"load_rtt":26.5`, `"dl_rate":500000000,"ul_rate":40000000`, `"dl_rate":400000000,"ul_rate":30000000`, "[1,2]", "[0]",
				"01:02:03", "01:01:03", `"n":2`, `"n":1`).Replace(newWAN),
			changes: []string{"ewma.load_rtt backup 26.5", "last_applied.dl_rate backup 400000000", "last_applied.ul_rate backup 30000000",
				"other.a backup [0]", `timestamp backup "2026-11-23T01:01:03.000000"`, `wanctl.law backup {"n":1}`,
				`wanctl.saved_at backup "2026-11-23T01:01:03Z"`, "wanctl.version backup 1"}},
		{name: "cut in an object", text: newWAN[:strings.Index(newWAN, `500000000,"extra"`)+3], backup: oldWAN, changes: []string{
			"download.current_rate backup 400000000", `download.extra backup "old"`, "ewma.baseline_rtt backup 23.5", "ewma.load_rtt backup 26.5",
			"last_applied.dl_rate backup 400000000", "last_applied.ul_rate backup 30000000", "other.a backup [0]", `timestamp backup "2026-11-23T01:01:03.000000"`,
			"upload.current_rate backup 30000000", "upload.green_streak backup 6", "upload.red_streak backup 1", "upload.soft_red_streak backup 1",
			`wanctl.law backup {"n":1}`, `wanctl.saved_at backup "2026-11-23T01:01:03Z"`, "wanctl.version backup 1"}},
		{name: "cut, without a backup", text: newWAN[:strings.Index(newWAN, `"last_applied"`)],
			want: newWAN[:strings.Index(newWAN, `,"last_applied"`)] + "}", changes: []string{"last_applied.dl_rate default", "last_applied.ul_rate default", "timestamp default"}},
		{name: "cut, with a damaged backup", text: newWAN[:strings.Index(newWAN, `"last_applied"`)], backup: oldWAN[:strings.Index(oldWAN, `,"timestamp"`)],
			changes: []string{"last_applied.dl_rate backup 400000000", "last_applied.ul_rate backup 30000000", "other.a backup [0]", "timestamp default"}},
		{name: "what the law keeps is not made of two", text: strings.Replace(newWAN, `{"n":2}`, `{"n":2,#}`, 1), backup: oldWAN,
			want: strings.Replace(newWAN, `"n":2`, `"n":1`, 1), changes: []string{`wanctl.law backup {"n":1}`}},
		{name: "nor is our part of two versions", text: strings.NewReplacer(`"version":1`, `"version":2`, `{"n":2}}}`, `{"n":2`).Replace(newWAN), backup: oldWAN,
			changes: []string{"wanctl.law default"}},
		{name: "a list that is cut", text: strings.Replace(newWAN, `[1,2]`, `[1,2`, 1), backup: oldWAN, changes: []string{"other.a backup [0]"}},
		{name: "a list that is cut, without a backup", text: strings.Replace(newWAN, `[1,2]`, `[1,2`, 1), changes: []string{"other.a rest [1,2]"}},
		{name: "nothing readable", text: "\x00\x00\x00", backup: oldWAN, want: oldWAN},
		{name: "nothing readable anywhere", text: "garbage", backup: "more of it", want: `{}`},
		{name: "the state of something else", text: `{"current_state":"A_GOOD"}`, backup: oldWAN, want: oldWAN},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := OpenWAN("")
			doc, changes := f.mend([]byte(tt.text), []byte(tt.backup), tt.judge)
			text, err := doc.marshal()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.assess(text, Rules[WAN]{Judge: tt.judge}); err != nil {
				t.Errorf("not good afterwards: %v", err)
			}
			if tt.want != "" {
				want, _ := parseObject([]byte(tt.want))
				sorted, _ := want.marshal()
				if diff := cmp.Diff(leafTexts(string(sorted)), leafTexts(string(text))); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			}
			if tt.changes != nil || tt.want == tt.text {
				if diff := cmp.Diff(tt.changes, told(changes)); diff != "" {
					t.Errorf("changes (-want +got)\n%s", diff)
				}
			}
		})
	}
}

// leafTexts is a document as path and text of its values.
func leafTexts(doc string) []string {
	o, err := parseObject([]byte(doc))
	if err != nil {
		return []string{err.Error()}
	}
	var all []string
	for name, text := range o {
		for _, l := range leaves([]string{name}, text) {
			all = append(all, strings.Join(l.path, ".")+" "+string(l.text))
		}
	}
	slices.Sort(all)
	return all
}

func TestMendSteering(t *testing.T) {
	const good = `{"current_state":"CABLE_GOOD","bad_count":1,"history_rtt":[24.1,25],"history_delta":[0.5],"transitions":[{"from":"A"}],` +
		`"congestion_state":"GREEN","queue_ewma":1.5,"cake_state_history":["GREEN"]}`
	const backup = `{"current_state":"CABLE_DEGRADED","bad_count":9,"history_rtt":[9],"history_delta":[9],"transitions":[],` +
		`"congestion_state":"RED","queue_ewma":9,"cake_state_history":[]}`
	judge := SteeringBounds{Primary: "cable"}.Judge
	for _, tt := range []struct {
		name, text string
		changes    []string
	}{
		{"one bad sample", strings.Replace(good, "24.1", "NaN", 1), []string{"history_rtt rest [25]"}},
		{"only bad samples", strings.Replace(good, "24.1,25", "NaN,-Infinity", 1), []string{"history_rtt rest []"}},
		{"history is no list", strings.Replace(good, "[24.1,25]", `"x"`, 1), []string{"history_rtt backup [9]"}},
		{"state of another WAN", strings.Replace(good, "CABLE_GOOD", "DSL_GOOD", 1), []string{`current_state backup "CABLE_DEGRADED"`}},
		{"no state at all", strings.Replace(good, "CABLE_GOOD", "FINE", 1), []string{`current_state backup "CABLE_DEGRADED"`}},
		{"unknown congestion", strings.Replace(good, `"GREEN",`, `"BLUE",`, 1), []string{`congestion_state backup "RED"`}},
		{"cut in a history", good[:strings.Index(good, "25]")], []string{`cake_state_history backup []`, `congestion_state backup "RED"`,
			"history_delta backup [9]", "history_rtt backup [9]", "queue_ewma backup 9", "transitions backup []"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, changes := OpenSteering("").mend([]byte(tt.text), []byte(backup), judge)
			known := slices.DeleteFunc(told(changes), func(s string) bool { return strings.HasSuffix(s, " default") })
			if diff := cmp.Diff(tt.changes, known); diff != "" {
				t.Errorf("changes (-want +got)\n%s", diff)
			}
		})
	}
}

// intactDocuments are states, and beside each a backup that differs from it in
// every value, so that one cannot be taken for the other.
func intactDocuments() [][2]string {
	older := func(s string) string {
		return strings.NewReplacer("1", "2", "2", "3", "3", "4", "4", "5", "5", "6", "6", "7", "7", "8", `"A`, `"B`, `:"x"`, `:"y"`).Replace(s)
	}
	steering := `{"current_state":"A_GOOD","bad_count":1,"good_count":2,"red_count":3,"baseline_rtt":24.5,"history_rtt":[24.1,25],"history_delta":[-0.5,5.5],` +
		`"transitions":[{"time":"x","odd":[1]},{"from":"A"}],"last_transition_time":"2026-01-02T03:04:05.678901","rtt_delta_ewma":-0.25,"queue_ewma":12.5,` +
		`"cake_drops_history":[1,7],"queue_depth_history":[4],"congestion_state":"RED","cake_read_failures":4,"cake":{"x":{"list":["x",{"in":1}],"last":"}"}}}`
	return [][2]string{
		{pythonWAN, strings.NewReplacer("920000000.4", "910000000.4", "42000000", "41000000", "23.4", "22.4", "25.125", "24.125", "0.015", "0.025", "SOFT_RED", "YELLOW", `"x"`, `"y"`,
			"2025-01-08", "2025-01-07", "fping", "icmp", "<a&b>", "<c>", "2.50", "3.50", ": 5,", ": 4,", ": 2,", ": 1,", ": 1,", ": 3,", `streak": 0`, `streak": 9`, ": null", ": 1").Replace(pythonWAN)},
		{newWAN, oldWAN},
		{steering, older(steering)},
	}
}

// checkMend requires that a damaged state, mended, is good, and that no value is
// lost that is still readable in it. lost reports whether that of the intact
// document may be.
func checkMend(t *testing.T, damaged, backup string, intact []leafSpan, lost func(leafSpan) bool) {
	t.Helper()
	var doc object
	var err error
	if kindOf(intactKeys(intact)) == OfSteering {
		f := OpenSteering("")
		doc, _ = f.mend([]byte(damaged), []byte(backup), nil)
		text, _ := doc.marshal()
		_, _, err = f.parse(text)
	} else {
		f := OpenWAN("")
		doc, _ = f.mend([]byte(damaged), []byte(backup), nil)
		text, _ := doc.marshal()
		_, _, err = f.parse(text)
	}
	if err != nil {
		t.Fatalf("%v after mending\n%s", err, damaged)
	}
	for _, l := range intact {
		if got := doc.at(l.path); !lost(l) && compact(got) != l.text {
			t.Fatalf("%s is readable as %s, but became %q in\n%s", strings.Join(l.path, "."), l.text, got, damaged)
		}
	}
}

func intactKeys(all []leafSpan) (keys []string) {
	for _, l := range all {
		keys = append(keys, l.path[0])
	}
	return keys
}

// leafSpan is a value and what of the text it takes to read it.
type leafSpan struct {
	path  []string
	text  string // compact
	spans [][2]int
	end   int  // of the value
	digit bool // it ends in one: more could follow
}

// spansOf finds the values of an intact document.
func spansOf(t *testing.T, doc string) []leafSpan {
	t.Helper()
	o, err := parseObject([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return spans(doc, 0, nil, nil, o)
}

func spans(doc string, from int, path []string, around [][2]int, o object) (all []leafSpan) {
	for name, text := range o {
		// Names are unique enough in these documents to be found as text.
		start := from + strings.Index(doc[from:], `"`+name+`":`)
		value := start + strings.Index(doc[start:], ":") + 1
		value += strings.Index(doc[value:], string(text))
		end := value + len(text)
		under := append(slices.Clone(path), name)
		if members, err := parseObject(text); err == nil && len(members) > 0 && !isLaw(under) {
			all = append(all, spans(doc[:end], value, under, append(slices.Clone(around), [2]int{start, value + 1}), members)...)
			continue
		}
		delimiter := end
		for strings.IndexByte(" \n", doc[delimiter]) >= 0 {
			delimiter++
		}
		last := text[len(text)-1]
		all = append(all, leafSpan{under, compact(text), append(slices.Clone(around), [2]int{start, delimiter + 1}), end, '0' <= last && last <= '9'})
	}
	return all
}

func (l leafSpan) touched(at int) bool {
	return slices.ContainsFunc(l.spans, func(s [2]int) bool { return s[0] <= at && at < s[1] })
}

func checkCut(t *testing.T, docs [2]string, intact []leafSpan, cut int) {
	t.Helper()
	checkMend(t, docs[0][:cut], docs[1], intact, func(l leafSpan) bool {
		return l.end > cut || l.digit && l.end == cut
	})
}

func checkTurnedBit(t *testing.T, docs [2]string, intact []leafSpan, at int, bit uint) {
	t.Helper()
	text := []byte(docs[0])
	text[at] ^= 1 << bit
	if _, err := parseObject(text); err == nil && text[at] != docs[0][at] && nameAt(docs[0], at) {
		return // another name: it may be one that is there already
	}
	checkMend(t, string(text), docs[1], intact, func(l leafSpan) bool { return l.touched(at) })
}

// nameAt reports whether the byte at is in the name of a member.
func nameAt(doc string, at int) bool {
	end := strings.IndexByte(doc[at:], '"')
	return end >= 0 && strings.HasPrefix(doc[at+end:], `":`)
}

func TestMendEveryDamage(t *testing.T) {
	for _, docs := range intactDocuments() {
		intact := spansOf(t, docs[0])
		if len(intact) < 15 {
			t.Fatalf("only %d values found", len(intact))
		}
		for at := range docs[0] {
			checkCut(t, docs, intact, at)
			for bit := uint(at % 3); bit < 8; bit += 3 { // package salvage tries them all
				checkTurnedBit(t, docs, intact, at, bit)
			}
		}
	}
}

// Whatever cut or turned bit: mending never loses a value that is still readable
// and gives a state that loads. Whatever text: it never panics and loads.
func FuzzMend(f *testing.F) {
	for i, docs := range intactDocuments() {
		f.Add(uint8(i), uint16(100), uint8(3), []byte(docs[0]), []byte(docs[1]))
	}
	f.Add(uint8(0), uint16(300), uint8(9), []byte(`{"wanctl":{"version":1,"law":{"x":NaN}},"download":[],"ewma":{"load_rtt":1e999}`), []byte(`{"download":{"current_rate":-1}}`))
	f.Fuzz(func(t *testing.T, which uint8, at uint16, bit uint8, text, backup []byte) {
		all := intactDocuments()
		docs := all[int(which)%len(all)]
		intact := spansOf(t, docs[0])
		place := int(at) % len(docs[0])
		if bit < 8 {
			checkTurnedBit(t, docs, intact, place, uint(bit))
		} else {
			checkCut(t, docs, intact, place)
		}
		checkAnyMend(t, OpenWAN(""), text, backup, WANBounds{BaselineMin: 1e6, BaselineMax: 5e8}.Judge)
		checkAnyMend(t, OpenSteering(""), text, backup, SteeringBounds{Primary: "a"}.Judge)
	})
}

func checkAnyMend[T any](t *testing.T, f *File[T], text, backup []byte, judge func(T) []Bad) {
	t.Helper()
	doc, changes := f.mend(text, backup, judge)
	mended, err := doc.marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.assess(mended, Rules[T]{Judge: judge}); err != nil {
		t.Fatalf("%v after mending %q with %q: %s", err, text, backup, mended)
	}
	again, more := f.mend(mended, backup, judge)
	if twice, _ := again.marshal(); string(twice) != string(mended) || len(more) > 0 {
		t.Fatalf("mending twice: %v\n%s\n%s", more, mended, twice)
	}
	if _, err := f.assess(text, Rules[T]{Judge: judge}); err == nil && len(changes) > 0 {
		t.Fatalf("a good state was changed: %v", changes)
	} else if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, errOtherKind) {
		t.Fatalf("%v is no damage", err)
	}
	_ = salvage.Read(text, f.known())
}
