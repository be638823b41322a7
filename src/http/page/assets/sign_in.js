// Signing in, in the way that the host wants it.

import { Disconnected } from "./api.js";
import { byId, element, prose, show } from "./element.js";

/** The inputs of each way: `[id, label, type, autocomplete]`. */
const INPUTS = {
  passphrase: [["passphrase", "Passphrase", "password", "current-password"]],
  password: [
    ["username", "Name", "text", "username"],
    ["password", "Password", "password", "current-password"],
  ],
  token: [["token", "Token", "password", "off"]],
};

/** Why somebody is not signed in, in words. */
function words(answer, settings) {
  const seconds = Number(answer.headers.get("Retry-After"));
  if (answer.status === 401)
    return `That ${settings.sign_in.kind === "password" ? "name or password" : settings.sign_in.kind} is wrong.`;
  if (answer.status === 429)
    return `Too many attempts: try again in ${seconds > 0 ? `${seconds} seconds` : "a minute"}.`;
  if (answer.status === 403) return "You may sign in, but not reset.";
  if (answer.status === 503 && !seconds)
    return `${answer.body?.error ?? "Nobody can sign in yet"}. Set ${settings.name || "the service"} up first.`;
  return answer.body?.error ?? `The service answered ${answer.status}.`;
}

export class SignIn {
  #api;
  #settings;
  #store;

  constructor(api, settings) {
    this.#api = api;
    this.#settings = settings;
    this.#store = `factory-reset-token:${settings.api}`;
    api.renew = () => this.#renew();
  }

  get #way() {
    return this.#settings.sign_in;
  }

  get isByToken() {
    return this.#way.kind !== "passphrase";
  }

  /** Whether somebody is signed in already, as far as can be told without asking. */
  async isKnown() {
    if (!this.isByToken) {
      const { status, body } = await this.#api.fetch("GET", this.#way.status);
      this.#api.csrf = body?.csrf_token ?? null;
      return status === 200 && body?.authenticated === true;
    }
    const given = new URLSearchParams(location.hash.slice(1)).get("token");
    if (given && this.#way.kind === "token") {
      // It is not to stay in the address, nor in the history of the browser.
      history.replaceState(null, "", location.pathname + location.search);
      this.#keep(given);
    }
    this.#api.token = this.#kept();
    return this.#api.token !== null;
  }

  async #renew() {
    if (this.isByToken) return false;
    const before = this.#api.csrf;
    return (await this.isKnown()) && this.#api.csrf !== before;
  }

  #kept() {
    try {
      return sessionStorage.getItem(this.#store);
    } catch {
      return this.#api.token;
    }
  }

  #keep(token) {
    this.#api.token = token;
    try {
      if (token === null) sessionStorage.removeItem(this.#store);
      else sessionStorage.setItem(this.#store, token);
    } catch {
      // Without storage it is good until the page is loaded again.
    }
  }

  /** Forgets the token, if there is one. */
  signOut() {
    if (this.isByToken) this.#keep(null);
  }

  /** Shows the form until somebody has signed in. `note` says why it is shown. */
  ask(note = null, focus = true) {
    const form = byId("sign-in");
    const { name, hint, afterwards } = this.#settings;
    const inputs = INPUTS[this.#way.kind].map(([id, label, type, autocomplete]) => {
      const input = element("input", { id, type, autocomplete, required: true, name: id });
      return { id, input, label: element("label", { for: id }, label) };
    });
    const error = element("p", { id: "sign-in-error", class: "error", role: "alert" });
    const button = element("button", { type: "submit", class: "main" }, "Sign in");
    show(
      form,
      element("h2", { id: "sign-in-title" }, name ? `Sign in to ${name}` : "Sign in"),
      note ? element("p", { id: "sign-in-note" }, note) : null,
      hint ? element("p", { class: "hint" }, prose(hint)) : null,
      inputs.map(({ input, label }) => element("p", {}, label, input)),
      error,
      element("p", { class: "buttons" }, button),
    );
    if (focus) inputs[0].input.focus();
    return new Promise((resolve) => {
      form.onsubmit = async (event) => {
        event.preventDefault();
        button.disabled = true;
        error.replaceChildren();
        const values = Object.fromEntries(inputs.map(({ id, input }) => [id, input.value]));
        const refusal = await this.#attempt(values);
        button.disabled = false;
        if (!refusal) {
          show(form);
          resolve();
          return;
        }
        const link =
          refusal.isUnclaimed && afterwards ? element("a", { href: afterwards }, "Go there") : null;
        error.replaceChildren(...prose(refusal.text), ...(link ? [" ", link] : []));
        const last = inputs.at(-1).input;
        last.value = "";
        last.focus();
      };
    });
  }

  /** Signs in; says why not. */
  async #attempt(values) {
    try {
      const answer = await this.#try(values);
      if (answer.status < 400) return null;
      return { text: words(answer, this.#settings), isUnclaimed: answer.status === 503 };
    } catch (error) {
      if (error instanceof Disconnected)
        return { text: "The service cannot be reached. Try again." };
      throw error;
    }
  }

  async #try(values) {
    const way = this.#way;
    if (way.kind === "passphrase") {
      const answer = await this.#api.fetch("POST", way.login, { body: values });
      if (answer.status < 400) this.#api.csrf = answer.body?.csrf_token ?? null;
      return answer;
    }
    this.#api.token = null;
    if (way.kind === "password") {
      const answer = await this.#api.fetch("POST", way.token, { body: values });
      if (answer.status >= 400) return answer;
      this.#keep(answer.body.token);
    } else {
      this.#keep(values.token.trim());
    }
    const answer = await this.#api.request("GET", "/history");
    // Whoever has still to prove to be the owner is signed in all the same.
    if (answer.status === 403 && answer.body?.error?.startsWith("ownership not proven")) {
      return { ...answer, status: 200 };
    }
    if (answer.status >= 400) this.#keep(null);
    return answer;
  }
}
