// A run while it goes on, step by step.

import { announce, byId, element, show } from "./element.js";
import { counted, duration, grouped } from "./numbers.js";

const STATES = { waiting: "waiting", running: "running", done: "done", undone: "put back" };
const SIGNS = { waiting: "○", running: "◐", done: "●", undone: "↺" };

/** How far counted work has come: `120,000 of 3,000,000 rows, 40,000 rows/s, 1 min 12 s left`. */
export function rate({ done, total, unit, rate: speed, left, isAbout }) {
  const all = total === null ? "" : ` of ${isAbout ? "about " : ""}${grouped(total)}`;
  const parts = [`${grouped(done)}${all} ${unit}`];
  if (speed) parts.push(`${grouped(Math.round(speed))} ${unit}/s`);
  if (left !== null) parts.push(`${duration(left)} left`);
  return parts.join(", ");
}

function entry({ id, label, state, work }) {
  const bar =
    work && state === "running"
      ? element("progress", {
          max: work.total,
          value: work.total && Math.min(work.done, work.total),
          "aria-label": label,
        })
      : null;
  const numbers =
    work && state === "running" ? element("span", { class: "rate" }, rate(work)) : null;
  return element(
    "li",
    { "data-progress": id, "data-state": state },
    element("span", { "aria-hidden": "true", class: "sign" }, SIGNS[state]),
    element("span", {}, label),
    element("span", { class: "word" }, STATES[state]),
    numbers,
    bar,
  );
}

/** The section of the progress. */
export class Progress {
  #ticker = null;
  #elapsed = element("span", { id: "elapsed" });
  #seen = 0;
  #track = null;

  /** Shows where a run stands. */
  show(track, { isOwn }) {
    if (!this.#track || track.elapsed > this.#track.elapsed || track.run !== this.#track.run) {
      this.#seen = Date.now() - track.elapsed;
    }
    const isNew = this.#track?.now !== track.now;
    this.#track = track;
    const verb = track.action === "restore" ? "Restoring" : "Resetting";
    const who = isOwn ? "" : " It was started elsewhere.";
    const steps = track.steps.map((step) => entry(step));
    const backup = track.backup && entry({ id: "@backup", label: "Backup", ...track.backup });
    show(
      byId("progress"),
      element("h2", { id: "progress-title" }, `${verb} …`),
      element(
        "p",
        {},
        element("strong", { id: "progress-now" }, track.now),
        ". ",
        this.#elapsed,
        who,
      ),
      element("p", { class: "remark" }, "It goes on when this page is closed."),
      element("ol", { class: "steps" }, backup, steps),
    );
    this.#tick();
    this.#ticker ??= setInterval(() => this.#tick(), 1000);
    if (isNew) announce(`${verb}: ${track.now}`);
    const done = track.steps.filter((step) => step.state === "done").length;
    document.title = `${verb} … ${counted(done, "step")} done`;
  }

  /** The section, for its content is drawn anew all the time. */
  focus() {
    byId("progress").focus();
  }

  #tick() {
    this.#elapsed.textContent = `${duration(Math.max(0, Date.now() - this.#seen))} so far.`;
  }

  hide() {
    clearInterval(this.#ticker);
    this.#ticker = null;
    this.#track = null;
    show(byId("progress"));
  }
}
