// What the page knows of one conversation, kept while the agent works on another: drafts, what is not yet sent, what is
// under way and what went wrong.

import { Keys, post, randomKey, sentence, SignedOut, Unreachable } from "./api.js";

export class Conversation {
  packet = null;
  lines = new Map();
  after = 0; // everything up to this number has been heard
  unsent = [];
  draft = "";
  noteDraft = "";
  noteKeys = new Keys();
  customerHasRead = 0;
  customerIsTyping = false;
  toldRead = 0;
  orders = null; // its orders tab, once that was opened
  #isSending = false;
  #underWay = new Set(); // by name
  #troubles = new Map();

  constructor(id, onChange) {
    Object.assign(this, { id, onChange });
  }

  get isMine() {
    return Boolean(this.packet?.may.write);
  }

  get mustBeKept() {
    return Boolean(this.unsent.length || this.draft.trim() || this.noteDraft.trim());
  }

  get lastOfCustomer() {
    const theirs = [...this.lines.values()].filter((line) => line.sender === "customer");
    return Math.max(0, ...theirs.map((line) => line.number));
  }

  takeIn(packet) {
    this.packet = packet;
    for (const line of packet.lines) this.#keep(line);
    this.after = Math.max(this.after, packet.last);
    this.customerHasRead = Math.max(this.customerHasRead, packet.customer_has_read);
    this.onChange(this);
  }

  // It is out of the agent's hands, and out of sight: what was seen stays on the page, and nothing may be done.
  lose(sentence) {
    this.packet = { ...this.packet, may: {}, state: "lost", lost: sentence };
    this.onChange(this);
  }

  hear(line) {
    this.after = Math.max(this.after, line.number);
    if (line.sender === "customer") this.customerIsTyping = false;
    this.#keep(line);
    this.onChange(this);
  }

  isUnderWay(name) {
    return this.#underWay.has(name);
  }

  trouble(name) {
    return this.#troubles.get(name) ?? "";
  }

  // Does something once at a time, and remembers what went wrong until it is tried again.
  async once(name, act) {
    if (this.isUnderWay(name)) return;
    this.#underWay.add(name);
    this.#troubles.delete(name);
    this.onChange(this);
    try {
      await act();
    } catch (error) {
      this.#troubles.set(name, sentence(error));
    } finally {
      this.#underWay.delete(name);
      this.onChange(this);
    }
  }

  // Lines and what is not yet sent, the oldest first.
  entries() {
    const said = [...this.lines.values()].sort((one, other) => one.number - other.number);
    return [...said, ...this.unsent];
  }

  write(text, agent) {
    const entry = { sender: "agent", agent, text, key: randomKey(), at: new Date().toISOString(), state: "sending" };
    this.unsent.push(entry);
    return this.send();
  }

  // Sends what is unsent, in its order, each under its own key: sent again, it is still one message.
  async send() {
    if (this.#isSending) return;
    this.#isSending = true;
    for (const entry of this.unsent) Object.assign(entry, { state: "sending", trouble: "" });
    this.onChange(this);
    while (this.unsent.length) {
      const entry = this.unsent[0];
      try {
        this.#keep(await post(`handovers/${this.id}/write`, { text: entry.text, key: entry.key }));
        this.discard(entry);
      } catch (error) {
        this.#failed(entry, error);
        break;
      }
    }
    this.#isSending = false;
    this.onChange(this);
  }

  // Tries again what the network swallowed; what was refused waits for the agent.
  sendAgain() {
    if (this.unsent[0]?.isUnreachable) this.send();
  }

  discard(entry) {
    this.unsent = this.unsent.filter((one) => one.key !== entry.key);
    this.onChange(this);
  }

  #keep(line) {
    this.lines.set(line.number, line);
    if (line.key) this.unsent = this.unsent.filter((entry) => entry.key !== line.key);
  }

  #failed(entry, error) {
    for (const one of this.unsent) one.state = "failed";
    entry.trouble = sentence(error);
    entry.isUnreachable = error instanceof Unreachable || error instanceof SignedOut;
    if (error.status === 429) setTimeout(() => this.send(), error.again);
  }
}
