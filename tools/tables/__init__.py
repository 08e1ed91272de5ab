"""The scripts behind `helpers.tables`, one per table."""

import json
from pathlib import Path


def save_table(name: str, table: dict) -> Path:
    """Writes ``helpers/tables/NAME.json``: one line per row, so that a change can be read in a diff."""
    file = Path(__file__).parents[2] / "helpers" / "tables" / f"{name}.json"
    lines = ",\n".join(
        f" {json.dumps(key)}: "
        + ("[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]" if isinstance(value, list) else json.dumps(value))
        for key, value in table.items()
    )
    file.write_text("{\n" + lines + "\n}\n")
    return file
