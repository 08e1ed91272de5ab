"""Chapter 0 shows a network as a closed box: does every later chapter say which part of it has been opened?"""

import re

import pytest

from tools.notebooks import ROOT, read

ZERO = [cell.source for cell in read(ROOT / "chapters" / "00_orientation.ipynb").cells if cell.cell_type == "code"]
CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("*.ipynb") if not path.stem.startswith("00"))
NINE = next(source for source in ZERO if source.startswith("model = models.SmallCNN(2)")).splitlines()


def opened(stem: str) -> str:
    """The paragraph of a chapter that says it."""
    text = "\n".join(c.source for c in read(ROOT / "chapters" / f"{stem}.ipynb").cells if c.cell_type == "markdown")
    found = re.findall(r"^\*\*(?:Opened here|All open).*$", text, re.MULTILINE)
    assert len(found) == 1, f"{stem}: say once, below `The road to cats and dogs`, what of chapter 0 is open now"
    return found[0]


@pytest.mark.parametrize("stem", CHAPTERS)
def test_does_a_chapter_say_which_box_it_opens_and_is_that_in_chapter_0(stem):
    said = opened(stem)
    assert "[chapter 0](00_orientation.ipynb)" in said
    for snippet in re.findall(r"`([^`]+)`", said):
        assert any(snippet.removesuffix("...)") in source for source in ZERO), f"{stem}: {snippet} is not in chapter 0"


def test_is_each_of_the_nine_lines_opened_somewhere():
    assert len(NINE) == 9
    snippets = [s for stem in CHAPTERS for s in re.findall(r"`([^`]+)`", opened(stem))]
    for line in map(str.strip, NINE):
        assert any(line.startswith(snippet.removesuffix("...)")) for snippet in snippets), line
