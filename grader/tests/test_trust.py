"""Which code is common beside a test, and which could deceive it? Nothing is run here."""
# ruff: noqa: E501 (an answer in one line)

import sys
from pathlib import Path

import pytest

from grader.judge.plan import plan_notebook
from grader.judge.trust import names_bound, names_taken, unusual
from grader.model import AnswerCell, Job
from grader.tests.patterns import FILES, GROUPS

MODULE = b"import numpy\nLIMIT = 3\nWANTED = {'a': 1}\nclass Kept:\n    seen = []\n\ndef load(name):\n    return name\n"
MODULE += b"\ndef check_it(f):\n    assert f(1) == WANTED['a']\n"


def job_of(code: str, setup: str = "", reference: str = "def f(x):\n    return x", plain: tuple[str, ...] = ()) -> Job:
    cells = [
        AnswerCell("setup", "code", None, "setup", setup),
        AnswerCell("answer", "code", "answer", "answer", code, 0, reference),
        AnswerCell(
            "test", "code", "test", "test", "if f(1) == 1:\n    assert f(2) == 2\nelse:\n    raise ValueError", 1
        ),
    ]
    return Job(
        "a", "ada", Path("a.ipynb"), cells, files={"judge_me.py": MODULE, "other.py": b""}, plain=frozenset(plain)
    )


def look(*args, **fields) -> str:
    job = job_of(*args, **fields)
    return unusual(job, set(), plan_notebook(job.cells, files=job.files).modules)


COMMON = [
    "import pandas as pd\ndf = pd.DataFrame({'a': [1]})\ndf.columns = ['b']\ndf.index = [3]\ndf.loc[3, 'b'] = 2\ndf.index.name = 'n'",
    "x.iloc[0] = 1\ns.name = 'score'\nt.values[0] = 2\ndf.at[1, 'a'] = 3",
    "import torch\ntorch.backends.cudnn.deterministic = True\ntorch.backends.cudnn.benchmark = False",
    "import other\nfrom other import *",
    "import os\nprint(os.getcwd(), os.listdir('.'))\npath = os.path.join('a', 'b')\nif os.path.exists(path):\n    pass",
    "from os.path import join, exists\njoin('a', 'b')",
    "text = open('words.txt').read()\nwith open('a.csv', 'r', encoding='utf-8') as file:\n    rows = file.readlines()",
    "from pathlib import Path\nPath('a').read_text()\nPath('a').open().read()",
    "from PIL import Image\nimage = Image.open('a.png')",
    "from io import BytesIO, StringIO",
    "import warnings\nwarnings.filterwarnings('ignore')",
    "import re\npattern = re.compile('a+')\nmodel.compile(optimizer='adam')",
    "for part in model.modules():\n    print(part)",
    "modules = [1, 2]\nma = sum(modules) / 2\nsignal = [ma]\nprint(signal)",
    "from scipy import signal\nsignal.convolve([1], [2])",
    "import scipy.signal\nscipy.signal.convolve([1], [2])",
    "value = getattr(model, 'bias', None)\ndir(value)",
    "!mkdir -p out\n!unzip -q data.zip\n!wget -q https://example.org/a.csv\n!git clone https://github.com/a/b",
    "%whos\n%precision 3\n!python --version",
    "%%html\n<b>so</b>",
    "%%markdown\n# so",
    "class Account(object):\n    pass",
    "import math, statistics as st\nfrom collections import *",
]
STRANGE = {
    "import os\nos.system('ls')": "uses os",
    "import os as system": "imports os",
    "from os import system": "imports os",
    "from os import path as p, environ": "imports os",
    "import io": "imports io",
    "import scipy.signal as os": "imports os",
    "import IPython.display\nIPython.core": "imports IPython",
    "open('a.py', 'w').write('')": "uses open",
    "open('a.py', mode)": "uses open",
    "open(file='a.py')": "uses open",
    "write = open": "uses open",
    "import pathlib\npathlib.io.FileIO('/proc/self/mem', 'r+')": "uses FileIO",
    "import logging\nlogging.os.fdopen(3)": "uses fdopen",
    "from pathlib import Path\nPath('a').open('r+b')": "uses open",
    "import sys\nsys.modules['a']": "uses modules",
    "import sys\nsys.modules.values()": "uses modules",
    "getattr(f, '__globals__')": "uses __globals__",
    "getattr(f, 'glob' + 'als')": "uses getattr",
    "getattr(f, 'f_globals')": "uses getattr",
    "signal = 3\ncompile('1', 'a', 'eval')": "uses compile",
    "from numpy import *\nma = ma": "uses ma",
    "!sort --compress-program=./evil a": "uses get_ipython",
    "!git -c core.sshCommand=evil clone https://a.b/c": "uses get_ipython",
    "!wget --use-askpass=evil https://a.b/c": "uses get_ipython",
    "!tar xf a.tar --to-command=evil": "uses get_ipython",
    "!mkdir a; evil": "uses get_ipython",
    "%%bash\nevil": "uses get_ipython",
    "x.verdict = 1": "sets .verdict of something",
    "eval('1')": "uses eval",
    "same = object": "uses object",
    "class A(object):\n    made = object": "uses object",
}


@pytest.mark.parametrize("code", COMMON)
def test_is_honest_code_common(code):
    assert look(f"{code}\ndef f(x):\n    return x") == ""


@pytest.mark.parametrize("code", STRANGE)
def test_is_what_could_deceive_named_with_its_line(code):
    found = look(f"# mine\n{code}")
    assert found.startswith(STRANGE[code]), found
    assert " in line " in found


def test_is_the_line_that_of_the_cell():
    assert look("def f(x):\n    return x\n\nimport ctypes  # low") == (
        "imports ctypes in line 4 of a cell (`import ctypes  # low`)"
    )
    assert "in line 2 of a cell (`%time vars()`)" in look("x = 1\n%time vars()\n")


@pytest.mark.parametrize("what", ["import ctypes", "vars()", "x.verdict = 1", "class A(dict):\n    pass"])
def test_does_the_configuration_make_a_name_plain(what):
    assert look(what) != ""
    assert look(what, plain=("ctypes", "vars", "verdict", "dict")) == ""
    assert look(what, plain=("other",)) != ""


SETUP = "import judge_me\nfrom judge_me import check_it"


@pytest.mark.parametrize(
    "code",
    [
        "import judge_me", "from judge_me import load, LIMIT", "from judge_me import *\nload('a')", "import judge_me as j\nj.load('a')",
        "import judge_me\njudge_me.LIMIT + 1\njudge_me.check_it(f)", "from judge_me import check_it",
    ],
)  # fmt: skip
def test_may_the_functions_of_the_courses_module_be_used(code):
    assert look(code, setup=SETUP) == ""


@pytest.mark.parametrize(
    "code",
    [
        "import judge_me\njudge_me.WANTED['a'] = 5", "from judge_me import WANTED\nWANTED.pop('a')", "from judge_me import *\nWANTED.clear()",
        "import judge_me as j\nj.Kept.seen.append(1)", "from judge_me import Kept as K\nK.seen.append(1)",
        "import judge_me\nsame = judge_me", "import judge_me\njudge_me.numpy.testing", "from judge_me import numpy\nnumpy.testing",
        "from judge_me import nothing\nnothing()", "import judge_me\njudge_me.check_it = max",
    ],
)  # fmt: skip
def test_may_what_a_judging_module_keeps_not_be_had(code):
    assert look(code, setup=SETUP) != ""
    assert (
        look("from judge_me import WANTED\nWANTED", setup=SETUP, reference="from judge_me import WANTED\nWANTED") == ""
    )


@pytest.mark.parametrize(
    ("code", "taken"),
    [
        ("import numpy as np", set()), ("import pandas as pd, numpy as np", set()), ("import math as np", {"np"}),
        ("from judge_me import check_it", set()), ("from judge_me import load as check_it", {"check_it"}),
        ("def check_it(f): ...", {"check_it"}),
    ],
)  # fmt: skip
def test_is_an_import_that_the_course_has_too_no_other_meaning(code, taken):
    setup = "import numpy as np, pandas as pd\nfrom judge_me import load, check_it"
    job = job_of(code, setup=setup)
    assert names_taken(job, plan_notebook(job.cells, files=job.files).imports) == taken


@pytest.mark.parametrize("module", ["unittest.__main__", "pip.__main__", "antigravity", "idlelib.idle", "this"])
def test_is_no_module_imported_here_that_a_student_names(module, monkeypatch):
    monkeypatch.delitem(sys.modules, module, raising=False)
    job = job_of(f"from {module} import *\nif True:\n    from {module} import *")
    look(job.cells[1].source)
    assert names_bound(job) == names_taken(job, set()) == set()
    assert module not in sys.modules


def test_is_hardly_an_honest_answer_to_any_pattern_of_tests_strange():
    honest = [
        (pattern, code)
        for patterns in GROUPS.values()
        for pattern in patterns
        for code in (pattern.right, *pattern.others)
    ]
    files = {name: text.encode() for name, text in FILES.items()}
    strange = []
    for pattern, code in honest:
        cells = [
            AnswerCell("setup", "code", None, "setup", pattern.setup),
            AnswerCell("answer", "code", "answer", "answer", code, 0, pattern.right),
            AnswerCell("test", "code", "test", "test", pattern.test, 1),
        ]
        job = Job("a", "ada", Path("a.ipynb"), cells, files=files)
        if what := unusual(job, set(), plan_notebook(cells, files=files).modules):
            strange.append((pattern.name, what))
    assert len(strange) <= 0.03 * len(honest), strange
