"""Whose parts may student code set? Not those of a module or of a class that judges, whatever stands for it."""
# ruff: noqa: E501 (an answer in one line)

import pytest

from grader.tests.test_trust import look
from grader.tests.written import result_of, written

SETUP = "import numpy as np\nimport math\nimport pandas as pd\nimport functools"
PATCH = "class A:\n    def patch(self):\n        self.isclose = lambda *a, **k: True\n"
ACCOUNT = "class Account:\n    def __init__(self, m):\n        self.m = m\n    def pay(self, x):\n        self.m -= x\n        return self\n"

FORGED = [
    "import numpy as self\nself.allclose = lambda *a, **k: True",
    "def patch(self):\n    self.allclose = 1\npatch(np)",
    PATCH + "A.patch(np)",
    "for self in [math]:\n    self.isclose = 1",
    PATCH + "list(map(A.patch, [math]))",
    "self = np\nself.allclose = 1",
    "class A:\n    def __init__(self):\n        self.isclose = 1\nA.__init__(math)",
    "class A:\n    def __call__(self):\n        self.isclose = 1\nA.__call__(math)",
    "def name(math, self):\n    self.isclose = 1\nname(0, math)",
    PATCH + "B = A\nB.patch(math)",
    PATCH + "[A][0].patch(math)",
    PATCH + "type(A()).patch(math)",
    PATCH + "t = type(A())\nt.patch(math)",
    PATCH + "next(map(type, [A()])).patch(math)",
    PATCH + "getattr(A, 'patch')(math)",
    PATCH + "def give():\n    return A\ngive().patch(math)",
    PATCH + "A.patch(self=math)",
    PATCH + "A.patch(*[math])",
    PATCH + "a = A()\nA = 3\ntype(a).patch(math)",
    PATCH + "if False:\n    A = 3\nA.patch(math)",
    PATCH + "class B(A):\n    pass\nsuper(B, B).patch(math)",
    PATCH + "class B(A):\n    @classmethod\n    def go(cls):\n        super().patch(math)\nB.go()",
    PATCH + "class B(A):\n    @classmethod\n    def go(cls):\n        cls.patch(math)\nB.go()",
    PATCH + "class B:\n    inner = A\nB.inner.patch(math)",
    "class B:\n    class A:\n        def patch(self):\n            self.isclose = 1\nB.A.patch(math)",
    PATCH + "A.mro()[0].patch(math)",
    "class A:\n    @staticmethod\n    def patch(self):\n        self.isclose = 1\nA().patch(math)",
    "class A:\n    def patch(self):\n        self.isclose = 1\n    patch(math)",
    "class A:\n    def patch(self):\n        self.isclose = 1\n    leak = patch\nA().leak()",
    "class A:\n    @property\n    def x(self):\n        self.isclose = 1\nA.x.fget(math)",
    "def deco(f):\n    f(math)\n    return f\nclass A:\n    @deco\n    def patch(self):\n        self.isclose = 1",
    "def deco(c):\n    c.patch(math)\n    return c\n@deco\nclass A:\n    def patch(self):\n        self.isclose = 1",
    "from dataclasses import dataclass\n@dataclass\nclass A:\n    isclose: object\nA.__init__(math, max)",
    "class M(type):\n    def __call__(cls):\n        return cls\nclass A(metaclass=M):\n    def patch(self):\n        self.isclose = 1\nA().patch(math)",
    PATCH + "match A():\n    case A(patch=f):\n        f()\nmatch A:\n    case type(patch=f):\n        f(math)",
    PATCH + "def g(x: A): ...\nimport typing\ntyping.get_type_hints(g)['x'].patch(math)",
    "class A:\n    def patch(cls):\n        cls.isclose = 1\nA.patch(math)",
    "lambda self: setattr(self, 'a', 1)",
    "f = lambda self: [0 for self.isclose in [max]]\nf(math)",
    "@(lambda c: math)\nclass A:\n    pass\nA.isclose = 1",
    "class A: pass\nA = math\nA.isclose = 1",
    "functools.update_wrapper(np, 3, ['allclose'], [])",
    "functools.wraps(3, ['allclose'], [])(np)",
    "from functools import wraps as w\nw(3, ['allclose'], [])(np)",
    "w = functools.wraps",
    "pd.api.extensions.register_series_accessor('tolist')(lambda s: [4, 6])",
    "np.shape = lambda x: 3",
    "m = np\nm.shape = 3",
    "pd.DataFrame.values = property(lambda s: 3)",
    "D = pd.DataFrame\nD.values = 3",
    "from pandas import DataFrame\nDataFrame.values = 3",
    "type(df).values = property(max)",
    "import torch\ntorch.real = max",
]
HONEST = [
    ACCOUNT + "a = Account(3)\na.pay(1)",
    ACCOUNT + "for a in [Account(1), Account(2)]:\n    a.pay(1)",
    ACCOUNT + "Account(3).pay(1).pay(2)",
    ACCOUNT + "accounts = {}\naccounts['x'] = Account(1)\naccounts['x'].pay(3)",
    ACCOUNT + "def use(a: Account) -> Account:\n    a.pay(1)\n    return a\nuse(Account(1))",
    ACCOUNT
    + "class Savings(Account):\n    def __init__(self, m):\n        super().__init__(m)\n        self.rate = 1\n    def pay(self, x):\n        super().pay(x)\n        Account.pay(self, x)\n",
    ACCOUNT + "print(isinstance(Account(1), Account), type(Account(1)) == Account, Account)",
    "class Layer:\n    def forward(self, x):\n        self.x = x\n        return x\nclass Net:\n    def __init__(self):\n        self.layers = [Layer(), Layer()]\n    def forward(self, x):\n        self.out = x\n        for layer in self.layers:\n            x = layer.forward(x)\n        return x\nNet().forward(3)",
    "class C:\n    count = 0\n    def __init__(self):\n        C.count += 1\n    @classmethod\n    def make(cls, n):\n        cls.n = n\n        return cls()\nC.make(3)",
    "class T:\n    @property\n    def x(self):\n        return self._x\n    @x.setter\n    def x(self, v):\n        self._x = v\nt = T()\nprint(t.x)",
    "class T:\n    def get(self):\n        return self._x\n    def set(self, v):\n        self._x = v\n    x = property(get, set)",
    "from dataclasses import dataclass\n@dataclass\nclass P:\n    a: int\n    def move(self):\n        self.a += 1\nP(1).move()",
    "class Dog(Animal):\n    sound = lambda self: 'woof'",
    "class N:\n    def __init__(self, v):\n        self.v = v\n        self.next = None\na = N(1)\na.next = N(2)\nnode = a\nwhile node:\n    node = node.next",
    "model.fc = nn.Linear(3, 2)",
    "pd.options.display.max_rows = 10",
    "@functools.wraps(g)\ndef inner(): ...",
    "from functools import wraps, lru_cache",
    "df.columns = ['a']\ndf = df.copy()\ndf.index.name = 'a'",
    "out = np.zeros(3)\nout.shape = (3, 1)",
    "class M(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.l = nn.Linear(2, 2)\n    def forward(self, x):\n        return self.l(x)\nm = M()\nm.forward(1)\nm.train()",
    "import torch\ntorch.backends.cudnn.benchmark = True\ntorch.backends.cuda.matmul.allow_tf32 = True",
    "def f(x):\n    return x\nf.name = 'a'",
    "fig.dpi = 100",
]


@pytest.mark.parametrize("code", FORGED)
def test_is_code_seen_that_may_change_what_a_test_judges_with(code):
    assert look(code, setup=SETUP) != ""


@pytest.mark.parametrize("code", HONEST)
def test_may_an_answer_set_the_parts_of_its_own_objects(code):
    assert look(f"{code}\ndef f(x):\n    return x", setup=SETUP) == ""


@pytest.mark.parametrize("name", ["set", "max", "sum", "print"])
def test_may_a_method_be_called_like_a_function_of_python(name):
    assert look(f"class Box:\n    def {name}(self, x):\n        self.x = x\nBox().{name}(3)") == ""
    assert look(f"def {name}(x):\n    return x") != ""


TESTS = {
    "allclose": "if inc(1):\n    assert np.allclose(inc(2), 3)\nelse:\n    raise ValueError",
    "isclose": "if inc(1):\n    assert math.isclose(inc(2), 3)\nelse:\n    raise ValueError",
}


@pytest.mark.sandbox
@pytest.mark.timeout(180)
def test_does_nobody_get_points_by_setting_parts_of_what_judges(worker, tmp_path):
    answer = "def inc(x):\n    ### BEGIN SOLUTION\n    return x + 1\n    ### END SOLUTION"
    setup = "import numpy as np\nimport math"
    course = written(tmp_path, ("locked", setup), ("answer", answer), *(("test", test) for test in TESTS.values()))
    honest = "class Box:\n    def put(self, x):\n        self.x = x\ndef inc(x):\n    box = Box()\n    box.put(x)\n    return box.x + 1"
    assert [task.score for task in result_of(worker, course, {1: honest}).tasks] == [1, 1]
    wrong = "def inc(x):\n    return 7"
    for name, module in ("allclose", "np"), ("isclose", "math"):
        patch = f"class A:\n    def patch(self):\n        self.{name} = lambda *a, **k: True\n"
        for forged in (
            f"import {module.replace('np', 'numpy')} as self\nself.{name} = lambda *a, **k: True",
            f"{patch}A.patch({module})",
            f"{patch}type(A()).patch({module})",
        ):
            result = result_of(worker, course, {1: f"{forged}\n{wrong}"})
            assert [task.score for task in result.tasks] == [0, 0], forged
            assert result.status == "flagged"
