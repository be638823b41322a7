// What has changed between two previews.

import { counted, countedKind, size } from "./numbers.js";

/** What there is to tell of each item, by step, kind and name. */
function entries(report) {
  const found = new Map();
  for (const step of report.steps) {
    for (const item of step.items) {
      found.set(JSON.stringify([step.id, item.kind, item.name]), { label: step.label, item });
    }
  }
  return found;
}

function isThere(item) {
  return item !== undefined && item.outcome !== "absent";
}

function amount(item) {
  const bytes = item.bytes === undefined ? "" : ` (${size(item.bytes)})`;
  return countedKind(item.kind, item.count, item.unit) + bytes;
}

function change(before, after) {
  if (!isThere(before) && !isThere(after)) return null;
  if (!isThere(before)) return { before: null, after: amount(after), kind: "new" };
  if (!isThere(after)) return { before: amount(before), after: null, kind: "gone" };
  if (amount(before) !== amount(after)) {
    return { before: amount(before), after: amount(after), kind: "changed" };
  }
  if (before.count !== after.count || before.bytes !== after.bytes) {
    const exact = (item) => counted(item.bytes, "byte");
    return { before: exact(before), after: exact(after), kind: "changed" };
  }
  if ((before.kept ?? 0) !== (after.kept ?? 0)) {
    const kept = (item) => `${counted(item.kept ?? 0, "row")} kept`;
    return { before: kept(before), after: kept(after), kind: "changed" };
  }
  return null;
}

/**
 * Each item that is another one by now: `{ label, name, kind: "new" | "gone" | "changed", before,
 * after }`, the two in words. Empty when the content has changed and no number has.
 */
export function difference(before, after) {
  const [old, now] = [entries(before), entries(after)];
  const changes = [];
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const found = change(old.get(key)?.item, now.get(key)?.item);
    const { label, item } = now.get(key) ?? old.get(key);
    if (found) changes.push({ label, name: item.name, ...found });
  }
  return changes;
}

/** What stands in the way now and did not before. */
export function newBlockers(before, after) {
  const known = new Set(before.blockers.map(({ name, reason }) => `${name}\n${reason}`));
  return after.blockers.filter(({ name, reason }) => !known.has(`${name}\n${reason}`));
}
