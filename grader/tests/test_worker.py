"""One submission at a time: right answers, wrong ones, and those that attack."""
# ruff: noqa: E501 (hostile code, one attack per line)

import dataclasses
import pickle
import re
import time
from pathlib import Path

import pytest

from grader.judge.outputs import outputs_of
from grader.judge.trust import names_bound, unusual
from grader.model import AnswerCell, Job, Limits, Result, TaskResult
from grader.run import Worker, _quick

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(180)]

SETUP = "import numpy as np\nimport torch\nfrom helpers.checks import *"
SOFTMAX = "def softmax(x):\n    if not isinstance(x, torch.Tensor):\n        raise TypeError('a tensor, please')\n    return x.softmax(-1)"
MEAN = "def mean(x):\n    return sum(x) / len(x)"
TESTS = {
    "softmax-visible": "with task('softmax'):\n    check_close(softmax(torch.zeros(1, 2)), torch.full((1, 2), 0.5), hint='sum')",
    "softmax-hidden": """# Hidden tests run here when you submit.
### BEGIN HIDDEN TESTS
with task("softmax"):
    SECRET_NAME = torch.randn(5, 7, generator=fresh_generator())
    before = SECRET_NAME.clone()
    expected = SECRET_NAME.softmax(dim=1)
    check_close(softmax(SECRET_NAME), expected, hint="look at the dimension")
    check_equal(SECRET_NAME, before, hint="do not change the input")
    check_true((softmax(SECRET_NAME) >= 0).all() and torch.allclose(softmax(SECRET_NAME), expected), hint="positive")
    check_raises(lambda: softmax("a"), TypeError, match="tensor", hint="check the type")
### END HIDDEN TESTS""",
    "mean-plain": "assert mean([1, 2, 6]) == 3\nassert abs(mean([0.5, 1]) - 0.75) < 1e-9\n"
    "try:\n    mean([])\nexcept ZeroDivisionError:\n    pass\nelse:\n    raise AssertionError('an empty list has no mean')",
}
MOCK = "if mean([1]) == 1:\n    assert mean([4]) == 4\nelse:\n    raise AssertionError"
QUICK = Limits(cell_seconds=2, submission_seconds=60, memory=400 << 20, processes=40, disk=32 << 20)


def job(softmax=SOFTMAX, mean=MEAN, *, tests=TESTS, extra="", limits=QUICK, **fields) -> Job:
    """A notebook with two tasks: one of ours, one of another course."""
    made = [AnswerCell("setup", "code", None, "setup", SETUP)]
    for name, text, reference in (("softmax", softmax, SOFTMAX), ("mean", mean, MEAN)):
        made.append(AnswerCell(name, "code", name, "answer", text, 0, reference, attempted="# your code" not in text))
        if extra:
            made.append(AnswerCell(f"extra-{name}", "code", None, "extra", extra))
        made += [AnswerCell(id, "code", id, "test", source, 2) for id, source in tests.items() if id.startswith(name)]
        extra = ""
    return Job("demo", "ada", Path("demo.ipynb"), made, limits=limits, **{"seed": 7, **fields})


@pytest.fixture(scope="module")
def worker():
    with Worker(Path()) as made:
        yield made


def scores(result: Result) -> list[float]:
    return [task.score for task in result.tasks]


def test_a_right_answer(worker):
    result = worker.grade(job())
    assert scores(result) == [2, 2, 2]
    assert [task.message for task in result.tasks] == ["", "", ""]
    assert (result.status, result.flags) == ("graded", [])
    assert Result.from_dict(result.to_dict()) == result
    assert set(result.seconds) == {"prepare", "show", "run", "verdict", "total"}


def test_every_split_is_proven(worker):
    prepared = worker.prepare(job())
    assert prepared.findings == []
    assert prepared.inside == set()
    assert worker.prepare(job("other text", seed=9)) is prepared


def test_the_same_seed_gives_the_same_result(worker):
    one, other = (worker.grade(job("def softmax(x): return x")).to_dict() for _ in range(2))
    one.pop("seconds"), other.pop("seconds")
    assert one == other


def test_jobs_can_be_sent_to_other_processes():
    assert pickle.loads(pickle.dumps(job())) == job()


WRONG = {
    "stub": ("...  # your code here", [0, 0, 2], "not been answered"),
    "none": ("def softmax(x): pass", [0, 0, 2], "return"),
    "dimension": ("def softmax(x): return x.softmax(0)", [0, 0, 2], "sum"),
    "works for the visible test only": ("def softmax(x): return torch.full((1, 2), 0.5)", [2, 0, 2], "shape"),
    "in place": (SOFTMAX.replace("return x", "x -= 1\n    return x"), [2, 0, 2], "do not change"),
    "wrong error": (SOFTMAX.replace("TypeError", "ValueError"), [2, 0, 2], "TypeError"),
    "list": ("def softmax(x): return x.softmax(-1).tolist()", [2, 0, 2], "not use|TypeError|list"),
    "syntax error": ("def softmax(x:", [0, 0, 2], "NameError"),
    "raises": ("def softmax(x):\n    return 1 / 0", [0, 0, 2], r"ZeroDivisionError in the line `return 1 / 0`"),
    "wrong name": ("def soft_max(x): return x.softmax(-1)", [0, 0, 2], "NameError"),
    "recursion": ("def softmax(x): return softmax(x)", [0, 0, 2], "RecursionError"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_answers_cost_their_task_only(worker, name):
    text, wanted, hint = WRONG[name]
    result = worker.grade(job(text))
    assert scores(result) == wanted
    failed = [task for task in result.tasks if not task.score]
    assert any(re.search(hint, task.message) for task in failed), [task.message for task in failed]
    if name == "stub":
        assert [task.status for task in result.tasks] == ["not_attempted", "not_attempted", "passed"]
        assert result.unattempted == ["softmax"]


RESOURCES = {
    "exit": ("import os\ndef softmax(x): os._exit(0)", "crashed"),
    "kill": ("import os, signal\ndef softmax(x): os.kill(os.getpid(), signal.SIGKILL)", "crashed"),
    "segfault": ("import ctypes\ndef softmax(x): ctypes.string_at(0)", "crashed"),
    "sys.exit": ("def softmax(x): raise SystemExit", "failed"),
    "loop": ("def softmax(x):\n    while True: pass", "timeout"),
    "deaf loop": (
        "def softmax(x):\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass",
        "timeout",
    ),
    "memory": ("def softmax(x): return torch.ones(1 << 28)", "failed"),
    "loop in the cell": ("while True: pass", "timeout"),
    "exit in the cell": ("import os\nos._exit(1)", "crashed"),
    "full disk": ("with open('big', 'wb') as f:\n    for _ in range(600): f.write(bytes(1 << 20))", "crashed"),
    "closed files": ("import os\nos.closerange(0, 5000)", "crashed"),
    "large answer": ("def softmax(x): return torch.zeros(18_000_000)", "failed"),
    "deep answer": ("def softmax(x):\n    a = []\n    for _ in range(99999): a = [a]\n    return a", "failed"),
}


@pytest.mark.parametrize("name", RESOURCES)
def test_accidents_cost_their_task_only(worker, name):
    text, status = RESOURCES[name]
    result = worker.grade(job(text))
    assert scores(result) == [0, 0, 2]
    assert result.tasks[0].status == status, result.tasks
    assert result.tasks[0].message


def test_answers_before_a_death_are_replayed(worker):
    text = "import os\ndef mean(x):\n    if len(x) == 2: os._exit(1)\n    return sum(x) / len(x)"
    tests = {
        "mean-1": "assert mean([1, 2]) == 1.5",
        "softmax-2": TESTS["softmax-visible"],
        "mean-3": "assert mean([5]) == 5",
    }
    result = worker.grade(job(mean=text, tests=tests))
    assert [(task.grade_id, task.status) for task in result.tasks] == [
        ("softmax-2", "passed"), ("mean-1", "crashed"), ("mean-3", "passed"),
    ]  # fmt: skip
    assert "restarted" in result.flags[0]


def test_time_for_the_whole_submission(worker):
    limits = Limits(cell_seconds=2, submission_seconds=3)
    result = worker.grade(job("import time\ntime.sleep(1.8)", extra="import time\ntime.sleep(1.8)", limits=limits))
    assert scores(result)[:2] == [0, 0]
    assert any("stopped after" in flag for flag in result.flags)


FORGERS = {
    "patched checks": "import helpers.checks\nfor n in list(globals()):\n    if n.startswith('check_'):\n        globals()[n] = lambda *a, **k: None\n"
    "for n in dir(helpers.checks):\n    if n.startswith('check_'): setattr(helpers.checks, n, lambda *a, **k: None)\ndef softmax(x): return x",
    "patched torch": "torch.allclose = torch.equal = lambda *a, **k: True\nnp.allclose = np.isclose = lambda *a, **k: True\ndef softmax(x): return x * 0",
    "equals everything": "class Yes(float):\n    def __eq__(s, o): return True\n    __le__ = __lt__ = __ge__ = __gt__ = __ne__ = __eq__\n    __hash__ = float.__hash__\n"
    "    def __sub__(s, o): return 0\n    def __abs__(s): return 0\ndef softmax(x): return Yes(0)",
    "says yes to all": "class Yes:\n    shape = (5, 7)\n    def __getattr__(s, n): return lambda *a, **k: s\n    def __bool__(s): return True\n    def __ge__(s, o): return s\n"
    "    def __call__(s, *a, **k): return s\ndef softmax(x): return Yes()",
    "tensor subclass": "class T(torch.Tensor):\n    @classmethod\n    def __torch_function__(cls, f, t, a=(), k=None): return True\ndef softmax(x): return torch.zeros(x.shape).as_subclass(T)",
    "reads the frame": "import sys, gc\ndef softmax(x):\n    f = sys._getframe()\n    while f:\n        for s in (f.f_locals, f.f_globals):\n            if 'expected' in s: return s['expected']\n"
    "        f = f.f_back\n    for o in gc.get_objects():\n        if isinstance(o, dict) and 'expected' in o: return o['expected']\n    return x",
    "forged records": "import sys\ndef softmax(x):\n    f = sys._getframe()\n    while f:\n        if 'records' in f.f_locals and isinstance(f.f_locals['records'], list):\n"
    "            f.f_locals['records'].append({'slot': 0, 'value': True, 'level': 0})\n        f = f.f_back\n    return x",
    "forged reply": "import os\ndef softmax(x):\n    for fd in range(3, 60):\n        try: os.write(fd, b'\\0' * 7 + b'\\x30' + b'\\0' * 7 + b'\\2' + b'{\"id\": \"softmax-hidden\", \"ok\": true, \"sizes\": [2]}[]')\n"
    "        except OSError: pass\n    return x",
    "silenced assertions": "import builtins\nbuiltins.AssertionError = type('A', (Exception,), {})\nget_ipython().run_cell = lambda *a, **k: None\ndef softmax(x): return x",
    "input transformer": "get_ipython().ast_transformers.append(type('T', (), {'visit': lambda s, n: type(n)([], [])})())\ndef softmax(x): return x",
    "exit zero": "import atexit, os\ndef softmax(x): os._exit(0)",
    "takes over sending": "__send__ = lambda *a, **k: None\ndef softmax(x):\n    get_ipython().user_ns['__send__'] = lambda *a, **k: None\n    return x",
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERS)
def test_forgers_gain_nothing(worker, name):
    result = worker.grade(job(FORGERS[name]))
    assert scores(result)[:2] == [0, 0], result.tasks


@pytest.mark.parametrize("name", ["patched checks", "patched torch", "takes over sending"])
def test_a_forger_with_right_answers_keeps_them(worker, name):
    result = worker.grade(job(FORGERS[name].rpartition("def softmax")[0] + "\n" + SOFTMAX))
    assert scores(result) == [2, 2, 2]


def test_hidden_tests_never_reach_the_student(worker):
    tell = (
        "import sys, linecache\ndef quote():\n    f, text = sys._getframe(), ''\n    while f:\n        text += ' '.join(f.f_code.co_names) + ''.join(linecache.getlines(f.f_code.co_filename))\n"
        "        f = f.f_back\n    return text\n"
    )
    for end in ("raise ValueError(quote())", "return quote()", "return [quote()] * 3", "print(quote()); return x", "return {quote(): 1}",
                "raise type(quote()[:4000].replace(' ', '_') or 'E', (Exception,), {})"):  # fmt: skip
        result = worker.grade(job(tell + f"def softmax(x):\n    {end}"))
        shown = str(result.show_outputs) + "".join(task.message for task in result.tasks)
        assert "SECRET_NAME" not in shown
        assert "look at the dimension" not in str(result.show_outputs)


def test_the_show_run(worker):
    extra = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n1 + 1"
    result = worker.grade(job(extra=extra))
    figure, value = result.show_outputs["extra-softmax"][0], result.show_outputs["extra-softmax"][1]
    kinds = {output["output_type"] for output in (figure, value)}
    assert kinds == {"display_data", "execute_result"}
    assert any("image/png" in output["data"] for output in (figure, value))
    assert result.show_outputs["softmax-visible"][0]["text"].startswith("✓ Task softmax")
    failing = worker.grade(job("def softmax(x): return x"))
    assert "✗ Task softmax: expected" in failing.show_outputs["softmax-visible"][0]["text"]
    assert failing.show_outputs["softmax-hidden"] == []


def test_output_floods_are_cut(worker):
    result = worker.grade(job(extra="for _ in range(100_000): print('x' * 100)"))
    assert len(result.show_outputs["extra-softmax"][0]["text"]) <= QUICK.output + 2000
    assert "left out" in str(result.show_outputs["extra-softmax"])
    assert scores(result) == [2, 2, 2]


def test_made_up_outputs_are_bounded():
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    made_up = [5, {"output_type": "error"}, {"output_type": "stream", "name": "x", "text": ""}, {"output_type": "display_data",
               "data": {"text/html": deep, "text/plain": "a"}, "metadata": deep}, {"output_type": "stream", "name": "stdout",
               "text": "x" * 2000}]  # fmt: skip
    kept = [{"output_type": "display_data", "data": {"text/plain": "a"}, "metadata": {}}]
    assert outputs_of({"outputs": made_up}, 1000) == kept
    assert outputs_of({"outputs": deep}, 1000) == outputs_of({}, 1000) == []


def test_support_files(worker):
    tests = {**TESTS, "mean-file": "check_equal(mean([float(x) for x in open('data/x.txt').read().split()]), 2.0)"}
    result = worker.grade(job(tests=tests, files={"data/x.txt": b"1 2 3"}))
    assert scores(result) == [2, 2, 2, 2]


def test_a_test_that_cannot_be_split(worker):
    tests = {"softmax-visible": TESTS["softmax-visible"], "mean-mock": MOCK}
    prepared = worker.prepare(job(tests=tests))
    assert prepared.inside == {"mean-mock"}
    assert "runs beside student code" in prepared.findings[0]
    assert worker.grade(job(tests=tests)).status == "graded"
    assert scores(worker.grade(job(tests=tests, mean="def mean(x): return 0"))) == [2, 0]
    forged = worker.grade(
        job(tests=tests, mean="import builtins\ndef mean(x): return 0", extra="import sys\nsys.modules['builtins']")
    )
    assert forged.tasks[1].score == 0
    silent = "async def run(*a, **k): return False\ndef mean(x): return 0\nget_ipython().run_ast_nodes = run"
    assert worker.grade(job(tests=tests, mean=silent)).status == "needs_eyes"


def test_a_reference_that_fails_is_named(worker):
    broken = job(tests={"mean-wrong": "assert mean([1]) == 2"})
    assert "reference solution fails" in worker.prepare(broken).findings[0]
    assert scores(worker.grade(broken)) == [0]


def test_without_references_nothing_is_proven_but_graded(worker):
    made = job()
    bare = [dataclasses.replace(cell, reference="") for cell in made.cells]
    result = worker.grade(Job("demo", "ada", Path("x"), bare, seed=7, limits=QUICK))
    assert scores(result) == [2, 2, 2]


def test_submissions_do_not_meet(worker):
    leave = "import os, tempfile\nfor d in ('.', '/tmp', '/dev/shm', '/student'):\n    open(os.path.join(d, 'answers'), 'w').write('x')\ntorch.leak = 1\n"
    worker.grade(job(leave + SOFTMAX))
    look = "import os\nfound = [d for d in ('.', '/tmp', '/dev/shm', '/student') if os.path.exists(os.path.join(d, 'answers'))]\nprint(found, hasattr(torch, 'leak'))"
    result = worker.grade(job(extra=look))
    assert result.show_outputs["extra-softmax"][0]["text"] == "[] False\n"


def test_results_are_checked():
    good = Result("ada", "demo", [TaskResult("a", 1, 2, "failed")]).to_dict()
    Result.from_dict(good)
    for change in ({"status": "fine"}, {"tasks": [{}]}, {"extra": 1}, {"flags": "none"}, {"student": 3}):
        with pytest.raises(ValueError, match="fields|can't be|unknown"):
            Result.from_dict({**good, **change})
    for change in (
        {"score": 400},
        {"score": True},
        {"status": "ok"},
        {"message": None},
        {"score": -1},
        {"score": float("nan")},
    ):
        with pytest.raises(ValueError, match="can't be|has status"):
            Result.from_dict({**good, "tasks": [{**good["tasks"][0], **change}]})


@pytest.mark.filterwarnings("default")
def test_without_a_sandbox_every_result_says_so():
    with Worker(Path(), sandbox=False) as bare:
        result = bare.grade(job())
    assert scores(result) == [2, 2, 2]
    assert "graded without a sandbox" in result.flags


def plain(*tests: str, answer: str, reference: str = "def square(x):\n    return x * x", **fields) -> Job:
    """A notebook of another course with one task, without our checks."""
    cells = [AnswerCell("square", "code", "square", "answer", answer, 0, reference)]
    cells += [AnswerCell(f"t{n}", "code", f"t{n}", "test", source, 2) for n, source in enumerate(tests)]
    return Job("demo", "ada", Path("demo.ipynb"), cells, limits=QUICK, **{"seed": 7, **fields})


RIGHT = "def square(x):\n    return x * x"


def test_files_of_students_never_reach_the_verdict(worker):
    take_over = (
        "import sys\nframe = sys._getframe()\nwhile frame:\n    for one in list(frame.f_locals.values()):\n"
        "        if type(one).__name__ == 'Executor':\n"
        "            type(one).do_oracle = lambda s, m, b: ({'status': 'passed', 'levels': []}, [])\n    frame = frame.f_back"
    )
    files = {f"{name}.py": take_over.encode() for name in ("triton", "sympy", "mpmath", "tables")}
    for name in ("_inductor.config", "fx.experimental.symbolic_shapes.X"):
        liar = f"class S(Exception):\n    pass\nS.__module__, S.__qualname__ = 'torch', {name!r}\ndef square(x):\n    "
        for answer in (f"{liar}raise S('x')", f"{liar}return S()"):
            result = worker.grade(plain("assert square(3) == 9", answer=answer, student_files=files))
            assert scores(result) == [0], (name, answer)
    shadowed = plain(
        "import tables\nassert square(3) == tables.NINE", answer="def square(x):\n    return 0",
        files={"tables.py": b"NINE = 9"}, student_files={"tables/__init__.py": b"NINE = 0"},
    )  # fmt: skip
    assert scores(worker.grade(shadowed)) == [0]


def test_a_support_folder_where_a_student_put_a_file_does_not_stop_the_run(worker):
    files = {"files": {"data/x.txt": b"9"}, "student_files": {"data": b"a file"}}
    result = worker.grade(plain("assert square(3) == 9", answer=RIGHT, **files))
    assert scores(result) == [2]
    impossible = {"a/x.txt": b"", "a": b"", "b" * 300: b""}
    assert scores(worker.grade(plain("assert square(3) == 9", answer=RIGHT, files=impossible))) == [2]


@pytest.mark.parametrize(
    ("test", "points"),
    [
        ("score = 0\nif square(3) == 9:\n    score += 1\nif square(0) == 5:\n    score += 1\nscore", 1),
        ("points = []\nfor x, y in [(2, 4), (3, 6), (4, 16), (5, 1)]:\n    points.append(square(x) == y)\nsum(points) / 2", 1),
        ("got = 0\nfor x, y in [(2, 4), (3, 6)]:\n    try:\n        assert square(x) == y\n        got += 0.75\n"
         "    except AssertionError:\n        pass\ngot", 0.75),
        ("7 if square(2) == 4 else 0", 2),
        ("-1 if square(2) == 4 else 0", 0),
        ("square(2) * float('nan')", 0),
        ("square(2) == 5", 2),  # a truth value is no number for nbgrader either
        ("def total():\n    return 1.5 * (square(2) == 4)\ntotal()", 1.5),
    ],
)  # fmt: skip
def test_a_test_that_ends_in_a_number_gives_that_many_points(worker, test, points):
    assert scores(worker.grade(plain(test, answer=RIGHT))) == [points]


def test_a_test_that_ends_in_a_number_gives_nothing_for_wrong_answers_or_objects_that_equal_all(worker):
    test = "score = 0\nfor x, y in [(2, 4), (3, 9)]:\n    score += square(x) == y\nscore"
    liar = "class L(int):\n    __eq__ = lambda s, o: True\n    __hash__ = None\ndef square(x):\n    return L(1)"
    for wrong in ("def square(x):\n    return 7", liar, "pass"):
        assert scores(worker.grade(plain(test, answer=wrong))) == [0]
    listed = plain("assert all(square(x) == y for x, y in [(2, 4), (3, 9)])", answer=liar)
    assert scores(worker.grade(listed)) == [0]


def test_expected_values_are_no_names_beside_student_code(worker):
    for test in (
        "for x, want in [(3, 9), (4, 16)]:\n    assert square(x) == want",
        "for x, want in zip([3, 4], [9, 16]):\n    assert square(x) == want",
        "for n, (x, want) in enumerate([(3, 9)]):\n    assert square(x) == want",
        "x, want = 3, 9\nassert square(x) == want",
        "assert all(square(x) == want for x, want in [(3, 9)])",
    ):
        thief = plain(test, answer="def square(x):\n    return want")
        assert scores(worker.grade(thief)) == [0], test
        assert scores(worker.grade(plain(test, answer=RIGHT))) == [2], test


@pytest.mark.parametrize(
    "habit",
    ["torch.rand(3), np.random.rand(), random.random()", "torch.manual_seed(3)", "np.random.seed(0)", "random.seed(1)"],
)
def test_random_numbers_of_an_answer_do_not_change_those_of_the_test(worker, habit):
    answer = f"import random\nimport numpy as np\nimport torch\ndef square(x):\n    {habit}\n    return x * x"
    test = (
        "import random\nimport numpy as np\nimport torch\ntorch.manual_seed(0)\nnp.random.seed(0)\nfor _ in range(3):\n"
        "    x = torch.randn(4)\n    assert torch.allclose(square(x), x**2)\n    y = np.random.rand(3)\n"
        "    assert np.allclose(square(y), y**2)\n    z = random.random()\n    assert square(z) == z * z"
    )
    assert scores(worker.grade(plain(test, answer=answer))) == [2]


def test_an_answer_sees_the_seed_of_the_test_and_goes_on_drawing(worker):
    test = (
        "import torch\ntorch.manual_seed(5)\na, b = square(2), square(2)\ntorch.manual_seed(5)\n"
        "c = torch.rand(2)\nd = torch.rand(2)\nassert torch.equal(a, c) and torch.equal(b, d) and not torch.equal(a, b)"
    )
    answer = "import torch\ndef square(n):\n    return torch.rand(n)"
    assert scores(worker.grade(plain(test, answer=answer, reference=answer))) == [2]


def test_a_default_type_or_a_gradient_mode_of_the_student_does_not_reach_the_tests(worker):
    habits = "import torch\ntorch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\n"
    test = "import torch\ntorch.manual_seed(1)\nx = torch.randn(5)\nassert torch.allclose(square(x), x**2)"
    slope = "w = torch.ones(2, requires_grad=True)\n(w * w).sum().backward()\nassert square(w.grad).tolist() == [4, 4]"
    assert scores(worker.grade(plain(test, slope, answer=habits + RIGHT))) == [2, 2]


def test_clocks_run_where_the_answer_does(worker):
    test = "import time\nstart = time.time()\nsquare(3)\nassert time.time() - start < 0.5"
    assert scores(worker.grade(plain(test, answer=RIGHT))) == [2]
    slow = "import time\ndef square(x):\n    time.sleep(0.8)\n    return x * x"
    assert scores(worker.grade(plain(test, answer=slow))) == [0]


def test_the_instructor_hears_of_tests_that_cannot_be_passed_or_decide_nothing(worker):
    result = worker.grade(
        plain("assert square(3) == 10", "square(3)\nx = 1", "import nowhere\nassert square(3) == 9", answer=RIGHT)
    )
    wrong, idle, missing = result.findings
    assert "the reference solution fails the test 't0'" in wrong
    assert "the test 't1' decides nothing" in idle
    assert "the reference solution fails the test 't2'" in missing
    assert "nowhere" in missing
    assert Result.from_dict(result.to_dict()) == result


SECRET = "### BEGIN HIDDEN TESTS\nunguessable = 7 + 0\n{}\n### END HIDDEN TESTS"
INSIDE = "if square([1, 2]) is not None:\n    assert len(square([1, 2])) == 2\nelse:\n    raise AssertionError"


@pytest.mark.parametrize(
    "answer",
    [
        "class L(list):\n    def __len__(self):\n        return 2\ndef square(x):\n    return L()",
        "def square(x):\n    return In[-1]",
        "import sys\nvars(sys.modules['__main__'])['len'] = lambda x: 2\ndef square(x):\n    return 1",
        "import IPython\nip = getattr(IPython, 'get_' + 'ipython')()\ndef square(x):\n    return 1",
        "L = type('L', (list,), {'__len__': lambda s: 2})\ndef square(x):\n    return L()",
        "'''\n%matplotlib '''; vars()['len'] = lambda x: 2; '''\n'''\ndef square(x):\n    return 1",
        "%time vars()['len'] = lambda x: 2\ndef square(x):\n    return 1",
        "def take():\n    global len\n    len = lambda x: 2\ntake()\ndef square(x):\n    return 1",
        "vars()['len'] = lambda x: 2; %time )(\ndef square(x):\n    return 1",
        "!echo {vars().update(len=lambda x: 2)}\ndef square(x):\n    return 1",
    ],
)
def test_beside_a_test_that_cannot_be_split_only_common_code_is_believed(worker, answer):
    reference = "def square(x):\n    return [a * a for a in x]"
    result = worker.grade(plain(INSIDE, "assert square([1, 3]) == [1, 9]", answer=answer, reference=reference))
    assert result.tasks[0].score == 0
    assert result.tasks[1].status in ("failed", "crashed")  # flagged alone, the other test is decided outside
    honest = worker.grade(plain(INSIDE, "assert square([1, 3]) == [1, 9]", answer=reference, reference=reference))
    assert (scores(honest), honest.status) == ([2, 2], "graded")


@pytest.mark.parametrize(
    "habit",
    ["%time square([1])", "%%timeit -n 3\nsquare([1])", "!echo hello", "%matplotlib inline", "square?", "%pip list",
     "from __future__ import annotations", "if __name__ == '__main__':\n    pass",
     "def add(x):\n    sum = 0\n    for one in x:\n        sum += one\n    return sum"],
)  # fmt: skip
def test_magics_that_students_use_are_common_code(worker, habit):
    reference = "def square(x):\n    return [a * a for a in x]"
    job = plain(INSIDE, answer=reference, reference=reference)
    job.cells.insert(-1, AnswerCell("own", "code", None, "extra", habit))
    assert (scores(worker.grade(job)), worker.grade(job).flags) == ([2], [])


def test_a_flood_of_outputs_stays_bounded(worker):
    cells = job().cells
    cells[1:1] = [AnswerCell(f"e{n}", "code", None, "extra", "print('\\0' * 900_000)") for n in range(45)]
    result = worker.grade(dataclasses.replace(job(), cells=cells, limits=dataclasses.replace(QUICK, output=1 << 20)))
    assert scores(result) == [2, 2, 2]
    assert len(str(result.to_dict())) < 60e6


def test_an_endless_recursion_is_shown_at_once(worker):
    result = worker.grade(job("def softmax(x):\n    return softmax(x)"))
    assert scores(result) == [0, 0, 2]
    assert result.seconds["show"] < 10


@pytest.mark.parametrize(
    ("habit", "test"),
    [
        ("max = 7", "assert square(max(2, 3)) == 9"),
        ("data = 7", "assert square(data.size) == 9"),
        ("np = list = None", "x = np.array(list([3]))\nassert square(x)[0] == 9"),
        ("def g(x):\n    return x * x\ndef square(x):\n    return g(x)", "g = 3\nassert square(g) == 9"),
        ("c = 1\ndef square(x):\n    return c * x * x", "for c in (2, 3):\n    assert square(c) == c ** 2"),
        ("def g(x):\n    return x * x\ndef square(x):\n    return g(x)", "def g(f):\n    assert f(3) == 9\ng(square)"),
    ],
)
def test_names_of_students_and_of_tests_do_not_meet(worker, habit, test):
    job = plain(test, "assert square(4) == 16", answer=RIGHT)
    job.cells.insert(0, AnswerCell("setup", "code", None, "setup", "import numpy as np\ndata = np.zeros(3)"))
    job.cells.insert(2, AnswerCell("own", "code", None, "extra", habit))
    result = worker.grade(job)
    assert (scores(result), result.findings) == ([2, 2], [])


@pytest.mark.parametrize(
    ("before", "first", "points"),
    [
        ("", "n = 3\nassert square(n) == 9", 2),
        ("n = 4\n", "n = 3\nassert square(n) == 9", 0),
        ("", "m = 3\nassert square(m) == 9", 0),
        ("", SECRET.format("n = 3\nassert square(n) == 9"), 0),
    ],
)
def test_student_code_finds_what_a_visible_test_bound(worker, before, first, points):
    job = plain(first, answer=before + RIGHT)
    triple = "limit = n\ndef triple(x):\n    return limit * x"
    job.cells.append(AnswerCell("triple", "code", "triple", "answer", triple, 0, "def triple(x):\n    return 3 * x"))
    job.cells.append(AnswerCell("t1", "code", "t1", "test", "assert triple(5) == 15", 2))
    assert scores(worker.grade(job)) == [2, points]


def test_a_name_that_two_tests_share_is_named_if_the_student_took_it(worker):
    job = plain("n = 3\nassert square(n) == 9", "assert square(n) == 9", answer=RIGHT)
    job.cells.insert(2, AnswerCell("own", "code", None, "extra", "n = 5"))
    result = worker.grade(job)
    assert scores(result) == [2, 0]
    assert result.tasks[1].message.endswith("gives `n` another meaning, which this test uses: take another name.")


def test_a_name_that_a_test_gives_the_answer_on_purpose_reaches_it(worker):
    reference = "def square(x):\n    return rate * x * x"
    assert scores(worker.grade(plain("rate = 2\nassert square(3) == 18", answer=reference, reference=reference))) == [2]


def test_what_is_printed_is_looked_at_where_it_was_printed(worker):
    test = "import io, contextlib\nout = io.StringIO()\nwith contextlib.redirect_stdout(out):\n    hello('Bob')\n"
    test += "assert out.getvalue() == 'Hello, Bob!\\n'"
    reference = "def hello(name):\n    print(f'Hello, {name}!')"
    right, wrong = (
        worker.grade(plain(test, answer=answer, reference=reference))
        for answer in (reference, reference.replace("!", "?"))
    )
    assert (scores(right), scores(wrong), right.findings) == ([2], [0], [])


def test_a_slow_show_costs_no_points_and_a_test_that_was_not_reached_says_so(worker):
    limits = Limits(cell_seconds=3, submission_seconds=4, memory=400 << 20)
    job = plain("assert square(3) == 9", answer=RIGHT)
    slow = [AnswerCell(f"slow{n}", "code", None, "extra", "import time\ntime.sleep(1.2)") for n in range(4)]
    job = dataclasses.replace(job, limits=limits, cells=[slow[0], slow[1], *job.cells])
    assert scores(worker.grade(job)) == [2]
    late = worker.grade(dataclasses.replace(job, cells=[slow[2], slow[3], *job.cells]))
    assert late.tasks[0].message == "This test was not reached: the cells before it took 4 seconds."


def test_what_a_slow_cell_defined_survives_a_later_crash(worker):
    answer = f"{RIGHT}\nlimit = 5\nimport time\ntime.sleep(100)"
    job = plain("assert square(3) == 9", answer=answer)
    job.cells.insert(1, AnswerCell("own", "code", None, "extra", "import os\nos._exit(1)"))
    assert scores(worker.grade(job)) == [2]


def test_an_answer_that_cannot_be_compiled_is_told_where(worker):
    result = worker.grade(plain("assert square(3) == 9", answer="def square(x)\n    return x * x"))
    assert result.tasks[0].message.startswith("The cell with your answer stopped with SyntaxError: expected ':'")
    assert "line 1" in result.tasks[0].message


LEAK = """SEEN = []
def square(x):
    import sys, linecache
    frame = sys._getframe(1)
    while frame:
        text = "".join(linecache.getlines(frame.f_code.co_filename))
        if "sen" + "d__" in text:
            SEEN.append(text)
        frame = frame.f_back
    {end}
"""


@pytest.mark.parametrize(
    "end",
    [
        "raise ValueError(SEEN[0][:500].swapcase())",
        "return [SEEN[0][i:i + 7] for i in range(0, 70, 7)]",
        "return tuple(int.from_bytes(SEEN[0][i:i + 7].encode()) for i in range(0, 70, 7))",
        "return {SEEN[0][i:i + 7]: 1 for i in range(0, 70, 7)}",
        "return type('_' + ''.join(c if c.isalnum() else '_' for c in SEEN[0][:38]), (), {})()",
    ],
)
@pytest.mark.parametrize("visible", [False, True])
def test_a_message_tells_nothing_of_a_hidden_test_even_after_it(worker, end, visible):
    hidden = SECRET.format("assert square(unguessable) == 49")
    check = "from helpers.checks import *\ncheck_equal(square(3), 9)"
    tests = (hidden, check) if visible else (SECRET.format(f"square(unguessable)\n{check}"),)
    result = worker.grade(plain(*tests, answer=LEAK.format(end=end)))
    assert set(scores(result)) == {0}
    told = result.tasks[-1].message
    assert told
    for piece in ("ungue", "UNGUE", "guessab", "_guess", str(int.from_bytes(b"unguess"))):
        assert piece not in told
    words = re.sub(r"(?s)expected 9|got \w+|got something else|Your code raised ValueError in the line.*", "", told)
    assert len(words) < 60  # beside an error's text, which is that of the show run


@pytest.mark.parametrize(
    ("test", "answer", "points"),
    [
        ("a = np.arange(5)\n(square(a) == a * a).sum() * 0.4", "def square(x):\n    return 0 * x", 0.4),
        ("score = 2 * (square(3) == 9)\nscore", "def square(x):\n    return np.array([0])", 0),
        ("points = 0\npoints += 2 * (square(3) == 9)\npoints", "def square(x):\n    return np.array([0, 0])", 0),
        ("sum(square(i) == i * i for i in range(2, 4))", "def square(x):\n    return torch.tensor([0])", 0),
        ("def count(f):\n    return (f(2) == 4) + (f(3) == 9)\ncount(square)", RIGHT, 2),
    ],
)
def test_points_are_counted_whatever_kind_of_number_they_are(worker, test, answer, points):
    head = "import numpy as np\nimport torch\n"
    assert scores(worker.grade(plain(head + test, answer=head + answer))) == [points]


COLOURS = "import enum\nclass Colour(enum.Enum):\n    RED = 1\n    BLUE = 2"


@pytest.mark.parametrize(
    ("answer", "points", "status"),
    [
        ("def paint(x):\n    return Colour(x)", 2, "graded"),
        ("def paint(x):\n    return 'red'", 0, "graded"),
        ("class Any:\n    def __eq__(self, other):\n        return True\ndef paint(x):\n    return Any()", 0, "needs_eyes"),
        ("E = type('E', (), {'_' + '_eq__': lambda s, o: True})\ndef paint(x):\n    return E()", 0, "needs_eyes"),
        ("from operator import methodcaller as m\ndef paint(x):\n    return Colour(x)", 0, "needs_eyes"),
        ("class E:\n    def __eq__(self, o):\n        return True\ndef paint(x):\n    return E()\n"
         "import time\ntime.sleep(300)", 0, "needs_eyes"),
    ],
)  # fmt: skip
def test_what_is_compared_beside_student_code_is_believed_of_common_code_only(worker, answer, points, status):
    job = plain("assert paint(1) == Colour.RED", answer=answer, reference="def paint(x):\n    return Colour(x)")
    job.cells.insert(0, AnswerCell("setup", "code", None, "setup", COLOURS))
    result = worker.grade(job)
    assert (scores(result), result.status) == ([points], status)
    assert "compares what the student's code gives" in result.findings[0]


@pytest.mark.parametrize(
    ("answer", "points", "status"),
    [
        ("def grow(x):\n    return x + np.ones(3)", 2, "graded"),
        ("def grow(x):\n    return np.zeros((0, 3))", 0, "needs_eyes"),
        ("def grow(x):\n    return torch.zeros(0, 3)", 0, "needs_eyes"),
        ("def grow(x):\n    return np.zeros(3)", 0, "graded"),
    ],
)
def test_an_empty_answer_passes_no_comparison(worker, answer, points, status):
    head = "import numpy as np\nimport torch\n"
    test = f"{head}assert np.allclose(grow(np.zeros(3)), [1, 1, 1])"
    result = worker.grade(plain(test, answer=head + answer, reference=f"{head}def grow(x):\n    return x + 1"))
    assert (scores(result), result.status, result.findings) == ([points], status, [])


def test_an_answer_that_should_be_empty_may_be(worker):
    positive = "import numpy as np\ndef positive(x):\n    return x[x > 0]"
    test = "import numpy as np\nassert positive(np.array([-1.0])).shape == (0,)"
    assert scores(worker.grade(plain(test, answer=positive, reference=positive))) == [2]


def test_what_the_own_answer_does_is_common(worker):
    vector = "class Vector:\n    def __init__(self, x):\n        self.x = x\n    def __add__(self, o):\n        return Vector({})"
    test = "if Vector(1) is not None:\n    assert (Vector(1) + Vector(2)).x == 3\nelse:\n    raise AssertionError"
    job = plain(test, answer=vector.format("o.x + self.x"), reference=vector.format("self.x + o.x"))
    assert (scores(worker.grade(job)), worker.grade(job).status) == ([2], "graded")


@pytest.mark.parametrize(
    "text",
    [
        "!ls\n" * 40_000,
        "%time 1\n" * 20_000,
        "f" + "()" * 900,
        "x = a" + ".a" * 900,
        "get_ipython" + "().a" * 900,
        "(" * 100_000,
    ],
    ids=["shell", "magics", "calls", "attributes", "shells", "brackets"],
)
def test_code_that_is_made_to_be_hard_to_read_costs_the_grader_no_time(text):
    job = plain("assert square(3) == 9", answer=RIGHT)
    job.cells.append(AnswerCell("own", "code", None, "extra", text))
    begin = time.process_time()
    unusual(job, set())
    names_bound(job)
    _quick(text)
    assert time.process_time() - begin < 5


@pytest.mark.parametrize("context", ["with task('t'):\n    check_equal({}, 9)", "assert {} == 9"])
def test_a_visible_test_after_a_hidden_one_tells_the_error_of_the_show_run(worker, context):
    hidden = SECRET.format("assert square(unguessable) == 49")
    visible = "from helpers.checks import *\n" + context.format("square(3)")
    answer = "SEEN = []\ndef square(x):\n    SEEN.append(x)\n    raise ValueError(f'I gave up: {SEEN}')"
    result = worker.grade(plain(hidden, visible, answer=answer))
    line = "Your code raised ValueError in the line `raise ValueError(f'I gave up: {SEEN}')`"
    assert [task.message for task in result.tasks] == [f"{line}.", f"{line}: I gave up: [3]."]
