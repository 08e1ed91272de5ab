"""The single writer of nbgrader's gradebook."""
