// What a preview or a report says, in a few words.

import { counted, countedKind, duration, listed } from "./numbers.js";

/** The items of all steps. */
export function items(report) {
  return report.steps.flatMap((step) => step.items);
}

/** How much of each kind goes: `{ table: 3060, path: 60 }`. */
export function totals(report, outcome = "removed") {
  const sums = {};
  for (const item of items(report)) {
    if (item.outcome === outcome) sums[item.kind] = (sums[item.kind] ?? 0) + item.count;
  }
  return sums;
}

/**
 * What the button does: `Erase 3,060 rows and 60 files, and stop 1 task`. Copies in memory are
 * copies of what is counted already, and are named only where nothing else goes.
 */
export function eraseLabel(report) {
  const sums = totals(report);
  const erased = ["table", "path", "keys"].filter((kind) => sums[kind] > 0);
  const erase = listed(erased.map((kind) => countedKind(kind, sums[kind])));
  const stop = sums.task > 0 ? `stop ${counted(sums.task, "task")}` : "";
  if (erase && stop) return `Erase ${erase}, and ${stop}`;
  if (erase) return `Erase ${erase}`;
  if (stop) return `S${stop.slice(1)}`;
  if (sums.memory > 0) return `Drop ${countedKind("memory", sums.memory)}`;
  return "Reset, though nothing is there to erase";
}

/** What a step's items come to: `3,010 rows in 30 tables`; `none` when that is nothing. */
export function stepTotals(step, none = "nothing there now") {
  const sums = totals({ steps: [step] });
  const parts = Object.entries(sums).map(([kind, sum]) => {
    const text = countedKind(kind, sum);
    if (kind !== "table") return text;
    const tables = step.items.filter((item) => item.kind === "table").length;
    return `${text} in ${counted(tables, "table")}`;
  });
  const kept = step.items.reduce((sum, item) => sum + (item.kept ?? 0), 0);
  if (kept > 0) parts.push(`${counted(kept, "row")} stay`);
  return parts.length > 0 ? parts.join(", ") : none;
}

/** How a run of the past ended, in words. */
export function outcomeWords({ action, outcome, recovered, pending = [] }) {
  const what = action === "restore" ? "Restored" : "Reset done";
  const words = {
    completed: pending.length > 0 ? `${what}, with something still pending` : what,
    refused: "Refused: nothing was changed",
    failed: "Failed: everything was put back",
    not_undone: "Failed, and not everything could be put back yet",
    undecided: "Not decided: nobody knows yet whether it has happened",
  };
  return (words[outcome] ?? outcome) + (recovered ? " (interrupted, and ended later)" : "");
}

/** What a run was to do, in words. */
export function selectionWords({ action, backup, selection }) {
  if (action === "restore") return `restore backup ${backup ?? ""}`.trim();
  if (!selection) return "something that is not there";
  const parts = [selection.steps ? listed(selection.steps) : "everything"];
  const narrowed = Object.entries(selection.only ?? {});
  for (const [step, only] of narrowed) parts.push(`of ${step} only ${listed(only)}`);
  if (selection.cascade) parts.push("with the tables that refer to them");
  if (selection.keep?.length) parts.push(`keeping ${listed(selection.keep)}`);
  return parts.join(", ");
}

/** Whether a selection means everything, and keeps nothing. */
export function isEverything(selection) {
  const { steps, only, keep } = selection ?? { steps: [] };
  return !steps && Object.keys(only ?? {}).length === 0 && !keep?.length;
}

/** How long a report says that it took. */
export function took(report) {
  return `It took ${duration(report.duration_ms)}.`;
}
