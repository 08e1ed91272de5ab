"""Helpers of the course *Deep Learning for Data Scientists*.

The modules directly in this package are the classroom: what a notebook imports. `helpers.staff` is the staff room:
what instructors and continuous integration run. Neither half imports the other, and importing `helpers` itself imports
nothing.
"""

__version__ = "0.1.0"
