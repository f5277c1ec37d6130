package cli

import (
	"reflect"
	"strings"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/fleet/live"
	"github.com/wanctl/wanctl/pkg/notify"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/trace"
)

// Document is a JSON document of wanctl under its name in the schema.
type Document struct {
	Name string // such as "router-queue-get"
	Doc  string
	Type reflect.Type
}

// Documents lists what commands print with -o json and -o jsonl, and what is served or
// written to files.
func Documents() []Document {
	a := &app.App{LookupEnv: func(string) (string, bool) { return "", false }}
	root := newRootCmd(a)
	list := []Document{
		{"health", "GET /health of 'wanctl shape'.", reflect.TypeFor[telemetry.Health]()},
		{"health-steer", "GET /health of 'wanctl steer'.", reflect.TypeFor[telemetry.SteeringHealth]()},
		{"health-host", "GET /health of 'wanctl serve' and of 'wanctl run'.", reflect.TypeFor[telemetry.Host]()},
		{"fleet", "GET /health and /page/fleet of 'wanctl serve --fleet'.", reflect.TypeFor[live.Document]()},
		{"history", "GET /history of a daemon's socket and of 'wanctl serve'.", reflect.TypeFor[history.Window]()},
		{"notify-event", "What receivers of notifications get. Old and new are values that wanctl-notify(7) lists.", reflect.TypeFor[notify.Event]()},
		{"recording", "A line of what 'wanctl shape --record' writes.", reflect.TypeFor[trace.Record]()},
	}
	for _, d := range a.Documents {
		path := strings.TrimPrefix(d.Command.CommandPath(), root.Name()+" ")
		list = append(list, Document{
			strings.ReplaceAll(path, " ", "-"), "What 'wanctl " + path + " -o json' prints, or an item of its list, or a line of -o jsonl.", d.Type,
		})
	}
	return list
}
