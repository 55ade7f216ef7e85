// Submits forms with data-progress in the background and shows their progress: bytes sent, then the steps that the
// server reports line by line. Without this file they are ordinary forms.
"use strict";

(() => {
  const errorBanner = document.getElementById("error-banner");

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-progress]")) return;
    event.preventDefault();
    send(form);
  });

  function send(form) {
    const progress = form.querySelector(".progress");
    const bar = progress.querySelector("progress");
    const label = progress.querySelector("span");
    const request = new XMLHttpRequest();
    let position = 0;

    function showStep(text, done, of) {
      label.textContent = text;
      if (of) bar.value = Math.min(100, (100 * done) / of);
      else bar.removeAttribute("value");
    }

    function readLines() {
      const end = request.responseText.lastIndexOf("\n") + 1;
      const lines = request.responseText.slice(position, end).split("\n").filter(Boolean);
      position = end;
      for (const line of lines) handleReport(JSON.parse(line));
    }

    function handleReport({ step: name, done, of, to, problem, problems }) {
      if (name) showStep(`${name}: ${done.toLocaleString("en")} of about ${of.toLocaleString("en")} rows`, done, of);
      if (to) location.assign(to);
      if (problem) showProblems(problem, problems ?? {});
    }

    // Each message is put beside its field; the first invalid field gets the focus.
    function showProblems(problem, problems) {
      for (const message of form.querySelectorAll(".field-error[id]")) message.remove();
      for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
      const invalid = Object.keys(problems).filter((name) => form.elements[name]);
      const others = Object.keys(problems).filter((name) => !form.elements[name]);
      fail([problem, ...others.map((name) => asSentence(problems[name]))].join(" "));
      const controls = invalid.map((name) => showProblem(name, asSentence(problems[name])));
      controls[0]?.closest("details:not([open])")?.setAttribute("open", "");
      controls[0]?.focus();
    }

    // Returns the control that can get the focus.
    function showProblem(name, text) {
      const field = form.elements[name];
      const control = field instanceof RadioNodeList ? field[0] : field;
      const group = control.closest(".two-columns, fieldset") ?? control.closest("label") ?? control;
      const marked = field instanceof RadioNodeList ? group : control;
      const message = document.createElement("p");
      message.className = "field-error";
      message.id = `${name}-problem`;
      message.textContent = text;
      group.after(message);
      const described = (marked.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean);
      marked.setAttribute("aria-describedby", [...new Set([message.id, ...described])].join(" "));
      marked.setAttribute("aria-invalid", "true");
      return control;
    }

    function fail(text) {
      progress.hidden = true;
      for (const button of form.querySelectorAll("button")) button.disabled = false;
      const message = document.createElement("div");
      message.className = "message is-error";
      message.textContent = text;
      errorBanner.replaceChildren(message);
      errorBanner.scrollIntoView({ block: "nearest" });
    }

    const body = new FormData(form); // before the buttons are disabled
    errorBanner.replaceChildren();
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    progress.hidden = false;
    showStep("Sending", 0, 1);
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/x-ndjson");
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      showStep(loaded < total ? `Sending: ${Math.round((100 * loaded) / total)}%` : "Reading the file", loaded, total);
    });
    request.addEventListener("progress", () => request.status === 200 && readLines());
    request.addEventListener("load", () => {
      const streamed = (request.getResponseHeader("Content-Type") ?? "").startsWith("application/x-ndjson");
      if (request.status === 200 && streamed) return readLines();
      if (request.status === 413) return fail("The file is too large.");
      if (request.responseURL && new URL(request.responseURL).pathname === "/login") return location.assign("/login");
      fail(`The portal returned an error (${request.status}). Nothing was stored.`);
    });
    request.addEventListener("error", () => fail("The portal cannot be reached. Try again."));
    request.send(body);
  }

  function asSentence(text) {
    return `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
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
      drop.querySelector("button").focus();
    });
  }
})();
