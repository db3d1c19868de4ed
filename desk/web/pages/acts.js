// One act on an order: filled in, shown beforehand as it would be, carried out once, and then told.

import { post, randomKey, Refusal, Unreachable } from "./api.js";
import { button, errorLine, factList, foreign, labelled, make, once, onSubmit } from "./view.js";
import { word } from "./words.js";

export class Act {
  #fields;

  // `path` of the act on the wire; `place` where it shows; `tell(sentence)`; `leave()` back to the order.
  constructor({ act, path, place, tell, leave }) {
    Object.assign(this, { act, path, place, tell, leave });
    this.#fields = new Fields(act.fields);
    this.form = this.#form();
    this.#fill();
  }

  #fill() {
    this.#show(this.form, this.form.querySelector("input, select, textarea"));
  }

  #form() {
    const made = make("form", "lines");
    made.id = "act-form";
    const preview = make("button", "strong", word("preview"));
    Object.assign(preview, { type: "submit", id: "preview" });
    const foot = make("div", "act-buttons");
    foot.append(preview, button("small", word("cancel"), this.leave));
    made.append(title(this.act.label), ...this.#fields.elements, errorLine(), foot);
    return onSubmit(made, async () => {
      const fields = this.#fields.values();
      const { facts, quote } = await post(`${this.path}/preview`, { fields });
      this.#showPreview(facts, { fields, quote, key: randomKey() });
    });
  }

  // The key belongs to what is shown: however often it is confirmed, it is carried out once.
  #showPreview(facts, confirmed) {
    const made = make("div", "lines");
    made.id = "act-preview";
    const error = errorLine();
    const change = button("small", word("change"), () => this.#fill());
    const confirm = button("strong", word("confirm"), () =>
      once(made, error, async () => {
        try {
          this.#showDone(await post(this.path, confirmed));
        } catch (caught) {
          change.hidden = caught instanceof Unreachable; // it may have been done: only the same again is safe
          throw caught instanceof Unreachable ? new Refusal(word("maybeDone")) : caught;
        }
      }),
    );
    confirm.id = "confirm";
    const foot = make("div", "act-buttons");
    foot.append(confirm, change);
    const heading = title(word("previewOf", { act: this.act.label }));
    made.append(heading, factList(facts), error, foot);
    this.#show(made, heading);
  }

  #showDone({ facts, say }) {
    const made = make("div", "lines");
    made.id = "act-done";
    const heading = title(word("done"));
    const foot = make("div", "act-buttons");
    made.append(heading, factList(facts));
    if (say) {
      const teller = button("strong", word("tell"), () => this.tell(say));
      teller.id = "tell";
      foot.append(teller);
      made.append(foreign("blockquote", "", say));
    }
    foot.append(button("small", word("backToOrder"), this.leave));
    made.append(foot);
    this.#show(made, heading);
  }

  #show(element, focus) {
    this.place.replaceChildren(element);
    (focus ?? element.querySelector("h4")).focus();
    element.scrollIntoView({ block: "nearest" });
  }
}

function title(text) {
  const made = make("h4", "", text);
  made.tabIndex = -1;
  return made;
}

// The fields of an act; a choice that belongs to an earlier one is offered only after that.
class Fields {
  constructor(fields) {
    this.fields = fields.map((field) => ({ ...field, element: element(field) }));
    for (const { element } of this.fields) element.addEventListener("change", () => this.#offer());
    this.#offer();
  }

  get elements() {
    return this.fields.map(({ element }) => element);
  }

  values() {
    const shown = this.fields.filter(({ element }) => !element.hidden);
    const missing = shown.find((field) => field.is_required && !valueOf(field).length);
    if (missing) throw new Refusal(word("fillIn", { label: missing.label }));
    return Object.fromEntries(shown.map((field) => [field.name, valueOf(field)]));
  }

  #offer() {
    const earlier = new Set();
    for (const field of this.fields) {
      if (field.choices) offer(field, field.choices.filter(({ parent }) => parent == null || earlier.has(parent)));
      for (const value of [valueOf(field)].flat()) earlier.add(value);
    }
  }
}

function element(field) {
  if (field.kind === "choices") {
    const made = make("fieldset", "field");
    made.append(make("legend", "", fieldLabel(field)));
    return made;
  }
  const control = make({ choice: "select", long: "textarea" }[field.kind] ?? "input");
  Object.assign(control, { name: field.name, required: field.is_required });
  if (field.kind !== "choice") control.autocomplete = "off";
  return labelled(fieldLabel(field), control);
}

function fieldLabel(field) {
  return field.is_required ? field.label : word("optional", { label: field.label });
}

function valueOf({ kind, element }) {
  if (kind !== "choices") return element.hidden ? "" : element.querySelector("input, select, textarea").value.trim();
  return [...element.querySelectorAll("input:checked")].map((one) => one.value);
}

function offer(field, choices) {
  const look = JSON.stringify(choices);
  if (field.look === look) return;
  field.look = look;
  const kept = new Set([valueOf(field)].flat());
  field.element.hidden = !choices.length;
  if (field.kind === "choices") offerBoxes(field, choices, kept);
  else offerOptions(field, choices, kept);
}

// Chosen for the agent: nothing else can be.
function isOnly(field, choices) {
  const isFinal = field.choices.length === 1 || choices[0]?.parent != null;
  return field.is_required && choices.length === 1 && isFinal;
}

function offerOptions(field, choices, kept) {
  const select = field.element.querySelector("select");
  const nothing = new Option(word("choose"), "");
  select.required = field.is_required && choices.length > 0;
  const options = choices.map(({ value, label }) => new Option(label, value, false, kept.has(value)));
  select.replaceChildren(nothing, ...options);
  if (isOnly(field, choices)) select.value = choices[0].value;
}

function offerBoxes(field, choices, kept) {
  const { element, name } = field;
  for (const old of element.querySelectorAll("label")) old.remove();
  for (const { value, label } of choices) {
    const box = make("input");
    Object.assign(box, { type: "checkbox", name, value, checked: isOnly(field, choices) || kept.has(value) });
    const made = make("label", "box");
    made.append(box, make("span", "", label));
    element.append(made);
  }
}
