"""Forty-eight ways in which public courses test an answer, each with right, wrong and other honest answers."""
# ruff: noqa: E501 (an answer in one line)

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Pattern:
    """One way of testing.

    Attributes:
        name: what the test does.
        right: the instructor's own answer.
        wrong: an answer that deserves nothing.
        test: the test cell.
        others: other honest answers, as people write them.
        setup: a locked cell before the answer.
    """

    name: str
    right: str
    wrong: str
    test: str
    others: tuple[str, ...]
    setup: str = ""


P = Pattern
DIGEST = hashlib.md5(b"42").hexdigest()

FUNCTIONS = [
    P("a value", "def double(x):\n    return 2 * x", "def double(x):\n    return x", "assert double(4) == 8",
      ("import warnings\nwarnings.filterwarnings('ignore')\ndouble = lambda x: x + x",
       "def double(x: float) -> float:\n    \"\"\"Twice x.\"\"\"\n    result = x * 2\n    return result")),
    P("cases in a loop", "def sign(x):\n    return (x > 0) - (x < 0)", "def sign(x):\n    return 1",
      "for x, want in [(3, 1), (-2, -1), (0, 0)]:\n    assert sign(x) == want, f'sign({x})'",
      ("def sign(x):\n    if x > 0:\n        return 1\n    elif x < 0:\n        return -1\n    return 0",
       "import numpy as np\ndef sign(x):\n    return int(np.sign(x))")),
    P("closeness", "import math\ndef area(r):\n    return math.pi * r * r", "def area(r):\n    return 3 * r * r",
      "import math\nassert math.isclose(area(2), 12.566370614359172)",
      ("from math import pi\ndef area(r):\n    return pi * r ** 2",
       "import numpy as np\ndef area(r):\n    return np.pi * np.square(r)")),
    P("an error that must come", "def root(x):\n    if x < 0:\n        raise ValueError('negative')\n    return x ** 0.5",
      "def root(x):\n    return abs(x) ** 0.5",
      "try:\n    root(-1)\nexcept ValueError:\n    pass\nelse:\n    raise AssertionError('no error')\nassert root(9) == 3",
      ("import math\ndef root(x):\n    return math.sqrt(x)",
       "def root(x):\n    assert isinstance(x, (int, float))\n    if x < 0:\n        raise ValueError(f'{x} is negative')\n"
       "    return pow(x, 0.5)")),
    P("methods of a TestCase", "def cube(x):\n    return x ** 3", "def cube(x):\n    return x * 3",
      "from unittest import TestCase\ntc = TestCase()\ntc.assertEqual(cube(2), 8)\ntc.assertAlmostEqual(cube(0.5), 0.125)",
      ("def cube(x):\n    return x * x * x", "from functools import reduce\ndef cube(x):\n"
       "    return reduce(lambda a, b: a * b, [x] * 3)")),
    P("assertRaises as a context",
      "def first(items):\n    if not items:\n        raise IndexError('empty')\n    return items[0]",
      "def first(items):\n    return items[0] if items else None",
      "import unittest\ntc2 = unittest.TestCase()\nwith tc2.assertRaises(IndexError):\n    first([])\n"
      "tc2.assertEqual(first([5]), 5)",
      ("def first(items):\n    return items[0]", "def first(items):\n    head, *_ = items or [items[0]]\n    return head")),
    P("points at the end", "def even(x):\n    return x % 2 == 0", "def even(x):\n    return None",
      "points = 0\nif even(2) is True:\n    points += 0.5\nif even(3) is False:\n    points += 0.5\npoints",
      ("def even(x):\n    return not x & 1", "def even(x):\n    if x % 2:\n        return False\n    return True")),
    P("an input that must stay", "def cleared(items):\n    return [x for x in items if x]",
      "def cleared(items):\n    items.clear()\n    return items",
      "before = [0, 1, 2]\nassert cleared(before) == [1, 2]\nassert before == [0, 1, 2]",
      ("def cleared(items):\n    return list(filter(None, items))",
       "import copy\ndef cleared(items):\n    items = copy.copy(items)\n    while 0 in items:\n        items.remove(0)\n"
       "    return items")),
]  # fmt: skip

OBJECTS = [
    P("a variable", "total = sum(range(5))", "total = 9", "assert total == 10",
      ("total = 0\nfor number in range(5):\n    total += number\nprint(total)", "total = int('10'); total")),
    P("type and length", "names = ['Ann', 'Bo']", "names = ('Ann',)",
      "assert isinstance(names, list)\nassert len(names) == 2\nassert names[0].startswith('A')",
      ("names = 'Ann Bo'.split()\nnames", "import json\nnames = json.loads('[\"Ann\", \"Bo\"]')")),
    P("a class", "class Account:\n    def __init__(self, money):\n        self.money = money\n    def pay(self, x):\n"
      "        self.money -= x\n        return self.money",
      "class Account:\n    def __init__(self, money):\n        self.money = 0\n    def pay(self, x):\n        return x",
      "account = Account(10)\nassert account.pay(3) == 7\nassert account.money == 7",
      ("class Account(object):\n    def __init__(self, money=0):\n        self._paid = 0\n        self.money = money\n"
       "    def pay(self, x):\n        self.money = self.money - x\n        return self.money",
       "from dataclasses import dataclass\n@dataclass\nclass Account:\n    money: float\n    def pay(self, x):\n"
       "        self.money -= x\n        return self.money")),
    P("a class derived from the course's", "class Dog(Animal):\n    def sound(self):\n        return 'woof'",
      "class Dog:\n    def sound(self):\n        return 'moo'",
      "assert issubclass(Dog, Animal)\nassert Dog().sound() == 'woof'",
      ("class Dog(Animal):\n    def __init__(self):\n        super().__init__()\n        self.noise = 'woof'\n"
       "    def sound(self):\n        return self.noise", "class Dog(Animal):\n    sound = lambda self: 'woof'"),
      "class Animal:\n    def sound(self):\n        return ''"),
    P("what is printed of an object", "class Point:\n    def __init__(self, x, y):\n        self.x, self.y = x, y\n"
      "    def __str__(self):\n        return f'({self.x}, {self.y})'",
      "class Point:\n    def __init__(self, x, y):\n        pass",
      "assert str(Point(1, 2)) == '(1, 2)'",
      ("class Point:\n    def __init__(self, x, y):\n        self.xy = (x, y)\n    def __str__(self):\n"
       "        return str(self.xy)",
       "class Point:\n    def __init__(self, x, y):\n        self.x = x\n        self.y = y\n    def __repr__(self):\n"
       "        return '({}, {})'.format(self.x, self.y)")),
    P("a property", "class Square:\n    def __init__(self, a):\n        self.a = a\n    @property\n    def area(self):\n"
      "        return self.a ** 2",
      "class Square:\n    def __init__(self, a):\n        self.area = a", "assert Square(3).area == 9",
      ("class Square:\n    def __init__(self, a):\n        self._a = a\n    @property\n    def area(self):\n"
       "        return self._a * self._a", "class Square:\n    def __init__(self, a):\n        self.area = a * a")),
    P("a generator", "def count(n):\n    while n:\n        yield n\n        n -= 1", "def count(n):\n    return n",
      "assert list(count(3)) == [3, 2, 1]\nassert next(iter(count(5))) == 5",
      ("def count(n):\n    yield from range(n, 0, -1)", "def count(n):\n    return reversed(range(1, n + 1))")),
    P("a closure", "def adder(n):\n    def add(x):\n        return x + n\n    return add",
      "def adder(n):\n    return n", "assert adder(2)(5) == 7\nassert callable(adder(1))",
      ("def adder(n):\n    return lambda x: n + x",
       "from functools import partial\nfrom operator import add\ndef adder(n):\n    return partial(add, n)")),
]  # fmt: skip

TALKING = [
    P("input replaced", "def ask():\n    return int(input('A number: ')) + 1", "def ask():\n    return 0",
      "import builtins\nold = builtins.input\nbuiltins.input = lambda *words: '41'\ntry:\n    assert ask() == 42\n"
      "finally:\n    builtins.input = old",
      ("def ask():\n    text = input()\n    number = int(text.strip())\n    return number + 1",
       "def ask():\n    try:\n        return 1 + int(input('Number? '))\n    except ValueError:\n        return None")),
    P("input patched", "def greet():\n    return 'Hi ' + input() + ' ' + input()", "def greet():\n    return 'Hi'",
      "from unittest.mock import patch\nwith patch('builtins.input', side_effect=['Ann', 'Bo']):\n"
      "    assert greet() == 'Hi Ann Bo'",
      ("def greet():\n    first = input('first ')\n    last = input('last ')\n    return f'Hi {first} {last}'",
       "def greet():\n    return ' '.join(['Hi', input(), input()])")),
    P("print captured", "def shout(text):\n    print(text.upper())", "def shout(text):\n    print(text)",
      "import io\nfrom contextlib import redirect_stdout\nout = io.StringIO()\nwith redirect_stdout(out):\n"
      "    shout('abc')\nassert out.getvalue().strip() == 'ABC'",
      ("import sys\ndef shout(text):\n    sys.stdout.write(text.upper() + '\\n')",
       "def shout(text):\n    for letter in text:\n        print(letter.upper(), end='')")),
    P("stdout patched", "def stars(n):\n    print('*' * n)", "def stars(n):\n    print('-')",
      "import io\nfrom unittest.mock import patch as replaced\nwith replaced('sys.stdout', new=io.StringIO()) as said:\n"
      "    stars(3)\nassert said.getvalue() == '***\\n'",
      ("def stars(n):\n    line = ''\n    while len(line) < n:\n        line += '*'\n    print(line)",
       "def stars(n):\n    for _ in range(n):\n        print('*', end='')\n    print()")),
    P("print patched", "def hello():\n    print('hello')", "def hello():\n    return 'hello'",
      "from unittest.mock import patch as mocked\nwith mocked('builtins.print') as printed:\n    hello()\n"
      "printed.assert_called_with('hello')",
      ("def hello():\n    word = 'hel' + 'lo'\n    print(word)", "hello = lambda: print('hello')")),
    P("a file that is written", "def save(path, lines):\n    with open(path, 'w') as file:\n"
      "        file.write('\\n'.join(lines))", "def save(path, lines):\n    return lines",
      "save('made.txt', ['a', 'b'])\nwith open('made.txt') as file:\n    assert file.read().split() == ['a', 'b']",
      ("def save(path, lines):\n    file = open(path, mode='w', encoding='utf-8')\n    for line in lines:\n"
       "        file.write(line + '\\n')\n    file.close()",
       "from pathlib import Path\ndef save(path, lines):\n    Path(path).write_text('\\n'.join(lines))")),
    P("a file of the course", "def longest():\n    with open('words.txt') as file:\n"
      "        return max(file.read().split(), key=len)", "def longest():\n    return 'a'",
      "assert longest() == 'banana'",
      ("from pathlib import Path\ndef longest():\n    return sorted(Path('words.txt').read_text().split(), key=len)[-1]",
       "import os\nfrom os.path import join\ndef longest():\n    path = os.path.join(os.getcwd(), 'words.txt')\n"
       "    assert os.path.exists(path)\n    return max((w for line in open(path) for w in line.split()), key=len)")),
    P("questions until an answer fits", "def until_yes():\n    n = 1\n    while input() != 'yes':\n        n += 1\n    return n",
      "def until_yes():\n    return 1",
      "import builtins\nreplies = iter(['no', 'no', 'yes'])\nkept_input = builtins.input\n"
      "builtins.input = lambda *words: next(replies)\ntry:\n    asked = until_yes()\nfinally:\n"
      "    builtins.input = kept_input\nassert asked == 3",
      ("def until_yes():\n    for n in range(1, 100):\n        if input('again? ') == 'yes':\n            return n",
       "import itertools\ndef until_yes():\n    return next(n for n in itertools.count(1) if input() == 'yes')")),
]  # fmt: skip

FRAMES = [
    P("doctest", "def inc(x):\n    '''\n    >>> inc(1)\n    2\n    '''\n    return x + 1",
      "def inc(x):\n    '''\n    >>> inc(1)\n    2\n    '''\n    return x",
      "import doctest\nassert inc.__doc__ and doctest.testmod().failed == 0\nassert inc(1) == 2",
      ("def inc(x):\n    '''\n    >>> inc(1)\n    2\n    >>> inc(-1)\n    0\n    '''\n    x += 1\n    return x",
       "def inc(x):\n    \"\"\"One more.\n\n    >>> inc(1)\n    2\n    \"\"\"\n    return 1 + x")),
    P("a class of unittest", "def neg(x):\n    return -x", "def neg(x):\n    return x",
      "import io, unittest\nclass TestNeg(unittest.TestCase):\n    def test_neg(self):\n        self.assertEqual(neg(3), -3)\n"
      "suite = unittest.defaultTestLoader.loadTestsFromTestCase(TestNeg)\n"
      "assert unittest.TextTestRunner(stream=io.StringIO()).run(suite).wasSuccessful()",
      ("def neg(x):\n    return 0 - x", "import operator\nneg = operator.neg")),
    P("a test function", "def half(x):\n    return x / 2", "def half(x):\n    return x // 3",
      "def test_half():\n    assert half(3) == 1.5\n    assert half(0) == 0\ntest_half()",
      ("def half(x):\n    return x * 0.5", "half = lambda x: x / 2  # shorter")),
    P("numpy.testing", "import numpy as np\ndef ones(n):\n    return np.ones(n)", "def ones(n):\n    return 0",
      "import numpy as np\nnp.testing.assert_allclose(ones(3), [1, 1, 1])",
      ("import numpy as np\ndef ones(n):\n    return np.full(n, 1.0)",
       "import numpy as np\ndef ones(n):\n    out = np.zeros(n)\n    out[:] = 1\n    return out")),
    P("pandas.testing", "import pandas as pd\ndef frame():\n    return pd.DataFrame({'a': [1, 2]})",
      "import pandas as pd\ndef frame():\n    return pd.DataFrame({'a': [1, 3]})",
      "import pandas as pd\npd.testing.assert_frame_equal(frame(), pd.DataFrame({'a': [1, 2]}))",
      ("import pandas as pd\ndef frame():\n    df = pd.DataFrame([[1], [2]])\n    df.columns = ['a']\n    return df",
       "import pandas as pd\ndef frame():\n    df = pd.DataFrame(index=range(2))\n    df['a'] = pd.Series([1, 2])\n"
       "    df.index = pd.RangeIndex(2)\n    return df")),
    P("a digest", "def answer():\n    return 42", "def answer():\n    return 41",
      f"import hashlib\nassert hashlib.md5(str(answer()).encode()).hexdigest() == '{DIGEST}'",
      ("def answer():\n    return 6 * 7", "answer = lambda: int('2a', 16)")),
    P("a check of the course's module", "def third(x):\n    return x / 3", "def third(x):\n    return x",
      "from course_checks import check_third\ncheck_third(third)",
      ("from course_checks import scale\ndef third(x):\n    return scale(x, 1 / 3)",
       "import course_checks\ndef third(x):\n    return course_checks.scale(x, 1) / course_checks.THREE")),
    P("the answer's source", "def total_of(items):\n    return sum(items)",
      "def total_of(items):\n    total = 0\n    for item in items:\n        total += item\n    return total",
      "import inspect\nassert 'for ' not in inspect.getsource(total_of)\nassert total_of([1, 2]) == 3",
      ("import math\ndef total_of(items):\n    return math.fsum(items)",
       "from functools import reduce\ndef total_of(items):\n    return reduce(lambda a, b: a + b, items, 0)")),
]  # fmt: skip

TABLES = [
    P("a new column", "df['c'] = df['a'] + df['b']", "df['c'] = 0", "assert df['c'].tolist() == [4, 6]",
      ("df = df.assign(c=df.a + df.b)\ndf.head()", "df.loc[:, 'c'] = df[['a', 'b']].sum(axis=1)\ndf.columns.name = None"),
      "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2], 'b': [3, 4]})"),
    P("groups", "def means(t):\n    return t.groupby('k')['v'].mean()", "def means(t):\n    return t['v']",
      "got = means(pd.DataFrame({'k': ['x', 'x', 'y'], 'v': [1, 3, 5]}))\nassert got['x'] == 2 and got['y'] == 5",
      ("def means(t):\n    return t.pivot_table(index='k', values='v')['v']",
       "def means(t):\n    out = t.groupby('k').agg({'v': 'mean'}).v\n    out.index.name = None\n    out.name = 'mean'\n"
       "    return out"), "import pandas as pd"),
    P("names of columns", "def renamed(t):\n    return t.rename(columns=str.lower)", "def renamed(t):\n    return t",
      "assert list(renamed(pd.DataFrame({'A': [1], 'B': [2]})).columns) == ['a', 'b']",
      ("def renamed(t):\n    t = t.copy()\n    t.columns = [c.lower() for c in t.columns]\n    return t",
       "def renamed(t):\n    t = t.copy()\n    t.columns = t.columns.str.lower()\n    return t"), "import pandas as pd"),
    P("rows of an index", "def row(t, k):\n    return t.set_index('id').loc[k, 'v']", "def row(t, k):\n    return 0",
      "t = pd.DataFrame({'id': [7, 8], 'v': [1.5, 2.5]})\nassert row(t, 8) == 2.5",
      ("def row(t, k):\n    t = t.copy()\n    t.index = t.id\n    return t.v.loc[k]",
       "def row(t, k):\n    return t[t['id'] == k]['v'].iloc[0]"), "import pandas as pd"),
    P("shape and dtype", "def grid(n):\n    return np.zeros((n, n), dtype=np.float32)", "def grid(n):\n    return np.zeros(n)",
      "g = grid(3)\nassert g.shape == (3, 3)\nassert g.dtype == np.float32",
      ("def grid(n):\n    out = np.zeros(n * n, dtype='float32')\n    out.shape = (n, n)\n    return out",
       "def grid(n):\n    return np.full([n, n], 0).astype(np.float32)"), "import numpy as np"),
    P("a function of arrays", "def norm(x):\n    return (x - x.mean()) / x.std()", "def norm(x):\n    return x",
      "x = np.arange(6.0)\nassert np.allclose(norm(x).mean(), 0) and np.allclose(norm(x).std(), 1)",
      ("def norm(x):\n    x = x - np.mean(x)\n    x /= np.std(x)\n    return x",
       "from scipy import stats\ndef norm(x):\n    return stats.zscore(x)"), "import numpy as np"),
    P("random numbers with a seed", "def rolls(n):\n    return np.random.randint(1, 7, n)",
      "def rolls(n):\n    return np.zeros(n)",
      "np.random.seed(4)\nr = rolls(50)\nassert len(r) == 50 and r.min() >= 1 and r.max() <= 6",
      ("rng = np.random.default_rng()\ndef rolls(n):\n    return rng.integers(1, 6, size=n, endpoint=True)",
       "import random\ndef rolls(n):\n    return np.array([random.randint(1, 6) for _ in range(n)])"), "import numpy as np"),
    P("counts", "from collections import Counter\ndef letters(s):\n    return Counter(s)", "def letters(s):\n    return {}",
      "assert dict(letters('abca')) == {'a': 2, 'b': 1, 'c': 1}\nassert sorted(letters('ba')) == ['a', 'b']",
      ("def letters(s):\n    out = {}\n    for c in s:\n        out[c] = out.get(c, 0) + 1\n    return out",
       "from collections import defaultdict\ndef letters(s):\n    d = defaultdict(int)\n    for c in s:\n        d[c] += 1\n"
       "    return d")),
]  # fmt: skip

DRAWINGS = [
    P("titles of axes", "def draw():\n    fig, ax = plt.subplots()\n    ax.set_title('T')\n    ax.set_xlabel('x')\n    return ax",
      "def draw():\n    fig, ax = plt.subplots()\n    return ax",
      "ax = draw()\nassert ax.get_title() == 'T' and ax.get_xlabel() == 'x'",
      ("def draw():\n    ax = plt.figure(figsize=(4, 3)).add_subplot()\n    ax.set(title='T', xlabel='x')\n    return ax",
       "def draw():\n    plt.style.use('default')\n    plt.figure()\n    plt.title('T')\n    plt.xlabel('x')\n"
       "    plt.tight_layout()\n    return plt.gca()"), "import matplotlib.pyplot as plt"),
    P("lines of a figure", "def lines():\n    plt.figure()\n    plt.plot([1, 2], [3, 4])\n    plt.plot([1, 2], [4, 3])",
      "def lines():\n    plt.figure()", "lines()\nassert len(plt.gca().get_lines()) == 2",
      ("def lines():\n    fig, ax = plt.subplots(1, 1)\n    for ys in ([3, 4], [4, 3]):\n        ax.plot([1, 2], ys, '--')",
       "def lines():\n    plt.figure()\n    plt.plot([1, 2], [[3, 4], [4, 3]])\n    plt.legend(['a', 'b'])"),
      "import matplotlib.pyplot as plt"),
    P("a callback of the test", "def twice(f, x):\n    return f(f(x))", "def twice(f, x):\n    return f(x)",
      "assert twice(lambda x: x + 3, 1) == 7\nassert twice(str.upper, 'a') == 'A'",
      ("def twice(f, x):\n    for _ in range(2):\n        x = f(x)\n    return x",
       "def twice(f, x):\n    y = f(x)\n    return f(y)")),
    P("calls that are counted", "def walk(items, visit):\n    for item in items:\n        visit(item)",
      "def walk(items, visit):\n    visit(items)",
      "seen = []\nwalk([1, 2, 3], seen.append)\nassert seen == [1, 2, 3]",
      ("def walk(items, visit):\n    [visit(i) for i in items]",
       "def walk(items, visit):\n    n = 0\n    while n < len(items):\n        visit(items[n])\n        n += 1")),
    P("time", "def fast(n):\n    return n * (n + 1) // 2", "import time\ndef fast(n):\n    time.sleep(1.2)\n    return 0",
      "import time\nstart = time.perf_counter()\nassert fast(1000) == 500500\nassert time.perf_counter() - start < 1",
      ("def fast(n):\n    return sum(range(n + 1))", "import numpy as np\ndef fast(n):\n    return int(np.arange(n + 1).sum())")),
    P("recursion", "def fact(n):\n    return 1 if n < 2 else n * fact(n - 1)", "def fact(n):\n    return n",
      "assert [fact(n) for n in range(5)] == [1, 1, 2, 6, 24]",
      ("from functools import lru_cache\n@lru_cache(maxsize=None)\ndef fact(n):\n    return n * fact(n - 1) if n > 1 else 1",
       "import math\ndef fact(n):\n    return math.prod(range(1, n + 1))")),
    P("magics", "%matplotlib inline\ndef inch(x):\n    return x / 2.54", "def inch(x):\n    return x",
      "%matplotlib inline\nassert round(inch(2.54), 6) == 1",
      ("!ls\n%time 1 + 1\ndef inch(x):\n    return x * (1 / 2.54)", "%config InlineBackend.figure_format = 'retina'\n"
       "!mkdir -p results\ndef inch(x):\n    return x / 2.54")),
    P("an import", "import numpy as np", "import math as np",
      "assert np.__name__ == 'numpy'\nassert np.array([1, 2]).sum() == 3",
      ("import pandas as pd, numpy as np", "import os\nimport numpy as np\nprint(os.getcwd(), np.__version__)")),
]  # fmt: skip

GROUPS = {
    "functions": FUNCTIONS, "objects": OBJECTS, "input and output": TALKING, "frameworks": FRAMES, "tables": TABLES,
    "drawings and more": DRAWINGS,
}  # fmt: skip
FILES = {
    "words.txt": "fig\nbanana kiwi\n",
    "course_checks.py": "THREE = 3\n\n\ndef scale(x, k):\n    return x * k\n\n\ndef check_third(f):\n"
    "    assert f(9) == 3, 'a third of 9 is 3'\n",
}
