package remote

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// parseFault reads "KIND [times=N] [service=S] [command=C] [path=P] [applied]
// [for=D] [status=N] [text=T]". The text ends before the next word
// with an equals sign.
func parseFault(words []string) (simrouter.Fault, error) {
	if len(words) == 0 {
		return simrouter.Fault{}, fmt.Errorf("a fault is needed: %s", kindList())
	}
	f := simrouter.Fault{Kind: simrouter.FaultKind(words[0])}
	if !slices.Contains(simrouter.FaultKinds(), f.Kind) {
		return simrouter.Fault{}, fmt.Errorf("unknown fault %q: use one of %s", words[0], kindList())
	}
	inText := false
	for _, w := range words[1:] {
		key, value, valued := strings.Cut(w, "=")
		if inText && !valued {
			f.Text += " " + w
			continue
		}
		inText = key == "text"
		var err error
		switch key {
		case "times":
			f.Times, err = strconv.Atoi(value)
		case "service":
			var services []simrouter.Service
			if services, err = parseServices([]string{value}); err == nil {
				f.Service = services[0]
			}
		case "command":
			f.Command = value
		case "path":
			f.Path = value
		case "applied":
			f.Applied = true
		case "for":
			f.For, err = time.ParseDuration(value)
		case "status":
			f.Status, err = strconv.Atoi(value)
		case "text":
			f.Text = value
		default:
			err = fmt.Errorf("use times=, service=, command=, path=, applied, for=, status= or text=")
		}
		if err != nil {
			return simrouter.Fault{}, fmt.Errorf("fault %s: %q: %w", f.Kind, w, err)
		}
	}
	return f, nil
}

func kindList() string {
	names := make([]string, 0, len(simrouter.FaultKinds()))
	for _, k := range simrouter.FaultKinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// parseServices returns the service that a control command names, none for all.
func parseServices(args []string) ([]simrouter.Service, error) {
	switch {
	case len(args) == 0:
		return nil, nil
	case len(args) == 1 && slices.Contains(simrouter.Services(), simrouter.Service(args[0])):
		return []simrouter.Service{simrouter.Service(args[0])}, nil
	}
	return nil, fmt.Errorf("%q: name one service of www, www-ssl, api, api-ssl, ssh, or none for all", args)
}
