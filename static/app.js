// The little that pages do by themselves; each works without it.
(() => {
  "use strict";
  // Times are shown in the reader's zone: the server reads this cookie (taskjuice.middleware.ReadersZone).
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`zone=${zone}`)) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `zone=${zone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  }

  const copies = (root) => root.querySelectorAll("button[data-copy]").forEach((button) => { button.hidden = !navigator.clipboard; });
  copies(document);
  document.addEventListener("htmx:load", (event) => copies(event.target));
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
    const words = button.querySelector("[data-said]") ?? button;
    const before = words.textContent;
    words.textContent = "Copied";
    setTimeout(() => { words.textContent = before; }, 2000);
  });

  // A field is inserted where the cursor was last, over what was selected there.
  let line = null;
  document.addEventListener("focusin", (event) => { if (event.target.matches("[data-insert], .or-expression select")) line = event.target; });
  const insert = (button) => {
    let into = line ?? document.querySelector("[data-insert]");
    if (into.matches("select")) {
      into.value = "=";
      into = into.nextElementSibling;
    }
    let [text, start, end] = [button.dataset.expression, into.selectionStart, into.selectionEnd];
    // A filter goes into the field that it stands in, or right behind; elsewhere its whole example is inserted.
    const before = into.value.slice(0, start);
    const closing = before.match(/\s*\}\}$/);
    if (button.dataset.filter && closing) [text, start, end] = [button.dataset.filter, closing.index, closing.index];
    else if (button.dataset.filter && before.lastIndexOf("{{") > before.lastIndexOf("}}")) text = button.dataset.filter;
    into.setRangeText(text, start, end, "end");
    into.focus();
    into.dispatchEvent(new Event("input", { bubbles: true }));
  };
  // When the mouse goes down, not up: the preview above may grow in between, and move the button from under it.
  document.addEventListener("mousedown", (event) => {
    const button = event.button === 0 && event.target.closest("button[data-expression]");
    if (!button) return;
    event.preventDefault();
    insert(button);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-expression]");
    if (button && event.detail === 0) insert(button);  // by the keyboard
  });

  // Steps are dragged to another place; the buttons beside them do the same for the keyboard.
  const steps = [...document.querySelectorAll("[data-order] > [data-step]")].filter((step) => step.querySelector("form[hidden]"));
  let dragged = null;
  const below = (step, event) => { const box = step.getBoundingClientRect(); return event.clientY > box.top + box.height / 2; };
  const unmark = () => steps.forEach((step) => step.classList.remove("before", "after", "dragged"));
  for (const step of steps) {
    step.draggable = true;
    step.addEventListener("dragstart", (event) => {
      if (event.target !== step) return;
      dragged = step;
      step.classList.add("dragged");
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", "");
    });
    step.addEventListener("dragend", () => { dragged = null; unmark(); });
    step.addEventListener("dragover", (event) => {
      if (!dragged) return;
      event.preventDefault();
      steps.forEach((other) => other.classList.remove("before", "after"));
      if (step !== dragged) step.classList.add(below(step, event) ? "after" : "before");
    });
    step.addEventListener("drop", (event) => {
      if (!dragged) return;
      event.preventDefault();
      const from = Number(dragged.dataset.step);
      const gap = Number(step.dataset.step) + (below(step, event) ? 1 : 0);
      const place = gap > from ? gap - 1 : gap;
      if (place === from) return;
      const form = dragged.querySelector("form[hidden]");
      form.elements.place.value = place;
      form.submit();
    });
  }

  // An open menu closes on Escape and when the focus or a click goes elsewhere.
  const menus = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menus().forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
  });
  for (const kind of ["click", "focusin"]) {
    document.addEventListener(kind, (event) => menus().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; }));
  }
})();
