"""Statuses: one list, with a sentence for each reader."""

import json
import pickle
import re
from pathlib import Path

import pytest

from grader.model import Result, Status, TaskResult, TaskStatus

README = Path(__file__).parents[1] / "README.md"


def test_does_the_readme_say_of_each_status_what_the_report_says():
    rows = re.findall(r"^ +\| `(\w+)` \| (.*) \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(status.value, status.instructor) for status in Status]


@pytest.mark.parametrize("status", [*Status, *TaskStatus])
def test_does_a_status_travel_as_a_word_and_come_back(status):
    assert pickle.loads(pickle.dumps(status)) is status
    assert type(status)(json.loads(json.dumps(status))) is status
    assert f"{status}" == status == status.value


@pytest.mark.parametrize("status", [*Status, *TaskStatus])
def test_is_there_something_to_say_to_both(status):
    assert re.fullmatch(r"[A-Z].+\.", status.instructor)
    assert re.fullmatch(r"[a-z].+[a-z]", status.student)


@pytest.mark.parametrize(
    ("ends", "status"), [(["passed"], "graded"), (["passed", "flagged"], "flagged"), ([], "graded")]
)
def test_is_a_result_flagged_if_a_task_is(ends, status):
    tasks = [TaskResult(f"t{number}", 0, 1, TaskStatus(end)) for number, end in enumerate(ends)]
    came = Result.from_dict(json.loads(json.dumps(Result("ada", "week1", tasks).to_dict())))
    assert came.status is Status(status)
    assert all(isinstance(task.status, TaskStatus) for task in came.tasks)
