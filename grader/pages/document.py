"""Pages from templates: one style sheet, no script, nothing loaded from anywhere, and no text that is not escaped.

What a template prints is escaped, and first made of characters that can be seen and cut at `MAX_VALUE`. Only HTML that
is marked so is left as it is: `clean.harmless` and the highlighter make it.
"""

import base64
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path

import jinja2
from markupsafe import Markup

from grader.model import TaskStatus
from grader.pages.clean import clean_text

MAX_VALUE = 4000  # characters of one value; longer ones were cleaned before, and are escaped in the template


_TEMPLATES = Path(__file__).parent / "templates"


def write_page(template: str, title: str, named: Callable[[str], str], **values: object) -> str:
    """A whole page that loads nothing and runs nothing.

    Args:
        template: the name of a file in ``templates``.
        title: of the page.
        named: makes a text readable, before it is cut.
        values: what the template shows.
    """
    page = _environment().get_template(template)
    return page.render(values, title=clean_text(title, 200), named=named)


@functools.cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else clean_text(value, MAX_VALUE),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style = "\n" + (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    made.globals["style"] = Markup(style)
    made.globals["policy"] = Markup(
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "script-src 'none'"
    )
    made.filters["points"] = points_text
    made.filters["told"] = lambda status: TaskStatus(status).student
    made.filters["named"] = jinja2.pass_context(lambda page, text: clean_text(page["named"](str(text)), 1000))
    return made


def points_text(value: float) -> str:
    return f"{value:.4g}"
