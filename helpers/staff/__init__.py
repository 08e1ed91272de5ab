"""The staff room: tools for instructors and maintainers; never imported by a notebook."""

import sys

# An optional part of jsonschema that checks web addresses: no notebook needs it, and it takes two seconds to import.
sys.modules.setdefault("rfc3987_syntax", None)
