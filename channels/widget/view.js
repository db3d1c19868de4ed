// How what was said looks. What customers, agents, the bot and product names say goes in as text, never as markup.

const ADDRESS = /https?:\/\/[\x21\x23-\x3b\x3d\x3f-\x5f\x61-\x7e]+/g; // what may stand in one: no blank, quote or bracket of markup
const CLOSING = /[.,;:!?']+$/; // what ends a sentence rather than an address
const CHINESE = /[\u3400-\u9fff]/;
const QUIET_GAP = 10 * 60 * 1000; // the time is written again after this long

export function make(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function button(className, text, act) {
  const made = make("button", className, text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

export class View {
  // `act`: {write(text, payload), retry(entry), picture(name) -> promise of an address that an <img> can show,
  // of null where there is none}
  constructor(log, act) {
    this.log = log;
    this.act = act;
  }

  // Entries: {who, name, text, image, photo, buttons, custom, at, state, trouble, number}, the oldest first.
  show(entries, { words, language, seen, newFrom = Infinity }) {
    Object.assign(this, { words, language, seen });
    const lastMine = entries.findLastIndex((entry) => entry.who === "customer");
    const shown = entries.flatMap((entry, index) => {
      const before = entries[index - 1];
      const made = entry.who === "note" ? this.#note(entry) : this.#said(entry, before, index === lastMine);
      if (index >= newFrom) made.classList.add("new");
      return isAfterAWhile(entry, before) ? [this.#moment(entry), made] : [made];
    });
    replaceChanged(this.log, shown);
    this.#keepLastChoices();
    this.#fillPhotos();
  }

  // A choice is open until something else is said.
  #keepLastChoices() {
    for (const made of this.log.querySelectorAll(".choices")) {
      if (made.parentElement !== this.log.lastElementChild) made.remove();
    }
  }

  // Only what stands in the log is asked for; what did not come, each time that something is shown.
  #fillPhotos() {
    for (const made of this.log.querySelectorAll("img[data-photo]:not([src])")) {
      const fill = (source) => (source ? (made.src = source) : made.replaceWith(this.#bubble(this.words.picture)));
      this.act.picture(made.dataset.photo).then(fill, () => {});
    }
  }

  #note(entry) {
    const text = this.words[entry.text] ?? entry.text;
    return looking(make("p", "note", text), "note", text);
  }

  #moment(entry) {
    const text = momentText(new Date(entry.at), this.language, this.words);
    return looking(make("p", "moment", text), "moment", text);
  }

  #said(entry, before, isLastMine) {
    const isFirst = isAfterAWhile(entry, before) || before.who !== entry.who || before.name !== entry.name;
    const made = make("div", `said ${entry.who}`);
    made.classList.toggle("first", isFirst);
    made.classList.toggle("failed", entry.state === "failed");
    const speaker = entry.who === "customer" ? this.words.me : (entry.name ?? this.words.bot);
    made.append(isFirst && entry.who === "agent" ? make("span", "name", speaker) : make("span", "unseen", `${speaker}: `));
    const cards = Array.isArray(entry.custom?.cards) ? entry.custom.cards : [];
    const text = withoutCarded(entry.text ?? "", cards);
    if (text) made.append(this.#bubble(text));
    if (entry.image) made.append(this.#picture(entry.image, "", this.words.picture));
    if (entry.photo) made.append(this.#photo(entry.photo));
    if (cards.length) made.append(this.#cards(cards));
    if (entry.buttons?.length) made.append(this.#choices(entry.buttons));
    const mark = isLastMine ? this.#mark(entry) : "";
    if (mark) made.append(make("span", "mark-sent", mark));
    if (entry.state === "failed") made.append(this.#trouble(entry));
    const look = [entry.who, entry.name, isFirst, entry.state, entry.trouble, mark, entry.text, entry.image, entry.photo];
    return looking(made, ...look, JSON.stringify(cards), this.language);
  }

  #mark(entry) {
    if (entry.state === "waiting") return this.words[entry.trouble] ?? "";
    if (!entry.number) return "";
    return entry.number <= this.seen ? this.words.seen : this.words.sent;
  }

  #bubble(text) {
    const made = make("div", "bubble");
    made.dir = "auto";
    made.lang = CHINESE.test(text) ? "zh" : "en";
    let end = 0;
    for (const match of text.matchAll(ADDRESS)) {
      const address = withoutClosing(match[0]);
      if (!isWebAddress(address)) continue;
      made.append(text.slice(end, match.index), link(address, address));
      end = match.index + address.length;
    }
    made.append(text.slice(end));
    return made;
  }

  #picture(source, className, description) {
    const instead = source.startsWith("data:") ? this.words.picture : source;
    if (!isWebAddress(source) && !source.startsWith("data:image/")) return this.#bubble(source);
    const made = make("img", `picture ${className}`);
    made.alt = description;
    made.loading = "lazy";
    made.addEventListener("error", () => made.replaceWith(this.#bubble(instead)), { once: true });
    made.src = source;
    return made;
  }

  #photo(name) {
    const made = make("img", "picture");
    made.alt = this.words.picture;
    made.dataset.photo = name;
    return made;
  }

  #cards(cards) {
    const made = make("ul", "cards");
    made.append(...cards.map((card) => this.#card(card)));
    return made;
  }

  #card(card) {
    const made = make("li", "card");
    if (typeof card.image === "string") made.append(this.#picture(card.image, "card-picture", ""));
    const text = make("div", "card-text");
    const title = String(card.title ?? "");
    text.append(isWebAddress(card.link) ? link(card.link, title) : make("strong", "", title));
    for (const line of card.lines ?? []) text.append(make("span", "", String(line)));
    made.append(text);
    if (Array.isArray(card.steps) && card.steps.length) made.append(this.#progress(card.steps));
    return made;
  }

  // A parcel's way: which step it has come to is said in words, too.
  #progress(steps) {
    const made = make("ol", "progress");
    const reached = steps.findLastIndex((step) => step.is_done);
    steps.forEach((step, index) => {
      const item = make("li", step.is_done ? "done" : "");
      if (index === reached) item.setAttribute("aria-current", "step");
      item.append(make("span", "", String(step.title)));
      if (step.at) item.append(make("small", "", String(step.at)));
      made.append(item);
    });
    return made;
  }

  #choices(buttons) {
    const made = make("div", "choices");
    const usable = buttons.filter((choice) => typeof choice?.title === "string");
    made.append(
      ...usable.map((choice) => button("chip", choice.title, () => this.act.write(choice.title, choice.payload ?? choice.title))),
    );
    return made;
  }

  #trouble(entry) {
    const made = make("div", "trouble");
    made.append(make("span", "", this.words[entry.trouble] ?? ""), button("retry", this.words.retry, () => this.act.retry(entry)));
    return made;
  }
}

// Only what looks different is touched, so that a screen reader hears what is new and nothing twice.
function replaceChanged(parent, children) {
  children.forEach((child, index) => {
    const old = parent.children[index];
    if (!old) parent.append(child);
    else if (old.dataset.look !== child.dataset.look) old.replaceWith(child);
  });
  while (parent.children.length > children.length) parent.lastElementChild.remove();
}

function looking(made, ...look) {
  made.dataset.look = look.join("|");
  return made;
}

// A list in words is for windows without cards: what a card shows need not be read twice.
function withoutCarded(text, cards) {
  const isCarded = (line) => line.startsWith("· ") && cards.some((card) => line.includes(String(card.title)));
  return cards.length ? text.split("\n").filter((line) => !isCarded(line)).join("\n") : text;
}

function isAfterAWhile(entry, before) {
  return !before || entry.at - before.at > QUIET_GAP;
}

function momentText(moment, language, words) {
  const locale = language === "zh" ? "zh-CN" : "en-GB";
  const time = new Intl.DateTimeFormat(locale, { timeStyle: "short" }).format(moment);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(moment).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return `${words.today} ${time}`;
  if (days === 1) return `${words.yesterday} ${time}`;
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(moment);
}

function link(address, text) {
  const made = make("a", "", text);
  made.href = address;
  made.target = "_blank";
  made.rel = "noopener noreferrer";
  return made;
}

function withoutClosing(address) {
  const bare = address.replace(CLOSING, "");
  return bare.endsWith(")") && !bare.includes("(") ? withoutClosing(bare.slice(0, -1)) : bare;
}

export function isWebAddress(address) {
  if (typeof address !== "string" || !address) return false;
  try {
    return ["http:", "https:"].includes(new URL(address, location.href).protocol);
  } catch {
    return false;
  }
}
