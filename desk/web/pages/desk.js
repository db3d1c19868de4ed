// The agents' desk: holds the queue, the open conversation and the line to the server together.

import { chooseLanguage, get, onSignedOut, post, Refusal, sentence, SignedOut, signIn, who } from "./api.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversations.js";
import { prepareDialogs } from "./dialogs.js";
import { Orders } from "./orders.js";
import { Packet } from "./packet.js";
import { Queue } from "./queue.js";
import { SLOW, Stream } from "./stream.js";
import { narrow, Tabs } from "./tabs.js";
import { Transcript } from "./transcript.js";
import {
  at, customerName, languageMark, make, moodMark, onSubmit, setChildren, setText, verifiedMark,
} from "./view.js";
import { hasWords, language, speak, word } from "./words.js";

const LANGUAGE = "haoke-desk-language";
const HERE_EVERY = 30_000;

const conversations = new Map();
let me = null;
let rows = null; // not heard yet
let current = null;
let isSignedIn = false;
let hadWork = false; // whether the present sign-in goes on with what was open

const queue = new Queue((id) => (location.hash = `/${id}`));
const transcript = new Transcript(() => me);
const composer = new Composer({ me: () => me, taken, tooLate: refresh });
const packet = new Packet();
const tabs = new Tabs(shownTab);
const showLeaving = prepareDialogs(() => current, left, say);
const stream = new Stream({
  queue: heardQueue,
  message: (line, conversation) => conversation.hear(line),
  presence: heardPresence,
  changed: (_, conversation) => refresh(conversation),
  signedOut: signedOut,
  line: showLine,
});

// Coming and going

async function begin() {
  const remembered = localStorage.getItem(LANGUAGE);
  const isSlow = setTimeout(() => (at("connecting").hidden = false), SLOW);
  try {
    await untilReached(() => speak(remembered ?? (navigator.language.startsWith("zh") ? "zh" : "en")));
    setText(at("connecting"), word("connecting"));
    const someone = await untilReached(who);
    await untilReached(() => speak(someone.language));
    await enter(someone);
  } catch (error) {
    if (!(error instanceof SignedOut)) throw error;
  } finally {
    clearTimeout(isSlow);
    at("connecting").hidden = true;
  }
}

async function untilReached(act) {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (error instanceof SignedOut) throw error;
      if (hasWords) setText(at("connecting"), word("notReached"));
      at("connecting").hidden = false;
      await new Promise((resolve) => setTimeout(resolve, 2_000));
    }
  }
}

async function enter(someone) {
  if (me && me.name !== someone.name) forget();
  me = someone;
  isSignedIn = hadWork = true;
  await speakAs(me.language);
  at("sign-in-page").hidden = true;
  at("desk").hidden = false;
  at("me").textContent = me.name;
  for (const made of document.querySelectorAll("[data-lead]")) made.hidden = me.role !== "lead";
  at("queue-title").focus();
  sayHere();
  sendAgain();
  go(true);
}

function signedOut() {
  if (!isSignedIn && !at("sign-in-page").hidden) return;
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  const wasSignedIn = isSignedIn;
  isSignedIn = false;
  stream.stop();
  document.title = word("title");
  at("desk").hidden = true;
  at("sign-in-page").hidden = false;
  at("expired").hidden = !wasSignedIn || !hadWork;
  at("password").value = "";
  at("name").value = me?.name ?? at("name").value;
  (at("name").value ? at("password") : at("name")).focus();
}

function forget() {
  conversations.clear();
  queue.show([]);
  current = null;
  rows = null;
  me = null;
  hadWork = false;
  history.replaceState(null, "", "/desk");
}

onSubmit(at("sign-in"), async (form) => {
  await enter(await signIn(form.get("name").trim(), form.get("password"), language));
  at("sign-in").reset();
});

at("sign-out").addEventListener("click", async () => {
  try {
    await post("sign-out");
  } catch (error) {
    return say(sentence(error));
  }
  hadWork = false;
  signedOut();
  forget();
  at("name").value = "";
  at("name").focus();
});

function sayHere() {
  if (isSignedIn) post("here").catch(() => {});
}

// Language

async function speakAs(chosen) {
  await speak(chosen);
  localStorage.setItem(LANGUAGE, chosen);
  for (const made of document.querySelectorAll(".language")) made.lang = chosen === "zh" ? "en" : "zh-CN";
  showQueue();
  if (current?.packet) show(current);
}

async function switchLanguage() {
  const other = language === "zh" ? "en" : "zh";
  if (!isSignedIn) return speakAs(other);
  me = await chooseLanguage(other);
  for (const conversation of conversations.values()) conversation.orders = null;
  await speakAs(me.language);
  if (current) await refresh(current);
  stream.follow(current);
}

for (const switcher of document.querySelectorAll(".language")) {
  switcher.addEventListener("click", () => switchLanguage().catch((error) => say(sentence(error))));
}

// What is heard

function heardQueue(data) {
  rows = data.rows;
  for (const [id, conversation] of conversations) {
    const isThere = rows.some((row) => row.id === id);
    if (!isThere && conversation !== current && !conversation.mustBeKept) conversations.delete(id);
  }
  showQueue();
  const row = rows.find((one) => one.id === current?.id);
  const known = current?.packet;
  if (row && known && (row.agent !== known.agent || row.state !== known.state)) refresh(current);
}

function heardPresence(data, conversation) {
  conversation.customerIsTyping = data.customer_is_typing;
  conversation.customerHasRead = Math.max(conversation.customerHasRead, data.customer_has_read);
  changed(conversation);
}

function showLine(state) {
  const shown = navigator.onLine ? state : "offline";
  at("line").hidden = shown === "up";
  at("line").dataset.state = shown;
  setText(at("line"), shown === "up" ? "" : word(shown));
  if (shown !== "up") return;
  sendAgain();
  if (current && !current.packet) load(current);
}

function sendAgain() {
  for (const conversation of conversations.values()) conversation.sendAgain();
}

function showQueue() {
  if (!rows) return;
  const { waiting, unread } = queue.show(rows, current?.id);
  const count = waiting + unread;
  document.title = isSignedIn && count ? `(${count}) ${word("title")}` : word("title");
  at("back-count").hidden = !count;
  at("back-count").textContent = count;
}

function say(text) {
  at("notice").textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => (at("notice").textContent = ""), 6_000);
}

// The open conversation

function go(isFirst = false) {
  if (!isSignedIn) return;
  const id = Number(location.hash.match(/^#\/(\d+)$/)?.[1]);
  const before = current;
  if (!id) return goToQueue(before, isFirst);
  if (!conversations.has(id)) conversations.set(id, new Conversation(id, changed));
  current = conversations.get(id);
  document.body.dataset.area = "work";
  at("skip").hidden = false;
  if (current !== before) tabs.choose(narrow.matches ? "conversation" : tabs.chosen);
  at("work-empty").hidden = true;
  at("work").hidden = !current.packet;
  showQueue();
  if (current.packet) show(current);
  if (isFirst) stream.follow(null);
  return load(current);
}

function goToQueue(before, isFirst) {
  current = null;
  document.body.dataset.area = "queue";
  at("skip").hidden = narrow.matches;
  at("work").hidden = true;
  at("work-empty").hidden = false;
  at("work-error").textContent = "";
  showQueue();
  if (before || isFirst) stream.follow(null);
  if (before) queue.focus(before.id);
}

async function load(conversation) {
  at("work-error").textContent = "";
  try {
    conversation.takeIn(await get(`handovers/${conversation.id}`));
  } catch (error) {
    if (conversation !== current) return;
    if (conversation.packet && error instanceof Refusal) return conversation.lose(error.message);
    at("work-error").textContent = sentence(error);
    at("work-again").hidden = error instanceof Refusal;
    at("work-empty").hidden = true;
    if (conversation.packet) stream.follow(conversation);
    return;
  }
  if (conversation !== current) return;
  at("work").hidden = false;
  show(conversation);
  const focused = document.activeElement;
  if (!focused || focused === document.body || at("queue").contains(focused)) composer.focus();
  stream.follow(conversation);
}

// Fetches the packet anew; of several answers on their way only the last one counts.
async function refresh(conversation) {
  const mine = (conversation.refreshing = Symbol("refresh"));
  try {
    const packet = await get(`handovers/${conversation.id}`);
    if (conversation.refreshing !== mine) return;
    const wasLost = Boolean(conversation.packet?.lost);
    conversation.takeIn(packet);
    if (wasLost && conversation === current) stream.follow(conversation);
  } catch (error) {
    if (error instanceof Refusal && conversation.refreshing === mine) conversation.lose(error.message);
  }
}

function changed(conversation) {
  showLeaving(conversation);
  if (conversation === current) return conversation.packet && show(conversation);
  if (conversation.unsent[0]?.state === "failed") say(word("unsentElsewhere", { who: customerName(conversation.packet) }));
}

function show(conversation) {
  showHead(conversation.packet);
  transcript.show(conversation);
  composer.show(conversation);
  packet.show(conversation);
  shownTab(tabs.chosen);
  if (conversation.orders && conversation.orders.wasMine !== conversation.isMine) {
    conversation.orders.wasMine = conversation.isMine;
    conversation.orders.refresh();
  }
  tellRead();
}

function showHead(shown) {
  setText(at("who"), customerName(shown));
  const about = [languageMark(shown), make("span", "", shown.topic), moodMark(shown)];
  if (shown.is_verified) about.unshift(verifiedMark());
  setChildren(at("about"), about);
  at("order-number").hidden = !shown.order_number;
  setText(at("order-number"), shown.order_number ?? "");
  at("leaving").hidden = !shown.may.write;
}

function shownTab(name) {
  if (!current?.packet) return;
  if (name === "orders") {
    current.orders ??= Object.assign(new Orders(current, tell), { wasMine: current.isMine });
    if (at("orders").firstElementChild !== current.orders.element) at("orders").replaceChildren(current.orders.element);
  }
  if (name === "conversation") transcript.show(current);
  tellRead();
}

function tell(text) {
  if (narrow.matches) tabs.choose("conversation");
  composer.propose(text);
}

function taken(conversation, given) {
  conversation.takeIn(given);
  if (conversation === current) composer.focus();
}

function left(conversation, notice) {
  conversations.delete(conversation.id);
  say(notice);
  if (conversation !== current) return;
  rows = rows?.filter((row) => row.id !== conversation.id);
  location.hash = "";
}

function tellRead() {
  const isSeen = current?.isMine && !document.hidden && !at("conversation").hidden && isSignedIn;
  const number = isSeen ? current.lastOfCustomer : 0;
  if (!isSeen || number <= current.toldRead) return;
  const conversation = current;
  const before = conversation.toldRead;
  conversation.toldRead = number;
  post(`handovers/${conversation.id}/read`, { number }).catch(() => (conversation.toldRead = before));
}

// What the agent does

onSignedOut(signedOut);
addEventListener("hashchange", () => go());
for (const id of ["back", "work-back"]) at(id).addEventListener("click", () => (location.hash = ""));
at("work-again").addEventListener("click", () => current && load(current));
at("order-number").addEventListener("click", () => {
  tabs.choose("orders");
  current.orders.showOrder(current.packet.order_number, true);
});
at("skip").addEventListener("click", (event) => {
  event.preventDefault();
  if (current?.packet) composer.focus();
  else at("work-empty").focus();
});
narrow.addEventListener("change", () => (at("skip").hidden = narrow.matches && !current));
setInterval(sayHere, HERE_EVERY);
addEventListener("online", sayHere);
addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  sayHere();
  tellRead();
});
addEventListener("beforeunload", (event) => {
  if ([...conversations.values()].some((conversation) => conversation.unsent.length)) event.preventDefault();
});

begin();
