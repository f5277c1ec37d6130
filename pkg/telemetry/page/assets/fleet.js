// The page of a fleet: a table of which only the rows in view exist. The server sorts and
// searches; once a second the page asks for the rows around those in view. Texts enter the
// document by textContent only.

import { Chart } from "./charts.js";
import { clock } from "./clock.js";
import { Past } from "./past.js";

const height = 30; // px of a row
const beyond = 40; // rows asked for above and below those in view
const every = 1000; // ms between two requests
const detailEvery = 10000; // ms between two requests for the past of a WAN
const none = "\u2013"; // a value that is unknown
const leastExcess = 30; // ms that fill the height of a line
const byId = (id) => document.getElementById(id);
const viewport = byId("viewport"), spacer = byId("spacer");

let fleet = { from: 0, matching_count: 0, wans: [] };
let version = 0; // of fleet
let busy = false, again = false;
let answered = NaN; // performance.now() of the last answer

const number = (x, digits = 1) => (x == null ? none : x.toFixed(digits));

// Row is one of the few rows that exist. It shows the WAN at an index of the table.
class Row {
  constructor() {
    this.index = -1;
    this.version = -1;
    this.el = document.createElement("div");
    this.el.className = "row";
    this.el.setAttribute("role", "row");
    this.cells = {};
    for (const [name, kind] of Object.entries({
      status: "badge", site: "", wan: "button", node: "", excess: "n", spark: "line", rtt: "n", down: "n", flow: "line", downState: "badge", up: "n", upState: "badge", why: "",
    })) this.cells[name] = this.#cell(kind, name);
    this.cells.wan.addEventListener("click", () => { if (this.wan) open(this.wan); });
    spacer.append(this.el);
  }

  #cell(kind, name) {
    const cell = document.createElement("span");
    cell.setAttribute("role", "cell");
    this.el.append(cell);
    if (kind === "line") {
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("viewBox", "0 0 59 22");
      svg.setAttribute("preserveAspectRatio", "none");
      svg.setAttribute("aria-hidden", "true");
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("class", name);
      svg.append(path);
      cell.append(svg);
      return path;
    }
    if (kind === "badge" || kind === "button") {
      const inner = document.createElement(kind === "button" ? "button" : "span");
      if (kind === "badge") inner.className = "badge";
      cell.append(inner);
      return inner;
    }
    cell.className = kind;
    return cell;
  }

  show(index) {
    if (this.index !== index) this.el.style.transform = `translateY(${index * height}px)`;
    if (this.index === index && this.version === version) return;
    this.index = index;
    this.version = version;
    const w = fleet.wans[index - fleet.from];
    this.wan = w;
    this.el.hidden = index >= fleet.matching_count;
    this.el.setAttribute("aria-rowindex", index + 2);
    this.el.toggleAttribute("data-silent", w?.silent ?? false);
    this.#text("site", w?.site ?? "");
    this.#text("wan", w?.wan ?? "\u2026");
    this.#text("node", w?.node ?? "");
    this.#text("excess", w ? number(w.excess_ms) : "");
    this.#text("rtt", w ? number(w.rtt_ms) : "");
    this.#text("down", w ? flow(w.download) : "");
    this.#text("up", w ? flow(w.upload) : "");
    this.#text("why", w ? (w.silent ? `last heard of ${age(w.age_seconds)} ago` : w.reasons ?? "") : "");
    this.#badge("status", w ? (w.silent ? "silent" : w.status) : "", w ? (w.silent ? "" : { healthy: "good", starting: "watch" }[w.status] ?? "bad") : "");
    this.#badge("downState", w?.download?.state ?? "", severity(w, w?.download));
    this.#badge("upState", w?.upload?.state ?? "", severity(w, w?.upload));
    this.#line("spark", w?.excess_ms_10s, leastExcess);
    this.#line("flow", w?.throughput_mbps_10s, w?.download?.limit_mbps ?? 1);
  }

  #text(name, text) {
    const cell = this.cells[name];
    if (cell.textContent !== text) cell.textContent = text;
  }

  #badge(name, text, severity) {
    this.#text(name, text);
    this.cells[name].dataset.severity = severity;
  }

  // #line draws values, the highest of which, or least, fills the height.
  #line(name, values, least) {
    let d = "";
    if (values) {
      let most = least;
      for (const v of values) if (v > most) most = v;
      let pen = "M";
      values.forEach((v, i) => {
        if (v === null) { pen = "M"; return; }
        d += `${pen}${i} ${(21 - 20 * Math.max(v, 0) / most).toFixed(1)}${pen === "M" ? "h0.1" : ""}`;
        pen = "L";
      });
    }
    if (this.cells[name].getAttribute("d") !== d) this.cells[name].setAttribute("d", d);
  }
}

function flow(d) { return d ? `${number(d.throughput_mbps)} / ${number(d.limit_mbps)}` : ""; }

function severity(w, d) {
  return w?.silent ? "" : { GREEN: "good", YELLOW: "watch", SOFT_RED: "warn", RED: "bad" }[d?.state] ?? "";
}

function age(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

const rows = [];

// inView returns the first row in view and how many there are.
function inView() {
  return { first: Math.max(0, Math.floor(viewport.scrollTop / height)), count: Math.ceil(viewport.clientHeight / height) + 1 };
}

// show shows the rows in view, and asks for those that are not here.
function show() {
  const { first, count } = inView();
  const most = count + 4;
  while (rows.length < most) rows.push(new Row());
  for (let i = first; i < first + most; i++) rows[i % rows.length].show(i);
  for (let i = most; i < rows.length; i++) rows[(first + i) % rows.length].el.hidden = true;
  const last = Math.min(first + count, fleet.matching_count);
  if (first < fleet.from || last > fleet.from + fleet.wans.length) load();
}

let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; show(); });
}

function query() {
  const { first, count } = inView();
  const from = Math.max(0, first - beyond);
  return new URLSearchParams({ search: byId("search").value, site: byId("site").value, sort: byId("sort").value, from, count: first - from + count + beyond });
}

async function load() {
  again = busy;
  if (busy) return;
  busy = true;
  try {
    const response = await fetch("page/fleet?" + query(), { cache: "no-store" });
    if (!response.ok) throw new Error(await response.text());
    fleet = await response.json();
    version++;
    answered = performance.now();
    summarise();
    spacer.style.height = `${fleet.matching_count * height}px`;
    byId("table").setAttribute("aria-rowcount", fleet.matching_count + 1);
    show();
  } catch (err) {
    lost(err);
  } finally {
    busy = false;
  }
  if (again) load();
}

function lost(err) {
  byId("word").textContent = "lost";
  byId("lost").textContent = `No answer from 'wanctl serve --fleet': ${err.message}. What is shown is old.`;
  byId("lost").hidden = false;
}

function summarise() {
  const f = fleet;
  byId("word").textContent = f.connected ? "live" : "no connection to NATS";
  byId("lost").hidden = f.connected;
  if (!f.connected) byId("lost").textContent = "There is no connection to a NATS server of the fleet: what is shown is old. The loops are not concerned.";
  byId("asof").textContent = clock(new Date(f.at), new Date());
  byId("summary").textContent = `${f.wan_count} WANs of ${f.nodes} nodes at ${f.sites?.length ?? 0} sites: ${f.degraded_count} degraded, ${f.silent_count} silent`;
  byId("matching").textContent = f.matching_count === f.wan_count ? "" : `${f.matching_count} match`;
  const select = byId("site");
  const sites = f.sites ?? [];
  const labels = sites.map((s) => `${s.site} (${s.wan_count}${s.degraded_count + s.silent_count > 0 ? `, ${s.degraded_count + s.silent_count} bad` : ""})`);
  if (document.activeElement === select || select.dataset.labels === labels.join()) return;
  select.dataset.labels = labels.join();
  const chosen = select.value;
  select.replaceChildren(new Option("all", ""), ...sites.map((s, i) => new Option(labels[i], s.site)));
  select.value = chosen;
}

// The last ten minutes of one WAN, from its node.
let detail = null;

function open(w) {
  close();
  detail = { wan: w, past: new Past(), charts: [] };
  byId("detail-name").textContent = `${w.wan} of ${w.node} at ${w.site}`;
  byId("detail-note").textContent = "asking its node";
  byId("detail").hidden = false;
  ask(detail);
  detail.timer = setInterval(ask, detailEvery, detail);
  draw();
}

function close() {
  if (!detail) return;
  clearInterval(detail.timer);
  detail.charts.forEach((c) => c.remove());
  detail = null;
  byId("detail").hidden = true;
  draw();
}

async function ask(of) {
  const { site, node, wan } = of.wan;
  let note = "";
  try {
    const response = await fetch("page/fleet/history?" + new URLSearchParams({ site, node, wan }), { cache: "no-store" });
    if (!response.ok) throw new Error(await response.text());
    const past = await response.json();
    if (of !== detail) return;
    of.past.merge({ wans: { [wan]: past.wans?.[wan] ?? [] }, events: [] });
    of.past.now = of.past.newest(wan);
    of.past.complete = true;
    if (of.charts.length === 0) {
      for (const el of byId("detail").querySelectorAll("[data-chart]")) {
        const kind = el.dataset.chart;
        if (kind === "rtt" || of.wan[kind]) of.charts.push(new Chart(el, kind, wan, of.past));
        else el.hidden = true;
      }
    }
    of.charts.forEach((c) => c.draw({}));
  } catch (err) {
    note = `Its node does not answer: ${err.message.trim()}`;
  }
  if (of === detail) byId("detail-note").textContent = note;
}

byId("close").addEventListener("click", close);
document.addEventListener("keydown", (e) => { if (e.key === "Escape") close(); });
viewport.addEventListener("scroll", draw, { passive: true });
new ResizeObserver(draw).observe(viewport);
document.querySelector("form").addEventListener("submit", (e) => e.preventDefault());
document.querySelector("form").addEventListener("input", () => { viewport.scrollTop = 0; load(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) load(); });
setInterval(() => { if (!document.hidden) load(); }, every);
load();
