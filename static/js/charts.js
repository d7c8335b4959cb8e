// Pictures of views: their numbers come with the page, their colours with the theme.

const COLOURS = 9;
const SHAPES = ["circle", "rect", "triangle", "rectRot"];
const OTHER = /^other \([\d,]+\)$/; // as views_plugins/charts.py sums up
const DENSE = 45; // so many points in a line need no marks
const MILLION = 1e6;

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const charts = [];

// --- Words and numbers ---------------------------------------------------------------

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const exact = new Intl.NumberFormat("en", { maximumFractionDigits: 6 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

// As the filter `number` of the tables.
function number(value) {
  if (Number.isInteger(value) || Math.abs(value) >= 100) return whole.format(value);
  return Math.abs(value) >= 1 ? value.toFixed(1) : exact.format(value.toPrecision(3));
}

function step(value) {
  return Math.abs(value) >= MILLION ? compact.format(value) : exact.format(value);
}

// Names come from machines: never longer than there is room, and on their own in a line
// that may run from right to left. Their ends tell as much as their beginnings.
function name(text, length) {
  const signs = [...text.replace(/\s+/g, " ")];
  const half = Math.floor(length / 2);
  const kept = signs.length > length ? [...signs.slice(0, half), "…", ...signs.slice(1 - half)] : signs;
  return `\u2068${kept.join("")}\u2069`;
}

// A tooltip has the year.
const tick = (text) => name(text.replace(/^\d{4}-(?=\d\d-\d\d\b)/, ""), 18);

const amount = (value, unit) => (unit ? `${number(value)} ${unit}` : number(value));
const sum = (values) => values.reduce((total, value) => total + (value ?? 0), 0);
const share = (value, total) => `${(total ? (100 * value) / total : 0).toFixed(1)} %`;

// --- Colours -------------------------------------------------------------------------

let colours = palette();

// What the custom properties of site.css stand for, in the theme or in another scheme.
function palette(scheme = "") {
  const probe = document.createElement("i");
  probe.style.colorScheme = scheme;
  document.body.append(probe);
  const colour = (property) => {
    probe.style.color = `var(--${property})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    ...Object.fromEntries(["text", "quiet", "line", "surface"].map((each) => [each, colour(each)])),
    other: colour("series-other"),
    series: Array.from({ length: COLOURS }, (_, n) => colour(`series-${n + 1}`)),
  };
  probe.remove();
  return found;
}

function recolour(scheme) {
  colours = palette(scheme);
  for (const chart of charts) chart.update("none");
}

const ink = (label, n) => (OTHER.test(label) ? colours.other : colours.series[n % COLOURS]);

function swatch(label, n) {
  const mark = document.createElement("i");
  mark.className = `swatch swatch-${OTHER.test(label) ? "other" : (n % COLOURS) + 1}`;
  return mark;
}

// --- Kinds: how a series looks -------------------------------------------------------

const LOOKS = {
  bar: (picture, series, n) => bars(() => ink(series.name, n)),
  stacked: (picture, series, n) => ({ ...bars(() => ink(series.name, n)), stack: "all" }),
  line: (picture, series, n) => ({
    ...line(() => ink(series.name, n)), pointStyle: SHAPES[n % SHAPES.length], borderWidth: 2,
  }),
  area: (picture, series, n) => ({ ...line(() => ink(series.name, n)), fill: "stack", borderWidth: 1 }),
  doughnut: (picture) => ({
    backgroundColor: ({ dataIndex }) => ink(picture.labels[dataIndex] ?? "", dataIndex),
    borderColor: () => colours.surface,
    borderWidth: 2,
    hoverOffset: 6,
  }),
};

function bars(colour) {
  return { backgroundColor: colour, borderRadius: 2, maxBarThickness: 46, categoryPercentage: 0.86, barPercentage: 0.94 };
}

function line(colour) {
  return { backgroundColor: colour, borderColor: colour, pointRadius, pointHoverRadius: 5, pointHitRadius: 6 };
}

// A point with a gap on both sides would not be seen in a line without marks.
function pointRadius({ dataset: { data, fill }, dataIndex: n }) {
  const alone = (data[n - 1] ?? null) === null && (data[n + 1] ?? null) === null;
  return alone || (data.length <= DENSE && !fill) ? 2.5 : 0;
}

// --- Options -------------------------------------------------------------------------

const isStacked = ({ kind }) => kind === "stacked" || kind === "area";

function options(picture) {
  return {
    maintainAspectRatio: false,
    animation: calm.matches ? false : { duration: 200 },
    animations: { x: false }, // bars grow where they stand
    interaction: { mode: picture.kind === "doughnut" ? "nearest" : "index", intersect: picture.kind === "doughnut" },
    layout: { padding: picture.kind === "doughnut" ? 8 : { top: 8 } },
    plugins: { legend: { display: false }, tooltip: tooltip(picture) },
    ...(picture.kind === "doughnut" ? { cutout: "64%" } : { scales: scales(picture) }),
  };
}

function scales(picture) {
  const counts = picture.series.every(({ values }) => values.every(Number.isInteger));
  const title = (text) => ({ display: Boolean(text), text: name(text, 60), color: () => colours.quiet });
  const border = { color: () => colours.line };
  return {
    x: {
      stacked: isStacked(picture),
      title: title(picture.x),
      border,
      grid: { display: false },
      ticks: {
        color: () => colours.quiet,
        maxRotation: 50,
        autoSkipPadding: 10,
        callback(value) { return tick(this.getLabelForValue(value)); },
      },
    },
    y: {
      stacked: isStacked(picture),
      beginAtZero: true,
      max: isStacked(picture) && picture.unit === "%" ? 100 : undefined,
      title: title(picture.y),
      border,
      grid: { color: () => colours.line },
      ticks: { color: () => colours.quiet, maxTicksLimit: 7, callback: step, ...(counts && { precision: 0 }) },
    },
  };
}

function tooltip(picture) {
  const stacked = isStacked(picture);
  const words = picture.kind === "doughnut"
    ? ({ raw, dataset }) => `${amount(raw, picture.unit)} (${share(raw, sum(dataset.data))})`
    : ({ raw, dataset }) => `${name(dataset.label, 36)}: ${amount(raw, picture.unit)}`;
  const total = (items) => `Sum: ${amount(sum(items.map(({ raw }) => raw)), picture.unit)}`;
  return {
    backgroundColor: () => colours.text,
    titleColor: () => colours.surface,
    bodyColor: () => colours.surface,
    footerColor: () => colours.surface,
    multiKeyBackground: "transparent",
    padding: 10,
    cornerRadius: 6,
    boxPadding: 4,
    filter: ({ raw }) => raw !== null && !(stacked && raw === 0),
    itemSort: stacked ? (a, b) => b.datasetIndex - a.datasetIndex : undefined, // as they lie
    callbacks: {
      title: ([item]) => item && name(item.label, 48),
      label: words,
      footer: (items) => (stacked && items.length > 1 ? total(items) : ""),
    },
  };
}

// --- Links: a bar, a point or a slice opens what is behind it -------------------------

function linkAt(chart, picture, event) {
  const [hit] = chart.getElementsAtEventForMode(event, "nearest", { intersect: true }, false);
  if (hit) return picture.series[hit.datasetIndex].links[hit.index] || picture.links[hit.index];
  if (picture.kind === "doughnut") return "";
  const [near] = chart.getElementsAtEventForMode(event, "index", { intersect: false }, false);
  return near && picture.links[near.index];
}

function follow(event, link) {
  const aside = event.button === 1 || event.ctrlKey || event.metaKey || event.shiftKey;
  if (aside) window.open(link, "_blank", "noopener");
  else location.assign(link);
}

function lead(chart, picture) {
  const { canvas } = chart;
  canvas.addEventListener("pointermove", (event) => {
    canvas.classList.toggle("leads-on", Boolean(linkAt(chart, picture, event)));
  });
  const open = (event) => {
    const link = linkAt(chart, picture, event);
    // A finger asks for the numbers; the table has the links.
    if (link && event.button < 2 && event.pointerType !== "touch") follow(event, link);
  };
  canvas.addEventListener("click", open);
  canvas.addEventListener("auxclick", open);
}

// --- Names of the colours ------------------------------------------------------------

// A series is left out and taken in again by its name.
function obeyLegend(chart, buttons) {
  buttons.forEach((button, n) => button.addEventListener("click", () => {
    chart.setDatasetVisibility(n, !chart.isDatasetVisible(n));
    button.setAttribute("aria-pressed", chart.isDatasetVisible(n));
    chart.update();
  }));
}

// The table of a doughnut names its slices: they are its greatest rows, in their order.
function markRows(picture, table) {
  const names = picture.labels.filter((label) => !OTHER.test(label));
  let n = 0;
  for (const head of table.querySelectorAll("tbody th")) {
    const found = head.textContent === (names[n]?.trim() ? names[n] : "(none)");
    head.prepend(found ? swatch("", n++) : swatch("other (1)"));
  }
}

function centre(picture) {
  const total = document.createElement("p");
  const words = document.createElement("small");
  total.className = "ring-sum";
  words.textContent = picture.y;
  const value = sum(picture.series[0].values);
  total.append(value < MILLION ? number(value) : compact.format(value), words);
  return total;
}

// --- Drawing -------------------------------------------------------------------------

function draw(box) {
  const picture = JSON.parse(document.getElementById(box.dataset.chart).textContent);
  const type = { stacked: "bar", area: "line" }[picture.kind] ?? picture.kind;
  const datasets = picture.series.map((series, n) => ({
    label: series.name, data: series.values, ...LOOKS[picture.kind](picture, series, n),
  }));
  const canvas = box.querySelector("canvas");
  const chart = new Chart(canvas, { type, data: { labels: picture.labels, datasets }, options: options(picture) });
  charts.push(chart);
  lead(chart, picture);
  obeyLegend(chart, box.parentElement.querySelectorAll(".legend button"));
  if (picture.kind === "doughnut") {
    markRows(picture, box.closest(".part-body"));
    box.append(centre(picture));
  }
}

function drawAll(boxes) {
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  for (const box of boxes) {
    try {
      draw(box);
    } catch (error) {
      console.error(error);
      box.hidden = true; // its table stays
    }
    box.removeAttribute("aria-busy");
  }
  new MutationObserver(() => recolour()).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  addEventListener("beforeprint", () => recolour("light"));
  addEventListener("afterprint", () => recolour());
}

const found = document.querySelectorAll("[data-chart]");
if (typeof Chart === "undefined") {
  for (const box of found) box.hidden = true;
} else {
  drawAll(found);
}
