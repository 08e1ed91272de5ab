"""Scripts and styles that travel inside an output."""

import re
from importlib.resources import files


def asset(package: str, name: str) -> str:
    """A script or style sheet of a package, without comments and indentation; its source stays readable."""
    text = files(package).joinpath(name).read_text(encoding="utf-8")
    text = re.sub(r"^\s*//[^\n]*\n|/\*.*?\*/\s*", "", text, flags=re.M | re.S)
    return re.sub(r"\n\s*", "\n", text).strip()
