package schema

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var (
	reference   = regexp.MustCompile(`^\$\{([^}]*)\}`)
	envVariable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// unsetError names a variable that a value needs.
type unsetError struct{ name string }

func (e *unsetError) Error() string { return fmt.Sprintf("environment variable %s is not set", e.name) }

// expand replaces every ${NAME} in s from the environment. $${ is a literal
// ${; any other dollar sign is itself.
func expand(s string, lookup func(string) (string, bool)) (string, error) {
	if !strings.Contains(s, "${") {
		return s, nil
	}
	var out strings.Builder
	for s != "" {
		dollar := strings.IndexByte(s, '$')
		if dollar < 0 {
			break
		}
		out.WriteString(s[:dollar])
		s = s[dollar:]
		switch m := reference.FindStringSubmatch(s); {
		case strings.HasPrefix(s, "$${"):
			out.WriteString("${")
			s = s[3:]
		case !strings.HasPrefix(s, "${"):
			out.WriteByte('$')
			s = s[1:]
		case m == nil || !envVariable.MatchString(m[1]):
			// What stands there may be part of a password: it is not repeated.
			return "", errors.New("${ must be followed by the name of an environment variable and }; a literal ${ is written $${")
		default:
			value, ok := lookup(m[1])
			if !ok {
				return "", &unsetError{m[1]}
			}
			out.WriteString(value)
			s = s[len(m[0]):]
		}
	}
	return out.String() + s, nil
}

// escape writes s so that expand returns it.
func escape(s string) string { return strings.ReplaceAll(s, "${", "$${") }
