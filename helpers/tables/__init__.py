"""Measurements that take longer than a chapter may: small JSON files, each with the script that made it.

``python -m tools.tables.NAME`` makes ``helpers/tables/NAME.json`` anew; a slow test re-creates a sample of it.
"""

import json
from importlib.resources import files

__all__ = ["load_table"]


def load_table(name: str) -> dict:
    """The table ``helpers/tables/NAME.json``: what its script measured, with the settings it used.

    Raises:
        ValueError: if there is no such table; the message lists those that there are.
    """
    folder = files(__package__)
    file = folder / f"{name}.json"
    if not file.is_file():
        known = sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".json"))
        raise ValueError(f"there is no table {name!r}; the course has {known}")
    return json.loads(file.read_text())
