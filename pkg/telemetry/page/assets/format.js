// The words and numbers of the page, as format.go writes them.

export const none = "–";

export const fixed = (x, decimals) => x.toFixed(decimals);

export const known = (x) => typeof x === "number" && Number.isFinite(x);

export const number = (x, decimals) => (known(x) ? fixed(x, decimals) : none);

export function ms(x) {
  if (!known(x)) return none;
  return fixed(x, Math.abs(x) < 100 ? 1 : 0);
}

export const signedMs = (x) => (known(x) && x >= 0 ? "+" + ms(x) : ms(x));

export function mbps(x) {
  if (!known(x)) return none;
  return fixed(x, x < 10 ? 2 : x < 100 ? 1 : 0);
}

export function duration(seconds) {
  if (seconds < 9.95) return fixed(Math.max(seconds, 0), 1) + " s";
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

export const ago = (seconds) => (known(seconds) ? duration(seconds) + " ago" : "never");

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const two = (n) => String(n).padStart(2, "0");

// clock takes two Dates: the time of day of the first, with the day unless it
// is that of the second.
export function clock(at, now) {
  if (Number.isNaN(at.getTime())) return none;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return at.toDateString() === now.toDateString() ? time : `${at.getDate()} ${months[at.getMonth()]} ${time}`;
}

// text is what the daemon said, or nothing.
export const text = (x) => (typeof x === "string" ? x : "");

export const orNone = (x) => text(x) || none;

export const list = (x) => (Array.isArray(x) ? x : []);
