// How what was said looks: customer, agents and the bot told apart at a glance, the bot quieter than people.

import { at, button, customerName, foreign, looking, make, replaceChanged } from "./view.js";
import { clockTime, day, language, word } from "./words.js";

const QUIET_GAP = 5 * 60 * 1000; // the speaker and the time are written again after this long

export class Transcript {
  #shown = null;
  #loudAgain;

  constructor(me) {
    this.me = me;
    this.log = at("log");
    this.scroller = at("scroller");
    this.latest = at("latest");
    this.latest.addEventListener("click", () => this.#toTheEnd());
    this.scroller.addEventListener("scroll", () => this.#isAtTheEnd() && (this.latest.hidden = true));
    this.log.addEventListener("load", () => this.latest.hidden && this.#toTheEnd(), true);
    new ResizeObserver(() => this.latest.hidden && this.#toTheEnd()).observe(this.scroller);
  }

  show(conversation) {
    const isAnother = this.#shown !== conversation;
    if (isAnother) this.#begin(conversation);
    const wasAtTheEnd = isAnother || this.#isAtTheEnd();
    const before = this.log.children.length;
    const entries = conversation.entries();
    const isMyLast = entries.findLastIndex((entry) => entry.sender === "agent");
    const elements = entries.flatMap((entry, index) => {
      const made = this.#said(conversation, entry, entries[index - 1], index === isMyLast);
      return isSameDay(entry, entries[index - 1]) ? [made] : [moment(entry), made];
    });
    replaceChanged(this.log, elements);
    this.#showTyping(conversation);
    const isMine = entries.at(-1)?.state === "sending";
    if (wasAtTheEnd || isMine) this.#toTheEnd();
    else if (this.log.children.length > before) this.latest.hidden = false;
  }

  // A long past is shown at once and not read out; what comes then is.
  #begin(conversation) {
    this.#shown = conversation;
    this.log.ariaLive = "off";
    this.log.replaceChildren();
    clearTimeout(this.#loudAgain);
    this.#loudAgain = setTimeout(() => (this.log.ariaLive = "polite"), 500);
  }

  #said(conversation, entry, before, isLast) {
    const who = this.#speaker(conversation, entry);
    const isSame = before && before.sender === entry.sender && before.agent === entry.agent;
    const isFirst = !isSame || isAfterAWhile(entry, before);
    const made = make("div", `said ${entry.sender}`);
    if (entry.agent && entry.agent === this.me().name) made.classList.add("mine");
    if (entry.state === "failed") made.classList.add("failed");
    made.append(by(who, entry, isFirst));
    if (entry.text) made.append(foreign("div", "bubble", entry.text));
    if (entry.photo) made.append(photo(entry.photo));
    const cards = (Array.isArray(entry.custom?.cards) ? entry.custom.cards : []).map(card).filter(Boolean);
    if (cards.length) made.append(wrapped("cards", cards));
    const titles = (entry.buttons ?? []).map((one) => one?.title).filter((title) => typeof title === "string");
    if (titles.length) made.append(offered(titles));
    const mark = isLast ? markOf(conversation, entry) : "";
    if (mark) made.append(make("p", "delivery", mark));
    if (entry.state === "failed") made.append(trouble(conversation, entry));
    return looking(made, entry.number ?? entry.key, entry.state, entry.trouble, isFirst, mark, who, language);
  }

  #speaker(conversation, entry) {
    if (entry.sender === "customer") return customerName(conversation.packet);
    return entry.sender === "bot" ? word("bot") : entry.agent;
  }

  #showTyping(conversation) {
    const text = conversation.customerIsTyping ? word("customerTyping") : "";
    const place = at("typing");
    if (place.textContent !== text) place.textContent = text;
  }

  #isAtTheEnd() {
    return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < 80;
  }

  #toTheEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.latest.hidden = true;
  }
}

function by(who, entry, isFirst) {
  const made = make("p", isFirst ? "by" : "by unseen");
  const name = make("bdi", "", who);
  const time = make("time", "", clockTime(entry.at));
  time.dateTime = entry.at;
  made.append(name, " ", time);
  return made;
}

function moment(entry) {
  const text = day(entry.at);
  return looking(make("p", "moment", text), "moment", text);
}

function photo(name) {
  const address = `/desk/api/photos/${encodeURIComponent(name)}`;
  const made = make("a", "photo");
  Object.assign(made, { href: address, target: "_blank", rel: "noopener", title: word("openPhoto") });
  const image = make("img");
  image.alt = word("photo");
  image.src = address;
  made.append(image);
  return made;
}

// What the bot showed as a card, in plain lines; a kind that is not known here shows nothing.
function card(one) {
  const title = one?.title ?? one?.name;
  if (typeof title !== "string") return null;
  const made = make("div", "card");
  made.append(foreign("strong", "", title));
  const steps = (one.steps ?? []).filter((step) => step.is_done).slice(-1).map((step) => step.title);
  for (const line of [one.price, one.note, ...(one.lines ?? []), ...steps]) {
    if (typeof line === "string" && line) made.append(foreign("span", "", line));
  }
  return made;
}

function offered(titles) {
  const made = make("ul", "offered");
  made.ariaLabel = word("offered");
  made.append(...titles.map((title) => foreign("li", "", title)));
  return made;
}

function wrapped(className, children) {
  const made = make("div", className);
  made.append(...children);
  return made;
}

function markOf(conversation, entry) {
  if (entry.state === "sending") return word("sending");
  if (!entry.number) return "";
  return entry.number <= conversation.customerHasRead ? word("read") : word("sent");
}

function trouble(conversation, entry) {
  const made = make("div", "trouble");
  made.append(
    make("span", "", entry.trouble || word("notSent")),
    button("small", word("retry"), () => conversation.send()),
    button("small", word("discard"), () => conversation.discard(entry)),
  );
  return made;
}

function isAfterAWhile(entry, before) {
  return new Date(entry.at) - new Date(before.at) > QUIET_GAP;
}

function isSameDay(entry, before) {
  return Boolean(before) && new Date(entry.at).toDateString() === new Date(before.at).toDateString();
}
