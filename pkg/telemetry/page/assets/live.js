// The connection to the daemon: server-sent events, and plain requests where
// a stream is refused. It comes back by itself.

const silentAfter = 6000; // ms without news: the connection counts as lost
const reopenAfter = 20000; // ms without news: a connection may be dead without saying so
const againAfter = 5000; // ms between attempts

export class Live {
  #handlers; #stream = null; #heard = NaN; #heardAt = null; #polling = false; #asked = -Infinity; #opened = -Infinity; #since;

  // handlers: opened(), status(host), history(excerpt, whole), where whole is
  // what was asked for and not the news of a second, and state(since, polling),
  // where since is when the connection was lost, or null.
  constructor(handlers) {
    this.#handlers = handlers;
    this.#heardAt = new Date();
    this.#heard = performance.now();
    this.#since = ""; // all there is; null: nothing is missing
    this.#open();
    setInterval(() => this.#tick(), 1000);
  }

  // fetchSince asks again for what happened since at, a Date.
  fetchSince(at) {
    const since = at ? at.toISOString() : "";
    if (this.#since === null || since < this.#since) this.#since = since;
  }

  #open() {
    this.#stream?.close();
    this.#opened = performance.now();
    const stream = new EventSource("page/live");
    this.#stream = stream;
    stream.addEventListener("open", () => { this.#polling = false; this.#handlers.opened(); });
    stream.addEventListener("status", (e) => this.#take("status", e.data));
    stream.addEventListener("history", (e) => this.#take("history", e.data));
    stream.addEventListener("error", () => {
      if (stream.readyState === EventSource.CLOSED) this.#poll(); // refused: too many, or a proxy's error
      else this.#handlers.state(this.#heardAt, false);
    });
  }

  #take(kind, data) {
    let doc;
    try {
      doc = JSON.parse(data);
    } catch {
      return; // half a document: the next one is whole
    }
    if (kind === "status") this.#hear(doc);
    else this.#handlers.history(doc, false);
  }

  #hear(host) {
    this.#heard = performance.now();
    this.#heardAt = new Date();
    this.#handlers.status(host);
    this.#handlers.state(null, this.#polling);
    this.#catchUp();
  }

  async #poll() {
    this.#polling = true;
    const host = await get("page/status");
    if (this.#stream.readyState !== EventSource.CLOSED) return; // opened again meanwhile
    if (host) {
      this.#handlers.opened();
      this.#hear(host);
    } else {
      this.#handlers.state(this.#heardAt, false);
    }
  }

  // catchUp asks for what is missing of the history.
  async #catchUp() {
    if (this.#since === null || performance.now() - this.#asked < againAfter) return;
    this.#asked = performance.now();
    const since = this.#since;
    this.#since = null;
    const excerpt = await get("page/history" + (since && "?since=" + encodeURIComponent(since)));
    if (excerpt) this.#handlers.history(excerpt, true);
    else this.#since = since;
  }

  #tick() {
    const silent = performance.now() - this.#heard;
    const since = performance.now() - this.#opened;
    if (silent > silentAfter + (this.#polling ? againAfter : 0)) this.#handlers.state(this.#heardAt, false);
    if (this.#stream.readyState === EventSource.CLOSED ? since > againAfter : Math.min(silent, since) > reopenAfter) this.#open();
  }
}

async function get(url) {
  try {
    const answer = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(10000) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
