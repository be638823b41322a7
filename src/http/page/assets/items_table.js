// A step's items as a table: name, what becomes of it, count, size.

import { element, named } from "./element.js";
import { countedKind, grouped, size } from "./numbers.js";

const KINDS = {
  table: "Table",
  path: "Path",
  task: "Runs",
  memory: "In memory",
  keys: "Keys",
};
const PLANNED = {
  removed: "goes",
  restored: "is put back",
  absent: "not there",
  preserved: "stays",
  failed: "cannot go",
};
const DONE = {
  removed: "removed",
  restored: "put back",
  absent: "was not there",
  preserved: "kept",
  failed: "failed",
};

function row(item, words, choice) {
  const kept = item.kept ? ` (${grouped(item.kept)} stay)` : "";
  const message = item.message ? element("p", { class: "remark" }, item.message) : null;
  const ephemeral = item.ephemeral ? element("p", { class: "remark" }, "not in backups") : null;
  return element(
    "tr",
    { "data-item": item.name },
    choice ? element("td", {}, choice(item) ?? "") : null,
    element("th", { scope: "row" }, named(item.name), message, ephemeral),
    element("td", {}, KINDS[item.kind] ?? item.kind),
    element("td", {}, words[item.outcome] ?? item.outcome),
    element("td", { class: "number" }, countedKind(item.kind, item.count, item.unit) + kept),
    element("td", { class: "number" }, item.bytes === undefined ? "–" : size(item.bytes)),
  );
}

/**
 * The table, in a region that scrolls by itself on a narrow screen. `choice` makes what an item is
 * chosen with, where one can be.
 */
export function itemsTable(label, items, { isDone = false, choice = null } = {}) {
  const heads = [
    ...(choice ? ["Reset"] : []),
    "Name",
    "Kind",
    isDone ? "What became of it" : "Now",
  ];
  const numbers = ["Holds", "Size"].map((text) =>
    element("th", { scope: "col", class: "number" }, text),
  );
  const head = element(
    "tr",
    {},
    heads.map((text) => element("th", { scope: "col" }, text)),
    numbers,
  );
  const rows = items.map((item) => row(item, isDone ? DONE : PLANNED, choice));
  const table = element(
    "table",
    {},
    element("caption", { class: "unseen" }, label),
    element("thead", {}, head),
    element("tbody", {}, rows),
  );
  return element(
    "div",
    { class: "scroll", role: "region", "aria-label": label, tabindex: "0" },
    table,
  );
}
