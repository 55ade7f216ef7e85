// While something goes on, what stands under data-live is asked for again, and morphed in place: focus, scroll, an open
// menu and what was picked stay. An answer of 304 has no body, and changes nothing.
"use strict";

(() => {
  const EVERY = 2000;
  const LIVE = "[data-live], [data-refresh]";
  const failure = document.getElementById("error-banner");
  const SAID = "What you see may be old: the portal does not answer. It is asked again.";
  let tag = null;
  let tagged = "";
  let timer = null;
  let asking = false;

  function goesOn() {
    return document.querySelector("[data-refresh]") !== null;
  }

  function plan(delay = EVERY) {
    clearTimeout(timer);
    if (goesOn() && !document.hidden) timer = setTimeout(ask, delay);
  }

  async function ask() {
    const address = location.pathname + location.search;
    if (asking || document.querySelector(".htmx-request")) return plan();
    asking = true;
    try {
      const headers = { "X-Refresh": "1" }; // a screen that nobody looks at stays signed in no longer for it
      if (tag && tagged === address) headers["If-None-Match"] = tag;
      const answer = await fetch(address, { headers, cache: "no-store" });
      if (answer.redirected) return location.reload(); // signed out meanwhile, or the page is another one now
      if (answer.status === 304) return tell(false);
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      // Whoever has gone on meanwhile sees what they asked for themselves.
      if (address !== location.pathname + location.search || document.querySelector(".htmx-request")) return;
      [tag, tagged] = [answer.headers.get("ETag"), address];
      show(new DOMParser().parseFromString(text, "text/html"));
      tell(false);
    } catch {
      tell(true);
    } finally {
      asking = false;
      plan();
    }
  }

  function show(fresh) {
    for (const shown of document.querySelectorAll(LIVE)) {
      const next = fresh.getElementById(shown.id);
      if (next) {
        Idiomorph.morph(shown, next, {
          ignoreActiveValue: true,
          callbacks: { beforeAttributeUpdated: mayChange, beforeNodeMorphed: leaveAlone },
        });
        htmx.process(shown); // what is new, and every link that leads elsewhere than before: htmx remembers where
      }
    }
    document.dispatchEvent(new CustomEvent("portal:refreshed"));
  }

  // A person opened that menu, or picked that batch, or a script has shown that button: the server knows of none of it.
  function mayChange(name, node) {
    if (name === "open" && node.matches("details")) return false;
    if (name === "checked" && node.matches("input")) return false;
    return name !== "hidden";
  }

  function leaveAlone(node) {
    return !(node.matches?.("input[type=checkbox]") ?? false);
  }

  function tell(failed) {
    const said = failure.querySelector(".is-stale");
    if (!failed) return said?.remove();
    if (said) return;
    const message = document.createElement("div");
    message.className = "message is-error is-stale";
    message.textContent = SAID;
    failure.append(message);
  }

  document.addEventListener("visibilitychange", () => plan(0));
  document.addEventListener("htmx:afterSettle", () => plan());
  plan();
})();
