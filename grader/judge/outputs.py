"""What a reply of a process that ran student code shows; it may have made all of it up."""

import json
import re
from typing import Any

from grader.judge.names import ends_in_value


def outputs_of(reply: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    """The outputs of a reply as nbformat wants them, texts only, up to about ``limit`` characters."""
    kept: list[dict[str, Any]] = []
    for item in reply.get("outputs") if isinstance(reply.get("outputs"), list) else []:
        kind = item.get("output_type") if isinstance(item, dict) else None
        new = _READERS[kind](item) if kind in _READERS else None
        if new is None:
            continue
        limit -= len(json.dumps(new))
        if limit < 0:
            break
        kept.append(new)
    return kept


def _stream(item: dict[str, Any]) -> dict[str, Any] | None:
    if item.get("name") not in ("stdout", "stderr") or not isinstance(item.get("text"), str):
        return None
    return {"output_type": "stream", "name": item["name"], "text": item["text"]}


def _display(item: dict[str, Any]) -> dict[str, Any] | None:
    if not isinstance(item.get("data"), dict):
        return None
    texts = {name: text for name, text in item["data"].items() if isinstance(text, str)}
    return {"output_type": "display_data", "data": texts, "metadata": {}}


def _result(item: dict[str, Any]) -> dict[str, Any] | None:
    if (new := _display(item)) is None:
        return None
    count = item.get("execution_count")
    return new | {"output_type": "execute_result", "execution_count": count if type(count) is int else None}


def _error(item: dict[str, Any]) -> dict[str, Any] | None:
    if not isinstance(item.get("traceback"), list):
        return None
    lines = [line for line in item["traceback"] if isinstance(line, str)]
    name, value = (text if isinstance(text := item.get(key), str) else "" for key in ("ename", "evalue"))
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": lines}


_READERS = {"stream": _stream, "display_data": _display, "execute_result": _result, "error": _error}


def error_in(outputs: list[dict[str, Any]]) -> str:
    """The error in which a cell ended in the show run, which never sees a hidden test; or ""."""
    error = next((output for output in outputs if output["output_type"] == "error"), None)
    if error is None:
        return ""
    text = error["evalue"].split("\n")[0][:300].rstrip(".")
    return f"{error['ename'][:80]}: {re.sub(r'<ipython-input-[^>]*>', 'this cell', text)}".rstrip(": ")


def words_of(kind: str, outputs: list[dict[str, Any]]) -> str:
    """The text of an error of this class that a test met in the show run, raised or printed by a check; or ""."""
    for output in outputs:
        if output["output_type"] == "error" and output["ename"] == kind:
            return output["evalue"].split("\n")[0]
        for message in re.split(r"\n(?=[✗✓])", output.get("text", "")):  # one paragraph each, broken between words
            said = rf"raised {kind}(?: in the line `.*`)?(?:, called with .*?)?: (.*?)\.?$"
            if found := re.search(said, " ".join(message.split())):
                return found[1]
    return ""


def points_in(source: str, outputs: list[dict[str, Any]]) -> float | None:
    """The number that a test ended in beside student code, if it ends in one."""
    try:
        text = outputs[0]["data"]["text/plain"]
        return float(re.sub(r"^np\.\w+\((.*)\)$", r"\1", text)) if ends_in_value(source) else None
    except (SyntaxError, ValueError, LookupError, TypeError):
        return None
