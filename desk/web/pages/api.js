// The page's line to the desk: every request it makes, and what can go wrong with one, said in one way.

import { word } from "./words.js";

const PATIENCE = 40_000;

export class Refusal extends Error { // the desk or the shop says no; the message is its sentence
  constructor(sentence, status, again) {
    super(sentence);
    Object.assign(this, { status, again });
  }
}

export class SignedOut extends Error {}

export class Unreachable extends Error {} // nobody knows whether it arrived

let csrf = "sign-in";
let name = null; // whose desk this page shows
let tellSignedOut = () => {};

export function onSignedOut(act) {
  tellSignedOut = act;
}

export async function who() {
  return adopt(await request("me"));
}

export async function signIn(name, password, language) {
  csrf = "sign-in";
  return adopt(await request("sign-in", { name, password, language }));
}

export async function chooseLanguage(language) {
  return adopt(await post("language", { language }));
}

export function get(path) {
  return request(path);
}

// Another window may have signed in anew, with a word of its own against forged requests: then ask for it, once.
export async function post(path, body = {}) {
  try {
    return await request(path, body);
  } catch (error) {
    const before = { csrf, name };
    if (error.status !== 403) throw error;
    const now = await who();
    if (now.csrf === before.csrf) throw error;
    if (now.name !== before.name) {
      tellSignedOut(); // somebody else works in this browser now: nothing is done in their name
      throw new SignedOut();
    }
    return request(path, body);
  }
}

export function sentence(error) {
  if (error instanceof SignedOut) return "";
  if (error instanceof Refusal) return error.message || word("refused");
  if (error instanceof Unreachable) return word("unreachable");
  throw error;
}

export function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function adopt(me) {
  ({ csrf, name } = me);
  return me;
}

async function request(path, body) {
  const options = { credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(PATIENCE) };
  if (body) {
    options.method = "POST";
    options.headers = { "Content-Type": "application/json", "X-Haoke-CSRF": csrf };
    options.body = JSON.stringify(body);
  }
  let response;
  let answer;
  try {
    response = await fetch(`/desk/api/${path}`, options);
    answer = response.status === 204 ? null : await response.json();
  } catch {
    if (!response || response.ok) throw new Unreachable();
  }
  if (response.ok) return answer;
  if (response.status === 401 && path !== "sign-in") {
    tellSignedOut();
    throw new SignedOut();
  }
  if (response.status >= 500) throw new Unreachable();
  throw new Refusal(answer?.error, response.status, 1000 * Number(response.headers.get("Retry-After") ?? 5));
}

// The key of what is asked: the same while the same is asked again, a new one once that is done.
export class Keys {
  #asked = null;
  #key = null;

  of(...asked) {
    const written = JSON.stringify(asked);
    if (written !== this.#asked) [this.#asked, this.#key] = [written, randomKey()];
    return this.#key;
  }

  done() {
    this.#asked = null;
  }
}
