"""A course folder: its configuration, its assignments, and what students get of them."""

import pytest

from grader.course import Course, CourseError


def test_a_course_names_its_own_folders(course):
    assert course.assignments() == ["week1"]
    assert course.folder("submitted", "ada", "week1") == course.root / "inbox" / "ada" / "week1"


@pytest.mark.parametrize("name", ["week9", "", "../week1", ".", "week1/.."])
def test_an_unknown_assignment_is_named_with_those_that_exist(course, name):
    with pytest.raises(CourseError, match="week1"):
        course.assignment(name)


def test_a_source_without_notebooks_is_missing(course):
    (course.root / "master" / "week2").mkdir()
    with pytest.raises(CourseError, match="holds no notebook"):
        course.assignment("week2")


def test_a_broken_configuration_is_named(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config(\n")
    with pytest.raises(CourseError, match=r"nbgrader_config\.py cannot be read"):
        Course(tmp_path)


def test_released_text_has_neither_solutions_nor_hidden_tests(assignment):
    for notebook in assignment.notebooks.values():
        for cell in notebook.cells:
            assert "SOLUTION" not in cell.released
            assert "HIDDEN" not in cell.released
            assert "original_recipe" not in cell.released
    assert assignment.max_score == 12
