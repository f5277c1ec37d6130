package export

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Script writes the commands as a file for /import, with what a person has to
// know or do beside them.
func (p *Plan) Script(w io.Writer) error {
	var b strings.Builder
	file := "wanctl-" + p.Name + ".rsc"
	to := orElse(p.Host, "ROUTER")
	note(&b,
		"What wanctl needs on the router for the WAN "+rosdata.QuoteRSC(p.Name)+"; RouterOS 7.12 or newer.",
		"It may be run any number of times: what exists already is left as it is.",
		"",
		"  scp "+file+" admin@"+to+":",
		"  ssh admin@"+to+" /import "+file)
	for _, i := range p.interfaces() {
		b.WriteString(i + "\n")
	}
	notes := map[Section][]string{
		Users:      p.userNotes(),
		QueueTypes: {"Queue types. What is tuned on them by hand stays."},
		Queues:     {"Queues. wanctl moves their max-limit; they begin at the ceiling."},
		Marks: {"Marks that tell the queues their packets. Connections that FastTrack takes are never",
			"marked; if there is such a rule, disable it:",
			"  /ip firewall filter disable [find action=fasttrack-connection]"},
		Steer: p.steeringNotes(),
	}
	var section Section
	for _, i := range p.Items() {
		if i.Section != section {
			section = i.Section
			b.WriteByte('\n')
			note(&b, notes[section]...)
		}
		b.WriteString(i.Command() + "\n")
	}
	if services := p.serviceNotes(); len(services) > 0 {
		b.WriteByte('\n')
		note(&b, services...)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// note writes comment lines. No text in them begins a line of its own.
func note(b *strings.Builder, lines ...string) {
	for _, l := range lines {
		l = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return -1
			}
			return r
		}, l)
		b.WriteString(strings.TrimRight("# "+l, " ") + "\n")
	}
}

// interfaces stops the script before it has changed anything when an interface
// is not there, as a placeholder never is.
func (p *Plan) interfaces() []string {
	check := func(name, given, flag string) string {
		text := "there is no interface " + name
		if given == "" {
			text = name + " stands for an interface: replace it in this file, or export again with " + flag + " NAME"
		}
		return fmt.Sprintf(":if ([:len [/interface find name=%s]] = 0) do={\n  :error %s\n}", rosdata.QuoteRSC(name), rosdata.QuoteRSC(text))
	}
	checks := []string{check(p.wan(), p.WANInterface, "--wan-interface")}
	if p.LANInterface != Global {
		checks = append(checks, check(p.lan(), p.LANInterface, "--lan-interface"))
	}
	return checks
}

func (p *Plan) userNotes() []string {
	lines := []string{"A group of the policies that wanctl needs, and its user."}
	for _, u := range p.Users {
		if u.Name == Admin {
			continue
		}
		lines = append(lines, "Should the group exist, but with other policies:",
			"  /user group set [find name="+rosdata.QuoteRSC(u.Name)+"] policy="+u.policies())
		if u.Password != "" {
			continue
		}
		lines = append(lines, "The user is disabled until it has a password:",
			"  /user set [find name="+rosdata.QuoteRSC(u.Name)+"] password=\"...\" disabled=no")
	}
	if len(p.From) == 0 {
		lines = append(lines, "It may log in from anywhere; export with --from-address ADDRESS to restrict that.")
	}
	return lines
}

func (p *Plan) steeringNotes() []string {
	s := p.Steering
	if s == nil {
		return nil
	}
	lines := []string{
		"Steering to " + rosdata.QuoteRSC(s.Alternate) + ". wanctl switches the rule " + rosdata.QuoteRSC(s.Comment) + ".",
		"Whose new connections it steers is up to the first address list, who always goes out",
		"there to the second:",
		"  /ip firewall address-list add list=" + rosdata.QuoteRSC(s.List) + " address=...",
		"  /ip firewall address-list add list=" + rosdata.QuoteRSC(s.ForceList) + " address=...",
	}
	if s.Gateway == "" {
		lines = append(lines, "The table needs a way out, unless it has one:",
			"  /ip route add dst-address=0.0.0.0/0 gateway=... routing-table="+rosdata.QuoteRSC(s.Table))
	}
	return lines
}

// certificate is the name under which the notes suggest to make one.
const certificate = "wanctl-tls"

// serviceNotes are commands a person must decide on: other programs and people
// use the same services.
func (p *Plan) serviceNotes() []string {
	var lines, keys []string
	secure, seen := false, map[string]bool{}
	for _, u := range p.Users {
		for _, s := range u.Services {
			if line := s.command(); !seen[line] {
				seen[line] = true
				lines = append(lines, "  "+line)
			}
			secure = secure || s.Transport != "ssh" && s.TLS
			if s.Transport == "ssh" && s.Key {
				keys = append(keys, "  /user ssh-keys import public-key-file=wanctl.pub user="+rosdata.QuoteRSC(u.Name))
			}
		}
	}
	if len(lines) == 0 {
		return nil
	}
	head := []string{"Services. Not done here, since others use them too."}
	if secure {
		name := rosdata.QuoteRSC(orElse(p.Host, "router"))
		head = append(head, "A certificate for TLS, if there is none yet; pin its SHA-256 in wanctl's configuration:",
			"  /certificate add name="+certificate+" common-name="+name+" key-size=2048 days-valid=3650 key-usage=digital-signature,key-encipherment,tls-server",
			"  /certificate sign "+certificate,
			"  :put [/certificate get "+certificate+" fingerprint]")
	}
	head = append(head, "The services themselves:")
	lines = append(head, lines...)
	if len(keys) > 0 {
		lines = append(lines, "The public key, once copied to the router as wanctl.pub:")
		lines = append(lines, keys...)
	}
	return lines
}

// command enables the service.
func (s Service) command() string {
	name, usual := "ssh", 22
	switch {
	case s.Transport == "rest" && s.TLS:
		name, usual = "www-ssl", 443
	case s.Transport == "rest":
		name, usual = "www", 80
	case s.Transport == "api" && s.TLS:
		name, usual = "api-ssl", 8729
	case s.Transport == "api":
		name, usual = "api", 8728
	}
	line := "/ip service set " + name
	if s.Port != 0 && s.Port != usual {
		line += fmt.Sprintf(" port=%d", s.Port)
	}
	if s.TLS {
		line += " certificate=" + certificate
	}
	return line + " disabled=no"
}
