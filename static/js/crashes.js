// Pages about crashes: what is marked is counted.

// --- Marking frames: the same frame is checked wherever it stands -------------------

const mark = document.getElementById("mark");
const marked = document.getElementById("marked");
const hint = marked?.textContent;

function boxes(value) {
  const all = [...mark.querySelectorAll("input[name=frame]")];
  return value === undefined ? all : all.filter((box) => box.value === value);
}

function count() {
  const different = new Set(boxes().filter((box) => box.checked).map((box) => box.value));
  const frames = different.size === 1 ? "1 frame is" : `${different.size} frames are`;
  marked.textContent = different.size ? `${frames} checked.` : hint;
}

mark?.addEventListener("change", ({ target }) => {
  if (target.name !== "frame") return;
  for (const box of boxes(target.value)) box.checked = target.checked;
  count();
});
if (mark) count();
