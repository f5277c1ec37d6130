package config

import (
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Notify configures which receivers are sent which events.
type Notify struct {
	For    time.Duration `key:"for" kind:"seconds" range:"0..3600" default:"10" doc:"How long the health, the state of a direction or an outage has to last before it is an event, as in an alert of Prometheus; other events are sent at once."`
	Events []string      `key:"events" kind:"enums" values:"health,state,outage,steering,loop,takeover,configuration" range:"1..7" default:"health, state, outage, steering, loop, takeover, configuration" doc:"What is sent to command and webhook, and to the topic of events at the broker: changes of the health, of the state of a direction, outages, steering, start and stop of the loop, routers taken over from another node, and configurations that a reload refused."`

	Command NotifyCommand `key:"command"`
	Webhook NotifyWebhook `key:"webhook"`
	MQTT    NotifyMQTT    `key:"mqtt"`
}

// NotifyCommand is a program that is run for each event; none without a path.
type NotifyCommand struct {
	Path    string        `key:"path" kind:"path" doc:"Program that is run for each event, which it gets as JSON on its standard input; an absolute path, and no shell reads it."`
	Args    []string      `key:"args" kind:"args" range:"0..64" doc:"Arguments of the program."`
	Timeout time.Duration `key:"timeout" kind:"seconds" range:"0.1..300" default:"10" doc:"The program, and what it has started, is ended after this time."`
}

// NotifyWebhook is an address that each event is posted to; none without a URL.
type NotifyWebhook struct {
	URL            Secret        `key:"url" kind:"secret_url" doc:"Address that each event is posted to, with https or http; it is printed nowhere, since it may hold a token. No proxy is used."`
	Headers        []Secret      `key:"headers" kind:"headers" range:"0..16" doc:"Further headers of the request, such as 'Authorization: Bearer ${NTFY_TOKEN}'; they are printed nowhere."`
	Format         string        `key:"format" kind:"enum" values:"json,text" default:"json" doc:"Body of the request: the whole event as JSON, or one line of text for people."`
	Timeout        time.Duration `key:"timeout" kind:"seconds" range:"0.1..300" default:"10" doc:"How long one attempt may take."`
	TLSFingerprint string        `key:"tls_fingerprint" kind:"tls_hash" doc:"The only certificate accepted, by its SHA-256, instead of one that the system's authorities have signed."`
}

// NotifyMQTT is a broker to which status and events are published, with the messages by
// which Home Assistant discovers them; none without a broker.
type NotifyMQTT struct {
	Broker          string `key:"broker" kind:"broker" doc:"MQTT broker to which status and events are published, mqtt://HOST:1883 or with TLS mqtts://HOST:8883; Home Assistant discovers the WAN there."`
	User            string `key:"user" kind:"user" doc:"User at the broker."`
	Password        Secret `key:"password" kind:"password" doc:"Password of the user; write ${MQTT_PASSWORD} to keep it out of the file."`
	ClientID        string `key:"client_id" kind:"identifier" derived:"wanctl-HOSTNAME-NAME" doc:"Name of this client at the broker, which no other one may have."`
	DiscoveryPrefix string `key:"discovery_prefix" kind:"topic" default:"homeassistant" doc:"Topic below which Home Assistant looks for devices."`
	TopicPrefix     string `key:"topic_prefix" kind:"topic" default:"wanctl" doc:"Topic below which everything else is published, as PREFIX/NAME/state, availability and event; a second host whose WANs have the same names needs another one."`
	TLSFingerprint  string `key:"tls_fingerprint" kind:"tls_hash" doc:"The only certificate accepted, by its SHA-256, instead of one that the system's authorities have signed."`

	Interval time.Duration `key:"interval" kind:"seconds" range:"1..3600" default:"10" doc:"Time between two publications while only numbers change; a change of health, state, outage or steering is published within a second."`
}

// secrets returns what is secret in n.
func (n *Notify) secrets() []string {
	list := []string{n.Webhook.URL.Reveal(), n.MQTT.Password.Reveal()}
	for _, h := range n.Webhook.Headers {
		_, value, _ := strings.Cut(h.Reveal(), ":")
		list = append(list, strings.TrimSpace(value))
	}
	return list
}

// finishNotify checks the receivers.
func (v rules) finishNotify(n *Notify) {
	const command, webhook, mqtt = "notify.command.", "notify.webhook.", "notify.mqtt."
	if p := n.Command.Path; p != "" && !filepath.IsAbs(p) && v.Valid(command+"path") {
		v.Errorf(command+"path", "%q is not an absolute path; what it is relative to depends on who starts the daemon", p)
	}
	v.needs(command+"path", command+"args")
	v.needs(webhook+"url", webhook+"headers", webhook+"tls_fingerprint")
	v.needs(mqtt+"broker", mqtt+"user", mqtt+"password", mqtt+"client_id", mqtt+"tls_fingerprint")
	if n.MQTT.Password.IsSet() && n.MQTT.User == "" && v.Valid(mqtt+"user", mqtt+"password") {
		v.Errorf(mqtt+"password", "has no user; MQTT does not allow that: write notify.mqtt.user")
	}
	for key, secret := range map[string]Secret{webhook + "url": n.Webhook.URL, mqtt + "password": n.MQTT.Password} {
		if secret.Reveal() == mask {
			v.Warnf(key, "is what 'wanctl config show' prints in place of a secret; write the value itself, or ${NAME}")
		}
	}
	const plain = "a connection without TLS has no certificate to check; remove it, or write %s"
	if u, err := url.Parse(n.Webhook.URL.Reveal()); err == nil && u.Scheme == "http" && n.Webhook.TLSFingerprint != "" {
		v.Errorf(webhook+"tls_fingerprint", plain, "https:// in notify.webhook.url")
	}
	if strings.HasPrefix(n.MQTT.Broker, "mqtt:") {
		if n.MQTT.TLSFingerprint != "" {
			v.Errorf(mqtt+"tls_fingerprint", plain, "mqtts:// in notify.mqtt.broker")
		}
		if u, err := url.Parse(n.MQTT.Broker); err == nil && n.MQTT.Password.IsSet() && !IsLoopback(u.Hostname()) {
			v.Warnf(mqtt+"broker", "the password crosses the network in clear; write mqtts:// if the broker has TLS")
		}
	}
}

// needs reports keys that mean nothing without another one. Those with a default are not
// among them: 'wanctl config show' prints them in any case.
func (v rules) needs(key string, others ...string) {
	if v.IsSet(key) || !v.Valid(key) {
		return
	}
	for _, other := range others {
		if v.IsSet(other) && v.Valid(other) {
			v.Errorf(other, "has no effect without %s; write that, or remove this", key)
		}
	}
}
