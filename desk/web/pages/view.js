// The small pieces that every part of the page is made of. What people say goes in as text, never as markup.

import { sentence } from "./api.js";
import { word } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const CHINESE = /[\u3400-\u9fff]/;

export const hasKeyboard = matchMedia("(hover: hover) and (pointer: fine)").matches;

export function at(id) {
  return document.getElementById(id);
}

export function make(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined && text !== null) made.textContent = text;
  return made;
}

export function button(className, text, act) {
  const made = make("button", className, text);
  made.type = "button";
  if (act) made.addEventListener("click", act);
  return made;
}

export function icon(name) {
  const made = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  made.setAttribute("aria-hidden", "true");
  made.append(use);
  return made;
}

// What somebody else wrote: its own direction and its own language.
export function foreign(name, className, text) {
  const made = make(name, className, text);
  made.dir = "auto";
  made.lang = CHINESE.test(text) ? "zh-CN" : "en";
  return made;
}

export function factList(facts) {
  const made = make("dl", "facts");
  made.append(...facts.map(fact));
  return made;
}

export function fact({ label, text }) {
  const made = make("div");
  const value = make("dd", "", text);
  value.dir = "auto";
  made.append(make("dt", "", label), value);
  return made;
}

export function list(name, className, texts) {
  const made = make(name, className);
  made.append(...texts.map((text) => foreign("li", "", text)));
  return made;
}

// A field with its label above; `control` is the input, select or textarea.
export function labelled(text, control) {
  const made = make("label", "field");
  made.append(make("span", "", text), control);
  return made;
}

export function input(name, isRequired = true) {
  const made = make("input");
  Object.assign(made, { name, required: isRequired, autocomplete: "off", type: "text" });
  return made;
}

export function errorLine(text) {
  const made = make("p", "error", text);
  made.setAttribute("role", "alert");
  return made;
}

// A form that is sent once at a time, and says under itself what went wrong.
export function onSubmit(form, act) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    once(form, form.querySelector(".error"), () => act(new FormData(form)));
  });
  return form;
}

// Does something once at a time; `place` shows that it is under way, `error` what went wrong.
export async function once(place, error, act) {
  if (place.ariaBusy === "true") return;
  place.ariaBusy = "true";
  error.textContent = "";
  try {
    await act();
  } catch (caught) {
    error.textContent = sentence(caught);
  } finally {
    place.ariaBusy = null;
  }
}

// What a conversation is busy with, and what went wrong with it.
export function showAttempt(place, error, conversation, name) {
  place.ariaBusy = conversation.isUnderWay(name) ? "true" : null;
  setText(error, conversation.trouble(name));
}

// What is there already stays as it is, and with it what the agent has selected.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setChildren(parent, children) {
  const old = [...parent.children];
  const next = children.map((child) => {
    const same = old.findIndex((one) => one.isEqualNode(child));
    return same < 0 ? child : old.splice(same, 1)[0];
  });
  for (const gone of old) gone.remove();
  next.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
}

// Only what looks different is touched, so that a screen reader hears what is new and nothing twice.
export function replaceChanged(parent, children) {
  children.forEach((child, index) => {
    const old = parent.children[index];
    if (!old) parent.append(child);
    else if (old.dataset.look !== child.dataset.look) old.replaceWith(child);
  });
  while (parent.children.length > children.length) parent.lastElementChild.remove();
}

export function looking(made, ...look) {
  made.dataset.look = look.join("|");
  return made;
}

export function customerName(row) {
  return row.customer ?? word("unknownCustomer");
}

export function moodMark(row) {
  const made = make("span", `mood ${row.mood}`);
  made.append(icon(row.mood), make("span", row.mood === "calm" ? "unseen" : "", row.mood_label));
  return made;
}

export function verifiedMark() {
  const made = make("span", "verified");
  made.title = word("verified");
  made.append(icon("verified"), make("span", "unseen", word("verified")));
  return made;
}

export function languageMark(row) {
  const made = make("span", "language-mark");
  made.append(inSight(row.language === "zh" ? "中" : "EN"), make("span", "unseen", word(`speaks_${row.language}`)));
  return made;
}

// For eyes only: words for screen readers stand beside it.
export function inSight(text) {
  const made = make("span", "", text);
  made.ariaHidden = "true";
  return made;
}
