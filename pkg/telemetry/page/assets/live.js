// The connection to the daemon: server-sent events, and plain requests where
// a stream is refused. It reconnects by itself.

const silentAfter = 6000; // ms without an event: the connection counts as lost
const reopenAfter = 20000; // ms without an event: the connection may be dead without an error
const againAfter = 5000; // ms between attempts

export class Live {
  #handlers; #stream = null; #received = NaN; #receivedAt = null; #polling = false; #asked = -Infinity; #opened = -Infinity; #since;

  // handlers: opened(), fields(now), history(excerpt, whole), where whole means
  // that the excerpt was requested and is not an event, and state(since,
  // polling), where since is when the connection was lost, or null.
  constructor(handlers) {
    this.#handlers = handlers;
    this.#receivedAt = new Date();
    this.#received = performance.now();
    this.#since = ""; // everything; null: nothing is missing
    this.#open();
    setInterval(() => this.#tick(), 1000);
  }

  // fetchSince requests the history since at, a Date, again.
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
    stream.addEventListener("fields", (e) => this.#show(JSON.parse(e.data)));
    stream.addEventListener("history", (e) => this.#handlers.history(JSON.parse(e.data), false));
    stream.addEventListener("error", () => {
      if (stream.readyState === EventSource.CLOSED) this.#poll(); // refused: too many, or a proxy's error
      else this.#handlers.state(this.#receivedAt, false);
    });
  }

  #show(now) {
    this.#received = performance.now();
    this.#receivedAt = new Date();
    this.#handlers.fields(now);
    this.#handlers.state(null, this.#polling);
    this.#catchUp();
  }

  async #poll() {
    this.#polling = true;
    const now = await get("page/fields");
    if (this.#stream.readyState !== EventSource.CLOSED) return; // opened again meanwhile
    if (now) {
      this.#handlers.opened();
      this.#show(now);
    } else {
      this.#handlers.state(this.#receivedAt, false);
    }
  }

  // catchUp requests the missing part of the history.
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
    const silent = performance.now() - this.#received;
    const since = performance.now() - this.#opened;
    if (silent > silentAfter + (this.#polling ? againAfter : 0)) this.#handlers.state(this.#receivedAt, false);
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
