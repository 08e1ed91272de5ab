// The static form of an interactive: native controls over frames that were drawn when the page was built.
// Every output carries this script; the first one on a page defines it, each one starts the figures that are new.
window.courseExplore ||= function () {
  const inflate = async (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  };
  const start = (figure) => {
    const picture = figure.querySelector(".cx-picture"), text = figure.querySelector(".cx-text");
    const inputs = [...figure.querySelectorAll(".cx-controls :is(input, select)")];
    const size = (input) => input.type == "checkbox" ? 2 : input.options ? input.options.length : +input.max + 1;
    const at = (input) => input.type == "checkbox" ? +input.checked : input.options ? input.selectedIndex : +input.value;
    const formula = window.courseFormulas?.[figure.dataset.explore];
    let content;
    const load = () => content ||= inflate(figure.querySelector(".cx-data").textContent).finally(() => figure.dataset.unpacked = "yes");
    const source = (data, i) => data.webp
      ? "data:image/webp;base64," + data.webp[i]
      : "data:image/svg+xml," + encodeURIComponent(data.svg[i].map((j) => data.lines[j]).join("\n"));
    const show = async () => {
      for (const input of inputs) if (input.type == "range") {
        const words = input.dataset.texts.split("|")[input.value];
        input.setAttribute("aria-valuetext", words);
        input.closest(".cx-control").querySelector(".cx-value").textContent = words;
      }
      if (formula) {
        const state = Object.fromEntries(formula.values.map(([name, values], i) => [name, values[at(inputs[i])]]));
        const [drawing, words] = formula.state(state);
        picture.innerHTML = coursePlot(drawing, words);
        text.textContent = words;
        return;
      }
      const data = await load().catch(() => null);
      if (!data) {
        text.textContent = "This browser cannot unpack the pictures; a newer one can.";
        return;
      }
      const state = inputs.reduce((sum, input) => sum * size(input) + at(input), 0);
      picture.src = source(data, data.index[state]);
      picture.alt = text.textContent = data.texts[state];
    };
    for (const input of inputs) input.addEventListener("input", show);
    for (const button of figure.querySelectorAll(".cx-play")) player(button, figure, text, show);
    if (!formula) new IntersectionObserver((seen, observer) => {
      if (seen.some((entry) => entry.isIntersecting)) {
        observer.disconnect();
        load().catch(() => null);
      }
    }, { rootMargin: "600px" }).observe(figure);
    figure.querySelector(".cx-controls").hidden = false;
  };
  const player = (button, figure, text, show) => {
    const range = button.closest(".cx-control").querySelector("input");
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const label = calm ? "▶ Step" : "▶ Play";
    let timer = 0;
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      button.textContent = label;
      text.setAttribute("aria-live", "polite");
    };
    const step = () => {
      range.value = +range.value + 1;
      if (range.value == range.max) stop();
      show();
    };
    stop();
    range.addEventListener("input", stop);
    button.addEventListener("click", () => {
      if (timer) return stop();
      if (range.value == range.max) {
        range.value = 0;
        show();
        if (calm) return;
      }
      if (calm) return step();
      button.textContent = "⏸ Pause";
      text.setAttribute("aria-live", "off");
      timer = setInterval(step, 700);
    });
  };
  for (const figure of document.querySelectorAll(".cx:not([data-ready])")) {
    figure.dataset.ready = "yes";
    start(figure);
  }
};
window.courseExplore();
