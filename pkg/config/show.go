package config

import "github.com/wanctl/wanctl/pkg/config/schema"

// WANKeys lists the keys of a WAN's file in the order of the reference file.
func WANKeys() []schema.Key { return schema.Keys(wanKeys()) }

// Settings lists every key with the value in force, passwords masked. Keys that
// are only another form of others, such as floor_mbps, or that have no effect
// any more, are not among them.
func Settings(w *WAN, origins schema.Origins) []schema.Setting {
	list := schema.Settings(wanKeys(), w, origins)
	for i := range list {
		if list[i].Key == "router.failover" && len(w.Router.Failover) > 0 {
			list[i].Value = failoverSettings(w.Router.Failover)
		}
	}
	return list
}

func failoverSettings(routers []Router) []schema.Entry {
	all := make([]schema.Entry, len(routers))
	for i := range routers {
		all[i] = schema.Settings(routerKeys(), &routers[i], nil)
	}
	return all
}

// Marshal writes the configuration in force as YAML that loads again, apart
// from the passwords, which are masked. With origins, a comment at each key
// says where its value came from.
func Marshal(w *WAN, origins schema.Origins) ([]byte, error) {
	return schema.Marshal(Settings(w, origins))
}
