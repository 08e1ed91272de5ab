"""Folded code on the page: its title, which Colab reads from the first line, is the name of the fold."""

from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from tools.notebooks import fold_title, without_title

NAMELESS = '<summary aria-label="Toggle hidden content">'  # hides from a screen reader what is folded


class NameFolds(SphinxPostTransform):
    """Takes the line ``# @title ...`` out of folded code and writes it on the bar that opens the fold."""

    default_priority = 198  # MyST-NB folds at 199
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Name the folds of one page."""
        for cell in self.document.findall(nodes.container):
            if cell.get("nb_element") != "cell_code" or not cell.get("hide_mode"):
                continue
            code = next(cell.findall(nodes.literal_block), None)
            if code is not None and (title := fold_title(code.astext())):
                code.rawsource = without_title(code.astext())
                code[:] = [nodes.Text(code.rawsource)]
                cell["prompt_show"] = cell["prompt_hide"] = f"Code: {title}"
