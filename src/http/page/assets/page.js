// The options page: signs in, shows what there is, and follows what happens.

import { Api, Disconnected, Refused, pause } from "./api.js";
import { byId, element, show, write } from "./element.js";
import { listen } from "./events.js";
import { printable } from "./printable.js";
import { Runs } from "./runs.js";
import { SignIn } from "./sign_in.js";
import { View } from "./view.js";

class Page {
  #signIn;
  #runs;
  #listener = null;
  #asking = null;
  /** Whether everything was reset, and this page has nothing more to show. */
  isLeaving = false;

  constructor(settings) {
    this.settings = settings;
    this.api = new Api(settings.api);
    this.#signIn = new SignIn(this.api, settings);
    this.view = new View(this.api, settings, {
      onErase: (body, tag) => this.#guarded(() => this.#runs.erase(body, tag)),
      onRestore: (body) => this.#guarded(() => this.#runs.restore(body)),
      onProven: () => this.#guarded(() => this.reload()),
    });
    this.#runs = new Runs(this);
    this.api.denied = () => this.signInAgain(this.#denial());
    write(byId("title"), this.#name());
    byId("sign-out").addEventListener("click", () => {
      this.#signIn.signOut();
      location.reload();
    });
  }

  #name() {
    return `Reset ${this.settings.name}`.trim();
  }

  /** Why somebody has to sign in who was not asked to before. */
  #denial() {
    if (this.view.options) return "The session has ended.";
    return this.#signIn.isByToken ? "The token that was given is not accepted." : null;
  }

  /** Says in the title where the page stands. */
  title(state) {
    document.title = printable(state ? `${state} – ${this.#name()}` : this.#name());
  }

  async start() {
    if (await this.#runs.resume()) return;
    await this.open();
  }

  /** Signs in where needed, and shows everything. */
  async open() {
    this.isLeaving = false;
    byId("loading").hidden = false;
    if (await this.#isKnown()) await this.#guarded(() => this.#opened());
    else await this.signInAgain(null);
  }

  async #isKnown() {
    for (;;) {
      try {
        const isKnown = await this.#signIn.isKnown();
        this.isLost(false);
        return isKnown;
      } catch (error) {
        if (!(error instanceof Disconnected)) throw error;
        this.isLost(true);
        await pause(2000);
      }
    }
  }

  async #opened() {
    await this.view.load();
    await this.view.lists();
    byId("loading").hidden = true;
    byId("sign-out").hidden = !this.#signIn.isByToken;
    this.title(null);
    this.#listen();
  }

  /**
   * Asks for everything again after something has happened, and gives the runs of the past. What
   * was selected stays so when it `isKept`.
   */
  async reload(isKept = false) {
    try {
      if (isKept && this.view.options) {
        this.view.isShown = true;
        this.view.clear();
        await this.view.refresh();
      } else {
        await this.view.load();
      }
      this.#listen();
      return await this.view.lists();
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 401) this.#tell(error);
      return null;
    }
  }

  /**
   * Shows the form for signing in, once; what was selected is still there afterwards, what was
   * typed to confirm is not.
   */
  async signInAgain(note) {
    if (this.#asking || this.isLeaving) return;
    this.#listener?.stop();
    this.#listener = null;
    byId("loading").hidden = true;
    this.view.isShown = false;
    this.view.clear();
    this.title("Sign in");
    this.#signIn.signOut();
    this.#asking = this.#signIn.ask(note);
    await this.#asking;
    this.#asking = null;
    await this.#guarded(async () => {
      if (!this.view.options) return this.#opened();
      this.view.isShown = true;
      this.title(null);
      this.#listen();
      return Promise.all([this.view.refresh(), this.view.lists()]);
    });
    byId("main").focus();
  }

  #listen() {
    if (this.#listener || this.isLeaving) return;
    let wasLost = false;
    this.#listener = listen(this.api, {
      onEvent: (event) => this.#runs.take(event),
      onLost: () => {
        wasLost = true;
        this.isLost(true);
      },
      onBack: () => {
        this.isLost(false);
        // Something may have happened meanwhile.
        if (wasLost && !this.#runs.isBusy) this.#guarded(() => this.view.lists());
        wasLost = false;
      },
      onDenied: () => this.#runs.denied(),
    });
  }

  /** Says that nobody answers, or that somebody does again. */
  isLost(isLost) {
    show(byId("connection"), isLost ? "Connection lost, trying again …" : null);
  }

  /** Everything was reset: whoever was signed in is not any more. */
  leave() {
    this.isLeaving = true;
    this.#listener?.stop();
    this.#listener = null;
    byId("loading").hidden = true;
    show(byId("sign-in"));
    this.view.isShown = false;
  }

  /** Does `work`, and says what goes wrong with it. */
  async #guarded(work) {
    show(byId("trouble"));
    try {
      await work();
    } catch (error) {
      // Then the form for signing in is shown.
      if (!(error instanceof Refused) || error.status !== 401) this.#tell(error);
    }
  }

  #tell(error) {
    byId("loading").hidden = true;
    const again = element("button", { type: "button", onclick: () => this.open() }, "Try again");
    show(byId("trouble"), element("p", {}, `Something went wrong: ${error.message}`), again);
    if (!(error instanceof Refused) && !(error instanceof Disconnected)) console.error(error);
  }
}

/** What the host says of itself. */
async function settings() {
  for (;;) {
    try {
      const response = await fetch(new URL("settings.json", import.meta.url));
      if (response.ok) return await response.json();
    } catch {
      // Nobody answers; the page itself may come from the browser's memory.
    }
    show(byId("connection"), "Connection lost, trying again …");
    await pause(2000);
  }
}

await new Page(await settings()).start();
