// The history that the page keeps itself: the last ten minutes of each WAN and
// the newest events. It is merged by time with the history of the daemon, so
// that a restart of the daemon does not wipe the charts.

export const span = 600; // seconds
const slack = 30; // seconds beyond, and of clocks that differ
const mostSamples = 1500; // of a WAN
const mostWANs = 100;
const mostEvents = 256;
const gapAfter = 2.5; // seconds between two samples

// sample returns the kept part of a sample: its time in seconds, RTTs in ms,
// rates in Mbit/s. A limit of 0 is unknown.
function sample(s) {
  const kept = { t: Date.parse(s.at) / 1000, rtt: s.rtt_ms, peak: s.rtt_max_ms, baseline: s.baseline_rtt_ms, excess: s.excess_ms };
  ["download", "upload"].forEach((key, i) => {
    const d = s.directions[i];
    const known = d.limit_bps > 0;
    kept[key] = { limit: known ? d.limit_bps / 1e6 : null, throughput: known ? d.throughput_bps / 1e6 : null };
  });
  return kept;
}

const eventKey = (e) => [e.at, e.wan, e.kind, e.direction, e.text].join("\n");

export class Past {
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
      this.#events.set(key, { ...e, at: new Date(e.at), order: this.#added++ });
      news = true;
    }
    if (this.#events.size > mostEvents) {
      const newest = [...this.#events].sort(([, a], [, b]) => b.at - a.at).slice(0, mostEvents);
      this.#events = new Map(newest.reverse());
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

  // events returns the newest events, newest first.
  events(most) {
    return [...this.#events.values()].sort((a, b) => b.at - a.at || b.order - a.order).slice(0, most);
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

  // columns returns the samples of a WAN in the form of uPlot: an array of times
  // and one of values for each pick. A point without values stands where samples
  // are missing.
  columns(name, picks) {
    const out = [[], ...picks.map(() => [])];
    let last = NaN;
    for (const s of this.#wans.get(name) ?? []) {
      if (s.t - last > gapAfter) {
        out[0].push(last + 1);
        picks.forEach((_, i) => out[i + 1].push(null));
      }
      out[0].push(s.t);
      picks.forEach((pick, i) => out[i + 1].push(pick(s)));
      last = s.t;
    }
    return out;
  }
}
