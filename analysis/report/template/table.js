// The comparison table: sort by a click on a head, filter by text and by numbers, show groups of columns, select rows.
const table = document.getElementById("comparison");
const body = table.tBodies[0];
const heads = [...table.tHead.rows[0].cells];
const rows = [...body.rows].map((row, order) => ({
  row, order, label: row.dataset.configuration, text: row.textContent.toLowerCase(),
  values: [...row.cells].map((cell) => (cell.dataset.value ? Number(cell.dataset.value) : NaN)),
}));
const filters = new Map();

function sortBy(column) {
  const head = heads[column];
  const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of heads) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
  const sorted = [...rows].sort((a, b) => {
    const x = a.values[column], y = b.values[column];
    // Missing values stand last in both directions; equal ones keep the table's order.
    if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y) || a.order - b.order;
    return direction * (x - y) || a.order - b.order;
  });
  body.append(...sorted.map((entry) => entry.row));
}

// ">86", "<= .5", "=3", "80..90"; null if it is none of these.
function condition(text) {
  const number = "([+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:e[+-]?\\d+)?)";
  const range = text.match(new RegExp(`^\\s*${number}\\s*\\.\\.\\s*${number}\\s*$`, "i"));
  if (range) return (value) => value >= Number(range[1]) && value <= Number(range[2]);
  const found = text.replace("−", "-").match(new RegExp(`^\\s*(<=|>=|<|>|=)\\s*${number}\\s*$`, "i"));
  if (!found) return null;
  const limit = Number(found[2]);
  return {
    "<": (v) => v < limit, ">": (v) => v > limit, "<=": (v) => v <= limit, ">=": (v) => v >= limit, "=": (v) => v === limit,
  }[found[1]];
}

function filter() {
  const words = document.getElementById("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const tests = [...filters];
  let count = 0;
  for (const entry of rows) {
    const shown = words.every((word) => entry.text.includes(word)) && tests.every(([c, test]) => test(entry.values[c]));
    entry.row.hidden = !shown;
    count += shown;
  }
  document.getElementById("shown").textContent = `${count} of ${rows.length} rows`;
}

// One style sheet hides whole columns: thousands of rows need no change of their own.
const columnStyle = document.head.appendChild(document.createElement("style"));
function showGroups() {
  const off = new Set([...document.querySelectorAll("#table-controls input[data-group]:not(:checked)")].map((b) => b.dataset.group));
  const hidden = heads.flatMap((head, i) => (off.has(head.dataset.group) ? [i + 1] : []));
  columnStyle.textContent = hidden.map((i) => `#comparison tr > :nth-child(${i}) { display: none; }`).join("");
}

function csv() {
  const visible = (cell) => !cell.classList.contains("pick") && getComputedStyle(cell).display !== "none";
  // A text that begins like a formula is not to become one in a spreadsheet.
  const quoted = (text) => `"${(/^[=+@\t\r-]/.test(text) && isNaN(parseFloat(text)) ? "'" : "") + text.replaceAll('"', '""')}"`;
  const lines = [table.tHead.rows[0], ...[...body.rows].filter((row) => !row.hidden)];
  return lines.map((row) => [...row.cells].filter((cell) => visible(cell)).map((cell) => quoted(named(cell))).join(",")).join("\r\n");
}
const named = (cell) => (cell.querySelector("button") ?? cell).textContent.replace(/[★☆]/g, "").trim();

async function copy(event) {
  const button = event.target;
  const text = csv();
  try { await navigator.clipboard.writeText(text); } catch {
    const area = document.body.appendChild(document.createElement("textarea"));
    area.value = text; area.select(); document.execCommand("copy"); area.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy as CSV"; }, 1500);
}

heads.forEach((head, column) => {
  if (column === 0) return;
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  button.setAttribute("aria-label", "Sort by " + button.textContent.trim());
  head.append(button);
  button.addEventListener("click", () => sortBy(column));
  if (!head.classList.contains("number")) return;
  const input = document.createElement("input");
  input.type = "text";
  input.placeholder = ">";
  input.autocomplete = "off";
  input.setAttribute("aria-label", `Filter ${button.textContent.trim()}, such as >86 or 80..90`);
  input.addEventListener("input", () => {
    const test = condition(input.value);
    const empty = !input.value.trim();
    input.setAttribute("aria-invalid", String(!empty && !test));
    if (test) filters.set(column, test); else filters.delete(column);
    filter();
  });
  head.append(input);
});

for (const { row, label } of rows) {
  const box = document.createElement("input");
  box.type = "checkbox";
  box.autocomplete = "off";
  box.setAttribute("aria-label", `Select ${label}`);
  row.cells[0].append(box);
}
body.addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  if (row && !String(getSelection())) choose(row.dataset.configuration);
});
document.addEventListener("chosen", () => {
  for (const { row, label } of rows) {
    row.toggleAttribute("data-chosen", chosen.has(label));
    row.cells[0].firstChild.checked = chosen.has(label);
  }
  document.getElementById("clear").disabled = !chosen.size;
});
document.getElementById("filter").addEventListener("input", filter);
document.getElementById("copy").addEventListener("click", copy);
document.getElementById("clear").addEventListener("click", chooseNone);
for (const box of document.querySelectorAll("#table-controls input[data-group]")) box.addEventListener("change", showGroups);
document.getElementById("table-controls").hidden = false;
showGroups();
filter();
