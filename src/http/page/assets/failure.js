// What has gone wrong with a run, and what that means.

import { byId, element, prose, show } from "./element.js";
import { outcomeWords } from "./summary.js";

/** Nothing was begun, so there is nothing in the history. */
export const UNTOUCHED = "Nothing was changed";

/** Says why, in `text`, and what stands now: in `words`, or as the `last` run of the history tells. */
export function showFailure(text, words, last) {
  const what = words ?? (last ? outcomeWords(last) : null);
  const isSame = words === UNTOUCHED || ["failed", "refused"].includes(last?.outcome);
  const end = [what, isSame ? "Nothing was lost" : null].filter(Boolean).join(". ");
  const section = byId("failure");
  show(
    section,
    element("h2", { id: "failure-title" }, "It has failed"),
    element("p", { id: "failure-text" }, prose(text)),
    end ? element("p", { id: "failure-end" }, `${end}.`) : null,
  );
  section.focus();
}
