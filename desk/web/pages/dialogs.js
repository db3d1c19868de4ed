// What is asked before a conversation leaves the agent, and what leads look after: saved replies and the day's figures.

import { get, Keys, post, Refusal, sentence } from "./api.js";
import { at, button, customerName, factList, foreign, make, once, onSubmit, showAttempt } from "./view.js";
import { word } from "./words.js";

// `left(conversation, notice)` is told when a conversation has left the agent's hands, `say(notice)` what nobody else
// shows. What comes back shows in its dialog how it stands with a conversation.
export function prepareDialogs(current, left, say) {
  for (const closer of document.querySelectorAll("dialog [data-closes]")) {
    closer.addEventListener("click", () => closer.closest("dialog").close());
  }
  const shows = [];
  leaving("pass", "passed", prepareColleagues, (form) => ({ to: form.get("to"), note: form.get("note").trim() }));
  leaving("hand-back", "handedBack", () => {}, (form) => ({ note: form.get("note").trim() }));
  leaving("close", "closed", prepareReasons, (form) => ({ reason: form.get("reason"), note: form.get("note").trim() }));
  prepareReplies();
  at("today").addEventListener("click", () => showToday());
  return (changed) => shows.forEach((show) => show(changed));

  function leaving(name, notice, prepare, body) {
    const dialog = at(`${name}-dialog`);
    const form = dialog.querySelector("form");
    let conversation;
    at(name).addEventListener("click", () => {
      conversation = current();
      form.reset();
      dialog.showModal();
      conversation.once(name, prepare);
      show(conversation);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const leaving = conversation;
      const filled = new FormData(form);
      leaving.once(name, async () => {
        if (leaving.unsent.length) throw new Refusal(word("unsentFirst"));
        await post(`handovers/${leaving.id}/${name}`, body(filled)).catch((error) => {
          if (!dialog.open || leaving !== conversation) say(`${customerName(leaving.packet)} · ${sentence(error)}`);
          throw error;
        });
        if (leaving === conversation) dialog.close();
        left(leaving, word(notice));
      });
    });
    shows.push(show);

    function show(changed) {
      if (changed === conversation) showAttempt(dialog, dialog.querySelector(".error"), conversation, name);
    }
  }
}

function open(dialog, prepare) {
  const error = dialog.querySelector(".error");
  dialog.showModal();
  return once(dialog, error, prepare);
}

async function prepareColleagues() {
  const place = at("colleagues-to-choose");
  const colleagues = await get("colleagues");
  colleagues.sort((one, other) => other.is_here - one.is_here);
  at("pass-nobody").hidden = colleagues.length > 0;
  at("pass-dialog").querySelector("[type=submit]").disabled = !colleagues.length;
  place.hidden = !colleagues.length;
  place.replaceChildren(make("legend", "", word("whom")), ...colleagues.map(colleague));
  place.querySelector("input")?.focus();
}

function colleague({ name, is_here: isHere }, index) {
  const radio = make("input");
  Object.assign(radio, { type: "radio", name: "to", value: name, required: true, checked: index === 0 && isHere });
  const made = make("label", "box");
  const state = make("span", isHere ? "here" : "away", word(isHere ? "isHere" : "isAway"));
  made.append(radio, make("span", "box-text", name), state);
  return made;
}

async function prepareReasons() {
  const reasons = await get("reasons");
  const options = reasons.map(({ code, label }) => new Option(label, code));
  at("reason").replaceChildren(new Option(word("choose"), ""), ...options);
}

async function showToday() {
  const place = at("today-figures");
  place.replaceChildren();
  await open(at("today-dialog"), async () => place.replaceChildren(factList((await get("today")).facts)));
}

// Saved replies, for leads.
function prepareReplies() {
  const dialog = at("replies-dialog");
  const form = at("reply-form");
  let changed = null; // the reply that is being changed; null adds one

  at("manage-replies").addEventListener("click", () => {
    edit(null);
    open(dialog, async () => show(await get("replies")));
  });
  at("reply-new").addEventListener("click", () => edit(null, true));
  const keys = new Keys();
  onSubmit(form, async (filled) => {
    const reply = { ...(changed && { id: changed.id }), ...Object.fromEntries(filled) };
    show(await post("replies", { ...reply, key: keys.of(reply) }));
    keys.done();
    edit(null, true);
  });

  function edit(reply, focus = false) {
    changed = reply;
    for (const name of ["title", "text_zh", "text_en"]) form.elements[name].value = reply?.[name] ?? "";
    form.querySelector(".error").textContent = "";
    at("reply-form-title").textContent = word(reply ? "replyChange" : "replyAdd");
    at("reply-new").hidden = !reply;
    if (focus) form.elements.title.focus();
  }

  function show(replies) {
    at("managed-none").hidden = replies.length > 0;
    at("managed").replaceChildren(...replies.map(managed));
  }

  function managed(reply) {
    const made = make("li", "managed");
    const text = make("div", "managed-text");
    const texts = [reply.text_zh, reply.text_en].map((one) => foreign("span", "", one));
    text.append(foreign("strong", "", reply.title), ...texts);
    const change = button("small", word("changeIt"), () => edit(reply, true));
    const remove = button("small", word("remove"), () => removed(reply, remove));
    change.ariaLabel = `${word("changeIt")}: ${reply.title}`;
    remove.ariaLabel = `${word("remove")}: ${reply.title}`;
    made.append(text, change, remove);
    return made;
  }

  // Asks once more on the button itself.
  function removed(reply, remove) {
    if (!remove.classList.contains("sure")) {
      remove.classList.add("sure");
      remove.textContent = word("removeSure");
      remove.ariaLabel = `${word("removeSure")} ${reply.title}`;
      return;
    }
    once(dialog, form.querySelector(".error"), async () => {
      show(await post(`replies/${reply.id}/remove`));
      edit(null, true);
    });
  }
}
