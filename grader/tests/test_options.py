"""Do a course's limits and its list of plain names reach those who grade, and is a wrong option named?"""

from dataclasses import replace

import pytest

from grader.collect.folders import find_submissions
from grader.collect.take_in import take_in
from grader.course import Course, CourseError
from grader.model import Limits
from grader.tests.submissions import copy_course, hand_in_class


def course_with(folder, lines: str) -> Course:
    course = copy_course(folder / "kitchen")
    config = course.root / "nbgrader_config.py"
    config.write_text(f"{config.read_text()}\n{lines}\n")
    return Course(course.root)


@pytest.mark.parametrize(
    ("lines", "changes"),
    [
        ("", {}),
        ("c.ExecutePreprocessor.timeout = 90", {"cell_seconds": 90, "submission_seconds": 900, "cpu_seconds": 900}),
        ("c.Execute.timeout = 20", {"cell_seconds": 20}),
        ("c.NotebookClient.timeout = 45", {"cell_seconds": 45}),
        ("c.Execute.timeout = None", {"cell_seconds": 3600, "submission_seconds": 36000, "cpu_seconds": 36000}),
        ("c.Execute.timeout = 300\nc.Grader.cell_seconds = 30", {"cell_seconds": 30}),
        ("c.Execute.timeout_func = lambda cell: 5\nc.Grader.cell_seconds = 30", {"cell_seconds": 30}),
        ("c.Grader.submission_seconds = 100", {"submission_seconds": 100}),
        ("c.Grader.memory_mb = 4096\nc.Grader.disk_mb = 16", {"memory": 4 << 30, "disk": 16 << 20}),
        ("c.Grader.answer_mb = 0.5", {"data": 1 << 19}),
        ("c.Grader.plain.append('os')\nc.Grader.disk_mb = 16", {"disk": 16 << 20}),
    ],
)
def test_do_limits_follow_the_configuration(tmp_path, lines, changes):
    course = course_with(tmp_path, lines)
    hand_in_class(course, "week1", 1)
    assignment = course.assignment("week1")
    (handed,) = find_submissions(course, assignment, None)
    for job in take_in(handed, assignment).jobs:
        assert job.limits == replace(Limits(), **changes)


@pytest.mark.parametrize(
    "lines",
    [
        "c.Grader.plain = ['os', 'tag']", "c.Grader.plain.update({'os', 'tag'})",
        "c.Grader.plain.append('os')\nc.Grader.plain.append('tag')", "c.Grader.plain.extend(['os', 'tag'])",
    ],
)  # fmt: skip
def test_do_plain_names_reach_the_job_and_count_as_a_change(tmp_path, lines):
    one, other = course_with(tmp_path / "a", ""), course_with(tmp_path / "b", lines)
    hand_in_class(other, "week1", 1)
    assignment = other.assignment("week1")
    (handed,) = find_submissions(other, assignment, None)
    assert {job.plain for job in take_in(handed, assignment).jobs} == {frozenset({"os", "tag"})}
    assert one.assignment("week1").sha256 != assignment.sha256


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("c.Grader.memory = 5", r"no option c\.Grader\.memory, only answer_mb, .*memory_mb"),
        ("c.Grader.memory_mb = 'much'", "memory_mb.*float"),
        ("c.ExecutePreprocessor.timeout = '300'", "timeout.* int"),
        ("c.ExecutePreprocessor.timeout = lambda cell: 5", "timeout.* int"),
        ("c.ExecutePreprocessor.timeout_func = lambda cell: 5", "set c.Grader.cell_seconds to the longest time"),
        ("c.grader.cell_seconds = 5", r"are called c\.Grader, not c\.grader"),
        ("c.Graders.cell_seconds = 5", r"are called c\.Grader, not c\.Graders"),
        ("c.Grader.cell_seconds = -1", r"c\.Grader\.cell_seconds must be a number above 0"),
        ("c.Grader.disk_mb = float('nan')", r"c\.Grader\.disk_mb must be a number above 0"),
    ],
)
def test_is_an_option_that_cannot_be_named(tmp_path, line, words):
    with pytest.raises(CourseError, match=f"nbgrader_config.py cannot be used: .*{words}"):
        course_with(tmp_path, line)


@pytest.mark.parametrize(
    ("line", "fits"), [("", False), ("c.Grader.files_mb = 40", True), ("c.Grader.files_mb = 1", False)]
)
def test_does_the_size_of_data_files_follow_the_configuration(tmp_path, line, fits):
    course = course_with(tmp_path, line)
    (course.root / "master" / "week1" / "data.bin").write_bytes(bytes(21 << 20))
    if fits:
        assert len(course.assignment("week1").files["data.bin"]) == 21 << 20
    else:
        with pytest.raises(CourseError, match=r"have 21 MB, more than (20|1): .*c\.Grader\.files_mb"):
            course.assignment("week1")
