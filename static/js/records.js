// The list of records: details in a dialog, live rows, keys.

const LIVE_PERIOD = 5000;
const MOST_ROWS = 500;

const table = document.querySelector("table.records");
const rows = document.getElementById("rows");
const dialog = document.getElementById("record-dialog");

// --- Filters -------------------------------------------------------------------------

const form = document.getElementById("filter-form");

// Fields that are left empty stay out of the address.
form?.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) {
    if (!value.trim()) formData.delete(name);
  }
});

function focusFilters() {
  const field = document.getElementById("f-classification");
  if (!field.checkVisibility()) location.hash = "filters";
  field.focus();
  field.select();
}

// --- Details in a dialog -------------------------------------------------------------

function openRecord(address) {
  const body = document.getElementById("record-body");
  document.getElementById("record-page").href = address;
  body.setAttribute("aria-busy", "true");
  if (!dialog.open) {
    body.replaceChildren();
    dialog.showModal();
  }
  window.htmx.ajax("GET", address, { source: body, target: body, swap: "innerHTML" });
}

document.addEventListener("htmx:afterSwap", ({ target }) => {
  if (target.id !== "record-body") return;
  target.removeAttribute("aria-busy");
  target.scrollTop = 0;
});
dialog?.addEventListener("close", () => document.getElementById("record-body").replaceChildren());

function isPlainClick(event) {
  return event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
}

function isSelecting() {
  const selection = getSelection();
  return !selection.isCollapsed && rows.contains(selection.anchorNode);
}

function linkFor(target) {
  const inside = target.closest("[data-dialog]");
  if (inside) return inside;
  const row = target.closest("#rows [data-record]");
  const other = target.closest("a, button");
  if (!row || (other && !other.matches(".row-link"))) return null;
  return other || (isSelecting() ? null : row.querySelector(".row-link"));
}

document.addEventListener("click", (event) => {
  if (!dialog || !isPlainClick(event)) return;
  const link = linkFor(event.target);
  if (!link) return;
  event.preventDefault();
  openRecord(link.href);
});

// --- Keys ----------------------------------------------------------------------------

function move(step) {
  const links = [...rows.querySelectorAll("[data-record] .row-link, .more:not([hidden]) a")];
  const current = links.indexOf(document.activeElement);
  const next = links[current < 0 ? 0 : current + step];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

const KEYS = { "/": focusFilters, j: () => move(1), k: () => move(-1) };

document.addEventListener("key", (event) => {
  const action = KEYS[event.detail];
  if (!action || !form) return;
  event.preventDefault();
  action();
});

// --- Live ----------------------------------------------------------------------------

const live = document.getElementById("live");
const status = document.getElementById("live-status");
let timer;
let after = live ? live.dataset.after : "0";

function remembered() {
  try {
    return localStorage.getItem("live") === "on";
  } catch {
    return false; // storage is switched off
  }
}

function remember(on) {
  try {
    localStorage.setItem("live", on ? "on" : "off");
  } catch {
    // Then it lasts until the next page.
  }
}

function isPaused() {
  return !live.checked || document.hidden || Boolean(document.querySelector("dialog[open]"));
}

async function askForNews() {
  const address = new URL(live.dataset.url, location.href);
  address.searchParams.set("after_id", after);
  const response = await fetch(address, {
    cache: "no-store",
    headers: {
      "HX-Request": "true",
      "HX-Current-URL": location.href,
      "If-None-Match": `"${after}"`,
    },
  });
  const login = response.headers.get("HX-Redirect");
  if (login) {
    location.assign(login);
  } else if (response.status === 200) {
    show(await response.text());
  } else if (response.status >= 400) {
    throw new Error(`the server answered ${response.status}`);
  }
  after = (response.headers.get("ETag") || after).replace(/\D/g, "");
}

function show(text) {
  const template = document.createElement("template");
  template.innerHTML = text;
  for (const row of template.content.querySelectorAll("[data-record]")) {
    // The first page may show rows that were not settled yet.
    if (document.getElementById(row.id)) row.remove();
  }
  const fresh = template.content.querySelectorAll("[data-record]");
  if (!fresh.length) return;
  for (const row of fresh) row.classList.add("fresh");
  table.hidden = false;
  document.getElementById("nothing")?.remove();
  status.textContent = fresh.length === 1 ? "1 new record" : `${fresh.length} new records`;
  rows.prepend(template.content);
  forgetOldest();
}

// A list that is left open does not grow for ever; "load more" brings back what goes.
function forgetOldest() {
  const shown = [...rows.querySelectorAll("[data-record]")];
  if (shown.length <= MOST_ROWS) return;
  for (const row of shown.slice(MOST_ROWS)) row.remove();
  for (const gap of rows.querySelectorAll(".gap")) {
    if (!gap.nextElementSibling?.dataset.record) gap.remove();
  }
  const more = rows.querySelector(".more");
  const link = more.querySelector("a");
  const address = new URL(link.href);
  address.searchParams.set("from_id", shown[MOST_ROWS - 1].dataset.record);
  link.href = address;
  link.dataset.query = address.search;
  more.hidden = false;
}

document.addEventListener("htmx:configRequest", ({ detail }) => {
  const { query } = detail.elt.dataset;
  if (query) detail.path = detail.path.replace(/\?.*/, query);
});

async function tick() {
  clearTimeout(timer);
  if (isPaused()) return;
  try {
    await askForNews();
  } catch (error) {
    document.dispatchEvent(new CustomEvent("say", { detail: `No live rows: ${error.message}` }));
  }
  clearTimeout(timer);
  if (!isPaused()) timer = setTimeout(tick, LIVE_PERIOD);
}

if (live) {
  live.checked = remembered();
  live.addEventListener("change", () => {
    remember(live.checked);
    tick();
  });
  document.addEventListener("visibilitychange", tick);
  for (const each of document.querySelectorAll("dialog")) each.addEventListener("close", tick);
  timer = setTimeout(tick, LIVE_PERIOD);
}
