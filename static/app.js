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
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-expression]");
    if (!button) return;
    let into = line ?? document.querySelector("[data-insert]");
    if (into.matches("select")) {
      into.value = "=";
      into = into.nextElementSibling;
    }
    into.setRangeText(button.dataset.expression, into.selectionStart, into.selectionEnd, "end");
    into.focus();
    into.dispatchEvent(new Event("input", { bubbles: true }));
  });

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
