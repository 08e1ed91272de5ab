"""Do the ways in which public courses test answers work here: right passes, wrong fails, untouched gets nothing?"""

import functools

import pytest

from grader.tests.patterns import FILES, GROUPS
from grader.tests.written import result_of, written

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

MOST_FLAGGED = 0.03  # of honest answers


@pytest.fixture(scope="module")
def graded(worker, tmp_path_factory):
    """For each group of patterns and each kind of answer, what every task of a submission gets."""

    @functools.cache
    def grade(group: str) -> dict[str, list]:
        cells, places = [], []
        for pattern in GROUPS[group]:
            if pattern.setup:
                cells.append(("locked", pattern.setup))
            places.append(len(cells))
            cells.append(("answer", f"### BEGIN SOLUTION\n{pattern.right}\n### END SOLUTION"))
            cells.append(("test", pattern.test))
        course = written(tmp_path_factory.mktemp("patterns"), *cells, files=FILES)
        kinds = {
            "right": lambda p: p.right, "wrong": lambda p: p.wrong,
            "another": lambda p: p.others[0], "a third": lambda p: p.others[1],
        }  # fmt: skip
        found = {"untouched": result_of(worker, course, {}).tasks}
        for kind, text in kinds.items():
            answers = {place: text(pattern) for place, pattern in zip(places, GROUPS[group], strict=True)}
            found[kind] = result_of(worker, course, answers).tasks
        return found

    return grade


CASES = [(group, number) for group in GROUPS for number in range(len(GROUPS[group]))]


def names(case: object) -> str:
    return GROUPS[case[0]][case[1]].name.replace(" ", "-")


@pytest.mark.parametrize("case", CASES, ids=names)
def test_does_a_right_answer_pass_a_wrong_one_fail_and_an_untouched_one_get_nothing(graded, case):
    group, number = case
    found = {kind: tasks[number] for kind, tasks in graded(group).items()}
    assert (found["right"].score, found["right"].status) == (1, "passed")
    assert found["wrong"].score == 0, found["wrong"]
    assert found["untouched"].score == 0, found["untouched"]
    for kind in ("another", "a third"):
        assert found[kind].score == 1 or found[kind].status == "flagged", (kind, found[kind])


def test_are_at_most_three_percent_of_honest_answers_flagged(graded):
    honest = [
        (pattern.name, kind, graded(group)[kind][number])
        for group, patterns in GROUPS.items()
        for number, pattern in enumerate(patterns)
        for kind in ("right", "another", "a third")
    ]
    flagged = [(name, kind) for name, kind, task in honest if task.status == "flagged"]
    assert len(flagged) <= MOST_FLAGGED * len(honest), flagged


def test_are_there_as_many_patterns_as_public_courses_had():
    assert len(CASES) == len({names(case) for case in CASES}) == 48
