// What each field of the page says, as view.go says it without JavaScript.

import { ago, clock, duration, known, list, mbps, ms, none, number, orNone, signedMs, text } from "./format.js";

const staleAfter = 5; // seconds
const entriesShown = 200;

const statusTones = { healthy: "good", starting: "watch", degraded: "bad" };
const stateTones = { GREEN: "good", YELLOW: "watch", SOFT_RED: "warn", RED: "bad" };
const conditionTones = { good: "good", degraded: "warn", down: "bad" };
const tone = (tones, word) => (Object.hasOwn(tones, word) ? tones[word] : "none");

const inARow = (n) => (n ? `${n} in a row` : "");

export const steeringName = (s) => text(s.detail?.name) || "steering";

export function hostFields(host) {
  const degraded = [];
  const starting = [];
  const note = (status, name) => {
    if (status === "starting") starting.push(name);
    else if (status !== "healthy") degraded.push(name);
  };
  const wans = list(host.wans);
  const steering = list(host.steering_daemons);
  wans.forEach((w) => note(w.status, text(w.name)));
  steering.forEach((s) => note(s.status, steeringName(s)));
  let verdict = ["Healthy", "good"];
  if (wans.length + steering.length === 0) verdict = ["Nothing runs here", "none"];
  else if (degraded.length > 0) verdict = ["Degraded: " + few(degraded), "bad"];
  else if (starting.length > 0) verdict = ["Starting: " + few(starting), "watch"];
  return {
    text: { verdict: verdict[0], version: text(host.version), uptime: duration(host.uptime_seconds) },
    tone: { verdict: verdict[1] },
  };
}

function few(names) {
  if (names.length <= 3) return names.join(", ");
  return `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}

function origin(w, now) {
  if (!w.at) return ["no data yet", "none", none];
  const age = (now - new Date(w.at)) / 1000;
  const old = `${duration(age)} old`;
  const values = (w.source === "file" ? "the state file, " : "the loop, ") + old;
  if (w.source === "file" || age > staleAfter) return [`stale: ${old}`, "bad", values];
  return ["live", "good", values];
}

export function wanFields(w, now) {
  const probe = w.probe ?? {};
  const router = w.router ?? {};
  const source = origin(w, now);
  let state = ["not known", "none"];
  if (router.reachable) state = ["answers", "good"];
  else if (router.last_error) state = ["does not answer", "bad"];
  const fields = {
    stale: source[1] !== "good",
    gauges: {},
    text: {
      name: text(w.name),
      status: orNone(w.status),
      source: source[0],
      values: source[2],
      dry: w.dry_run ? "dry run" : "",
      reasons: list(w.reasons).join("; "),
      rtt: ms(w.load_rtt_ms),
      baseline: ms(w.baseline_rtt_ms),
      excess: signedMs(w.excess_ms),
      probe: orNone(probe.mode),
      reflectors: probe.reflectors ? `${probe.reflectors_alive} of ${probe.reflectors}` : none,
      last_reply: ago(probe.last_reply_age_seconds),
      failures: inARow(w.consecutive_failures),
      router: state[0],
      way: orNone(`${text(router.transport)} ${text(router.address)}`.trim()),
      latency: ms(router.latency_ms),
      answered: ago(router.last_answer_age_seconds),
      failovers: String(router.failovers ?? 0),
      error: text(router.last_error),
    },
    tone: { status: tone(statusTones, w.status), source: source[1], router: state[1], dry: "watch" },
  };
  for (const key of ["download", "upload"]) {
    const d = w[key] ?? {};
    fields.text[key + "_limit"] = mbps(d.current_rate_mbps);
    fields.text[key + "_state"] = orNone(d.state);
    fields.text[key + "_reason"] = orNone(d.reason);
    fields.text[key + "_throughput"] = mbps(d.throughput_mbps);
    fields.text[key + "_applied"] = mbps(d.applied_rate_mbps);
    fields.text[key + "_floor"] = mbps(d.floor_mbps);
    fields.text[key + "_ceiling"] = mbps(d.ceiling_mbps);
    fields.text[key + "_capacity"] = mbps(d.capacity_mbps);
    fields.tone[key + "_state"] = tone(stateTones, d.state);
    fields.gauges[key] = {
      fill: Math.max(share(d.throughput_mbps, d.ceiling_mbps), 0),
      mark: share(d.current_rate_mbps, d.ceiling_mbps),
      second: share(d.floor_mbps, d.ceiling_mbps),
    };
  }
  return fields;
}

// share is x of whole in percent; a mark at -1 is out of sight.
function share(x, whole) {
  if (!known(x) || !known(whole) || whole <= 0) return -1;
  return Math.min((x / whole) * 100, 100);
}

export function steeringFields(s, now) {
  const detail = s.detail ?? {};
  const path = detail.path ?? {};
  const queue = detail.queue ?? {};
  const rule = detail.rule ?? {};
  const out = detail.force_out ?? {};
  const counters = s.counters ?? {};
  const thresholds = s.thresholds ?? {};
  const errors = s.errors ?? {};
  const congestion = s.congestion?.primary ?? {};
  const on = Boolean(s.steering?.enabled);
  const dry = s.steering?.mode === "dry_run";
  const away = text(detail.alternate?.wan) || "the other WAN";
  const home = text(congestion.wan) || "the primary WAN";
  const condition = text(detail.alternate?.condition) || "unknown";
  const last = s.decision?.last_transition_time;
  const ruled = typeof rule.enabled === "boolean";
  const entries = list(out.entries);
  return {
    stale: false,
    gauges: {
      score: {
        fill: known(detail.score) ? Math.min(Math.max(detail.score, 0), 100) : 0,
        mark: known(detail.steer_threshold) ? Math.min(detail.steer_threshold, 100) : -1,
        second: -1,
      },
    },
    text: {
      name: steeringName(s),
      status: orNone(s.status),
      dry: dry ? "dry run" : "",
      reasons: list(s.reasons).join("; "),
      verdict: `New connections ${dry ? "would " : ""}${on ? "go to" : "stay on"} ${on ? away : home}`,
      on: on ? "steering" : "not steering",
      state: orNone(s.steering?.state),
      in_state: duration(s.decision?.time_in_state_seconds ?? 0),
      switched: last ? clock(new Date(last), now) : "not switched since it started",
      reason: orNone(detail.reason),
      primary: home,
      congestion: orNone(congestion.state),
      path_source: orNone(path.source),
      path_rtt: ms(path.rtt_ms),
      path_baseline: ms(path.baseline_rtt_ms),
      path_excess: signedMs(path.excess_ms),
      path_ewma: signedMs(path.excess_ewma_ms),
      drops: number(queue.drops, 0),
      depth: number(queue.depth_packets, 0),
      depth_ewma: number(queue.depth_ewma_packets, 1),
      queue: queue.available ? "read" : "not available",
      queue_errors: inARow(errors.cake_read_failures),
      score: number(detail.score, 0),
      threshold: number(detail.steer_threshold, 0),
      red: `${counters.red_count ?? 0} of ${thresholds.red_samples_required ?? 0}`,
      good: `${counters.good_count ?? 0} of ${thresholds.green_samples_required ?? 0}`,
      bad: String(counters.bad_count ?? 0),
      hold: until(detail.hold_until, now),
      penalty: until(detail.flap_penalty_until, now),
      alternate: away,
      condition,
      rule: ruled ? (rule.enabled ? "enabled" : "disabled") : "not known",
      comment: orNone(rule.comment),
      rule_error: text(rule.error),
      list: orNone(out.list),
      entries: entries.length === 0 ? "no addresses" : entries.length === 1 ? "1 address" : `${entries.length} addresses`,
      addresses: addresses(entries),
      list_error: text(out.error),
      failures: inARow(errors.consecutive_failures),
      error: text(errors.last_error),
    },
    tone: {
      status: tone(statusTones, s.status),
      dry: "watch",
      on: on ? "watch" : "good",
      rule: ruled ? (rule.enabled ? "watch" : "good") : "none",
      congestion: tone(stateTones, congestion.state),
      condition: tone(conditionTones, condition),
    },
  };
}

function until(at, now) {
  const t = at ? new Date(at) : null;
  if (!t || !(t > now)) return "none";
  return `until ${clock(t, now)}, ${duration((t - now) / 1000)}`;
}

function addresses(entries) {
  if (entries.length <= entriesShown) return entries.join(", ");
  return `${entries.slice(0, entriesShown).join(", ")} and ${entries.length - entriesShown} more`;
}
