// The live page. The server has written the document with the values of that
// moment; this script replaces them once a second with the texts that the
// server sends. They enter the document by textContent only.

import { Chart } from "./charts.js";
import { clock } from "./clock.js";
import { Live } from "./live.js";
import { Past } from "./past.js";
import { Range } from "./range.js";

const openAtMost = 3; // WANs whose details are open at first
const eventsShown = 256;
const leastSpark = 30; // ms of excess that fill the height
const none = "\u2013"; // a value that is unknown

const past = new Past();
let shown = past; // what the charts show: past, or a Range
const byId = (id) => document.getElementById(id);
let shownAt = new Date(byId("asof").dateTime);

// Part is a piece of the document with fields in it.
class Part {
  constructor(root) {
    this.root = root;
    this.fields = group(root, "[data-f]", (el) => el.dataset.f);
    this.optional = group(root, "[data-o]", (el) => el.dataset.o);
    this.gauges = group(root, ".gauge", (el) => el.closest("[data-dir]")?.dataset.dir ?? "score");
  }

  // show takes the fields as the server sends them.
  show({ text, severity, time = {}, gauges = {}, stale = false }) {
    for (const [name, els] of this.fields) {
      const content = text[name] + (time[name] ? clock(new Date(time[name]), shownAt) : "");
      for (const el of els) {
        if (el.textContent !== content) el.textContent = content;
        if (el.dataset.severity === undefined) el.toggleAttribute("data-none", content === none);
        else el.dataset.severity = severity[name];
      }
    }
    for (const [name, els] of this.optional) els.forEach((el) => { el.hidden = text[name] === ""; });
    for (const [name, els] of this.gauges) {
      const { fill, mark, second } = gauges[name];
      for (const el of els) {
        el.querySelector(".fill").setAttribute("width", fill);
        place(el.querySelector(".mark"), mark);
        place(el.querySelector(".second"), second);
      }
    }
    this.root.toggleAttribute("data-stale", stale);
  }
}

function group(root, selector, key) {
  const found = new Map();
  for (const el of root.querySelectorAll(selector)) {
    const name = key(el);
    if (!found.has(name)) found.set(name, []);
    found.get(name).push(el);
  }
  return found;
}

function place(line, x) {
  line.setAttribute("x1", x);
  line.setAttribute("x2", x);
}

// WAN is the panel of a WAN. Its charts exist while it is open and are drawn
// while it is visible.
class WAN extends Part {
  #name; #charts = []; #bounds = {}; #visible = false; #stale = false;

  constructor(root, name) {
    super(root);
    this.#name = name;
    this.spark = root.querySelector(".spark path");
    root.addEventListener("toggle", () => this.renew());
    this.visibility = new IntersectionObserver(([entry]) => { this.#visible = entry.isIntersecting; this.draw(); });
    this.visibility.observe(root);
    this.renew();
  }

  // renew makes the charts anew, of what is shown.
  renew() {
    this.#charts.forEach(({ chart }) => chart.remove());
    this.#charts = [];
    if (this.root.open) {
      for (const el of this.root.querySelectorAll("[data-chart]")) {
        this.#charts.push({ key: el.dataset.chart, chart: new Chart(el, el.dataset.chart, this.#name, shown) });
      }
    }
    this.draw();
  }

  // update reports whether the values are live again after they were stale.
  update(w) {
    this.show(w);
    showReflectors(this.root.querySelector("[data-reflectors]"), w.reflectors ?? []);
    for (const el of this.root.querySelectorAll("[data-dir]")) el.hidden = w.absent?.includes(el.dataset.dir) ?? false;
    this.#bounds = w.bounds;
    const revived = this.#stale && !w.stale;
    this.#stale = w.stale;
    return revived;
  }

  draw() {
    if (!this.#visible || document.hidden || !Number.isFinite(past.now)) return;
    for (const { key, chart } of this.#charts) chart.draw(this.#bounds[key] ?? {});
    if (!this.root.open) this.spark.setAttribute("d", sparkline(this.#name));
  }

  remove() {
    this.visibility.disconnect();
    this.#charts.forEach(({ chart }) => chart.remove());
    this.root.remove();
  }
}

// showReflectors fills the table of the reflectors of a WAN.
function showReflectors(body, reflectors) {
  const keys = ["host", "use", "rtt", "answers", "note"];
  const text = JSON.stringify(reflectors);
  if (body.dataset.shown === text) return;
  body.dataset.shown = text;
  body.closest(".reflectors").hidden = reflectors.length === 0;
  body.replaceChildren(...reflectors.map((r) => {
    const row = document.createElement("tr");
    for (const key of keys) row.insertCell().textContent = r[key];
    return row;
  }));
}

class Steering extends Part {
  constructor(root) {
    super(root);
    if (matchMedia("(max-width: 520px)").matches) root.open = false; // the summary names the WAN in use
  }

  update(s) { this.show(s); }
  remove() { this.root.remove(); }
}

// sparkline is the path of the excess over the ten minutes.
function sparkline(name) {
  const [times, values] = past.columns(name, [(s) => s.excess]);
  const most = Math.max(leastSpark, ...values);
  let path = "";
  let pen = "M";
  times.forEach((t, i) => {
    const x = t - past.now + past.span;
    if (values[i] === null || x < 0) {
      pen = "M";
      return;
    }
    path += `${pen}${x.toFixed(1)} ${(23 - (Math.max(values[i], 0) / most) * 22).toFixed(1)}`;
    pen = "L";
  });
  return path;
}

// Panels keeps one panel for each entry of a list, in its order.
class Panels {
  #list; #template; #opens; #make; #all = new Map();

  // opens reports whether a new panel among many is open at first.
  constructor(list, template, opens, make) {
    this.#list = list;
    this.#template = template;
    this.#opens = opens;
    this.#make = make;
    for (const root of list.children) this.#all.set(root.dataset.name, make(root, root.dataset.name));
  }

  get all() { return [...this.#all.values()]; }

  // update shows entries and returns the names of those that were revived.
  update(entries) {
    const names = new Set(entries.map((e) => e.name));
    for (const [name, panel] of this.#all) {
      if (names.has(name)) continue;
      panel.remove();
      this.#all.delete(name);
    }
    this.#list.parentElement.hidden = entries.length === 0;
    return entries.filter((entry, i) => {
      if (!this.#all.has(entry.name)) this.#all.set(entry.name, this.#added(entry.name, entries.length));
      const panel = this.#all.get(entry.name);
      if (this.#list.children[i] !== panel.root) this.#list.insertBefore(panel.root, this.#list.children[i] ?? null);
      return panel.update(entry);
    }).map((e) => e.name);
  }

  #added(name, many) {
    const root = this.#template.content.firstElementChild.cloneNode(true);
    root.dataset.name = name;
    root.open = this.#opens(many);
    this.#list.append(root);
    return this.#make(root, name);
  }
}

document.documentElement.classList.add("js");
const head = new Part(document.querySelector(".top"));
const foot = new Part(document.querySelector("footer"));
const wans = new Panels(byId("wan-list"), byId("new-wan"), (many) => many <= openAtMost, (root, name) => new WAN(root, name));
const steering = new Panels(byId("steering-list"), byId("new-steering"), () => true, (root) => new Steering(root));

function showFields(now) {
  shownAt = new Date(now.at);
  past.now = shownAt / 1000;
  head.show(now);
  foot.show(now);
  const title = `${now.text.verdict} · wanctl`;
  if (document.title !== title) document.title = title;
  const revived = wans.update(now.wans);
  steering.update(now.steering);
  // The loop went on while its daemon did not answer.
  for (const name of revived) askSince(past.newest(name));
  if (shown === past) wans.all.forEach((w) => w.draw());
  else refreshRange();
}

function showHistory(excerpt, whole) {
  past.complete ||= whole;
  if (past.merge(excerpt)) showEvents();
  if (whole) wans.all.forEach((w) => w.draw());
}

function showEvents() {
  byId("events").replaceChildren(...eventRows(false));
  byId("usual").replaceChildren(...eventRows(true));
}

function eventRows(usual) {
  const rows = past.events(eventsShown, usual).map((e) => {
    const row = document.createElement("tr");
    const time = document.createElement("time");
    time.textContent = clock(e.at, shownAt);
    time.dateTime = e.at.toISOString();
    for (const content of [time, e.wan || none, e.direction ? `${e.kind}, ${e.direction}` : e.kind, e.text]) {
      const cell = document.createElement("td");
      cell.append(content); // a string becomes a text node
      row.append(cell);
    }
    return row;
  });
  if (rows.length === 0) {
    const row = document.createElement("tr");
    const cell = row.insertCell();
    cell.colSpan = 4;
    cell.textContent = "Nothing has happened yet.";
    rows.push(row);
  }
  return rows;
}

// The buttons that choose what the charts show. The choice is in the address, so that it
// survives a reload.
const buttons = [...document.querySelectorAll(".ranges button")];

function chooseRange(name) {
  if (!buttons.some((b) => b.dataset.span === name)) name = "live";
  for (const b of buttons) b.setAttribute("aria-pressed", b.dataset.span === name);
  shown = name === "live" ? past : new Range(name, () => wans.all.forEach((w) => w.draw()));
  byId("range-note").textContent = "";
  wans.all.forEach((w) => w.renew());
  refreshRange();
}

async function refreshRange() {
  if (shown === past) return;
  const events = await shown.refresh();
  if (events && past.merge({ wans: {}, events })) showEvents();
  if (shown !== past) byId("range-note").textContent = shown.complete ? "" : "reading\u2026";
}

for (const b of buttons) b.addEventListener("click", () => { location.hash = b.dataset.span === "live" ? "" : b.dataset.span; });
addEventListener("hashchange", () => chooseRange(location.hash.slice(1)));
document.querySelector(".ranges").hidden = false;
if (location.hash) chooseRange(location.hash.slice(1));

function showConnection(lostSince, polling) {
  const lost = lostSince !== null;
  document.documentElement.classList.toggle("is-lost", lost);
  const banner = byId("lost");
  banner.hidden = !lost;
  if (lost) {
    const text = `Connection lost at ${clock(lostSince, new Date())}. The values below are of then; trying again.`;
    if (banner.textContent !== text) banner.textContent = text;
  }
  byId("word").textContent = lost ? "lost, last update" : polling ? "live every few seconds" : "live";
  const at = byId("asof");
  at.textContent = clock(shownAt, shownAt);
  at.dateTime = shownAt.toISOString();
}

function askSince(seconds) {
  live.fetchSince(Number.isFinite(seconds) ? new Date((seconds - 30) * 1000) : null);
}

const live = new Live({
  opened: () => askSince(past.newest()),
  fields: showFields,
  history: showHistory,
  state: showConnection,
});
addEventListener("visibilitychange", () => wans.all.forEach((w) => w.draw()));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => wans.all.forEach((w) => w.draw()));
