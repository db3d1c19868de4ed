// What happens at the desk, as it happens: one stream of events, opened anew whatever the network does.

const SILENCE = 40_000; // a living stream shows itself more often
export const SLOW = 1_000; // what takes longer is shown to take its time
const PAUSES = [500, 1_000, 2_000, 5_000, 10_000]; // before it tries again, longer each time

export class Stream {
  #following = null;

  // Handlers: queue(data), message, presence and changed(data, conversation), signedOut(),
  // line("connecting"), line("up"), line("offline").
  constructor(handlers) {
    this.handlers = handlers;
    addEventListener("online", () => this.#following && this.follow(this.#following.conversation));
    addEventListener("offline", () => this.#following && handlers.line("offline"));
  }

  // Follows the queue and, where one is open, a conversation from the number in its `after`.
  async follow(conversation) {
    this.stop();
    const following = { conversation, stopped: new AbortController() };
    this.#following = following;
    let failures = 0;
    while (!following.stopped.signal.aborted) {
      const isSlow = setTimeout(() => failures || this.handlers.line("connecting"), SLOW);
      try {
        const wasRefused = await this.#listen(following, () => { // what only opens and ends again does not count
          failures = 0;
          clearTimeout(isSlow);
          this.handlers.line("up");
        });
        if (wasRefused) continue;
      } catch {
        // told below
      } finally {
        clearTimeout(isSlow);
      }
      if (following.stopped.signal.aborted) return;
      this.handlers.line("offline");
      await pause(PAUSES[Math.min(failures++, PAUSES.length - 1)], following.stopped.signal);
    }
  }

  stop() {
    this.#following?.stopped.abort();
    this.#following = null;
  }

  // True where the conversation is somebody else's by now: the queue goes on without it.
  async #listen(following, hasSpoken) {
    const { conversation, stopped } = following;
    const ended = new AbortController();
    const end = () => ended.abort();
    stopped.signal.addEventListener("abort", end, { once: true });
    let alarm = setTimeout(end, SILENCE);
    try {
      const which = conversation ? `?handover=${conversation.id}&after=${conversation.after}` : "";
      const response = await fetch(`/desk/api/events${which}`, {
        headers: { Accept: "text/event-stream" },
        credentials: "same-origin",
        cache: "no-store",
        signal: ended.signal,
      });
      if (response.status === 401) return this.#leave();
      if (response.status === 409 && conversation) {
        following.conversation = null;
        this.handlers.changed({}, conversation);
        return true;
      }
      if (!response.ok) throw new Error(`events: ${response.status}`);
      let isFirst = true;
      for await (const event of events(response.body)) {
        if (stopped.signal.aborted) return;
        if (isFirst) hasSpoken();
        isFirst = false;
        clearTimeout(alarm);
        alarm = setTimeout(end, SILENCE);
        if (event) this.#tell(event.event, JSON.parse(event.data), conversation);
      }
    } finally {
      clearTimeout(alarm);
      ended.abort();
      stopped.signal.removeEventListener("abort", end);
    }
  }

  #leave() {
    this.stop();
    this.handlers.signedOut();
  }

  #tell(kind, data, conversation) {
    if (kind === "signed-out") this.#leave();
    else this.handlers[kind]?.(data, conversation);
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
      const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
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

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
