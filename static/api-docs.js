// Sends requests from the page of the API. The token stays in its field: it is not stored anywhere.
(() => {
  "use strict";

  for (const form of document.querySelectorAll("form[data-console]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (form.dataset.path) send(form);
    });
  }

  // An id is typed once for all forms.
  document.addEventListener("change", ({ target }) => {
    if (target.dataset.place !== "path") return;
    for (const other of document.querySelectorAll(`input[data-place="path"][name="${target.name}"]`)) {
      other.value ||= target.value;
    }
  });

  const openTarget = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target?.matches("details")) target.open = true;
  };
  addEventListener("hashchange", openTarget);
  openTarget();

  // Returns the request that a form describes, as fetch takes it.
  function read(form) {
    const { method } = form.dataset;
    const query = new URLSearchParams();
    const headers = { Authorization: `Bearer ${document.getElementById("token").value.trim()}` };
    const parts = [];
    let path = form.dataset.path;
    let body = null;
    for (const { name, value, files, dataset } of form.elements) {
      if (dataset.place === "path") path = path.replace(`{${name}}`, encodeURIComponent(value.trim()));
      if (!value) continue;
      if (dataset.place === "query") query.append(name, value);
      if (dataset.place === "header") headers[name] = value;
      if (dataset.place === "body") {
        headers["Content-Type"] = "application/json";
        body = value;
      }
      if (dataset.place === "form") {
        const values = dataset.control === "lines" ? value.split("\n").filter((line) => line.trim()) : [value];
        parts.push(...(files ? [...files] : values).map((part) => [name, part]));
      }
    }
    if (parts.length) {
      body = new FormData();
      for (const [name, part] of parts) body.append(name, part);
    }
    const search = query.toString();
    return { method, address: path + (search && `?${search}`), headers, body, parts };
  }

  async function send(form) {
    const { method, address, headers, body, parts } = read(form);
    const result = form.querySelector(".api-result");
    const show = (name, text) => {
      result.querySelector(`[data-result="${name}"]`).textContent = text;
    };
    const button = form.querySelector("[type=submit]");
    const started = performance.now();
    button.disabled = true;
    try {
      const answer = await fetch(address, { method, headers, body, credentials: "omit", cache: "no-store" });
      const text = await answer.text();
      show("status", `${answer.status} ${answer.statusText} in ${Math.round(performance.now() - started)} ms`);
      show("headers", [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n"));
      show("body", format(text));
    } catch (error) {
      show("status", `The request failed: ${error.message}`);
      show("headers", "");
      show("body", "");
    }
    show("curl", curl(method, address, headers, body, parts));
    result.hidden = false;
    button.disabled = false;
  }

  function format(text) {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  }

  // The command never contains the token, so that it can be shared.
  function curl(method, address, headers, body, parts) {
    const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
    const names = Object.keys(headers).filter((name) => name !== "Authorization");
    const lines = [
      `curl -X ${method} ${quote(location.origin + address)}`,
      '-H "Authorization: Bearer $TOKEN"',
      ...names.map((name) => `-H ${quote(`${name}: ${headers[name]}`)}`),
      ...parts.map(([name, part]) => (part.name ? `-F ${quote(`${name}=@${part.name}`)}` : `--form-string ${quote(`${name}=${part}`)}`)),
      ...(typeof body === "string" ? [`-d ${quote(body)}`] : []),
    ];
    return lines.join(" \\\n  ");
  }
})();
