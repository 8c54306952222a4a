// One key for each control that names one in data-key, submitting once only, and progress that follows by itself.
// Everything works without this.
"use strict";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const inside = event.target.closest("input, textarea, select");
  if (inside || (event.key === " " && event.target.closest("a, button, summary"))) return;
  const key = event.key === " " ? "space" : event.key.toLowerCase();
  const control = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!control) return;
  event.preventDefault();
  control.click();
});

document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
  event.target.closest("main").setAttribute("aria-busy", "true");
});

window.addEventListener("pageshow", () => {
  document.querySelectorAll("form").forEach((form) => delete form.dataset.sent);
  document.querySelectorAll("main").forEach((main) => main.removeAttribute("aria-busy"));
});

async function follow(live) {
  for (;;) {
    await new Promise((done) => setTimeout(done, 1000));
    try {
      const answer = await fetch(location.pathname);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
      if (!fresh) return location.replace(location.pathname); // it has ended
      live.replaceChildren(...fresh.childNodes);
    } catch {
      // the server is busy or gone: what is shown stays, and the next look may be answered
    }
  }
}

document.querySelectorAll("[data-live]").forEach(follow);
