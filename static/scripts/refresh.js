// While a call can change, the elements with data-live are fetched again and morphed in place, so that focus, scroll
// position, open menus and selected rows stay. A 304 response changes nothing; any other holds only the parts that have
// changed (portal/web/refresh.py).
//
// A refresh never moves rows: while somebody uses the page, a table keeps its rows in their order, and a button offers
// the current list.
"use strict";

(() => {
  const INTERVAL_MS = 2000;
  const LIVE = "[data-live], [data-refresh]";
  const errorBanner = document.getElementById("error-banner");
  const IDLE_MS = 30_000; // a page that has not been used for so long may move its rows
  const STALE = "The portal is not responding. This page may be out of date; retrying.";
  let etag = null;
  let etagAddress = "";
  let timer = null;
  let fetching = false;
  let usedAt = Date.now();
  let mayMoveRows = false; // the user has asked for the current list

  for (const name of ["pointermove", "pointerdown", "keydown", "wheel", "touchmove"]) {
    document.addEventListener(name, () => (usedAt = Date.now()), { passive: true, capture: true });
  }

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
      const headers = { "X-Refresh": versions() || "-" }; // a refresh does not extend the session
      if (etag && etagAddress === address && !mayMoveRows) headers["If-None-Match"] = etag;
      const response = await fetch(address, { headers, cache: "no-store" });
      if (response.redirected) return location.reload(); // signed out, or the page has moved
      const now = Date.parse(response.headers.get("Date"));
      if (response.status === 304) {
        updateTimes(now);
        return showStale(false);
      }
      if (!response.ok && response.status !== 400) throw new Error(String(response.status));
      const text = await response.text();
      // The user has opened another view in the meantime.
      if (address !== location.pathname + location.search || document.querySelector(".htmx-request")) return;
      [etag, etagAddress] = [response.headers.get("ETag"), address];
      update(new DOMParser().parseFromString(text, "text/html"), mayMoveRows || isIdle());
      mayMoveRows = false;
      updateTimes(now);
      showStale(false);
    } catch {
      showStale(true);
    } finally {
      fetching = false;
      schedule();
    }
  }

  // Texts such as "3 min ago" (format_relative in portal/times.py), by the server's clock.
  function updateTimes(now) {
    for (const time of document.querySelectorAll("time[data-young]")) {
      const minutes = Math.floor((now - Date.parse(time.dateTime)) / 60_000);
      const text = minutes < 1 ? "just now" : minutes < 60 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
      if (minutes >= 0 && time.textContent !== text) time.textContent = text;
    }
  }

  function isIdle() {
    return Date.now() - usedAt > IDLE_MS && !document.querySelector(".col-select input:checked");
  }

  function versions() {
    return [...document.querySelectorAll("[data-version]")].map((part) => part.dataset.version).join(" ");
  }

  function update(fresh, moveRows) {
    let hasMoved = false;
    for (const part of fresh.querySelectorAll("[data-unchanged]")) {
      const shown = document.getElementById(part.id);
      if (shown) part.replaceWith(shown.cloneNode(true));
    }
    for (const element of document.querySelectorAll(LIVE)) {
      const next = fresh.getElementById(element.id);
      if (next) {
        if (!moveRows) hasMoved = keepRows(element, next) || hasMoved;
        Idiomorph.morph(element, next, {
          ignoreActiveValue: document.activeElement.matches("input"), // else it would keep the rows of a focused table
          callbacks: { beforeAttributeUpdated: canUpdateAttribute, beforeNodeMorphed: canMorph },
        });
        htmx.process(element); // htmx must see new elements and changed addresses
      }
    }
    offerRows(hasMoved);
    document.dispatchEvent(new CustomEvent("portal:refreshed"));
  }

  // Give the table in `next` the rows that `element` shows, in their order. Return whether they differed.
  function keepRows(element, next) {
    const [shown, current] = [rows(element), rows(next)];
    const ids = current.map((row) => row.id);
    if (!shown.length || shown.map((row) => row.id).join() === ids.join()) return false;
    if (!current.length) {
      next.querySelector(".results")?.replaceChildren(...element.querySelector(".results").cloneNode(true).childNodes);
      return true;
    }
    const kept = shown.map((row) => current.find(({ id }) => id === row.id) ?? row.cloneNode(true));
    current[0].parentElement.replaceChildren(...kept);
    return true;
  }

  function rows(element) {
    return [...element.querySelectorAll(".results > .table > tbody > tr")];
  }

  function offerRows(isNeeded) {
    const shown = document.getElementById("offer-rows");
    if (!isNeeded) return shown?.remove();
    etag = null; // the table is not current, so that a 304 would be wrong
    if (shown) return;
    const offer = document.createElement("button");
    offer.id = "offer-rows";
    offer.type = "button";
    offer.className = "primary";
    offer.textContent = "The list has changed. Show it";
    offer.addEventListener("click", () => {
      offer.remove();
      document.querySelector(".results")?.focus({ preventScroll: true });
      mayMoveRows = true;
      schedule(0);
    });
    document.body.append(offer);
    document.getElementById("announcer").textContent = "The list has changed.";
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
  document.addEventListener("htmx:afterSettle", () => {
    offerRows(false);
    schedule();
  });
  schedule();
})();
