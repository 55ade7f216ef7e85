/* Renders the OpenAPI document. Nothing is loaded from other sites, and a token entered here is not stored. */
(() => {
  "use strict";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const applyScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  const container = document.getElementById("docs");
  window.SwaggerUIBundle({
    domNode: container,
    url: container.dataset.document,
    deepLinking: true,
    displayRequestDuration: true,
    persistAuthorization: false,
    validatorUrl: null,
    onComplete: applyScheme,
  });
  applyScheme();
  dark.addEventListener("change", applyScheme);
})();
