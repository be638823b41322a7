// The reset itself: last on the page, and set apart.

import { changesText } from "./changes.js";
import { byId, element, show, write } from "./element.js";
import { backupName, counted } from "./numbers.js";
import { confirmed, phraseInput } from "./phrase.js";
import { eraseLabel, isEverything } from "./summary.js";

/** The form. `onErase` is given the body of the request and the tag of the preview. */
export class Danger {
  #form = byId("danger");
  #options;
  #phrase;
  #label;
  #input;
  #fields = element("fieldset", { class: "bare" });
  #erase = element("button", { type: "submit", id: "erase", class: "danger" }, "Erase");
  #why = element("p", { id: "erase-why" });
  #what = element("p", { id: "erase-what" });
  #first = element("input", { type: "checkbox", id: "backup-first" });
  #firstName = element("input", {
    id: "backup-first-name",
    maxlength: "64",
    pattern: "[A-Za-z0-9_][A-Za-z0-9._\\-]*",
  });
  #isNameTyped = false;
  #changed = element("div", { id: "changed", class: "notice warning", role: "alert" });
  #whatever = element("input", { type: "checkbox", id: "accept-changes" });
  #whateverLine = element(
    "p",
    {},
    element(
      "label",
      {},
      this.#whatever,
      " Whatever is added until then goes as well (the service is still at work)",
    ),
  );
  #preview = null;
  #asked = {};
  #tag = null;
  #refusal = "The numbers are being counted.";

  constructor({ options, phrase, onErase }) {
    this.#options = options;
    this.#phrase = phrase;
    const { input, label } = phraseInput("phrase", phrase);
    [this.#input, this.#label] = [input, label];
    input.setAttribute("aria-describedby", "erase-what erase-why");
    this.#erase.setAttribute("aria-describedby", "erase-why");
    this.#first.checked = options.backups === true;
    this.#firstName.value = backupName("before-reset");
    this.#firstName.addEventListener("input", () => {
      this.#isNameTyped = true;
    });
    this.#changed.hidden = true;
    this.#whateverLine.hidden = true;
    this.#render();
    this.#form.oninput = () => this.#reflect();
    this.#form.onsubmit = (event) => {
      // Enter in an input submits as well.
      event.preventDefault();
      if (this.#reason() === null) onErase(this.#body(), this.#whatever.checked ? null : this.#tag);
    };
    this.#reflect();
  }

  #render() {
    const backup = element(
      "div",
      { class: "line" },
      element("label", {}, this.#first, " Make a backup first"),
      element("label", { for: "backup-first-name", class: "unseen" }, "Name of the backup"),
      this.#firstName,
    );
    this.#fields.append(
      ...(this.#options.backups === true ? [backup] : []),
      this.#whateverLine,
      element("p", {}, this.#label, this.#input),
      element("p", { class: "buttons" }, this.#erase),
    );
    show(
      this.#form,
      element("h2", { id: "danger-title" }, "Danger: reset"),
      this.#what,
      this.#changed,
      this.#fields,
      this.#why,
    );
  }

  #body() {
    const backup = this.#options.backups === true && this.#first.checked;
    return {
      ...this.#asked,
      ...confirmed(this.#options, this.#input.value),
      ...(backup ? { backup: this.#firstName.value } : {}),
    };
  }

  /** Why nothing can be erased, however much is typed. */
  #obstacle() {
    const blockers = this.#preview?.blockers.length ?? 0;
    if (blockers > 0) {
      return `${counted(blockers, "thing stands", "things stand")} in the way: see the top of the page.`;
    }
    return this.#preview ? null : this.#refusal;
  }

  #reason() {
    const obstacle = this.#obstacle();
    if (obstacle) return obstacle;
    if (this.#first.checked && !this.#isNamed()) {
      return "The backup needs a name of letters, digits, dots, dashes and underscores.";
    }
    if (this.#input.value !== this.#phrase)
      return `The button works once ${this.#phrase} is typed, exactly so.`;
    return null;
  }

  /** What is said last, when the button works. */
  #last() {
    return this.#options.backups === true && this.#first.checked
      ? "Once it is erased, only the backup can bring it back."
      : "This cannot be undone.";
  }

  #isNamed() {
    return this.#options.backups !== true || /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(this.#firstName.value);
  }

  #reflect() {
    const reason = this.#reason();
    // Nobody is to type what cannot be confirmed; a count that takes a moment is no reason.
    this.#input.disabled = (this.#preview?.blockers.length ?? 0) > 0;
    this.#erase.disabled = reason !== null;
    write(this.#why, reason ?? this.#last());
    this.#firstName.disabled = !this.#first.checked;
  }

  /** Takes a preview with the selection that it is of, and the tag that goes with it. */
  update(preview, asked, tag) {
    [this.#preview, this.#asked, this.#tag] = [preview, asked, tag];
    const isAll = isEverything(asked);
    const what = isAll
      ? "Everything goes back to the factory state"
      : "Only what is selected above is reset";
    this.#what.textContent = `${what}, all of it or nothing.`;
    write(this.#erase, eraseLabel(preview));
    this.#reflect();
  }

  /** Takes the names of the backups that there are: the next one needs another. */
  offerName(taken) {
    if (!this.#isNameTyped) this.#firstName.value = backupName("before-reset", taken);
  }

  /** There is no preview, and why. */
  wait(refusal = "The numbers are being counted.") {
    [this.#preview, this.#refusal] = [null, refusal];
    this.#reflect();
  }

  /** Forgets what was typed. */
  clear() {
    this.#input.value = "";
    this.#reflect();
  }

  /** Says what has changed since the last preview, and asks again. */
  changed(changes, blockers) {
    show(this.#changed, changesText(changes, blockers));
    this.#whateverLine.hidden = false;
    this.clear();
    this.#input.focus();
  }
}
