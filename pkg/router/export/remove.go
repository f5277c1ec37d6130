package export

import (
	"io"
	"strings"

	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// RemoveItems returns the rows that Script may have added in any of its styles, in an
// order in which they can be removed.
func (p *Plan) RemoveItems() []Item { return p.removable() }

// RemoveScript writes a file for /import that removes what Script added. A row is
// removed only if its name and its comment, or the arguments of a queue type, are
// those of Script: all other rows stay.
func (p *Plan) RemoveScript(w io.Writer) error {
	var b strings.Builder
	note(&b,
		"Removes from the router what the export for the WAN "+rosdata.QuoteRSC(p.Name)+" added, and nothing else.",
		"Stop wanctl for this WAN first. It may be run any number of times.")
	notes := map[Section]string{
		QueueTypes: "Queue types, unless another queue uses them.",
		Users:      "The user and its group, unless queues of another WAN are left.",
	}
	var section Section
	for _, i := range p.removable() {
		if i.Section != section {
			section = i.Section
			b.WriteByte('\n')
			if text := notes[section]; text != "" {
				note(&b, text)
			}
		}
		b.WriteString(i.removeCommand() + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// removeCommand returns Remove with the conditions under which the row stays.
func (i Item) removeCommand() string {
	switch i.Section {
	case QueueTypes:
		name, _ := i.prop("name")
		return ":do {\n  " + i.Remove() + "\n} on-error={\n  :put " +
			rosdata.QuoteRSC("the queue type "+name.Value+" stays: another queue uses it") + "\n}"
	case Users:
		ours := `comment~"^` + commentPrefix + `"`
		return ":if ([:len [/queue tree find " + ours + "]] = 0 and [:len [/queue simple find " + ours + "]] = 0) do={\n  " + i.Remove() + "\n}"
	}
	return i.Remove()
}
