// The orders tab of one conversation: find an order, prove that it is the customer's, look at it, act on it.

import { Act } from "./acts.js";
import { get, post, sentence } from "./api.js";
import { button, errorLine, factList, icon, input, labelled, list, make, onSubmit } from "./view.js";
import { word } from "./words.js";

export class Orders {
  #number = null;
  #acting = null;

  // `tell(sentence)` offers the agent what may be said to the customer.
  constructor(conversation, tell) {
    Object.assign(this, { conversation, tell });
    this.element = make("div", "orders");
    this.showList();
  }

  get path() {
    return `handovers/${this.conversation.id}`;
  }

  // What may be done has changed; an act under way is left alone.
  refresh() {
    if (!this.#acting) return this.#number ? this.showOrder(this.#number) : this.showList();
  }

  showList(focus = false) {
    this.#number = null;
    return this.#load(`${this.path}/orders`, (found) => this.#showFound(found), () => this.showList(), focus);
  }

  showOrder(number, focus = false) {
    this.#number = number;
    const path = `${this.path}/orders/${encodeURIComponent(number)}`;
    return this.#load(path, (order) => this.#show(order), () => this.showOrder(number), focus);
  }

  async #load(path, show, again, focus) {
    this.#acting = null;
    const isLatest = this.#newest();
    this.element.ariaBusy = "true";
    try {
      const found = await get(path);
      if (isLatest()) show(found);
    } catch (error) {
      const retry = button("small", word("retry"), again);
      if (isLatest()) this.element.replaceChildren(this.#back(), errorLine(sentence(error)), retry);
    }
    if (!isLatest()) return;
    this.element.ariaBusy = null;
    if (focus) this.element.querySelector("h3")?.focus();
  }

  #newest() {
    const mine = (this.newest = Symbol("load"));
    return () => this.newest === mine;
  }

  #showFound({ orders, hint }) {
    const made = [heading("h3", word("orders"))];
    if (hint) made.push(make("p", "hint", hint));
    if (orders.length) made.push(this.#list(orders));
    made.push(this.#lookUp());
    if (this.conversation.isMine && !orders.some((order) => order.is_proven)) made.push(this.#prove());
    this.element.replaceChildren(...made);
  }

  #list(orders) {
    const made = make("ul", "order-list");
    for (const order of orders) {
      const item = make("li");
      const opener = button("order", null, () => this.showOrder(order.number, true));
      const top = make("span", "row-top");
      top.append(make("strong", "", order.number), make("span", "gap", " "), make("span", "pill", order.state));
      const items = Array.isArray(order.items) ? order.items.join("，") : order.items;
      const foot = make("span", "order-foot");
      foot.append(make("span", "", order.placed), " ", make("span", "", order.total));
      opener.append(top, make("span", "order-items", items), foot);
      if (!order.is_proven) opener.append(make("span", "unproven", word("notProven")));
      item.append(opener);
      made.append(item);
    }
    return made;
  }

  #lookUp() {
    const made = make("form", "lines");
    made.id = "look-up";
    const number = input("number");
    number.placeholder = "W1234567";
    const row = make("div", "with-button");
    row.append(labelled(word("orderNumber"), number), submit(word("lookUp")));
    made.append(heading("h4", word("lookUpAny")), row, errorLine());
    return onSubmit(made, async (form) => {
      this.#showNew(await post(`${this.path}/look-up`, { number: form.get("number").trim() }));
    });
  }

  #prove(number) {
    const made = make("form", "lines");
    made.id = "prove";
    made.append(heading("h4", word("prove")), make("p", "hint", word("proveHint")));
    if (!number) made.append(labelled(word("orderNumber"), input("number")));
    made.append(labelled(word("proof"), input("proof")), errorLine(), submit(word("proveNow")));
    return onSubmit(made, async (form) => {
      const given = { number: number ?? form.get("number").trim(), proof: form.get("proof").trim() };
      this.#showNew(await post(`${this.path}/prove`, given));
    });
  }

  #showNew(order) {
    this.#newest();
    this.#show(order);
    this.element.querySelector("h3").focus();
  }

  #show(order) {
    this.#number = order.number;
    const title = heading("h3", order.number);
    title.append(" ", make("span", "pill", order.state));
    const made = [this.#back(), title];
    if (order.warning) made.push(make("p", "warning", order.warning));
    if (!order.is_proven && this.conversation.isMine) made.push(this.#prove(order.number));
    made.push(factList(order.facts));
    if (order.acts.length) made.push(this.#acts(order));
    else if (!order.warning && !this.conversation.isMine) made.push(make("p", "hint", word("takeToAct")));
    made.push(...part("items", order.items, () => list("ul", "plain-list", order.items)));
    made.push(...part("way", order.way, () => way(order.way)));
    made.push(...part("returns", order.returns, () => factList(order.returns)));
    made.push(...part("tickets", order.tickets, () => factList(order.tickets)));
    this.element.replaceChildren(...made);
  }

  #acts(order) {
    const made = make("section", "acts");
    const title = heading("h4", word("acts"));
    const buttons = make("div", "act-buttons");
    for (const act of order.acts) {
      const opener = button("small", act.label, () => this.#begin(order, act, made));
      opener.dataset.act = act.name;
      buttons.append(opener);
    }
    made.append(title, buttons);
    return made;
  }

  #begin(order, act, place) {
    this.#acting = new Act({
      act,
      place,
      path: `${this.path}/orders/${encodeURIComponent(order.number)}/${act.name}`,
      tell: this.tell,
      leave: () => this.showOrder(order.number, true),
    });
  }

  #back() {
    const made = button("back-to-orders", null, () => this.showList(true));
    made.append(icon("back"), make("span", "", word("allOrders")));
    return made;
  }
}

function heading(level, text) {
  const made = make(level, "", text);
  made.tabIndex = -1;
  return made;
}

function submit(text) {
  const made = make("button", "small", text);
  made.type = "submit";
  return made;
}

function part(key, entries, shown) {
  return entries?.length ? [make("h4", "", word(key)), shown()] : [];
}

function way(stations) {
  const made = make("ol", "way");
  for (const { at, text } of stations) {
    const item = make("li");
    item.append(make("span", "way-at", at), make("span", "", text));
    made.append(item);
  }
  return made;
}
