"""Progress of a run: a bar in a terminal, one line that renews itself in a notebook, nothing while grading."""

import sys
import time

from helpers.runtime import is_autograding
from helpers.training.history import Meter

__all__ = ["Progress"]


class Progress:
    """Show how far a run is, twice a second, and end with one line that sums it up.

    In a notebook the line is one display that is updated in place, so that what is stored in the end is that one line,
    and nothing is ever written to stderr. In a terminal it is tqdm's bar.

    Args:
        run: the run to show.
        show: True or False; None shows it in notebooks and terminals. Nothing is shown while grading.
    """

    every = 0.5  # seconds between two looks at the loss, because each one makes the host wait for the device

    def __init__(self, run, show: bool | None = None) -> None:
        self.run = run
        self.notebook, terminal = in_notebook(), sys.stderr.isatty()
        first = run.recipe.team is None or run.recipe.team.rank == 0
        self.shown = first and not is_autograding() and (self.notebook or terminal if show is None else show)
        self.steps = len(run.train_loader) if hasattr(run.train_loader, "__len__") else None
        self.handle = self.bar = None
        self.started = self.looked = time.perf_counter()
        if self.shown and terminal and not self.notebook:
            from tqdm import tqdm

            total = run.epochs * self.steps if self.steps else None
            self.bar = tqdm(total=total, unit="step", leave=False, dynamic_ncols=True)

    def look(self, meter: Meter, step: int) -> None:
        """Read the running loss if it is time, which also tells the meter's watch, and show it."""
        now = time.perf_counter()
        if now - self.looked < self.every:
            return
        self.looked = now
        loss, samples, *_ = meter.totals()
        if self.shown:
            self._draw(step, loss / samples)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error) -> None:
        if self.bar is not None:
            self.bar.close()

    def summarise(self) -> None:
        """Replace the bar by the line that sums up the run."""
        if self.bar is not None:
            self.bar.close()
        if not self.shown:
            return
        history = self.run.history
        seconds = time.perf_counter() - self.started
        reason = f"; {history.stopped}" if history.stopped else ""
        text = f"{history.epochs} epochs in {seconds:.1f} s: {history.line()}{reason}"
        self._show(text) if self.notebook else print(text)

    def _draw(self, step: int, loss: float) -> None:
        label = f"epoch {self.run.epoch + 1}/{self.run.epochs}"
        if self.bar is not None:
            self.bar.set_description(label, refresh=False)
            self.bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
            self.bar.n = self.run.epoch * (self.steps or 0) + step
            self.bar.refresh()
        elif self.notebook:
            filled = round(20 * step / self.steps) if self.steps else 0
            self._show(f"{label} {'█' * filled}{'░' * (20 - filled)} step {step}, loss {loss:.4g}")

    def _show(self, text: str) -> None:
        from IPython.display import display

        data = {"text/plain": text}
        if self.handle is None:
            self.handle = display(data, raw=True, display_id=True)
        else:
            self.handle.update(data, raw=True)


def in_notebook() -> bool:
    """Does a Jupyter kernel run this code? (IPython in a terminal is a terminal.)"""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
