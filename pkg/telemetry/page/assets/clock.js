// clock is the time of day of a Date in the reader's time zone, with the date
// unless it is that of now.
export function clock(at, now) {
  const time = at.toLocaleTimeString("en-GB");
  if (at.toDateString() === now.toDateString()) return time;
  return `${at.getDate()} ${at.toLocaleDateString("en-US", { month: "short" })} ${time}`;
}
