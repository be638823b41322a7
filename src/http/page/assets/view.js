// What can be reset, as it stands now and as it is selected.

import { Refused } from "./api.js";
import { showBlockers, showStays, showUnclaimed } from "./around.js";
import { Backups } from "./backups.js";
import { Danger } from "./danger.js";
import { difference, newBlockers } from "./difference.js";
import { announce, byId } from "./element.js";
import { Goes } from "./goes.js";
import { History } from "./history.js";
import { Ownership } from "./ownership.js";
import { phraseOf } from "./phrase.js";
import { isNothing } from "./selection.js";
import { eraseLabel } from "./summary.js";

/** How long to wait for another click before the numbers are counted, in milliseconds. */
const DEBOUNCE = 200;

export class View {
  #api;
  #settings;
  #on;
  #goes;
  #danger;
  #backups;
  #history;
  #ownership;
  #timer = null;
  #current = null;
  /** What can be reset; null before it is known. */
  options = null;
  /** What goes as it is selected now; null while that is not known. */
  preview = null;

  /** `onErase` and `onRestore` are given the body of a request, the first its tag as well. */
  constructor(api, settings, on) {
    this.#api = api;
    this.#settings = settings;
    this.#on = on;
    this.#ownership = new Ownership(api, settings);
  }

  set isShown(isShown) {
    byId("options").hidden = !isShown;
  }

  /** Asks for everything, and shows it, with nothing typed and everything selected. */
  async load() {
    this.#stop();
    const { body, headers } = await this.#ask();
    const phrase = phraseOf(body, this.#settings);
    this.options = body;
    this.#goes = new Goes(body, () => this.#selected());
    this.#danger = new Danger({ options: body, phrase, onErase: this.#on.onErase });
    this.#history = new History(this.#api);
    this.#backups =
      body.backups === true
        ? new Backups(this.#api, { options: body, phrase, onRestore: this.#on.onRestore })
        : null;
    byId("backups").hidden = this.#backups === null || this.#isLocked;
    byId("history").hidden = this.#isLocked;
    this.#ownership.show(body, () => this.#on.onProven());
    this.#take(body, {}, headers.get("ETag"));
    this.isShown = true;
  }

  /** What there is. Where ownership is not proven, with the setup token of this tab first. */
  async #ask() {
    const answer = await this.#api.call("GET", "/options");
    if (answer.body.ownership !== "unproven") return answer;
    if (!(await this.#ownership.proveAgain())) return answer;
    return this.#api.call("GET", "/options");
  }

  /** Whether backups and history belong to somebody else until ownership is proven. */
  get #isLocked() {
    return this.options?.ownership === "unproven";
  }

  /** The headers of a run that keep this browser known after it. */
  handover() {
    return this.#ownership.before(this.options);
  }

  /** Asks for backups and history again; gives the runs of the past. */
  async lists() {
    if (this.#isLocked) {
      this.#danger.offerName([]);
      return [];
    }
    const [runs, names] = await Promise.all([this.#history.refresh(), this.#backups?.refresh()]);
    this.#danger.offerName(names ?? []);
    return runs;
  }

  /** Takes what a backup that is made by itself tells of itself. */
  tellBackup(event) {
    this.#backups?.take(event);
  }

  /** Forgets what was typed. */
  clear() {
    this.#danger?.clear();
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#current?.abort();
    this.#current = null;
  }

  #selected() {
    this.#stop();
    this.preview = null;
    if (isNothing(this.#goes.asked)) {
      this.#goes.refuse("Nothing is selected.", false);
      this.#danger.wait("Nothing is selected.");
      return;
    }
    this.#danger.wait();
    this.#timer = setTimeout(() => this.refresh(), DEBOUNCE);
  }

  /** Asks what would go now, and shows it; whether there is an answer. */
  async refresh() {
    this.#stop();
    const current = new AbortController();
    this.#current = current;
    const asked = this.#goes.asked;
    if (isNothing(asked)) return false;
    this.#goes.isBusy = true;
    try {
      const options = { body: asked, signal: current.signal };
      const { body, headers } = await this.#api.call("POST", "/preview", options);
      if (current.signal.aborted) return false;
      this.#take(body, asked, headers.get("ETag"));
      announce(eraseLabel(body));
      return true;
    } catch (error) {
      if (current.signal.aborted) return false;
      const isOfReferences = error instanceof Refused && error.status === 422;
      this.preview = null;
      // Whoever asks without a page is told how; here there is a checkbox.
      const reason = error.message.replace(/ \(select these tables as well[^)]*\)/, "");
      this.#goes.refuse(reason, isOfReferences);
      const text = isOfReferences
        ? "What is selected cannot go by itself: see above."
        : error.message;
      this.#danger.wait(text);
      return false;
    } finally {
      if (!current.signal.aborted) this.#goes.isBusy = false;
    }
  }

  #take(preview, asked, tag) {
    this.preview = preview;
    showBlockers(preview);
    showStays(preview);
    showUnclaimed(preview);
    this.#goes.update(preview);
    this.#danger.update(preview, asked, tag);
  }

  /** The data is not what was looked at: says what has changed, and asks again. */
  async changed() {
    const before = this.preview;
    this.clear();
    if (!(await this.refresh())) return;
    this.#danger.changed(difference(before, this.preview), newBlockers(before, this.preview));
  }
}
