// Loaded before anything is painted: sets the theme, and tells that scripts run.

const systemTheme = matchMedia("(prefers-color-scheme: dark)");

function storedTheme() {
  try {
    return localStorage.getItem("theme") || "auto";
  } catch {
    return "auto"; // storage is switched off
  }
}

function applyTheme() {
  const chosen = storedTheme();
  const system = systemTheme.matches ? "dark" : "light";
  document.documentElement.dataset.bsTheme = chosen === "auto" ? system : chosen;
}

document.documentElement.classList.add("js");
applyTheme();
systemTheme.addEventListener("change", applyTheme);
addEventListener("storage", applyTheme);

document.addEventListener("DOMContentLoaded", () => {
  const select = document.getElementById("theme");
  select.value = storedTheme();
  select.addEventListener("change", () => {
    try {
      localStorage.setItem("theme", select.value);
    } catch {
      // Then it lasts until the next page.
    }
    applyTheme();
  });
});
