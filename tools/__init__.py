"""Tools for those who maintain this course: ``python -m tools COMMAND`` in a checkout. Never installed."""

import sys

# An optional part of jsonschema that checks web addresses: no notebook needs it, and it takes two seconds to import.
sys.modules.setdefault("rfc3987_syntax", None)
