// One key for each control that names one in data-key, submitting once only, progress that follows by itself, words
// marked by drawing over them or with the arrows. Everything works without this.
"use strict";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const inside = event.target.closest("input:not([type=checkbox]), textarea, select");
  if (inside || (event.key === " " && event.target.closest("a, button, summary, input"))) return;
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

function mark(words) {
  const boxes = [...words.querySelectorAll("input")];
  const count = document.querySelector("[data-count]");
  let anchor = null; // where drawing, or a range, begins
  let state = true; // what it makes of the words
  const boxOf = (target) => target.closest?.("label.word")?.firstElementChild;

  function tell() {
    const marked = boxes.filter((box) => box.checked).length;
    count.textContent = marked === 1 ? "1 word marked" : `${marked} words marked`;
  }
  function range(from, to, checked) {
    const [a, b] = [boxes.indexOf(from), boxes.indexOf(to)].sort((x, y) => x - y);
    for (let i = a; i <= b; i++) boxes[i].checked = checked;
    tell();
  }
  function visit(box) {
    boxes.forEach((other) => (other.tabIndex = -1)); // Tab leads out of the text, the arrows lead through it
    box.tabIndex = 0;
    box.focus();
  }
  function beside(box, key) {
    const at = boxes.indexOf(box);
    if (key === "ArrowRight") return boxes[at + 1];
    if (key === "ArrowLeft") return boxes[at - 1];
    const down = key === "ArrowDown";
    const from = box.parentElement.getBoundingClientRect();
    const others = down ? boxes.slice(at + 1) : boxes.slice(0, at).reverse();
    let line = null;
    let best = null;
    for (const other of others) {
      const place = other.parentElement.getBoundingClientRect();
      if (Math.abs(place.top - from.top) < from.height / 2) continue; // the same line
      line ??= place.top;
      if (Math.abs(place.top - line) >= from.height / 2) break; // one line further
      const far = Math.abs(place.left - from.left);
      if (!best || far < best.far) best = { other, far };
    }
    return best?.other;
  }

  words.addEventListener("pointerdown", (event) => {
    const box = boxOf(event.target);
    if (!box || event.button || event.shiftKey) return;
    anchor = box;
    state = !box.checked;
  });
  words.addEventListener("pointerover", (event) => {
    const box = boxOf(event.target);
    if (box && anchor && event.buttons === 1 && event.pointerType === "mouse" && box !== anchor) range(anchor, box, state);
  });
  words.addEventListener("click", (event) => {
    const box = boxOf(event.target);
    if (!box || event.target === box) return; // a click on the word makes one on its box, which is that
    if (event.shiftKey && anchor) {
      event.preventDefault();
      range(anchor, box, state);
    }
    visit(box);
  });
  words.addEventListener("change", tell);
  words.addEventListener("keydown", (event) => {
    const box = boxOf(event.target);
    if (!box || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    const next = beside(box, event.key);
    if (!next) return;
    if (event.shiftKey) range(box, next, true);
    visit(next);
  });
  tell();
  if (boxes.length) visit(boxes.find((box) => box.checked) ?? boxes[0]);
}

document.querySelectorAll(".words").forEach(mark);
