// Charts: Vega-Lite specifications with named data, drawn when they come near the screen and in idle time before print.
const specs = JSON.parse(document.getElementById("specs").textContent);
const packed = JSON.parse(document.getElementById("data").textContent);
const views = new Map();
const unpacked = new Map();

// A column is a list, or values with a code for each row, or values with codes and how often each stands in a row.
function listed(column) {
  if (Array.isArray(column)) return column;
  const value = (code) => (code < 0 ? null : column.v[code]);
  if (column.i) return column.i.map(value);
  const list = [];
  for (let k = 0; k < column.r.length; k += 2) for (let times = column.r[k + 1]; times > 0; times--) list.push(value(column.r[k]));
  return list;
}

function values(name) {
  if (!unpacked.has(name)) {
    const { rows: count, columns } = packed[name];
    const fields = Object.entries(columns).map(([field, c]) => {
      const column = listed(c);
      return [field, (i) => column[i]];
    });
    unpacked.set(name, Array.from({ length: count }, (_, i) => Object.fromEntries(fields.map(([f, at]) => [f, at(i)]))));
  }
  return unpacked.get(name);
}

const style = (name) => getComputedStyle(root).getPropertyValue(name).trim();
// A canvas knows no CSS variables: their colours of the moment.
const probe = document.body.appendChild(document.createElement("span"));
probe.hidden = true;
function resolved(value) {
  if (typeof value === "string" && value.startsWith("var(")) {
    probe.style.color = value;
    return getComputedStyle(probe).color;
  }
  if (Array.isArray(value)) return value.map(resolved);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, resolved(v)]));
  return value;
}

const config = {
  background: "transparent", font: "system-ui, sans-serif",
  view: { stroke: null },
  aria: true,
  mark: { aria: false },
  axis: { labelColor: "var(--ink)", titleColor: "var(--ink)", gridColor: "var(--grid)", domainColor: "var(--soft)", tickColor: "var(--soft)", titleFontWeight: "normal", labelFontSize: 11, titleFontSize: 11.5, aria: false, labelOverlap: true },
  header: { labelColor: "var(--ink)", titleColor: "var(--ink)", labelFontSize: 12, labelAnchor: "start" },
  legend: { labelColor: "var(--ink)", titleColor: "var(--ink)", labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal", titleLimit: 320, aria: false, gradientLength: 180 },
  text: { color: "var(--ink)" },
};

function laidOut(spec, width) {
  const made = structuredClone(spec);
  const { columns, panels } = made.usermeta;
  delete made.usermeta;
  if (!made.facet) {
    made.width = Math.max(200, width - 8);
    made.autosize = { type: "fit-x", contains: "padding" };
    return made;
  }
  const narrow = width < 500;
  const named = made.spec.layer.filter((layer) => layer.encoding?.y?.axis?.labelLimit);
  if (named.length) {
    // Names on the left are shared by the panels of a row.
    const room = narrow ? 132 : 205;
    for (const layer of named) layer.encoding.y.axis.labelLimit = Math.min(layer.encoding.y.axis.labelLimit, room - 15);
    made.columns = Math.max(1, Math.min(columns, panels, Math.floor((width - room) / 215)));
    made.spec.width = Math.max(100, Math.min(440, Math.floor((width - room) / made.columns) - 28));
    return made;
  }
  made.columns = Math.max(1, Math.min(columns, panels, Math.floor(width / 240)));
  made.spec.width = Math.max(100, Math.min(440, Math.floor(width / made.columns) - 94));
  made.facet.header.labelLimit = made.spec.width;
  return made;
}

async function draw(id) {
  const figure = document.getElementById(id);
  const { spec, data, canvas } = specs[id];
  const place = figure.querySelector(".chart");
  const width = place.clientWidth;
  if (!width || figure.dataset.drawing) return;
  figure.dataset.drawing = "yes";
  const datasets = Object.fromEntries(Object.entries(data).map(([name, key]) => [name, values(key)]));
  const whole = { ...laidOut(spec, width), datasets, config };
  views.get(id)?.finalize();
  const result = await window.vegaEmbed(place, canvas ? resolved(whole) : whole, {
    renderer: canvas ? "canvas" : "svg", actions: false, mode: "vega-lite", logLevel: 1,
    tooltip: { theme: isDark() ? "dark" : "light", maxDepth: 1 },
  });
  views.set(id, result.view);
  figure.dataset.width = width;
  for (const select of figure.querySelectorAll("select[data-parameter]")) result.view.signal(select.dataset.parameter, select.value);
  highlight(result.view);
  // Marks must not swallow the page's own label of the picture.
  place.querySelector("svg, canvas")?.setAttribute("aria-hidden", "true");
  result.view.addEventListener("click", (event, item) => {
    const datum = Array.isArray(item?.datum) ? item.datum[0] : item?.datum;
    if (typeof datum?.configuration === "string") choose(datum.configuration);
  });
  await result.view.runAsync();
  figure.dataset.drawn = "yes";
  delete figure.dataset.drawing;
  figure.dispatchEvent(new CustomEvent("drawn"));
}

function highlight(view) { view.signal("chosen", [...chosen]); }

const waiting = new Set(Object.keys(specs));
async function wanted(id) {
  if (!waiting.delete(id)) return;
  try { await draw(id); } catch (error) {
    document.getElementById(id).querySelector(".chart").textContent = "This chart could not be drawn.";
    console.error(error);
  }
}
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) wanted(entry.target.id);
}, { rootMargin: "600px" });
for (const id of waiting) near.observe(document.getElementById(id));

// The rest one by one while nothing else happens, so that a printed page has all of them.
const idle = window.requestIdleCallback ?? ((go) => setTimeout(go, 50));
function next() {
  const [id] = waiting;
  if (id) idle(() => wanted(id).then(next));
  else root.dataset.charts = "drawn";
}
idle(next);

let resizing;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(() => {
    for (const id of views.keys()) {
      const figure = document.getElementById(id);
      const width = figure.querySelector(".chart").clientWidth;
      if (width && width !== Number(figure.dataset.width)) draw(id);
    }
  }, 200);
});
document.addEventListener("themed", () => { for (const id of views.keys()) if (specs[id].canvas) draw(id); });
document.addEventListener("chosen", () => {
  for (const view of views.values()) { highlight(view); view.runAsync(); }
  for (const button of document.querySelectorAll(".legend button")) {
    button.setAttribute("aria-pressed", String(chosen.has(button.dataset.configuration)));
  }
});
for (const select of document.querySelectorAll("figure select[data-parameter]")) {
  select.addEventListener("change", () => {
    views.get(select.closest("figure").id)?.signal(select.dataset.parameter, select.value).runAsync();
  });
}
const SHAPES = {
  circle: "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0", square: "M-5,-5h10v10h-10z", diamond: "M0,-7L6,0L0,7L-6,0z",
  "triangle-up": "M0,-6L6,5L-6,5z", "triangle-down": "M0,6L6,-5L-6,-5z", "triangle-right": "M6,0L-5,6L-5,-6z",
  "triangle-left": "M-6,0L5,6L5,-6z", cross: "M-2,-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
};
for (const swatch of document.querySelectorAll(".swatch")) swatch.firstElementChild.setAttribute("d", SHAPES[swatch.dataset.shape]);
for (const button of document.querySelectorAll(".legend button")) {
  button.addEventListener("click", () => choose(button.dataset.configuration));
}
