package configcmd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
)

// none leaves a direction out.
const none = "none"

// askQueues offers the queues of the router, or names for new ones.
func (i *initializer) askQueues(context.Context) error {
	if i.given("simple-queue") {
		if i.given("download-queue") || i.given("upload-queue") {
			return app.Usagef("--simple-queue is one queue for both directions, in place of --download-queue and --upload-queue")
		}
		name, err := i.ask(question{flag: "simple-queue", check: scalar(schema.RouterName)}, i.flags.simpleQueue)
		if err != nil {
			return err
		}
		return i.chooseSimple(name)
	}
	free := i.free()
	if len(free) > 0 {
		i.say("\nQueues of the router:\n")
		for n, c := range free {
			i.say("  %d  %-24s %-7s on %-14s %-16s %s\n", n+1, output.Printable(c.name), c.kind, output.Printable(c.on), output.Printable(c.queueType), c.limit)
		}
		i.say("A simple queue is for both directions.\n")
	} else if i.reached {
		i.say("\nThe router has no queue for this yet; the commands that make them come at the end.\n")
	}
	down, simple, err := i.askQueue("download", i.flags.downloadQueue, free, 0)
	if err != nil {
		return err
	}
	if simple {
		return i.chooseSimple(down)
	}
	up, simple, err := i.askQueue("upload", i.flags.uploadQueue, free, 1)
	switch {
	case err != nil:
		return err
	case simple:
		return app.Usagef("the simple queue %q is for both directions: name it by --simple-queue", up)
	case down == "" && up == "":
		return app.Usagef("there is no direction left to shape: name a queue for the download, the upload or both")
	case down == up:
		return app.Usagef("the queue %q is named for both directions; a queue of the tree limits one", up)
	}
	i.queues = config.Queues{Download: down, Upload: up}
	return nil
}

// free returns the queues of the router that no other WAN has.
func (i *initializer) free() []candidate {
	return slices.DeleteFunc(slices.Clone(i.found.queues), func(c candidate) bool {
		return slices.ContainsFunc(i.others, func(w *config.WAN) bool {
			q := w.Queues
			return w.Router.Host == i.router.Host && (c.simple && c.name == q.Simple || !c.simple && (c.name == q.Download || c.name == q.Upload))
		})
	})
}

// askQueue asks for the queue of a direction, by name or by number. A simple queue is
// proposed where no queue of the tree will do.
func (i *initializer) askQueue(direction, value string, free []candidate, d int) (name string, simple bool, err error) {
	propose := map[int]string{0: "WAN-Download-", 1: "WAN-Upload-"}[d] + i.name
	fits := func(c candidate) bool { return !c.simple && (d == 0 && c.download || d == 1 && c.upload) }
	if n := slices.IndexFunc(free, func(c candidate) bool { return fits(c) && named(c.name, strings.ToLower(i.name)) }); n >= 0 {
		propose = free[n].name
	} else if n := slices.IndexFunc(free, fits); n >= 0 {
		propose = free[n].name
	} else if n := slices.IndexFunc(free, func(c candidate) bool { return c.simple }); n >= 0 && d == 0 {
		propose = free[n].name
	}
	find := func(name string) int {
		return slices.IndexFunc(free, func(c candidate) bool { return c.name == name })
	}
	answer, err := i.ask(question{
		flag: direction + "-queue", text: fmt.Sprintf("Queue of the %s, by name or number, or none", direction), propose: propose,
		check: func(s string) (string, error) {
			if n, err := strconv.Atoi(s); err == nil && find(s) < 0 && len(free) > 0 {
				if n < 1 || n > len(free) {
					return "", fmt.Errorf("is not a number from 1 to %d", len(free))
				}
				return free[n-1].name, nil
			}
			return schema.ParseScalar(schema.RouterName, s)
		},
	}, value)
	if err != nil || answer == none {
		return "", false, err
	}
	if n := find(answer); n >= 0 {
		i.found.limit[d] = free[n].max[d]
		simple = free[n].simple && !slices.ContainsFunc(free, func(c candidate) bool { return c.name == answer && !c.simple })
	}
	return answer, simple, nil
}

// chooseSimple takes one simple queue for both directions.
func (i *initializer) chooseSimple(name string) error {
	i.queues = config.Queues{Simple: name}
	n := slices.IndexFunc(i.found.queues, func(c candidate) bool { return c.simple && c.name == name })
	known := n >= 0 && i.found.queues[n].known
	if known {
		i.found.limit = i.found.queues[n].max
	}
	if known && !i.given("target") || !i.reached && !i.given("target") {
		return nil
	}
	target, err := i.ask(question{
		flag: "target", text: "Is the target of " + output.Printable(name) + " the lan, or the wan port", propose: i.flags.target,
		explain: "The router does not show which of the two limits is the download.",
		check:   oneOf(string(config.TargetLAN), string(config.TargetWAN)),
	}, i.flags.target)
	i.queues.Target = config.Target(target)
	return err
}

// usualType returns the name of a queue type as 'router export' has it.
func usualType(own, direction, wan string) string {
	return cmp.Or(own, "cake-"+strings.ToLower(direction)+"-"+wan)
}
