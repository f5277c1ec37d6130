package config

import "github.com/wanctl/wanctl/pkg/config/schema"

// wanObsolete lists what older files of a WAN hold without effect; add to it
// freely.
func wanObsolete() []schema.Obsolete {
	return []schema.Obsolete{
		{Name: "timeouts.ping_total", Why: "probes run all the time, and timeouts.ping bounds each of them"},
	}
}

// WhyObsolete explains a key of an older WAN file that has no effect any more.
func WhyObsolete(name string) (why string, found bool) {
	return schema.FindObsolete(wanObsolete(), name)
}
