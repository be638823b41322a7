// Where a run stands, as its events tell.

import { totals } from "./summary.js";

const ENDS = new Set(["reset_finished", "reset_failed", "backup_finished", "backup_failed"]);

/**
 * Nothing has happened yet in `run`. `steps` are those to expect, `all` those that there are, each
 * `{ id, label }`. Whoever has not begun the run does not know which to expect.
 */
export function begun(run, steps, all = steps) {
  return {
    run,
    all,
    action: "reset",
    elapsed: 0,
    now: "Starting",
    state: "running",
    isDecided: false,
    error: null,
    pending: 0,
    planned: null,
    backup: null,
    steps: steps.map((step) => waiting(step)),
  };
}

function waiting({ id, label }) {
  return { id, label, state: "waiting", work: null };
}

/** How many rows a backup holds, as nobody has counted them yet: about as many as there are. */
function estimate(track, done) {
  const rows = totals({ steps: track.all.filter((known) => known.items) }).table ?? 0;
  return rows >= done ? rows : null;
}

/** Work that is counted, with its speed once that can be told. The total may be unknown. */
export function work(before, { done, total, unit, elapsed_ms: at }) {
  const first = before?.first ?? { done, at };
  const passed = at - first.at;
  const rate = passed >= 200 && done > first.done ? ((done - first.done) * 1000) / passed : null;
  const left = rate && total !== null && total >= done ? ((total - done) * 1000) / rate : null;
  return { first, done, total, unit, rate, left };
}

function step(track, id) {
  const found = track.steps.find((known) => known.id === id);
  if (found) return found;
  const added = waiting(track.all.find((known) => known.id === id) ?? { id, label: id });
  track.steps.push(added);
  return added;
}

const AFTER = {
  reset_started: () => ({ action: "reset", now: "Looking at what is there" }),
  restore_started: () => ({ action: "restore", now: "Checking the backup" }),
  backup_progressed: (track, event) => {
    const total = event.total ?? (event.unit === "rows" ? estimate(track, event.done) : null);
    const isAbout = total !== event.total;
    const far = { ...work(track.backup?.work, { ...event, total }), isAbout };
    return { backup: { state: "running", work: far }, now: "Making the backup" };
  },
  backup_made: (track, event) => ({
    backup: { ...track.backup, state: "done", name: event.name },
    now: "The backup is made",
  }),
  planned: (track, event) => {
    const isAll = track.steps.length === 0 && event.steps === track.all.length;
    const steps = isAll ? track.all.map((known) => waiting(known)) : track.steps;
    return { steps, planned: event.steps, now: "Waiting for other requests to end" };
  },
  drained: () => ({ now: "No other request is under way any more" }),
  committed: () => ({ isDecided: true, now: "It is decided; cleaning up" }),
  undoing: (track) => {
    for (const known of track.steps) if (known.state !== "waiting") known.state = "undone";
    return { now: "Something failed; putting everything back" };
  },
  step_started: (track, event) => {
    step(track, event.step).state = "running";
    return { now: step(track, event.step).label };
  },
  step_progressed: (track, event) => {
    const found = step(track, event.step);
    found.state = "running";
    found.work = work(found.work, event);
    return {};
  },
  step_finished: (track, event) => {
    step(track, event.step).state = "done";
    return {};
  },
  reset_finished: (track, event) => ({ state: "finished", now: "Done", pending: event.pending }),
  reset_failed: (track, event) => ({ state: "failed", now: "Failed", error: event.error }),
};

/** What `track` is after `event`. Events that this page does not know change nothing. */
export function after(track, event) {
  const next = { ...track, steps: track.steps.map((known) => ({ ...known })) };
  next.run = event.run;
  next.elapsed = Math.max(track.elapsed, event.elapsed_ms);
  return Object.assign(next, AFTER[event.kind]?.(next, event));
}

/** Whether a run begins with this event. */
export function isBegin(event) {
  return event.kind === "reset_started" || event.kind === "restore_started";
}

/** Whether this is about a backup that is made by itself, given the run of the last such. */
export function isOfBackup(event, run) {
  const isNamed = ["backup_started", "backup_finished", "backup_failed"].includes(event.kind);
  return isNamed || event.run === run;
}

/** Whether nothing comes after this event in its run. */
export function isEnd(event) {
  return ENDS.has(event.kind);
}

/**
 * What can be said of a run to somebody whose session has ended meanwhile: `{ title, message }`, or
 * nothing, when it is not one that ends everybody's session.
 */
export function endWithoutReport(track) {
  const isAll = track.planned !== null && track.planned === track.all.length;
  if (track.action !== "reset" || track.state === "failed" || !isAll) return null;
  if (track.state === "finished" || track.isDecided) {
    const message = "The session has ended with it, so its report cannot be shown here.";
    return { title: null, message };
  }
  const message = "Everything was being reset when it ended. How that has ended is not known here.";
  return { title: "The session has ended", message };
}
