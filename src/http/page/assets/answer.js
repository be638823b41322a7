// One request that must not be made twice, and its answer, even when the reply is lost.

import { Disconnected, backoff, pause } from "./api.js";

/**
 * The answer to the request with this key, which was sent before; null when the service knows of
 * none. Asks until somebody answers.
 */
export async function recall(api, key, onLost = () => {}) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const answer = await api.request("GET", "/answer", { headers: { "Idempotency-Key": key } });
      if (answer.status === 404) return null;
      if (answer.status !== 202) return answer;
      attempt = 0;
    } catch (error) {
      if (!(error instanceof Disconnected)) throw error;
      onLost();
    }
    await pause(backoff(attempt));
  }
}

/**
 * Sends a request with a key of its own, and waits for its answer as long as it takes. One whose
 * reply is lost is never simply sent again: first the service is asked whether it has come.
 */
export async function send(api, path, { body, headers, key }, onLost = () => {}) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const sent = { body, headers: { ...headers, "Idempotency-Key": key } };
      return await api.request("POST", path, sent);
    } catch (error) {
      if (!(error instanceof Disconnected)) throw error;
      onLost();
    }
    await pause(backoff(attempt));
    const answer = await recall(api, key, onLost);
    if (answer) return { ...answer, isRecalled: true };
  }
}

/** The answer to a request that is only just on its way; null when it does not come. */
export async function recallSoon(api, key) {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const answer = await recall(api, key);
    if (answer) return answer;
    await pause(250);
  }
  return null;
}

/**
 * What the history says of a run that is over: an answer of any status. The run is over a moment
 * before it stands there.
 */
export async function lookUp(api, run) {
  let answer = null;
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      answer = await api.request("GET", `/history/${encodeURIComponent(run)}`);
      if (answer.status !== 404) break;
    } catch (error) {
      if (!(error instanceof Disconnected)) throw error;
    }
    await pause(250);
  }
  return answer;
}
