package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// date of all pages: a fixed one keeps them the same from build to build.
const date = "2026-11-01"

// roff writes a manual page in the macros of man(7).
type roff struct{ bytes.Buffer }

func newRoff(name string, section int) *roff {
	var r roff
	r.line(`.TH "%s" "%d" "%s" "wanctl" "wanctl manual"`, escape(strings.ToUpper(name)), section, date)
	r.line(".nh\n.ad l")
	return &r
}

func (r *roff) line(format string, args ...any) { fmt.Fprintf(r, format+"\n", args...) }

func (r *roff) section(name string) { r.line(".SH %s", name) }

// term writes an entry of a list: what it is about, in roff, and plain text.
func (r *roff) term(head, text string) {
	r.line(".TP\n%s\n%s", head, escape(text))
}

// text writes the paragraphs of a help text. Indented lines stay as they are, and a line
// of capitals is the heading of a section.
func (r *roff) text(s string) {
	first := true
	for block := range strings.SplitSeq(strings.TrimSpace(s), "\n\n") {
		lines := strings.Split(block, "\n")
		if heading.MatchString(lines[0]) {
			r.section(lines[0])
			lines, first = lines[1:], true
		}
		if !first {
			r.line(".PP")
		}
		first = len(lines) == 0
		for len(lines) > 0 {
			indented := strings.HasPrefix(lines[0], " ")
			n := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, " ") != indented })
			if n < 0 {
				n = len(lines)
			}
			if indented {
				r.line(".EX\n%s\n.EE", escape(strings.Join(lines[:n], "\n")))
			} else {
				r.line("%s", escape(strings.Join(lines[:n], "\n")))
			}
			lines = lines[n:]
		}
	}
}

var heading = regexp.MustCompile(`^[A-Z]{3}[A-Z ]*$`)

// escape returns text as roff prints it: no line is a macro, no hyphen breaks a word.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

// writeCommands writes the pages of cmd and of all its subcommands into dir.
func writeCommands(cmd *cobra.Command, dir string) error {
	if !cmd.IsAvailableCommand() && cmd.HasParent() {
		return nil
	}
	file := filepath.Join(dir, pageName(cmd)+".1")
	if err := os.WriteFile(file, commandPage(cmd), 0o644); err != nil {
		return err
	}
	for _, sub := range cmd.Commands() {
		if err := writeCommands(sub, dir); err != nil {
			return err
		}
	}
	return nil
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

func commandPage(cmd *cobra.Command) []byte {
	cmd.InitDefaultHelpFlag()
	r := newRoff(pageName(cmd), 1)
	r.section("NAME")
	r.line(`%s \- %s`, escape(pageName(cmd)), escape(strings.ToLower(cmd.Short[:1])+cmd.Short[1:]))
	r.section("SYNOPSIS")
	r.synopsis(cmd)
	r.section("DESCRIPTION")
	long, statuses, _ := strings.Cut(cmd.Long, "\n\nEXIT STATUS\n")
	if long == "" {
		long = cmd.Short + "."
	}
	r.text(long)
	if cmd.HasAvailableSubCommands() {
		r.section("COMMANDS")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				r.term(`\fB`+escape(sub.CommandPath())+`\fR`, sub.Short)
			}
		}
	}
	r.options(cmd)
	if statuses != "" {
		r.section("EXIT STATUS")
		r.line(".PD 0")
		for l := range strings.SplitSeq(strings.TrimSpace(statuses), "\n") {
			status, about, _ := strings.Cut(strings.TrimSpace(l), " ")
			r.term(status, strings.TrimSpace(about))
		}
		r.line(".PD")
	}
	r.uses("ENVIRONMENT", cmd, environment)
	r.uses("FILES", cmd, files)
	if cmd.Example != "" {
		r.section("EXAMPLES")
		r.line(".EX\n%s\n.EE", escape(cmd.Example))
	}
	r.seeAlso(cmd)
	return r.Bytes()
}

// synopsis writes how cmd is called; a command without an action of its own needs one
// of its subcommands.
func (r *roff) synopsis(cmd *cobra.Command) {
	arguments := strings.TrimPrefix(cmd.UseLine(), cmd.CommandPath())
	arguments = strings.Replace(arguments, " [flags]", ` [\fIOPTION\fR ...]`, 1)
	if cmd.HasAvailableSubCommands() {
		arguments = ` [\fIOPTION\fR ...] \fICOMMAND\fR`
	}
	r.line(`\fB%s\fR%s`, escape(cmd.CommandPath()), argument.ReplaceAllString(arguments, `\fI$0\fR`))
}

// argument is the name of an argument in a line of usage.
var argument = regexp.MustCompile(`\b[A-Z][A-Z]+\b`)

// options writes the flags of cmd itself, and where those of the commands above it are.
func (r *roff) options(cmd *cobra.Command) {
	r.section("OPTIONS")
	before := r.Len()
	cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" && cmd.HasParent() {
			return
		}
		head := `\fB` + escape("--"+f.Name)
		if f.Shorthand != "" {
			head = `\fB` + escape("-"+f.Shorthand) + `\fR, ` + head
		}
		value, usage := pflag.UnquoteUsage(f)
		if head += `\fR`; value != "" {
			head += ` \fI` + escape(value) + `\fR`
		}
		if !slices.Contains([]string{"", "false", "0", "0s", "[]"}, f.DefValue) {
			usage += " (default " + strings.Trim(f.DefValue, "[]") + ")"
		}
		r.term(head, usage)
	})
	var above []string
	for p := cmd.Parent(); p != nil; p = p.Parent() {
		if p.HasPersistentFlags() {
			above = append(above, fmt.Sprintf(`\fB%s\fR(1)`, escape(pageName(p))))
		}
	}
	if len(above) == 0 {
		return
	}
	if r.Len() > before {
		r.line(".PP")
	}
	r.line("The options of %s apply too.", strings.Join(above, " and "))
}

func (r *roff) seeAlso(cmd *cobra.Command) {
	var also []string
	if cmd.HasParent() {
		also = append(also, pageName(cmd.Parent())+"(1)")
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			also = append(also, pageName(sub)+"(1)")
		}
	}
	for _, p := range pages {
		if !cmd.HasParent() || slices.Contains(p.readers, pageName(cmd)) {
			also = append(also, fmt.Sprintf("%s(%d)", p.name, p.section))
		}
	}
	for i, page := range also {
		name, section, _ := strings.Cut(page, "(")
		also[i] = fmt.Sprintf(`\fB%s\fR(%s`, escape(name), section)
	}
	r.section("SEE ALSO")
	r.line("%s", strings.Join(also, ",\n"))
}
