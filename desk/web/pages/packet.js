// The customer tab: all that is known, so that nobody asks the customer twice, and the notes that only colleagues see.

import { Keys, post } from "./api.js";
import { at, factList, foreign, list, make, onSubmit } from "./view.js";
import { clockTime, day, word } from "./words.js";

export class Packet {
  #conversation = null;

  constructor() {
    at("note").addEventListener("input", () => (this.#conversation.noteDraft = at("note").value));
    const keys = new Keys();
    onSubmit(at("note-form"), async () => {
      const conversation = this.#conversation;
      const text = at("note").value.trim();
      if (!text) return at("note").focus();
      const key = keys.of(conversation.id, text);
      conversation.takeIn(await post(`handovers/${conversation.id}/notes`, { text, key }));
      keys.done();
      conversation.noteDraft = "";
      if (conversation === this.#conversation) at("note").value = "";
    });
  }

  show(conversation) {
    const { packet } = conversation;
    if (this.#conversation !== conversation) {
      this.#conversation = conversation;
      at("note").value = conversation.noteDraft;
      at("note-form").querySelector(".error").textContent = "";
      at("customer").scrollTop = 0;
    }
    at("summary").replaceChildren(...packet.summary.map((text) => foreign("li", "", text)));
    at("facts").replaceChildren(factList(packet.facts));
    part("facts-part", packet.facts.length);
    part("tried-part", packet.tried.length);
    at("tried").replaceChildren(list("ul", "plain-list", packet.tried));
    at("notes-none").hidden = packet.notes.length > 0;
    at("notes").replaceChildren(...packet.notes.map(note));
    part("earlier-part", packet.earlier.length);
    at("earlier").replaceChildren(...packet.earlier.map(earlier));
    at("note-form").hidden = packet.is_closed;
  }
}

function part(id, isThere) {
  at(id).hidden = !isThere;
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
