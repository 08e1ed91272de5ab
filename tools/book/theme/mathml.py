"""LaTeX to MathML, as browsers draw it: MathML Core.

`latex2mathml` does the work. What it leaves to older MathML, and what it does not know, is mended here.
"""

import re
from xml.etree.ElementTree import Element, tostring

from latex2mathml.converter import convert_to_element

LIMITS = {"∑", "∏", "⋃", "⋂", "max", "min", "lim", "sup", "inf", "arg max", "arg min", "arg\u2009max", "arg\u2009min"}
FENCES = set("()[]{}|‖∥⌊⌋⌈⌉⟨⟩/^~")
ARITY = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3}
STACKED = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
OPEN, CLOSE, SIGNS = set("([{⌊⌈⟨"), set(")]}⌋⌉⟩!′…|‖∥"), set("−-+±")
THIN = "0.1667em"
BOLD = {"bold": (0x1D400, 0x1D41A, 0x1D6A8, 0x1D6C2), "bold-italic": (0x1D468, 0x1D482, 0x1D71C, 0x1D736)}


class MathError(ValueError):
    """A formula that cannot be shown; the message names it."""


def convert(latex: str, display: str = "inline") -> str:
    """The ``<math>`` element of a formula.

    Args:
        latex: the formula, without dollars.
        display: ``"inline"`` or ``"block"``.

    Raises:
        MathError: if it has a command that nobody knows, or unbalanced braces.
    """
    source = re.sub(r"\\(begin|end)\{(?:aligned|gathered|align\*?)\}", r"\\\1{split}", latex.strip())
    try:
        root = convert_to_element(source, display=display)
    except Exception as error:
        raise MathError(f"formula {latex!r}: {type(error).__name__} {error}".strip()) from error
    for element in list(root.iter()):
        _mend(element, display)
    for row in [element for element in root.iter() if element.tag in ("math", "mrow", "msqrt", "mtd", "mstyle")]:
        _space(row)
    if re.sub(r"\\\\[{}]", "", source).count("{") != re.sub(r"\\\\[{}]", "", source).count("}"):
        raise MathError(f"formula {latex!r}: braces are not balanced")
    if any(len(element) != ARITY.get(element.tag, len(element)) for element in root.iter()):
        raise MathError(f"formula {latex!r}: a command lacks an argument")
    unknown = [word for word in root.itertext() if "\\" in word or word == "&"]
    if unknown:
        raise MathError(f"formula {latex!r}: unknown command {unknown[0]}; write it with others")
    return tostring(root, encoding="unicode")


def _mend(element: Element, display: str) -> None:
    element.text = _unescape(element.text)
    if element.tag == "mtext":
        element.text = re.sub(r"\\([_%#&$])", r"\1", element.text or "")
    if display == "block" and element.tag in STACKED and (element[0].text or "") in LIMITS:
        element.tag = STACKED[element.tag]
    if element.tag == "mo" and element.text in FENCES:  # browsers stretch these, LaTeX only after \\left and \\right
        element.attrib.setdefault("stretchy", "false")
    variant = element.attrib.pop("mathvariant", None)
    if variant in BOLD:
        element.text = "".join(_bold(letter, BOLD[variant]) for letter in element.text or "")
    elif variant == "normal":  # the only variant that MathML Core keeps
        element.set("mathvariant", variant)
    if element.tag == "menclose":  # not in MathML Core: a box is drawn by the style sheet
        element.tag = "mrow"
        element.set("class", "boxed")


def _space(row: Element) -> None:
    """Space signs and names of functions as TeX does: ``= -10``, ``ln 2``, ``max(0, z)``, ``1,353``."""
    children = list(row)
    if len(children) == 1 and children[0].text == ",":  # TeX's {,}
        children[0].set("rspace", "0em")
    for before, child, after in zip([None, *children], children, [*children[1:], None], strict=False):
        core = _core(child)
        operator = before is not None and _core(before).tag == "mo" and _core(before).text not in CLOSE
        if core.tag == "mo" and core.text in SIGNS and operator:
            core.set("form", "prefix")  # else a browser takes it for a difference
        elif core.tag == "mo" and core.text in ("…", "|", "‖", "∥", "/"):
            core.attrib.update(lspace="0em", rspace="0em")
        elif core.tag in ("mi", "mo") and len(core.text or "") > 1 and core.text[0].isalpha():
            if core.tag == "mo":
                core.attrib.update(lspace="0em", rspace="0em")
            if after is not None and (_core(after).tag != "mo" or _core(after).text in "|‖∥"):
                row.insert(list(row).index(child) + 1, Element("mspace", width=THIN))
            if before is not None and not operator and before.tag != "mspace":
                row.insert(list(row).index(child), Element("mspace", width=THIN))


def _core(element: Element) -> Element:
    """What an operator with indices or limits is an operator by: its base."""
    while element.tag in {*STACKED, *STACKED.values()} and len(element):
        element = element[0]
    return element


def _unescape(text: str | None) -> str | None:
    """Character references, which the converter leaves for its own serialiser."""
    return text and re.sub(r"&#x([0-9A-Fa-f]+);", lambda code: chr(int(code[1], 16)), text)


def _bold(letter: str, bases: tuple[int, int, int, int]) -> str:
    for first, last, base in zip("AaΑα", "ZzΩω", bases, strict=True):
        if first <= letter <= last:
            return chr(base + ord(letter) - ord(first))
    return chr(0x1D7CE + int(letter)) if letter.isdecimal() else letter
