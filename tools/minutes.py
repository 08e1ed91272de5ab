"""How long a chapter takes: 150 words a minute, 6 s for each visible line of code, 3 minutes for each "Try it" and
each widget, 1 minute for each question. Folds are not counted; the answer to a "Try it" is in its 3 minutes.
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from tools.notebooks import read
from tools.order import load

ROOT = Path(__file__).resolve().parents[1]
WORDS_A_MINUTE = 150
SECONDS_A_LINE = 6
TRY_IT, WIDGET, QUESTION = 3, 3, 1  # minutes
SLACK = 0.15  # between what a chapter states and what the model says, at least five minutes
HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
NUMBERS = {"an": 1, "one": 1, "two": 2, "three": 3, "four": 4}


def minutes(notebook: NotebookNode, root: Path = ROOT) -> float:
    """The minutes that the model gives a chapter."""
    from helpers import quiz

    words = lines = tries = widgets = questions = 0
    for cell in notebook.cells:
        if "remove-cell" in cell.metadata.get("tags", []):
            continue
        if cell.cell_type == "markdown":
            tries += len(re.findall(r"(?m)^\*\*Try it\.\*\*", cell.source))
            words += len(_shown(cell.source).split())
            continue
        if not HIDDEN & set(cell.metadata.get("tags", [])):
            lines += sum(1 for line in cell.source.splitlines() if line.strip())
        caption = cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")
        words += len(caption.split())
        widgets += len(re.findall(r"(?m)^explore\(", cell.source))
        questions += len(re.findall(r"(?m)^(?:quiz\.)?predict\(", cell.source))
        questions += 3 * len(re.findall(r"(?m)^(?:quiz\.)?before\(", cell.source))
        for kind, stem in re.findall(r"(show_quiz|show_questions)\([\"'](\w+)[\"']\)", cell.source):
            content = quiz.load(stem, root / "helpers" / "questions")
            questions += len(content.quiz if kind == "show_quiz" else content.questions)
    return (
        words / WORDS_A_MINUTE + lines * SECONDS_A_LINE / 60 + tries * TRY_IT + widgets * WIDGET + questions * QUESTION
    )


def _shown(text: str) -> str:
    """The words of a Markdown cell that a reader reads: without folds, formulas, code blocks and addresses."""
    text = re.sub(r"<details>.*?</details>|```.*?```|\$\$.*?\$\$", " ", text, flags=re.DOTALL)
    text = re.sub(r"^(:::+)\{(?:dropdown|admonition)\}.*?^\1$", _dropdown, text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"\]\([^)]*\)", " ", text)
    return re.sub(r"\$[^$]*\$", "x", text)


def _dropdown(match: re.Match) -> str:
    return " " if "dropdown" in match.group(0)[:200] else match.group(0)


def stated(notebook: NotebookNode) -> float | None:
    """The minutes that the title cell prints: ``- **Time:** about 60 minutes`` or ``about two hours``."""
    found = re.search(r"\*\*Time:\*\*([^\n]*)", notebook.cells[0].source)
    if not found:
        return None
    line = found.group(1)
    number = re.search(r"(\d+) minutes", line)
    hours = re.search(r"(\d+|an|one|two|three|four)( and a half)? hours?", line)
    if hours and (not number or hours.start() < number.start()):
        count = float(NUMBERS.get(hours.group(1)) or hours.group(1))
        return 60 * (count + (0.5 if hours.group(2) else 0))
    return float(number.group(1)) if number else None


def time(notebook: NotebookNode, root: Path = ROOT, **_: object) -> Iterator[tuple[str, str]]:
    """The time stated is the time computed, up to 15 %."""
    says, computed = stated(notebook), minutes(notebook, root)
    if says is None:
        yield notebook.cells[0].id, f"states no time; write `- **Time:** about {round5(computed)} minutes`"
    elif abs(says - computed) > max(5, SLACK * computed):
        yield (
            notebook.cells[0].id,
            f"states {says:.0f} minutes, but the model says {round5(computed)}; write that or cut",
        )


def round5(value: float) -> int:
    """Minutes as people say them."""
    return 5 * round(value / 5)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``time``."""
    parser.add_argument("files", nargs="*", help="chapters (default: all)")


def run(args: argparse.Namespace) -> int:
    """Print the minutes computed and stated for each chapter; 1 if a chapter states something else."""
    for path in map(Path, args.files):
        read(path)  # refuses what is no notebook
    paths = [Path(file) for file in args.files] or sorted((ROOT / "chapters").glob("*.ipynb"))
    off = 0
    for path in paths:
        notebook = load(path)
        says, verdict = stated(notebook), next((message for _, message in time(notebook)), "ok")
        stands = "none" if says is None else f"{says:4.0f}"
        print(f"{path.stem:22} computed {minutes(notebook):4.0f}   stated {stands}   {verdict}")
        off += verdict != "ok"
    print(f"ok: {SLACK:.0%} apart or five minutes at most")
    return int(off > 0)
