// What has changed since somebody looked.

import { element, named, prose } from "./element.js";
import { counted } from "./numbers.js";

const MOST_CHANGES = 20;

function changeEntry({ label, name, kind, before, after }) {
  const text = {
    new: `new, ${after}`,
    gone: `gone, was ${before}`,
    changed: `${before} → ${after}`,
  };
  return element("li", { "data-changed": name }, `${label}: `, named(name), ` – ${text[kind]}`);
}

/** Says that nothing was erased, and why; `changes` as `difference.js` finds them. */
export function changesText(changes, blockers) {
  const shown = changes.slice(0, MOST_CHANGES).map((change) => changeEntry(change));
  const rest = changes.length - shown.length;
  const none = changes.length === 0 ? "No number is another one, but the content is." : null;
  return [
    element(
      "h3",
      { id: "changed-title" },
      "Nothing was erased: the data has changed since you looked",
    ),
    none ? element("p", {}, none) : null,
    element("ul", {}, shown),
    rest > 0 ? element("p", {}, `and ${counted(rest, "more change", "more changes")}.`) : null,
    blockers.map(({ name, reason }) =>
      element("p", {}, "In the way now: ", named(name), " ", prose(reason)),
    ),
    element(
      "p",
      {},
      "The numbers above are the new ones. Confirm again if you still want it; while the service is at work, tick below what is to go.",
    ),
  ];
}
