"""Interactives and quizzes in a real browser: on a lone page from disk, and in a running JupyterLab."""

import contextlib
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from helpers import quiz
from helpers.interactive import bundle
from helpers.interactive.formula import to_javascript
from helpers.interactive.plot import plot
from tests.example_widgets import EXAMPLES
from tests.formulas import check_formula
from tests.test_quiz import PREDICT, RIGHT

CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.browser
STYLE = """<style>:root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) { body { background: #121212; color: #ddd; } }</style>"""


@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=900,1200"]:
        options.add_argument(argument)
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")  # nothing from outside
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(CHROMEDRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """One page with all example interactives, a quiz, cards and a self-test."""
    folder = tmp_path_factory.mktemp("page")
    parts = []
    for name, example in EXAMPLES.items():
        kwargs = dict(example)
        parts.append(bundle(name, kwargs.pop("draw"), **kwargs)["text/html"])
    (folder / "02_tensors.toml").write_text(RIGHT + PREDICT, encoding="utf-8")
    chapter = quiz.load("02_tensors", folder)
    parts += [quiz.predict_html(chapter.predictions[0])]
    parts += [quiz.before_html([("02_tensors", item) for item in chapter.quiz[:1]])]
    parts += [quiz.quiz_html(chapter), quiz.questions_html(chapter), quiz.self_test_html([chapter], 2)]
    file = folder / "page.html"
    viewport = '<meta name="viewport" content="width=device-width">'
    head = (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{viewport}<title>Page</title>{STYLE}<body><h1>Page</h1>'
    )
    file.write_text(head + "\n".join(parts), encoding="utf-8")
    return file.as_uri()


@pytest.fixture
def opened(browser, page):
    browser.get(page)
    browser.execute_script("localStorage.clear()")
    browser.refresh()
    browser.get_log("browser")
    yield browser
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def find(where, selector):
    return where.find_element("css selector", selector)


def find_all(where, selector):
    return where.find_elements("css selector", selector)


def widget(browser, name):
    return find(browser, f'[data-explore="{name}"]')


def look(figure):
    """What is seen and what is said: the picture, its alternative, and the text below."""
    script = """const picture = arguments[0].querySelector('.cx-picture');
    const label = picture.alt ?? picture.querySelector('svg').getAttribute('aria-label');
    return [picture.src ?? picture.innerHTML, label, arguments[0].querySelector('.cx-text').textContent];"""
    return figure.parent.execute_script(script, figure)


def wait_until(condition, seconds=10):
    from selenium.common.exceptions import WebDriverException

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(WebDriverException):  # JupyterLab draws its cells anew while it starts
            if result := condition():
                return result
        time.sleep(0.02)
    raise AssertionError("nothing happened")


def press(element, key):
    from selenium.webdriver.common.keys import Keys

    element.send_keys(getattr(Keys, key))


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_control_moves_by_keyboard(opened, name):
    figure = widget(opened, name)
    for control in find_all(figure, ".cx-controls :is(input, select)"):
        before = look(figure)
        kind = control.get_attribute("type")
        back, forth = ("ARROW_LEFT", "ARROW_RIGHT") if kind == "range" else ("ARROW_UP", "ARROW_DOWN")
        last = opened.execute_script(
            "return arguments[0].value == arguments[0].max || arguments[0].selectedIndex == arguments[0].length - 1",
            control,
        )
        press(control, "SPACE" if kind == "checkbox" else back if last else forth)
        wait_until(lambda before=before: look(figure)[0] != before[0])
        after = look(figure)
        assert after[1] == after[2]
    assert find(figure, ".cx-picture").rect["height"] > 100


def test_text_follows_the_slider(opened):
    figure = widget(opened, "W05.1")
    slider = find(figure, "input")
    assert look(figure)[2].startswith("At 0.3 the cross-entropy is 1.20")
    press(slider, "END")
    wait_until(lambda: look(figure)[2].startswith("At 0.95"))
    assert slider.get_attribute("aria-valuetext") == "0.95"
    assert find(figure, ".cx-value").text == "0.95"
    assert find(figure, ".cx-text").get_attribute("aria-live") == "polite"


def test_pictures_decode(opened):
    for name in ("W05.1", "W04.2", "W09.1"):
        figure = widget(opened, name)
        press(find(figure, ".cx-controls :is(input, select)"), "ARROW_DOWN")
        opened.execute_async_script("arguments[0].decode().then(arguments[1])", find(figure, "img"))
        assert opened.execute_script("return arguments[0].naturalWidth", find(figure, "img")) > 300


def test_frames_far_below_wait_until_they_are_near(browser, page):
    count = "return document.querySelectorAll('[data-unpacked]').length"
    browser.get(page)
    assert browser.execute_script(count) < 3
    browser.execute_script("arguments[0].scrollIntoView()", widget(browser, "W09.1"))
    wait_until(lambda: find_all(browser, '[data-explore="W09.1"][data-unpacked]'))


def test_play_goes_to_the_end_and_stops(opened):
    figure = widget(opened, "W05.1")
    slider, button = find(figure, "input"), find(figure, ".cx-play")
    opened.execute_script("arguments[0].value = 16; arguments[0].dispatchEvent(new Event('input'))", slider)
    button.click()
    assert button.text == "⏸ Pause"
    wait_until(lambda: slider.get_attribute("value") == "18")
    wait_until(lambda: button.text == "▶ Play")
    button.click()
    wait_until(lambda: slider.get_attribute("value") == "1")
    button.click()
    assert button.text == "▶ Play"


def test_play_steps_where_motion_is_reduced(browser, page):
    reduced = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", reduced)
    try:
        browser.get(page)
        figure = widget(browser, "W05.1")
        button, slider = find(figure, ".cx-play"), find(figure, "input")
        before = int(slider.get_attribute("value"))
        assert button.text == "▶ Step"
        button.click()
        time.sleep(1)
        assert int(slider.get_attribute("value")) == before + 1
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_first_frame_without_javascript(browser, page):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(page)
        for name in EXAMPLES:
            figure = widget(browser, name)
            assert find(figure, ".cx-picture").rect["height"] > 100
            assert find(figure, ".cx-text").text
            assert not find(figure, ".cx-controls").is_displayed()
        assert find(browser, ".cq-answers summary").is_displayed()
        assert not find(browser, ".cq-check").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_page_asks_nobody(browser, page):
    browser.get_log("performance")
    browser.get(page)
    for figure in find_all(browser, ".cx"):
        press(find(figure, ".cx-controls :is(input, select)"), "ARROW_DOWN")
    sent = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [message["params"]["request"]["url"] for message in sent if message["method"] == "Network.requestWillBeSent"]
    assert [url for url in urls if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_contrasts_in_light_and_dark(browser, page, scheme):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    try:
        browser.get(page)
        script = """
        const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
        const parse = (text) => numbers(text)[3] === 0 ? null : numbers(text);
        const linear = (v) => v / 255 <= .03928 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4;
        const light = (n) => .2126 * linear(n[0]) + .7152 * linear(n[1]) + .0722 * linear(n[2]);
        const bad = [];
        for (const node of document.querySelectorAll('.cx *, .cq *')) {
          if (!node.checkVisibility() || ![...node.childNodes].some((c) => c.nodeType == 3 && c.data.trim())) continue;
          if (node.closest('svg, style, script')) continue;
          let back = null;
          for (let up = node; up && !back; up = up.parentElement) back = parse(getComputedStyle(up).backgroundColor);
          const color = parse(getComputedStyle(node).color);
          const pair = [light(color), light(back || [255, 255, 255])].sort((a, b) => b - a);
          const ratio = (pair[0] + .05) / (pair[1] + .05);
          if (ratio < 4.5) bad.push(node.className + ' ' + node.textContent.slice(0, 40) + ' ' + ratio.toFixed(2));
        }
        return bad;"""
        assert browser.execute_script(script) == []
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_nothing_is_cut_off_on_a_phone(browser, page):
    size = browser.get_window_size()
    phone = {"width": 360, "height": 700, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        browser.get(page)
        script = """return [...document.querySelectorAll('body *')].filter(
          (e) => !e.parentElement.closest('svg') && e.getBoundingClientRect().right > 360)"""
        assert [element.get_attribute("outerHTML")[:80] for element in browser.execute_script(script)] == []
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.set_window_size(size["width"], size["height"])


@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if "formula" in example])
def test_formula_on_the_page_equals_python(browser, page, name):
    browser.get(page)
    example = EXAMPLES[name]
    controls = {key: value for key, value in example.items() if hasattr(value, "kept")}
    for function in (example["formula"], example["describe"]):
        check_formula(function, to_javascript(function), controls, browser.execute_script, n=60)


def test_plotter_on_the_page_equals_python(browser, page):
    browser.get(page)
    for example in EXAMPLES.values():
        if "formula" in example:
            state = {key: value.values[value.start] for key, value in example.items() if hasattr(value, "kept")}
            drawing = {"panels": [example["formula"](**state)] * 2}
            script = f"{to_javascript(plot)}\nreturn plot({json.dumps(drawing)}, 'A \"<figure>\"');"
            assert browser.execute_script(script) == plot(drawing, 'A "<figure>"')


def everything(a, b, n):
    """Uses each thing that the translator knows at least once."""
    import_free = [i for i in range(n, 0, -2)] + [0] * 3
    numbers = [a, b, a * b, 0.5, 2.5, -2.5, 1e-7, 123456.789]
    texts = [f"{x:g} {x:.2f} {x:+.1f} {x:.0f} {x:e} {x:.3g} {x:.1%}" for x in numbers]
    total, grid = 0.0, [[0.0 for _ in range(3)] for _ in range(2)]
    for i, row in enumerate(grid):
        for j in range(3):
            row[j] = i * a + j
            if j == 2 and i > 0:
                break
        else_part = 1 if a > b else 2 if a == b else 3
        total += sum(row) + else_part
    while total > 10 and n not in (0, 1):
        total /= 2
        if total < 0 or not (a <= b or b < a):
            continue
    table = {"low": min(a, b), "high": max(numbers), "first": import_free[0], "last": import_free[-1]}
    pairs = [x * y for x in [1, 2] for y in [3, 4] if x != y]
    return {
        "texts": texts + [", ".join(texts[1:3]).replace("e", "E")] + [str(n) for n in [n]],
        "numbers": [-n % 3, -7 // 2, n % 4, abs(a), round(a, 1), round(2.5), 2**-1, int(a), float(n), len(pairs)],
        "math": [math_all(a), sorted([b, a])[0], list(zip([1, 2], [3, 4], strict=True))[1][0]],
        "rest": [total, table["low"], table.get("none", 5), table.get("last", 5), any([a > 0, b > 0]), all([a > 0])],
        "pairs": pairs[:2] + pairs[1:],
        "grid": grid,
        "empty": None,
    }


def math_all(x):
    return (
        math.exp(x)
        + math.log(1 + abs(x))
        + math.tanh(x)
        + math.erf(x)
        + math.erf(3.5)
        - math.erf(-2.9)
        + math.hypot(x, 2)
    ) * math.floor(x + 5) + math.atan2(x, 3)


def test_all_of_the_translated_python(browser, page):
    from helpers.interactive import slider

    browser.get(page)
    controls = {"a": slider(-2.0, 2.0, 0.125, 0.5), "b": slider(-1.0, 3.0, 0.1, 0.5), "n": slider(0, 9)}
    check_formula(everything, to_javascript(everything), controls, browser.execute_script, n=200)


def item(browser, name):
    return find(browser, f'.cq > [data-quiz="{name}"]')


def option(question, text):
    """The box before an option, wherever the option stands."""
    (label,) = [label for label in find_all(question, "label") if label.text.strip() == text]
    return find(label, "input")


def test_choice_by_keyboard_wrong_then_right(opened):
    question = item(opened, "tensors-dtype")
    first = find_all(question, "input")[0]
    press(option(question, "float32"), "SPACE")
    press(option(question, "float32"), "ENTER")
    assert find(question, ".cq-status").text == "✗ Not yet."
    assert "✗ Only with a decimal point." in question.text
    assert "int64." not in question.text
    press(find(question, ".cq-retry"), "ENTER")
    assert opened.switch_to.active_element == first
    press(option(question, "int64"), "SPACE")
    press(find(question, ".cq-check"), "SPACE")
    assert find(question, ".cq-status").text == "✓ Correct."
    assert "✗ Only with" in question.text
    assert "✓ Python's integers" in question.text


def test_several_answers(opened):
    question = item(opened, "tensors-views")
    find(question, ".cq-check").click()
    assert find(question, ".cq-status").text == "Choose an answer first."
    option(question, "view").click()
    option(question, "clone").click()
    find(question, ".cq-check").click()
    assert find(question, ".cq-status").text == "✗ Not yet. 1 of your choices wrong, 1 missing."
    option(question, "transpose").click()
    option(question, "clone").click()
    find(question, ".cq-check").click()
    assert find(question, ".cq-status").text == "✓ Correct."


@pytest.mark.parametrize(
    ("typed", "status", "why"),
    [
        ("0.3150", "✓ Correct.", "The natural logarithm."),
        ("0,3147", "✓ Correct.", "The natural logarithm."),
        ("31.47 %", "✓ Correct.", "The natural logarithm."),
        ("3.147e-1", "✓ Correct.", "The natural logarithm."),
        ("3.147·10^-1", "✓ Correct.", "The natural logarithm."),
        ("3147/10000", "✓ Correct.", "The natural logarithm."),
        ("6,294 / 20", "✓ Correct.", "The natural logarithm."),
        ("0.3147 nats", "✓ Correct.", "The natural logarithm."),
        ("0.3147 k", "Enter a number first, such as 0.25 or 1e-3.", ""),
        ("3147/0", "Enter a number first, such as 0.25 or 1e-3.", ""),
        ("1/", "Enter a number first, such as 0.25 or 1e-3.", ""),
        ("one/2", "Enter a number first, such as 0.25 or 1e-3.", ""),
        ("0.1367", "✗ Not yet.", "That is the logarithm to base 10."),
        ("7", "✗ Not yet. That is not the number; look at the size and the sign.", ""),
        ("much", "Enter a number first, such as 0.25 or 1e-3.", ""),
        ("1-2", "Enter a number first, such as 0.25 or 1e-3.", ""),
        ("-", "Enter a number first, such as 0.25 or 1e-3.", ""),
    ],
)
def test_numbers(opened, typed, status, why):
    question = item(opened, "tensors-loss")
    box = find(question, "input")
    box.send_keys(typed)
    press(box, "ENTER")
    assert find(question, ".cq-status").text == status
    assert why in question.text


LARGE = """
[[quiz]]
id = "large-number"
type = "number"
question = "How many?"
answer = -100480
explanation = "So many."
[[quiz.wrong]]
value = 100480
explanation = "The sign."
[[quiz.wrong]]
value = -1.5
explanation = "Much too small."
"""


@pytest.mark.parametrize("minus", ["-", "\u2212", "\u2013"])
@pytest.mark.parametrize(
    "digits",
    [
        "100480", "100,480", "100.480", "100 480", "100\u202f480", "100'480", "100\u2019480", "1.0048e5", "100480.0",
        "\uff11\uff10\uff10\uff14\uff18\uff10", "\u0661\u0660\u0660\u066c\u0664\u0668\u0660", "1.0048 \u00d7 10\u2075",
        "\u200e100480", "200960/2",
    ],
)  # fmt: skip
def test_large_numbers_as_people_write_them(browser, tmp_path, minus, digits):
    (tmp_path / "02_tensors.toml").write_text(LARGE, encoding="utf-8")
    file = tmp_path / "page.html"
    file.write_text('<meta charset="utf-8">' + quiz.quiz_html(quiz.load("02_tensors", tmp_path)), encoding="utf-8")
    browser.get(file.as_uri())
    question = find(browser, ".cq-item")
    for typed, expected in ((minus + digits, "So many."), (digits, "The sign."), (minus + "1,5", "Much too small.")):
        script = "arguments[0].value = arguments[1]; arguments[2].click();"
        browser.execute_script(script, find(question, "input"), typed, find(question, ".cq-check"))
        assert expected in find(question, ".cq-option").text


def test_answer_is_shown_on_demand(opened):
    question = item(opened, "tensors-loss")
    find(question, "input").send_keys("7")
    find(question, ".cq-check").click()
    find(question, ".cq-reveal").click()
    assert find(question, "input").get_attribute("value") == "0.3147"
    assert "The natural logarithm." in question.text


def test_answers_are_remembered_until_retried(opened):
    option(item(opened, "tensors-dtype"), "int64").click()
    find(item(opened, "tensors-dtype"), ".cq-check").click()
    opened.refresh()
    question = item(opened, "tensors-dtype")
    assert find(question, ".cq-status").text == "✓ Correct."
    assert option(question, "int64").is_selected()
    find(question, ".cq-retry").click()
    opened.refresh()
    assert find(item(opened, "tensors-dtype"), ".cq-status").text == ""


def test_card_opens_by_keyboard(opened):
    card = find(opened, ".cq > .cq-card")
    assert not find(card, "div").is_displayed()
    press(find(card, "summary"), "ENTER")
    assert find(card, "div").text == "An array that knows its device."


def test_a_prediction_is_chosen_revealed_and_remembered(opened):
    question = find(opened, ".cq-predict")
    press(find(question, ".cq-check"), "SPACE")
    assert find(question, ".cq-status").text.startswith("Choose first")
    assert "Python divides truly" not in question.text
    press(option(question, "0"), "SPACE")
    press(find(question, ".cq-check"), "ENTER")
    assert find(question, ".cq-status").text == "✗ It turns out differently."
    assert "Python divides truly" in question.text
    opened.refresh()
    question = find(opened, ".cq-predict")
    assert option(question, "0").is_selected()
    assert "Python divides truly" in question.text
    press(find(question, ".cq-retry"), "SPACE")
    opened.refresh()
    question = find(opened, ".cq-predict")
    assert "Python divides truly" not in question.text
    option(question, "0.5").click()
    find(question, ".cq-check").click()
    assert find(question, ".cq-status").text == "✓ As you predicted."


def test_questions_from_before_are_asked_anew(opened):
    """An item may stand twice on a page: neither copy switches the other off, and only the quiz remembers."""
    again = find(opened, ".cq-before .cq-item")
    option(item(opened, "tensors-dtype"), "float32").click()
    option(again, "int64").click()
    assert option(item(opened, "tensors-dtype"), "float32").is_selected()
    find(again, ".cq-check").click()
    opened.refresh()
    assert find(opened, ".cq-before .cq-status").text == ""


def test_the_deck_leaves_the_answers_of_quizzes_alone(opened):
    option(item(opened, "tensors-dtype"), "int64").click()
    find(item(opened, "tensors-dtype"), ".cq-check").click()
    for _ in range(2):  # each opening of the page draws cards
        opened.refresh()
    find(opened, ".cq-draw").click()
    assert find(item(opened, "tensors-dtype"), ".cq-status").text == "✓ Correct."
    opened.refresh()
    assert find(item(opened, "tensors-dtype"), ".cq-status").text == "✓ Correct."


def boxes(browser):
    script = "return Object.fromEntries(Object.entries(localStorage).filter(([k]) => k.startsWith('course-box:')));"
    return {key[11:]: json.loads(value) for key, value in browser.execute_script(script).items()}


def test_what_is_known_rests_and_what_is_not_comes_back(opened):
    test = find(opened, ".cq-test")
    number = find(test, ".cq-setup input[type=number]")
    number.clear()
    number.send_keys("4")
    find(test, ".cq-draw").click()
    question = find(test, '[data-quiz="tensors-dtype"]')
    option(question, "int64").click()
    find(question, ".cq-check").click()
    card = find(test, ".cq-card")
    find(card, "summary").click()
    find(card, '.cq-known [value="wrong"]').click()
    now = time.time() * 1000
    state = boxes(opened)
    assert {name: entry["box"] for name, entry in state.items()} == {"tensors-dtype": 1, "Q03": 0}
    assert 0.9 < (state["tensors-dtype"]["due"] - now) / 864e5 < 1.1
    assert state["Q03"]["due"] <= now + 1000
    find(question, ".cq-check").click()  # known twice in one sitting: that is no memory of a day
    assert boxes(opened)["tensors-dtype"] == state["tensors-dtype"]
    find(test, ".cq-draw").click()
    assert find(test, ".cq-score").text == "4 cards: 1 due, 2 new, 1 resting. Here are 4."
    number.clear()
    number.send_keys("1")
    find(test, ".cq-draw").click()
    (entry,) = [entry for entry in find_all(test, ".cq-entry") if entry.is_displayed()]
    assert find_all(entry, '[data-question="Q03"]')


def test_self_test_draws_and_counts(opened):
    test = find(opened, ".cq-test")
    assert len([entry for entry in find_all(test, ".cq-entry") if entry.is_displayed()]) == 2
    number = find(test, ".cq-setup input[type=number]")
    number.clear()
    number.send_keys("4")
    find(test, ".cq-draw").click()
    assert find(test, ".cq-score").text == "4 cards: 0 due, 4 new, 0 resting. Here are 4."
    question = find(test, '[data-quiz="tensors-dtype"]')
    option(question, "int64").click()
    find(question, ".cq-check").click()
    assert find(test, ".cq-score").text == "1 of 4 right so far."
    find(test, ".cq-setup input[type=checkbox]").click()
    find(test, ".cq-draw").click()
    assert find(test, ".cq-score").text == "Tick at least one chapter."


KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
LIVE = """
from pathlib import Path
import matplotlib.pyplot as plt
from helpers.interactive import explore, slider, choice
def draw(n, kind):
    Path("drawn.txt").write_text(f"{n} {kind}")
    fig, ax = plt.subplots()
    ax.plot([0, n])
    return ax
explore("W99.9", draw, title="Live?", describe=lambda n, kind: f"n is {n}, kind is {kind}.",
        n=slider(1, 50, 1, 7, frames=2, play=True), kind=choice(["a", "b"]))
"""
QUIZ = """
from pathlib import Path
from helpers import quiz
from IPython.display import display
display({"text/html": quiz.quiz_html(quiz.load("02_tensors", Path("."))), "text/plain": "quiz"}, raw=True)
"""


@pytest.fixture
def lab(tmp_path):
    """A JupyterLab on loopback, in an empty folder with one notebook."""
    pytest.importorskip("jupyterlab")
    nbformat = pytest.importorskip("nbformat")
    (tmp_path / "02_tensors.toml").write_text(RIGHT, encoding="utf-8")
    v4 = nbformat.v4
    cells = [v4.new_code_cell(source) for source in (LIVE, QUIZ)]
    nbformat.write(v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), tmp_path / "live.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTER_DATA_DIR": "data"}
    env = os.environ | {key: str(tmp_path / "home" / folder) for key, folder in home.items()}
    settings = tmp_path / "home" / "config" / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True)
    # The question whether to fetch news would lie over the notebook.
    settings.write_text(json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--IdentityProvider.token=", "--allow-root", f"--ServerApp.root_dir={tmp_path}"]
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"

    def answers():
        assert server.poll() is None, (tmp_path / "lab.log").read_text()
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"{url}/api", timeout=5).status == 200

    try:
        wait_until(answers, 150)
        yield url
    finally:
        server.terminate()
        server.wait(30)


@pytest.mark.timeout(600)
def test_slider_in_jupyterlab_calls_python(browser, lab, tmp_path):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser.get(f"{lab}/lab/tree/live.ipynb")
    wait_until(lambda: find_all(browser, ".jp-Notebook .jp-CodeCell"), 120)
    wait_until(lambda: find_all(browser, '.jp-Notebook-ExecutionIndicator[data-status="idle" i]'), 150)

    ran = r"\[(\d+|\*)\]:"  # its prompt

    def run_cells():  # again where JupyterLab, still starting, lost the keys
        cells = [cell for cell in find_all(browser, ".jp-Notebook .jp-CodeCell") if not re.search(ran, cell.text)]
        for cell in cells:
            find(cell, ".jp-InputArea-editor").click()
            ActionChains(browser).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
            time.sleep(1)
        return not cells

    wait_until(run_cells, 150)
    handle = wait_until(lambda: find_all(browser, ".widget-slider .noUi-handle"), 150)[0]
    assert "n is 7, kind is a." in find(browser, ".jp-OutputArea").text
    assert not find_all(browser, ".jp-OutputArea figure.cx")
    handle.click()
    press(handle, "ARROW_RIGHT")
    wait_until(lambda: "n is 8, kind is a." in find(browser, ".jp-OutputArea").text, 30)
    find_all(browser, ".jp-OutputArea select option")[1].click()
    wait_until(lambda: "n is 8, kind is b." in find(browser, ".jp-OutputArea").text, 30)
    assert (tmp_path / "drawn.txt").read_text() == "8 b"
    question = wait_until(lambda: find_all(browser, '[data-quiz="tensors-dtype"]'), 30)[0]
    find_all(question, "input")[0].click()
    find(question, ".cq-check").click()
    assert find(question, ".cq-status").text == "✓ Correct."
