package configcmd

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/router/export"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// finish checks everything, writes it, and says what comes next.
func (i *initializer) finish(ctx context.Context) error {
	if err := i.places(); err != nil {
		return err
	}
	wan, err := i.parse()
	if err != nil {
		return err
	}
	plan := i.plan(wan)
	lacks, compared := i.compare(ctx, plan)
	commands, err := i.askExport(plan, lacks > 0 || !compared)
	if err != nil {
		return err
	}
	i.say("\n%s\n", i.text())
	yes, err := i.confirm("Write "+i.path+"?", true, true)
	if err != nil || !yes {
		return err
	}
	if err := i.write(commands); err != nil {
		return err
	}
	return i.printNext(plan.Style, lacks > 0 || !compared, commands.path != "")
}

// parse reads what is going to be written, as the daemons will.
func (i *initializer) parse() (*config.WAN, error) {
	opts := i.ConfigOptions()
	opts.FileAlone, opts.WithoutSecrets = true, true // the password is not there yet
	wan, warnings, err := config.Parse(strings.NewReader(i.text()), i.path, opts)
	if err != nil {
		return nil, err
	}
	if i.steerFrom != nil {
		_, more, err := config.ParseSteering(strings.NewReader(i.steeringText()), i.steeringPath(), opts)
		if err != nil {
			return nil, err
		}
		warnings = append(warnings, more...)
	}
	i.WarnProblems(warnings)
	if err := config.CheckConflicts(append(slices.Clone(i.others), wan)); err != nil {
		return nil, err
	}
	return wan, nil
}

// plan is what the router needs.
func (i *initializer) plan(wan *config.WAN) *export.Plan {
	p := &export.Plan{
		Name: i.name, Host: wan.Router.Host, Users: routerdial.Users(wan.Router.Endpoints()), WANInterface: i.wan, LANInterface: i.lan,
		Style: export.Tree, Simple: i.queues.Simple, Target: export.Target(i.queues.Target),
	}
	for n := range p.Users {
		p.Users[n].Password = "" // a person gives it to the user
	}
	sameRouter := slices.ContainsFunc(i.others, func(w *config.WAN) bool { return w.Router.Host == wan.Router.Host })
	switch {
	case p.Simple != "":
		p.Style = export.Simple
	case sameRouter: // what comes in by two WANs leaves by one LAN
		p.Style = export.Marks
	}
	if i.down.ceiling > 0 {
		p.Download = export.Queue{Name: cmp.Or(i.queues.Download, "WAN-Download-"+i.name), Type: usualType("", "down", i.name), Ceiling: i.down.ceiling}
	}
	if i.up.ceiling > 0 {
		p.Upload = export.Queue{Name: cmp.Or(i.queues.Upload, "WAN-Upload-"+i.name), Type: usualType("", "up", i.name), Ceiling: i.up.ceiling}
	}
	if i.source != "" || i.iface != "" {
		p.Probes = &export.Probes{Source: i.source, HostInterface: i.iface, Gateway: i.gateway}
	}
	if i.steerFrom != nil {
		upper := strings.ToUpper(i.name)
		p.Steering = &export.Steering{Alternate: i.name, Comment: i.rule(), Table: "to-" + i.name, List: "STEER_" + upper, ForceList: "FORCE_OUT_" + upper, Gateway: i.gateway}
	}
	return p
}

// compare returns how many rows the router lacks, where that can be found out.
func (i *initializer) compare(ctx context.Context, plan *export.Plan) (lacks int, compared bool) {
	if !i.reached {
		return 0, false
	}
	client, err := i.dial()
	if err != nil {
		return 0, false
	}
	defer client.Close()
	findings, err := plan.Diff(func(menu string) ([]rosdata.Row, error) { return client.Rows(ctx, menu) })
	if err != nil {
		return 0, false
	}
	for _, f := range findings {
		// Queues in use may have other types and places; doctor checks those.
		if f.State == export.Missing && f.Section != export.QueueTypes && f.Section != export.Users && f.Section != export.MarkRules {
			lacks++
		}
	}
	return lacks, true
}

// script is a file of commands for the router.
type script struct {
	path string // "" for none
	text []byte
}

// askExport returns the commands for the router, and where to write them.
func (i *initializer) askExport(plan *export.Plan, needed bool) (s script, err error) {
	switch s.path = i.flags.export; {
	case s.path != "":
		err = i.askReplace(s.path, "--export FILE names another file")
	case needed && i.tty:
		keep := ""
		if _, err := os.Lstat(i.rsc()); err == nil {
			keep = ", and keep what is there as a backup"
		}
		var yes bool
		yes, err = i.confirm("\nThe router lacks some of what this needs. Write the commands for it to "+i.rsc()+keep+"?", true, false)
		if yes {
			s.path = i.rsc()
		}
	}
	if err != nil || s.path == "" {
		return script{}, err
	}
	var b bytes.Buffer
	err = plan.Script(&b)
	s.text = b.Bytes()
	return s, err
}

// rsc is where the commands for the router go.
func (i *initializer) rsc() string { return "wanctl-" + i.name + ".rsc" }

// write writes the files. The password comes first: a configuration that names one that
// is not there does not load.
func (i *initializer) write(s script) error {
	if err := config.MakeDir(filepath.Dir(i.path)); err != nil {
		return err
	}
	backup, err := "", error(nil)
	secrets := ""
	switch password := i.router.Password.Reveal(); {
	case i.passwordFile != "":
		secrets = i.passwordFile
		backup, err = config.WritePassword(secrets, password)
	case i.variable != "":
		secrets = i.Global.Secrets
		if err := config.MakeDir(filepath.Dir(secrets)); err != nil {
			return err
		}
		if have, _, _ := config.ReadSecrets(secrets, true); have[i.variable] != password {
			backup, err = config.SetSecret(secrets, i.variable, password)
		}
	}
	if err := i.report(secrets, backup, err); err != nil {
		return err
	}
	backup, err = config.Create(i.path, []byte(i.text()))
	if err := i.report(i.path, backup, err); err != nil {
		return err
	}
	if i.steerFrom != nil {
		backup, err = config.Create(i.steeringPath(), []byte(i.steeringText()))
		if err := i.report(i.steeringPath(), backup, err); err != nil {
			return err
		}
	}
	if s.path == "" {
		return nil
	}
	backup, err = config.Create(s.path, s.text)
	return i.report(s.path, backup, err)
}

// report prints what was written.
func (i *initializer) report(path, backup string, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("writing %s: %w", path, err)
	case path == "":
		return nil
	case backup != "":
		_, err = fmt.Fprintf(i.Out, "wrote %s; what was there is %s\n", path, backup)
	default:
		_, err = fmt.Fprintf(i.Out, "wrote %s\n", path)
	}
	return err
}

// exportFlags returns what 'router export' does not read from the configuration.
func (i *initializer) exportFlags(style export.Style) (flags string) {
	if style == export.Marks {
		flags += " --style marks"
	}
	if i.gateway != "" {
		flags += " --wan-gateway " + i.gateway
	}
	if i.steerFrom != nil {
		flags += " --alternate " + i.name
		if i.gateway != "" {
			flags += " --alternate-gateway " + i.gateway
		}
	}
	return flags
}

// printNext prints the commands that come next. lacks says that the router lacks
// something, or may do so; written, that the commands for it were written just now: what
// an earlier run has left is of other answers.
func (i *initializer) printNext(style export.Style, lacks, written bool) error {
	if i.Global.Quiet {
		return nil
	}
	var b strings.Builder
	b.WriteString("\nNext:\n")
	which := "--config " + i.path
	if filepath.Dir(i.path) == serviceDir {
		which = "--wan " + i.name
	}
	if lacks {
		rsc := cmp.Or(i.flags.export, i.rsc())
		host := i.router.Host
		b.WriteString("  # what the router needs: look at it, and bring it there\n")
		if !written {
			fmt.Fprintf(&b, "  wanctl router export %s --wan-interface %s --lan-interface %s%s > %s\n", which, cmp.Or(i.wan, "WAN"), cmp.Or(i.lan, "LAN"), i.exportFlags(style), rsc)
		}
		fmt.Fprintf(&b, "  scp %s admin@%s:\n  ssh admin@%s /import %s\n", rsc, host, host, filepath.Base(rsc))
		if i.router.User != export.Admin && i.router.SSHKey == "" && !i.reached {
			fmt.Fprintf(&b, "  ssh admin@%s '/user set [find name=%s] password=\"...\" disabled=no'\n", host, i.router.User)
		}
	}
	fmt.Fprintf(&b, "  wanctl doctor %s\n", which)
	if filepath.Dir(i.path) == serviceDir {
		fmt.Fprintf(&b, "  systemctl enable --now wanctl@%s\n", i.name)
	} else {
		fmt.Fprintf(&b, "  wanctl shape %s\n", which)
	}
	if i.steerFrom != nil {
		steer := "wanctl steer --config " + i.steeringPath()
		if filepath.Dir(i.path) == serviceDir {
			steer = "systemctl enable --now wanctl-steer"
		}
		fmt.Fprintf(&b, "  wanctl router address-list add STEER_%s ADDRESS %s    # whose connections are steered\n  %s\n", strings.ToUpper(i.name), which, steer)
	}
	_, err := fmt.Fprint(i.Out, b.String())
	return err
}
