// Light or dark: the reader's system decides until the button does. Storage may be refused (a file:// page): no matter.
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const kept = (value) => {
  try {
    if (value) localStorage.setItem("theme", value);
    return localStorage.getItem("theme");
  } catch { return null; }
};
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
const themeButton = document.getElementById("theme");
function themed() {
  themeButton.textContent = isDark() ? "Light" : "Dark";
  themeButton.setAttribute("aria-label", `Switch to the ${isDark() ? "light" : "dark"} theme`);
  document.dispatchEvent(new CustomEvent("themed"));
}
if (["light", "dark"].includes(kept())) root.dataset.theme = kept();
themeButton.hidden = false;
themeButton.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  kept(root.dataset.theme);
  themed();
});
dark.addEventListener("change", themed);
themed();

// Which configurations are selected: one set, that the table, the legends and the charts share.
const chosen = new Set();
function choose(label) {
  if (!chosen.delete(label)) chosen.add(label);
  document.dispatchEvent(new CustomEvent("chosen"));
}
function chooseNone() {
  if (!chosen.size) return;
  chosen.clear();
  document.dispatchEvent(new CustomEvent("chosen"));
}
document.addEventListener("keydown", (event) => { if (event.key === "Escape") chooseNone(); });

// Details are opened for print and closed again after it; queries stay as they are.
const opened = [];
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not([open]):not(.query)")) { part.open = true; opened.push(part); }
});
addEventListener("afterprint", () => { while (opened.length) opened.pop().open = false; });
