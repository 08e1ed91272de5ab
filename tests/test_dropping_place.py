"""The place for a photograph on a page of the site: by keyboard, read aloud, in both modes, with odd pictures."""

import io
import time

import numpy as np
import pytest
from PIL import Image, ImageDraw

from helpers import data, imagenet
from tests.browsing import served
from tests.test_serving import png_that_claims

pytestmark = pytest.mark.browser
PAGE = "chapters/01_one.html"
WATCH = """
    const root = document.querySelector('.course-classifier'), said = root.querySelector('[role=status]');
    window.heard = [];
    new MutationObserver(() => window.heard.push(said.textContent)).observe(said, {childList: true});
"""
DROP = """
    const [name, bytes] = arguments, root = document.querySelector('.course-classifier');
    const transfer = new DataTransfer();
    if (bytes) transfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
    else transfer.setData('text/plain', 'a word, and no file');
    for (const kind of ['dragover', 'drop']) {
        const event = new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true});
        if (root.querySelector('p').dispatchEvent(event)) throw new Error(kind + ' would leave the page');
    }
"""


@pytest.fixture(scope="module")
def site(tiny_book, browser):
    """The tiny book on loopback; its first chapter has a dropping place."""
    with served(tiny_book / "_build" / "html", browser) as site:
        yield site


def opened(site, mode="light"):
    """The dropping place of a fresh page, whose words are written down from now on."""
    assert site.open(PAGE, mode) == []
    site.browser.execute_script(WATCH)
    return site.all(".course-classifier")[0]


def answer(site, patience=120) -> str:
    """The last sentence of the live region, once the network has spoken."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        heard = site.browser.execute_script("return window.heard")
        if heard and not heard[-1].startswith(("Loading", "Looking")):
            return heard[-1].replace("\u00a0", " ")
        time.sleep(0.2)
    raise AssertionError(f"no answer after {patience} s, only {heard[-1:]}")


def ask(site, file, mode="light") -> str:
    """Choose a file on a fresh page; returns what is announced."""
    opened(site, mode).find_element("css selector", "input").send_keys(str(file))
    said = answer(site)
    assert site.faults() == [], "nothing may leave the page, and nothing may fail"
    return said


def noise():
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8))


def flat_colour():
    return Image.new("RGB", (300, 200), (200, 30, 60))


def cup_of_coffee():
    """A cup from above on a saucer, as a beginner would draw it."""
    image = Image.new("RGB", (320, 320), (150, 110, 70))
    pen = ImageDraw.Draw(image)
    pen.ellipse((20, 40, 280, 300), fill=(235, 235, 230), outline=(120, 120, 120), width=3)
    pen.ellipse((250, 130, 312, 200), outline=(240, 240, 240), width=14)
    pen.ellipse((60, 80, 240, 260), fill=(250, 250, 250), outline=(150, 150, 150), width=4)
    pen.ellipse((78, 98, 222, 242), fill=(70, 40, 20))
    return image


@pytest.mark.parametrize("draw", [noise, flat_colour, cup_of_coffee])
def test_what_shows_neither_is_called_neither(site, tmp_path, draw):
    file = tmp_path / f"{draw.__name__}.png"
    draw().save(file)
    assert ask(site, file).startswith("This looks like neither a cat nor a dog; perhaps ")
    assert site.browser.execute_script("return document.querySelector('.course-classifier').result.share") < (
        imagenet.NEITHER
    )


def moving(folder):
    """Chelsea, then two other pictures."""
    first = Image.fromarray(data.photograph("chelsea").numpy())
    rest = [Image.fromarray(data.photograph(name).numpy()).resize(first.size) for name in ("coffee", "rocket")]
    first.save(folder / "moving.gif", save_all=True, append_images=rest, duration=100)
    return folder / "moving.gif"


def test_of_a_moving_picture_the_first_is_looked_at_and_that_is_said(site, tmp_path):
    said = ask(site, moving(tmp_path))
    assert said.startswith("This is a cat")
    assert "Only the first of its 3 pictures was looked at." in said


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("words.png", b"not a picture", "words.png is not a picture that this browser can read"),
        ("empty.jpg", b"", "empty.jpg is not a picture that this browser can read"),
        ("huge.png", png_that_claims(30000, 30000), "huge.png "),
        ("large.png", None, "large.png has more than 60 million pixels; scale it down and try again."),
        ("dot.png", "dot", "It has only 1 x 1 pixels, so there was little to see."),
    ],
)
def test_odd_files_get_a_sentence_and_the_next_one_still_works(site, tmp_path, name, content, sentence):
    file = tmp_path / name
    if content is None:
        Image.new("1", (9000, 7000)).save(file)
    elif content == "dot":
        Image.new("RGB", (1, 1), "red").save(file)
    else:
        file.write_bytes(content)
    assert sentence in ask(site, file)
    if content == "dot":
        return
    assert not site.all(".course-classifier canvas")[0].is_displayed()
    assert site.all(".course-classifier li") == []
    flat_colour().save(tmp_path / "after.png")
    site.browser.execute_script("window.heard = []")
    site.all(".course-classifier input")[0].send_keys(str(tmp_path / "after.png"))
    assert answer(site).startswith("This looks like neither")


def test_a_dropped_photograph_is_looked_at_and_a_dropped_word_is_not(site):
    import base64

    stream = io.BytesIO()
    Image.fromarray(data.photograph("chelsea").numpy()).save(stream, "PNG")
    opened(site)
    site.browser.execute_script(DROP, "word", None)
    time.sleep(0.3)
    assert site.browser.execute_script("return window.heard") == []
    site.browser.execute_script(DROP, "chelsea.png", base64.b64encode(stream.getvalue()).decode())
    assert answer(site).startswith("This is a cat, probability more than 99 %.")
    assert site.faults() == []


@pytest.mark.parametrize("key", ["ENTER", "SPACE"])
def test_by_keyboard_alone_a_photograph_is_chosen_and_the_answer_announced(site, tmp_path, key):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    place = opened(site)
    button = place.find_element("css selector", "input")
    # From the focusable thing before it, one press of Tab must lead here.
    site.browser.execute_script(
        """
        const all = [...document.querySelectorAll('main a[href], main button, main input, main select, main summary')];
        const before = all.filter((e) => e.offsetParent && e.tabIndex >= 0);
        before[before.indexOf(arguments[0]) - 1].focus();
        """,
        button,
    )
    ActionChains(site.browser).send_keys(Keys.TAB).perform()
    assert site.browser.switch_to.active_element == button
    outline = "const s = getComputedStyle(arguments[0]); return s.outlineStyle + ' ' + s.outlineWidth"
    assert site.browser.execute_script(outline, button).split()[0] != "none", "focus can be seen"
    site.browser.execute_script(
        "window.opened = 0; arguments[0].addEventListener('click', (e) => { window.opened++; e.preventDefault(); })",
        button,
    )
    ActionChains(site.browser).send_keys(getattr(Keys, key)).perform()
    assert site.browser.execute_script("return window.opened") == 1, f"{key} opens the list of files"
    file = tmp_path / "cup.png"
    cup_of_coffee().save(file)
    button.send_keys(str(file))
    assert answer(site).startswith("This looks like neither")
    heard = site.browser.execute_script("return window.heard")
    assert heard[0].startswith("Loading the network: part 1 of 8")
    assert any(text.startswith("Looking at cup.png") for text in heard)
    status = place.find_element("css selector", "[role=status]")
    assert (status.get_attribute("aria-live"), status.is_displayed()) == ("polite", True)
    assert site.browser.switch_to.active_element == button, "the focus stays, to choose the next one"


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 400])
def test_with_an_answer_the_page_has_no_barrier_and_fits(site, tmp_path, mode, width):
    site.browser.set_window_size(width, 1000)
    try:
        ask(site, moving(tmp_path), mode)
        assert site.axe() == []
        over = """
            const around = document.querySelector('.course-classifier').parentElement, page = document.documentElement;
            return [page.scrollWidth - window.innerWidth, around.scrollWidth - around.clientWidth];
        """
        assert max(site.browser.execute_script(over)) <= 0
    finally:
        site.browser.set_window_size(1300, 1000)
