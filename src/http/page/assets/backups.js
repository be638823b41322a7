// Backups: to make, look at, restore and delete.

import { Refused, newKey } from "./api.js";
import { send } from "./answer.js";
import { contents, filesOf, rowsOf } from "./backup_contents.js";
import { ask } from "./dialog.js";
import { announce, byId, element, named, prose, show, time, write } from "./element.js";
import { backupName, counted, size } from "./numbers.js";
import { confirmed, phraseInput } from "./phrase.js";
import { rate } from "./progress.js";
import { work } from "./track.js";

/** The section of the backups. `onRestore` is given the body of the request. */
export class Backups {
  #api;
  #phrase;
  #options;
  #onRestore;
  #work = null;
  #isMaking = false;
  #isNameTyped = false;
  #list = element("ul", { class: "list" });
  #message = element("p", { id: "backup-message", role: "status" });
  #error = element("p", { id: "backup-error", class: "error", role: "alert" });
  #name = element("input", {
    id: "backup-name",
    maxlength: "64",
    pattern: "[A-Za-z0-9_][A-Za-z0-9._\\-]*",
    required: true,
  });
  #make = element("button", { type: "submit", id: "make-backup" }, "Make a backup");

  constructor(api, { options, phrase, onRestore }) {
    this.#api = api;
    this.#options = options;
    this.#phrase = phrase;
    this.#onRestore = onRestore;
    this.#name.value = backupName("backup");
    this.#name.addEventListener("input", () => {
      this.#isNameTyped = true;
    });
    const form = element(
      "form",
      { class: "line", autocomplete: "off" },
      element("label", { for: "backup-name" }, "Name"),
      this.#name,
      this.#make,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#guarded(() => this.#made());
    });
    this.#error.hidden = true;
    const title = element("h2", { id: "backups-title", tabindex: "-1" }, "Backups");
    show(byId("backups"), title, form, this.#error, this.#message, this.#list);
  }

  /** Asks for the backups again, and gives their names. */
  async refresh() {
    const { body } = await this.#api.call("GET", "/backups");
    const names = body.backups.map(({ name }) => name);
    const none = element("li", {}, "There is no backup yet.");
    this.#list.replaceChildren(
      ...(body.backups.length > 0 ? body.backups.map((each) => this.#entry(each)) : [none]),
    );
    if (!this.#isNameTyped) this.#name.value = backupName("backup", names);
    return names;
  }

  #entry(backup) {
    const button = (text, about, onclick, disabled) =>
      element(
        "button",
        { type: "button", "aria-label": `${text} ${about}`, onclick, disabled },
        text,
      );
    const sums = `${counted(rowsOf(backup), "row")} and ${counted(filesOf(backup), "file")}`;
    const broken = backup.error
      ? element("p", { class: "error" }, prose(`It cannot be restored: ${backup.error}`))
      : null;
    return element(
      "li",
      { class: "card", "data-backup": backup.name },
      element("h3", {}, named(backup.name)),
      element("p", {}, time(backup.created_at), `, ${size(backup.bytes)}: ${sums}`),
      broken,
      element("details", {}, element("summary", {}, "What it holds"), contents(backup)),
      element(
        "p",
        { class: "buttons" },
        button(
          "Restore",
          backup.name,
          () => this.#guarded(() => this.#restore(backup)),
          Boolean(backup.error),
        ),
        button(
          "Delete",
          backup.name,
          () => this.#guarded(() => this.#remove(backup)),
          // No address leads to it: the command line removes it.
          [".", ".."].includes(backup.name),
        ),
      ),
    );
  }

  /** Takes an event of a backup that is made by itself, here or elsewhere. */
  take(event) {
    if (event.kind === "backup_started") this.#work = null;
    if (event.kind === "backup_progressed") this.#work = work(this.#work, event);
    const isDone = event.kind === "backup_finished" || event.kind === "backup_failed";
    if (isDone && this.#isMaking) return;
    const far = this.#work ? `: ${rate(this.#work)}` : "";
    write(this.#message, isDone ? "" : `Making a backup${far} …`);
    if (event.kind === "backup_finished") {
      write(this.#message, `The backup ${event.name} is made.`);
      this.refresh().catch(() => {});
    }
  }

  /** Says what goes wrong, here. */
  async #guarded(work) {
    this.#error.hidden = true;
    this.#message.textContent = "";
    try {
      await work();
    } catch (error) {
      this.#error.replaceChildren(...prose(error.message));
      this.#error.hidden = false;
    }
  }

  async #made() {
    this.#make.disabled = true;
    this.#isMaking = true;
    this.#message.textContent = "Making a backup …";
    try {
      const body = { name: this.#name.value };
      const answer = await send(this.#api, "/backup", { body, key: newKey() });
      this.#message.textContent = "";
      if (answer.status === 401) this.#api.denied();
      if (answer.status >= 400) throw new Refused(answer);
      this.#message.replaceChildren(...prose(answer.body.message));
      this.#isNameTyped = false;
      await this.refresh();
    } finally {
      this.#make.disabled = false;
      this.#isMaking = false;
    }
  }

  async #remove(backup) {
    const content = element(
      "p",
      {},
      "It cannot be had back. It is of ",
      time(backup.created_at),
      ".",
    );
    const title = `Delete the backup ${backup.name}?`;
    if (!(await ask({ title, content, label: `Delete ${backup.name}` }))) return;
    const { body } = await this.#api.call("DELETE", `/backups/${encodeURIComponent(backup.name)}`);
    await this.refresh();
    this.#message.replaceChildren(...prose(body.message));
    byId("backups-title").focus();
    announce(body.message);
  }

  async #restore(backup) {
    const { input, label } = phraseInput("restore-phrase", this.#phrase);
    const content = [
      element(
        "p",
        {},
        "What is there now is replaced by what the backup of ",
        time(backup.created_at),
        " holds:",
      ),
      ...contents(backup),
    ];
    const inputs = [label, input];
    const isReady = () => input.value === this.#phrase;
    const title = `Restore the backup ${backup.name}?`;
    const rows = `Put back ${counted(rowsOf(backup), "row")} and ${counted(filesOf(backup), "file")}`;
    if (!(await ask({ title, content, inputs, label: rows, isReady }))) return;
    this.#onRestore({ name: backup.name, ...confirmed(this.#options, input.value) });
  }
}
