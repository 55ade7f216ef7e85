// What the pages do beyond plain links and forms. Everything works without this file; it makes the portal quicker.
"use strict";

(() => {
  const announcer = document.getElementById("announcer");
  const failure = document.getElementById("error-banner");
  const search = document.getElementById("search");

  // --- asking the server ---------------------------------------------------------------------------------------

  document.addEventListener("htmx:configRequest", ({ detail }) => {
    // An empty parameter says nothing: without it one view has one address.
    if (detail.verb === "get") {
      for (const [name, value] of [...detail.formData]) {
        if (!value.trim()) detail.formData.delete(name);
      }
    } else {
      detail.headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]")?.content ?? "";
    }
  });

  // Enter asks at once. The keystroke before it is still waiting its 200 ms, and must not ask the same again: that
  // would break off the request that puts the search into the history.
  let entered = null;

  document.addEventListener("htmx:confirm", (event) => {
    if (event.target.id === "list-form") {
      entered = search.value;
    } else if (event.target === search && search.value === entered) {
      event.preventDefault();
    } else {
      entered = null;
    }
  });

  // A click that opens a new tab or window belongs to the browser.
  document.addEventListener(
    "click",
    (event) => {
      const modified = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
      if (modified && event.target.closest("a[hx-get]")) event.stopPropagation();
    },
    true,
  );

  // --- after a swap --------------------------------------------------------------------------------------------

  // Where the focus was inside the node that is about to go: its menu, or true for anywhere else in it.
  let left = null;

  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    // A failure's answer is a message, never the part that was asked for.
    if (detail.xhr.status >= 400 && !detail.serverResponse.includes(`id="${detail.target.id}"`)) {
      detail.shouldSwap = false;
      detail.isError = true;
    }
    const focused = document.activeElement;
    left = detail.target.contains(focused) ? (focused.closest("details")?.id ?? true) : null;
  });

  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    const swapped = document.getElementById(detail.target.id);
    if (!swapped) return;
    tellFailure("");
    const { title, announcement, search: asked } = swapped.dataset;
    if (title) document.title = title;
    if (announcement) announcer.textContent = announcement;
    if (search && asked !== undefined && document.activeElement !== search) search.value = asked;
    const results = swapped.matches(".results") ? swapped : swapped.querySelector(".results");
    keepFocus(results);
    if (results && results.getBoundingClientRect().top < 0) results.scrollIntoView({ block: "start" });
  });

  // htmx gives the focus back to a link that is there again, by its id; a page's last "next" is not.
  function keepFocus(results) {
    if (left && document.activeElement === document.body) {
      const menu = typeof left === "string" && document.querySelector(`#${left} > summary`);
      (menu || results)?.focus({ preventScroll: true });
    }
    left = null;
  }

  // --- failures: never silence ---------------------------------------------------------------------------------

  document.addEventListener("htmx:responseError", ({ detail }) => {
    const said = new DOMParser().parseFromString(detail.xhr.responseText, "text/html").body.textContent.trim();
    const short = said && said.length < 300 ? said : `The portal answered with an error (${detail.xhr.status}).`;
    tellFailure(`${short} What you see has not changed.`);
  });
  document.addEventListener("htmx:sendError", () => {
    tellFailure("The portal cannot be reached. Look at your connection, and try again. What you see has not changed.");
  });
  document.addEventListener("htmx:timeout", () => {
    tellFailure("The portal takes too long to answer. Try again. What you see has not changed.");
  });

  function tellFailure(text) {
    if (!text) return failure.replaceChildren();
    const message = document.createElement("div");
    message.className = "message is-error";
    const words = document.createElement("div");
    words.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Dismiss";
    close.addEventListener("click", () => tellFailure(""));
    message.append(words, close);
    failure.replaceChildren(message);
    entered = null; // Enter may ask the same again
  }

  // --- keys and menus ------------------------------------------------------------------------------------------

  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && search && !event.ctrlKey && !event.metaKey && !event.altKey && !isField(event.target)) {
      event.preventDefault();
      search.focus();
      search.select();
    }
    if (event.key === "Escape") {
      const menu = openMenus().find((open) => open.contains(document.activeElement)) ?? openMenus()[0];
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
  });
  document.addEventListener("click", (event) => closeOutside(event.target));
  document.addEventListener("focusin", (event) => closeOutside(event.target));

  function isField(element) {
    return element.isContentEditable || element.matches("input, textarea, select");
  }

  function openMenus() {
    return [...document.querySelectorAll("details.menu[open]")];
  }

  function closeOutside(element) {
    for (const menu of openMenus()) if (!menu.contains(element)) menu.open = false;
  }

  // --- picking several batches ---------------------------------------------------------------------------------

  document.addEventListener("change", ({ target }) => {
    if (target.id === "select-all") for (const pick of picks()) pick.checked = target.checked;
    if (target.matches(".col-select input")) countPicked();
  });
  document.addEventListener("htmx:afterSettle", countPicked);
  document.addEventListener("portal:refreshed", countPicked);
  countPicked();

  function picks() {
    return [...document.querySelectorAll("input[form=bulk-form]")];
  }

  function countPicked() {
    const all = document.getElementById("select-all");
    if (!all) return;
    const picked = picks().filter((pick) => pick.checked).length;
    all.hidden = false;
    all.checked = picked > 0 && picked === picks().length;
    all.indeterminate = picked > 0 && !all.checked;
    const words = document.querySelector(".selected-count");
    words.textContent = picked === 1 ? "1 batch picked" : `${picked} batches picked`;
  }

  // An export holds what the table shows: its search and its filters stand in the address.
  document.addEventListener("click", ({ target }) => {
    const link = target.closest?.("a[data-with-query]");
    if (link) link.search = location.search;
  });

  // --- copying -------------------------------------------------------------------------------------------------

  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }

  async function copy(button) {
    const source = document.querySelector(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      tellCopied(button, "Copied");
    } catch {
      // Without https there is no clipboard: what is selected, the person can copy.
      getSelection().selectAllChildren(source);
      source.select?.();
      tellCopied(button, "Press Ctrl+C");
    }
  }

  function tellCopied(button, words) {
    const label = button.querySelector("span");
    const before = label?.textContent;
    announcer.textContent = words;
    button.classList.add("is-copied");
    if (label) label.textContent = words;
    setTimeout(() => {
      button.classList.remove("is-copied");
      if (label) label.textContent = before;
    }, 2000);
  }
})();
