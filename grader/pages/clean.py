"""Text and HTML from strangers, made harmless."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import groupby

import nh3

MAX_OUTPUT = 20_000  # characters of one output


MAX_SOURCE = 100_000  # characters of one cell


MAX_HTML = 60_000  # characters of one output's HTML: what pandas makes of 60 rows and 20 columns has about 35 000


MAX_DEPTH = 12  # nested tags of one output's HTML


MAX_MARKS = 8  # accents and the like on one letter


_TAGS = {
    "b", "blockquote", "br", "caption", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5",
    "h6", "hr", "i", "li", "ol", "p", "pre", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th",
    "thead", "tr", "ul",
}  # fmt: skip


_DROPPED = {"script", "style", "title", "svg", "math", "template", "noscript", "iframe", "object"}  # content and all


# "*" is what every tag may have: unless told otherwise, nh3 keeps lang and title, in which text can hide
_ATTRIBUTES = {"*": set(), "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"}}


_MARKUP = re.compile(r"<(?:!--|[!?][^<>]*>|(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]*+)(?P<rest>[^<>]*+)>)")


_ATTRIBUTE = re.compile(r"\b(colspan|rowspan|scope)\s*=\s*[\"']?([A-Za-z0-9]{1,8})\b", re.IGNORECASE)


_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|.)?", re.DOTALL
)


def _members(numbers: Iterable[int], categories: set[str]) -> str:
    """The characters among ``numbers`` that are of these Unicode categories, as the inside of a pattern's brackets."""
    found = [number for number in numbers if unicodedata.category(chr(number)) in categories]
    runs = ([number for _, number in run] for _, run in groupby(enumerate(found), lambda pair: pair[1] - pair[0]))
    return "".join(f"\\U{run[0]:08x}-\\U{run[-1]:08x}" for run in runs)


_PLANES = (*range(0x20000), *range(0xE0000, 0xE1000))  # no other holds anything of the categories asked for below


_KEPT = {ord(character) for character in "\n\t\u200c\u200d"}  # scripts and emoji need the two joiners


# control characters, lone surrogates, what changes the direction of text, and what cannot be seen: Hangul fillers and
# the specials around U+FFFD too, though their categories are others
_CONTROL = re.compile(
    f"[{_members((n for n in _PLANES if n not in _KEPT), {'Cc', 'Cf', 'Cs', 'Zl', 'Zp'})}"
    "\u115f\u1160\u3164\uffa0\ufff0-\ufffc\ufffe\uffff]"
)


# Joiners count as marks, or more marks could follow each of them. The first class takes all of the higher planes
# because the engine runs along a short class fast; the lookbehind looks at what it stops at.
_MARK = f"[{_members(_PLANES, {'Mn', 'Me'})}\u200c\u200d]"


_MARKS = re.compile(
    f"([{_members(range(0x10000), {'Mn', 'Me'})}\u200c\u200d\U00010000-\U0010ffff]"
    f"(?<={_MARK}){_MARK}{{{MAX_MARKS - 1}}}){_MARK}+"
)


def clean_text(text: object, limit: int = MAX_OUTPUT) -> str:
    """Text of characters that can be seen, cut in the middle if it is longer than ``limit``.

    Escape sequences, control characters, lone surrogates and invisible characters are left out, and so is what of a
    heap of combining marks goes beyond ``MAX_MARKS``.
    """
    text = "".join(str(part) for part in text) if isinstance(text, list) else str(text)
    unread = max(len(text) - 4 * limit, 0)
    text = text[: 2 * limit] + text[2 * limit + unread :]
    text = _CONTROL.sub("", _ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    if len(text) > limit:
        note = f"[... {len(text) - limit + unread} characters left out ...]"
        text = f"{text[: limit // 2]}\n{note}\n{text[-limit // 2 :]}"
    return text if text.isascii() else _MARKS.sub(r"\1", text)


def clean_html(text: object, limit: int = MAX_HTML) -> str:
    """HTML with nothing in it but the structure of text and tables; empty if the HTML is made to grow when read."""
    text = _shallow(clean_text(text, limit))
    clean = harmless(text)
    return clean if len(clean) <= 3 * len(text) + 4000 else ""


def harmless(text: str) -> str:
    return nh3.clean(text, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=set(), link_rel=None)


def _shallow(text: str) -> str:
    """HTML written anew from its known tags, each closed in order and none deeper than ``MAX_DEPTH``.

    What an HTML parser does with tags that are left open, closed in the wrong order or nested without end takes time
    and room out of all proportion to the text. This makes nothing safe: nh3 does, afterwards.
    """
    parts: list[str] = []
    stack: list[str] = []
    at = 0
    while found := _MARKUP.search(text, at):
        parts.append(text[at : found.start()].replace("<", "&lt;"))
        at, name = found.end(), (found["name"] or "").lower()
        if found[0] == "<!--" or (name in _DROPPED and not found["end"]):
            close = re.compile("-->" if not name else f"</{name}[^<>]*>", re.IGNORECASE).search(text, at)
            at = close.end() if close else len(text)
        elif name in ("br", "hr"):
            parts.append(f"<{name}>")
        elif name in _TAGS and not found["end"]:
            if stack and stack[-1] == name and name in ("dd", "dt", "li", "p", "td", "th", "tr"):
                parts.append(f"</{stack.pop()}>")  # many people leave these open
            if len(stack) < MAX_DEPTH:
                stack.append(name)
                values = "".join(f' {key}="{value}"' for key, value in _ATTRIBUTE.findall(found["rest"])[:3])
                parts.append(f"<{name}{values}>")
        elif name in stack:
            while stack[-1] != name:
                parts.append(f"</{stack.pop()}>")
            parts.append(f"</{stack.pop()}>")
    parts.append(text[at:].replace("<", "&lt;"))
    return "".join(parts + [f"</{name}>" for name in reversed(stack)])


def clean_markdown(text: str, limit: int = MAX_SOURCE) -> str:
    """Markdown that stays harmless in a reader which trusts it, such as formgrader: no HTML, own links or pictures."""
    text = clean_text(text, limit)
    text = re.sub(r"<(?=[A-Za-z/!?])", "<\u2060", text)
    text = re.sub(r"&(?=#|\w+;)", "&\u2060", text)
    text = re.sub(r"!(?=\[)", "!\u2060", text)
    text = re.sub(r"\](?=\s*[(\[:])", "]\u2060", text)
    text = re.sub(r"(?i)\b(javascript|vbscript|data)(?=\s*:)", "\\1\u2060", text)
    return re.sub(r"\\(?=(?:href|require|style|class|cssId|unicode|includegraphics|toggle)\b)", "\\\\\u2060", text)
