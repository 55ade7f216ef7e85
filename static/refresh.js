// While calls are running, the elements with data-live are fetched again and morphed in place, so that focus, scroll
// position, open menus and selected rows stay. A 304 response changes nothing.
"use strict";

(() => {
  const INTERVAL_MS = 2000;
  const LIVE = "[data-live], [data-refresh]";
  const errorBanner = document.getElementById("error-banner");
  const STALE = "The portal is not responding. This page may be out of date; retrying.";
  let etag = null;
  let etagAddress = "";
  let timer = null;
  let fetching = false;

  function isRunning() {
    return document.querySelector("[data-refresh]") !== null;
  }

  function schedule(delay = INTERVAL_MS) {
    clearTimeout(timer);
    if (isRunning() && !document.hidden) timer = setTimeout(refresh, delay);
  }

  async function refresh() {
    const address = location.pathname + location.search;
    if (fetching || document.querySelector(".htmx-request")) return schedule();
    fetching = true;
    try {
      const headers = { "X-Refresh": "1" }; // a refresh does not extend the session
      if (etag && etagAddress === address) headers["If-None-Match"] = etag;
      const response = await fetch(address, { headers, cache: "no-store" });
      if (response.redirected) return location.reload(); // signed out, or the page has moved
      if (response.status === 304) return showStale(false);
      if (!response.ok) throw new Error(String(response.status));
      const text = await response.text();
      // The user has opened another view in the meantime.
      if (address !== location.pathname + location.search || document.querySelector(".htmx-request")) return;
      [etag, etagAddress] = [response.headers.get("ETag"), address];
      update(new DOMParser().parseFromString(text, "text/html"));
      showStale(false);
    } catch {
      showStale(true);
    } finally {
      fetching = false;
      schedule();
    }
  }

  function update(fresh) {
    for (const element of document.querySelectorAll(LIVE)) {
      const next = fresh.getElementById(element.id);
      if (next) {
        Idiomorph.morph(element, next, {
          ignoreActiveValue: true,
          callbacks: { beforeAttributeUpdated: canUpdateAttribute, beforeNodeMorphed: canMorph },
        });
        htmx.process(element); // htmx must see new elements and changed addresses
      }
    }
    document.dispatchEvent(new CustomEvent("portal:refreshed"));
  }

  // The server does not know which menus are open, which rows are selected and which buttons a script has shown.
  function canUpdateAttribute(name, node) {
    if (name === "open" && node.matches("details")) return false;
    if (name === "checked" && node.matches("input")) return false;
    return name !== "hidden";
  }

  function canMorph(node) {
    return !(node.matches?.("input[type=checkbox]") ?? false);
  }

  function showStale(failed) {
    const shown = errorBanner.querySelector(".is-stale");
    if (!failed) return shown?.remove();
    if (shown) return;
    const message = document.createElement("div");
    message.className = "message is-error is-stale";
    message.textContent = STALE;
    errorBanner.append(message);
  }

  document.addEventListener("visibilitychange", () => schedule(0));
  document.addEventListener("htmx:afterSettle", () => schedule());
  schedule();
})();
