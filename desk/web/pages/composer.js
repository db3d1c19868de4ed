// Where the agent writes, or first takes the conversation: what stands there follows what the agent may do.

import { get, post } from "./api.js";
import { at, foreign, hasKeyboard, make, setText, showAttempt } from "./view.js";
import { word } from "./words.js";

const TYPING_EVERY = 3_000;

export class Composer {
  #conversation = null;
  #lastTyped = 0;

  // `act`: {me() -> who writes, taken(packet), tooLate()}
  constructor(act) {
    this.act = act;
    this.text = at("text");
    this.replies = new Replies((text) => this.insert(text));
    this.text.addEventListener("input", () => this.#typed());
    this.text.addEventListener("keydown", (event) => {
      const isChoosingCharacters = event.isComposing || event.keyCode === 229; // Enter also ends pinyin
      if (event.key !== "Enter" || event.shiftKey || isChoosingCharacters) return;
      event.preventDefault();
      at("composer").requestSubmit();
    });
    at("send").addEventListener("pointerdown", (event) => event.preventDefault()); // the text keeps its keyboard
    at("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    at("take").addEventListener("click", () => this.#take(false));
    at("take-over").addEventListener("click", () => this.#take(true));
  }

  show(conversation) {
    const { packet } = conversation;
    if (this.#conversation !== conversation) this.#change(conversation);
    at("composer").hidden = !packet.may.write;
    at("taking").hidden = packet.may.write;
    at("take").hidden = !packet.may.take;
    at("take-over").hidden = !packet.may.take_over;
    setText(at("standing"), standing(packet));
    showAttempt(at("taking"), at("take-error"), conversation, "take");
    this.replies.show();
    if (packet.may.write) this.#fit();
    else this.replies.close();
  }

  focus() {
    if (!hasKeyboard || (at("composer").hidden && at("take").hidden)) at("who").focus();
    else (at("composer").hidden ? at("take") : this.text).focus();
  }

  // Puts text where the caret is.
  insert(text) {
    this.text.setRangeText(text, this.text.selectionStart, this.text.selectionEnd, "end");
    this.text.focus();
    this.#typed();
  }

  // A sentence that the agent may send as it is: on a line of its own after what is written already.
  propose(text) {
    this.text.value = this.text.value.trim() ? `${this.text.value.trimEnd()}\n${text}` : text;
    this.text.focus();
    this.text.setSelectionRange(this.text.value.length, this.text.value.length);
    this.#typed();
  }

  #change(conversation) {
    this.#conversation = conversation;
    this.text.value = conversation.draft;
    this.replies.change(conversation);
  }

  #typed() {
    this.#conversation.draft = this.text.value;
    this.#fit();
    if (!this.text.value.trim() || Date.now() - this.#lastTyped < TYPING_EVERY) return;
    this.#lastTyped = Date.now();
    post(`handovers/${this.#conversation.id}/typing`).catch(() => {});
  }

  #send() {
    const text = this.text.value.trim();
    if (!text) return this.text.focus();
    this.text.value = this.#conversation.draft = "";
    this.#lastTyped = 0;
    this.#fit();
    this.#conversation.write(text, this.act.me().name);
  }

  #take(over) {
    const conversation = this.#conversation;
    conversation.once("take", async () => {
      try {
        this.act.taken(conversation, await post(`handovers/${conversation.id}/take`, { over }));
      } catch (error) {
        if (error.status === 409) this.act.tooLate(conversation);
        throw error;
      }
    });
  }

  #fit() {
    this.text.style.blockSize = "auto";
    this.text.style.blockSize = `${this.text.scrollHeight + 2}px`;
    at("send").setAttribute("aria-disabled", String(!this.text.value.trim()));
  }
}

function standing(packet) {
  if (packet.lost) return packet.lost;
  if (packet.is_closed) return word("isClosed");
  if (packet.may.take || packet.may.write) return "";
  return packet.agent ? word("isWith", { agent: packet.agent }) : "";
}

// Saved replies: a list above the composer, filtered by typing, walked with the arrow keys.
class Replies {
  #replies = [];
  #shown = [];
  #chosen = 0;
  #isAwaited = false; // Enter was pressed before the replies were there

  constructor(pick) {
    this.pick = pick;
    this.filter = at("replies-filter");
    this.list = at("replies-list");
    at("replies-open").addEventListener("click", () => (at("replies").hidden ? this.#open() : this.close()));
    this.filter.addEventListener("input", () => {
      this.#isAwaited = false;
      this.#filter();
    });
    this.filter.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("pointerdown", ({ target }) => {
      if (!at("replies").contains(target) && !at("replies-open").contains(target)) this.close();
    });
    at("replies").addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget && !at("replies").contains(relatedTarget) && relatedTarget !== at("replies-open")) this.close();
    });
  }

  change(conversation) {
    this.conversation = conversation;
    this.#replies = [];
    this.close();
  }

  show() {
    showAttempt(at("replies"), at("replies-error"), this.conversation, "replies");
  }

  close() {
    at("replies").hidden = true;
    at("replies-open").ariaExpanded = "false";
  }

  #open() {
    const { conversation } = this;
    at("replies").hidden = false;
    at("replies-open").ariaExpanded = "true";
    this.filter.value = "";
    this.filter.focus();
    this.#isAwaited = false;
    this.#filter();
    conversation.once("replies", async () => {
      const replies = await get(`handovers/${conversation.id}/replies`);
      if (conversation !== this.conversation) return;
      this.#replies = replies;
      at("replies-none").hidden = replies.length > 0;
      this.#filter();
      if (this.#isAwaited && this.#shown.length && !at("replies").hidden) this.#take(this.#shown[0]);
    });
  }

  #filter() {
    const wanted = this.filter.value.trim().toLowerCase();
    this.#shown = this.#replies.filter(({ title, text }) => `${title}\n${text}`.toLowerCase().includes(wanted));
    this.list.replaceChildren(...this.#shown.map((reply, index) => this.#option(reply, index)));
    this.list.hidden = !this.#shown.length;
    this.filter.ariaExpanded = String(this.#shown.length > 0);
    this.#choose(0);
  }

  #option(reply, index) {
    const made = make("li", "reply");
    made.id = `reply-${index}`;
    made.setAttribute("role", "option");
    made.append(foreign("strong", "", reply.title), " ", foreign("span", "", reply.text));
    made.addEventListener("pointerdown", (event) => event.preventDefault());
    made.addEventListener("click", () => this.#take(reply));
    return made;
  }

  #choose(index) {
    this.#chosen = index;
    [...this.list.children].forEach((option, place) => (option.ariaSelected = String(place === index)));
    const chosen = this.list.children[index];
    if (chosen) this.filter.setAttribute("aria-activedescendant", chosen.id);
    else this.filter.removeAttribute("aria-activedescendant");
    chosen?.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const count = this.#shown.length;
    if (event.key === "ArrowDown" && count) this.#choose((this.#chosen + 1) % count);
    else if (event.key === "ArrowUp" && count) this.#choose((this.#chosen + count - 1) % count);
    else if (event.key === "Enter") count ? this.#take(this.#shown[this.#chosen]) : (this.#isAwaited = true);
    else if (event.key === "Escape") this.#leave();
    else return;
    event.preventDefault();
  }

  #take(reply) {
    this.close();
    this.pick(reply.text);
  }

  #leave() {
    this.close();
    at("text").focus();
  }
}
