// Tables whose columns sort: by their numbers, or by their words as people count.

const OTHER_WAY = { ascending: "descending", descending: "ascending" };
const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function keyOf(row, column) {
  const { dataset, textContent } = row.cells[column];
  return dataset.value === undefined ? textContent.trim() : Number(dataset.value);
}

// Numbers come before words, such as the dash of a missing number.
function compare(a, b, direction) {
  const numbers = (typeof a === "string") - (typeof b === "string");
  if (numbers) return numbers;
  return direction * (typeof a === "string" ? words.compare(a, b) : a - b);
}

function sort(table, column, direction) {
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({ row, key: keyOf(row, column) }));
  rows.sort((a, b) => compare(a.key, b.key, direction));
  body.append(...rows.map(({ row }) => row));
}

function choose(table, head) {
  const first = head.classList.contains("n") ? "descending" : "ascending";
  const order = OTHER_WAY[head.getAttribute("aria-sort")] ?? first;
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", order);
  sort(table, head.cellIndex, order === "ascending" ? 1 : -1);
}

// The title becomes the button; one that is a link stays, with the button before it.
function addButton(table, head) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "sort";
  button.addEventListener("click", () => choose(table, head));
  if (head.querySelector("a")) {
    button.setAttribute("aria-label", `Sort by ${head.textContent.trim()}`);
  } else {
    button.append(...head.childNodes);
  }
  head.prepend(button);
}

for (const table of document.querySelectorAll("table.sortable")) {
  for (const head of table.tHead.rows[0].cells) addButton(table, head);
}
