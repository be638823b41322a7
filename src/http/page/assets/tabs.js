// The other tabs of this browser, and this one after it was loaded again.

/**
 * Tells the other tabs of a run that begins, `{ key, action, everything }`, so that they can fetch
 * its answer as well; and remembers it for this tab.
 */
export class Tabs {
  #channel;
  #name;

  constructor(api, onBegun) {
    this.#name = `factory-reset:${api}`;
    this.#channel = "BroadcastChannel" in window ? new BroadcastChannel(this.#name) : null;
    if (this.#channel) this.#channel.onmessage = ({ data }) => onBegun(data);
  }

  begun(run) {
    try {
      sessionStorage.setItem(this.#name, JSON.stringify(run));
    } catch {
      // Storage may be full or forbidden; then a page that is loaded again knows less.
    }
    this.#channel?.postMessage(run);
  }

  /** What this tab began, and has not shown the answer to. */
  unanswered() {
    try {
      return JSON.parse(sessionStorage.getItem(this.#name));
    } catch {
      return null;
    }
  }

  answered() {
    try {
      sessionStorage.removeItem(this.#name);
    } catch {
      // As above.
    }
  }
}
