"""Worked answers on the site: folded, below each exercise, unless the book is built for a class that is graded."""

import json
import os
from typing import Any

from sphinx.application import Sphinx

from tools.notebooks import ROOT

GRADED = "COURSE_GRADED"  # environment variable that `book --graded` sets

HEAD = """## Worked answers

Each fold holds one way to solve a task, and the reasons for it.
Open it after you have tried the task yourself: what you work out stays, what you read goes."""


def add(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the worked answers below an exercise when Sphinx reads its notebook."""
    folder, _, name = page.rpartition("/")
    data = ROOT / "helpers" / "answers" / f"{name}.json"
    if os.environ.get(GRADED) or folder != f"exercises/{name}" or not data.is_file():
        return
    app.env.note_dependency(str(data))
    notebook = json.loads(source[0])
    text = as_markdown(json.loads(data.read_text(encoding="utf-8"))["tasks"])
    notebook["cells"].append({"cell_type": "markdown", "id": "worked-answers", "metadata": {}, "source": text})
    source[0] = json.dumps(notebook)


def as_markdown(tasks: list[dict[str, Any]]) -> str:
    """The section that holds the answers, one fold for each task."""
    folds = [
        "\n\n".join(
            filter(
                None,
                [
                    f"::::{{dropdown}} {task['title']}",
                    task["reasons"],
                    f"````python\n{task['answer']}\n````",
                    "::::",
                ],
            )
        )
        for task in tasks
    ]
    return "\n\n".join([HEAD, *folds])
