package export

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Script writes the commands as a file for /import, with comments on what has
// to be done besides.
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
		b.WriteString(i.check() + "\n")
	}
	notes := map[Section][]string{
		Users:      p.userNotes(),
		QueueTypes: typeNotes(),
		Queues:     p.queueNotes(),
		MarkRules:  markNotes(),
		Steer:      p.steeringNotes(),
	}
	if p.Probes != nil {
		notes[ProbeWay] = p.probeNotes()
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
	if p.Probes != nil && !p.Probes.Complete() {
		b.WriteByte('\n')
		note(&b, notes[ProbeWay]...)
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

// check returns a command that stops the script, before it has changed anything,
// when the interface does not exist. A placeholder never does.
func (u usedInterface) check() string {
	text := "there is no interface " + u.name
	if !u.given {
		text = u.name + " stands for an interface: replace it in this file, or export again with " + u.flag + " NAME"
	}
	return fmt.Sprintf(":if ([:len [/interface find name=%s]] = 0) do={\n  :error %s\n}", rosdata.QuoteRSC(u.name), rosdata.QuoteRSC(text))
}

func typeNotes() []string {
	return []string{
		"Queue types. What is tuned on them by hand stays: cake-overhead and cake-mpu of the",
		"line, cake-rtt. Leave cake-bandwidth unset: below a queue it limits nothing, max-limit does.",
	}
}

func (p *Plan) queueNotes() []string {
	switch p.Style {
	case Simple:
		target, first, _ := p.target()
		comes, means := "the download", TargetWAN
		if p.Target == TargetLAN {
			comes, means = "the upload", TargetLAN
		}
		lines := []string{
			"One simple queue for both directions. wanctl moves its max-limit, which begins at the",
			"ceilings. Of A/B, A is what the target sends, that is, what comes in by " + rosdata.QuoteRSC(target) + ":",
			comes + " (" + orElse(first.Type, "not shaped") + "). In the configuration of this WAN that is:",
			"  queues:",
			"    simple: " + rosdata.Quote(p.Simple),
			"    target: " + string(means),
			"A simple queue before it that matches the same packets goes first. FastTrack passes",
			"all of them by; if there is such a rule, disable it:",
		}
		return append(lines, fastTrack()...)
	case Marks:
		return []string{
			"Queues for packets that the rules below mark. wanctl moves their max-limit, which begins",
			"at the ceilings.",
		}
	}
	return []string{
		"Queues for what leaves by an interface without a mark, IPv6 included, and on many boards",
		"what FastTrack takes. wanctl moves their max-limit, which begins at the ceilings. Export with",
		"--style marks instead where the SENT of 'wanctl router queue get' stands still under load",
		"(some trunk and VLAN ports of a switch chip), where other rules mark packets, or where",
		"other networks of the router send to the LAN's interface too; with --style simple for one",
		"simple queue.",
	}
}

func markNotes() []string {
	return append([]string{
		"Marks that assign packets to the queues, in both address families. Connections that",
		"FastTrack takes are never marked; if there is such a rule, disable it:",
	}, fastTrack()...)
}

// fastTrack returns the commands that disable FastTrack; that of IPv6 exists from
// RouterOS 7.18 on.
func fastTrack() []string {
	return []string{
		"  /ip firewall filter disable [find action=fasttrack-connection]",
		"  /ipv6 firewall filter disable [find action=fasttrack-connection]",
	}
}
