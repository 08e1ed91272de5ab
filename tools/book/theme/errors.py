"""Errors on the page: the student's own lines and the message, without the insides of installed packages."""

from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform


class ShortenTracebacks(SphinxPostTransform):
    """Leaves out the frames in files: they are long, are not the lesson, and name folders of the machine that built."""

    default_priority = 198
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Shorten the tracebacks of one page."""
        for block in self.document.findall(nodes.literal_block):
            if "traceback" in block["classes"]:
                block.rawsource = without_files(block.astext())
                block[:] = [nodes.Text(block.rawsource)]


def without_files(traceback: str) -> str:
    """IPython's traceback without the frames that stand in files; frames are blocks between empty lines."""
    blocks = traceback.split("\n\n")
    return "\n\n".join(block for block in blocks if not block.startswith("File "))
