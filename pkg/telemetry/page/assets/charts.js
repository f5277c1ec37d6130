// The three charts of a WAN, drawn by uPlot.

import { clock } from "./clock.js";

const kinds = {
  rtt: {
    name: "Round trip", unit: "ms",
    lines: [
      { label: "RTT", swatch: "rtt", pick: (s) => s.rtt, stroke: "--rtt", width: 1.4 },
      { label: "highest", swatch: "peak", pick: (s) => s.peak, band: "--rtt-area" },
      { label: "baseline", swatch: "baseline", pick: (s) => s.baseline, stroke: "--baseline", width: 1.2, dash: [4, 3] },
    ],
    bands: [[2, 1]],
    least: 10,
  },
  download: direction("download", "Download"),
  upload: direction("upload", "Upload"),
};

function direction(key, name) {
  return {
    name, unit: "Mbit/s",
    lines: [
      { label: "limit", swatch: key, pick: (s) => s[key].limit, stroke: `--${key}`, width: 1.6, stepped: true },
      { label: "throughput", swatch: `${key}-area`, pick: (s) => s[key].throughput, stroke: `--${key}`, width: 0.5, fill: `--${key}-area` },
    ],
    bands: [],
    least: 0,
    bounds: true,
  };
}

const hour = 3600; // seconds

function inWords(seconds) {
  if (seconds <= hour) return `${Math.round(seconds / 60)} minutes`;
  return seconds > 48 * hour ? `${Math.round(seconds / 24 / hour)} days` : `${Math.round(seconds / hour)} hours`;
}

// figure formats a value to about three figures.
function figure(x) {
  if (x == null) return "\u2013";
  return x.toFixed(x < 10 ? 2 : x < 100 ? 1 : 0);
}

// color returns a colour of page.css, which differs in light and dark mode.
const colors = new Map();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => colors.clear());
function color(name) {
  if (!colors.has(name)) colors.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return colors.get(name);
}

const font = "11px system-ui, sans-serif";

// Chart is one chart inside root. It exists only while its panel is open.
export class Chart {
  #kind; #past; #wan; #plot; #box; #legend; #values = []; #when; #now = Date.now() / 1000; #bounds = {}; #resizes;

  constructor(root, kind, wan, past) {
    this.#kind = kinds[kind];
    this.#past = past;
    this.#wan = wan;
    this.#legend = this.#newLegend();
    this.#box = document.createElement("div");
    this.#box.className = "plot";
    this.#box.tabIndex = 0;
    this.#box.setAttribute("role", "img");
    this.#box.addEventListener("keydown", (e) => this.#key(e));
    this.#box.addEventListener("blur", () => this.#plot.setCursor({ left: -10, top: -10 }));
    root.replaceChildren(this.#legend, this.#box);
    root.hidden = false;
    this.#plot = new uPlot(this.#options(), this.#data(), this.#box);
    this.#resizes = new ResizeObserver(() => {
      if (this.#box.clientWidth > 0) this.#plot.setSize({ width: this.#box.clientWidth, height: this.#box.clientHeight });
    });
    this.#resizes.observe(this.#box);
  }

  remove() {
    this.#resizes.disconnect();
    this.#plot.destroy();
  }

  // draw shows the time up to the end of what past has, and the floor and ceiling in
  // Mbit/s.
  draw(bounds) {
    if (Number.isFinite(this.#past.now)) this.#now = this.#past.now;
    this.#bounds = bounds;
    this.#plot.setData(this.#data());
    this.#showLegend();
  }

  #data() {
    return this.#past.columns(this.#wan, this.#kind.lines.map((l) => l.pick));
  }

  #options() {
    const kind = this.#kind;
    const axis = { stroke: () => color("--muted"), grid: { stroke: () => color("--faint"), width: 1 }, ticks: { show: false }, font };
    return {
      width: this.#box.clientWidth || 300,
      height: this.#box.clientHeight || 150,
      padding: [6, 16, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 }, sync: { key: `wan ${this.#wan}`, scales: ["x", null] } },
      scales: {
        x: { time: true, range: () => [this.#now - this.#past.span, this.#now] },
        y: { range: (_, min, max) => [0, Math.max(max ?? 0, kind.least, this.#bounds.ceiling ?? 0) * 1.06 || 1] },
      },
      axes: [
        { ...axis, size: 22, gap: 3, space: 56, incrs: [60, 120, 300, 600, 1800, hour, 3 * hour, 6 * hour, 24 * hour, 48 * hour, 120 * hour, 240 * hour], values: (_, at) => at.map((t) => this.#tick(new Date(t * 1000))) },
        { ...axis, size: 40, gap: 4, space: 30 },
      ],
      series: [{}, ...kind.lines.map((l) => ({
        stroke: l.stroke ? () => color(l.stroke) : "transparent",
        fill: l.fill ? () => color(l.fill) : undefined,
        width: l.width ?? 0,
        dash: l.dash,
        paths: l.stepped ? uPlot.paths.stepped({ align: -1 }) : undefined,
        points: { show: false },
      }))],
      bands: kind.bands.map((series) => ({ series, fill: () => color("--rtt-area") })),
      hooks: {
        drawClear: [(u) => this.#drawBounds(u)],
        setCursor: [() => this.#showLegend()],
      },
    };
  }

  // drawBounds draws floor and ceiling.
  #drawBounds(u) {
    if (!this.#kind.bounds) return;
    const { ctx, bbox } = u;
    ctx.save();
    ctx.strokeStyle = color("--muted");
    ctx.globalAlpha = 0.7;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([2 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const bound of [this.#bounds.floor, this.#bounds.ceiling]) {
      if (bound == null) continue;
      const y = Math.round(u.valToPos(bound, "y", true)) + 0.5;
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    ctx.restore();
  }

  // tick is the label of a moment on the time axis.
  #tick(at) {
    if (this.#past.span > 48 * hour) return `${at.getDate()} ${at.toLocaleDateString("en-US", { month: "short" })}`;
    return clock(at, at).slice(0, 5);
  }

  #newLegend() {
    const legend = document.createElement("p");
    legend.className = "legend";
    legend.setAttribute("aria-hidden", "true"); // the table below has the same values
    const add = (swatch, label) => {
      const item = document.createElement("span");
      const sign = document.createElement("i");
      sign.dataset.c = swatch;
      const number = document.createElement("b");
      item.append(sign, label + " ", number);
      legend.append(item);
      return number;
    };
    for (const l of this.#kind.lines) this.#values.push(add(l.swatch, l.label));
    if (this.#kind.bounds) add("bounds", "floor, ceiling");
    this.#when = document.createElement("span");
    legend.append(this.#when);
    return legend;
  }

  // showLegend writes the values under the cursor into the legend, or the newest.
  #showLegend() {
    const data = this.#plot?.data ?? [[]];
    const under = this.#plot?.cursor.idx;
    const i = under ?? data[0].length - 1;
    this.#box.parentElement?.toggleAttribute("data-empty", this.#past.complete && data[0].length === 0);
    this.#kind.lines.forEach((_, n) => { this.#values[n].textContent = figure(data[n + 1]?.[i]); });
    const at = new Date(data[0][i] * 1000);
    this.#when.textContent = under == null ? "" : "at " + clock(at, this.#past.span > hour ? new Date() : at);
    const newest = data[1]?.at(-1);
    const label = `${this.#kind.name} of the last ${inWords(this.#past.span)}; ${this.#kind.lines[0].label} now ${newest == null ? "unknown" : figure(newest) + " " + this.#kind.unit}. Arrow keys move the cursor.`;
    if (this.#box.getAttribute("aria-label") !== label) this.#box.setAttribute("aria-label", label);
  }

  #key(e) {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -60, PageDown: 60, Home: -Infinity, End: Infinity }[e.key];
    const times = this.#plot.data[0];
    if (step === undefined || times.length === 0) return;
    e.preventDefault();
    const last = times.length - 1;
    const first = Math.max(times.findIndex((t) => t >= this.#now - this.#past.span), 0); // earlier ones are kept but not shown
    const i = Math.min(Math.max((this.#plot.cursor.idx ?? last) + step, first), last);
    this.#plot.setCursor({ left: this.#plot.valToPos(times[i], "x"), top: 0 });
  }
}
