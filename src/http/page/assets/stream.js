// Server-Sent Events, read from a body as it arrives. (`EventSource` sends no `Authorization`.)

/** Takes text in pieces, and tells each whole message: `{ id, event, data }`. */
export class MessageParser {
  #rest = "";
  #fields = {};
  #seen = false;

  /** The messages that `text` completes. */
  take(text) {
    const messages = [];
    // A `\r` at the end may be half of a line's end.
    const all = this.#rest + text;
    const end = all.endsWith("\r") ? all.length - 1 : all.length;
    const lines = all.slice(0, end).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() + all.slice(end);
    for (const line of lines) {
      if (line === "") this.#close(messages);
      else this.#line(line);
    }
    return messages;
  }

  #line(line) {
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") {
      this.#fields.data = this.#seen ? `${this.#fields.data}\n${value}` : value;
      this.#seen = true;
    } else if (name === "id" || name === "event") {
      this.#fields[name] = value;
    }
  }

  #close(messages) {
    if (this.#seen) messages.push(this.#fields);
    this.#fields = {};
    this.#seen = false;
  }
}

/** The events of a response, one by one; calls `alive` whenever anything arrives. */
export async function* messages(response, alive) {
  const parser = new MessageParser();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      alive();
      yield* parser.take(value);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
