"""Helpers of the course *Deep Learning for Data Scientists*: what a notebook imports, and nothing else.

Importing `helpers` itself imports nothing.
"""

__version__ = "0.2.0"
