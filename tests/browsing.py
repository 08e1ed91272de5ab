"""A built site in headless Chromium, with every other host out of reach: the tiny book or the course."""

import contextlib
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


@contextlib.contextmanager
def chromium():
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


@contextlib.contextmanager
def served(folder: Path, browser):
    """A site served on loopback."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Site(folder, f"http://127.0.0.1:{server.server_port}/", browser)
        server.shutdown()


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
