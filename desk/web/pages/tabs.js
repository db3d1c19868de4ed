// Customer and orders beside the conversation; on a narrow screen the conversation is a tab among them.

import { at } from "./view.js";

const NAMES = ["conversation", "customer", "orders"];

export const narrow = matchMedia("(max-width: 60rem)");

export class Tabs {
  chosen = "conversation";

  constructor(shown) {
    this.shown = shown;
    for (const name of NAMES) at(`tab-${name}`).addEventListener("click", () => this.choose(name));
    at("tabs").addEventListener("keydown", (event) => this.#key(event));
    narrow.addEventListener("change", () => this.choose(this.chosen));
    this.choose(this.chosen);
  }

  choose(name) {
    this.chosen = name;
    const open = name === "conversation" && !narrow.matches ? "customer" : name;
    const conversation = at("conversation");
    if (narrow.matches) conversation.setAttribute("role", "tabpanel");
    else conversation.removeAttribute("role");
    conversation.setAttribute("aria-labelledby", narrow.matches ? "tab-conversation" : "who");
    at("tab-conversation").hidden = !narrow.matches;
    for (const one of NAMES) {
      const tab = at(`tab-${one}`);
      tab.ariaSelected = String(one === open);
      tab.tabIndex = one === open ? 0 : -1;
      at(one).hidden = one !== open && (one !== "conversation" || narrow.matches);
    }
    this.shown(open);
  }

  #key(event) {
    const names = NAMES.filter((name) => !at(`tab-${name}`).hidden);
    const here = names.findIndex((name) => at(`tab-${name}`).ariaSelected === "true");
    const next = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: names.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const name = names[(next + names.length) % names.length];
    this.choose(name);
    at(`tab-${name}`).focus();
  }
}
