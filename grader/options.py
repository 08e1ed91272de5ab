"""What ``nbgrader_config.py`` says to this grader: its options ``c.Grader.*``, and nbgrader's own timeout."""

from dataclasses import dataclass

from nbgrader.preprocessors import Execute
from traitlets import Float, Set, TraitError, Unicode
from traitlets.config import Config, Configurable

from grader.model import Limits

_TIMEOUTS = ("Execute", "ExecutePreprocessor", "NotebookClient")  # the classes under which nbgrader's timeout is set
_NO_LIMIT = 3600.0  # seconds of a cell where the course sets no limit at all


class Grader(Configurable):
    """Options of the grader. Sizes are in megabytes, times in seconds."""

    cell_seconds = Float(60, help="wall clock of one cell; else nbgrader's timeout counts, where that is set").tag(
        config=True
    )
    submission_seconds = Float(help="wall clock of one run of a notebook; else ten cells' time").tag(config=True)
    memory_mb = Float(2048, help="memory of a submission beyond the imported packages").tag(config=True)
    disk_mb = Float(256, help="everything that a submission writes").tag(config=True)
    answer_mb = Float(64, help="the values that the tests of one cell may look at").tag(config=True)
    files_mb = Float(20, help="the data files of an assignment together").tag(config=True)
    plain = Set(Unicode(), help="modules, functions, attributes that are harmless beside a test").tag(config=True)


@dataclass(frozen=True)
class Options:
    """The options of a course.

    Attributes:
        limits: what a submission may use.
        files: bytes of data files that may travel with each submission.
        plain: names that are harmless beside a test that cannot be split.
    """

    limits: Limits = Limits()
    files: int = 20 << 20
    plain: frozenset[str] = frozenset()


def read_options(config: Config) -> Options:
    """The options that a configuration sets.

    Raises:
        ValueError: if there is no such option, or its value cannot be; the message says which.
    """
    if misspelt := [name for name in config if name != "Grader" and name.lower() in ("grader", "graders")]:
        raise ValueError(f"options of the grader are called c.Grader, not c.{misspelt[0]}")
    section = config.get("Grader", Config())
    known = Grader.class_trait_names(config=True)
    if unknown := sorted(set(section) - set(known)):
        raise ValueError(f"there is no option c.Grader.{unknown[0]}, only {', '.join(sorted(known))}")
    try:
        given, timeout = Grader(config=config), Execute(config=config).timeout
    except TraitError as error:
        raise ValueError(str(error)) from error
    for name in set(known) - {"plain"}:
        if name in section and not 0 < getattr(given, name) < float("inf"):
            raise ValueError(f"c.Grader.{name} must be a number above 0, not {getattr(given, name)}")
    if "cell_seconds" not in section and any("timeout_func" in config.get(name, ()) for name in _TIMEOUTS):
        raise ValueError("a timeout_func is not called here: set c.Grader.cell_seconds to the longest time it gives")
    cell = given.cell_seconds
    if "cell_seconds" not in section and any("timeout" in config.get(name, ()) for name in _TIMEOUTS):
        cell = float(timeout) if timeout and timeout > 0 else _NO_LIMIT
    whole = given.submission_seconds or max(Limits.submission_seconds, 10 * cell)
    limits = Limits(
        cell_seconds=cell,
        submission_seconds=whole,
        cpu_seconds=max(Limits.cpu_seconds, int(whole)),
        memory=int(given.memory_mb * 2**20),
        disk=int(given.disk_mb * 2**20),
        data=int(given.answer_mb * 2**20),
    )
    appended = getattr(section.get("plain"), "_extend", ())  # traitlets forgets what is appended to a set
    return Options(limits, int(given.files_mb * 2**20), frozenset([*given.plain, *appended]))
