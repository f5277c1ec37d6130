package config

import "github.com/wanctl/wanctl/pkg/config/schema"

// WANKeys lists the keys of a WAN's file in the order of the reference file.
func WANKeys() []schema.Key { return schema.Keys(wanKeys()) }

// SteeringKeys lists the keys of the steering file in the order of the
// reference file.
func SteeringKeys() []schema.Key { return schema.Keys(steeringKeys()) }

// Settings lists every key of a WAN with the value in force, passwords masked.
// Keys that are only another form of others, such as floor_mbps, or that have no
// effect any more, are not among them.
func Settings(w *WAN, origins schema.Origins) []schema.Setting {
	return withFailover(schema.Settings(wanKeys(), w, origins), &w.Base)
}

// SteeringSettings is Settings of the steering file.
func SteeringSettings(s *Steering, origins schema.Origins) []schema.Setting {
	return withFailover(schema.Settings(steeringKeys(), s, origins), &s.Base)
}

func withFailover(list []schema.Setting, b *Base) []schema.Setting {
	for i := range list {
		if list[i].Key == "router.failover" && len(b.Router.Failover) > 0 {
			list[i].Value = failoverSettings(b.Router.Failover)
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

// MarshalSteering is Marshal of the steering file.
func MarshalSteering(s *Steering, origins schema.Origins) ([]byte, error) {
	return schema.Marshal(SteeringSettings(s, origins))
}
