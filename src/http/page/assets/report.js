// What a run did.

import { byId, element, named, prose, show, time } from "./element.js";
import { itemsTable } from "./items_table.js";
import { counted, countedKind, listed } from "./numbers.js";
import { stepTotals, took, totals } from "./summary.js";

const SECONDS = 5;

function pending(report) {
  if (report.pending.length === 0) return null;
  const entries = report.pending.map(({ work, error }) =>
    element("li", { "data-pending": work }, named(work), " – ", prose(error)),
  );
  return element(
    "div",
    { class: "notice warning" },
    element(
      "p",
      {},
      "It has happened, and this could not be finished yet; it is tried again by itself:",
    ),
    element("ul", {}, entries),
  );
}

/** How much of a step has met with `outcome`, in words. */
function sumOf(step, outcome) {
  const sums = Object.entries(totals({ steps: [step] }, outcome));
  return listed(sums.map(([kind, sum]) => countedKind(kind, sum)));
}

/** How the database was emptied. */
function way({ database }) {
  if (!database) return null;
  if (database.way === "factory_image") {
    return element("p", {}, "A fresh database has taken the place of the old one.");
  }
  const because = database.because ? [", because ", ...prose(database.because)] : [];
  return element("p", {}, "Rows were deleted from the database", ...because, ".");
}

/** Step by step, what became of everything. */
export function reportDetails(report) {
  const steps = report.steps.map((step) => {
    const restored = sumOf(step, "restored");
    const failed = step.items.filter((item) => item.outcome === "failed").length;
    const texts = [restored ? `${restored} put back` : stepTotals(step, "nothing was there")];
    if (failed > 0) texts.push(`${counted(failed, "item")} failed`);
    return element(
      "details",
      { "data-reported": step.id },
      element("summary", {}, element("strong", {}, step.label), `: ${texts.join("; ")}`),
      itemsTable(`What became of it: ${step.label}`, step.items, { isDone: !report.dry_run }),
    );
  });
  const kept = report.preserved.map(({ name, reason }) =>
    element("li", {}, named(name), ` – ${reason}`),
  );
  const left = report.unclaimed.map(({ name, reason }) =>
    element("li", {}, named(name), reason ? ` – ${reason}` : null),
  );
  const lists = [
    ["What was kept", kept],
    ["What belongs to nobody, and was left alone", left],
  ];
  return [
    pending(report),
    ...steps,
    way(report),
    ...lists
      .filter(([, entries]) => entries.length > 0)
      .map(([title, entries]) =>
        element(
          "details",
          {},
          element("summary", {}, element("strong", {}, title)),
          element("ul", {}, entries),
        ),
      ),
  ].filter(Boolean);
}

/** Goes to `path` after a while, unless somebody wants to stay. */
function leave(path) {
  const link = element("a", { id: "continue", class: "button", href: path }, "Continue");
  const left = element("span", {}, counted(SECONDS, "second"));
  const text = element("span", { id: "countdown" }, "Going on in ", left, ". ");
  let seconds = SECONDS;
  const timer = setInterval(() => {
    seconds -= 1;
    left.textContent = counted(seconds, "second");
    if (seconds <= 0) {
      clearInterval(timer);
      location.assign(path);
    }
  }, 1000);
  const stay = element("button", { type: "button", id: "stay" }, "Stay on this page");
  stay.addEventListener("click", () => {
    clearInterval(timer);
    text.remove();
    stay.remove();
    link.focus();
  });
  return element("p", { class: "buttons" }, text, stay, link);
}

/**
 * Shows the report of a run that has happened. `afterwards` is where to go from here, if anywhere;
 * `report` may be unknown to somebody whose session has ended with the run.
 */
export function showReport({ title, message, report, backup, afterwards, onClose }) {
  const heading = element("h2", { id: "report-title", tabindex: "-1" }, title);
  const facts = report
    ? element(
        "p",
        {},
        "Begun ",
        time(report.started_at),
        report.actor ? ` by ${report.actor}` : "",
        `. ${took(report)}`,
        backup ? ` The backup ${backup} was made first.` : "",
      )
    : null;
  const close = onClose
    ? element(
        "p",
        { class: "buttons" },
        element(
          "button",
          { type: "button", id: "close-report", onclick: onClose },
          "Close the report",
        ),
      )
    : null;
  show(
    byId("report"),
    heading,
    message ? element("p", { id: "report-message" }, prose(message)) : null,
    facts,
    afterwards ? leave(afterwards) : null,
    report ? reportDetails(report) : null,
    close,
  );
  heading.focus();
}
