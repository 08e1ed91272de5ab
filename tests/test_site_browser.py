"""Does the built site work for its readers, with every other host out of reach?

Every page of the tiny book is opened in headless Chromium, and of the course where `make book` has built it.
"""

import functools
import http.server
import json
import shutil
import tempfile
import threading
import time
from importlib.resources import files
from pathlib import Path

import pytest

from tools.notebooks import ROOT

selenium = pytest.importorskip("selenium")
from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

BROWSER, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = pytest.mark.browser
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1300,1000",
]
BLOCK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
AXE = {"light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"], "dark": ["color-contrast"]}


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium that resolves no name and records requests and console messages."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    with tempfile.TemporaryDirectory() as profile:
        for flag in [*FLAGS, BLOCK, f"--user-data-dir={profile}"]:
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        driver.set_script_timeout(120)
        yield driver
        driver.quit()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, *args):
        """Say nothing."""


class Site:
    """A built site in a browser."""

    def __init__(self, folder: Path, address: str, browser):
        self.folder, self.address, self.browser = folder, address, browser
        self.pages = sorted(
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*.html")
            if not path.relative_to(folder).parts[0].startswith("_")
        )
        self.small = min(folder.rglob("*.css"), key=lambda path: path.stat().st_size).relative_to(folder).as_posix()

    def open(self, page: str, mode: str = "light") -> list[str]:
        """Open a page and return everything that went wrong with it."""
        self.browser.get(self.address + self.small)  # of the same origin, to set its memory
        self.browser.execute_script(
            "localStorage.clear(); for (const key of ['mode', 'theme']) localStorage.setItem(key, arguments[0]);", mode
        )
        self.browser.get_log("performance"), self.browser.get_log("browser")
        self.browser.get(self.address + page)
        WebDriverWait(self.browser, 20).until(lambda b: b.execute_script("return document.readyState") == "complete")
        return self.faults()

    def faults(self) -> list[str]:
        """Requests that failed or left the site, and errors on the console, since the last call."""
        found = []
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            parameters = message["params"]
            if message["method"] == "Network.requestWillBeSent":
                url = parameters["request"]["url"]
                if not url.startswith((self.address, "data:", "blob:")):
                    found.append(f"asks for {url}")
            elif message["method"] == "Network.loadingFailed" and not parameters.get("canceled"):
                found.append(f"a request failed: {parameters['errorText']}")
            elif message["method"] == "Network.responseReceived" and parameters["response"]["status"] >= 400:
                found.append(f"{parameters['response']['status']} for {parameters['response']['url']}")
        found += [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]
        return found

    def all(self, selector: str):
        """The elements that a selector finds."""
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, condition, seconds: float = 10):
        """Wait until a condition holds."""
        return WebDriverWait(self.browser, seconds, poll_frequency=0.05).until(lambda _: condition())

    def changes(self, look: str, element, before: list) -> bool:
        """Whether all that the script `look` sees of an element becomes different within two seconds."""
        end = time.monotonic() + 2
        while time.monotonic() < end:
            now = self.browser.execute_script(look, element)
            if all(new != old for new, old in zip(now, before, strict=True)):
                return True
            time.sleep(0.03)
        return False

    def unfold(self):
        """Open every fold, and let none fade in.

        What is folded has no place of its own: axe would take the colour of a picture that lies there for its ground.
        What still fades in is judged pale.
        """
        self.browser.execute_script(
            "for (const fold of document.querySelectorAll('details')) fold.open = true;"
            "for (const fade of document.getAnimations()) fade.finish()"
        )

    def axe(self, mode: str = "light") -> list[str]:
        """Serious findings of axe-core on the page as it is; of the dark mode only what colours can do."""
        self.browser.execute_script((files("axe_core_python") / "axe.min.js").read_text())
        result = self.browser.execute_async_script(
            "const end = arguments[1]; axe.run(document, arguments[0]).then(end, (error) => end({error: `${error}`}))",
            {"resultTypes": ["violations"], "runOnly": AXE[mode]},
        )
        assert "error" not in result, result
        return [
            f"{violation['id']}: {violation['help']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
            for violation in result["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"][:3]
        ]


def built(kind: str, request) -> Path:
    """The folder of a site: the tiny book, or the course as `make book` left it."""
    if kind == "tiny":
        return request.getfixturevalue("tiny_book") / "_build" / "html"
    if not (ROOT / "_build" / "book.json").exists():
        pytest.skip("the course is not built; run `make book` first")
    return ROOT / "_build" / "html"


@pytest.fixture(scope="module", params=["tiny", "course"])
def site(request, browser):
    """A site served on loopback."""
    folder = built(request.param, request)
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Site(folder, f"http://127.0.0.1:{server.server_port}/", browser)
        server.shutdown()


@pytest.fixture(params=["tiny", "course"])
def unpacked(request, browser, tmp_path):
    """A site from a zip, opened as files."""
    folder = built(request.param, request)
    archive = shutil.make_archive(str(tmp_path / "site"), "zip", folder)
    shutil.unpack_archive(archive, tmp_path / "any where")
    return Site(tmp_path / "any where", (tmp_path / "any where").as_uri() + "/", browser)


def test_no_page_fails_or_asks_another_host(site):
    faults = {page: site.open(page) for page in site.pages}
    assert {page: found for page, found in faults.items() if found} == {}


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_no_page_has_serious_barriers(site, mode):
    barriers = {}
    for page in site.pages:
        site.open(page, mode)
        site.unfold()
        if found := site.axe(mode):
            barriers[page] = found
    assert barriers == {}, json.dumps(barriers, indent=1)


def test_pages_are_built_for_reading_aloud(site):
    for page in site.pages:
        site.open(page)
        assert site.browser.execute_script("return document.documentElement.lang") == "en", page
        levels = [int(h.tag_name[1]) for h in site.all("main :is(h1, h2, h3, h4, h5, h6)") if h.is_displayed()]
        assert levels.count(1) == 1, page
        assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False)), (page, levels)
        assert [image.get_attribute("src") for image in site.all("article img") if not image.get_attribute("alt")] == []


def move_interactives(site) -> tuple[int, list[str]]:
    """Move every control of the page by keyboard: how many interactives there are, and which controls change nothing.

    A control must change both the picture and its text alternative.
    """
    silent = []
    look = """
        const figure = arguments[0], picture = figure.querySelector('.cx-picture');
        return [picture.src || picture.innerHTML, figure.querySelector('.cx-text').textContent];
    """
    figures = site.all("figure.cx")
    for figure in figures:
        site.browser.execute_script("arguments[0].scrollIntoView()", figure)
        controls = figure.find_elements(By.CSS_SELECTOR, ".cx-controls :is(input, select)")
        site.wait(lambda controls=controls: all(control.is_displayed() for control in controls))
        for control in controls:
            name = f"{figure.get_attribute('data-explore')}: {control.get_attribute('outerHTML')[:80]}"
            before = site.browser.execute_script(look, figure)
            site.browser.execute_script("arguments[0].focus()", control)
            for keys in key_sequence(control):
                control.send_keys(keys)
                if site.changes(look, figure, before):
                    break
            else:
                silent.append(name)
    return len(figures), silent


def key_sequence(control):
    """Keys that change a control: forward, and back if it is at its end already."""
    if control.get_attribute("type") == "checkbox":
        return [Keys.SPACE]
    if control.tag_name == "select":
        return [Keys.ARROW_DOWN, Keys.END, Keys.HOME]
    return [Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.END, Keys.HOME]


def answer_quizzes(site) -> int:
    """Answer every quiz item of the page wrong, then right, and return how many there were."""
    items = [item for item in site.all(".cq-item:not(.cq-predict)") if item.is_displayed()]
    for item in items:
        site.browser.execute_script("arguments[0].scrollIntoView()", item)
        correct = [
            answer.get_attribute("data-correct") == "true"
            for answer in item.find_elements(By.CSS_SELECTOR, ".cq-answers li")
        ]
        for good in (False, True):
            inputs = item.find_elements(By.CSS_SELECTOR, "fieldset input")
            if item.get_attribute("data-type") == "number":
                value = item.find_element(By.CSS_SELECTOR, ".cq-answers li").get_attribute("data-value")
                inputs[0].clear()
                inputs[0].send_keys(value if good else "-98765")
            else:
                for box, right in zip(inputs, correct, strict=True):
                    radio = box.get_attribute("type") == "radio"
                    wanted = right == good
                    if box.is_selected() != wanted and (wanted or not radio):
                        site.browser.execute_script("arguments[0].focus()", box)
                        box.send_keys(Keys.SPACE)
            item.find_element(By.CSS_SELECTOR, ".cq-check").click()
            name = item.get_attribute("data-quiz")
            assert item.get_attribute("data-result") == ("right" if good else "wrong"), (name, good)
            assert item.find_element(By.CSS_SELECTOR, ".cq-status").text.startswith("✓" if good else "✗"), name
    return len(items)


def test_every_interactive_and_quiz_works_without_a_kernel(site):
    figures, items, silent = 0, 0, []
    for page in site.pages:
        site.open(page)
        count, unchanged = move_interactives(site)
        figures, silent = figures + count, silent + unchanged
        items += answer_quizzes(site)
        assert site.faults() == []
    assert silent == []
    assert figures > 0
    assert items > 0


def search(site) -> None:
    """Search for a word and follow the first result."""
    site.open("search.html?q=neuron")
    site.wait(lambda: site.all("#search-results li a"), 60)  # the book's index is large, and other tests run beside
    assert site.faults() == []
    site.all("#search-results li a")[0].click()
    site.wait(
        lambda: "neuron" in site.browser.page_source.lower() and "search.html" not in site.browser.current_url, 60
    )


def test_search_finds_words(site):
    search(site)


def test_the_mode_can_be_switched_and_is_kept(site):
    page = next(page for page in site.pages if page.startswith("chapters/"))
    site.open(page, "light")
    theme = "return document.documentElement.dataset.theme"
    background = "return getComputedStyle(document.body).backgroundColor"
    light = site.browser.execute_script(background)
    for _ in range(3):
        if site.browser.execute_script(theme) == "dark":
            break
        next(button for button in site.all(".theme-switch-button") if button.is_displayed()).click()
    assert site.browser.execute_script(theme) == "dark"
    assert site.browser.execute_script(background) != light
    site.browser.refresh()
    assert site.browser.execute_script(theme) == "dark"


def test_progress_is_ticked_and_kept(site):
    page = next(page for page in site.pages if page.startswith("chapters/"))
    site.open(page)
    site.all(".course-done button")[0].send_keys(Keys.ENTER)
    for again in (False, True):
        if again:
            site.browser.refresh()
        assert [link.get_attribute("href") for link in site.all("nav.bd-links a.done")] == [site.address + page + "#"]
        assert site.all(".course-done button")[0].get_attribute("aria-pressed") == "true"
    site.all(".course-done button")[0].send_keys(Keys.ENTER)
    assert site.all("nav.bd-links a.done") == []


def test_the_first_page_ticks_what_is_done_and_offers_what_comes_next(site):
    first, second = [page for page in site.pages if page.startswith("chapters/")][:2]
    site.open(first)
    site.all(".course-done button")[0].send_keys(Keys.ENTER)
    site.browser.get(site.address + "index.html")
    assert [link.get_attribute("href") for link in site.all(".course-road a.done")] == [site.address + first]
    start = site.all("a.course-start")[0]
    assert start.text.startswith("Go on with chapter")
    assert start.get_attribute("href") == site.address + second
    site.browser.execute_script("localStorage.clear()")


def test_chapters_offer_colab_download_and_neighbours(site):
    for page in [page for page in site.pages if page.startswith("chapters/")]:
        site.open(page)
        links = [link.get_attribute("href") for link in site.all("a[href]")]
        notebook = page.replace(".html", ".ipynb")
        assert any("colab.research.google.com" in link and link.endswith(notebook) for link in links), page
        assert f"{site.address}_sources/{notebook}" in links, page
        assert site.all(".prev-next-footer a.left-prev"), page
        assert site.all(".prev-next-footer a.right-next"), page


def test_a_wrong_address_leads_back(site):
    site.open("404.html")
    site.browser.find_element(By.LINK_TEXT, "first page").click()
    site.wait(lambda: site.browser.current_url.endswith("index.html"))


def test_a_first_visit_finds_nothing_to_complain_of(site):
    """Without anything in the browser's memory, as everybody comes."""
    chapter = next(page for page in site.pages if page.startswith("chapters/"))
    for page in ("404.html", "index.html", "search.html", chapter):
        site.browser.get(site.address + page)
        site.browser.execute_script("localStorage.clear()")
        site.faults()
        site.browser.refresh()
        site.wait(lambda: site.browser.execute_script("return document.readyState") == "complete")
        assert site.faults() == [], page
        assert site.browser.execute_script("return document.documentElement.dataset.mode") == "auto"
        assert site.browser.execute_script("return document.documentElement.dataset.theme") in ("light", "dark")


def test_formulas_are_drawn_without_scripts(site):
    page = next(p for p in site.pages if "<math" in (site.folder / p).read_text() and p.startswith("chapters/"))
    site.open(page)
    font = "return document.fonts.load('16px \"STIX Two Math subset\"').then((fonts) => fonts.length)"
    assert site.browser.execute_script(font) == 1
    assert all(formula.size["height"] > 5 for formula in site.all("math") if formula.is_displayed())


def test_icons_are_drawn_from_the_small_font(site):
    site.open(next(page for page in site.pages if page.startswith("chapters/")))
    icons = [icon for icon in site.all("i[class*=fa-]") if icon.is_displayed()]
    look = "const style = getComputedStyle(arguments[0], '::before'); return [style.content, style.fontFamily]"
    assert len(icons) > 5
    for icon in icons:
        content, family = site.browser.execute_script(look, icon)
        assert len(content) == 3, icon.get_attribute("class")
        script = "return document.fonts.load(`900 16px ${arguments[0]}`, arguments[1]).then((fonts) => fonts.length)"
        assert site.browser.execute_script(script, family.split(",")[0], content.strip('"')) == 1, family


def test_a_narrow_screen_needs_no_sideways_scrolling(site):
    site.browser.set_window_size(500, 900)
    try:
        for page in site.pages:
            site.open(page)
            width = site.browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
            assert width <= 0, f"{page} is {width} pixels too wide"
    finally:
        site.browser.set_window_size(1300, 1000)


def test_three_pages_work_from_a_folder(unpacked):
    chapters = [page for page in unpacked.pages if page.startswith("chapters/")]
    figures = 0
    for page in ["index.html", *chapters[:2]]:
        assert unpacked.open(page, "dark") == []
        assert unpacked.browser.execute_script("return document.documentElement.dataset.theme") == "dark"
        count, unchanged = move_interactives(unpacked)
        assert unchanged == []
        figures += count
        answer_quizzes(unpacked)
        assert unpacked.faults() == []
    assert figures > 0
    search(unpacked)
