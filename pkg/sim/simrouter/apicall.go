package simrouter

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/console"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/sentence"
)

// apiCall is one command as it arrived.
type apiCall struct {
	console.Command // listen and getall are print here

	asked  string // the command as it was named
	number int    // in the order of arrival
	tag    string
	body   string // all but the command, for the history
	bad    string // a word that is no word of a command

	follow bool // print goes on with what changes
	only   bool // and leaves out what is there

	gone chan struct{} // closed when it is cancelled, or the connection ends
}

// parseCall understands the words of a sentence; there is at least one.
func parseCall(words []string, number int) *apiCall {
	c := &apiCall{number: number, gone: make(chan struct{}), body: strings.Join(words[1:], "\n")}
	c.Args = make(map[string]string)
	if path, name, ok := cutLast(words[0]); ok {
		c.Path, c.Name, c.asked = path, name, name
	} else {
		c.bad = words[0]
	}
	for _, w := range words[1:] {
		switch w[0] {
		case '=':
			key, value, _ := strings.Cut(w[1:], "=")
			switch unset, isUnset := strings.CutPrefix(key, "!"); {
			case key == ".proplist":
				c.Proplist = append(c.Proplist, strings.Split(value, ",")...)
			case isUnset:
				c.Args[unset] = ""
			default:
				c.Args[key] = value
			}
		case '?':
			c.Query = append(c.Query, w[1:])
		case '.':
			if tag, ok := strings.CutPrefix(w, ".tag="); ok {
				c.tag = tag
			}
		default:
			c.bad = w
		}
	}
	c.alias()
	return c
}

// cutLast splits "/queue/tree/print" into the menu and the command.
func cutLast(word string) (path, name string, ok bool) {
	i := strings.LastIndexByte(word, '/')
	if i < 0 || word[0] != '/' || i == len(word)-1 {
		return "", "", false
	}
	return cmp.Or(word[:i], "/"), word[i+1:], true
}

// alias turns the other ways to print into print.
func (c *apiCall) alias() {
	_, follow := c.Args["follow"]
	_, only := c.Args["follow-only"]
	switch c.Name {
	case "getall":
		c.Name = "print"
	case "listen":
		c.Name, only = "print", true
	case "print":
		delete(c.Args, "follow")
		delete(c.Args, "follow-only")
	default:
		return
	}
	c.follow, c.only = follow || only, only
}

// full is the command as one word.
func (c *apiCall) full() string {
	if c.Path == "/" {
		return "/" + c.asked
	}
	return c.Path + "/" + c.asked
}

// reply is a sentence to the client, with the tag of the command.
func (c *apiCall) reply(word string, attributes ...string) []string {
	words := []string{word}
	if c.tag != "" {
		words = append(words, ".tag="+c.tag)
	}
	return append(words, attributes...)
}

func (c *apiCall) done() []string { return c.reply("!done") }

// rows are sentences without the end.
func (c *apiCall) rows(rows []map[string]string) [][]string {
	sentences := make([][]string, 0, len(rows)+2)
	for _, row := range rows {
		words := c.reply("!re")
		for _, key := range slices.Sorted(maps.Keys(row)) {
			words = append(words, "="+key+"="+row[key])
		}
		sentences = append(sentences, words)
	}
	return sentences
}

// trap is the answer of a command that failed.
func (c *apiCall) trap(r *Router, e *console.Error) [][]string {
	return [][]string{c.trapAlone(r, e), c.done()}
}

func (c *apiCall) trapAlone(r *Router, e *console.Error) []string {
	var attributes []string
	if !r.cfg.Quirks.NoCategories {
		attributes = append(attributes, "=category="+strconv.Itoa(int(e.Category)))
	}
	if e.Text != "" {
		attributes = append(attributes, "=message="+e.Text)
	}
	return c.reply("!trap", attributes...)
}

// interrupted is what a /cancel answers, together with the commands it ended.
func interrupted(r *Router, cancel *apiCall, ended []*apiCall) [][]string {
	slices.SortFunc(ended, func(a, b *apiCall) int { return a.number - b.number })
	var sentences [][]string
	for _, c := range ended {
		sentences = append(sentences, c.trapAlone(r, &console.Error{Category: console.Interrupted, Text: "interrupted"}))
	}
	sentences = append(sentences, cancel.done())
	for _, c := range ended {
		sentences = append(sentences, c.done())
	}
	return sentences
}

func encodeSentences(sentences [][]string) []byte {
	var b []byte
	for _, words := range sentences {
		b = sentence.Append(b, words...)
	}
	return b
}
