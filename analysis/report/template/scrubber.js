// What a training looks like at one epoch, moved by hand or by play: the spectra of all layers, or the function fitted.
for (const scrubber of document.querySelectorAll(".scrubber")) {
  const ids = scrubber.dataset.figures.split(" ");
  const data = specs[ids[0]].data.scrub;
  const column = (name) => { const c = packed[data].columns[name]; return Array.isArray(c) ? c : c.v; };  // distinct ones
  const epochs = [...new Set(column("epoch"))].sort((a, b) => a - b);
  const configurations = [...new Set(column("configuration"))];
  const [play, range, read, select] = ["button.play", "input[type=range]", "output", "select.layer"].map((s) => scrubber.querySelector(s));
  let timer;

  range.max = String(epochs.length - 1);
  range.value = range.max;
  if (select) for (const layer of new Set(column("layer"))) select.add(new Option(layer, layer));

  function shown() {
    const selected = configurations.filter((label) => chosen.has(label));
    return (selected.length ? selected : configurations).slice(0, 3);
  }
  function update() {
    const epoch = epochs[Number(range.value)];
    read.textContent = String(epoch);
    range.setAttribute("aria-valuetext", `epoch ${epoch}`);
    for (const id of ids) {
      const view = views.get(id);
      if (!view) continue;
      view.signal("epoch", epoch);
      if (select) {
        const before = String(view.signal("shown"));
        view.signal("layer", select.value).signal("shown", shown());
        if (String(shown()) !== before) view.resize();
      }
      view.runAsync();
    }
  }
  function stop() {
    clearInterval(timer);
    timer = undefined;
    play.textContent = "Play";
    play.setAttribute("aria-label", "Play");
  }
  function start() {
    if (Number(range.value) === epochs.length - 1) range.value = "0";
    play.textContent = "Pause";
    play.setAttribute("aria-label", "Pause");
    // Whoever wants less motion gets one still picture a second.
    const pause = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1200 : 450;
    timer = setInterval(() => {
      range.value = String(Number(range.value) + 1);
      update();
      if (Number(range.value) === epochs.length - 1) stop();
    }, pause);
    update();
  }
  play.addEventListener("click", () => (timer ? stop() : start()));
  range.addEventListener("input", () => { stop(); update(); });
  range.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    if (timer) stop(); else start();
  });
  select?.addEventListener("change", update);
  document.addEventListener("chosen", update);
  for (const id of ids) document.getElementById(id).addEventListener("drawn", update);
  update();
}
