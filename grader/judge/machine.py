"""Does an error say that this machine, not the answer, is to blame: a graphics card, a package, a file, a network?"""

import difflib
import functools
import json
import re
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions

from grader.judge.evidence import Run, Verdict
from grader.model import STUDENT_KINDS, Job

_CUDA = r"CUDA|NVIDIA|cuDNN|\bcuda\b|HIP GPU"
_MPS = r"\bMPS\b|\bmps\b"
_NETWORK = (
    r"name resolution|Name or service not known|Network is unreachable|Max retries exceeded|getaddrinfo failed|gaierror"
    r"|URLError|ConnectionError|ConnectTimeout|HTTPConnectionPool|HTTPSConnectionPool|No route to host|SSLError"
    r"|Connection(Refused|Reset|Aborted)Error|Connection (refused|timed out)|[Cc]ould ?n[o']t connect"
)
_LACKS = (
    (_CUDA, "a CUDA device"),
    (_MPS, "Apple's MPS device"),
    (r"\bXPU\b|\bxpu\b", "Intel's XPU device"),
    (_NETWORK, "a network"),
    ("Dataset not found", "a data set"),
)
# what pip calls packages that are imported under another name
_PACKAGES = {
    "Bio": "biopython", "OpenSSL": "pyOpenSSL", "PIL": "pillow", "attr": "attrs", "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless", "dateutil": "python-dateutil", "dotenv": "python-dotenv", "fitz": "PyMuPDF",
    "git": "GitPython", "igraph": "python-igraph", "jwt": "PyJWT", "mpl_toolkits": "matplotlib", "osgeo": "GDAL",
    "otter": "otter-grader", "serial": "pyserial", "skimage": "scikit-image", "sklearn": "scikit-learn",
    "umap": "umap-learn", "yaml": "PyYAML",
}  # fmt: skip
_BLAMABLE = (
    r"RuntimeError|AssertionError|NotImplementedError|OSError|.*(Url|URL|Connect|Connection|SSL|Timeout)\w*|gaierror"
)


def lacking(kind: str, text: str, job: Job) -> str:
    """What this machine lacks that student code asked for; or "".

    Args:
        kind: name of an error's class.
        text: what the error says. A misspelt name is no fault of the machine, so a name close to one that is here, and
            a file that the student's code does not name, count for nothing.
        job: whose code and whose files.
    """
    if found := re.search(r"No module named '([\w.]+)'", text):
        top = found[1].split(".")[0]
        if found[1].startswith("google.colab"):  # other packages bring a `google`, too
            return "Google Colab"
        near = difflib.get_close_matches(top, [*_here(), *_modules(job)], 1, 0.8)
        return "" if near else f"the package {package_of(top)}"
    if found := re.search(r"^(\S+): cannot open shared object file|DLL load failed while importing (\w+)", text):
        return f"the library {found[1] or found[2]}"
    if found := re.search(r"No such file or directory: '([^']+)'|^(\S.*?) not found\.$", text):
        path = (found[1] or (found[2] if kind == "FileNotFoundError" else "")).replace("\\\\", "\\")
        return f"the file {path}" if path and _own_file(path, job) else ""
    words = f"{kind}: {text}"
    # a device of a name that torch does not know is there nowhere
    if not re.fullmatch(_BLAMABLE, kind.rpartition(".")[2]) or "at start of device string" in text:
        return ""
    return next((what for pattern, what in _LACKS if re.search(pattern, words)), "")


def package_of(module: str) -> str:
    """The package that brings a module, as pip calls it."""
    top = module.partition(".")[0]
    return _PACKAGES.get(top, top)


def remedy_for(module: str) -> str:
    """What to do about a module that is not here."""
    package = package_of(module)
    if package == "google":  # what pip installs under that name is another package
        return "`google.colab` is on Google Colab only: let the cell do without where it is not"
    if "." in module and module.partition(".")[0] in _here():
        return f"another version of {package} than the one here has it: install that, then `grade --again`"
    return f"install {package} where the grader is, then `grade --again`"


@functools.cache
def _here() -> frozenset[str]:
    """The packages of this machine, which are those of the sandbox."""
    return frozenset(sys.stdlib_module_names) | frozenset(packages_distributions())


def _modules(job: Job) -> set[str]:
    return {name.split("/")[0].removesuffix(".py") for name in job.files if name.endswith(".py")}


def _own_file(path: str, job: Job) -> bool:
    """Is this a file of the student's own machine: named in their code, and no misspelt file of the course?"""
    last = re.split(r"[/\\]", path)[-1]  # which the code names, too, where a package made the path a whole one
    named = any(last in cell.source for cell in job.cells if cell.kind in STUDENT_KINDS)
    ours = [name.split("/")[-1] for name in job.files]
    return named and not difflib.get_close_matches(last, ours, 1, 0.8)


def errors_of(outputs: list[dict]) -> list[tuple[str, str]]:
    """Name and text of the errors among outputs."""
    return [(one["ename"], one["evalue"]) for one in outputs if one.get("output_type") == "error"]


def blamed(job: Job, verdict: Verdict, owners: Iterable[str], show: Run) -> str:
    """What this machine lacks so that a test failed: by the answer's own error, or by the error that the test met."""
    met = [(verdict.type, verdict.text)]
    if verdict.kind == "inside":
        try:
            met = errors_of(json.loads(verdict.detail))
        except (ValueError, TypeError, KeyError):
            met = []
    before = list(owners)
    if any(kind == "NameError" for kind, _ in met):  # of what a cell before it should have imported or read
        before += [cell.id for cell in job.cells if cell.kind in STUDENT_KINDS]
    met += [error for id in before for error in errors_of(show.outputs.get(id, []))]
    return next((what for kind, text in met if (what := lacking(kind, text, job))), "")
