package page

import (
	"fmt"
	"time"
)

// severity is the colour of a badge. The word in the badge says the same.
type severity string

const (
	severityGood  severity = "good"
	severityWatch severity = "watch"
	severityWarn  severity = "warn"
	severityBad   severity = "bad"
	severityNone  severity = "none"
)

type severities = map[string]severity

// fields are the texts of one part of the page by field name. page.html writes
// them into the document; the script replaces them in place once a second.
type fields struct {
	Text     map[string]string `json:"text"`
	Severity severities        `json:"severity"`
	// Time holds the moments that follow a text: the reader's browser writes
	// them in its own time zone.
	Time map[string]time.Time `json:"time,omitempty"`
	now  time.Time
}

// field is one field as page.html shows it.
type field struct {
	Name, Text  string
	Severity    severity
	Label, Unit string
	Optional    bool // hidden while Text is empty
}

// Field returns the field called key, with a label and a unit where its place
// needs them.
func (f fields) Field(key string, labelAndUnit ...string) (field, error) {
	text, known := f.Text[key]
	if !known {
		return field{}, fmt.Errorf("no field %q", key)
	}
	if at, timed := f.Time[key]; timed {
		text += clock(at, f.now)
	}
	out := field{Name: key, Text: text, Severity: f.Severity[key]}
	if len(labelAndUnit) > 0 {
		out.Label = labelAndUnit[0]
	}
	if len(labelAndUnit) > 1 {
		out.Unit = labelAndUnit[1]
	}
	return out, nil
}

// Optional is Field for a row that is hidden while its text is empty.
func (f fields) Optional(key, label string) (field, error) {
	out, err := f.Field(key, label)
	out.Optional = true
	return out, err
}

// None reports whether the value is unknown; its unit is then not shown.
func (f field) None() bool { return f.Text == none }
