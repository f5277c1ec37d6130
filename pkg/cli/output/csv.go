package output

import (
	"encoding/csv"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jszwec/csvutil"
)

// csvStream prints items as CSV. Columns are the JSON fields of T, in order, with
// the same names; a field that JSON omits is empty, except that a float64 prints 0:
// one that may be absent is a *float64. Lists are joined with commas and maps
// become NAME=VALUE pairs. A nested struct needs a tag such as
// `json:"prefix_,inline"`, so records that nest in JSON have a flat type for CSV.
func csvStream[T any](w io.Writer) *Stream[T] {
	cw := csv.NewWriter(w)
	enc := csvutil.NewEncoder(cellGuard{cw})
	enc.Tag = "json"
	enc.WithMarshalers(csvutil.NewMarshalers(
		csvutil.MarshalFunc(func(v float64) ([]byte, error) { return strconv.AppendFloat(nil, v, 'f', -1, 64), nil }),
		csvutil.MarshalFunc(func(v []string) ([]byte, error) { return []byte(strings.Join(v, ",")), nil }),
		csvutil.MarshalFunc(func(v map[string]string) ([]byte, error) { return []byte(Pairs(v)), nil }),
	))
	headed := false
	flush := func(err error) error {
		if err != nil {
			return err
		}
		headed = true
		cw.Flush()
		return cw.Error()
	}
	return &Stream[T]{
		put: func(v T) error { return flush(enc.Encode(v)) },
		end: func() error {
			if headed {
				return nil
			}
			return flush(enc.EncodeHeader(new(T)))
		},
	}
}

// WriteCSV prints records, the first of which is the header, for columns that are
// not known when the program is written.
func WriteCSV(w io.Writer, records [][]string) error {
	cw := csv.NewWriter(w)
	for _, r := range records {
		if err := (cellGuard{cw}).Write(r); err != nil {
			return err
		}
	}
	cw.Flush()
	return cw.Error()
}

// Pairs returns m as NAME=VALUE, sorted by name and separated by spaces.
func Pairs(m map[string]string) string {
	pairs := make([]string, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, Printable(name+"="+m[name]))
	}
	return strings.Join(pairs, " ")
}

// cellGuard makes cells safe to open in a terminal or a spreadsheet.
type cellGuard struct{ w *csv.Writer }

// Write implements csvutil.Writer.
func (g cellGuard) Write(record []string) error {
	for i, cell := range record {
		record[i] = guardCell(cell)
	}
	return g.w.Write(record)
}

// guardCell escapes control characters and puts an apostrophe before text that a
// spreadsheet would take for a formula. Numbers stay as they are.
func guardCell(cell string) string {
	cell = Printable(cell)
	if cell == "" || !strings.Contains("=+-@", cell[:1]) {
		return cell
	}
	if _, err := strconv.ParseFloat(cell, 64); err == nil {
		return cell
	}
	return "'" + cell
}
