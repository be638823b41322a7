// One category of what goes: a step, with what can be chosen of it.

import { element, write } from "./element.js";
import { itemsTable } from "./items_table.js";
import { size } from "./numbers.js";
import { stepTotals } from "./summary.js";

/** A step in the list of what goes. `parts` are those that can be chosen by themselves. */
export class Category {
  #step;
  #box;
  #state = element("p", { class: "state" });
  #totals = element("p", { class: "totals" });
  #items = element("div");
  /** The checkboxes of the parts, by name. */
  #parts = new Map();

  constructor(step, parts, onChange) {
    this.#step = step;
    this.#box = element("input", {
      type: "checkbox",
      name: "step",
      value: step.id,
      id: `step-${step.id}`,
    });
    this.#box.addEventListener("change", () => {
      for (const part of this.#parts.values()) part.checked = this.#box.checked;
      onChange();
    });
    if (parts.length > 1)
      for (const part of parts) this.#parts.set(part, this.#part(part, onChange));
    const about = `about-${step.id}`;
    this.#box.setAttribute("aria-describedby", about);
    this.element = element(
      "section",
      { class: "card category", "data-step": step.id },
      element("h3", {}, element("label", {}, this.#box, " ", step.label)),
      element("p", { id: about }, step.description),
      this.#totals,
      this.#state,
      element(
        "details",
        {},
        element(
          "summary",
          {},
          "What exactly",
          element("span", { class: "unseen" }, `: ${step.label}`),
        ),
        this.#items,
      ),
    );
    this.select(true);
  }

  #part(part, onChange) {
    const attributes = { type: "checkbox", name: "part", value: part, "data-step": this.#step.id };
    const box = element("input", { ...attributes, "aria-label": `Reset ${part}` });
    box.addEventListener("change", () => {
      this.#reflect();
      onChange();
    });
    return box;
  }

  /** Makes the step's checkbox say what those of its parts do. */
  #reflect() {
    const chosen = this.#chosen().length;
    this.#box.checked = chosen > 0;
    this.#box.indeterminate = chosen > 0 && chosen < this.#parts.size;
  }

  #chosen() {
    return [...this.#parts].filter(([, box]) => box.checked).map(([name]) => name);
  }

  get id() {
    return this.#step.id;
  }

  get label() {
    return this.#step.label;
  }

  /** As `selection.js` takes it. */
  get selection() {
    const parts = [...this.#parts.keys()];
    return { id: this.id, selected: this.#box.checked, parts, chosen: this.#chosen() };
  }

  /** Whether all of it is selected. */
  get isWhole() {
    return this.#box.checked && !this.#box.indeterminate;
  }

  select(isSelected) {
    this.#box.checked = isSelected;
    this.#box.indeterminate = false;
    for (const part of this.#parts.values()) part.checked = isSelected;
  }

  /** Shows what a preview says of it; nothing, when it does not go. */
  update(planned) {
    const isWanted = this.#box.checked;
    this.element.classList.toggle("out", !planned);
    if (!planned) {
      const text = "Not selected: all of it stays.";
      this.#state.textContent = isWanted ? "Nothing of it goes." : text;
    } else {
      this.#state.textContent = isWanted ? "" : "Goes along: it belongs to what is selected.";
      this.#step = planned;
    }
    this.#state.hidden = this.#state.textContent === "";
    const step = this.#step;
    const totals = stepTotals(step);
    write(this.#totals, step.bytes === undefined ? totals : `${totals}, ${size(step.bytes)}`);
    this.#show(planned);
  }

  #show(planned) {
    // Redrawing would take the focus away from a checkbox in the table.
    const focused = this.#items.contains(document.activeElement) ? document.activeElement : null;
    const there = this.#step.items;
    const missing = [...this.#parts.keys()].filter(
      (part) => !there.some(({ name }) => name === part),
    );
    const left = missing.map((name) => this.#left(name));
    const all = [...there, ...left];
    const choice = this.#parts.size > 0 ? (item) => this.#parts.get(item.name) : null;
    this.#known = all;
    const shown = planned ? all : all.map((item) => ({ ...item, outcome: "preserved" }));
    this.#items.replaceChildren(itemsTable(`What exactly: ${this.label}`, shown, { choice }));
    focused?.focus();
  }

  #known = [];

  /** A part that the preview leaves out, with what was known of it. */
  #left(name) {
    const known = this.#known.find((item) => item.name === name);
    return { kind: "table", count: 0, ...known, name, outcome: "preserved" };
  }
}
