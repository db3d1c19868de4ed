// The line to the server: opens the conversation, sends each message once, and listens, whatever the network does.

const PATIENCE = 65_000; // the server gives up, with a sentence, before
const SILENCE = 40_000; // a living stream shows itself more often
const PAUSES = [500, 1_000, 2_000, 5_000, 10_000]; // before it tries again, longer each time
const POLL_SECONDS = 25;

export class Closed extends Error {} // the conversation is not open to us any more

export class Connection {
  #listening = null;

  constructor(token) {
    this.token = token;
  }

  // Opens the conversation, or goes on with ours unless a fresh one is wanted. `identity` is the shop's word for its
  // customer, if there is one.
  async open(identity, fresh = false) {
    const response = await this.#post("session", JSON.stringify({ ...(identity && { identity }), ...(fresh && { fresh }) }));
    if (response.status === 403 && identity) return this.open(undefined, true); // its word has run out: a guest, then, and nobody's past
    if (!response.ok) throw new Error(`session: ${response.status}`);
    const opened = await response.json();
    this.token = opened.token;
    return opened;
  }

  // Sends a message under its key; sent again under the same key, it is still one message. Never throws:
  // {number} where the answer comes by the stream, {messages} where it does not, or {trouble, again}; where that is
  // notReady, it is to be sent as often as it takes.
  async send(message, key) {
    let response;
    try {
      response = await this.#post("webhook", JSON.stringify({ message, key }));
    } catch (error) {
      return { trouble: error.name === "TimeoutError" ? "notAnswered" : "notSentYet", again: 4_000 };
    }
    if (response.status === 401) return { trouble: "closed" };
    if (response.status === 429) return { trouble: "tooFast", again: 1000 * Number(response.headers.get("Retry-After") ?? 5) };
    if (isAway(response)) return { trouble: "notReady" };
    if (!response.ok) return { trouble: response.status === 413 ? "tooLong" : "notAnswered" };
    const number = response.headers.get("Haoke-Number");
    try {
      return number === null ? { messages: await response.json() } : { number: Number(number) };
    } catch {
      return { trouble: "notAnswered", again: 1_000 };
    }
  }

  async sendPhoto(file, key) {
    const response = await this.#post(`photos?key=${key}`, file, file.type).catch(() => null);
    if (response === null) return { trouble: "notSent" };
    if (isAway(response)) return { trouble: "notReady" };
    if (response.status === 413) return { trouble: "tooLarge" };
    return response.ok ? {} : { trouble: response.status === 415 ? "notAPicture" : "notAnswered" };
  }

  // A picture of this conversation; null where there is none. An <img> sends no token, so it is fetched here and shown
  // from memory.
  async picture(address) {
    const response = await fetch(address, { headers: this.#headers() });
    if (response.status === 404) return null;
    if (!response.ok) throw new Error(`picture: ${response.status}`);
    return URL.createObjectURL(await response.blob());
  }

  read(number) {
    this.#post("read", JSON.stringify({ number })).catch(() => {});
  }

  typing() {
    this.#post("typing", "{}").catch(() => {});
  }

  async isReady() {
    const response = await fetch("ready").catch(() => null);
    return response === null || response.ok;
  }

  // Tells everything said after a number, then what is said, until `stop`. Handlers: message, presence, line(isUp), closed.
  async listen(after, handlers) {
    const listening = { after, handlers, stopped: new AbortController() };
    this.#listening?.stopped.abort();
    this.#listening = listening;
    let failures = 0;
    const hasSpoken = () => (failures = 0); // what only opens and ends again does not count
    while (!listening.stopped.signal.aborted) {
      try {
        if (await this.#follow(listening, hasSpoken)) continue;
      } catch (error) {
        if (listening.stopped.signal.aborted) return;
        if (error instanceof Closed) return handlers.closed();
        handlers.line(false);
      }
      await pause(PAUSES[Math.min(failures++, PAUSES.length - 1)], listening.stopped.signal);
    }
  }

  stop() {
    this.#listening?.stopped.abort();
    this.#listening = null;
  }

  // Listens as long as the stream goes on; whether to ask on at once.
  async #follow(listening, hasSpoken) {
    const line = new AbortController();
    const hangUp = () => line.abort();
    let alarm = setTimeout(hangUp, SILENCE);
    const isAlive = () => {
      clearTimeout(alarm);
      alarm = setTimeout(hangUp, SILENCE);
    };
    listening.stopped.signal.addEventListener("abort", hangUp);
    try {
      const headers = { Accept: "text/event-stream", "Last-Event-ID": String(listening.after) };
      const response = await this.#events(listening, "", line.signal, headers);
      listening.handlers.line(true);
      if (!response.body || !response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
        isAlive();
        await this.#poll(listening, line.signal);
        hasSpoken();
        return true;
      }
      for await (const event of events(response.body)) {
        isAlive();
        hasSpoken();
        if (event) this.#tell(listening, event.event, JSON.parse(event.data));
      }
      return false;
    } finally {
      clearTimeout(alarm);
      listening.stopped.signal.removeEventListener("abort", hangUp);
    }
  }

  // Where something on the way keeps streams back: ask, and be answered when there is news.
  async #poll(listening, signal) {
    const response = await this.#events(listening, `&wait=${POLL_SECONDS}`, signal);
    for (const message of (await response.json()).messages) this.#tell(listening, "message", message);
  }

  async #events(listening, how, signal, headers) {
    const response = await fetch(`events?after=${listening.after}${how}`, { headers: { ...headers, ...this.#headers() }, signal });
    if (response.status === 401) throw new Closed();
    if (!response.ok) throw new Error(`events: ${response.status}`);
    return response;
  }

  #tell(listening, kind, data) {
    if (listening.stopped.signal.aborted) return;
    if (kind === "presence") return listening.handlers.presence(data);
    if (data.number <= listening.after) return; // told already
    listening.after = data.number;
    listening.handlers.message(data);
  }

  #post(path, body, type = "application/json") {
    const headers = { "Content-Type": type, ...this.#headers() };
    return fetch(path, { method: "POST", headers, body, signal: AbortSignal.timeout(PATIENCE) });
  }

  #headers() {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }
}

// The events of a stream (WHATWG HTML, 9.2.6); null for a comment, which shows only that the line is alive.
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const fields = block.split("\n").filter((line) => !line.startsWith(":"));
        const event = Object.fromEntries(fields.map((line) => line.split(/: ?(.*)/s, 2)));
        if (event.data !== undefined) yield event;
        else if (!fields.length) yield null;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

// It starts, or what stands before it does not reach it.
function isAway(response) {
  return [502, 503, 504].includes(response.status);
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener("online", done, { once: true });
    signal.addEventListener("abort", done, { once: true });
  });
}
