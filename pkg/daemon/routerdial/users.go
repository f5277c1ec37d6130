package routerdial

import (
	"cmp"
	"slices"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router/export"
)

// Users returns who logs in to a router over its endpoints, and by which services.
func Users(endpoints []config.Router) []export.User {
	var users []export.User
	for _, r := range endpoints {
		i := slices.IndexFunc(users, func(u export.User) bool { return u.Name == r.User })
		if i < 0 {
			i = len(users)
			users = append(users, export.User{Name: r.User})
		}
		service := export.Service{Transport: string(r.Transport), TLS: r.TLS, Port: r.Port, Key: r.SSHKey != ""}
		if !slices.Contains(users[i].Services, service) {
			users[i].Services = append(users[i].Services, service)
		}
		users[i].Password = cmp.Or(users[i].Password, r.Password.Reveal())
	}
	return users
}
