// Numbers as people read them.

const grouping = new Intl.NumberFormat("en");
const SIZES = ["bytes", "kB", "MB", "GB", "TB"];

/** What a count counts, one and many, by the kind of item. */
const UNITS = {
  table: ["row", "rows"],
  path: ["file", "files"],
  keys: ["key", "keys"],
  memory: ["entry in memory", "entries in memory"],
  task: ["task", "tasks"],
};

/** `1542` as `1,542`. */
export function grouped(number) {
  return grouping.format(number);
}

/** `1 row`, `1,542 rows`. */
export function counted(number, one, many = `${one}s`) {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

/** The same for items of a kind; of an unknown kind with the unit that the item names. */
export function countedKind(kind, number, unit = "entries") {
  const [one, many] = UNITS[kind] ?? [unit, unit];
  return counted(number, one, many);
}

/** `83815` as `83.8 kB`. */
export function size(bytes) {
  let [value, place] = [bytes, 0];
  while (value >= 999.95 && place < SIZES.length - 1) [value, place] = [value / 1000, place + 1];
  if (place === 0) return counted(bytes, "byte");
  return `${value.toFixed(value < 99.95 ? 1 : 0)} ${SIZES[place]}`;
}

/** Milliseconds as `70 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(parts) {
  if (parts.length < 2) return parts.join("");
  return `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** A name for a backup that is made now and not `taken`, like `before-reset-2026-11-22-0630`. */
export function backupName(prefix, taken = [], now = new Date()) {
  const two = (number) => String(number).padStart(2, "0");
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join("-");
  const name = `${prefix}-${day}-${two(now.getHours())}${two(now.getMinutes())}`;
  let [free, number] = [name, 2];
  while (taken.includes(free)) {
    free = `${name}-${number}`;
    number += 1;
  }
  return free;
}
