"""The review: every question has one home and is shown there and in chapter 13; links lead somewhere."""

import re
import tomllib
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from helpers import quiz
from tools.notebooks import ROOT, read

SYLLABUS = tomllib.loads((ROOT / "tests" / "coverage" / "syllabus.toml").read_text(encoding="utf-8"))
HOMES = [stem for stem, chapter in SYLLABUS.items() if chapter["questions"]]
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
LINK = re.compile(r"\]\((https?:[^\s)]*)\)")


def code(stem: str) -> str:
    return "\n".join(
        cell.source for cell in read(ROOT / "chapters" / f"{stem}.ipynb").cells if cell.cell_type == "code"
    )


def web_links() -> list[tuple[str, str]]:
    pages = [*CHAPTERS, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    return sorted({(page.name, link) for page in pages for link in LINK.findall(page.read_text(encoding="utf-8"))})


def test_every_question_has_one_home_and_an_answer():
    homes = {}
    for chapter in quiz.check_all():
        for one in chapter.questions:
            homes.setdefault(one.id, []).append(chapter.stem)
            assert len(one.answer.split()) >= 5, f"{one.id} needs an answer"
    assert homes == {one: [stem] for stem in HOMES for one in SYLLABUS[stem]["questions"]}


def test_the_front_page_counts_the_questions():
    (stated,) = re.findall(r"all (\d+) questions", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert int(stated) == sum(len(chapter["questions"]) for chapter in SYLLABUS.values())


@pytest.mark.parametrize("stem", HOMES)
def test_a_chapter_shows_its_questions_and_the_review_shows_them_too(stem):
    call = f'show_questions("{stem}")'
    assert call in code(stem)
    assert call in code("13_review")


def test_the_review_links_each_chapter_beside_its_cards():
    cells = read(ROOT / "chapters" / "13_review.ipynb").cells
    for heading, cards in zip(cells, cells[1:], strict=False):
        call = re.fullmatch(r'show_questions\("(.+)"\)', cards.source)
        assert call is None or f"({call[1]}.ipynb)" in heading.source


def test_resources_say_what_they_are_good_for_and_what_they_extend():
    cells = read(ROOT / "chapters" / "13_review.ipynb").cells
    table = next(cell.source for cell in cells if cell.id == "resources")
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| [")]
    assert len(rows) >= 10
    for resource, good_for, extends in rows:
        assert LINK.search(resource), resource
        assert re.search(r"20\d\d", resource), f"{resource}: give a year"
        assert len(good_for.split()) >= 5, resource
        assert "ipynb)" in extends, resource


def test_links_to_the_web_are_well_formed():
    links = web_links()
    assert links
    for page, link in links:
        parts = urlsplit(link)
        assert parts.scheme in ("http", "https"), f"{page}: {link} is no address of the web"
        assert re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc), f"{page}: {link} has no proper host"


@pytest.mark.slow
@pytest.mark.parametrize("link", sorted({link for _, link in web_links()}))
def test_no_link_is_gone(link):
    request = urllib.request.Request(link, method="HEAD", headers={"User-Agent": "Mozilla/5.0 (link check)"})
    try:
        urllib.request.urlopen(request, timeout=10).close()
        status = 200
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError as error:  # an outage, or no network here, says nothing about the link
        pytest.skip(str(error))
    assert status not in (404, 410), f"{link} is gone"
