// One tooltip for every element with a title (WCAG 1.4.13): it shows on hover and on keyboard focus, one at a time; the
// pointer may move onto it; it stays until the pointer or the focus leaves, or until Escape. When the focus enters a row
// of a table, it shows the exact times of that row. Without this file, browsers show titles themselves.
"use strict";

(() => {
  const HIDE_DELAY_MS = 150; // enough to move the pointer from the element onto its tooltip
  const tooltip = document.createElement("div");
  tooltip.id = "tooltip";
  tooltip.role = "tooltip";
  tooltip.hidden = true;
  document.body.append(tooltip);

  let owner = null; // the element that the tooltip belongs to
  let emptied = []; // pairs of element and title; the browser must not show the same title again
  let timer = null;

  function show(element, titled) {
    clearTimeout(timer);
    if (owner === element) return;
    hide();
    owner = element;
    emptied = titled.map((each) => [each, each.title]);
    const lines = emptied.map(([each, title]) => [labelOf(each, titled.length > 1), title].filter(Boolean).join(": "));
    tooltip.replaceChildren(...lines.map(createLine));
    for (const each of titled) each.removeAttribute("title");
    if (element.matches("a, button, summary, input, select")) element.setAttribute("aria-describedby", "tooltip");
    tooltip.hidden = false;
    place(element);
  }

  function createLine(text) {
    const line = document.createElement("p");
    line.textContent = text;
    return line;
  }

  // Several times in one tooltip are named by their columns.
  function labelOf(element, isNeeded) {
    return isNeeded ? element.closest("td")?.querySelector(".cell-label")?.textContent : "";
  }

  function place(element) {
    const box = element.getBoundingClientRect();
    const { width, height } = tooltip.getBoundingClientRect();
    const left = Math.min(Math.max(box.left + box.width / 2 - width / 2, 8), document.documentElement.clientWidth - width - 8);
    const above = box.top - height - 2;
    tooltip.style.left = `${Math.max(left, 8)}px`;
    tooltip.style.top = `${above > 4 ? above : box.bottom + 2}px`;
  }

  function hide() {
    clearTimeout(timer);
    for (const [element, title] of emptied) if (!element.hasAttribute("title")) element.title = title;
    if (owner?.getAttribute("aria-describedby") === "tooltip") owner.removeAttribute("aria-describedby");
    [owner, emptied] = [null, []];
    tooltip.hidden = true;
  }

  document.addEventListener("pointerover", ({ target }) => {
    if (tooltip.contains(target) || owner?.contains(target)) return clearTimeout(timer);
    const element = target.closest("[title]");
    if (element) show(element, [element]);
    else if (owner && !owner.contains(document.activeElement)) {
      clearTimeout(timer);
      timer = setTimeout(hide, tooltip.hidden ? 0 : HIDE_DELAY_MS);
    }
  });
  document.addEventListener("focusin", ({ target }) => {
    if (!target.matches(":focus-visible")) return;
    const titled = target.closest("[title]");
    const row = target.closest("tbody tr");
    const times = titled ? [titled] : [...(row?.querySelectorAll("time[title]") ?? [])];
    if (times.length) show(target, times);
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("scroll", hide, { capture: true, passive: true });
  document.addEventListener("portal:refreshed", hide);
  document.addEventListener("htmx:beforeSwap", hide);
  document.addEventListener("keydown", ({ key }) => key === "Escape" && owner && hideUntilLeft());

  // After Escape the tooltip stays away while the pointer and the focus are where they were.
  function hideUntilLeft() {
    const dismissed = owner;
    hide();
    owner = dismissed;
    tooltip.hidden = true;
  }
})();
