// What goes: everything, or what is selected of it.

import { Category } from "./category.js";
import { byId, element, prose, show, write } from "./element.js";
import { fields } from "./selection.js";
import { counted, size } from "./numbers.js";
import { eraseLabel } from "./summary.js";

/** The section of what goes. `onChange` is called when something else is selected. */
export class Goes {
  #everything = this.#extent(
    "everything",
    "Everything",
    "back to the factory state, as if freshly installed",
  );
  #selection = this.#extent("selection", "Only what I select", "the rest stays as it is");
  #cascade = element("input", { type: "checkbox", name: "cascade", id: "cascade" });
  #refusal = element("p");
  #references = element("div", { id: "references", class: "notice warning", role: "alert" });
  #sum = element("p", { id: "sum", class: "sum" });
  #keep;
  #categories;
  #onChange;

  constructor(options, onChange) {
    this.#onChange = onChange;
    const parts = options.parts ?? {};
    const changed = () => this.#changed();
    this.#categories = options.steps.map(
      (step) => new Category(step, parts[step.id] ?? [], changed),
    );
    this.#keep = (options.keep ?? []).map(({ name }) =>
      element("input", { type: "checkbox", name: "keep", value: name, onchange: changed }),
    );
    this.#everything.checked = true;
    this.#cascade.addEventListener("change", changed);
    this.#references.hidden = true;
    this.#references.append(
      this.#refusal,
      element("label", {}, this.#cascade, " Take along the tables that refer to what goes"),
    );
    this.#render(options);
    this.update(options);
  }

  #extent(value, label, about) {
    const radio = element("input", { type: "radio", name: "extent", value, id: `extent-${value}` });
    radio.addEventListener("change", () => {
      for (const category of this.#categories) category.select(value === "everything");
      this.#changed(value);
    });
    radio.words = [element("strong", {}, label), ` – ${about}`];
    return radio;
  }

  #render(options) {
    const extents = [this.#everything, this.#selection].map((radio) =>
      element("label", { class: "extent" }, radio, element("span", {}, radio.words)),
    );
    const reasons = (options.keep ?? []).map(({ name, reason }, index) =>
      element("label", {}, this.#keep[index], " ", element("strong", {}, name), ` – ${reason}`),
    );
    const keep = element("fieldset", {}, element("legend", {}, "Rows that can be kept"), reasons);
    show(
      byId("goes"),
      element("h2", { id: "goes-title" }, "What goes"),
      element(
        "fieldset",
        { class: "extents" },
        element("legend", {}, "How much is reset"),
        extents,
      ),
      this.#sum,
      this.#references,
      element(
        "div",
        { class: "categories" },
        this.#categories.map((category) => category.element),
      ),
      reasons.length > 0 ? keep : null,
    );
  }

  /** Something else is selected; all of it, by hand, is everything. */
  #changed(extent) {
    const isAll = this.#categories.every((category) => category.isWhole);
    this.#everything.checked = extent !== "selection" && isAll;
    this.#selection.checked = !this.#everything.checked;
    this.#onChange();
  }

  /** What is selected, as the API takes it. */
  get asked() {
    return fields({
      everything: this.#everything.checked,
      steps: this.#categories.map((category) => category.selection),
      keep: this.#keep.filter((box) => box.checked).map((box) => box.value),
      cascade: this.#cascade.checked,
    });
  }

  /** Says that the numbers are being counted. */
  set isBusy(isBusy) {
    byId("goes").setAttribute("aria-busy", String(isBusy));
  }

  /** Shows what `preview` says, of what goes, and what it does not name. */
  update(preview) {
    const planned = new Map(preview.steps.map((step) => [step.id, step]));
    for (const category of this.#categories) category.update(planned.get(category.id));
    const bytes = preview.steps.reduce((sum, step) => sum + (step.bytes ?? 0), 0);
    const of = `${planned.size} of ${counted(this.#categories.length, "category", "categories")}`;
    const free = bytes > 0 ? ` The files hold ${size(bytes)}.` : "";
    write(this.#sum, `${of}: ${eraseLabel(preview)}.${free}`);
    this.#refuse("", this.#cascade.checked);
  }

  /** Says why this cannot be selected: references would break, say. */
  refuse(text, isOfReferences) {
    for (const category of this.#categories) {
      if (!category.selection.selected) category.update(undefined);
    }
    write(this.#sum, isOfReferences ? "" : text);
    if (isOfReferences) this.#refuse(text, true);
    else this.#refuse("", this.#cascade.checked);
  }

  #refuse(text, isShown) {
    this.#refusal.replaceChildren(...prose(text));
    this.#refusal.hidden = text === "";
    this.#references.hidden = !isShown;
  }
}
