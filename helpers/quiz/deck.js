// The review deck, which stands on quiz.js: cards from the chapters that are ticked, those that are due first.
window.courseDeck ||= function ({ memory, note }) {
  const startTest = (test) => {
    const entries = [...test.querySelectorAll(".cq-entry")], score = test.querySelector(".cq-score");
    const count = test.querySelector(".cq-setup input[type=number]");
    const boxes = [...test.querySelectorAll(".cq-setup input[type=checkbox]")];
    const id = (entry) => entry.querySelector(".cq-item")?.dataset.quiz ?? entry.querySelector(".cq-card").dataset.question;
    const state = (entry) => memory("course-box:" + id(entry));
    // The deck grows with the chapters done: at first those in which something was answered, later as ticked.
    const ticked = memory("course-deck") ?? [...new Set(entries.filter(state).map((entry) => entry.dataset.chapter))];
    if (ticked.length) for (const box of boxes) box.checked = ticked.includes(box.value);
    for (const box of boxes) box.addEventListener("change", () => memory("course-deck", boxes.filter((b) => b.checked).map((b) => b.value)));
    const draw = () => {
      const stems = boxes.filter((box) => box.checked).map((box) => box.value);
      const now = Date.now(), pool = entries.filter((entry) => stems.includes(entry.dataset.chapter));
      // due ones first, then new ones, then those that come too early; at random within each
      const rank = (entry) => { const at = state(entry); return (at ? (at.due <= now ? 0 : 2) : 1) + Math.random() / 2; };
      const drawn = pool.map((entry) => [rank(entry), entry]).sort((a, b) => a[0] - b[0]).slice(0, +count.value).map((pair) => pair[1]);
      const due = pool.filter((entry) => state(entry)?.due <= now).length, seen = pool.filter(state).length;
      for (const entry of entries) {
        entry.hidden = !drawn.includes(entry);
        entry.querySelector(".cq-item")?.courseReset();
        const card = entry.querySelector("details.cq-card");
        card?.removeAttribute("open");
        delete entry.dataset.result;
      }
      for (const entry of drawn) test.append(entry);
      score.textContent = drawn.length ? `${pool.length} cards: ${due} due, ${pool.length - seen} new, ${seen - due} resting. Here are ${drawn.length}.` : "Tick at least one chapter.";
    };
    test.querySelector(".cq-draw").addEventListener("click", draw);
    const tell = () => {
      const shown = entries.filter((entry) => !entry.hidden);
      const result = (entry) => entry.querySelector(".cq-item")?.dataset.result ?? entry.dataset.result;
      score.textContent = `${shown.filter((entry) => result(entry) == "right").length} of ${shown.length} right so far.`;
    };
    test.addEventListener("answered", tell);
    for (const entry of entries) {
      const known = entry.querySelector(".cq-known");
      if (!known) continue;
      known.hidden = false;
      known.addEventListener("click", (event) => {
        if (!event.target.value) return;
        entry.dataset.result = event.target.value;
        note(id(entry), event.target.value == "right");
        entry.querySelector("details").open = false;
        entry.querySelector("summary").focus();
        tell();
      });
    }
    test.querySelector(".cq-setup").hidden = false;
    draw();
  };
  for (const test of document.querySelectorAll(".cq-test:not([data-ready])")) { test.dataset.ready = "yes"; startTest(test); }
};
window.courseDeck(window.courseQuiz());
