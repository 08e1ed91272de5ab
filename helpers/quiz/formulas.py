"""Short formulas of questions as plain HTML: no host needs a mathematics library to show them, and Colab has none."""

import html
import re

__all__ = ["formula_html"]

_GREEK = "alpha beta gamma delta epsilon eta theta lambda mu pi rho sigma tau phi omega Delta Sigma Omega"
_SYMBOLS = {
    **{name: f"&{name};" for name in _GREEK.split()},
    **{"cdot": " · ", "times": " × ", "pm": "±", "le": " ≤ ", "ge": " ≥ ", "ne": " ≠ ", "approx": " ≈ ", "to": " → "},
    **{"partial": "∂", "nabla": "∇", "sum": "∑", "sqrt": "√", "odot": " ⊙ ", "infty": "∞", "in": " ∈ ", "ldots": "…"},
    **{"lfloor": "⌊", "rfloor": "⌋", "ell": "ℓ", "dots": "…", "varepsilon": "ε", "prime": "′", "quad": "  "},
    **{name: name for name in ("ln", "log", "exp", "max", "min", "sin", "cos", "tanh")},
    **{name: "" for name in ("left", "right", "mathrm", "text", "mathbf")},
    **{mark: " " for mark in ",;! "},
}
_TOKEN = re.compile(r"\\([A-Za-z]+|.)|([A-Za-z]+)|([\d.,]*\d)|(\s+)|(.)")


def formula_html(tex: str) -> str:
    r"""The HTML of a short formula: letters, numbers, ``_ ^ {}``, ``\frac`` and a few symbols.

    Args:
        tex: LaTeX without the dollar signs.

    Raises:
        ValueError: for a command that is not in the table, or a brace without its partner.
    """
    tokens = [match.groups() for match in _TOKEN.finditer(tex)]
    text, rest = _sequence(tokens, "")
    if rest:
        raise ValueError(f"the formula ${tex}$ has a brace without its partner")
    return re.sub(r" +", " ", text).strip()


def _sequence(tokens: list[tuple], before: str) -> tuple[str, list[tuple]]:
    text = before
    while tokens and tokens[0][4] != "}":
        mark = tokens[0][4]
        if mark in ("_", "^"):
            inner, tokens = _one(tokens[1:])
            tag = "sub" if mark == "_" else "sup"
            text = f"{text.rstrip()}<{tag}>{inner}</{tag}>"
        else:
            inner, tokens = _one(tokens)
            text += inner
    return text, tokens


def _one(tokens: list[tuple]) -> tuple[str, list[tuple]]:
    """The HTML of the next letter, number, command or group, and what comes after it."""
    if not tokens:
        raise ValueError("a formula ends where something must follow")
    (command, letters, number, space, mark), rest = tokens[0], tokens[1:]
    if mark == "{":
        inner, rest = _sequence(rest, "")
        if not rest:
            raise ValueError("a formula has a brace without its partner")
        return inner, rest[1:]
    if command == "frac":
        above, rest = _one(rest)
        below, rest = _one(rest)
        return "/".join(f"({part})" if " " in part.strip() else part for part in (above, below)), rest
    if command:
        if command not in _SYMBOLS:
            raise ValueError(f"a formula uses \\{command}, which questions cannot show; known are {sorted(_SYMBOLS)}")
        return _SYMBOLS[command], rest
    if letters:
        return (f"<i>{letters}</i>" if len(letters) < 3 else letters), rest
    if number or space:
        return number or " ", rest
    return {"-": "−", "*": "∗", "'": "′"}.get(mark, html.escape(mark)), rest
