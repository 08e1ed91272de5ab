"""The look of the site, as a Sphinx extension that makes every page need nothing but itself.

Mathematics becomes MathML while the book is built, icons and the mathematical font shrink to the glyphs that pages use,
and no page loads anything from another host, so the site works from a server, a folder or a zip.
"""

import html
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

from tools.book.theme import answers, assets, errors, folds, mathml, road

STATIC = Path(__file__).parent / "static"
LOGGER = logging.getLogger(__name__)
# Names, punctuation and blanks have the colour of the code around them; their tags are a third of a page's code.
# No line may begin with the comma after a formula or with the sign after "90", or end with a bracket before a formula.
FORMULA = re.compile(r"([(“]?)<math\b(?:(?!</math>).)*</math>([.,;:?!)’”]*)", re.DOTALL)
PERCENT = re.compile(r"(<(pre|script|style)\b.*?</\2>|<[^>]*>)|(?<=\d) (?=%)", re.DOTALL)
PLAIN_TOKEN = re.compile(r'<span class="[npw]">([^<]*)</span>')


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this when ``_config.yml`` lists the extension."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    app.config.html_math_renderer = "mathml"
    app.config.html_static_path.append(str(STATIC))
    app.config.html_logo = app.config.html_favicon = str(STATIC / "logo.svg")
    app.add_css_file("course.css")
    app.add_js_file("course.js", loading_method="defer")
    app.add_post_transform(folds.NameFolds)
    app.add_post_transform(errors.ShortenTracebacks)
    app.connect("source-read", answers.add)
    app.connect("source-read", road.fill)
    app.connect("source-read", road.link_chapters)
    app.connect("html-page-context", _mend_body)
    app.connect("html-page-context", road.mark_place)
    app.connect("html-collect-pages", _not_found)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _mathml(latex: str, display: str, location: Any) -> str:
    try:
        return mathml.convert(latex, display)
    except mathml.MathError as error:
        LOGGER.warning(str(error), location=location, type="math")
        return f"<code>{html.escape(latex)}</code>"


def _visit_inline(writer: Any, node: Any) -> None:
    from docutils.nodes import SkipNode

    writer.body.append(_mathml(node.astext(), "inline", node))
    raise SkipNode


def _visit_block(writer: Any, node: Any) -> None:
    from docutils.nodes import SkipNode

    writer.body.append(writer.starttag(node, "div", CLASS="math-block", tabindex="0"))
    if node["number"]:
        writer.body.append(f'<span class="eqno">({writer.get_numfig_title(node) or node["number"]})</span>')
    writer.body.append(_mathml(node.astext(), "block", node) + "</div>\n")
    raise SkipNode


def _mend_body(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Mend an outdated role of bibliographies and folds that all have one name, and say which mode a first visit has.

    The theme reads the mode from the browser's memory. Where it finds none, it complains on the console.
    """
    mode = '<script>localStorage.getItem("mode") || localStorage.setItem("mode", "auto");</script>'
    context["metatags"] = context.get("metatags", "") + mode + (FROM_ANYWHERE if page == "404" else "")
    if "body" in context:
        context["body"] = PLAIN_TOKEN.sub(r"\1", context["body"])
        context["body"] = FORMULA.sub(_keep_whole, context["body"])
        context["body"] = PERCENT.sub(lambda found: found[1] or "\u00a0", context["body"])
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')
        context["body"] = context["body"].replace(folds.NAMELESS, "<summary>")


def _keep_whole(found: re.Match) -> str:
    return f'<span class="whole">{found[0]}</span>' if found[1] or found[2] else found[0]


def _not_found(app: Sphinx):
    yield "404", {"title": "No such page", "body": NOT_FOUND}, "page.html"


# A server shows this page at whatever address was asked for, so its links count from the course's first folder.
FROM_ANYWHERE = """<script>
(() => {
  const found = location.pathname.match(/^(.*?\\/)(?:chapters|exercises|docs|grader)\\//);
  if (found) document.head.append(Object.assign(document.createElement("base"), { href: found[1] }));
})();
</script>"""
NOT_FOUND = """<h1>There is no such page</h1>
<p>The address may be old or mistyped. The <a href="index.html">first page</a> lists all chapters, and the search finds
every word of the course.</p>"""


def _finish(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        assets.shrink(Path(app.outdir))
