// The customer tab: all that is known, so that nobody asks the customer twice, and the notes that only colleagues see.

import { post } from "./api.js";
import { at, fact, foreign, make, setChildren, showAttempt } from "./view.js";
import { clockTime, day, word } from "./words.js";

export class Packet {
  #conversation = null;

  constructor() {
    at("note").addEventListener("input", () => (this.#conversation.noteDraft = at("note").value));
    at("note-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const conversation = this.#conversation;
      const text = conversation.noteDraft.trim();
      if (!text) return at("note").focus();
      conversation.once("note", () => this.#add(conversation, text));
    });
  }

  show(conversation) {
    const { packet } = conversation;
    if (this.#conversation !== conversation) {
      this.#conversation = conversation;
      at("note").value = conversation.noteDraft;
      at("customer").scrollTop = 0;
    }
    setChildren(at("summary"), packet.summary.map((text) => foreign("li", "", text)));
    part("facts", packet.facts.map(fact));
    part("tried", packet.tried.map((text) => foreign("li", "", text)));
    at("notes-none").hidden = packet.notes.length > 0;
    setChildren(at("notes"), packet.notes.map(note));
    part("earlier", packet.earlier.map(earlier));
    at("note-form").hidden = packet.is_closed;
    showAttempt(at("note-form"), at("note-error"), conversation, "note");
  }

  async #add(conversation, text) {
    const key = conversation.noteKeys.of(text);
    conversation.takeIn(await post(`handovers/${conversation.id}/notes`, { text, key }));
    conversation.noteKeys.done();
    if (conversation.noteDraft.trim() !== text) return; // written on meanwhile
    conversation.noteDraft = "";
    if (conversation === this.#conversation) at("note").value = "";
  }
}

function part(id, children) {
  at(`${id}-part`).hidden = !children.length;
  setChildren(at(id), children);
}

function note({ at: moment, agent, text }) {
  const made = make("li", "note");
  made.append(make("span", "note-by", `${agent} · ${day(moment)} ${clockTime(moment)}`), foreign("p", "", text));
  return made;
}

function earlier({ closed_at: moment, agent, reason, note: text, score }) {
  const made = make("li", "note");
  const facts = [moment && day(moment), agent, reason, score == null ? null : word("score", { n: score })];
  made.append(make("span", "note-by", facts.filter(Boolean).join(" · ")));
  if (text) made.append(foreign("p", "", text));
  return made;
}
