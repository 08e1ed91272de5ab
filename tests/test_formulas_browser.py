"""Every formula of the chapters: does the page compute what Python computes?"""

import ast
import dis
import types

import matplotlib.pyplot as plt
import pytest

from helpers import interactive
from helpers.interactive.formula import to_javascript
from tests.formulas import check_formula
from tests.test_widgets_browser import browser  # noqa: F401 (a fixture)
from tools.notebooks import ROOT, read

pytestmark = pytest.mark.browser


def statements(chapter):
    """The statements of a chapter, one after the other; magics and shell lines become nothing."""
    cells = [cell.source for cell in read(chapter).cells if cell.cell_type == "code" and cell.id != "bootstrap"]
    return [
        node
        for source in cells
        for node in ast.parse("\n".join("" if line.lstrip()[:1] in "%!" else line for line in source.split("\n"))).body
    ]


def calls_with_formula(nodes):
    for i, node in enumerate(nodes):
        call = node.value if isinstance(node, ast.Expr) else None
        if isinstance(call, ast.Call) and any(keyword.arg == "formula" for keyword in call.keywords):
            yield i, call


def bound(node):
    """The names that a statement binds or changes in the notebook."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    stores = [part for part in ast.walk(node) if isinstance(getattr(part, "ctx", None), ast.Store)]
    for i, store in enumerate(stores):
        while isinstance(store, (ast.Subscript, ast.Attribute)):  # `table[key] = ...` changes `table`
            stores[i] = store = store.value
    stores += [part.value for part in ast.walk(node) if isinstance(part, ast.Attribute) and part.attr == "append"]
    return {store.id for store in stores if isinstance(store, ast.Name)}


def used(node):
    """The names of the notebook that a statement reads, in the functions it defines too."""
    codes, names = [compile(ast.Module([node], []), "cell", "exec")], set()
    for code in codes:
        codes += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
        names |= {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_NAME", "LOAD_GLOBAL")}
    return names


def needed_by(nodes, end):
    """The statements up to the one at ``end`` that it stands on, directly or not, in their order."""
    kept, names = {end}, set()
    while names != (names := set().union(*(used(nodes[i]) for i in kept))):
        kept |= {i for i in range(end) if bound(nodes[i]) & names}
    return [nodes[i] for i in sorted(kept)]


FORMULAS = [
    pytest.param(path, i, id=call.args[0].value)
    for path in sorted((ROOT / "chapters").glob("*.ipynb"))
    for nodes in [statements(path)]
    for i, call in calls_with_formula(nodes)
]


@pytest.mark.parametrize(("chapter", "place"), FORMULAS)
def test_the_page_computes_what_python_computes(browser, chapter, place, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    nodes, found = statements(chapter), []
    monkeypatch.setattr(interactive, "explore", lambda *args, **kwargs: found.append(kwargs))
    # `inspect.getsource` reads functions from files
    file = tmp_path / "needed.py"
    file.write_text("\n\n".join(ast.unparse(node) for node in needed_by(nodes, place)))
    exec(compile(file.read_text(), str(file), "exec"), {"__name__": "needed"})
    plt.close("all")  # what the chapter has drawn on the way
    options = found.pop()
    controls = {name: value for name, value in options.items() if hasattr(value, "kept")}
    browser.get("data:text/html,<title>formula</title>")
    for function in (options["formula"], options["describe"]):
        check_formula(
            function, to_javascript(options["formula"], options["describe"]), controls, browser.execute_script
        )


def test_there_are_formulas():
    assert len(FORMULAS) >= 5
