// Puts the chat on a shop's page: <script src="https://…/webhooks/rest/haoke.js" data-shop="…" async></script>
//   data-shop      the name that stands above the chat
//   data-lang      zh or en; without it, the page's language
//   data-identity  the shop's word (a JWT) for the customer who has signed in; see docs/web-chat.md
// The chat runs in a frame of its own, so neither page can touch the other; this file asks nothing of anybody else.

(() => {
  const script = document.currentScript;
  const base = new URL(".", script.src);
  const language = (script.dataset.lang || document.documentElement.lang || navigator.language || "zh").toLowerCase();
  const words = language.startsWith("zh") ? { open: "在线客服", close: "收起在线客服" } : { open: "Chat with us", close: "Close the chat" };
  const LOOK = `
    :host { all: initial; position: fixed; inset-block-end: 0; inset-inline-end: 0; z-index: 2147483000; color-scheme: light dark; }
    button { position: fixed; inset-block-end: max(1.1rem, env(safe-area-inset-bottom)); inset-inline-end: 1.1rem; inline-size: 3.5rem;
      block-size: 3.5rem; padding: 0; border: 0; border-radius: 1.2rem; background: #b4472b; color: #fff; cursor: pointer;
      box-shadow: 0 6px 24px rgb(74 48 30 / 32%); transition: transform .15s; }
    button:hover { background: #983720; }
    button:focus-visible { outline: 3px solid #b4472b; outline-offset: 3px; }
    svg { inline-size: 3rem; block-size: 3rem; fill: currentcolor; display: block; margin: auto; }
    b { position: absolute; inset-block-start: -.4rem; inset-inline-end: -.4rem; min-inline-size: 1.4rem; box-sizing: border-box;
      padding: 0 .35rem; border-radius: .7rem; background: #1f1a17; color: #fff; font: 600 .8rem/1.4rem system-ui, sans-serif; }
    iframe { position: fixed; inset-block-end: 5.4rem; inset-inline-end: 1.1rem; inline-size: min(25rem, calc(100vw - 2.2rem));
      block-size: min(42rem, calc(100dvh - 6.5rem)); border: 0; border-radius: 1.3rem; background: transparent;
      box-shadow: 0 1px 2px rgb(74 48 30 / 10%), 0 18px 60px rgb(74 48 30 / 28%); color-scheme: light dark; }
    [hidden] { display: none !important; }
    @media (max-width: 30rem), (max-height: 30rem) { iframe { inset: 0; inline-size: 100%; block-size: 100%; border-radius: 0; } .is-open { display: none; } }
    @media (prefers-reduced-motion: no-preference) { button:active { transform: scale(.94); } }
    @media print { :host { display: none; } }`;

  const host = document.createElement("haoke-chat");
  const root = host.attachShadow({ mode: "open" });
  const look = new CSSStyleSheet(); // set by script, so a page's policy against inline styles does not mind
  look.replaceSync(LOOK);
  root.adoptedStyleSheets = [look];
  const launcher = document.createElement("button");
  launcher.type = "button";
  const mark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  mark.setAttribute("viewBox", "0 0 32 32");
  mark.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M9 11.5A3.5 3.5 0 0 1 12.5 8h7a3.5 3.5 0 0 1 3.5 3.5v5a3.5 3.5 0 0 1-3.5 3.5H15l-4.2 3.6c-.5.4-1.2.1-1.2-.6z");
  mark.append(path);
  const badge = document.createElement("b");
  badge.hidden = true;
  launcher.append(mark, badge);
  root.append(launcher);

  let frame = null;
  let isOpen = false;
  let isWanted = false; // opened by the visitor, who goes on in it
  let unread = "";

  function say(message) {
    frame.contentWindow.postMessage({ haoke: message }, base.origin);
  }

  function bring() {
    const address = new URL("chat", base);
    address.searchParams.set("lang", language);
    if (script.dataset.shop) address.searchParams.set("shop", script.dataset.shop);
    frame = document.createElement("iframe");
    frame.title = words.open;
    frame.src = address.href;
    frame.hidden = true;
    frame.addEventListener("load", () => say({ begin: true, identity: script.dataset.identity, opened: isOpen, focus: isWanted }));
    root.prepend(frame);
  }

  function show(open, byVisitor) {
    if (!frame) bring();
    isOpen = open;
    isWanted = open && byVisitor;
    frame.hidden = !open;
    launcher.classList.toggle("is-open", open);
    launcher.setAttribute("aria-expanded", String(open));
    name();
    if (frame.contentWindow) say({ opened: open, focus: isWanted });
    remember(open);
    if (!open) launcher.focus();
  }

  function name() {
    const label = isOpen ? words.close : words.open;
    launcher.setAttribute("aria-label", unread && !isOpen ? `${label} (${unread})` : label);
  }

  // Kept for this visit, so that the chat stays open from page to page.
  function remember(open) {
    try {
      sessionStorage.setItem("haoke.open", open ? "yes" : "no");
    } catch {
      // then it is closed on the next page
    }
  }

  function remembered() {
    try {
      return sessionStorage.getItem("haoke.open");
    } catch {
      return null;
    }
  }

  addEventListener("message", (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== base.origin) return;
    const { close, unread: count, label } = event.data?.haoke ?? {};
    if (close) show(false, true);
    if (Number.isInteger(count)) {
      unread = count ? String(label) : "";
      badge.hidden = count === 0;
      badge.textContent = count > 9 ? "9+" : String(count);
      name();
    }
  });
  launcher.addEventListener("click", () => show(!isOpen, true));
  name();
  launcher.setAttribute("aria-expanded", "false");
  (document.body ?? document.documentElement).append(host);
  if (remembered() === "yes") show(true, false);
  else if (remembered() === "no") bring(); // they have talked before: an answer may have come
})();
