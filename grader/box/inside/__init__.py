"""What runs inside the sandbox.

This folder alone is mounted there, under the name ``inside``: so its modules import each other relatively, and nothing
else of the grader.
"""
