package simrouter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/console"
)

// call is a parsed request: a command and, where the path named one, a row.
type call struct {
	console.Command
	ref string
}

// parse turns a request into a call, or into the answer that refuses it.
func (r *Router) parse(req *http.Request, body []byte) (call, *response) {
	segments := menuSegments(req.URL)
	path, rest := r.menuOf(segments)
	c := call{Command: console.Command{Path: path, Args: map[string]string{}}}
	refuse := func(status int, detail string) (call, *response) {
		res := restError(status, detail)
		return call{}, &res
	}
	switch req.Method {
	case http.MethodPost:
		if len(segments) == 0 {
			return refuse(http.StatusBadRequest, "no such command or directory ()")
		}
		c.Path, c.Name = "/"+strings.Join(segments[:len(segments)-1], "/"), segments[len(segments)-1]
		if c.Name == "print" && r.cfg.Quirks.NoPostPrint {
			return refuse(r.cfg.Quirks.BadVerbStatus, "no such command or directory (print)")
		}
	case http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete:
		if path == "" || len(rest) > 1 {
			return refuse(r.cfg.Quirks.UnknownPathStatus, "no such command or directory ("+strings.Join(segments, "/")+")")
		}
		if len(rest) == 1 {
			c.ref = rest[0]
			if !strings.HasPrefix(c.ref, "*") && r.cfg.Quirks.NoNamesInPath {
				return refuse(http.StatusNotFound, "")
			}
		}
		needsRow := req.Method == http.MethodPatch || req.Method == http.MethodDelete
		if needsRow != (c.ref != "") && req.Method != http.MethodGet || c.ref != "" && r.machine.IsSingle(path) {
			return refuse(r.cfg.Quirks.BadVerbStatus, "no such command or directory ("+strings.ToLower(req.Method)+")")
		}
	default:
		return refuse(http.StatusMethodNotAllowed, "")
	}
	if err := c.filters(req.URL.RawQuery, r.cfg.Quirks.PlusIsSpace); err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	if err := c.properties(body); err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	return c, nil
}

// menuOf finds the longest menu at the start of a path.
func (r *Router) menuOf(segments []string) (path string, rest []string) {
	for n := len(segments); n > 0; n-- {
		p := "/" + strings.Join(segments[:n], "/")
		if r.machine.IsMenu(p) {
			return p, segments[n:]
		}
	}
	return "", segments
}

// filters reads ?name=x&.proplist=a,b: every filter must match.
func (c *call) filters(raw string, plusIsSpace bool) error {
	if raw == "" {
		return nil
	}
	for part := range strings.SplitSeq(raw, "&") {
		key, value, valued := strings.Cut(part, "=")
		var err error
		if key, err = url.PathUnescape(key); err != nil {
			return err
		}
		if plusIsSpace {
			value = strings.ReplaceAll(value, "+", " ")
		}
		if value, err = url.PathUnescape(value); err != nil {
			return err
		}
		switch {
		case key == ".proplist":
			c.Proplist = append(c.Proplist, strings.Split(value, ",")...)
		case valued:
			c.Query = append(c.Query, "="+key+"="+value)
		default:
			c.Query = append(c.Query, key)
		}
	}
	return nil
}

// properties reads the JSON object of a body. Numbers and booleans are taken
// as if they were strings.
func (c *call) properties(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(shield(body)))
	dec.UseNumber()
	var props map[string]any
	if err := dec.Decode(&props); err != nil {
		return fmt.Errorf("invalid JSON: %w", err)
	}
	for key, v := range props {
		key = unshield(key)
		switch key {
		case ".proplist", ".query":
			words, err := stringList(v)
			if err != nil {
				return fmt.Errorf("invalid value for argument %s", key)
			}
			if key == ".query" {
				c.Query = append(c.Query, words...)
			} else {
				c.Proplist = append(c.Proplist, words...)
			}
			continue
		}
		switch v := v.(type) {
		case string:
			c.Args[key] = unshield(v)
		case json.Number, bool:
			c.Args[key] = fmt.Sprint(v)
		default:
			return fmt.Errorf("invalid value for argument %s", key)
		}
	}
	return nil
}

func stringList(v any) ([]string, error) {
	switch v := v.(type) {
	case string:
		return strings.Split(unshield(v), ","), nil
	case []any:
		words := make([]string, len(v))
		for i, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("not a string: %v", item)
			}
			words[i] = unshield(s)
		}
		return words, nil
	}
	return nil, fmt.Errorf("neither a string nor a list: %v", v)
}

// shielded are runes that stand for bytes above 0x7f while encoding/json has
// them, which would replace those that are no UTF-8; a router keeps bytes.
const shielded = 0xF700

func shield(body []byte) []byte {
	b := make([]byte, 0, len(body))
	for _, c := range body {
		if c < utf8.RuneSelf {
			b = append(b, c)
		} else {
			b = utf8.AppendRune(b, shielded+rune(c))
		}
	}
	return b
}

func unshield(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > shielded+utf8.RuneSelf-1 && r <= shielded+0xFF {
			b = append(b, byte(r-shielded))
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b)
}
