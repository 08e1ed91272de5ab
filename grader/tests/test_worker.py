"""One submission at a time: right answers, wrong ones, and those that attack."""
# ruff: noqa: E501 (hostile code, one attack per line)

import dataclasses
import pickle
import re
from pathlib import Path

import pytest

from grader.judge.outputs import outputs_of
from grader.model import AnswerCell, Job, Limits, Result, TaskResult
from grader.run import Worker
from grader.tests.jobs import MOCK, QUICK, RIGHT, SOFTMAX, TESTS, job, plain, scores

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(180)]


def test_a_right_answer(worker):
    result = worker.run_job(job())
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
    one, other = (worker.run_job(job("def softmax(x): return x")).to_dict() for _ in range(2))
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
    result = worker.run_job(job(text))
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
    result = worker.run_job(job(text))
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
    result = worker.run_job(job(mean=text, tests=tests))
    assert [(task.grade_id, task.status) for task in result.tasks] == [
        ("softmax-2", "passed"), ("mean-1", "crashed"), ("mean-3", "passed"),
    ]  # fmt: skip
    assert "restarted" in result.flags[0]


def test_time_for_the_whole_submission(worker):
    limits = Limits(cell_seconds=2, submission_seconds=3)
    result = worker.run_job(job("import time\ntime.sleep(1.8)", extra="import time\ntime.sleep(1.8)", limits=limits))
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
    result = worker.run_job(job(FORGERS[name]))
    assert scores(result)[:2] == [0, 0], result.tasks


@pytest.mark.parametrize("name", ["patched checks", "patched torch", "takes over sending"])
def test_a_forger_with_right_answers_keeps_them(worker, name):
    result = worker.run_job(job(FORGERS[name].rpartition("def softmax")[0] + "\n" + SOFTMAX))
    assert scores(result) == [2, 2, 2]


def test_hidden_tests_never_reach_the_student(worker):
    tell = (
        "import sys, linecache\ndef quote():\n    f, text = sys._getframe(), ''\n    while f:\n        text += ' '.join(f.f_code.co_names) + ''.join(linecache.getlines(f.f_code.co_filename))\n"
        "        f = f.f_back\n    return text\n"
    )
    for end in ("raise ValueError(quote())", "return quote()", "return [quote()] * 3", "print(quote()); return x", "return {quote(): 1}",
                "raise type(quote()[:4000].replace(' ', '_') or 'E', (Exception,), {})"):  # fmt: skip
        result = worker.run_job(job(tell + f"def softmax(x):\n    {end}"))
        shown = str(result.show_outputs) + "".join(task.message for task in result.tasks)
        assert "SECRET_NAME" not in shown
        assert "look at the dimension" not in str(result.show_outputs)


def test_the_show_run(worker):
    extra = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n1 + 1"
    result = worker.run_job(job(extra=extra))
    figure, value = result.show_outputs["extra-softmax"][0], result.show_outputs["extra-softmax"][1]
    kinds = {output["output_type"] for output in (figure, value)}
    assert kinds == {"display_data", "execute_result"}
    assert any("image/png" in output["data"] for output in (figure, value))
    assert result.show_outputs["softmax-visible"][0]["text"].startswith("✓ Task softmax")
    failing = worker.run_job(job("def softmax(x): return x"))
    assert "✗ Task softmax: expected" in failing.show_outputs["softmax-visible"][0]["text"]
    assert failing.show_outputs["softmax-hidden"] == []


def test_output_floods_are_cut(worker):
    result = worker.run_job(job(extra="for _ in range(100_000): print('x' * 100)"))
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
    result = worker.run_job(job(tests=tests, files={"data/x.txt": b"1 2 3"}))
    assert scores(result) == [2, 2, 2, 2]


def test_a_test_that_cannot_be_split(worker):
    tests = {"softmax-visible": TESTS["softmax-visible"], "mean-mock": MOCK}
    prepared = worker.prepare(job(tests=tests))
    assert prepared.inside == {"mean-mock"}
    assert "runs beside student code" in prepared.findings[0]
    assert worker.run_job(job(tests=tests)).status == "graded"
    assert scores(worker.run_job(job(tests=tests, mean="def mean(x): return 0"))) == [2, 0]
    forged = worker.run_job(
        job(tests=tests, mean="import builtins\ndef mean(x): return 0", extra="import sys\nsys.modules['builtins']")
    )
    assert forged.tasks[1].score == 0
    silent = "async def run(*a, **k): return False\ndef mean(x): return 0\nget_ipython().run_ast_nodes = run"
    assert worker.run_job(job(tests=tests, mean=silent)).status == "flagged"


def test_a_reference_that_fails_is_named(worker):
    broken = job(tests={"mean-wrong": "assert mean([1]) == 2"})
    assert "reference solution fails" in worker.prepare(broken).findings[0]
    assert scores(worker.run_job(broken)) == [0]


def test_without_references_nothing_is_proven_but_graded(worker):
    made = job()
    bare = [dataclasses.replace(cell, reference="") for cell in made.cells]
    result = worker.run_job(Job("demo", "ada", Path("x"), bare, seed=7, limits=QUICK))
    assert scores(result) == [2, 2, 2]


def test_submissions_do_not_meet(worker):
    leave = "import os, tempfile\nfor d in ('.', '/tmp', '/dev/shm', '/student'):\n    open(os.path.join(d, 'answers'), 'w').write('x')\ntorch.leak = 1\n"
    worker.run_job(job(leave + SOFTMAX))
    look = "import os\nfound = [d for d in ('.', '/tmp', '/dev/shm', '/student') if os.path.exists(os.path.join(d, 'answers'))]\nprint(found, hasattr(torch, 'leak'))"
    result = worker.run_job(job(extra=look))
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
        with pytest.raises(ValueError, match="can't be|has status|TaskStatus"):
            Result.from_dict({**good, "tasks": [{**good["tasks"][0], **change}]})


@pytest.mark.filterwarnings("default")
def test_without_a_sandbox_every_result_says_so():
    with Worker(Path(), sandbox=False) as bare:
        result = bare.run_job(job())
    assert scores(result) == [2, 2, 2]
    assert "graded without a sandbox" in result.flags


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
            result = worker.run_job(plain("assert square(3) == 9", answer=answer, student_files=files))
            assert scores(result) == [0], (name, answer)
    shadowed = plain(
        "import tables\nassert square(3) == tables.NINE", answer="def square(x):\n    return 0",
        files={"tables.py": b"NINE = 9"}, student_files={"tables/__init__.py": b"NINE = 0"},
    )  # fmt: skip
    assert scores(worker.run_job(shadowed)) == [0]


def test_a_support_folder_where_a_student_put_a_file_does_not_stop_the_run(worker):
    files = {"files": {"data/x.txt": b"9"}, "student_files": {"data": b"a file"}}
    result = worker.run_job(plain("assert square(3) == 9", answer=RIGHT, **files))
    assert scores(result) == [2]
    impossible = {"a/x.txt": b"", "a": b"", "b" * 300: b""}
    assert scores(worker.run_job(plain("assert square(3) == 9", answer=RIGHT, files=impossible))) == [2]


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
    assert scores(worker.run_job(plain(test, answer=answer))) == [2]


def test_an_answer_sees_the_seed_of_the_test_and_goes_on_drawing(worker):
    test = (
        "import torch\ntorch.manual_seed(5)\na, b = square(2), square(2)\ntorch.manual_seed(5)\n"
        "c = torch.rand(2)\nd = torch.rand(2)\nassert torch.equal(a, c) and torch.equal(b, d) and not torch.equal(a, b)"
    )
    answer = "import torch\ndef square(n):\n    return torch.rand(n)"
    assert scores(worker.run_job(plain(test, answer=answer, reference=answer))) == [2]


def test_a_default_type_or_a_gradient_mode_of_the_student_does_not_reach_the_tests(worker):
    habits = "import torch\ntorch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\n"
    test = "import torch\ntorch.manual_seed(1)\nx = torch.randn(5)\nassert torch.allclose(square(x), x**2)"
    slope = "w = torch.ones(2, requires_grad=True)\n(w * w).sum().backward()\nassert square(w.grad).tolist() == [4, 4]"
    assert scores(worker.run_job(plain(test, slope, answer=habits + RIGHT))) == [2, 2]


def test_clocks_run_where_the_answer_does(worker):
    test = "import time\nstart = time.time()\nsquare(3)\nassert time.time() - start < 0.5"
    assert scores(worker.run_job(plain(test, answer=RIGHT))) == [2]
    slow = "import time\ndef square(x):\n    time.sleep(0.8)\n    return x * x"
    assert scores(worker.run_job(plain(test, answer=slow))) == [0]


def test_a_flood_of_outputs_stays_bounded(worker):
    cells = job().cells
    cells[1:1] = [AnswerCell(f"e{n}", "code", None, "extra", "print('\\0' * 900_000)") for n in range(45)]
    result = worker.run_job(dataclasses.replace(job(), cells=cells, limits=dataclasses.replace(QUICK, output=1 << 20)))
    assert scores(result) == [2, 2, 2]
    assert len(str(result.to_dict())) < 60e6


def test_an_endless_recursion_is_shown_at_once(worker):
    result = worker.run_job(job("def softmax(x):\n    return softmax(x)"))
    assert scores(result) == [0, 0, 2]
    assert result.seconds["show"] < 10


def test_what_is_printed_is_looked_at_where_it_was_printed(worker):
    test = "import io, contextlib\nout = io.StringIO()\nwith contextlib.redirect_stdout(out):\n    hello('Bob')\n"
    test += "assert out.getvalue() == 'Hello, Bob!\\n'"
    reference = "def hello(name):\n    print(f'Hello, {name}!')"
    right, wrong = (
        worker.run_job(plain(test, answer=answer, reference=reference))
        for answer in (reference, reference.replace("!", "?"))
    )
    assert (scores(right), scores(wrong), right.findings) == ([2], [0], [])


def test_a_slow_show_costs_no_points_and_a_test_that_was_not_reached_says_so(worker):
    limits = Limits(cell_seconds=3, submission_seconds=4, memory=400 << 20)
    job = plain("assert square(3) == 9", answer=RIGHT)
    slow = [AnswerCell(f"slow{n}", "code", None, "extra", "import time\ntime.sleep(1.2)") for n in range(4)]
    job = dataclasses.replace(job, limits=limits, cells=[slow[0], slow[1], *job.cells])
    assert scores(worker.run_job(job)) == [2]
    late = worker.run_job(dataclasses.replace(job, cells=[slow[2], slow[3], *job.cells]))
    assert late.tasks[0].message == "This test was not reached: the cells before it took 4 seconds."


def test_what_a_slow_cell_defined_survives_a_later_crash(worker):
    answer = f"{RIGHT}\nlimit = 5\nimport time\ntime.sleep(100)"
    job = plain("assert square(3) == 9", answer=answer)
    job.cells.insert(1, AnswerCell("own", "code", None, "extra", "import os\nos._exit(1)"))
    assert scores(worker.run_job(job)) == [2]
