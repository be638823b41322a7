// Resets and restorations: those that this page begins, and those that others have begun.

import { newKey } from "./api.js";
import { lookUp, recall, recallSoon, send } from "./answer.js";
import { announce, byId, show } from "./element.js";
import { UNTOUCHED, showFailure } from "./failure.js";
import { Progress } from "./progress.js";
import { showReport } from "./report.js";
import { isEverything, outcomeWords } from "./summary.js";
import { Tabs } from "./tabs.js";
import { after, begun, endWithoutReport, isBegin, isEnd, isOfBackup } from "./track.js";

export class Runs {
  #page;
  #api;
  #settings;
  #view;
  #tabs;
  #progress = new Progress();
  /** What this page has begun and what another tab of this browser has, while unanswered. */
  #own = null;
  #other = null;
  #track = null;
  /** The run of the last backup that was made by itself. */
  #backup = null;

  /** `page` has `api`, `settings`, `view`, and what to do: see `page.js`. */
  constructor(page) {
    this.#page = page;
    [this.#api, this.#settings, this.#view] = [page.api, page.settings, page.view];
    this.#tabs = new Tabs(page.settings.api, (about) => this.#begunElsewhere(about));
  }

  /** Whether one is under way, as far as this page knows. */
  get isBusy() {
    return this.#own !== null || this.#track !== null;
  }

  /** Begins a reset. */
  erase(body, tag) {
    const { confirm: _confirm, confirmation: _confirmation, backup, ...selection } = body;
    const everything = isEverything(selection);
    const headers = tag ? { "If-Match": tag } : {};
    const steps = this.#view.preview.steps;
    return this.#begin("/run", { body, headers }, { action: "reset", everything, backup }, steps);
  }

  /** Begins a restoration. */
  restore(body) {
    const about = { action: "restore", everything: false, backup: body.name };
    return this.#begin("/restore", { body }, about, []);
  }

  async #begin(path, request, about, steps) {
    if (this.isBusy) return;
    const key = newKey();
    this.#own = about;
    this.#tabs.begun({ ...about, key });
    this.#show({ ...begun(null, steps, this.#view.options.steps), action: about.action });
    this.#progress.focus();
    let answer = null;
    try {
      const headers = { ...request.headers, ...(await this.#view.handover()) };
      const sent = { ...request, headers, key };
      answer = await send(this.#api, path, sent, () => this.#page.isLost(true));
      this.#page.isLost(false);
    } finally {
      this.#own = null;
      this.#tabs.answered();
    }
    await this.#answered(answer, about);
  }

  /** What this tab had begun before it was loaded again; whether its report is shown now. */
  async resume() {
    const about = this.#tabs.unanswered();
    if (!about) return false;
    const answer = await recall(this.#api, about.key, () => this.#page.isLost(true));
    this.#page.isLost(false);
    this.#tabs.answered();
    if (answer?.status !== 200) return false;
    await this.#answered(answer, about);
    return about.everything;
  }

  /** Another tab begins one. Its key tells how it ends, also when the session has ended with it. */
  async #begunElsewhere(about) {
    this.#other = about;
    const answer = await recallSoon(this.#api, about.key);
    if (this.#other !== about) return;
    this.#other = null;
    if (answer?.status === 200) await this.#answered(answer, about);
    else if (this.#track?.state === "finished" || this.#track?.state === "failed")
      await this.#follow();
  }

  /** Takes an event of any run. */
  take(event) {
    if (this.#page.isLeaving) return;
    if (isOfBackup(event, this.#backup)) {
      this.#backup = event.run;
      this.#view.tellBackup(event);
      return;
    }
    const isKnown = this.#track && (this.#track.run === null || this.#track.run === event.run);
    if (!isKnown) {
      if (!isBegin(event) && this.#own) return;
      this.#track = begun(event.run, [], this.#view.options?.steps ?? []);
    }
    this.#show(after(this.#track, event));
    // The answer to the page's own request, or to that of another tab, says more.
    if (isEnd(event) && !this.#own && !this.#other) this.#follow();
  }

  #show(track) {
    this.#track = track;
    show(byId("failure"));
    show(byId("report"));
    this.#view.isShown = false;
    this.#progress.show(track, { isOwn: this.#own !== null });
  }

  /** How a run has ended that somebody else began. */
  async #follow() {
    const track = this.#track;
    const answer = await lookUp(this.#api, track.run);
    const entry = answer?.status === 200 ? answer.body : null;
    if (entry?.outcome === "completed") {
      const everything = entry.action === "reset" && isEverything(entry.selection);
      const body = { report: entry.report };
      await this.#answered({ status: 200, body }, { ...entry, everything });
    } else if (answer?.status === 403) {
      // The history is locked: what there is now tells how it has ended.
      this.#end();
      await this.#page.reload();
    } else if (entry || answer?.status !== 401) {
      const error = entry?.error ?? track.error ?? "nobody knows how it has ended";
      await this.#failed(`It was started elsewhere: ${error}`, outcomeWords(entry ?? track));
    } else {
      await this.#endedWithSession(track);
    }
  }

  /** The session has ended with a run: nothing more can be known here. */
  async #endedWithSession(track) {
    const end = endWithoutReport(track);
    if (end) {
      const body = { message: end.message };
      const about = { action: "reset", everything: true, title: end.title };
      return this.#answered({ status: 200, body }, about);
    }
    this.#end();
    return this.#page.signInAgain(
      "The session has ended. Sign in to see how that has ended which was under way.",
    );
  }

  /** Somebody may not listen any more; whether to go on trying. */
  async denied() {
    if (this.#own || this.#other) return true;
    if (this.#track && this.#track.state !== "failed") await this.#endedWithSession(this.#track);
    else await this.#page.signInAgain("The session has ended.");
    return false;
  }

  async #answered(answer, about) {
    this.#end();
    if (answer.status === 200) return this.#done(answer.body, about);
    if (answer.status === 412) {
      this.#view.isShown = true;
      return this.#view.changed();
    }
    if (answer.status === 401) {
      const note =
        "The session has ended, and it is not known that anything has happened. Sign in and look at the history.";
      return this.#page.signInAgain(note);
    }
    const text = answer.body?.error ?? `the service answered ${answer.status}`;
    return this.#failed(text, answer.status < 500 ? UNTOUCHED : null);
  }

  #end() {
    this.#track = null;
    this.#other = null;
    this.#progress.hide();
  }

  async #done({ message, report }, { action, everything, backup, title: given }) {
    const what = action === "restore" ? "Restored" : "Reset";
    const done = everything ? "everything is as freshly installed" : "it is done";
    const title = given ?? `${what}: ${done}`;
    const { afterwards } = this.#settings;
    const isOver = everything && afterwards !== null;
    const close = () => {
      show(byId("report"));
      return everything ? this.#page.open() : null;
    };
    const shown = { title, message, report, afterwards: isOver ? afterwards : null };
    const first = action === "reset" ? backup : null;
    show(byId("failure"));
    if (isOver) this.#page.leave();
    else await this.#page.reload();
    showReport({ ...shown, backup: first, onClose: isOver ? null : close });
    this.#page.title(what);
    announce(title);
  }

  async #failed(text, words) {
    this.#end();
    const runs = await this.#page.reload(true);
    showFailure(text, words, runs?.[0]);
    this.#page.title("Failed");
  }
}
