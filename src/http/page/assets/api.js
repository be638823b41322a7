// Requests to the reset service.

/** Nobody answers: the connection is lost, or what answers is not the service. */
export class Disconnected extends Error {}

/** The service answers that it does not do it. */
export class Refused extends Error {
  constructor(answer) {
    super(answer.body?.error ?? `the service answered ${answer.status}`);
    this.status = answer.status;
    this.report = answer.body?.report;
    this.retryAfter = Number(answer.headers.get("Retry-After")) || null;
  }
}

/** A key that nobody guesses: it is enough to fetch the answer to a request again. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** How long to wait before another try, in milliseconds. */
export function backoff(attempt) {
  return Math.min(500 * 2 ** attempt, 5000);
}

/** The service at `root`, as whoever has signed in. */
export class Api {
  /** Sent as bearer, where somebody signs in with a token. */
  token = null;
  /** Sent with all that changes anything, where there is a session. */
  csrf = null;
  /** Fetches the session's CSRF token again; another tab may have opened another session. */
  renew = async () => false;
  /** Told when whoever was signed in is not any more. */
  denied = () => {};

  constructor(root) {
    this.root = root;
  }

  #headers(method, given) {
    const headers = new Headers(given);
    if (this.token) headers.set("Authorization", `Bearer ${this.token}`);
    if (this.csrf && method !== "GET") headers.set("X-CSRF-Token", this.csrf);
    return headers;
  }

  /** The response to a `GET` whose body is to be read as it comes. */
  async stream(path, headers, signal) {
    const options = { headers: this.#headers("GET", headers), signal, cache: "no-store" };
    return fetch(this.root + path, options);
  }

  /** Any answer with JSON, to any path of the host: `{ status, body, headers }`. */
  async fetch(method, path, { body, headers, signal } = {}) {
    const options = { method, signal, headers: this.#headers(method, headers), cache: "no-store" };
    if (body !== undefined) {
      options.body = JSON.stringify(body);
      options.headers.set("Content-Type", "application/json");
    }
    let [response, text] = [null, ""];
    try {
      response = await fetch(path, options);
      text = await response.text();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Disconnected("the service cannot be reached");
    }
    const { status, headers: received } = response;
    try {
      return { status, body: JSON.parse(text), headers: received };
    } catch {
      // A proxy speaks for a service that does not.
      if (status >= 500) throw new Disconnected(`the service cannot be reached (${status})`);
      return { status, body: null, headers: received };
    }
  }

  /** Any answer of the service. */
  async request(method, path, options = {}) {
    const answer = await this.fetch(method, this.root + path, options);
    if (answer.status === 403 && method !== "GET" && (await this.renew())) {
      return this.fetch(method, this.root + path, options);
    }
    return answer;
  }

  /** The answer of the service if it is a good one; throws `Refused` otherwise. */
  async call(method, path, options = {}) {
    const answer = await this.request(method, path, options);
    if (answer.status === 401) this.denied();
    if (answer.status >= 400) throw new Refused(answer);
    return answer;
  }
}
