"""Do decks break where a speaker would, hold what the page holds, and open from a disk?"""

import re

import nbformat
import pytest

from tests.browsing import Site
from tests.tiny_book import code, notebook, text
from tools.book import build as book
from tools.book import slides


def kinds(*cells):
    """The slide types of cells."""
    made = nbformat.v4.new_notebook(cells=list(cells))
    slides.break_slides(made)
    return [cell.metadata.slideshow.slide_type for cell in made.cells]


def test_headings_begin_slides():
    cells = [text("# A\n\nPromise."), text("## B\n\nQuestion?"), code("1 + 1"), text("### C"), text("More.")]
    assert kinds(*cells) == ["slide", "slide", "-", "subslide", "-"]


def test_what_does_not_fit_goes_below():
    assert kinds(text("## A"), code("x = 1\n" * 12), code("y = 1\n" * 12)) == ["slide", "-", "subslide"]
    long = code("plot()")
    long.outputs = [nbformat.v4.new_output("display_data", {"image/png": ""})]
    assert kinds(text("## A\n" + "words\n" * 8), long, text("So.")) == ["slide", "subslide", "-"]


def test_long_set_up_is_not_shown():
    hidden = code("import this", tags=["hide-input"])
    assert kinds(text("## A"), hidden, text("B")) == ["slide", "skip", "-"]


@pytest.fixture(scope="module")
def decks(tiny_book):
    """The decks of the tiny book."""
    return slides.make_slides(tiny_book)


def test_a_deck_for_each_chapter_from_the_outputs_of_the_book(decks, tiny_book, monkeypatch):
    assert [deck.name for deck in decks] == ["01_one.html", "02_two.html"]
    page = decks[0].read_text()
    assert 'alt="A curve that grows faster and faster."' in page
    assert "<figcaption>Squares.</figcaption>" in page
    assert "data-explore" in page
    assert "MacKay (2003)" in page
    assert 'href="../html/chapters/02_two.html"' in page
    assert 'href="../html/exercises/01_one/01_one.html"' in page
    assert "<munderover>" in page
    assert not re.search(r"https?://(?!www.w3.org)[^\"']+\.(js|css)", page)


def test_a_formula_that_cannot_be_shown_names_its_chapter(tmp_path, warm_kernels):
    notebook(tmp_path / "chapters" / "01_x.ipynb", text("# X\n\n$\\foo$"), code("1"))
    with pytest.raises(book.BuildError, match=r"chapters/01_x.ipynb: formula .*\\foo"):
        slides.make_slides(tmp_path)


def test_directives_and_code_stay_readable():
    made = nbformat.v4.new_notebook(
        cells=[
            text("# A\n\n```{note} Mind\n:class: x\nthe gap\n```\n\nCosts `$5`, see {term}`loss` and {doc}`03 <03_x>`.")
        ]
    )
    page = slides.export(made, slides.make_exporter(), {})
    assert "<blockquote>" in page
    assert "the gap" in page
    assert ":class:" not in page
    assert "<code>$5</code>" in page
    assert "see loss and 03." in page


@pytest.mark.browser
def test_decks_open_from_a_disk_and_no_slide_is_cut_off(decks, browser):
    for deck in decks:
        site = Site(deck.parent, deck.parent.as_uri() + "/", browser)
        assert site.open(deck.name) == []
        site.wait(lambda: browser.execute_script("return Reveal.isReady()"))
        total = browser.execute_script("return Reveal.getTotalSlides()")
        assert total >= 2
        for _ in range(total):
            assert browser.execute_script(
                "const s = Reveal.getCurrentSlide(); return s.scrollHeight <= s.clientHeight + 1 || "
                "getComputedStyle(s).overflowY == 'auto'"
            )
            browser.execute_script("Reveal.next()")
        assert browser.execute_script("return Reveal.isLastSlide()")
        assert site.faults() == []
