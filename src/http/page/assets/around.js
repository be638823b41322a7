// What stands around a reset: what is in its way, what stays, what nobody claims.

import { byId, element, named, show } from "./element.js";
import { counted } from "./numbers.js";

/** How much of what nobody claims is named: there may be any amount of it. */
const MOST = 200;

const KINDS = {
  table: "table",
  path: "path",
  task: "task",
  memory: "in memory",
  keys: "keys",
  trigger: "trigger",
  view: "view",
  index: "index",
};

function kind(name) {
  return element("span", { class: "kind" }, KINDS[name] ?? name);
}

/** What would keep a reset from succeeding, before anybody types. */
export function showBlockers({ blockers }) {
  const entries = blockers.map((blocker) =>
    element("li", { "data-blocker": blocker.name }, named(blocker.name), " ", blocker.reason),
  );
  if (entries.length === 0) return show(byId("blockers"));
  const title = `${counted(entries.length, "thing stands", "things stand")} in the way of a reset`;
  return show(
    byId("blockers"),
    element("h2", { id: "blockers-title" }, title),
    element("p", {}, "Nothing can be reset before this is put right:"),
    element("ul", {}, entries),
  );
}

/** What is kept, and why. */
export function showStays({ preserved }) {
  const entries = preserved.map(({ kind: what, name, reason }) => [
    element("dt", { "data-preserved": name }, named(name), " ", kind(what)),
    element("dd", {}, reason),
  ]);
  const none = element("p", {}, "Nothing is kept by name.");
  show(
    byId("stays"),
    element("h2", { id: "stays-title" }, "What stays, and why"),
    entries.length > 0 ? element("dl", { class: "card" }, entries) : none,
  );
}

/** What is there and belongs to nobody. */
export function showUnclaimed({ unclaimed }) {
  if (unclaimed.length === 0) return show(byId("unclaimed"));
  const entries = unclaimed
    .slice(0, MOST)
    .map(({ kind: what, name, reason }) =>
      element(
        "li",
        { "data-unclaimed": name },
        named(name),
        " ",
        kind(what),
        reason ? ` – ${reason}` : null,
      ),
    );
  const rest = unclaimed.length - entries.length;
  return show(
    byId("unclaimed"),
    element("h2", { id: "unclaimed-title" }, "Warning: this belongs to nobody"),
    element(
      "p",
      {},
      "No category claims it and nothing says that it is to be kept. A reset leaves it alone, so ",
      "it would still be there afterwards:",
    ),
    element("ul", {}, entries),
    rest > 0 ? element("p", {}, `and ${counted(rest, "more", "more")}.`) : null,
  );
}
