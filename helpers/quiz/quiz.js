// Quizzes and self-tests on the page: no kernel, answers remembered in this browser.
// Every output carries this script; the first one on a page defines it, each one starts the items that are new.
window.courseQuiz ||= function () {
  const memory = (key, value) => {
    try {
      if (value === undefined) return JSON.parse(localStorage.getItem(key));
      if (value === null) localStorage.removeItem(key); else localStorage.setItem(key, JSON.stringify(value));
    } catch { return null; }
  };
  // 100,480 may be a hundred thousand or a hundred and a half: all that a text of a number may mean.
  const DIGITS = "\u0660\u06f0\u0966\uff10"; // zero in Arabic, Persian and Hindi, and in full width
  const latin = (text) => text.replace(/\p{Nd}/gu, (digit) => {
    const zero = [...DIGITS].find((zero) => digit >= zero && digit.charCodeAt() < zero.charCodeAt() + 10);
    return zero ? digit.charCodeAt() - zero.charCodeAt() : digit;
  }).replace(/[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207a\u207b]+/g, (raised) => "^" + raised.normalize("NFKC"))
    .replace(/[\u066b\uff0e]/g, ".").replace(/\uff0c/g, ",").replace(/[\u2010-\u2013\u2212\ufe63\uff0d]/g, "-");
  const readings = (text) => {
    // besides spaces: marks that group digits, and those of direction that nobody sees
    let plain = latin(text).replace(/[\s'\u2019_\u066c\u061c\u200b-\u200f\u2066-\u2069]/g, "").replace(/^[=\u2248~]/, "");
    const [top, bottom, rest] = plain.split("/");  // 2/50
    if (bottom && rest === undefined) return readings(top).flatMap((value) => readings(bottom).map((part) => value / part)).filter(Number.isFinite);
    plain = plain.replace(/[·×*x]10\^?(?=[+-]?\d)/i, "e").replace(/^([+-]?)10\^(?=[+-]?\d)/, "$11e");
    plain = plain.replace(/([\d%])(?![kmb]$|thousand$|[mb]illion$)[a-z]+$/i, "$1");  // 15 pixels, but not 15 k
    const percent = /\d%$/.test(plain), found = [];
    if (percent) plain = plain.slice(0, -1);
    if (/^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$/.test(plain)) found.push(plain.replace(/,/g, ""));
    if (/^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$/.test(plain)) found.push(plain.replace(/\./g, "").replace(",", "."));
    found.push(plain.replace(",", "."));
    const values = found.filter((value) => /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value)).map(Number);
    return (percent ? values.flatMap((value) => [value, value / 100]) : values).filter(Number.isFinite);
  };
  // A Leitner box: what was known comes back after more and more days, what was not comes back at once.
  const DAYS = [0, 1, 3, 7, 21];
  const note = (id, good) => {
    const last = memory("course-box:" + id), box = last?.box ?? 0, next = good ? Math.min(box + 1, DAYS.length - 1) : 0;
    if (good && last?.due > Date.now()) return; // known again before its day: it rests as long as before
    memory("course-box:" + id, { box: next, due: Date.now() + DAYS[next] * 864e5 });
  };
  const start = (item) => {
    const key = "course-answer:" + item.dataset.quiz, tested = item.closest(".cq-test, .cq-before");
    const find = (name) => item.querySelector(".cq-" + name);
    const inputs = [...item.querySelectorAll("fieldset input")], answers = [...item.querySelectorAll(".cq-answers li")];
    // an item may stand twice on a page, and radio buttons of one name would switch each other off
    window.courseQuiz.count = (window.courseQuiz.count ?? 0) + 1;
    for (const input of inputs) if (input.name) input.name += "-" + window.courseQuiz.count;
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
    const check = (remember, fresh = true) => {
      clear();
      if (numeric) {
        const values = readings(inputs[0].value), slack = +item.dataset.tolerance;
        if (!values.length) { status.textContent = "Enter a number first, such as 0.25 or 1e-3."; return; }
        const near = (i) => values.some((value) => Math.abs(value - answers[i].dataset.value) <= slack * (1 + 1e-9) + 1e-12);
        const hit = answers.findIndex((_, i) => near(i));
        if (hit >= 0) explain(hit, inputs[0].closest(".cq-option"));
        if (fresh) note(item.dataset.quiz, hit == 0);
        done(hit == 0, hit < 0 ? "That is not the number; look at the size and the sign." : "");
        if (remember) memory(key, inputs[0].value);
        return;
      }
      const chosen = inputs.map((input) => input.checked);
      if (!chosen.some(Boolean)) { status.textContent = "Choose an answer first."; return; }
      const missed = chosen.filter((on, i) => !on && right(i)).length, wrong = chosen.filter((on, i) => on && !right(i)).length;
      const good = !missed && !wrong;
      chosen.forEach((on, i) => { if (on || good) explain(i, inputs[i].closest(".cq-option")); });
      if (fresh) note(item.dataset.quiz, good);
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
      if (!tested) memory(key, null);
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
    if (numeric && typeof before == "string") { inputs[0].value = before; check(false, false); }
    if (Array.isArray(before) && before.length == inputs.length) { inputs.forEach((input, i) => { input.checked = before[i]; }); check(false, false); }
  };
  const startPrediction = (item) => {
    const key = "course-predict:" + item.dataset.predict, find = (name) => item.querySelector(".cq-" + name);
    const inputs = [...item.querySelectorAll("input")], status = find("status"), told = find("answers");
    const reveal = () => {
      const chosen = inputs.findIndex((input) => input.checked);
      if (chosen < 0) { status.textContent = "Choose first; a wrong guess teaches more than none."; return; }
      memory(key, chosen);
      for (const input of inputs) input.disabled = true;
      status.textContent = inputs[chosen].dataset.correct == "true" ? "✓ As you predicted." : "✗ It turns out differently.";
      told.hidden = false;
      told.open = true;
      find("check").hidden = true;
      find("retry").hidden = false;
    };
    find("check").addEventListener("click", reveal);
    find("retry").addEventListener("click", () => {
      memory(key, null);
      for (const input of inputs) input.disabled = input.checked = false;
      status.textContent = "";
      told.hidden = true;
      find("check").hidden = false;
      find("retry").hidden = true;
      inputs[0].focus();
    });
    find("buttons").hidden = false;
    told.hidden = true;
    const before = memory(key);
    if (Number.isInteger(before) && inputs[before]) { inputs[before].checked = true; reveal(); }
  };
  for (const item of document.querySelectorAll(".cq-predict:not([data-ready])")) { item.dataset.ready = "yes"; startPrediction(item); }
  for (const item of document.querySelectorAll(".cq-item:not([data-ready])")) { item.dataset.ready = "yes"; start(item); }
  return { memory, note }; // for the review deck
};
window.courseQuiz();
