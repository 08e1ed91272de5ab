"""Vendored assets, shrunk to what the pages use.

The theme draws icons with a script of 1.5 MB; its style sheet knows the same icons as characters of a font, so the
font, cut down to the icons in use, replaces the script. Mathematics gets STIX Two Math from the package ``ziamath``.
"""

import hashlib
import re
from importlib.util import find_spec
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

ICON_SCRIPT = re.compile(r"\s*<!-- So that users can add custom icons -->\s*<script[^>]*fontawesome\.js[^>]*></script>")
# For searching as one types, which is off: the search page loads them itself.
SEARCH_SCRIPT = re.compile(r'\s*<script src="[^"]*/?(?:searchtools|language_data|searchindex)\.js[^"]*"></script>')
RULE = re.compile(r"([^{}@;]+)\{([^{}]*)\}")
SELECTORS = re.compile(r",(?![^(]*\))")
PAYLOAD = re.compile(r'(?:src="data:|class="cx-data">)[^"<]*')
ICON_FONTS = ("fa-solid-900", "fa-regular-400", "fa-brands-400")
# Always in the font, with the root sign: a browser draws it for <msqrt>, and no page has it in its text.
LETTERS = "√" + "".join(map(chr, [*range(0x21, 0x7F), 0x210E, *range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C)]))


def shrink(site: Path) -> None:
    """Shrink the assets of a built site, in place; doing it again changes nothing.

    Args:
        site: the folder with ``index.html``.
    """
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    for path, text in pages.items():
        shorter = ICON_SCRIPT.sub("", text)
        if path.name != "search.html":
            shorter = SEARCH_SCRIPT.sub("", shorter)
        if shorter != text:
            path.write_text(shorter, encoding="utf-8")
    static = site / "_static"
    for useless in {*static.rglob("*.map"), *static.rglob("fontawesome.js*"), *static.rglob("locales/*/LC_MESSAGES/*")}:
        useless.unlink()
    everything = "\n".join(pages.values())
    scripts = "".join(path.read_text(encoding="utf-8") for path in static.rglob("*.js"))
    _shrink_sheets(static, set(re.findall(r"[\w-]+", PAYLOAD.sub("", everything) + scripts)))
    _shrink_icons(static)
    write_math_font(static / "math.woff", everything)


def _shrink_sheets(static: Path, words: set[str]) -> None:
    """Drop the rules for classes that no page and no script mentions: most of what the theme brings."""

    def alive(selector: str) -> bool:
        classes = re.findall(r"\.(-?[a-zA-Z_][\w-]*)", re.sub(r":(?:not|is|where)\([^)]*\)", "", selector))
        return all(name in words or any(name.startswith(word) for word in stems) for name in classes)

    def keep(rule: re.Match) -> str:
        before, comment, after = rule[1].rpartition("*/")
        selectors = [selector for selector in SELECTORS.split(after) if alive(selector)]
        return before + comment + (f"{','.join(selectors)}{{{rule[2]}}}" if selectors else "")

    stems = tuple(word for word in words if word.endswith("-") and len(word) > 3)  # scripts add to these
    for sheet in static.rglob("*.css"):
        text = re.sub(r"/\*(?!!).*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
        sheet.write_text(RULE.sub(keep, text), encoding="utf-8")


def _shrink_icons(static: Path) -> None:
    sheet = static / "styles" / "pydata-sphinx-theme.css"
    text = sheet.read_text(encoding="utf-8")
    text = re.sub(r',url\([^)]*\.ttf\) format\("truetype"\)', "", text)
    text = text.replace('.woff2) format("woff2")', '.woff) format("woff")')
    sheet.write_text(text, encoding="utf-8")
    characters = "".join(re.findall("[\ue000-\uf8ff]", text))
    characters += "".join(chr(int(code, 16)) for code in re.findall(r"\\(f[0-9a-f]{3})", text))
    fonts = static / "vendor" / "fontawesome" / "webfonts"
    for name in ICON_FONTS:
        if (fonts / f"{name}.ttf").exists():
            _subset(fonts / f"{name}.ttf", characters, fonts / f"{name}.woff")
            (fonts / f"{name}.ttf").unlink()
        (fonts / f"{name}.woff2").unlink(missing_ok=True)


def write_math_font(target: Path, pages: str) -> None:
    """Write the glyphs of STIX Two Math that the formulas in the HTML text `pages` need, as a WOFF font."""
    formulas = re.findall(r"<math\b.*?</math>", pages, re.DOTALL)
    characters = "".join(sorted({*LETTERS, *re.sub(r"<[^>]*>", "", "".join(formulas))}))
    stamp = target.with_suffix(".txt")
    digest = hashlib.sha256(characters.encode()).hexdigest()
    if not (target.exists() and stamp.exists() and stamp.read_text() == digest):
        source = Path(find_spec("ziamath").origin).parent / "fonts" / "STIXTwoMath-Regular.ttf"
        _subset(source, characters, target)
        stamp.write_text(digest)


def _subset(source: Path, characters: str, target: Path) -> None:
    """Write the glyphs of `characters`, with all they need, as a WOFF font."""
    options = subset.Options(flavor="woff", layout_features=["*"], notdef_outline=True, ignore_missing_unicodes=True)
    with TTFont(source) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(text=characters)
        subsetter.subset(font)
        subset.save_font(font, target, options)
