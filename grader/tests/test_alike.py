"""Code that is alike: found through new names, and not where everybody writes the same."""

import time

import pytest

from grader.model import AnswerCell
from grader.pages.alike import SIZE, alike, sketch

OWN = """
def smooth(values, width):
    result = []
    for start in range(len(values) - width + 1):
        window = values[start : start + width]
        total = 0.0
        for value in window:
            if value is not None and value > 0:
                total += value * 2
        result.append(total / max(width, 1))
    return sorted(result, reverse=True)[: len(values) // 2]
"""
COPY = (
    OWN.replace("values", "xs").replace("window", "part").replace("result", "out").replace("total", "s")
    .replace("0.0", "0").replace("    for", "    # my own idea\n    for", 1)
)  # fmt: skip
OTHER = """
def smooth(values, width):
    positive = [2 * v if v and v > 0 else 0 for v in values]
    sums = [0]
    while len(sums) <= len(positive):
        sums.append(sums[-1] + positive[len(sums) - 1])
    means = {i: (sums[i + width] - sums[i]) / width for i in range(len(values) - width + 1)}
    best = list(means.values())
    best.sort()
    best.reverse()
    return best[: int(len(values) / 2)]
"""


def cell(source: str, kind: str = "answer", **more) -> AnswerCell:
    return AnswerCell("a", "code", "a", kind, source, **more)


def of(*sources: str) -> dict[str, list[int]]:
    return {f"s{number}": sketch([cell(source)]) for number, source in enumerate(sources)}


def test_is_a_copy_with_other_names_found():
    ((one, other, share),) = alike(of(OWN, OTHER, COPY))
    assert (one, other) == ("s0", "s2")
    assert share == 1


def test_is_other_code_for_the_same_task_left_alone():
    assert alike(of(OWN, OTHER)) == []


def test_is_what_many_write_left_out():
    assert alike(of(*[OWN] * 5, OTHER)) == []


@pytest.mark.parametrize("where", ["reference", "released"])
def test_does_code_of_the_source_not_count(where):
    assert sketch([cell(COPY, **{where: OWN})]) == []


@pytest.mark.parametrize(("kind", "attempted"), [("answer", False), ("test", True), ("setup", True)])
def test_does_only_the_students_own_code_count(kind, attempted):
    assert sketch([cell(OWN, kind, attempted=attempted)]) == []
    assert sketch([cell(OWN, "extra")])


def test_are_short_answers_no_hint():
    assert alike(of(*["def inc(x):\n    return x + 1"] * 2)) == []


@pytest.mark.parametrize("text", ["'" * 5_000_000, ". " * 2_000_000, "a" * 5_000_000, "\ud800 (" * 1_000_000, "#" * 99])
def test_is_any_text_looked_at_in_little_time(text):
    begin = time.process_time()
    assert len(sketch([cell(text)])) <= SIZE
    assert time.process_time() - begin < 3


def test_is_a_large_class_compared_in_little_time():
    class_of = {f"s{n}": [n * SIZE + k for k in range(SIZE)] for n in range(10_000)}
    class_of["copy"] = class_of["s77"]
    begin = time.process_time()
    assert [one[:2] for one in alike(class_of)] == [("copy", "s77")]
    assert time.process_time() - begin < 5
