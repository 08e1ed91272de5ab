"""Is there anything in student code that could deceive a test which runs beside it?"""

import ast
import builtins
import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from grader.judge.names import aliased, defined, name_called, parse, root_of
from grader.judge.selves import own_names
from grader.model import STUDENT_KINDS, Job

_PLAIN_MODULES = {
    "__future__",
    "abc", "array", "bisect", "calendar", "cmath", "collections", "contextlib", "copy", "csv", "dataclasses",
    "datetime", "decimal", "difflib", "enum", "fractions", "functools", "glob", "hashlib", "heapq", "helpers",
    "itertools", "json", "logging", "math", "matplotlib", "numbers", "numpy", "operator", "pandas", "pathlib", "PIL",
    "pprint", "queue", "random", "re", "requests", "scipy", "seaborn", "secrets", "sklearn", "statistics", "string",
    "struct", "sys", "textwrap", "time", "torch", "torchvision", "tqdm", "typing", "unicodedata", "urllib", "uuid",
    "warnings", "zlib",
}  # fmt: skip


# what may be had of modules that are otherwise not plain
_PLAIN_NAMES = {
    "IPython": {"display"}, "io": {"BytesIO", "StringIO"}, "os": {"getcwd", "linesep", "listdir", "path", "sep"},
    "scipy": {"signal"}, "functools": {"wraps"},
}  # fmt: skip


_PLAIN_METHODS = {"__init__", "__name__", "__call__", "__repr__", "__str__", "__post_init__", "__version__", "__doc__"}


# parts that answers set of objects other than their own, but not of modules: np.shape is a function
_PLAIN_PARTS = {
    "at", "bias", "classifier", "columns", "data", "dpi", "fc", "fill_value", "flat", "grad", "head", "iat", "iloc",
    "imag", "index", "left", "loc", "name", "names", "next", "prev", "real", "requires_grad", "right", "shape",
    "training", "values", "weight", "writeable",
}  # fmt: skip


# and settings that modules keep
_SETTINGS = {
    "allow_tf32", "benchmark", "chained_assignment", "deterministic", "max_colwidth", "max_columns", "max_rows",
}  # fmt: skip


# classes whose methods are believed; one that derives from them can have others
_DATA = {
    "Parameter", "Tensor", "bool", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "matrix", "ndarray",
    "set", "str", "tuple",
}  # fmt: skip


_REACHING = {  # names that lead out of one's own code, or to values that every comparison holds of
    "MaskedArray", "SkipTest", "ag_frame", "attrgetter", "cr_frame", "f_back", "f_builtins", "f_globals", "f_locals",
    "gi_frame", "ma", "masked", "masked_array", "masked_equal", "masked_invalid", "masked_where", "methodcaller",
    "skipTest", "tb_frame", "BufferedRandom", "BufferedWriter", "FileIO", "OpenWrapper", "fdopen", "open_code",
    "In", "Out", "atexit", "breakpoint", "builtins", "compile", "ctypes", "delattr", "dir", "displayhook", "eval",
    "excepthook", "exec", "gc", "get_ipython", "getattr", "globals", "importlib", "inspect", "linecache", "locals",
    "memoryview", "meta_path", "mock", "modules", "object", "open", "os", "setattr", "setprofile", "settrace", "signal",
    "threading", "unittest", "vars", "update_wrapper", "wraps", "register_dataframe_accessor",
    "register_index_accessor", "register_series_accessor", "get_type_hints",
}  # fmt: skip


# of these names, those that students give to things of their own
_VARIABLES = {"ma", "masked", "modules", "signal"}


def unusual(job: Job, left_out: set[str], judging: dict[str, dict[str, bool]] | None = None) -> str:
    """What student code does that an ordinary answer does not, for a test that it shares a process with; or "".

    There an object that lies about itself or a function put in another's place could pass any test, and hundreds of
    ways lead there. So only code made of common parts, of parts that the instructor's own answers have, or of what the
    course's configuration calls plain, is believed without a look.

    Args:
        job: the submission.
        left_out: ids of cells that had no effect.
        judging: modules of the course's own from which tests import, each with its names and whether student code may
            have them; all other modules among its files are common parts.

    Returns:
        What, and where: the line and its number in the cell.
    """
    judging = judging or {}
    code = [cell for cell in job.cells if cell.kind in STUDENT_KINDS and cell.cell_type == "code"]
    own = _modules_of(job)
    common = {f"imports {name}" for name in own}
    common |= {f"{verb} {name}" for name in job.plain for verb in ("imports", "uses", "defines", "derives from")}
    common |= {f"sets .{name} of something" for name in job.plain}
    owned, modules = _owned(job)
    looks = _Looks(judging, owned, *_parts_of(modules, [cell.reference for cell in code], own))
    common |= {what for cell in code for what, _ in looks.strange(cell.reference)}
    looks = _Looks(judging, owned, *_parts_of(modules, [cell.source for cell in code], own))
    for cell in code:
        if cell.id in left_out:
            continue
        for what, line in looks.strange(cell.source):
            if what not in common:
                return what + _place(cell.source, line)
    return ""


def _place(source: str, number: int) -> str:
    """Where in a cell something stands, for whoever looks at a flag."""
    lines = source.splitlines()
    text = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    return f" in line {number} of a cell (`{text[:80]}`)" if text else ""


def _owned(job: Job) -> tuple[set[str], set[str]]:
    """Names that Python or the course give a meaning, so that under any other students only find what is theirs; and
    those among them that the course imports.
    """
    names, modules, ours = set(dir(builtins)) | {"In", "Out", "get_ipython"}, set(), _modules_of(job)
    for cell in job.cells:
        if cell.kind in ("setup", "test") and cell.cell_type == "code":
            statements = _students(cell.source) or []
            names |= defined(statements)
            modules |= _imports(statements, ours)
    return names, modules


def _modules_of(job: Job) -> set[str]:
    """The course's own modules."""
    return {name.split("/")[0].removesuffix(".py") for name in job.files if name.endswith(".py")}


def _imports(statements: list[ast.stmt], ours: set[str]) -> set[str]:
    """Names that are imported; what comes out of a module of the course may be its data."""
    nodes = (node for statement in statements for node in ast.walk(statement))
    imports = [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
    imports = [node for node in imports if (getattr(node, "module", None) or "").split(".")[0] not in ours]
    return {alias.asname or alias.name.split(".")[0] for node in imports for alias in node.names}


def _parts_of(modules: set[str], sources: list[str], ours: set[str]) -> tuple[set[str], set[str]]:
    """Names whose parts the code of these cells may set, and names that stand for modules or what these hold."""
    statements = [one for source in sources for one in _students(source) or []]
    code = [node for node, _, _ in _without_magics(statements)]
    modules = modules | _imports(statements, ours)
    for _ in range(3):  # another name of another name
        for node in code:
            if isinstance(node, ast.Assign) and aliased(node.value) & modules and not isinstance(node.value, ast.Call):
                modules |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return own_names(code), modules


@dataclass(frozen=True)
class _Looks:
    """Looks through student code.

    Attributes:
        judging: as in `unusual`.
        owned: names that mean something before student code runs.
        own: names of the student's whose parts concern nobody else.
        modules: names that stand for modules, or for what these hold.
    """

    judging: dict[str, dict[str, bool]]
    owned: set[str]
    own: set[str]
    modules: set[str]

    def strange(self, source: str) -> Iterator[tuple[str, int]]:
        """What is no common part of an answer, each with its line (0: nobody knows)."""
        if (statements := _students(source)) is None:
            yield "is too much to be looked through", 0
            return
        nodes = list(_without_magics(statements))
        shared = any(isinstance(node, (ast.Global, ast.Nonlocal)) for node, _, _ in nodes)
        plain = {id(part) for node, _, _ in nodes for part in self.plain_parts(node)}
        brings = any(isinstance(n, ast.ImportFrom) and n.names[0].name == "*" for n, _, _ in nodes)
        for node, local, line in nodes:
            own = isinstance(node, ast.Name) and node.id not in self.owned and node.id in _VARIABLES and not brings
            if id(node) not in plain and not own and (what := self.unusual(node, local and not shared)):
                yield what, line or getattr(node, "lineno", 0)
        for what, line in self.reached(nodes):
            yield what, line

    def unusual(self, node: ast.AST, local: bool) -> str:
        """What is unusual about a node; names that are ``local`` to a function hide nothing from anybody else."""
        if not isinstance(node, ast.Attribute):
            return _unusual(node, local)
        own, name = isinstance(node.value, ast.Name) and node.value.id in self.own, node.attr
        of_all = name not in _PLAIN_PARTS or root_of(node) in (*self.modules, "type")
        if not isinstance(node.ctx, ast.Load) and not own and name not in _SETTINGS and of_all:
            return f"sets .{name} of something"
        if name == "eval":
            return ""  # of a module, to which it is what train() is
        hidden = re.fullmatch(_HIDDEN if own else "_.+", name) and name not in _PLAIN_METHODS
        return f"uses {name}" if hidden or name in _REACHING else ""

    @staticmethod
    def plain_parts(node: ast.AST) -> list[ast.AST]:
        """Parts of a node that are harmless where they stand, though not everywhere."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            parts = [node.value] if node.attr in _PLAIN_NAMES.get(node.value.id, ()) else []
            return [*parts, node] if (node.value.id, node.attr) == ("scipy", "signal") else parts
        if isinstance(node, ast.ClassDef):
            return [base for base in node.bases if isinstance(base, ast.Name) and base.id == "object"]
        if not isinstance(node, ast.Call):
            return []
        name = name_called(node)
        if name == "wraps" and len(node.args) == 1 and not node.keywords:
            return [node.func]
        constants = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
        if name == "open" and _only_reads(node):
            return [node.func]
        if name == "modules" and isinstance(node.func, ast.Attribute) and not node.args:
            return [node.func]  # a model's; sys.modules can't be called
        if name == "compile" and isinstance(node.func, ast.Attribute):
            return [node.func]  # of re or of a model
        if isinstance(node.func, ast.Name) and name == "getattr" and len(constants) in (2, 3):
            word = constants[1]
            return [node.func] if isinstance(word, str) and word[:1] != "_" and word not in _REACHING else []
        return [node.func] if isinstance(node.func, ast.Name) and name == "dir" else []

    def reached(self, nodes: list[tuple[ast.AST, bool, int]]) -> Iterator[tuple[str, int]]:
        """What student code takes of the modules that judge it, but for their functions and constants."""
        modules: dict[str, str] = {}  # names that stand for a judging module
        data: dict[str, str] = {}  # names of what such a module keeps
        for node, _, _ in nodes:
            if isinstance(node, ast.Import):
                tops = {alias.asname or alias.name.split(".")[0]: alias.name.split(".")[0] for alias in node.names}
                modules |= {name: top for name, top in tops.items() if top in self.judging}
            elif isinstance(node, ast.ImportFrom) and (top := (node.module or "").split(".")[0]) in self.judging:
                names = self.judging[top]
                wanted = {alias.name: alias.asname or alias.name for alias in node.names if alias.name != "*"}
                data |= {new: f"{name} of {top}" for name, new in wanted.items() if not names.get(name)}
                if len(wanted) < len(node.names):
                    data |= {name: f"{name} of {top}" for name, harmless in names.items() if not harmless}
        parts = {id(node.value): node.attr for node, _, _ in nodes if isinstance(node, ast.Attribute)}
        for node, _, line in nodes:
            what = ""
            if isinstance(node, ast.Name) and node.id in modules:
                part, top = parts.get(id(node), ""), modules[node.id]
                what = "" if self.judging[top].get(part) else f"{part} of {top}".removeprefix(" of ")
            elif isinstance(node, ast.Name):
                what = data.get(node.id, "")
            if what:
                yield f"reaches for the course's {what}", line or node.lineno


def _only_reads(call: ast.Call) -> bool:
    """Does a call of ``open`` read, whatever it is called on?"""
    method = isinstance(call.func, ast.Attribute)
    of_image = method and isinstance(call.func.value, ast.Name) and call.func.value.id == "Image"
    place = 0 if method and not of_image else 1  # of the mode
    modes = [k.value for k in call.keywords if k.arg == "mode"] + call.args[place:]
    if len(modes) > 1 or any(k.arg not in ("mode", "encoding", "newline", "errors") for k in call.keywords):
        return False
    texts = [mode.value if isinstance(mode, ast.Constant) else None for mode in modes]
    return all(isinstance(text, str) and re.fullmatch("r[bt]?", text) for text in texts)


def names_bound(job: Job) -> set[str]:
    """Names that student code binds outside of its functions."""
    names: set[str] = set()
    for cell in job.cells:
        if cell.kind in STUDENT_KINDS and cell.cell_type == "code":
            with contextlib.suppress(RecursionError):  # nobody writes that by hand
                names |= defined(_students(cell.source) or [], trusted=False)
    return names


def names_taken(job: Job, imports: set[str]) -> set[str]:
    """Names to which student code gives a meaning for everybody, but for those that it imports as the course does."""
    names: set[str] = set()
    for cell in job.cells:
        if cell.kind not in STUDENT_KINDS or cell.cell_type != "code":
            continue
        for node, local, _ in _without_magics(_students(cell.source) or []):
            if isinstance(node, (ast.Global, ast.Nonlocal)):
                names |= set(node.names)
            elif local:
                continue
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                names |= set().union(
                    *(defined([one], trusted=False) for one in each_import(node) if ast.unparse(one) not in imports)
                )
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


def _without_magics(statements: list[ast.stmt]) -> Iterator[tuple[ast.AST, bool, int]]:
    """All nodes of a student's statements but those of harmless magics, and if they are inside a function or class.

    The code that a magic runs belongs to them; its line is then that of the magic, else 0.
    """
    todo: list[tuple[ast.AST, bool, int]] = [(statement, False, 0) for statement in statements]
    while todo:
        node, local, line = todo.pop()
        inner: list[ast.stmt] | None = None
        if (code := _magic(node)) is not None:
            # what cannot be compiled there is no harmless magic
            inner = (_students(code) or None) if code.strip() else []
        if inner is None:
            yield node, local, line
        else:
            line = line or getattr(node, "lineno", 0)
        local = local or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef))
        todo += [(part, local, line) for part in (ast.iter_child_nodes(node) if inner is None else inner)]


# Nothing here may hold braces or dollar signs: IPython puts the values of expressions in their place.
_MAGICS = {
    "matplotlib": r"\w*", "config": r"InlineBackend\.\w+ *= *['\w]+", "load_ext": "autoreload|tensorboard",
    "autoreload": r"\d?", "pip": r"[^{}$]*", "conda": r"[^{}$]*", "ls": r"[^{}$]*", "pwd": "", "pinfo": r"[\w.]*",
    "capture": r"(--?\w+ *)*", "who": r"[\w ]*", "whos": r"[\w ]*", "who_ls": r"[\w ]*", "precision": r"[\w%.]*",
    "xmode": r"\w*", "lsmagic": "",
}  # fmt: skip


# the text of such a cell is shown and not run
_SHOWN = {"html", "latex", "markdown", "svg"}


# None of these can run another program.
_SHELL = (
    r"(cat|conda|cp|date|df|du|echo|free|grep|head|hostname|ls|lscpu|mkdir|mv|nproc|nvidia-smi|pip3?|pwd|stat|tail|touch"
    r"|tree|uname|unzip|uptime|wc|which|whoami)\b[^{}$<>|&;`\n]*"
    r"|python3? (-V|--version)|git --version|git clone https?://[\w./~-]+"
    r"|(wget|curl)( -(q|nc|s|S|L|O|sSL|O \w[\w.]*|o \w[\w.]*))* https?://[\w./~?=%-]+"
    r"|apt(-get)?( -\w+)* (install|update)[\w .+-]*"
)


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
    if name in _SHOWN and body:
        return ""
    if name in ("time", "timeit"):
        return "\n".join([re.sub(r"^(-\w+ *\d* +)*", "", line), *body])
    return "".join(body) if name in _MAGICS and re.fullmatch(_MAGICS[name], line.strip()) else None


_HIDDEN = r"__.+|_(i+\d*|ih|oh|dh|\d+)"


def each_import(node: ast.Import | ast.ImportFrom) -> list[ast.Import | ast.ImportFrom]:
    """A statement for each name that it imports."""
    if isinstance(node, ast.Import):
        return [ast.Import([alias]) for alias in node.names]
    return [ast.ImportFrom(node.module, [alias], node.level) for alias in node.names]


def _imported(node: ast.Import | ast.ImportFrom) -> str:
    """What is unusual about the import of one name."""
    alias = node.names[0]
    module = (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
    top, _, rest = module.partition(".")
    wanted = rest.split(".")[0] or (alias.name if isinstance(node, ast.ImportFrom) else "")
    some = _PLAIN_NAMES.get(top, set()) if top != "functools" or alias.asname is None else set()
    if top == "IPython" and isinstance(node, ast.Import) and alias.asname is None:
        return "imports IPython"
    whole = top == "os" and isinstance(node, ast.Import) and alias.asname is None  # each use of it is looked at
    if top not in _PLAIN_MODULES and wanted not in some and not whole:
        return f"imports {module or 'from its folder'}"
    parts = {*alias.name.split("."), alias.asname or ""} - some - ({"os"} if top == "os" and (whole or rest) else set())
    reaching = sorted(part for part in parts if part in _REACHING or part.startswith("_"))
    return f"imports {reaching[0]}" if reaching else ""


def _unusual(node: ast.AST, local: bool) -> str:
    """What is unusual about a node; names that are ``local`` to a function hide nothing from anybody else."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return next((what for one in each_import(node) if (what := _imported(one))), "")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type":
        return "makes a class with type()" if len(node.args) != 1 or node.keywords else ""
    if isinstance(node, ast.ClassDef):
        bases = {base.id if isinstance(base, ast.Name) else getattr(base, "attr", "") for base in node.bases}
        if derived := sorted(bases & _DATA):
            return f"derives from {derived[0]}"
    if isinstance(node, ast.Name):
        name, stored = node.id, not isinstance(node.ctx, ast.Load)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        name, stored = node.name, True
    elif isinstance(node, ast.arg):
        name, stored = node.arg, False
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match("__(?!main__)", node.value):
        name, stored = node.value, False  # type("List", (list,), {"__len__": ...})
    else:
        return ""
    if re.fullmatch(_HIDDEN, name) and name not in _PLAIN_METHODS:
        return f"uses {name}"
    if name in _REACHING or (stored and not local and name in dir(builtins)):
        return f"{'defines' if stored else 'uses'} {name}"
    return ""
