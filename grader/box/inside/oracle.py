"""The trusted half of a test cell, run on what the student's half sent."""

import contextlib
import io
import re
import traceback
from collections.abc import Callable
from json import loads

from .packages import kind
from .tell import MOST_TOLD, Malformed, Stopped, amount_told, known_error, like, withhold
from .values import decode, hollowness, nameless, number_of, strings_of


class Oracle:
    """One trusted half: read the records, run the source on them, and tell the verdict.

    Args:
        source: the trusted half, which calls ``__take__``, ``__replay__`` and ``__score__``.
        secret: tell nothing that would give a hidden test away.
        stopped: the student's half ran out of time.
        blobs: the records, as bytes of JSON, then the bytes that their values refer to.
    """

    def __init__(self, source: str, secret: bool, stopped: bool, blobs: list[bytes]) -> None:
        self.source, self.secret, self.blobs = source, secret, blobs[1:]
        self.end: dict | None = {"timeout": True} if stopped else None  # why the student's half came to no end
        self.queues: dict[int, list[dict]] = {}  # of each slot, the records not yet taken
        self.levels: dict[int, int] = {}  # how far each slot's value had to be proved; -1: nowhere plain data
        self.hollow: dict[int, str] = {}  # values with nothing in them that could be wrong
        self.score: dict[str, float] = {}
        self.texts: list[str] = []  # what the student worded
        self.told: list[int] = [0]  # characters that a message would show of each value
        self.record_error = not self._read_records(blobs[0])

    def _read_records(self, data: bytes) -> bool:
        """Sort the records by slot; False if they are not what the encoder makes."""
        try:
            for node in loads(data):
                if (slot := node["slot"]) == -1:
                    self.end = node
                    continue
                self.queues.setdefault(slot, []).append(node)
                # of all values, also of those that no check comes to
                if level := int(node.get("level", -1 if "value" in node else 0)):
                    self.levels[slot] = max(level, self.levels.get(slot, -1))
        except Exception:
            return False
        return True

    def judge(self, namespace: dict) -> dict:
        """Run the source in a namespace; what the host is told."""
        if self.record_error:
            return {"hollow": {}, **malformed("what your code sent back is no plain data"), "levels": []}
        namespace.update(__take__=self.take, __replay__=self.replay, __score__=self.rate)
        verdict = self._withheld(self._run(namespace))
        return {"hollow": {}, **verdict, "levels": list(self.levels.items())}

    def _run(self, namespace: dict) -> dict:
        stdout = io.StringIO()
        try:
            with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stdout):
                exec(compile(self.source, "<oracle>", "exec"), namespace)
                if self.end is not None:
                    raise Stopped
        except Stopped:
            return self._stopped()
        except Malformed as error:
            return malformed(f"what your code gave is no plain data ({error})")
        except BaseException as error:
            if told := getattr(error, "told", None):
                verdict = raised(told)
            else:
                text = str(error)[:4000]
                verdict = {"status": "failed", "kind": "check", "type": type(error).__name__, "text": text}
                verdict["parts"] = parts_of(error)
            return verdict | {"detail": traceback.format_exc()[-8000:]}
        return {"status": "passed", "hollow": self.hollow, **self.score}

    def _stopped(self) -> dict:
        if self.end is None:
            return malformed("the test did not run to its end")
        return {"status": "timeout"} if "timeout" in self.end else raised(self.end["error"])

    def _withheld(self, verdict: dict) -> dict:
        """The verdict without what a student could have smuggled out of a hidden test."""
        if self.secret and verdict.get("kind") == "check":
            text = withhold(verdict["text"], self.texts)
            if max(self.told) > MOST_TOLD:
                text = re.sub(r"(?s), got .*?(?=\. Hint: |\.?$)", ", got something else", text)
            verdict["text"], parts = text, [withhold(part, self.texts) for part in verdict["parts"]]
            if parts and max(self.told) > MOST_TOLD:
                parts[1] = parts[1] and "something else"
            verdict["parts"] = parts
        return verdict

    # --- what the source calls --------------------------------------------------------------------------------------

    def take(self, slot: int, pristine: object = None, together: list = ()) -> object:
        """The next value of a slot, or the error that came instead.

        Args:
            slot: which of the test's expressions.
            pristine: the course's own copy of this object.
            together: what else belongs to it.
        """
        if not (queue := self.queues.get(slot)):
            raise Stopped
        node = queue.pop(0)
        if "error" in node:
            self.texts.append(str(node["error"]["text"]))
            raise like(node["error"])
        try:
            given = nameless(node["value"]) if self.secret else node["value"]
            value = decode(given, self.blobs, pristine)
        except Exception as error:
            raise Malformed(f"{type(error).__name__}: {error}") from None
        if hollow := hollowness(value):
            self.hollow.setdefault(slot, hollow)
        self.texts.extend(self.blobs[blob].decode("utf-8", "replace") for blob in strings_of(node["value"]))
        self.told.append(amount_told(node["value"], self.blobs))
        # A model that the student trained is judged with the course's own data, not with what became of them.
        module = kind("torch.nn.Module")
        if not isinstance(pristine, module) and any(isinstance(other, module) for other in together):
            return pristine
        return value

    def replay(self, slot: int) -> Callable[[], object]:
        """A function that stands for the student's: each call gives the next value of the slot."""
        return lambda: self.take(slot)

    def rate(self, value: object) -> None:
        """Take the value of the cell's last expression as its score, if it is a number."""
        if (number := number_of(value)) is not None:
            self.score["score"] = number


def parts_of(error: BaseException) -> list[str]:
    """What a check expected, what came, and its hint, if its error holds them apart; else nothing."""
    parts = [getattr(error, name, None) for name in ("expected", "got", "hint")]
    return [part[:2000] for part in parts] if any(parts) and all(isinstance(part, str) for part in parts) else []


def malformed(text: str) -> dict:
    """The verdict on what the encoder never makes."""
    return {"status": "failed", "kind": "malformed", "text": text}


def raised(told: dict) -> dict:
    """The verdict on an error in student code."""
    return {"status": "failed", "kind": "raised", **known_error(told)}
