"""The IPython shell that runs cells, and what it prints."""

import base64
import contextlib
import io
import os
import random
import sys
import traceback
from json import dumps

from .packages import find


class CellTimeout(BaseException):
    """The cell ran into its time limit. Not an Exception, so that ``except Exception`` doesn't catch it."""


class Stream(io.TextIOBase):
    encoding = "utf-8"

    def __init__(self, name: str, add: object) -> None:
        self.name, self._add = name, add

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._add({"output_type": "stream", "name": self.name, "text": text})
        return len(text)


class Outputs:
    """The nbformat outputs of one cell, up to ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        self.items, self.left = [], limit

    def add(self, item: dict) -> None:
        size = len(item["text"]) if item["output_type"] == "stream" else len(dumps(item, default=repr)) + 100
        if self.left < 0:
            return
        if self.left < size:
            self.left = -1
            note = "\n[The rest of this cell's output was too long and has been left out.]\n"
            text = item["text"][:1000] + note if item["output_type"] == "stream" else note
            self.items.append({"output_type": "stream", "name": "stderr", "text": text})
            return
        self.left -= size
        last = self.items[-1] if self.items else {}
        if item["output_type"] == "stream" == last.get("output_type") and item["name"] == last["name"]:
            last.setdefault("parts", [last["text"]]).append(item["text"])
        else:
            self.items.append(item)

    def clear(self) -> None:
        self.items = []

    def finished(self) -> list[dict]:
        for item in self.items:
            if parts := item.pop("parts", None):
                item["text"] = "".join(parts)
        return self.items


def make_shell() -> object:
    """An IPython shell without history, kernel or terminal; outputs go to ``shell.outputs``."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    def texts(data: dict) -> dict:
        return {k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in data.items()}

    class Hook(DisplayHook):
        def write_output_prompt(self) -> None:
            pass

        def write_format_data(self, format_dict: dict, md_dict: dict | None = None) -> None:
            self.shell.outputs.add({
                "output_type": "execute_result", "data": texts(format_dict), "metadata": md_dict or {},
                "execution_count": self.shell.cells_run,
            })  # fmt: skip

    class Publisher(DisplayPublisher):
        def publish(self, data: dict, metadata: dict | None = None, **kwargs: object) -> None:
            item = {"output_type": "display_data", "data": texts(data), "metadata": metadata or {}}
            self.shell.outputs.add(item)

        def clear_output(self, wait: bool = False) -> None:
            self.shell.outputs.clear()

    class Shell(InteractiveShell):
        outputs = Outputs(1 << 20)
        cells_run = 0
        brief = False
        system = InteractiveShell.system_piped

        def enable_gui(self, gui: str | None = None) -> None:
            pass

        def showtraceback(self, *args: object, **kwargs: object) -> None:
            etype, evalue, trace = sys.exc_info()
            if self.brief:  # formatting a traceback takes longer than most tests
                self._showtraceback(etype, evalue, [])
            elif len(list(traceback.walk_tb(trace))) > 40:  # endless recursion, which IPython formats for seconds
                text = traceback.format_exception(etype, evalue, trace, limit=-5)
                self._showtraceback(etype, evalue, ["".join(text)])
            else:
                super().showtraceback(*args, **kwargs)

        def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
            item = {"output_type": "error", "ename": etype.__name__, "evalue": str(evalue), "traceback": list(stb)}
            self.outputs.add(item)

    config = Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}})
    shell = Shell.instance(config=config, displayhook_class=Hook, display_pub_class=Publisher)
    shell.display_pub.shell = shell
    with contextlib.suppress(ImportError):
        from matplotlib_inline.backend_inline import configure_inline_support

        configure_inline_support(shell, os.environ["MPLBACKEND"])
    return shell


def seed_all(seed: int) -> None:
    """Seed Python, and NumPy and torch where they are."""
    random.seed(seed)
    if numpy := find("numpy"):
        numpy.random.seed(seed % 2**32)
    if torch := find("torch"):
        torch.manual_seed(seed)


def ring(number: int, frame: object) -> None:
    raise CellTimeout("the cell ran into its time limit")
