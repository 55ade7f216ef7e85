// A form with data-progress is sent in the background: first the bytes that have gone are shown, then what the server
// has done with them, line by line. Without this file it is an ordinary form.
"use strict";

(() => {
  const failure = document.getElementById("error-banner");

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-progress]")) return;
    event.preventDefault();
    send(form);
  });

  function send(form) {
    const shown = form.querySelector(".progress");
    const bar = shown.querySelector("progress");
    const words = shown.querySelector("span");
    const request = new XMLHttpRequest();
    let read = 0;

    function step(text, done, of) {
      words.textContent = text;
      if (of) bar.value = Math.min(100, (100 * done) / of);
      else bar.removeAttribute("value");
    }

    function lines() {
      const end = request.responseText.lastIndexOf("\n") + 1;
      const fresh = request.responseText.slice(read, end).split("\n").filter(Boolean);
      read = end;
      for (const line of fresh) hear(JSON.parse(line));
    }

    function hear({ step: name, done, of, to, problem, problems }) {
      if (name) step(`${name}: ${done.toLocaleString("en")} of about ${of.toLocaleString("en")} rows`, done, of);
      if (to) location.assign(to);
      if (problem) refuse(problem, problems ?? {});
    }

    // What was wrong is told by the words that stand beside its field, and the first such field is shown.
    function refuse(problem, problems) {
      for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
      fail([problem, ...Object.entries(problems).map(([name, text]) => sentence(form.elements[name], text))].join(" "));
      const wrong = Object.keys(problems).map((name) => form.elements[name]).filter((field) => field?.labels);
      for (const field of wrong) field.setAttribute("aria-invalid", "true");
      if (!wrong.length) return;
      wrong[0].closest("details:not([open])")?.setAttribute("open", "");
      wrong[0].focus();
    }

    function fail(text) {
      shown.hidden = true;
      for (const button of form.querySelectorAll("button")) button.disabled = false;
      const message = document.createElement("div");
      message.className = "message is-error";
      message.textContent = text;
      failure.replaceChildren(message);
      failure.scrollIntoView({ block: "nearest" });
    }

    const body = new FormData(form); // before the buttons are off
    failure.replaceChildren();
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    shown.hidden = false;
    step("Sending", 0, 1);
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/x-ndjson");
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      step(loaded < total ? `Sending: ${Math.round((100 * loaded) / total)}%` : "Reading the file", loaded, total);
    });
    request.addEventListener("progress", () => request.status === 200 && lines());
    request.addEventListener("load", () => {
      const streamed = (request.getResponseHeader("Content-Type") ?? "").startsWith("application/x-ndjson");
      if (request.status === 200 && streamed) return lines();
      if (request.status === 413) return fail("The file is larger than the portal takes.");
      if (request.responseURL && new URL(request.responseURL).pathname === "/login") return location.assign("/login");
      fail(`The portal answered with an error (${request.status}). Nothing was stored.`);
    });
    request.addEventListener("error", () => fail("The portal cannot be reached. Try again."));
    request.send(body);
  }

  function sentence(field, text) {
    const label = field?.labels?.[0]?.firstChild.textContent.trim();
    return label ? `${label}: ${text}.` : `${text[0].toUpperCase()}${text.slice(1)}.`;
  }

  // --- dropping a file -------------------------------------------------------------------------------------------

  const drop = document.querySelector(".drop-zone");
  const field = document.getElementById("file");
  if (drop && field) {
    for (const name of ["dragenter", "dragover"]) {
      drop.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.add("is-dragging");
      });
    }
    for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("is-dragging"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      if (!event.dataTransfer.files.length) return;
      field.files = event.dataTransfer.files;
      drop.requestSubmit();
    });
    field.addEventListener("change", () => field.files.length && drop.requestSubmit());
  }
})();
