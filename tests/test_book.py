"""Does the builder refuse every book that is not good enough, and do nothing when nothing changed?"""

import json
import re
import shutil
import time
from types import SimpleNamespace

import pytest
from fontTools.ttLib import TTFont

from tests.tiny_book import ALT, FIGURE, code, make_tiny_book, notebook, text
from tools.book import build as book
from tools.book import site
from tools.book.theme import assets, mathml
from tools.book.theme.road import link_chapters, parts
from tools.notebooks import ROOT

PLOT = "import matplotlib.pyplot as plt\n"
SINS = {  # notebook: (cell, what the message says)
    "03_raises": (code("1 / 0"), "raises ZeroDivisionError"),
    "04_warns": (code("import warnings\nwarnings.warn('old')"), "writes to stderr"),
    "05_no_alt": (code(PLOT + FIGURE), "without alt text"),
    "06_empty": (code(PLOT + "plt.figure(); plt.axis('off');", **ALT), "empty figure"),
    "07_dies": (code("import os\nos._exit(1)"), "the kernel died"),
}


def sinful(root, name, cell):
    """A chapter whose second cell has a readable id and one fault."""
    path = notebook(root / "chapters" / f"{name}.ipynb", text(f"# {name}"), cell)
    return path


def test_each_planted_fault_is_named_with_notebook_and_cell(tmp_path, warm_kernels, capsys):
    for name, (cell, _) in SINS.items():
        sinful(tmp_path, name, cell)
    with pytest.raises(book.BuildError) as caught:
        book.execute_notebooks(tmp_path, "key", jobs=2)
    for name, (_, message) in SINS.items():
        assert re.search(rf"^chapters/{name}.ipynb cell [a-z0-9-]+: .*{message}", str(caught.value), re.MULTILINE), name


def test_a_fault_is_not_forgiven_by_the_cache(tmp_path, warm_kernels):
    sinful(tmp_path, "04_warns", SINS["04_warns"][0])
    for _ in range(2):
        with pytest.raises(book.BuildError, match="04_warns.ipynb cell .*stderr"):
            book.execute_notebooks(tmp_path, "key", jobs=1)


def test_only_what_changed_runs_again(tmp_path, warm_kernels):
    one, two = (notebook(tmp_path / "chapters" / f"0{n}_x.ipynb", text("# X"), code(f"print({n})")) for n in (1, 2))
    assert book.execute_notebooks(tmp_path, "key", 2) == [one, two]
    assert book.execute_notebooks(tmp_path, "key", 2) == []
    notebook(two, text("# Other words"), code("print(2)"))
    assert book.execute_notebooks(tmp_path, "key", 2) == []
    notebook(two, text("# X"), code("print(3)"))
    assert book.execute_notebooks(tmp_path, "key", 2) == [two]
    assert book.execute_notebooks(tmp_path, "another key", 2) == [one, two]


def test_alt_text_counts_although_outputs_are_cached(tmp_path, warm_kernels):
    path = notebook(tmp_path / "chapters" / "01_x.ipynb", text("# X"), code(PLOT + FIGURE, **ALT))
    book.execute_notebooks(tmp_path, "key", 1)
    notebook(path, text("# X"), code(PLOT + FIGURE))
    with pytest.raises(book.BuildError, match="without alt text"):
        book.execute_notebooks(tmp_path, "key", 1)


def test_outputs_depend_on_helpers_and_on_the_data(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_DATA", raising=False)
    plain = book.digests(tmp_path)["kernels"]
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("COURSE_DATA", str(data))
    empty = book.digests(tmp_path)["kernels"]
    (data / "train").write_text("1")
    assert len({plain, empty, book.digests(tmp_path)["kernels"]}) == 3
    monkeypatch.setattr(book, "ROOT", tmp_path)
    (tmp_path / "helpers").mkdir()
    (tmp_path / "tools").mkdir()
    without = book.digests(tmp_path)["kernels"]
    (tmp_path / "tools" / "lint.py").write_text("1")
    assert book.digests(tmp_path)["kernels"] == without, "tools are not seen by notebooks"
    (tmp_path / "helpers" / "models.py").write_text("1")
    assert book.digests(tmp_path)["kernels"] != without


def test_a_chapter_or_exercise_missing_from_the_contents_is_named(tmp_path):
    make_tiny_book(tmp_path)
    notebook(tmp_path / "chapters" / "03_new.ipynb", text("# New"))
    notebook(tmp_path / "exercises" / "03_new" / "03_new.ipynb", text("# Exercise 3"))
    with pytest.raises(book.BuildError) as caught:
        book.check_toc(tmp_path)
    assert "chapters/03_new.ipynb: missing" in str(caught.value)
    assert "exercises/03_new/03_new.ipynb: missing" in str(caught.value)


def test_the_contents_are_as_the_notebooks_make_them():
    assert (ROOT / "_toc.yml").read_text() == book.make_toc(ROOT), "run `python -m tools book --write-toc`"


def test_an_unchanged_book_is_built_at_once(tiny_book):
    book.build(tiny_book)  # somebody may have changed helpers since the fixture
    start = time.perf_counter()
    assert book.build(tiny_book) == tiny_book / "_build" / "html" / "index.html"
    assert time.perf_counter() - start < 2


def test_warnings_of_sphinx_fail_the_build_until_they_are_mended(tiny_book, tmp_path, capsys):
    root = tmp_path / "book"
    shutil.copytree(tiny_book, root)
    page = root / "index.md"
    good = page.read_text()
    line = len(good.splitlines()) + 2
    page.write_text(good + "\nSee [no chapter](chapters/99_none.ipynb), {doc}`nowhere` and $\\foo x$.\n")
    for _ in range(2):  # Sphinx alone would be silent the second time, about pages that did not change
        with pytest.raises(book.BuildError) as caught:
            book.build(root)
        assert f"index.md:{line}" in str(caught.value)
        for fault in ("99_none", "nowhere", r"unknown command \\foo"):
            assert re.search(fault, str(caught.value)), fault
    page.write_text(good)
    book.build(root)


def test_the_page_holds_what_readers_need(tiny_book):
    page = (tiny_book / "_build" / "html" / "chapters" / "01_one.html").read_text()
    assert re.search(r'<html[^>]* lang="en"', page)
    assert 'alt="A curve that grows faster and faster."' in page
    assert "Squares." in page
    assert "colab.research.google.com" in page
    assert 'href="../_sources/chapters/01_one.ipynb"' in page
    assert page.count("<math ") >= 2
    assert "\\(" not in page
    assert "application/vnd.jupyter.widget" not in page
    for unwanted in (
        "searchindex.js",
        "mathjax.js",
        "mathjax@",
        "thebe",
        "require.min.js",
        "unpkg",
        "googleapis",
        "fontawesome.js",
    ):
        assert unwanted not in page.lower(), unwanted


def test_folded_code_has_a_name_and_a_caption_stands_once(tiny_book):
    page = (tiny_book / "_build" / "html" / "chapters" / "01_one.html").read_text()
    assert page.count('<p class="collapsed admonition-title">Code: Add one more</p>') == 1
    assert "@title" not in page
    assert "Show code cell" not in page
    assert page.count("Squares.") == 1
    assert "Toggle hidden content" not in page


def test_code_has_tags_only_where_it_has_a_colour_of_its_own(tiny_book):
    site = tiny_book / "_build" / "html"
    page = (site / "chapters" / "01_one.html").read_text()
    assert '<span class="kn">import</span>' in page
    assert not re.findall(r'<span class="[npw]">', page)
    styles = (site / "_static" / "pygments.css").read_text()
    plain = dict(re.findall(r'data-theme="(\w+)"\] \.highlight \{[^}]*[ ;]color: (#\w+)', styles))
    assert plain.keys() == {"light", "dark"}
    for theme, kind, color in re.findall(r'data-theme="(\w+)"\] \.highlight \.([npw]) \{ color: (#\w+)', styles):
        assert color == plain[theme], f"{theme}: .{kind} has a colour of its own, so its tags are needed"


def test_an_error_is_shown_by_its_own_lines_and_its_message(tiny_book):
    page = (tiny_book / "_build" / "html" / "chapters" / "02_two.html").read_text()
    shown = page[page.index("JSONDecodeError") :]
    assert "Expecting property name" in shown
    assert shown.count("loads") >= 1, "the line of the cell"
    assert "decoder.py" not in shown
    assert "raw_decode" not in shown


def test_the_first_page_shows_the_road_and_each_chapter_its_place(tiny_book):
    site = tiny_book / "_build" / "html"
    road = re.search(r'<nav class="course-road".*?</nav>', (site / "index.html").read_text(), re.DOTALL)[0]
    assert re.findall(r'href="([^"]*)"><b>(\d+)</b> <span>([^<]*)<', road) == [
        ("chapters/01_one.html", "1", "One"),
        ("chapters/02_two.html", "2", "Two"),
    ]
    assert re.findall(r'<svg[^>]* role="img" aria-label="([^"]+)"', road)
    for page, here in {"chapters/02_two": "02_two", "exercises/01_one/01_one": "01_one"}.items():
        strip = re.search(r'<nav class="course-map".*?</nav>', (site / f"{page}.html").read_text(), re.DOTALL)[0]
        assert re.findall(r'href="([^"]*)"[^>]*aria-current="true"', strip) in ([f"../../chapters/{here}.html"], ["#"])
        assert strip.count("<a ") == 2
    assert 'class="course-map"' not in (site / "bibliography.html").read_text()


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("4. Activation functions", "Activation functions"),
        ("11. Architectures: from LeNet to DenseNet", "Architectures"),
        ("13. Appendix: review and resources", "Review and resources"),
    ],
)
def test_a_stop_has_a_short_name(tmp_path, title, short):
    chapters = [{"file": "chapters/07_x", "title": title}, {"file": "glossary"}]
    contents = {
        "root": "index",
        "parts": [{"caption": "A", "chapters": chapters}, {"caption": "B", "chapters": [chapters[1]]}],
    }
    (tmp_path / "_toc.yml").write_text(json.dumps(contents))
    assert parts(tmp_path) == {"A": [("chapters/07_x", 7, short)]}


def write_site(folder, **pages):
    folder = folder / "html"
    folder.mkdir()
    for name, body in pages.items():
        (folder / f"{name}.html").write_text(f"<html><head></head><body>{body}</body></html>")
    return site.report(folder)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('<a href="gone.html">x</a>', "link gone.html leads to no file"),
        ('<a href="other.html#gone">x</a>', "link other.html#gone: no such place"),
        ('<img src="gone.png">', "link gone.png leads to no file"),
        ('<script src="https://cdn.example.org/x.js"></script>', "from another host"),
        ('<link rel="stylesheet" href="//fonts.example.org/x.css">', "from another host"),
        ("x" * 1_000_001, "bytes at first load"),
        (f'<figure data-explore="W1" data-bytes="400001">{"x" * 400_001}</figure>', "interactive W1 has 400001 bytes"),
    ],
)
def test_a_page_with_a_fault_is_named(tmp_path, body, message):
    (problem,) = write_site(tmp_path, page=body, other="<p>fine</p>")
    assert problem.startswith("page.html: ")
    assert message in problem


def test_a_good_page_passes_and_its_budget_is_printed(tmp_path, capsys):
    body = '<a href="#here" id="here">x</a> <a href="https://example.org">out</a>'
    body += '<figure data-explore="W1" data-bytes="12000"></figure>'
    assert write_site(tmp_path, page=body) == []
    printed = capsys.readouterr().out
    assert re.search(r"^page.html .* 12 kB$", printed, re.MULTILINE)
    assert "1 external" in printed
    assert (tmp_path / "external-links.txt").read_text() == "https://example.org\n"


def test_the_glossary_leads_to_the_chapters_that_it_names():
    source = ["epoch\n  One pass. (06)\n\nlogit\n  The score before softmax (raw). (05, 99)\n"]
    app = SimpleNamespace(srcdir=ROOT)
    link_chapters(app, "index", source)
    assert "](" not in source[0]
    link_chapters(app, "glossary", source)
    assert "pass. (chapter\u00a0[6](chapters/06_sgd.ipynb))\n" in source[0]
    assert "(raw). (chapters\u00a0[5](chapters/05_losses.ipynb), 99)\n" in source[0]


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\mathbf{w}", "<mi>𝐰</mi>"),
        (r"\boldsymbol{\theta}", "𝜽"),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", "<mtable"),
        (r"\sum_{i=1}^n x_i", "<munderover>"),
        (r"\lVert x \rVert", 'stretchy="false"'),
        (r"a < b", "&lt;"),
        (r"\boxed{x}", 'class="boxed"'),
        (r"a = -10", '<mo form="prefix">−</mo><mn>10</mn>'),
        (r"\sigma(-z)", '<mo form="prefix">−</mo><mi>z</mi>'),
        (r"|a| - b", 'stretchy="false" lspace="0em" rspace="0em">|</mo><mo>−</mo><mi>b</mi>'),
        (r"2/n", '<mn>2</mn><mo stretchy="false" lspace="0em" rspace="0em">/</mo>'),
        (r"a + \dots + b", "<mo>+</mo><mi>b</mi>"),
        (r"\ln 2", '<mi>ln</mi><mspace width="0.1667em" /><mn>2</mn>'),
        (r"y\ln(z)", '<mspace width="0.1667em" /><mi>ln</mi><mo stretchy="false">('),
        (r"\max(0, z)", '<mo lspace="0em" rspace="0em">max</mo><mo stretchy="false">('),
        (r"\text{d\_output}", "<mtext>d_output</mtext>"),
        (r"1{,}353", '<mo rspace="0em">,</mo>'),
    ],
)
def test_formulas_become_what_browsers_draw(latex, expected):
    assert expected in mathml.convert(latex, "block")


@pytest.mark.parametrize("latex", [r"\foo x", r"\frac{1}", r"{x"])
def test_a_formula_that_cannot_be_shown_is_named(latex):
    with pytest.raises(mathml.MathError, match=re.escape(repr(latex))):
        mathml.convert(latex)


def test_the_font_of_formulas_has_the_signs_that_no_page_has_in_its_text(tmp_path):
    page = mathml.convert(r"0.5 / \sqrt{n} + \alpha", "inline")
    assert "√" not in page  # the browser draws it for <msqrt>
    assets.write_math_font(tmp_path / "math.woff", page)
    with TTFont(tmp_path / "math.woff") as font:
        signs = font.getBestCmap()
        grown = font["MATH"].table.MathVariants.VertGlyphCoverage.glyphs
    assert {ord(letter) for letter in "√5nα"} <= set(signs)
    assert signs[ord("√")] in grown  # roots of tall formulas need a taller sign
