// Proof of ownership: after a reset, backups and history are open only to the owner from before it.

import { Refused } from "./api.js";
import { byId, element, show } from "./element.js";

/** The setup token of this tab, and the form in which somebody proves to be the owner. */
export class Ownership {
  #api;
  #name;
  /** Where storage is forbidden, the token is kept until the page is loaded again. */
  #token = null;

  constructor(api, settings) {
    this.#api = api;
    this.#name = `factory-reset-setup-token:${settings.api}`;
  }

  /**
   * Fetches a setup token and keeps it, so that this browser is known after the reset. Gives the
   * headers that activate it; none where the service issues none.
   */
  async before(options) {
    if (options?.ownership !== "proven") return {};
    try {
      const { body } = await this.#api.call("POST", "/setup-token");
      this.#keep(body.setup_token);
      return { "Setup-Token": body.setup_token };
    } catch {
      // The reset itself does not depend on it: ownership can be proven with the API token later.
      return {};
    }
  }

  /** Proves with the token that is kept, if there is one; whether that is accepted. */
  async proveAgain() {
    const token = this.#kept();
    if (token === null) return false;
    try {
      await this.#api.call("POST", "/prove", { body: { token } });
    } catch (error) {
      // One that is refused never becomes good; any other failure may pass.
      if (error instanceof Refused && error.status === 403) this.#keep(null);
      return false;
    }
    this.#keep(null);
    return true;
  }

  /** Shows how to prove to be the owner, or nothing where that is proven. */
  show(options, onProven) {
    const section = byId("ownership");
    if (options.ownership !== "unproven") return show(section);
    const input = element("input", {
      id: "proof",
      type: "password",
      autocomplete: "off",
      required: true,
      "aria-describedby": "proof-about proof-error",
    });
    const error = element("p", { id: "proof-error", class: "error", role: "alert" });
    const button = element("button", { type: "submit", id: "prove" }, "Prove");
    const form = element(
      "form",
      { id: "proof-form", autocomplete: "off" },
      element("p", {}, element("label", { for: "proof" }, "Setup token or API token"), input),
      error,
      element("p", { class: "buttons" }, button),
    );
    form.onsubmit = async (event) => {
      event.preventDefault();
      button.disabled = true;
      error.textContent = "";
      try {
        await this.#api.call("POST", "/prove", { body: { token: input.value.trim() } });
        this.#keep(null);
        await onProven();
      } catch (failure) {
        error.textContent = `That is not accepted: ${failure.message}.`;
        input.focus();
      } finally {
        button.disabled = false;
      }
    };
    return show(
      section,
      element("h2", { id: "ownership-title" }, "Backups and history are locked"),
      element(
        "p",
        { id: "proof-about" },
        "This service was reset, and somebody has claimed it since. To see the backups and the " +
          "history from before, prove that you were its owner: enter the setup token that was " +
          "issued before the reset, or the service's API token. The API token is in a file of the " +
          "service's data directory, usually ",
        element("code", {}, "api_token"),
        ".",
      ),
      form,
    );
  }

  #kept() {
    try {
      return sessionStorage.getItem(this.#name);
    } catch {
      return this.#token;
    }
  }

  #keep(token) {
    this.#token = token;
    try {
      if (token === null) sessionStorage.removeItem(this.#name);
      else sessionStorage.setItem(this.#name, token);
    } catch {
      // Without storage it is good until the page is loaded again.
    }
  }
}
