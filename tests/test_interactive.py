"""Interactives: controls, frames, bundles, the live widget, and formulas in Python. Browsers: test_widgets_browser."""

import base64
import gzip
import json
import math
import re
import subprocess
import sys

import pytest

from helpers import interactive
from helpers.interactive import DrawError, budget, bundle, choice, log_slider, slider, toggle
from helpers.interactive.assets import asset
from helpers.interactive.formula import FormulaError, to_javascript
from tests.example_widgets import EXAMPLES

WIDGET = "application/vnd.jupyter.widget-view+json"


def draw_line(**state):
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(2, 1.5))
    ax.plot([0, sum(float(value) for value in state.values() if not isinstance(value, str))])
    return ax


def say(**state):
    return f"The state is {state}."


def make(draw=draw_line, **kwargs):
    kwargs = {"title": "What?", "describe": say} | kwargs
    return bundle("W99.1", draw, **kwargs)


def content(page):
    """What the page's script unpacks."""
    return json.loads(gzip.decompress(base64.b64decode(re.search(r'class="cx-data">([^<]*)<', page)[1])))


def test_controls_offer_exact_values():
    assert slider(0, 1, 0.1).values[3] == 0.3
    assert slider(1, 7, 2).values == (1, 3, 5, 7)
    assert isinstance(slider(0, 10).values[1], int)
    assert log_slider(1e-3, 1).values[:4] == (0.001, 0.0022, 0.0046, 0.01)
    assert choice({"blue": 1, "red": 2}, 2).start == 1
    assert toggle(True).start == 1


def test_frames_keep_both_ends_and_the_start():
    control = slider(0, 100, 1, 33, frames=5)
    kept = [control.values[i] for i in control.kept]
    assert len(kept) == 5
    assert kept[0] == 0
    assert kept[-1] == 100
    assert 33 in kept


@pytest.mark.parametrize(
    ("make_control", "message"),
    [
        (lambda: slider(0, 1, 0.1, 0.35), "0.35 is not on offer"),
        (lambda: slider(1, 0), "low < high"),
        (lambda: log_slider(0, 1), "0 < low"),
        (lambda: choice(["one"]), "two or more"),
        (lambda: slider(0, 5, frames=99), "between 2 and 6"),
    ],
)
def test_bad_controls_say_what_to_mend(make_control, message):
    with pytest.raises(ValueError, match=message):
        make_control()


def test_one_output_carries_both_forms(capsys):
    out = make(n=slider(1, 3))
    assert set(out) == {"text/html", "text/plain", WIDGET}
    assert out[WIDGET]["version_major"] == 2
    assert out[WIDGET]["model_id"]
    assert capsys.readouterr() == ("", "")


def test_explore_displays_the_bundle(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append((data, raw)))
    assert interactive.explore("W99.2", draw_line, title="What?", describe=say, n=slider(1, 3)) is None
    assert shown[0][1] is True
    assert WIDGET in shown[0][0]


def test_page_needs_nothing_from_outside():
    page = make(n=slider(1, 3, play=True), kind=choice(["a", "b"]))["text/html"]
    outside = re.sub(r"data:image/svg\+xml,[^\"]*", "data:", page)
    assert not re.search(r"https?://|\bsrc=\"(?!data:)|@import|url\(", outside)


def test_every_state_has_a_frame_and_a_text():
    page = make(n=slider(1, 3), on=toggle())["text/html"]
    data = content(page)
    assert len(data["index"]) == len(data["texts"]) == 6
    assert data["texts"][0] == "The state is {'n': 1, 'on': False}."
    assert data["texts"][1] == "The state is {'n': 1, 'on': True}."


def test_equal_frames_are_stored_once():
    page = make(n=slider(1, 3), unused=choice(["a", "b", "c"]))["text/html"]
    assert budget(page)[0][1:3] == (9, 3)


def test_lines_that_frames_share_are_stored_once():
    data = content(make(n=slider(1, 8))["text/html"])
    assert sum(len(frame) for frame in data["svg"]) > 3 * len(data["lines"])


def test_frames_are_the_same_on_every_run():
    assert make(n=slider(1, 3))["text/html"] == make(n=slider(1, 3))["text/html"]


def test_first_frame_and_its_text_need_no_script():
    page = make(n=slider(1, 3, 1, 2))["text/html"]
    assert 'alt="The state is {&#x27;n&#x27;: 2}."' in page
    assert 'class="cx-controls" hidden' in page
    assert page.index("<img") < page.index("<script")


def test_first_frame_only_for_quick_runs(monkeypatch):
    calls = []
    monkeypatch.setenv("COURSE_FRAMES", "first")
    page = make(lambda n: calls.append(n) or draw_line(n=n), n=slider(1, 30, 1, 7))["text/html"]
    assert set(calls) == {7}
    assert budget(page)[0].states == 1


def test_too_many_frames_say_how_many_and_what_to_coarsen():
    with pytest.raises(ValueError, match=r"30 \(lr\) x 2 \(on\) = 60 frames.*at most 40.*'lr'.*frames=20"):
        make(lr=slider(1, 30), on=toggle())
    assert budget(make(n=slider(1, 42), max_frames=50)["text/html"])[0].states == 42


def test_what_is_no_control_is_named_with_what_makes_one():
    with pytest.raises(ValueError, match=r"W99.1: .*made by slider, log_slider, choice or toggle; got \{'a': 3\}"):
        make(a=3, n=slider(1, 3))
    with pytest.raises(ValueError, match="W99.1: give one or more controls"):
        make()


def test_too_many_bytes_say_what_to_do(monkeypatch):
    monkeypatch.setattr(interactive, "MAX_BYTES", 9_000)
    with pytest.raises(ValueError, match=r"3 frames take \d+ kB, and at most 9 kB fit"):
        make(n=slider(1, 3))


def test_draw_that_raises_names_the_state():
    def draw(n):
        if n == 2:
            raise KeyError("gone")
        return draw_line(n=n)

    with pytest.raises(DrawError, match=r"W99.1: draw failed for n=2: KeyError: 'gone'"):
        make(draw, n=slider(1, 3))


def test_draw_that_returns_nothing_is_told_so():
    with pytest.raises(DrawError, match="draw returned NoneType for n=1; it must return the Axes"):
        make(lambda n: draw_line(n=n) and None, n=slider(1, 3))


def test_figures_left_open_are_closed_and_named():
    import matplotlib.pyplot as plt

    def draw(n):
        plt.figure()
        return draw_line(n=n)

    before = plt.get_fignums()
    with pytest.raises(DrawError, match="draw opened 2 figures for n=1"):
        make(draw, n=slider(1, 3))
    assert plt.get_fignums() == before


def test_no_figure_stays_open():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    make(n=slider(1, 3))
    assert plt.get_fignums() == before


def test_describe_must_say_something():
    with pytest.raises(DrawError, match="describe must return a sentence"):
        make(describe=lambda n: " ", n=slider(1, 3))


def test_axes_stay_still_and_leave_room_for_the_widest_labels():
    import matplotlib.pyplot as plt

    from helpers.interactive import frames

    def draw(top):
        _, ax = plt.subplots()
        ax.plot([0, top])
        ax.set_ylabel("loss")
        return ax

    with plt.rc_context({"figure.constrained_layout.use": True}):
        probes = [frames.draw_figure("W", draw, {"top": top}) for top in (1, 1e6)]
    layout = frames.learn_layout(probes)
    figure = frames.draw_figure("W", draw, {"top": 1e6})
    frames.apply_layout(figure, layout)
    frames.to_svg(figure)
    assert figure.axes[0].get_tightbbox().x0 >= 0


def test_states_between_the_ends_find_room_for_their_labels(monkeypatch):
    import matplotlib.pyplot as plt

    from helpers.interactive import frames

    drawn, to_svg = [], frames.to_svg

    def draw(n):
        _, ax = plt.subplots()
        ax.plot([0, 1e6 if n == 2 else 1])
        ax.set_ylabel("loss")
        return ax

    monkeypatch.setattr(frames, "to_svg", lambda figure: drawn.append(figure) or to_svg(figure))
    make(draw, n=slider(1, 3))
    assert frames.is_cut_off(drawn[2])  # with the layout of the two ends; drawn[0] asks for the size of a frame
    assert not any(frames.is_cut_off(figure) for figure in drawn[-3:])
    assert len({figure.axes[0].get_position().bounds for figure in drawn[-3:]}) == 1


def test_hidden_labels_are_not_cut_off():
    import matplotlib.pyplot as plt

    from helpers.interactive import frames

    figure, ax = plt.subplots()
    ax.set_position([0, 0, 1, 1])
    ax.set(xlabel="seen by nobody", xlim=(0.5, 9.5))
    ax.text(20, 20, "beyond", clip_on=True)
    ax.set_axis_off()
    frames.to_svg(figure)
    assert not frames.is_cut_off(figure)
    ax.set_axis_on()
    frames.to_svg(figure)
    assert frames.is_cut_off(figure)
    plt.close(figure)


def test_text_of_the_author_is_inert():
    attack = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    page = make(title=attack, describe=lambda **state: attack, kind=choice([attack, "b"], label=attack))["text/html"]
    assert page.count("<script") == 2  # the packed frames and our script
    assert "<img src=x" not in page


def test_script_is_small():
    assert len(asset("helpers.interactive", "explore.js")) < 8_000
    assert len(asset("helpers.quiz", "quiz.js")) < 8_000


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_fit_the_budget(name):
    example = dict(EXAMPLES[name])
    page = bundle(name, example.pop("draw"), **example)["text/html"]
    (cost,) = budget(page)
    assert cost.id == name
    assert cost.bytes == len(page.encode()) <= 300_000


def live(out):
    """The live widget behind an output: its boxes by label, and the widget of the picture."""
    from ipywidgets import Widget

    module = sys.modules["ipywidgets.widgets.widget"]
    registry = module._instances if hasattr(module, "_instances") else Widget.widgets  # ipywidgets 8, 7
    root = registry[out[WIDGET]["model_id"]]
    *rows, picture = root.children[1:]
    return {row.children[0].description: row.children for row in rows}, picture


def test_live_controls_call_python_at_every_value():
    calls = []
    out = make(
        lambda **state: calls.append(state) or draw_line(**state),
        n=slider(1, 50, frames=2),
        kind=choice({"first": "a", "second": "b"}),
        on=toggle(label="switched on"),
    )
    boxes, picture = live(out)
    before, calls[:] = picture.value, []
    boxes["n"][0].value = 17
    boxes["kind"][0].value = "b"
    boxes["switched on"][0].value = True
    assert calls[-1] == {"n": 17, "kind": "b", "on": True}
    assert len(calls) == 3
    assert picture.value != before
    assert "17" in picture.value


def test_live_error_is_shown_and_the_next_state_works():
    def draw(n):
        if n == 3:
            raise RuntimeError("no <b>three</b>")
        return draw_line(n=n)

    boxes, picture = live(make(draw, n=slider(1, 9, frames=2)))
    boxes["n"][0].value = 3
    assert "n=3: RuntimeError: no &lt;b&gt;three" in picture.value
    boxes["n"][0].value = 4
    assert "<img" in picture.value


def test_play_button_only_where_asked():
    boxes, _ = live(make(n=slider(1, 3, play=True), m=slider(1, 2)))
    assert len(boxes["n"]) == 2
    assert len(boxes["m"]) == 1


def test_live_form_uses_only_what_ipywidgets_7_has():
    """Names and arguments checked against the sources of ipywidgets 7.7."""
    source = asset("helpers.interactive", "live.py")
    used = set(re.findall(r"ipywidgets\.(\w+)", source))
    assert used <= {"Checkbox", "Dropdown", "SelectionSlider", "Play", "jslink", "HBox", "VBox", "HTML"}
    arguments = set(re.findall(r"(\w+)=", " ".join(re.findall(r"ipywidgets\.[A-Z]\w+\(.*\)", source))))
    assert arguments <= {"value", "description", "indent", "options", "style", "min", "max", "interval"}


def test_import_is_cheap():
    code = "import sys, helpers.interactive, helpers.quiz; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"matplotlib", "ipywidgets", "PIL", "numpy", "torch", "IPython"} & set(loaded)


def test_formula_and_draw_exclude_each_other():
    with pytest.raises(ValueError, match="draw or formula, not both"):
        make(draw_line, formula=say, n=slider(1, 3))


def uses_numpy(n):
    return {"lines": [{"x": [n], "y": base64.b64encode(n)}]}


def uses_set(n):
    return {n}


def uses_repr(n):
    return f"{n:>8}"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda n: n, "plain `def`"),
        (uses_numpy, "uses_numpy: the page cannot compute with `base64` \\(module\\)"),
        (uses_set, r"uses_set, line 2: `\{n\}` is outside"),
        (uses_repr, "uses_repr, line 2: the number format '>8'"),
    ],
)
def test_formula_outside_the_subset_is_named(function, message):
    with pytest.raises(FormulaError, match=message):
        to_javascript(function)


def test_formula_that_fails_names_the_state():
    def invert(n):
        return {"lines": [{"x": [0, 1], "y": [0, 1 / n]}]}

    with pytest.raises(DrawError, match="the formula failed for n=0: ZeroDivisionError"):
        make(None, formula=invert, describe=say_number, n=slider(0, 3))


def say_number(n):
    return f"The number is {n:d}."


def test_live_formula_draws_in_python():
    def parabola(n):
        return {"lines": [{"x": [0, 1, 2], "y": [0, n, 4 * n]}], "title": f"{n:d} x²"}

    boxes, picture = live(make(None, formula=parabola, describe=say_number, n=slider(1, 9)))
    boxes["n"][0].value = 5
    assert "5 x²" in picture.value
    assert "The number is 5." in picture.value


def test_plot_survives_what_is_not_finite():
    from helpers.interactive.plot import plot

    svg = plot({"lines": [{"x": [0, 1, 2, 3], "y": [math.nan, 1, math.inf, 1e300]}], "ylim": [0, 2]}, "A line.")
    assert "nan" not in svg
    assert "inf" not in svg


def test_a_name_that_is_a_word_of_javascript_is_refused_before_the_page_breaks():
    def formula(new):
        return {"lines": [{"x": [0, 1], "y": [0, new]}]}

    with pytest.raises(FormulaError, match="the name `new`"):
        to_javascript(formula)


def test_a_log_slider_from_a_whole_number_offers_whole_numbers():
    values = log_slider(1, 100, 2).values
    assert values == (1, 3, 10, 32, 100)
    assert all(isinstance(value, int) for value in values)
