// The page's own words, in the agent's language, and where they stand.

const loaded = {};
let words = {};

export let language = "zh";
export let hasWords = false;

export async function speak(chosen) {
  loaded[chosen] ??= await fetched(chosen);
  words = loaded[chosen];
  language = chosen;
  hasWords = true;
  document.documentElement.lang = tag(chosen);
  label(document);
}

export function word(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// Writes the words that the marks in the page ask for.
export function label(root) {
  for (const made of root.querySelectorAll("[data-word]")) made.textContent = word(made.dataset.word);
  for (const made of root.querySelectorAll("[data-label]")) made.setAttribute("aria-label", word(made.dataset.label));
  for (const made of root.querySelectorAll("[data-title]")) made.title = word(made.dataset.title);
  for (const made of root.querySelectorAll("[data-hint]")) made.placeholder = word(made.dataset.hint);
}

function tag(which) {
  return which === "zh" ? "zh-CN" : "en-GB";
}

export function clockTime(moment) {
  return new Intl.DateTimeFormat(tag(language), { timeStyle: "short" }).format(new Date(moment));
}

export function day(moment) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(moment).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return word("today");
  if (days === 1) return word("yesterday");
  return new Intl.DateTimeFormat(tag(language), { dateStyle: "medium" }).format(new Date(moment));
}

export function waited(since) {
  const seconds = Math.max(0, Math.floor((Date.now() - new Date(since)) / 1000));
  if (seconds < 60) return word("seconds", { n: seconds });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return word("minutes", { n: minutes });
  return word("hours", { h: Math.floor(minutes / 60), m: minutes % 60 });
}

async function fetched(chosen) {
  const response = await fetch(`/desk/words/${chosen}`, { credentials: "same-origin" });
  if (!response.ok) throw new Error(`words: ${response.status}`);
  return response.json();
}
