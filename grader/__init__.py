"""A grader for nbgrader courses that runs strangers' code in a sandbox and decides every score outside of it."""

import sys

__version__ = "0.1.0"

# An optional part of jsonschema that checks web addresses: no notebook needs it, and it takes two seconds to import.
sys.modules.setdefault("rfc3987_syntax", None)
