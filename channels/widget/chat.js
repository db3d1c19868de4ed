// The chat: what was said comes from the server, what is still to be sent is kept here until it is there.

import { Connection } from "./connection.js";
import { button, make, View } from "./view.js";
import { WORDS } from "./words.js";

const STORED = "haoke.chat"; // {conversation, token, isVouchedFor, language, read, unsent: [{key, text, payload, at}]}
const TYPING_EVERY = 3_000;
const GIVE_UP_AFTER = 3; // attempts that somebody answered; without a network or a bot it waits as long as it takes
const LARGEST_PICTURE = 8 * 1024 * 1024;
const PICTURES = ["image/jpeg", "image/png", "image/webp"];

const element = (id) => document.getElementById(id);
const page = Object.fromEntries(
  ["scroller", "welcome", "questions", "log", "typing", "composer", "text", "send", "file", "attach", "language", "restart", "close", "sure", "state", "shop", "latest"].map(
    (id) => [id, element(id)],
  ),
);
const hasKeyboard = matchMedia("(hover: hover)").matches; // elsewhere a focused field brings up the one on the screen
const isEmbedded = parent !== window;
const address = new URLSearchParams(location.search);

let kept = recall();
let language = kept.language ?? (pageLanguage().startsWith("zh") ? "zh" : "en");
let words = WORDS[language];
let said = new Map(); // by number
let unrecorded = []; // what the server said of itself, without a place in the conversation
let unsent = []; // {key, text, payload, at, state, trouble}
let recalled = kept.unsent ?? []; // of an earlier visit: whose it was shows when the conversation opens
const ours = new Set(); // keys of what this tab has had to send; the others are other tabs' to keep
let vouchedBy; // the word of the shop's site for who sits here
let seen = 0; // of ours, by the shop
let isUp = false;
let isReady = true;
let isWatched = false; // whether somebody waits for the bot to be ready
let asked = 0; // messages that are being answered
let staffIsTyping = false;
let isOpen = !isEmbedded;
let sending = Promise.resolve(); // one message after the other
let opening = sending; // what has no place in that order waits for the conversation alone
let lastTyped = 0;
let shopName = address.get("shop");

let generation = 0; // counts the conversations of this page: what comes for one that was left is dropped
let connection = new Connection(kept.token);
const view = new View(page.log, { write, retry, picture: photo });

const photos = new Map(); // by name: fetched once, however often they are drawn

function photo(name) {
  if (!photos.has(name)) {
    const fetched = connection.picture(`photos/${encodeURIComponent(name)}`);
    photos.set(name, fetched);
    fetched.catch(() => photos.delete(name)); // so that it is asked for again
  }
  return photos.get(name);
}

function forgetPhotos() {
  for (const fetched of photos.values()) fetched.then((source) => source && URL.revokeObjectURL(source), () => {});
  photos.clear();
}

function pageLanguage() {
  return (address.get("lang") || navigator.language || "zh").toLowerCase();
}

function recall() {
  try {
    return JSON.parse(localStorage.getItem(STORED)) ?? {};
  } catch {
    return {};
  }
}

// Other tabs write there, too. What they have is kept, and the conversation that was begun last is everybody's.
function remember(changes = {}, isAlone = false) {
  const stored = recall();
  if (isAnother(stored)) return follow(stored);
  const before = stored.conversation ? stored : kept;
  const read = Math.max(before.read ?? 0, kept.read ?? 0);
  const mine = [...recalled, ...unsent].map(({ key, text, payload, at }) => ({ key, text, payload, at }));
  for (const { key } of mine) ours.add(key);
  const theirs = isAlone ? [] : (stored.unsent ?? []).filter(({ key }) => !ours.has(key) && !isAnswered(key));
  kept = { ...before, language: before.language ?? language, read, ...changes, unsent: [...theirs, ...mine] };
  connection.token = kept.token;
  try {
    localStorage.setItem(STORED, JSON.stringify(kept));
  } catch {
    // a browser that stores nothing still chats, until the page is left
  }
}

function isAnother({ conversation }) {
  return Boolean(conversation) && conversation !== kept.conversation;
}

function randomKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // only secure pages have randomUUID; a shop tried out over plain http in its own network has not
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// The conversation

function start(identity, fresh) {
  const mine = generation;
  vouchedBy = identity ?? vouchedBy;
  // what is written meanwhile waits
  sending = opening = sending.then(() => mine === generation && open(vouchedBy, fresh));
}

// Leaves the conversation, whatever is still under way in it, for a new one.
function startAfresh() {
  unsent = recalled = [];
  leave();
  remember({}, true);
  start(undefined, true);
}

// Another tab has begun a conversation: this one goes on there, too, with what is still to be sent.
function follow(stored) {
  const left = new Set(stored.unsent?.map(({ key }) => key));
  const isStillToSend = ({ key }) => left.has(key) || !ours.has(key);
  unsent = unsent.filter(isStillToSend);
  recalled = recalled.filter(isStillToSend);
  kept = stored;
  vouchedBy = undefined;
  leave();
  start(undefined, false);
}

function leave() {
  connection.stop();
  generation += 1;
  connection = new Connection(kept.token);
  sending = Promise.resolve();
  asked = 0;
  staffIsTyping = false;
  empty();
}

async function open(identity, isFresh) {
  const mine = generation;
  const fresh = isFresh ?? Boolean(kept.isVouchedFor && !identity && isEmbedded); // somebody else may sit here now
  let waited = 0;
  for (;;) {
    try {
      const opened = await connection.open(identity, fresh);
      if (mine !== generation) return;
      const isSomebodyElse = opened.is_new && kept.isVouchedFor; // what another left unsent is not said in their name
      unsent = [...(isSomebodyElse ? [] : recalled), ...unsent];
      recalled = [];
      const { conversation, token } = opened;
      const isVouchedFor = Boolean(identity) || (kept.isVouchedFor && !opened.is_new);
      if (opened.is_new) empty();
      remember({ conversation, token, isVouchedFor, ...(opened.is_new && { read: 0 }) }, isSomebodyElse);
      if (mine !== generation) return;
      break;
    } catch {
      if (mine !== generation) return;
      isUp = false;
      showState();
      watchReadiness();
      await backOff(waited++);
      if (mine !== generation) return;
    }
  }
  connection.listen(0, { message: heard, presence: noticed, line, closed: () => start(identity) });
  for (const entry of unsent) send(entry);
  show();
  watchReadiness();
}

// A conversation in which nothing was said; what waits to be sent goes there.
function empty() {
  forgetPhotos();
  unsent = unsent.filter((entry) => entry.state !== "sent");
  said = new Map();
  unrecorded = [];
  seen = 0;
  page.log.replaceChildren();
  show();
}

function heard(message) {
  const isNew = !said.has(message.number);
  const at = Date.parse(message.at);
  said.set(message.number, { ...message, who: message.sender, name: message.agent, at });
  unsent = unsent.filter((entry) => entry.state !== "sent" || entry.key !== message.key);
  if (message.sender !== "customer") {
    seen = Math.max(seen, message.number);
    staffIsTyping = false;
  }
  remember();
  show({ arrived: isNew ? 1 : 0 });
  tellSeen();
}

function noticed(presence) {
  seen = Math.max(seen, presence.staff_has_read);
  staffIsTyping = presence.staff_is_typing;
  show();
}

function line(up) {
  if (!up) watchReadiness();
  if (isUp === up) return;
  isUp = up;
  showState();
  if (!up) return;
  show(); // and with it the photos that did not come
  sendWaiting();
}

function sendWaiting() {
  for (const entry of unsent.filter((one) => one.state === "waiting")) send(entry);
}

function tellSeen() {
  const last = lastNumber();
  const lastTheirs = [...said.values()].findLast((message) => message.who !== "customer")?.number ?? 0;
  if (isOpen && document.visibilityState === "visible") {
    if (lastTheirs > (kept.read ?? 0)) connection.read(last);
    kept.read = Math.max(kept.read ?? 0, last);
    remember();
  }
  tellUnread();
}

function tellUnread() {
  const unread = [...said.values()].filter((one) => one.who !== "customer" && one.number > (kept.read ?? 0)).length;
  tellPage({ unread, label: unread ? words.newMessages(unread) : "" });
  document.title = unread && !isEmbedded ? `(${unread}) ${words.shop}` : words.shop;
}

// What is sent

function write(text, payload = text) {
  const entry = { key: randomKey(), text, payload, at: Date.now(), state: "sending", who: "customer" };
  unsent.push(entry);
  remember();
  show({ arrived: 1, isMine: true });
  if (hasKeyboard) page.text.focus({ preventScroll: true });
  send(entry);
}

function retry(entry) {
  if (entry.state !== "failed") return;
  Object.assign(entry, { state: "sending", attempts: 0 });
  show();
  if (hasKeyboard) page.text.focus({ preventScroll: true });
  send(entry);
}

function send(entry) {
  entry.who = "customer";
  entry.state = "sending";
  sending = sending.then(() => deliver(entry));
}

async function deliver(entry) {
  if (!unsent.includes(entry)) return; // it is there already
  const mine = generation;
  const held = unsent.slice(0, unsent.indexOf(entry)).find(({ state }) => state === "waiting" || state === "sending");
  if (held) return wait(entry, held.trouble); // one after the other, in their order
  asked += 1;
  showTyping();
  const outcome = await connection.send(entry.payload, entry.key);
  if (mine !== generation) return;
  asked -= 1;
  showTyping();
  if (outcome.trouble) return failed(entry, outcome);
  line(true);
  unsent = unsent.filter((one) => one !== entry);
  if (outcome.messages) {
    // the server could not keep it, or not yet: shown as long as this page stays
    const shown = [{ ...entry, state: "sent" }, ...outcome.messages.map(asEntry)];
    unrecorded.push(...shown.map((one) => ({ ...one, after: lastNumber() })));
    isReady = true;
  } else if (!isHeard(entry)) {
    unsent.push(Object.assign(entry, { state: "sent" })); // answered, but the stream has not brought it yet
  }
  remember();
  show({ arrived: outcome.messages?.length ?? 0 });
  tellSeen();
  sendWaiting();
}

function wait(entry, trouble) {
  Object.assign(entry, { trouble, state: "waiting" });
  show();
}

function isHeard(entry) {
  return [...said.values()].some((message) => message.key === entry.key);
}

// What another tab sent and has an answer to may still stand in the storage as this tab sees it, and is not put back.
function isAnswered(key) {
  const messages = [...said.values()];
  const asked = messages.find((message) => message.key === key);
  return Boolean(asked) && messages.some(({ number, sender }) => number > asked.number && sender !== "customer");
}

function failed(entry, { trouble, again }) {
  if (trouble === "closed") return start(); // which sends what is unsent
  if (trouble === "notReady") return void waitForBot(entry); // the others need not wait for that
  entry.attempts = (entry.attempts ?? 0) + (trouble === "notSentYet" ? 0 : 1);
  const isGivenUp = again === undefined || entry.attempts >= GIVE_UP_AFTER;
  Object.assign(entry, { trouble, state: isGivenUp ? "failed" : "waiting" });
  if (isGivenUp && isHeard(entry)) unsent = unsent.filter((one) => one !== entry);
  show();
  if (isGivenUp) sendWaiting();
  else setTimeout(() => entry.state === "waiting" && send(entry), again);
  if (trouble === "notSentYet") line(false);
}

async function waitForBot(entry) {
  const mine = generation;
  entry.refusals = (entry.refusals ?? 0) + 1;
  wait(entry, "notReady");
  watchReadiness();
  await backOff(entry.refusals - 1);
  if (mine === generation && entry.state === "waiting") send(entry);
}

function backOff(tries) {
  return new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** tries, 10_000)));
}

async function attach(file) {
  const mine = generation;
  await opening;
  if (mine !== generation) return;
  const problem = !PICTURES.includes(file.type) ? "notAPicture" : file.size > LARGEST_PICTURE ? "tooLarge" : null;
  const key = randomKey();
  for (let tries = 0; ; tries += 1) {
    const trouble = problem ?? (await connection.sendPhoto(file, key)).trouble;
    if (mine !== generation) return;
    unrecorded = unrecorded.filter((one) => one.key !== key);
    if (trouble) unrecorded.push({ who: "note", key, text: trouble, at: Date.now(), after: lastNumber() });
    show({ arrived: trouble ? 1 : 0 });
    if (trouble !== "notReady") return;
    watchReadiness();
    await backOff(tries);
    if (mine !== generation) return;
  }
}

function asEntry(message) {
  return { who: "bot", text: message.text, image: message.image, buttons: message.buttons, custom: message.custom, at: Date.now() };
}

// What is shown

function lastNumber() {
  return Math.max(0, ...said.keys());
}

function entries() {
  const place = (entry) => entry.number ?? entry.after; // what has no number stays behind what it came after
  const here = [...said.values(), ...unrecorded].sort((one, other) => place(one) - place(other)).concat(unsent);
  const recorded = new Set([...said.values()].map(({ key }) => key));
  return here.filter((entry) => entry.number || !entry.key || !recorded.has(entry.key));
}

function isAtTheEnd() {
  return page.scroller.scrollHeight - page.scroller.scrollTop - page.scroller.clientHeight < 80;
}

function show({ arrived = 0, isMine = false } = {}) {
  const all = entries();
  const wasAtTheEnd = isAtTheEnd();
  view.show(all, { words, language, seen, newFrom: all.length - arrived });
  page.welcome.hidden = all.length > 0;
  if (all.length && (wasAtTheEnd || isMine)) page.scroller.scrollTop = page.scroller.scrollHeight;
  page.latest.hidden = !all.length || wasAtTheEnd || isMine || !arrived;
  showTyping();
}

function showTyping() {
  const isTyping = staffIsTyping || asked > 0;
  const label = page.typing.querySelector(".unseen");
  const text = isTyping ? (staffIsTyping ? words.agentTyping : words.typing) : "";
  if (label.textContent !== text) label.textContent = text;
  const wasAtTheEnd = isAtTheEnd();
  page.typing.classList.toggle("idle", !isTyping);
  if (isTyping && wasAtTheEnd) page.scroller.scrollTop = page.scroller.scrollHeight;
}

function showState() {
  const state = !navigator.onLine ? "offline" : !isReady ? "starting" : isUp ? "online" : "connecting";
  if (page.state.textContent !== words[state]) page.state.textContent = words[state];
  page.state.classList.toggle("down", state === "offline" || state === "connecting");
}

function speak(chosen) {
  language = chosen;
  words = WORDS[language];
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const made of document.querySelectorAll("[data-word]")) made.textContent = words[made.dataset.word];
  for (const made of document.querySelectorAll("[data-label]")) made.setAttribute("aria-label", words[made.dataset.label]);
  for (const made of document.querySelectorAll("[data-title]")) made.title = words[made.dataset.title];
  for (const made of document.querySelectorAll("[data-hint]")) made.placeholder = words[made.dataset.hint];
  page.shop.textContent = shopName || words.shop;
  page.language.lang = language === "zh" ? "en" : "zh-CN";
  page.questions.replaceChildren(...words.first.map(question));
  showState();
  show();
}

function question(text) {
  const made = make("li");
  made.append(button("chip", text, () => write(text)));
  return made;
}

function fitText() {
  page.text.style.blockSize = "auto";
  page.text.style.blockSize = `${page.text.scrollHeight + 2}px`;
  page.send.setAttribute("aria-disabled", String(!page.text.value.trim()));
}

async function watchReadiness() {
  if (isWatched) return;
  isWatched = true;
  let wasAway = false;
  while (!(isReady = await connection.isReady())) {
    wasAway = true;
    showState();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
  isWatched = false;
  showState();
  if (wasAway) sendWaiting();
}

// The page that this chat stands in, if it does

let embedder = null; // its origin, once it has spoken; the server lets only the shop's pages embed this one

function tellPage(message) {
  if (isEmbedded && embedder) parent.postMessage({ haoke: message }, embedder);
}

addEventListener("message", (event) => {
  if (!isEmbedded || event.source !== parent || typeof event.data?.haoke !== "object") return;
  const { begin: beginning, opened, identity, focus } = event.data.haoke;
  if (beginning && !embedder) {
    embedder = event.origin;
    start(typeof identity === "string" && identity ? identity : undefined);
  }
  if (typeof opened === "boolean") {
    isOpen = opened;
    tellSeen();
    if (isOpen) {
      page.scroller.scrollTop = page.scroller.scrollHeight;
      if (focus) page.text.focus();
    }
  }
});

addEventListener("storage", ({ key }) => {
  const stored = key === STORED ? recall() : {};
  if (isAnother(stored)) return follow(stored);
  if (!stored.conversation) return;
  kept = { ...stored, read: Math.max(stored.read ?? 0, kept.read ?? 0) };
  connection.token = kept.token;
  if (stored.language && stored.language !== language) speak(stored.language);
  tellUnread();
});

// What the customer does

page.composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = page.text.value.trim();
  if (!text) return;
  page.text.value = "";
  lastTyped = 0; // what comes next is typed anew
  fitText();
  write(text);
});

page.send.addEventListener("pointerdown", (event) => event.preventDefault()); // the text keeps its keyboard
page.text.addEventListener("input", () => {
  fitText();
  if (page.text.value.trim() && Date.now() - lastTyped > TYPING_EVERY && said.size) {
    lastTyped = Date.now();
    connection.typing();
  }
});
page.text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || isChoosingCharacters(event)) return;
  event.preventDefault();
  page.composer.requestSubmit();
});

function isChoosingCharacters(event) {
  return event.isComposing || event.keyCode === 229; // Enter and Escape also end pinyin
}

page.attach.addEventListener("click", () => page.file.click());
page.file.addEventListener("change", () => {
  for (const file of page.file.files) attach(file);
  page.file.value = "";
});
page.language.addEventListener("click", () => {
  speak(language === "zh" ? "en" : "zh");
  remember({ language });
  tellSeen();
});
page.restart.addEventListener("click", () => {
  page.sure.returnValue = "";
  page.sure.showModal();
});
page.sure.addEventListener("close", () => {
  if (page.sure.returnValue !== "yes") return;
  startAfresh();
  if (hasKeyboard) page.text.focus();
});
page.close.addEventListener("click", () => tellPage({ close: true }));
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || isChoosingCharacters(event)) return;
  if (isEmbedded && !page.sure.open) tellPage({ close: true });
});
page.latest.addEventListener("click", () => {
  page.scroller.scrollTop = page.scroller.scrollHeight;
  page.latest.hidden = true;
});
page.scroller.addEventListener("scroll", () => {
  if (isAtTheEnd()) page.latest.hidden = true;
});
page.log.addEventListener("load", () => page.latest.hidden && (page.scroller.scrollTop = page.scroller.scrollHeight), true);
addEventListener("visibilitychange", tellSeen);
addEventListener("online", () => {
  showState();
  sendWaiting();
});
addEventListener("offline", showState);

page.close.hidden = !isEmbedded;
speak(language);
fitText();
if (!isEmbedded) {
  start();
  if (hasKeyboard) page.text.focus();
}
