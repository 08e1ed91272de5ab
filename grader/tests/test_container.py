"""The container image: are its few lines what they should be, as far as that can be seen without building it?"""

import re
import tomllib
from pathlib import Path

GRADER = Path(__file__).parents[1]
LINES = [
    line for line in (GRADER / "Containerfile").read_text(encoding="utf-8").splitlines() if line[:1] not in ("", "#")
]
STEPS = [tuple(line.split(" ", 1)) for line in LINES]
PROJECT = tomllib.loads((GRADER / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def texts(word: str) -> list[str]:
    return [rest for step, rest in STEPS if step == word]


def test_are_there_only_steps_that_a_builder_knows_in_an_order_that_makes_sense():
    assert [word for word, _ in STEPS] == ["FROM", "RUN", "COPY", "RUN", "WORKDIR", "ENTRYPOINT", "CMD"]


def test_is_the_python_one_that_the_grader_runs_on():
    version = re.fullmatch(r"python:(\d+)\.(\d+)-slim", *texts("FROM"))
    least = re.fullmatch(r">=(\d+)\.(\d+)", PROJECT["requires-python"])
    assert tuple(map(int, version.groups())) >= tuple(map(int, least.groups()))


def test_is_bubblewrap_installed_and_nothing_of_the_package_manager_left():
    install, _ = texts("RUN")
    assert "apt-get install --yes --no-install-recommends bubblewrap" in install
    assert install.startswith("apt-get update && ")
    assert install.endswith("rm -rf /var/lib/apt/lists/*")


def test_does_it_start_the_command_that_the_package_brings():
    (entry,) = texts("ENTRYPOINT")
    assert entry.strip('[]"') in PROJECT["scripts"]


def test_does_the_readme_say_how_to_build_and_run_it():
    readme = (GRADER / "README.md").read_text(encoding="utf-8")
    assert "podman build --tag grader grader/" in readme
    assert "podman run --rm $allow grader doctor" in readme
