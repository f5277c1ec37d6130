// The history that the page keeps itself: the last ten minutes of each WAN and
// the newest events. It is merged by time with the history of the daemon, so
// that a restart of the daemon does not wipe the charts.

import { columns, sample } from "./range.js";

const span = 600; // seconds
const slack = 30; // seconds beyond, and of clocks that differ
const mostSamples = 1500; // of a WAN
const mostWANs = 100;
const mostEvents = 256;
const gapAfter = 2.5; // seconds between two samples

const eventKey = (e) => [e.at, e.wan, e.kind, e.direction, e.text].join("\n");

// usual reports whether an event is the work of the law on a line that is in order.
const usual = (e) => e.kind === "state" || e.kind === "decision";

export class Past {
  span = span;
  gap = gapAfter;
  #wans = new Map();
  #events = new Map(); // by key
  #added = 0; // events
  now = NaN; // of the daemon, seconds
  complete = false; // the whole history of the daemon has arrived

  // merge adds an excerpt and reports whether it had a new event.
  merge(excerpt) {
    for (const [name, samples] of Object.entries(excerpt.wans)) {
      if (!this.#wans.has(name) && this.#wans.size >= mostWANs) continue;
      this.#wans.set(name, this.#merged(this.#wans.get(name) ?? [], samples));
    }
    let news = false;
    for (const e of excerpt.events) {
      const key = eventKey(e);
      if (this.#events.has(key)) continue;
      this.#events.set(key, { ...e, key, at: new Date(e.at), order: this.#added++ });
      news = true;
    }
    if (news) {
      const kept = [...this.events(mostEvents, true), ...this.events(mostEvents, false)].sort((a, b) => a.order - b.order);
      this.#events = new Map(kept.map((e) => [e.key, e]));
    }
    return news;
  }

  #merged(old, samples) {
    const news = samples.map(sample);
    let all = old.concat(news);
    if (old.length > 0 && news.length > 0 && news[0].t <= old.at(-1).t) {
      all.sort((a, b) => a.t - b.t); // stable: of two at the same time the later one counts
      all = all.filter((s, i) => i + 1 === all.length || all[i + 1].t !== s.t);
    }
    if (Number.isFinite(this.now)) {
      const outside = (s) => s.t < this.now - span - slack || s.t > this.now + slack;
      if (outside(all[0] ?? { t: this.now }) || outside(all.at(-1) ?? { t: this.now })) all = all.filter((s) => !outside(s));
    }
    return all.slice(-mostSamples);
  }

  // events returns the newest of the events that are usual, or of the others, newest
  // first.
  events(most, usualOnes) {
    return [...this.#events.values()].filter((e) => usual(e) === usualOnes).sort((a, b) => b.at - a.at || b.order - a.order).slice(0, most);
  }

  // newest returns the time of the newest sample of all WANs, or of one; NaN
  // without any.
  newest(name) {
    let t = NaN;
    for (const [wan, samples] of this.#wans) {
      const last = samples.at(-1)?.t;
      if ((name === undefined || wan === name) && last !== undefined && !(t > last)) t = last;
    }
    return t;
  }

  columns(name, picks) { return columns(this.#wans.get(name) ?? [], picks, this.gap); }
}
