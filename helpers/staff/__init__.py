"""The staff room: tools for instructors and maintainers; never imported by a notebook."""
