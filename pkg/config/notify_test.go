package config

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var notifyDefaults = Notify{
	For: 10 * time.Second, Events: []string{"health", "state", "outage", "steering", "loop", "takeover", "configuration"},
	Command: NotifyCommand{Timeout: 10 * time.Second},
	Webhook: NotifyWebhook{Format: "json", Timeout: 10 * time.Second},
	MQTT:    NotifyMQTT{DiscoveryPrefix: "homeassistant", TopicPrefix: "wanctl", Interval: 10 * time.Second},
}

// parseNotify parses a WAN with lines below notify.
func parseNotify(lines string, opts Options) (*WAN, []Problem, error) {
	return Parse(strings.NewReader(minimal+"notify:\n"+lines), "f", opts)
}

func TestNotify(t *testing.T) {
	opts := Options{LookupEnv: environment(map[string]string{"TOPIC": "s3cret-topic", "TOKEN": "t0ken"})}
	wan, warnings, err := parseNotify(`  for: 90s
  events: [outage]
  command: {path: /etc/wanctl/hook, args: ["-v", "-v", "two words"]}
  webhook:
    url: https://ntfy.example/${TOPIC}
    headers: ["Authorization: Bearer ${TOKEN}", "Title: WAN"]
    format: text
  mqtt: {broker: "mqtts://broker.lan", user: w, password: "${TOKEN}", topic_prefix: home/wan}
`, opts)
	if err != nil || warnings != nil {
		t.Fatal(err, warnings)
	}
	n := wan.Notify
	if n.For != 90*time.Second || n.MQTT.Broker != "mqtts://broker.lan:8883" || n.Webhook.Headers[0].Reveal() != "Authorization: Bearer t0ken" {
		t.Errorf("got %+v", n)
	}
	if diff := cmp.Diff([]string{"-v", "-v", "two words"}, n.Command.Args); diff != "" {
		t.Error(diff)
	}
	for _, s := range Settings(wan, nil) {
		if text, _ := s.Value.(string); strings.Contains(text, "s3cret") {
			t.Errorf("%s shows a secret: %v", s.Key, s.Value)
		}
		if list, _ := s.Value.([]string); s.Key == "notify.webhook.headers" && cmp.Diff([]string{mask, mask}, list) != "" {
			t.Errorf("headers are shown as %v", list)
		}
	}
	// Other processes, without the secrets, read the file too.
	if _, _, err := parseNotify("  webhook: {url: '${TOPIC}', headers: ['A: ${TOKEN}']}\n", Options{WithoutSecrets: true}); err != nil {
		t.Errorf("without secrets: %v", err)
	}
}

func TestNotifyErrors(t *testing.T) {
	const hash = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	for _, c := range []struct{ name, lines, want string }{
		{"relative program", "  command: {path: hook}\n", `notify.command.path: "hook" is not an absolute path`},
		{"arguments of nothing", "  command: {args: [a]}\n", "notify.command.args: has no effect without notify.command.path"},
		{"no address", "  webhook: {url: 'https://s3cret'x}\n", "not valid YAML"},
		{"scheme", "  webhook: {url: 'ftp://s3cret/'}\n", "notify.webhook.url: is not an address that begins with https:// or http://"},
		{"no header", "  webhook: {url: 'https://a/', headers: ['s3cret']}\n", "notify.webhook.headers: entry 1 is not a header"},
		{"space in a header", "  webhook: {url: 'https://a/', headers: ['X y: s3cret']}\n", "entry 1 is not a header"},
		{"headers of nothing", "  webhook: {headers: ['X: s3cret']}\n", "has no effect without notify.webhook.url"},
		{"pin without TLS", "  webhook: {url: 'http://a/', tls_fingerprint: " + hash + "}\n", "no certificate to check"},
		{"unknown event", "  events: [helth]\n", `"helth" is not one of health, state`},
		{"port", "  webhook: {url: 'https://a:70000/'}\n", "notify.webhook.url: has a port outside 1..65535"},
		{"port of a broker", "  mqtt: {broker: 'mqtt://a:0'}\n", `notify.mqtt.broker: "mqtt://a:0" has a port outside 1..65535`},
		{"broker", "  mqtt: {broker: broker.lan}\n", "notify.mqtt.broker: "},
		{"user in the broker", "  mqtt: {broker: 'mqtt://u@broker.lan'}\n", "write that in user and password"},
		{"password without user", "  mqtt: {broker: 'mqtts://b', password: s3cret}\n", "write notify.mqtt.user"},
		{"wildcard", "  mqtt: {broker: 'mqtts://b', topic_prefix: 'a/#'}\n", "is not a topic"},
		{"misspelt", "  web_hook: {}\n", "notify.web_hook: unknown key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := parseNotify(c.lines, Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	_, warnings, err := parseNotify("  mqtt: {broker: 'mqtt://broker.lan', user: u, password: s3cret}\n", Options{})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].Text, "in clear") {
		t.Errorf("a password in clear: %v, %v", warnings, err)
	}
}

// What a broker becomes is an address, too, and what is printed can be read again.
func TestBrokerAddresses(t *testing.T) {
	for written, want := range map[string]string{
		"mqtt://broker.lan":            "mqtt://broker.lan:1883",
		"mqtts://[2001:db8::1]":        "mqtts://[2001:db8::1]:8883",
		"mqtt://[fe80::1%25eth0]":      "mqtt://[fe80::1%25eth0]:1883",
		"mqtt://[fe80::1%25eth0]:2883": "mqtt://[fe80::1%25eth0]:2883",
	} {
		for _, text := range []string{written, want} {
			wan, _, err := parseNotify("  mqtt: {broker: '"+text+"'}\n", Options{})
			if err != nil || wan.Notify.MQTT.Broker != want {
				t.Errorf("%s: got %q, %v", text, wan.Notify.MQTT.Broker, err)
				continue
			}
			if _, err := url.Parse(wan.Notify.MQTT.Broker); err != nil {
				t.Error(err)
			}
		}
	}
}

// Two clients of one name end each other's connection, again and again; two loops that
// publish to one topic contradict each other there.
func TestBrokerConflicts(t *testing.T) {
	for _, c := range []struct{ name, first, second, steering, want string }{
		{"own names", "mqtt://b", "mqtt://b", "steering", ""},
		{"one client", "mqtt://b, client_id: x", "mqtt://b:1883, client_id: x", "steering", "f: notify.mqtt.client_id: x at mqtt://b:1883 is used by f too; two loops must not share it"},
		{"at two brokers", "mqtt://b, client_id: x", "mqtt://c, client_id: x", "steering", ""},
		{"one topic", "mqtt://b", "mqtt://b", "spectrum", "f: notify.mqtt.topic_prefix: wanctl/spectrum at mqtt://b:1883 is used by f too; two loops must not share it"},
		{"two prefixes", "mqtt://b, client_id: x", "mqtt://b, topic_prefix: w", "spectrum", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			wan, _, err := parseNotify("  mqtt: {broker: "+c.first+"}\n", Options{})
			if err != nil {
				t.Fatal(err)
			}
			steering, _, err := ParseSteering(strings.NewReader(minimalSteering+"notify: {mqtt: {broker: "+c.second+"}}\n"), "f", Options{})
			if err != nil {
				t.Fatal(err)
			}
			steering.Name = c.steering
			err = CheckConflicts([]*WAN{wan}, steering)
			if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
				t.Errorf("got %v", err)
			}
		})
	}
}
