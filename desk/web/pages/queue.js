// Who is with us and who waits: mine on top, then the waiting by their place, then what colleagues have.

import { at, customerName, foreign, icon, inSight, languageMark, make, moodMark, verifiedMark } from "./view.js";
import { waited, word } from "./words.js";

export class Queue {
  #items = new Map();
  #waiting = null; // ids of who waited when last told; null before the first time
  #unread = new Map(); // of mine

  constructor(open) {
    this.open = open;
    setInterval(() => this.#tick(), 1_000);
  }

  show(rows, openId) {
    const mine = rows.filter((row) => row.is_mine);
    const waiting = rows.filter((row) => row.state === "waiting").sort((one, other) => one.place - other.place);
    const theirs = rows.filter((row) => row.state !== "waiting" && !row.is_mine);
    this.#group("mine", mine, openId);
    this.#group("waiting", waiting, openId);
    this.#group("colleagues", theirs, openId);
    at("queue-empty").hidden = mine.length + waiting.length > 0;
    for (const id of this.#items.keys()) if (!rows.some((row) => row.id === id)) this.#items.delete(id);
    this.#announce(waiting, mine, openId);
    const unread = mine.reduce((sum, row) => sum + row.unread, 0);
    return { waiting: waiting.length, unread };
  }

  focus(id) {
    const row = this.#items.get(id)?.firstElementChild;
    (row?.isConnected ? row : at("queue-title")).focus();
  }

  #group(name, rows, openId) {
    const group = at(name);
    group.hidden = !rows.length;
    group.querySelector(".count").textContent = rows.length;
    const items = rows.map((row) => this.#item(row, row.id === openId));
    const place = group.querySelector("ul");
    const focused = document.activeElement;
    items.forEach((item, index) => {
      if (place.children[index] !== item) place.insertBefore(item, place.children[index] ?? null);
    });
    while (place.children.length > items.length) place.lastElementChild.remove();
    if (focused !== document.activeElement && focused.isConnected) focused.focus();
  }

  #item(row, isOpen) {
    const item = this.#items.get(row.id) ?? this.#newItem(row.id);
    const look = JSON.stringify([row, word("queue")]);
    const made = item.firstElementChild;
    if (item.dataset.look !== look) made.replaceChildren(...contents(row));
    item.dataset.look = look;
    if (isOpen) made.setAttribute("aria-current", "true");
    else made.removeAttribute("aria-current");
    return item;
  }

  #newItem(id) {
    const item = make("li");
    const made = make("button", "row");
    made.type = "button";
    made.dataset.id = id;
    made.addEventListener("click", () => this.open(id));
    item.append(made);
    this.#items.set(id, item);
    return item;
  }

  #tick() {
    for (const time of document.querySelectorAll("[data-since]")) {
      const text = waited(time.dataset.since);
      if (time.textContent !== text) time.textContent = text;
    }
  }

  #announce(waiting, mine, openId) {
    const newcomers = waiting.filter((row) => this.#waiting && !this.#waiting.has(row.id));
    const others = mine.filter((row) => this.#waiting && row.id !== openId);
    const given = others.filter((row) => !this.#unread.has(row.id));
    const speakers = others.filter((row) => row.unread > (this.#unread.get(row.id) ?? Infinity));
    const news = [
      ...newcomers.map((row) => word("newInQueue", { who: customerName(row), topic: row.topic })),
      ...given.map((row) => word("newMine", { who: customerName(row) })),
      ...speakers.map((row) => word("newFrom", { who: customerName(row) })),
    ];
    this.#waiting = new Set(waiting.map((row) => row.id));
    this.#unread = new Map(mine.map((row) => [row.id, row.unread]));
    if (news.length) at("news").textContent = news.join(" ");
  }
}

function contents(row) {
  const top = make("span", "row-top");
  if (row.place) top.append(place(row.place));
  const name = foreign("span", row.customer ? "who" : "who unknown", customerName(row));
  top.append(name);
  if (row.is_verified) top.append(verifiedMark());
  top.append(make("span", "gap", " "));
  if (row.is_mine && row.unread) top.append(badge(row.unread));
  if (row.state === "waiting") top.append(waits(row.waits_since));
  if (row.state !== "waiting" && !row.is_mine) top.append(make("span", "agent-name", row.agent));
  const about = make("span", "row-about");
  about.append(languageMark(row), make("span", "", row.topic), moodMark(row));
  const made = [top, about];
  if (row.wish) made.push(foreign("span", "wish", row.wish.split("\n")[0]));
  if (row.callback_email) made.push(callback(row.callback_email));
  return made;
}

function place(number) {
  const made = make("span", "place");
  made.append(inSight(number), make("span", "unseen", word("placeNumber", { n: number })));
  return made;
}

function badge(count) {
  const made = make("span", "badge");
  made.append(inSight(count > 99 ? "99+" : count), make("span", "unseen", word("unread", { n: count })));
  return made;
}

function waits(since) {
  const made = make("span", "waits");
  const time = make("span", "", waited(since));
  time.dataset.since = since;
  made.append(make("span", "unseen", word("waitsFor")), time);
  return made;
}

function callback(address) {
  const made = make("span", "callback");
  made.append(icon("mail"), make("span", "unseen", word("callback")), make("span", "", address));
  return made;
}
