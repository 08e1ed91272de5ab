"""Is there anything in student code that could deceive a test which runs beside it?"""

import ast
import builtins
import contextlib
import re
from collections.abc import Iterator

from grader.judge.names import defined, parse
from grader.model import STUDENT_KINDS, Job

_PLAIN_MODULES = {
    "__future__",
    "abc", "bisect", "cmath", "collections", "copy", "csv", "dataclasses", "datetime", "decimal", "enum", "fractions",
    "functools", "heapq", "helpers", "itertools", "json", "math", "matplotlib", "numbers", "numpy", "operator",
    "pandas", "PIL", "random", "re", "scipy", "seaborn", "sklearn", "statistics", "string", "sys", "textwrap", "time",
    "torch", "torchvision", "tqdm", "typing",
}  # fmt: skip


_PLAIN_METHODS = {"__init__", "__name__", "__call__", "__repr__", "__str__", "__post_init__"}


# parts of objects other than `self` that answers set
_PLAIN_PARTS = {"bias", "data", "grad", "requires_grad", "shape", "training", "weight"}


# classes whose methods are believed; one that derives from them can have others
_DATA = {
    "Parameter", "Tensor", "bool", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "matrix", "ndarray",
    "set", "str", "tuple",
}  # fmt: skip


_REACHING = {  # names that lead out of one's own code, or to values that every comparison holds of
    "MaskedArray", "SkipTest", "ag_frame", "attrgetter", "cr_frame", "f_back", "f_builtins", "f_globals", "f_locals",
    "gi_frame", "ma", "masked", "masked_array", "masked_equal", "masked_invalid", "masked_where", "methodcaller",
    "skipTest", "tb_frame",
    "In", "Out", "atexit", "breakpoint", "builtins", "compile", "ctypes", "delattr", "dir", "displayhook", "eval",
    "excepthook", "exec", "gc", "get_ipython", "getattr", "globals", "importlib", "inspect", "linecache", "locals",
    "memoryview", "meta_path", "mock", "modules", "object", "open", "os", "setattr", "setprofile", "settrace", "signal",
    "threading", "unittest", "vars",
}  # fmt: skip


def unusual(job: Job, left_out: set[str], judging: set[str] = frozenset()) -> str:
    """What student code does that an ordinary answer does not, for a test that it shares a process with; or "".

    There an object that lies about itself or a function put in another's place could pass any test, and hundreds of
    ways lead there. So only code made of common parts, or of parts that the instructor's own answers have, is believed
    without a look.

    Args:
        job: the submission.
        left_out: ids of cells that had no effect.
        judging: modules of the course's own from which tests import; all others of its files are common parts.
    """
    own = {name.split("/")[0].removesuffix(".py") for name in job.files if name.endswith(".py")} - judging
    code = [cell for cell in job.cells if cell.kind in STUDENT_KINDS and cell.cell_type == "code"]
    common = {what for cell in code for what in _strange(cell.reference)} | {f"imports {name}" for name in own}
    found = (what for cell in code if cell.id not in left_out for what in _strange(cell.source))
    return next((what for what in found if what not in common), "")


def _strange(source: str) -> list[str]:
    """What is no common part of an answer."""
    if (statements := _students(source)) is None:
        return ["is too much to be looked through"]
    nodes = list(_without_magics(statements))
    shared = any(isinstance(node, (ast.Global, ast.Nonlocal)) for node, _ in nodes)
    return [what for node, local in nodes if (what := _unusual(node, local and not shared))]


def names_bound(job: Job) -> set[str]:
    """Names that student code binds outside of its functions."""
    names: set[str] = set()
    for cell in job.cells:
        if cell.kind in STUDENT_KINDS and cell.cell_type == "code":
            with contextlib.suppress(RecursionError):  # nobody writes that by hand
                names |= defined(_students(cell.source) or [])
    return names


def names_taken(job: Job, imports: set[str]) -> set[str]:
    """Names to which student code gives a meaning for everybody, but for those that it imports as the course does."""
    names: set[str] = set()
    for cell in job.cells:
        if cell.kind not in STUDENT_KINDS or cell.cell_type != "code":
            continue
        for node, local in _without_magics(_students(cell.source) or []):
            if isinstance(node, (ast.Global, ast.Nonlocal)):
                names |= set(node.names)
            elif local:
                continue
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                names |= set() if ast.unparse(node) in imports else defined([node])
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                names.add(node.name)
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                names.add(node.id)
            elif isinstance(node, (ast.MatchAs, ast.MatchStar, ast.ExceptHandler)) and node.name:
                names.add(node.name)
            elif isinstance(node, ast.MatchMapping) and node.rest:
                names.add(node.rest)
    return names


def _students(source: str) -> list[ast.stmt] | None:
    """The statements of a student's cell, none if it cannot be compiled; None if looking would take too long."""
    try:
        return ast.parse(source).body
    except SyntaxError:
        # IPython reads a cell anew for each of its magics
        if len(source) > 20_000 or len(re.findall(r"(?m)^\s*[%!]|\?\s*$|=\s*[%!]", source)) > 20:
            return None
    except (ValueError, RecursionError, MemoryError):
        return []
    try:
        return parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, RuntimeError):
        return []


def _without_magics(statements: list[ast.stmt]) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes of a student's statements but those of harmless magics, and whether they are inside a function.

    The code that a magic runs belongs to them.
    """
    todo: list[tuple[ast.AST, bool]] = [(statement, False) for statement in statements]
    while todo:
        node, local = todo.pop()
        inner: list[ast.stmt] | None = None
        if (code := _magic(node)) is not None:
            inner = (
                (_students(code) or None) if code.strip() else []
            )  # what cannot be compiled there is no harmless magic
        if inner is None:
            yield node, local
        local = local or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        todo += [(part, local) for part in (ast.iter_child_nodes(node) if inner is None else inner)]


# Nothing here may hold braces or dollar signs: IPython puts the values of expressions in their place.
_MAGICS = {
    "matplotlib": r"\w*", "config": r"InlineBackend\.\w+ *= *['\w]+", "load_ext": "autoreload|tensorboard",
    "autoreload": r"\d?", "pip": r"[^{}$]*", "conda": r"[^{}$]*", "ls": r"[^{}$]*", "pwd": "", "pinfo": r"[\w.]*",
    "capture": r"(--?\w+ *)*",
}  # fmt: skip


_SHELL = r"(cat|conda|date|echo|free|head|ls|lscpu|nproc|nvidia-smi|pip3?|pwd|which)\b[^{}$<>|&;`\n]*"


def _magic(node: ast.AST) -> str | None:
    """The Python code that a harmless magic or shell command runs, perhaps ""; None for everything else."""
    call = node.func if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
    shell = call.value if call is not None and isinstance(call.value, ast.Call) else None
    if shell is None or getattr(shell.func, "id", "") != "get_ipython" or shell.args or shell.keywords:
        return None
    texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    if node.keywords or not texts or len(texts) != len(node.args):
        return None
    if call.attr == "system":
        return "" if re.fullmatch(_SHELL, texts[0].strip()) else None
    if call.attr not in ("run_line_magic", "run_cell_magic") or len(texts) < 2:
        return None
    name, line, *body = texts
    if name in ("time", "timeit"):
        return "\n".join([re.sub(r"^(-\w+ *\d* +)*", "", line), *body])
    return "".join(body) if name in _MAGICS and re.fullmatch(_MAGICS[name], line.strip()) else None


def _unusual(node: ast.AST, local: bool) -> str:
    """What is unusual about a node; names that are ``local`` to a function hide nothing from anybody else."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        strange = [name for name in modules if name.split(".")[0] not in _PLAIN_MODULES and name != "IPython.display"]
        if strange:
            return f"imports {strange[0] or 'from its folder'}"
        parts = {part for alias in node.names for part in (*alias.name.split("."), alias.asname or "")}
        reaching = sorted(part for part in parts if part in _REACHING or part.startswith("_"))
        return f"imports {reaching[0]}" if reaching else ""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type":
        return "makes a class with type()" if len(node.args) != 1 or node.keywords else ""
    if isinstance(node, ast.ClassDef):
        bases = {base.id if isinstance(base, ast.Name) else getattr(base, "attr", "") for base in node.bases}
        if derived := sorted(bases & _DATA):
            return f"derives from {derived[0]}"
    if isinstance(node, ast.Name):
        name, stored = node.id, not isinstance(node.ctx, ast.Load)
    elif isinstance(node, ast.Attribute):
        name, stored = node.attr, False
        own = isinstance(node.value, ast.Name) and node.value.id == "self"
        if not isinstance(node.ctx, ast.Load) and not own and name not in _PLAIN_PARTS:
            return f"sets .{name} of something"
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        name, stored = node.name, True
    elif isinstance(node, ast.arg):
        name, stored = node.arg, False
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match("__(?!main__)", node.value):
        name, stored = node.value, False  # type("List", (list,), {"__len__": ...})
    else:
        return ""
    if isinstance(node, ast.Attribute) and name == "eval":
        return ""  # of a module, to which it is what train() is
    private = r"_.+" if isinstance(node, ast.Attribute) and not own else r"__.+|_(i+\d*|ih|oh|dh|\d+)"
    if re.fullmatch(private, name) and name not in _PLAIN_METHODS:
        return f"uses {name}"
    if name in _REACHING or (stored and not local and name in dir(builtins)):
        return f"{'defines' if stored else 'uses'} {name}"
    return ""
