// From a folder no page may read another, so results of a search come without excerpts there.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// Progress: a button at the end of each chapter and exercise, and ticks in the table of contents.
(() => {
  const KEY = "course-done";
  const read = () => { try { return JSON.parse(localStorage.getItem(KEY)) || {}; } catch { return {}; } };
  const write = (done) => { try { localStorage.setItem(KEY, JSON.stringify(done)); } catch { /* private browsing */ } };
  const page = (url) => new URL(url, location.href).pathname.split("/").slice(-2).join("/");
  const tick = () => {
    const done = read();
    for (const link of document.querySelectorAll("nav.bd-links a.reference.internal, .course-road a, .course-map a"))
      link.classList.toggle("done", Boolean(done[page(link.href)]));
    const next = document.querySelector(".course-road a:not(.done)"), first = document.querySelector("a.course-start");
    if (first && next && document.querySelector(".course-road a.done")) {
      first.href = next.href;
      first.textContent = `Go on with chapter ${next.textContent}`;
    }
  };
  const start = () => {
    tick();
    const article = document.querySelector("article.bd-article"), here = page(location.href);
    if (!article || !/\/(\d\d_\w+)\.html$/.test("/" + here)) return;
    const place = document.createElement("div"), button = document.createElement("button");
    const show = () => {
      const done = Boolean(read()[here]);
      button.setAttribute("aria-pressed", done);
      button.textContent = done ? "✓ Done" : "Mark as done";
    };
    place.className = "course-done";
    button.type = "button";
    button.addEventListener("click", () => {
      const done = read();
      if (done[here]) delete done[here]; else done[here] = new Date().toISOString().slice(0, 10);
      write(done);
      show();
      tick();
    });
    show();
    place.append(button);
    article.append(place);
  };
  if (document.readyState == "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
