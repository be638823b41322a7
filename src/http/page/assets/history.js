// The runs of the past.

import { byId, element, prose, show, time } from "./element.js";
import { duration } from "./numbers.js";
import { reportDetails } from "./report.js";
import { outcomeWords, selectionWords } from "./summary.js";

const SIGNS = { completed: "✓", refused: "–", failed: "✗", not_undone: "✗", undecided: "?" };

/** The section of the history. */
export class History {
  #api;
  #list = element("ol", { class: "list" });

  constructor(api) {
    this.#api = api;
    show(byId("history"), element("h2", { id: "history-title" }, "History"), this.#list);
  }

  async refresh() {
    const { body } = await this.#api.call("GET", "/history");
    const none = element("li", {}, "Nothing has been reset or restored yet.");
    this.#list.replaceChildren(
      ...(body.runs.length > 0 ? body.runs.map((run) => this.#entry(run)) : [none]),
    );
    return body.runs;
  }

  #entry(run) {
    const details = element("details", {}, element("summary", {}, "Details"));
    const inside = element("div", {}, "Loading …");
    details.append(inside);
    details.addEventListener("toggle", () => {
      if (details.open)
        this.#fill(inside, run).catch((error) => inside.replaceChildren(...prose(error.message)));
    });
    const what = selectionWords(run);
    const asked = `${what.charAt(0).toUpperCase()}${what.slice(1)}`;
    const sign = element("span", { "aria-hidden": "true" }, SIGNS[run.outcome] ?? "·");
    return element(
      "li",
      { class: "card", "data-run": run.id, "data-outcome": run.outcome },
      element("h3", {}, sign, " ", outcomeWords(run)),
      element(
        "p",
        {},
        `${asked}. `,
        time(run.started_at),
        ` by ${run.actor ?? "the service itself"}, took ${duration(run.duration_ms)}.`,
      ),
      details,
    );
  }

  async #fill(inside, run) {
    const { body: entry } = await this.#api.call("GET", `/history/${encodeURIComponent(run.id)}`);
    const error = entry.error ? element("p", { class: "error" }, prose(entry.error)) : null;
    const backup = entry.backup ? element("p", {}, `Backup: ${entry.backup}`) : null;
    const report = entry.report ? reportDetails(entry.report) : null;
    const none = error || backup || report ? null : "Nothing more is known.";
    inside.replaceChildren(...[error, backup, report, none].flat().filter(Boolean));
  }
}
