"""SIGKILL at any moment, and the next call ends with the same bytes as an undisturbed run."""

import shutil

import pytest

from grader.course import Course
from grader.tests import durability


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A class of six that was not graded, and what an undisturbed run makes of it."""
    folder = tmp_path_factory.mktemp("durability")
    durability.make_class(folder / "template", 6)
    shutil.copytree(folder / "template", folder / "whole")
    durability.finish(Course(folder / "whole"), jobs=1)
    return folder / "template", durability.outputs(Course(folder / "whole"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("moment", "jobs"), list(zip(durability.moments(4), (1, 2, 4, 2), strict=True)))
def test_a_killed_grader_goes_on_as_if_nothing_had_been(whole, tmp_path, moment, jobs):
    template, expected = whole
    found = durability.kill_and_resume(template, tmp_path / "run", moment, jobs=jobs)
    assert durability.differences(expected, found) == []


@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.timeout(600)
def test_the_same_with_the_real_sandbox(whole, tmp_path):
    template, _ = whole
    shutil.copytree(template, tmp_path / "whole")
    durability.finish(Course(tmp_path / "whole"), jobs=2, fake=False)
    expected = durability.outputs(Course(tmp_path / "whole"))
    found = durability.kill_and_resume(template, tmp_path / "run", 0.4, jobs=1, fake=False)
    assert durability.differences(expected, found) == []
