"""The classifier in the page, opened from disk in a real browser, against PyTorch on the same photograph."""

import shutil
import time

import pytest
import torch
from PIL import Image

from helpers import data, imagenet, models
from helpers.interactive.classifier import classifier_html
from tests.test_widgets_browser import browser  # noqa: F401  a fixture
from tools.classifier import export

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def net():
    return models.backbone("efficientnet_lite0", fallback=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder as a reader unpacks it: one page and what it loads."""
    folder = tmp_path_factory.mktemp("site")
    assert export(folder / "classifier") <= 12e6
    html = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Page</title><body>'
    html += classifier_html("classifier/")
    (folder / "page.html").write_text(html, encoding="utf-8")
    (folder / "lonely.html").write_text(html.replace("classifier/", "nothing/"), encoding="utf-8")
    return folder


def drop(browser, page, file, patience=240):  # noqa: F811
    """Choose a file on a fresh page; returns the words and the result, once there are any."""
    browser.get(page.as_uri())
    browser.get_log("performance")
    browser.find_element("css selector", "input[type=file]").send_keys(str(file))
    end = time.monotonic() + patience
    while time.monotonic() < end:
        words = browser.find_element("css selector", "[role=status]").text
        if words and "Loading" not in words and "Looking" not in words:
            script = "return document.querySelector('.course-classifier').result || null"
            return words, browser.execute_script(script)
        time.sleep(0.2)
    raise AssertionError(f"no answer after {patience} s: {words}")


def save(name, folder):
    file = folder / f"{name}.png"
    Image.fromarray(data.photograph(name).numpy()).save(file)
    return file


def test_does_it_say_what_pytorch_says_without_a_request(browser, site, net, tmp_path):  # noqa: F811
    file = save("chelsea", tmp_path)
    words, result = drop(browser, site / "page.html", file)
    logits = models.logits_of(net, str(file))
    expected = logits.softmax(0)
    assert (torch.tensor(result["probabilities"]) - expected).abs().max() < 1e-2
    assert result["dog"] == pytest.approx(float(imagenet.dog_log_odds(logits[None]).sigmoid()), abs=1e-2)
    assert [one["name"] for one in result["top"]][:3] == [name for name, _ in imagenet.verdict(logits).top][:3]
    assert words.startswith("This is a cat, probability more than 99 %.")
    assert len(browser.find_elements("css selector", ".course-classifier li")) == 5
    canvas = browser.find_element("css selector", "canvas")
    assert canvas.is_displayed()
    assert "bright where the evidence for" in canvas.get_attribute("aria-label")
    urls = [entry["message"] for entry in browser.get_log("performance") if "requestWillBeSent" in entry["message"]]
    assert any("weights-0.js" in url for url in urls)
    assert not [url for url in urls if '"url":"http' in url]


def test_is_a_cup_of_coffee_neither(browser, site, net, tmp_path):  # noqa: F811
    file = save("coffee", tmp_path)
    words, result = drop(browser, site / "page.html", file)
    expected = models.logits_of(net, str(file)).softmax(0)
    assert (torch.tensor(result["probabilities"]) - expected).abs().max() < 1e-2
    assert words.startswith("This looks like neither a cat nor a dog; perhaps ")
    assert result["share"] < imagenet.NEITHER


def test_does_nothing_load_before_a_photograph_is_chosen(browser, site):  # noqa: F811
    browser.get((site / "page.html").as_uri())
    time.sleep(0.5)
    assert browser.execute_script("return typeof window.courseClassifier") == "undefined"


def test_has_bad_input_a_sentence(browser, site, tmp_path):  # noqa: F811
    text = tmp_path / "notes.png"
    text.write_text("not a picture")
    words, result = drop(browser, site / "page.html", text)
    assert "notes.png is not a picture that this browser can read" in words
    assert result is None
    Image.new("RGB", (1, 1), "red").save(tmp_path / "dot.png")
    assert "It has only 1 x 1 pixels" in drop(browser, site / "page.html", tmp_path / "dot.png")[0]
    words, _ = drop(browser, site / "lonely.html", tmp_path / "dot.png")
    assert "was not built into this copy of the page" in words


def test_a_page_without_weights_says_which_file_is_missing(browser, site, tmp_path):  # noqa: F811
    shutil.copytree(site, tmp_path / "cut")
    (tmp_path / "cut" / "classifier" / "weights-3.js").unlink()
    words, _ = drop(browser, tmp_path / "cut" / "page.html", save("coffee", tmp_path))
    assert "the file weights-3.js is missing beside this page" in words


def test_can_it_be_reached_by_keyboard_and_is_it_announced(browser, site):  # noqa: F811
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser.get((site / "page.html").as_uri())
    ActionChains(browser).send_keys(Keys.TAB).perform()
    focused = browser.switch_to.active_element
    assert focused.get_attribute("type") == "file"
    assert focused.accessible_name.startswith("Drop a photograph here, or choose one")
    assert browser.find_element("css selector", "[role=status]").get_attribute("aria-live") == "polite"
