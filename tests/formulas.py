"""Is a formula the same in Python and, in a browser, in the JavaScript that is made of it?"""

import inspect
import json
import math
import random
from collections.abc import Callable
from typing import Any

from helpers.interactive.controls import Control


def check_formula(
    function: Callable[..., Any],
    javascript: str,
    controls: dict[str, Control],
    run: Callable[[str], Any],
    n: int = 20,
    seed: int = 0,
) -> None:
    """Compare a Python function with its JavaScript at the first and at random settings of its controls.

    Args:
        function: the Python function.
        javascript: code that defines a function of the same name.
        controls: the controls, by argument name.
        run: runs JavaScript that ends in ``return ...`` and gives its value; a browser driver's ``execute_script``.
        n: number of random settings.
        seed: seed of the settings.

    Raises:
        AssertionError: naming the first setting where the two differ, and where in the result.
    """
    draw = random.Random(seed)
    names = list(inspect.signature(function).parameters)
    states = [{name: controls[name].values[controls[name].start] for name in names}]
    states += [{name: draw.choice(controls[name].values) for name in names} for _ in range(n)]
    inputs = json.dumps([list(state.values()) for state in states])
    results = run(f"{javascript}\nreturn {inputs}.map((state) => {function.__name__}(...state));")
    for state, result in zip(states, results, strict=True):
        _same(function(**state), result, f"{function.__name__}({', '.join(f'{k}={v!r}' for k, v in state.items())})")


def _same(python: Any, page: Any, where: str) -> None:
    if isinstance(python, dict):
        assert python.keys() == (page.keys() if isinstance(page, dict) else None), _differ(python, page, where)
        for key in python:
            _same(python[key], page[key], f"{where}[{key!r}]")
    elif isinstance(python, (list, tuple)):
        assert len(python) == (len(page) if isinstance(page, list) else None), _differ(python, page, where)
        for i, (one, other) in enumerate(zip(python, page, strict=True)):
            _same(one, other, f"{where}[{i}]")
    elif isinstance(python, float) and not isinstance(page, (str, bool, type(None))):
        assert math.isclose(python, page, rel_tol=1e-9, abs_tol=1e-9), _differ(python, page, where)
    elif not (isinstance(python, float) and not math.isfinite(python) and page is None):
        assert python == page, _differ(python, page, where)


def _differ(python: Any, page: Any, where: str) -> str:
    return f"{where}: Python gives {python!r}, the page {page!r}"
