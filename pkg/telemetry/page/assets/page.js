// The live page. The server has written the document with the values of its
// moment; this keeps them up to date. What the daemon says is text: it goes
// into the page by textContent only.

import { Chart } from "./charts.js";
import { clock, known, list, none, orNone, text } from "./format.js";
import { hostFields, steeringFields, steeringName, wanFields } from "./fields.js";
import { Live } from "./live.js";
import { Past, span } from "./past.js";

const openAtMost = 3; // WANs whose details are open from the start
const eventsShown = 256;
const leastSpark = 30; // ms of excess that fill the height

const past = new Past();
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

  show({ text, tone, gauges = {}, stale = false }) {
    for (const [name, els] of this.fields) {
      if (text[name] === undefined) continue;
      for (const el of els) {
        if (el.textContent !== text[name]) el.textContent = text[name];
        if (el.dataset.tone === undefined) el.toggleAttribute("data-none", text[name] === none);
        else el.dataset.tone = tone[name];
      }
    }
    for (const [name, els] of this.optional) els.forEach((el) => { el.hidden = text[name] === ""; });
    for (const [name, els] of this.gauges) {
      const { fill, mark, second } = gauges[name] ?? { fill: 0, mark: -1, second: -1 };
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

// WAN is the panel of a WAN, with its charts while it is open and in sight.
class WAN extends Part {
  #name; #charts = []; #bounds = {}; #seen = false; source = "";

  constructor(root, name) {
    super(root);
    this.#name = name;
    this.spark = root.querySelector(".spark path");
    root.addEventListener("toggle", () => this.#toggled());
    this.sight = new IntersectionObserver(([entry]) => { this.#seen = entry.isIntersecting; this.draw(); });
    this.sight.observe(root);
    this.#toggled();
  }

  #toggled() {
    this.#charts.forEach(({ chart }) => chart.remove());
    this.#charts = [];
    if (this.root.open) {
      for (const el of this.root.querySelectorAll("[data-chart]")) {
        this.#charts.push({ key: el.dataset.chart, chart: new Chart(el, el.dataset.chart, this.#name, past) });
      }
    }
    this.draw();
  }

  update(w, now) {
    const fields = wanFields(w, now);
    this.show(fields);
    const revived = this.source !== "" && this.source !== "live" && fields.text.source === "live";
    this.source = fields.text.source;
    for (const key of ["download", "upload"]) {
      const bound = (x) => (known(x) ? x : undefined);
      this.#bounds[key] = { floor: bound(w[key]?.floor_mbps), ceiling: bound(w[key]?.ceiling_mbps) };
    }
    return revived;
  }

  draw() {
    if (!this.#seen || document.hidden || !known(past.now)) return;
    for (const { key, chart } of this.#charts) chart.draw(past.now, this.#bounds[key] ?? {});
    if (!this.root.open) this.spark.setAttribute("d", sparkline(this.#name));
  }

  remove() {
    this.sight.disconnect();
    this.#charts.forEach(({ chart }) => chart.remove());
    this.root.remove();
  }
}

class Steering extends Part {
  constructor(root) {
    super(root);
    if (matchMedia("(max-width: 520px)").matches) root.open = false; // it says in a line where connections go
  }

  update(s, now) { this.show(steeringFields(s, now)); }
  remove() { this.root.remove(); }
}

// sparkline is the path of the excess over the ten minutes.
function sparkline(name) {
  const [times, values] = past.columns(name, [(s) => s.excess]);
  const most = Math.max(leastSpark, ...values);
  let path = "";
  let pen = "M";
  times.forEach((t, i) => {
    const x = t - past.now + span;
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

  // opens tells whether a new panel among many is open from the start.
  constructor(list, template, opens, make) {
    this.#list = list;
    this.#template = template;
    this.#opens = opens;
    this.#make = make;
    for (const root of list.children) this.#all.set(root.dataset.name, make(root, root.dataset.name));
  }

  get all() { return [...this.#all.values()]; }

  // update shows entries, each under its name, and returns the names of those
  // whose update says so.
  update(entries, nameOf, now) {
    const names = new Set(entries.map(nameOf));
    for (const [name, panel] of this.#all) {
      if (names.has(name)) continue;
      panel.remove();
      this.#all.delete(name);
    }
    const told = [];
    entries.forEach((entry, i) => {
      const name = nameOf(entry);
      if (!this.#all.has(name)) this.#all.set(name, this.#added(name, entries.length));
      const panel = this.#all.get(name);
      if (this.#list.children[i] !== panel.root) this.#list.insertBefore(panel.root, this.#list.children[i] ?? null);
      if (panel.update(entry, now)) told.push(name);
    });
    this.#list.parentElement.hidden = entries.length === 0;
    return told;
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

function showStatus(host) {
  shownAt = new Date(host.at);
  past.now = shownAt / 1000;
  const fields = hostFields(host);
  head.show(fields);
  foot.show(fields);
  const title = `${fields.text.verdict} · wanctl`;
  if (document.title !== title) document.title = title;
  const revived = wans.update(list(host.wans), (w) => text(w.name), shownAt);
  steering.update(list(host.steering_daemons), steeringName, shownAt);
  // The loop went on while it could not be heard.
  for (const name of revived) askSince(past.newest(name));
  wans.all.forEach((w) => w.draw());
}

function showHistory(excerpt, whole) {
  past.told ||= whole;
  if (past.merge(excerpt)) showEvents();
  if (whole) wans.all.forEach((w) => w.draw());
}

function showEvents() {
  const rows = past.events(eventsShown).map((e) => {
    const row = document.createElement("tr");
    const time = document.createElement("time");
    time.textContent = clock(e.at, shownAt);
    if (!Number.isNaN(e.at.getTime())) time.dateTime = e.at.toISOString();
    for (const content of [time, orNone(e.wan), e.direction ? `${e.kind}, ${e.direction}` : e.kind, e.text]) {
      const cell = document.createElement("td");
      cell.append(content); // a string becomes a text node
      row.append(cell);
    }
    return row;
  });
  byId("events").replaceChildren(...rows);
}

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
  live.fetchSince(known(seconds) ? new Date((seconds - 30) * 1000) : null);
}

const live = new Live({
  opened: () => askSince(past.newest()),
  status: showStatus,
  history: showHistory,
  state: showConnection,
});
addEventListener("visibilitychange", () => wans.all.forEach((w) => w.draw()));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => wans.all.forEach((w) => w.draw()));
