"""Blanks of an exercise: Python answers the line ``...`` with ``Ellipsis``, which tells a reader nothing."""

from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform


class DropEllipsis(SphinxPostTransform):
    """Leaves out the output ``Ellipsis``, and the box around it if nothing else is in it."""

    default_priority = 198
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Drop the answers to the blanks of one page."""
        drop_ellipsis(self.document)


def drop_ellipsis(document: nodes.Element) -> None:
    """Take each output that is only ``Ellipsis`` out of the document."""
    for block in list(document.findall(nodes.literal_block)):
        output = block.parent
        if block.astext().strip() == "Ellipsis" and isinstance(output, nodes.container):
            output.remove(block)
            while not output.children and isinstance(output.parent, nodes.container):
                output, empty = output.parent, output
                output.remove(empty)
