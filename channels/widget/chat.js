// The chat page. What customers, the bot and product names say goes in as text, never as markup.

const WORDS = {
  zh: {
    shop: "好客智能客服",
    online: "随时可转人工",
    offline: "网络已断开",
    starting: "正在准备，请稍候…",
    hello: "您好，有什么可以帮您？",
    offer: "查物流、改订单、退换货、选商品，都可以直接问我。",
    questions: "常见问题",
    first: ["我的订单怎么还没发货？", "我想退货", "最近有什么优惠？", "配送要多久？", "转人工"],
    log: "对话",
    typing: "正在输入",
    write: "输入您的问题…",
    send: "发送",
    sent: "已送达",
    passedOn: "消息已转给人工客服，我们会尽快答复您。",
    notSent: "没有发出去，请检查网络。",
    notAnswered: "暂时没有得到答复，请重试。",
    notReady: "客服正在准备，请稍候再试。",
    tooLong: "这条消息太长了，请分几次发送。",
    retry: "重试",
    picture: "图片",
    restart: "开始新对话",
    restartMeans: "这里的聊天记录会被清除，订单和申请不受影响。",
    restartNow: "开始新对话",
    keep: "继续当前对话",
    otherLanguage: "Switch to English",
    otherLanguageShort: "EN",
  },
  en: {
    shop: "Haoke Assistant",
    online: "A person on request",
    offline: "You are offline",
    starting: "Getting ready…",
    hello: "Hello, how can we help?",
    offer: "Ask about a parcel, change an order, send something back or find the right product.",
    questions: "Common questions",
    first: ["Where is my order?", "I want to return something", "Any deals this week?", "How long does delivery take?", "Talk to a person"],
    log: "Conversation",
    typing: "Writing",
    write: "Write your question…",
    send: "Send",
    sent: "Delivered",
    passedOn: "Your message is with our team now. They will answer as soon as they can.",
    notSent: "Not sent. Please check your connection.",
    notAnswered: "No answer came back. Please try again.",
    notReady: "We are just getting ready. Please try again in a moment.",
    tooLong: "This message is too long. Please send it in parts.",
    retry: "Try again",
    picture: "Picture",
    restart: "New conversation",
    restartMeans: "The messages shown here are cleared. Your orders and requests stay as they are.",
    restartNow: "Start over",
    keep: "Keep this one",
    otherLanguage: "切换到中文",
    otherLanguageShort: "中文",
  },
};

const STORED = "haoke.chat";
const FORGOTTEN_AFTER = 24 * 60 * 60 * 1000; // a conversation that rested this long is not shown to whoever sits here now
const KEPT_ENTRIES = 200;
const QUIET_GAP = 10 * 60 * 1000; // the time is written again after this long
const PATIENCE = 65 * 1000; // the server gives up, with a sentence, before
const ADDRESS = /https?:\/\/[\x21\x23-\x3b\x3d\x3f-\x5f\x61-\x7e]+/g; // what may stand in one: no blank, quote or bracket of markup
const CLOSING = /[.,;:!?']+$/; // what ends a sentence rather than an address
const CHINESE = /[\u3400-\u9fff]/;

const element = (id) => document.getElementById(id);
const page = Object.fromEntries(
  ["scroller", "welcome", "questions", "log", "typing", "composer", "text", "send", "language", "restart", "sure", "state"].map(
    (id) => [id, element(id)],
  ),
);

let chat = recall() ?? fresh();
let words = WORDS[chat.language];
let delivery = Promise.resolve(); // one message after the other
let waiting = 0;
let isReady = true;
const hasKeyboard = matchMedia("(hover: hover)").matches; // elsewhere a focused field brings up the one on the screen

// What is remembered: {id, language, at, entries: [{who, text, images, buttons, at, state, trouble, payload}]}

function fresh(language = navigator.language?.toLowerCase().startsWith("zh") ? "zh" : "en") {
  return { id: `web-${randomId()}`, language, at: Date.now(), entries: [] };
}

function randomId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // only secure pages have randomUUID; a shop tried out over plain http in its own network has not
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function recall() {
  try {
    const stored = JSON.parse(localStorage.getItem(STORED));
    const isUsable = stored && stored.language in WORDS && Array.isArray(stored.entries);
    return isUsable && Date.now() - stored.at < FORGOTTEN_AFTER ? stored : null;
  } catch {
    return null;
  }
}

function remember() {
  chat.at = Date.now();
  try {
    localStorage.setItem(STORED, JSON.stringify({ ...chat, entries: chat.entries.slice(-KEPT_ENTRIES) }));
  } catch {
    // a browser that stores nothing still chats, until the page is left
  }
}

// What is shown

function make(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function button(className, text, act) {
  const made = make("button", className, text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

function show({ arrived = 0 } = {}) {
  const firstNew = chat.entries.length - arrived;
  const shown = chat.entries.flatMap((entry, index) => {
    const before = chat.entries[index - 1];
    const made = entry.who === "note" ? note(entry) : said(entry, before);
    if (index >= firstNew) made.classList.add("new");
    return isAfterAWhile(entry, before) ? [moment(entry), made] : [made];
  });
  replaceChanged(page.log, shown);
  keepLastChoices();
  page.welcome.hidden = chat.entries.length > 0;
  page.scroller.scrollTop = chat.entries.length ? page.scroller.scrollHeight : 0;
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

// A choice is open until something else is said.
function keepLastChoices() {
  for (const made of page.log.querySelectorAll(".choices")) {
    if (made.parentElement !== page.log.lastElementChild) made.remove();
  }
}

function isAfterAWhile(entry, before) {
  return !before || entry.at - before.at > QUIET_GAP;
}

function looking(made, ...look) {
  made.dataset.look = look.join("|");
  return made;
}

function note(entry) {
  return looking(make("p", "note", words[entry.text]), "note", words[entry.text]);
}

function moment(entry) {
  const isToday = new Date(entry.at).toDateString() === new Date().toDateString();
  const style = isToday ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" };
  const text = new Intl.DateTimeFormat(chat.language === "zh" ? "zh-CN" : "en-GB", style).format(entry.at);
  return looking(make("p", "moment", text), "moment", text);
}

function said(entry, before) {
  const isFirst = isAfterAWhile(entry, before) || before.who !== entry.who;
  const made = make("div", `said ${entry.who}`);
  made.classList.toggle("first", isFirst);
  made.classList.toggle("failed", entry.state === "failed");
  if (entry.text) made.append(bubble(entry.text));
  made.append(...(entry.images ?? []).map(picture));
  if (entry.buttons?.length) made.append(choices(entry.buttons));
  if (entry.state === "passed") made.append(make("span", "mark-sent", words.sent));
  if (entry.state === "failed") made.append(trouble(entry));
  const state = entry.state === "failed" ? entry.trouble : entry.state === "passed";
  return looking(made, entry.who, isFirst, state, entry.text, entry.images);
}

function bubble(text) {
  const made = make("div", "bubble");
  made.dir = "auto";
  made.lang = CHINESE.test(text) ? "zh" : "en";
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutClosing(match[0]);
    if (!isWebAddress(address)) continue;
    made.append(text.slice(end, match.index), link(address));
    end = match.index + address.length;
  }
  made.append(text.slice(end));
  return made;
}

function withoutClosing(address) {
  const bare = address.replace(CLOSING, "");
  return bare.endsWith(")") && !bare.includes("(") ? withoutClosing(bare.slice(0, -1)) : bare;
}

function link(address) {
  const made = make("a", "", address);
  made.href = address;
  made.target = "_blank";
  made.rel = "noopener noreferrer";
  return made;
}

function isWebAddress(address) {
  try {
    return ["http:", "https:"].includes(new URL(address, location.href).protocol);
  } catch {
    return false;
  }
}

function picture(source) {
  if (!isWebAddress(source) && !source.startsWith("data:image/")) return bubble(source);
  const made = make("img", "picture");
  made.alt = words.picture;
  made.addEventListener("load", () => (page.scroller.scrollTop = page.scroller.scrollHeight), { once: true });
  made.addEventListener("error", () => made.replaceWith(bubble(source.startsWith("data:") ? words.picture : source)));
  made.src = source;
  return made;
}

function choices(buttons) {
  const made = make("div", "choices");
  const usable = buttons.filter((choice) => typeof choice?.title === "string");
  made.append(...usable.map((choice) => button("chip", choice.title, () => write(choice.title, choice.payload ?? choice.title))));
  return made;
}

function trouble(entry) {
  const made = make("div", "trouble");
  made.append(make("span", "", words[entry.trouble]), button("retry", words.retry, () => retry(entry)));
  return made;
}

function speak(language) {
  chat.language = language;
  words = WORDS[language];
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const made of document.querySelectorAll("[data-word]")) made.textContent = words[made.dataset.word];
  for (const made of document.querySelectorAll("[data-label]")) made.setAttribute("aria-label", words[made.dataset.label]);
  for (const made of document.querySelectorAll("[data-title]")) made.title = words[made.dataset.title];
  for (const made of document.querySelectorAll("[data-hint]")) made.placeholder = words[made.dataset.hint];
  page.language.lang = language === "zh" ? "en" : "zh-CN";
  page.questions.replaceChildren(...words.first.map(question));
  page.log.replaceChildren();
  showState();
  show();
}

function question(text) {
  const made = make("li");
  made.append(button("chip", text, () => write(text)));
  return made;
}

function showState() {
  const state = !navigator.onLine ? "offline" : isReady ? "online" : "starting";
  if (page.state.textContent !== words[state]) page.state.textContent = words[state];
}

function showTyping() {
  page.typing.hidden = waiting === 0;
  if (waiting) page.scroller.scrollTop = page.scroller.scrollHeight;
}

function fitText() {
  page.text.style.blockSize = "auto";
  page.text.style.blockSize = `${page.text.scrollHeight + 2}px`;
  page.send.setAttribute("aria-disabled", String(!page.text.value.trim()));
}

// What is sent

function write(text, payload = text) {
  const entry = { who: "customer", text, payload, at: Date.now(), state: "sending" };
  chat.entries.push(entry);
  remember();
  show({ arrived: 1 });
  if (hasKeyboard) page.text.focus({ preventScroll: true });
  send(entry);
}

function retry(entry) {
  if (entry.state !== "failed") return;
  entry.state = "sending";
  show();
  if (hasKeyboard) page.text.focus({ preventScroll: true });
  send(entry);
}

function send(entry) {
  const conversation = chat;
  waiting += 1;
  setTimeout(showTyping, 300);
  delivery = delivery.then(() => deliver(conversation, entry));
}

async function deliver(conversation, entry) {
  const answer = await ask(conversation.id, entry.payload);
  waiting -= 1;
  if (conversation !== chat) return showTyping();
  entry.state = answer.trouble ? "failed" : answer.messages.length ? "answered" : "passed";
  entry.trouble = answer.trouble;
  const arrived = answer.trouble ? [] : answer.messages.length ? answer.messages.map(heard) : silence();
  chat.entries.push(...arrived);
  remember();
  showTyping();
  show({ arrived: arrived.length });
}

async function ask(sender, message) {
  let response;
  try {
    response = await fetch("webhook", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ sender, message }),
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch (error) {
    return { trouble: error.name === "TimeoutError" ? "notAnswered" : "notSent" };
  }
  try {
    if (response.ok) return { messages: await response.json() };
  } catch {
    return { trouble: "notAnswered" };
  }
  if (response.status === 503) watchReadiness();
  return { trouble: { 413: "tooLong", 503: "notReady" }[response.status] ?? "notAnswered" };
}

function heard(message) {
  return {
    who: "bot",
    text: message.text ?? message.attachment,
    images: message.image ? [message.image] : [],
    buttons: message.buttons ?? [],
    at: Date.now(),
  };
}

// The bot is silent while a person has the conversation. It is said once, not after every message.
function silence() {
  const last = [...chat.entries].reverse().find((entry) => entry.who !== "customer");
  return last?.who === "note" ? [] : [{ who: "note", text: "passedOn", at: Date.now() }];
}

async function watchReadiness() {
  const response = await fetch("ready").catch(() => null);
  isReady = response === null || response.ok;
  showState();
  if (!isReady) setTimeout(watchReadiness, 2000);
}

function startOver() {
  chat = fresh(chat.language);
  remember();
  page.log.replaceChildren();
  show();
  if (hasKeyboard) page.text.focus();
}

// What the customer does

page.composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = page.text.value.trim();
  if (!text) return;
  page.text.value = "";
  fitText();
  write(text);
});

page.send.addEventListener("pointerdown", (event) => event.preventDefault()); // the text keeps its keyboard
page.text.addEventListener("input", fitText);
page.text.addEventListener("keydown", (event) => {
  const isChoosingCharacters = event.isComposing || event.keyCode === 229; // Enter also ends pinyin
  if (event.key !== "Enter" || event.shiftKey || isChoosingCharacters) return;
  event.preventDefault();
  page.composer.requestSubmit();
});

page.language.addEventListener("click", () => {
  speak(chat.language === "zh" ? "en" : "zh");
  remember();
});
page.restart.addEventListener("click", () => {
  page.sure.returnValue = "";
  page.sure.showModal();
});
page.sure.addEventListener("close", () => page.sure.returnValue === "yes" && startOver());

addEventListener("online", showState);
addEventListener("offline", showState);
addEventListener("storage", (event) => {
  const other = event.key === STORED ? recall() : null; // the same conversation in another tab
  if (!other || waiting) return;
  chat = other;
  speak(chat.language);
});

for (const entry of chat.entries) {
  // the page was left before the answer came: it may be asked for again
  if (entry.state === "sending") Object.assign(entry, { state: "failed", trouble: "notAnswered" });
}
speak(chat.language);
fitText();
watchReadiness();
if (hasKeyboard) page.text.focus();
