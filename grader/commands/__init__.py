"""The commands of ``python -m grader``."""
