package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// What every run has in common.
const (
	password = "hunter2-of-the-faults"
	rule     = "wanctl: steer to alt"

	ceiling = 500 // of the download, in Mbit/s, and its limit at the start
	floor   = 100
)

// script is the router.
const script = `/interface add name=bridge1 type=bridge
/interface add name=ether1 type=ether
/queue tree
add name=WAN-Download-1 parent=bridge1 max-limit=500M
add name=WAN-Upload-1 parent=ether1 max-limit=40M
add name=Other parent=bridge1 max-limit=77M
/ip firewall mangle
add chain=prerouting action=mark-routing new-routing-mark=alt comment="` + rule + `" disabled=yes
add chain=prerouting action=mark-routing new-routing-mark=alt comment="` + rule + ` (not this one)" disabled=yes
/user group add name=wanctl policy=read,write,rest-api,api,ssh
/user add name=wanctl group=wanctl password=` + password + "\n"

// prepare makes the network, the router, directories and configurations.
func (r *run) prepare(ctx context.Context) (err error) {
	for _, dir := range []string{"run", "state", "log"} {
		if err := os.MkdirAll(r.path(dir), 0o755); err != nil {
			return err
		}
	}
	if r.fault.Network {
		if err := r.buildNetwork(ctx); err != nil {
			return err
		}
	}
	section, err := r.startRouter(ctx)
	if err != nil {
		return err
	}
	r.config = map[string]any{
		"wan_name": "wan", "router": section,
		"queues":       map[string]any{"download": "WAN-Download-1", "upload": "WAN-Upload-1"},
		"lock_file":    r.path("run/wan.lock"),
		"state_file":   r.path("state/wan.json"),
		"logging":      map[string]any{"main_log": r.path("log/wan.log"), "debug_log": r.path("log/wan.debug")},
		"health_check": map[string]any{"port": 0},
		"continuous_monitoring": map[string]any{
			"baseline_rtt_initial": 1, "ping_hosts": []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"},
			"download": map[string]any{"ceiling_mbps": ceiling, "floor_mbps": floor}, "upload": map[string]any{"ceiling_mbps": 40, "floor_mbps": 10},
			"fallback_checks": map[string]any{"enabled": false},
		},
	}
	if r.net != nil {
		merge(r.config, r.net.config())
	}
	switch r.fault.program() {
	case "steer":
		if err := r.writeJSON("wan.yaml", r.config); err != nil {
			return err
		}
		r.config = map[string]any{
			"wan_name": "steering", "router": section,
			"topology":           map[string]any{"primary_wan": "wan", "alternate_wan": "alt", "primary_wan_config": r.path("wan.yaml")},
			"mangle_rule":        map[string]any{"comment": rule},
			"cake_state_sources": map[string]any{"primary": r.path("state/wan.json")},
			"cake_queues":        map[string]any{"primary_download": "WAN-Download-1", "primary_upload": "WAN-Upload-1"},
			"measurement":        map[string]any{"interval_seconds": 0.1, "ping_host": "127.0.0.1"},
			"thresholds":         map[string]any{"red_samples_required": 2, "green_samples_required": 3, "green_rtt_ms": 20, "yellow_rtt_ms": 40, "red_rtt_ms": 60}, // a busy host is no congestion
			"lock_file":          r.path("run/steering.lock"),
			"state_file":         r.path("state/steering.json"),
			"logging":            map[string]any{"main_log": r.path("log/steering.log"), "debug_log": r.path("log/steering.debug")},
			"health_check":       map[string]any{"port": 0},
		}
		if r.net != nil {
			merge(r.config, map[string]any{"measurement": map[string]any{"ping_host": reflectors[0]}})
		}
	case "serve":
		if err := r.writeJSON("wan.yaml", r.config); err != nil {
			return err
		}
		return nil // the fault's keys would be those of the loop
	}
	merge(r.config, r.fault.Config)
	return r.writeJSON(r.fault.configFile(), r.config)
}

// startRouter starts the router and returns the section of the configurations about it.
func (r *run) startRouter(ctx context.Context) (section map[string]any, err error) {
	r.router, err = simrouter.New(simrouter.Config{Plain: true, Script: script, ScriptName: "faults.rsc"})
	if err != nil {
		return nil, err
	}
	service := simrouter.WWW
	transport := "rest"
	switch r.fault.Service {
	case "api":
		service, transport = simrouter.API, "api"
	case "ssh":
		service, transport = simrouter.SSH, "ssh"
	}
	if r.net != nil {
		err = r.net.serve(ctx, r.router, service)
	} else {
		err = r.router.StartService(ctx, service, "127.0.0.1:0")
	}
	if err != nil {
		return nil, err
	}
	host, port := r.router.HostPortOf(service)
	section = map[string]any{"transport": transport, "host": host, "port": port, "user": "wanctl", "password": password}
	if service == simrouter.SSH {
		section["ssh_fingerprint"] = r.router.SSHFingerprint()
	} else {
		section["tls"] = false
	}
	return section, nil
}

// merge puts the keys of more into those of m.
func merge(m, more map[string]any) {
	for key, v := range more {
		section, isSection := v.(map[string]any)
		if old, ok := m[key].(map[string]any); ok && isSection {
			merge(old, section)
			continue
		}
		m[key] = v
	}
}

func (r *run) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(r.dir, name)
}

// writeJSON writes a configuration as JSON, which is YAML too.
func (r *run) writeJSON(name string, config map[string]any) error {
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return err
	}
	text = bytes.ReplaceAll(text, []byte("$DIR"), []byte(r.dir))
	return os.WriteFile(r.path(name), text, 0o600)
}
