package export

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// User is a user of the router that wanctl logs in as.
type User struct {
	Name     string
	Password string // "": the user stays disabled until it has one
	Services []Service
}

// Admin is the user that every router ships with. It has all policies and is never
// added.
const Admin = "admin"

// Service is a service of the router that a user logs in to.
type Service struct {
	Transport string // rest, api or ssh
	TLS       bool
	Port      int
	Key       bool // ssh: by a key
}

// Policies returns the policies that the user needs on RouterOS 7.12 and newer, and
// no more.
func (u User) Policies() string {
	policies := []string{"read", "write"}
	for _, s := range u.Services {
		names := []string{s.Transport}
		if s.Transport == "rest" {
			names = []string{"api", "rest-api"} // RouterOS refuses REST without api
		}
		for _, name := range names {
			if !slices.Contains(policies, name) {
				policies = append(policies, name)
			}
		}
	}
	return strings.Join(policies, ",")
}

// groupComment and userComment mark the rows of users, which several WANs share.
const (
	groupComment = "what wanctl needs"
	userComment  = "wanctl"
)

func (p *Plan) users() []Item {
	var items []Item
	for _, u := range p.Users {
		if u.Name == Admin {
			continue
		}
		user := []Prop{named("name", u.Name), named("group", u.Name), named("password", u.Password)}
		if len(p.From) > 0 {
			user = append(user, named("address", strings.Join(p.From, ",")))
		}
		if u.Password == "" {
			user = append(user, fixed("disabled", "yes"))
		}
		items = append(items,
			Item{Users, "/user group", "name", []Prop{
				named("name", u.Name), fixed("policy", u.Policies()), named("comment", groupComment)}, []string{"comment"}},
			Item{Users, "/user", "name", append(user, named("comment", userComment)), []string{"comment"}})
	}
	return items
}

func (p *Plan) userNotes() []string {
	lines := []string{"A group of the policies that wanctl needs, and its user."}
	for _, u := range p.Users {
		if u.Name == Admin {
			continue
		}
		lines = append(lines, "Should the group exist, but with other policies:",
			"  /user group set [find name="+rosdata.QuoteRSC(u.Name)+"] policy="+u.Policies())
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

// certificate is the name under which the notes suggest to make one.
const certificate = "wanctl-tls"

// serviceNotes are commands a person must decide on: other programs and people
// use the same services.
func (p *Plan) serviceNotes() []string {
	var lines, keys, served []string
	secure, seen := false, map[string]bool{}
	for _, u := range p.Users {
		for _, s := range u.Services {
			if line := s.command(); !seen[line] {
				seen[line] = true
				lines = append(lines, "  "+line)
			}
			if s.Transport == "rest" {
				served = append(served, map[bool]string{true: "rest-secure=yes", false: "rest-plain=yes"}[s.TLS])
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
	if len(served) > 0 {
		slices.Sort(served)
		lines = append(lines, "REST also needs, from RouterOS 7.24:",
			"  /ip service webserver set "+strings.Join(slices.Compact(served), " "))
	}
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
