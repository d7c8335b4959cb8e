// What every page has: times, copying, questions, the list of keys, and what went wrong.

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;
const FIRST_DATE = "2000"; // before it somebody is still typing the year

// --- Times: the same words as records/durations.py ----------------------------------

const clockOffset = Date.now() / 1000 - Number(document.body.dataset.now);

function ago(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 1) return "now";
  if (whole >= DAY) return `${Math.floor(whole / DAY)} d ago`;
  if (whole >= HOUR) return `${Math.floor(whole / HOUR)} h ago`;
  if (whole >= MINUTE) return `${Math.floor(whole / MINUTE)} min ago`;
  return `${whole} s ago`;
}

function refreshAges() {
  const now = Date.now() / 1000 - clockOffset;
  for (const time of document.querySelectorAll("time[data-age]")) {
    const words = ago(now - Date.parse(time.dateTime) / 1000);
    if (time.textContent !== words) time.textContent = words;
  }
}

const localTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

function tellLocalTime(time) {
  const utc = time.title || time.textContent;
  time.title = `${localTime.format(new Date(time.dateTime))}\n${utc}`;
  time.dataset.told = "";
}

document.addEventListener("pointerover", (event) => {
  const time = event.target.closest("time[datetime]:not([data-told])");
  if (time) tellLocalTime(time);
});
setInterval(refreshAges, 15000);

// --- Notice: something did not work --------------------------------------------------

const notice = document.getElementById("notice");
let noticeTimer;

function say(text) {
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { notice.hidden = true; }, 8000);
}

document.addEventListener("htmx:responseError", ({ detail: { xhr } }) => {
  const plain = (xhr.getResponseHeader("Content-Type") || "").startsWith("text/plain");
  say(plain ? xhr.responseText : `The server answered ${xhr.status}.`);
});
document.addEventListener("htmx:sendError", () => say("The server cannot be reached."));
document.addEventListener("say", (event) => say(event.detail));

// --- Copying -------------------------------------------------------------------------

async function writeClipboard(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Over plain HTTP browsers offer only the old way.
  const area = document.createElement("textarea");
  area.value = text;
  (document.querySelector("dialog[open]") || document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("refused");
}

async function textFor(button) {
  if (button.dataset.copies) return document.getElementById(button.dataset.copies).textContent;
  const response = await fetch(button.dataset.copiesUrl);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return JSON.stringify(await response.json(), null, 2);
}

async function copy(button) {
  const label = button.textContent;
  try {
    await writeClipboard(await textFor(button));
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  } catch (error) {
    say(`Not copied: ${error.message}`);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copies], [data-copies-url]");
  if (button) copy(button);
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
});

// --- Questions: answered as soon as they are asked -----------------------------------

function leaveOutBlanks({ formData }) {
  for (const [name, value] of [...formData]) {
    if (!value.trim()) formData.delete(name);
  }
}

for (const form of document.querySelectorAll("form[data-auto]")) {
  form.addEventListener("change", ({ target }) => {
    const asks = target.matches("select, input[type=checkbox], input[list]");
    if (asks && isComplete(form)) form.requestSubmit();
  });
  form.addEventListener("formdata", leaveOutBlanks);
}

// A window is a number of days or two dates, never both.
function isComplete(form) {
  return !form.matches("[data-window]") || form.days.value !== "" || areDates(form);
}

function areDates({ start, end }) {
  return start.value > FIRST_DATE && start.value <= end.value;
}

for (const form of document.querySelectorAll("form[data-window]")) {
  const dates = form.querySelector(".dates");
  dates.addEventListener("change", () => {
    form.days.value = "";
    if (areDates(form)) form.requestSubmit();
  });
  form.days.addEventListener("change", () => {
    const preset = form.days.value !== "";
    dates.classList.toggle("dates-unused", preset);
    if (preset) form.start.value = form.end.value = "";
    else form.start.focus();
  });
}

// --- Waiting for the next page -------------------------------------------------------

const main = document.querySelector("main");

document.addEventListener("submit", ({ target, defaultPrevented }) => {
  if (!defaultPrevented && target.matches("form[data-auto]")) main.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => main.removeAttribute("aria-busy")); // or comes back

document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// --- Dialogs and keys ----------------------------------------------------------------

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // the backdrop
  });
}

function isTyping(target) {
  return target.matches("input, select, textarea, [contenteditable]");
}

// Pages listen to "key" and get what is meant for them: nothing while somebody types, a
// dialog is open, or the key belongs to the browser.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "?") {
    document.getElementById("keys").showModal();
  } else if (document.dispatchEvent(new CustomEvent("key", { detail: event.key, cancelable: true }))) {
    return;
  }
  event.preventDefault();
});
