// A longer time than the live ten minutes, as the archives on disk have it.

const refreshAfter = 10000; // ms, at least

export class Range {
  #name; #wans = new Map(); #asked = -Infinity; #changed;
  gap = Infinity; // seconds between two points from which on some are missing
  span = 1; // seconds
  now = NaN; // end of it, seconds
  complete = false;

  // changed() is called when other points have come.
  constructor(name, changed) {
    this.#name = name;
    this.#changed = changed;
  }

  // refresh requests the points if it is time, and returns the events of the answer.
  async refresh() {
    if (performance.now() - this.#asked < Math.max(refreshAfter, (this.gap / 2.5) * 1000)) return null;
    this.#asked = performance.now();
    try {
      const answer = await fetch("page/range?span=" + this.#name, { cache: "no-store", signal: AbortSignal.timeout(20000) });
      if (!answer.ok) throw new Error(answer.statusText);
      const doc = await answer.json();
      this.now = Date.parse(doc.to) / 1000;
      this.span = this.now - Date.parse(doc.from) / 1000;
      this.gap = doc.step_seconds * 2.5;
      this.#wans = new Map(Object.entries(doc.wans).map(([name, points]) => [name, (points ?? []).map(sample)]));
      this.complete = true;
      this.#changed();
      return doc.events;
    } catch {
      this.#asked = performance.now() - refreshAfter / 2; // again in a few seconds
      return null;
    }
  }

  columns(name, picks) { return columns(this.#wans.get(name) ?? [], picks, this.gap); }
}

// sample returns the kept part of a point: its time in seconds, RTTs in ms,
// rates in Mbit/s. A limit of 0 is unknown.
export function sample(s) {
  const kept = { t: Date.parse(s.at) / 1000, rtt: s.rtt_ms, peak: s.rtt_max_ms, baseline: s.baseline_rtt_ms, excess: s.excess_ms };
  ["download", "upload"].forEach((key, i) => {
    const d = s.directions[i];
    const known = d.limit_bps > 0;
    kept[key] = { limit: known ? d.limit_bps / 1e6 : null, throughput: known ? d.throughput_bps / 1e6 : null };
  });
  return kept;
}

// columns returns samples in the form of uPlot: an array of times and one of values for
// each pick. A point without values stands where samples are missing.
export function columns(samples, picks, gap) {
  const out = [[], ...picks.map(() => [])];
  let last = NaN;
  for (const s of samples) {
    if (s.t - last > gap) {
      out[0].push(last + gap / 2.5);
      picks.forEach((_, i) => out[i + 1].push(null));
    }
    out[0].push(s.t);
    picks.forEach((pick, i) => out[i + 1].push(pick(s)));
    last = s.t;
  }
  return out;
}
