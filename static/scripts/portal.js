// Enhancements for links and forms. Every page works without this file.
"use strict";

(() => {
  const announcer = document.getElementById("announcer");
  const errorBanner = document.getElementById("error-banner");
  const search = document.getElementById("search");

  // --- requests ---------------------------------------------------------------------------------------

  document.addEventListener("htmx:configRequest", ({ detail }) => {
    // Empty parameters are left out, so that each view has one address.
    if (detail.verb === "get") {
      for (const [name, value] of [...detail.formData]) {
        if (!value.trim()) detail.formData.delete(name);
      }
    } else {
      detail.headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]")?.content ?? "";
    }
  });

  // Enter searches immediately. The keystroke before it is still in its 200 ms delay and must not send the same search
  // again: that would cancel the request that adds the search to the history.
  let submittedSearch = null;

  document.addEventListener("htmx:confirm", (event) => {
    if (event.target.id === "list-form") {
      submittedSearch = search.value;
    } else if (event.target === search && search.value === submittedSearch) {
      event.preventDefault();
    } else {
      submittedSearch = null;
    }
  });

  // The browser handles clicks that open a new tab or window.
  document.addEventListener(
    "click",
    (event) => {
      const modified = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
      if (modified && event.target.closest("a[hx-get]")) event.stopPropagation();
    },
    true,
  );

  // --- after a swap --------------------------------------------------------------------------------------------

  // Where the focus is in the element that will be replaced: the id of its menu, or true for any other place.
  let lostFocus = null;

  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    // An error response holds a message instead of the requested part.
    if (detail.xhr.status >= 400 && !detail.serverResponse.includes(`id="${detail.target.id}"`)) {
      detail.shouldSwap = false;
      detail.isError = true;
    }
    const focused = document.activeElement;
    lostFocus = detail.target.contains(focused) ? (focused.closest("details")?.id ?? true) : null;
  });

  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    const swapped = document.getElementById(detail.target.id);
    if (!swapped) return;
    showError("");
    const { title, announcement, search: searched } = swapped.dataset;
    if (title) document.title = title;
    if (announcement) announcer.textContent = announcement;
    if (search && searched !== undefined && document.activeElement !== search) search.value = searched;
    const results = swapped.matches(".results") ? swapped : swapped.querySelector(".results");
    restoreFocus(results);
    if (results && results.getBoundingClientRect().top < 0) results.scrollIntoView({ block: "start" });
  });

  // htmx restores the focus to an element with the same id; the last page, for example, has no "next" link.
  function restoreFocus(results) {
    if (lostFocus && document.activeElement === document.body) {
      const menu = typeof lostFocus === "string" && document.querySelector(`#${lostFocus} > summary`);
      (menu || results)?.focus({ preventScroll: true });
    }
    lostFocus = null;
  }

  // --- errors ---------------------------------------------------------------------------------

  document.addEventListener("htmx:responseError", ({ detail }) => {
    const text = new DOMParser().parseFromString(detail.xhr.responseText, "text/html").body.textContent.trim();
    const message = text && text.length < 300 ? text : `The portal returned an error (${detail.xhr.status}).`;
    showError(message);
  });
  document.addEventListener("htmx:sendError", () => {
    showError("The portal cannot be reached. Check your connection and try again.");
  });
  document.addEventListener("htmx:timeout", () => {
    showError("The portal took too long to respond. Try again.");
  });

  function showError(text) {
    if (!text) return errorBanner.replaceChildren();
    const message = document.createElement("div");
    message.className = "message is-error";
    const content = document.createElement("div");
    content.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Dismiss";
    close.addEventListener("click", () => showError(""));
    message.append(content, close);
    errorBanner.replaceChildren(message);
    submittedSearch = null; // Enter may repeat the search
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

  // --- selecting batches ---------------------------------------------------------------------------------

  document.addEventListener("change", ({ target }) => {
    if (target.id === "select-all") for (const box of checkboxes()) box.checked = target.checked;
    if (target.matches(".col-select input")) countSelected();
  });
  document.addEventListener("htmx:afterSettle", countSelected);
  document.addEventListener("portal:refreshed", countSelected);
  countSelected();

  function checkboxes() {
    return [...document.querySelectorAll("input[form=bulk-form]")];
  }

  function countSelected() {
    const all = document.getElementById("select-all");
    if (!all) return;
    const selected = checkboxes().filter((box) => box.checked).length;
    all.closest("label").hidden = !checkboxes().length;
    all.checked = selected > 0 && selected === checkboxes().length;
    all.indeterminate = selected > 0 && !all.checked;
    const count = document.querySelector(".selected-count");
    count.textContent = selected === 1 ? "1 batch selected" : `${selected} batches selected`;
  }

  // An export has the search and the filters of the table, which are in the address.
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
      confirmCopy(button, "Copied");
    } catch {
      // There is no clipboard without HTTPS: select the text, so that the user can copy it.
      getSelection().selectAllChildren(source);
      source.select?.();
      confirmCopy(button, "Press Ctrl+C");
    }
  }

  function confirmCopy(button, text) {
    const label = button.querySelector("span");
    const before = label?.textContent;
    announcer.textContent = text;
    button.classList.add("is-copied");
    if (label) label.textContent = text;
    setTimeout(() => {
      button.classList.remove("is-copied");
      if (label) label.textContent = before;
    }, 2000);
  }
})();
