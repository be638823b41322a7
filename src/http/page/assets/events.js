// Listens to the progress of runs, and comes back when the connection is lost.

import { backoff, pause } from "./api.js";
import { messages } from "./stream.js";
import { isEnd } from "./track.js";

/** The service says that it is alive every 15 s. */
const SILENCE = 40_000;

/**
 * Calls `onEvent` with each event until `stop()`. `onLost` is called when nobody answers, `onBack`
 * when somebody does again, and `onDenied` when the listener may not listen any more; it says
 * whether to go on.
 */
export function listen(api, { onEvent, onLost, onBack, onDenied }) {
  let [stopped, last, current] = [false, null, null];

  /** One connection; whether it has ended with its run. */
  async function connection() {
    current = new AbortController();
    const silence = () => setTimeout(() => current.abort(), SILENCE);
    let timer = silence();
    try {
      const headers = last ? { "Last-Event-ID": last } : {};
      const response = await api.stream("/events", headers, current.signal);
      if (response.status === 401 || response.status === 403) {
        if (!(await onDenied())) stopped = true;
        return false;
      }
      if (!response.ok) throw new Error(`the service answered ${response.status}`);
      onBack();
      const alive = () => {
        clearTimeout(timer);
        timer = silence();
      };
      let ended = false;
      for await (const message of messages(response, alive)) {
        last = message.id ?? last;
        const event = JSON.parse(message.data);
        ended = isEnd(event);
        if (!stopped) onEvent(event);
      }
      return ended;
    } finally {
      clearTimeout(timer);
    }
  }

  (async () => {
    for (let attempt = 0; !stopped;) {
      let ended = false;
      const since = Date.now();
      try {
        ended = await connection();
      } catch {
        if (!stopped) onLost();
      }
      // What has held for a while was a good connection.
      attempt = ended || Date.now() - since > 10_000 ? 0 : attempt + 1;
      if (!stopped) await pause(ended ? 50 : backoff(attempt - 1));
    }
  })();

  return {
    stop() {
      stopped = true;
      current?.abort();
    },
  };
}
