"""Does the first page keep its promises?"""

import re
import tomllib
from pathlib import Path

import pytest

import grader.__main__
import helpers.__main__
import tools.__main__

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
NAMES = ("index.md", "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "grader/README.md")
PAGES = [*(ROOT / name for name in NAMES), *sorted(ROOT.glob("docs/*.md"))]
PROGRAMS = {"helpers": helpers.__main__, "tools": tools.__main__, "grader": grader.__main__}
COMMANDS = [
    (program, command, options)
    for page in PAGES
    for program, command, options in re.findall(
        r"python -m (helpers|tools|grader) ([a-z-]+)([^`\n#]*)", page.read_text()
    )
]


def test_every_chapter_and_exercise_has_a_link():
    pages = [*ROOT.glob("chapters/*.ipynb"), *ROOT.glob("exercises/*/*.ipynb")]
    assert pages
    missing = [str(page.relative_to(ROOT)) for page in pages if f"({page.relative_to(ROOT)})" not in README]
    assert not missing, f"add to the chapter table of README.md: {missing}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing, f"links of {page.name} that lead nowhere: {missing}"


def test_the_front_page_is_short():
    assert len(README.splitlines()) <= 80


def test_a_recipe_has_at_most_eight_lines():
    recipes = (ROOT / "CONTRIBUTING.md").read_text().partition("## Recipes")[2].partition("\n## ")[0]
    lines = {
        recipe.split("\n")[0]: len(re.findall(r"^\d\.|^ ", recipe, re.M)) for recipe in recipes.split("\n### ")[1:]
    }
    assert len(lines) == 6
    assert max(lines.values()) <= 8, lines


def test_every_id_of_the_syllabus_is_explained():
    explained = set(re.findall(r"`([SEXW]\d\d[.\d]*)`", (ROOT / "docs" / "syllabus.md").read_text()))
    syllabus = tomllib.loads((ROOT / "tests" / "coverage" / "syllabus.toml").read_text())
    kinds = ("topics", "errata", "experiments", "widgets")
    ids = {one for chapter in syllabus.values() for kind in kinds for one in chapter[kind]}
    assert ids <= explained, f"explain in docs/syllabus.md, in backticks: {sorted(ids - explained)}"


def test_the_stated_tasks_and_points_are_those_of_the_exercises():
    from tools.mutants import find_tasks
    from tools.notebooks import read

    rows = re.findall(r"\[(\d+) tasks?, (\d+) points\]\(exercises/(\w+)/", README)
    assert rows
    for tasks, points, stem in rows:
        notebook = read(ROOT / "solutions" / stem / f"{stem}.ipynb")
        graded = [cell.metadata.nbgrader for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
        assert sum(cell.points for cell in graded) == int(points), stem
        manual = sum(1 for cell in graded if cell.solution)
        assert int(tasks) - manual <= len(find_tasks(notebook)) <= int(tasks), stem


def test_every_target_of_make_named_is_there():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target} is not in the Makefile"


def test_each_linked_notebook_has_a_place_that_exists():
    from tools.notebooks import read

    table = (ROOT / "docs" / "coming-from.md").read_text()
    rows = re.findall(
        r'^\| ([^|]+) \| \[(\d+)\]\(\.\./(chapters/(\d\d)_\w+\.ipynb)\), "([^|]+)" \| ([^|]+) \|$', table, re.M
    )
    assert len(rows) == table.count("\n| ") - 1 == 28, "a row does not follow the form of the others"
    for notebook, number, path, home, section, better in rows:
        assert int(number) == int(home), notebook
        headings = [line for cell in read(ROOT / path).cells for line in cell.source.splitlines() if line[:1] == "#"]
        assert section in {line.lstrip("# ") for line in headings}, f"{notebook}: {path} has no section {section!r}"
        assert len(better.split()) >= 5, notebook


@pytest.mark.parametrize(("program", "command", "options"), COMMANDS)
def test_every_command_named_is_there_with_its_options(program, command, options, capsys):
    with pytest.raises(SystemExit) as end:
        PROGRAMS[program].main([command, "--help"])
    assert end.value.code == 0, f"python -m {program} {command} does not exist"
    known = capsys.readouterr().out
    for option in re.findall(r"--[a-z-]+", options):
        assert option in known, f"python -m {program} {command} has no {option}"
