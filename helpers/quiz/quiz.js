// Quizzes and self-tests on the page: no kernel, answers remembered in this browser.
// Every output carries this script; the first one on a page defines it, each one starts the items that are new.
window.courseQuiz ||= function () {
  const memory = (key, value) => {
    try {
      if (value === undefined) return JSON.parse(localStorage.getItem(key));
      if (value === null) localStorage.removeItem(key); else localStorage.setItem(key, JSON.stringify(value));
    } catch { return null; }
  };
  const start = (item) => {
    const key = "course-quiz:" + item.dataset.quiz, tested = item.closest(".cq-test");
    const find = (name) => item.querySelector(".cq-" + name);
    const inputs = [...item.querySelectorAll("fieldset input")], answers = [...item.querySelectorAll(".cq-answers li")];
    const numeric = item.dataset.type == "number", status = find("status");
    const right = (i) => answers[i].dataset.correct == "true";
    const explain = (i, place) => {
      const why = document.createElement("span");
      why.className = "cq-why";
      why.dataset.correct = right(i);
      why.append(right(i) ? "✓ " : "✗ ", ...find("answers").querySelectorAll(".cq-why")[i].cloneNode(true).childNodes);
      place.append(why);
    };
    const clear = () => { for (const why of item.querySelectorAll(".cq-option .cq-why")) why.remove(); status.textContent = ""; };
    const done = (good, words) => {
      status.textContent = (good ? "✓ Correct. " : "✗ Not yet. ") + words;
      item.dataset.result = good ? "right" : "wrong";
      find("reveal").hidden = good;
      find("retry").hidden = false;
      item.dispatchEvent(new CustomEvent("answered", { bubbles: true }));
    };
    const check = (remember) => {
      clear();
      if (numeric) {
        const text = inputs[0].value.trim().replace(",", "."), value = Number(text), slack = +item.dataset.tolerance;
        if (!text || !Number.isFinite(value)) { status.textContent = "Enter a number first."; return; }
        const near = (i) => Math.abs(value - answers[i].dataset.value) <= slack * (1 + 1e-9) + 1e-12;
        const hit = answers.findIndex((_, i) => near(i));
        if (hit >= 0) explain(hit, inputs[0].closest(".cq-option"));
        done(hit == 0, hit < 0 ? "That is not the number; look at the size and the sign." : "");
        if (remember) memory(key, inputs[0].value);
        return;
      }
      const chosen = inputs.map((input) => input.checked);
      if (!chosen.some(Boolean)) { status.textContent = "Choose an answer first."; return; }
      const missed = chosen.filter((on, i) => !on && right(i)).length, wrong = chosen.filter((on, i) => on && !right(i)).length;
      const good = !missed && !wrong;
      chosen.forEach((on, i) => { if (on || good) explain(i, inputs[i].closest(".cq-option")); });
      const several = item.dataset.type == "choices" && !good;
      done(good, several ? [wrong && `${wrong} of your choices wrong`, missed && `${missed} missing`].filter(Boolean).join(", ") + "." : "");
      if (remember) memory(key, chosen);
    };
    const reveal = () => {
      clear();
      if (numeric) { inputs[0].value = answers[0].dataset.value; explain(0, inputs[0].closest(".cq-option")); }
      else inputs.forEach((input, i) => { input.checked = right(i); explain(i, input.closest(".cq-option")); });
      status.textContent = "This is the answer.";
      find("reveal").hidden = true;
      find("retry").hidden = false;
    };
    const reset = () => {
      clear();
      memory(key, null);
      delete item.dataset.result;
      for (const input of inputs) if (numeric) input.value = ""; else input.checked = false;
      find("reveal").hidden = find("retry").hidden = true;
    };
    item.courseReset = reset;
    find("check").addEventListener("click", () => check(!tested));
    find("reveal").addEventListener("click", reveal);
    find("retry").addEventListener("click", () => { reset(); inputs[0].focus(); });
    item.addEventListener("keydown", (event) => { if (event.key == "Enter" && event.target.matches("input")) { event.preventDefault(); check(!tested); } });
    find("buttons").hidden = false;
    find("answers").hidden = true;
    const before = tested ? null : memory(key);
    if (numeric && typeof before == "string") { inputs[0].value = before; check(false); }
    if (Array.isArray(before) && before.length == inputs.length) { inputs.forEach((input, i) => { input.checked = before[i]; }); check(false); }
  };
  const startTest = (test) => {
    const entries = [...test.querySelectorAll(".cq-entry")], score = test.querySelector(".cq-score");
    const count = test.querySelector(".cq-setup input[type=number]");
    const draw = () => {
      const stems = [...test.querySelectorAll(".cq-setup input:checked")].map((box) => box.value);
      const pool = entries.filter((entry) => stems.includes(entry.dataset.chapter)).map((entry) => [Math.random(), entry]);
      const drawn = pool.sort((a, b) => a[0] - b[0]).slice(0, +count.value).map((pair) => pair[1]);
      for (const entry of entries) {
        entry.hidden = !drawn.includes(entry);
        entry.querySelector(".cq-item")?.courseReset();
        entry.querySelector("details.cq-card")?.removeAttribute("open");
      }
      for (const entry of drawn) test.append(entry);
      const items = drawn.filter((entry) => entry.querySelector(".cq-item")).length;
      score.textContent = drawn.length ? `${drawn.length} questions, ${items} of them with a check.` : "Tick at least one chapter.";
    };
    test.querySelector(".cq-draw").addEventListener("click", draw);
    test.addEventListener("answered", () => {
      const items = entries.filter((entry) => !entry.hidden).map((entry) => entry.querySelector(".cq-item")).filter(Boolean);
      const right = items.filter((item) => item.dataset.result == "right").length;
      score.textContent = `${right} of ${items.length} right so far.`;
    });
    test.querySelector(".cq-setup").hidden = false;
    draw();
  };
  for (const item of document.querySelectorAll(".cq-item:not([data-ready])")) { item.dataset.ready = "yes"; start(item); }
  for (const test of document.querySelectorAll(".cq-test:not([data-ready])")) { test.dataset.ready = "yes"; startTest(test); }
};
window.courseQuiz();
