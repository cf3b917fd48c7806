// Fetches the page again and changes only what differs, so that nothing flickers and focus, selection and open details stay.
"use strict";
(() => {
  const EVERY = 5000;
  const LATE = 15000; // without new data for so long, the page is stale
  const main = document.querySelector("main");
  const note = document.getElementById("stale");
  let reason = "the agent does not answer";
  let since = performance.now();

  const key = (node) => node.nodeType === Node.ELEMENT_NODE && node.dataset.key;

  const attributes = (from, to) => {
    for (const { name } of [...from.attributes]) {
      // A reader opens and closes details.
      if (name !== "open" && !to.hasAttribute(name)) from.removeAttribute(name);
    }
    for (const { name, value } of to.attributes) {
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
  };

  // Makes the children of `from` those of `to`. Rows with a key are moved, not rewritten.
  const change = (from, to) => {
    const known = new Map([...from.children].filter(key).map((node) => [key(node), node]));
    let at = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      const moved = known.get(key(wanted));
      if (moved && moved !== at) {
        from.insertBefore(moved, at);
        at = moved;
      }
      if (at && at.nodeName === wanted.nodeName && (key(at) || "") === (key(wanted) || "")) {
        if (at.nodeType === Node.TEXT_NODE) {
          if (at.data !== wanted.data) at.data = wanted.data;
        } else if (!at.isEqualNode(wanted)) {
          attributes(at, wanted);
          change(at, wanted);
        }
        at = at.nextSibling;
      } else {
        from.insertBefore(document.adoptNode(wanted), at);
      }
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };

  const show = (text) => {
    const next = new DOMParser().parseFromString(text, "text/html");
    const content = next.querySelector("main");
    if (!content) throw new Error("the answer is no page");
    const focused = document.activeElement;
    attributes(main, content);
    change(main, content);
    document.getElementById("asof").textContent = next.getElementById("asof").textContent;
    document.title = next.title;
    // A row that was moved has lost the focus.
    if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
    since = performance.now();
  };

  const refresh = async () => {
    if (document.hidden) return;
    try {
      const reply = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(EVERY) });
      if (!reply.ok) throw new Error(`the agent answers ${reply.status}`);
      show(await reply.text());
    } catch (error) {
      reason = error instanceof TypeError || error.name === "TimeoutError" ? "the agent does not answer" : error.message;
    }
    mark();
  };

  // The text does not change while the page stays stale, because a screen reader reads it out.
  const mark = () => {
    const stale = performance.now() - since > LATE;
    const asOf = document.getElementById("asof").textContent;
    const text = stale ? `Stale: ${reason}. The figures are those of ${asOf}.` : "";
    if (note.textContent !== text) note.textContent = text;
    document.body.classList.toggle("stale", stale);
  };

  setInterval(refresh, EVERY);
  document.addEventListener("visibilitychange", refresh);
})();
