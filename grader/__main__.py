"""The instructor's command line: ``python -m grader COMMAND``."""

import os
import sys

# `python -m` looks for modules in the folder where it is started first: a course's own random.py is none of ours.
if sys.path[:1] == [os.getcwd()] and os.path.dirname(os.path.dirname(os.path.abspath(__file__))) != os.getcwd():
    del sys.path[0]

from grader import commandline

COMMANDS = {
    "grade": ("grader.commands.grade", "grade submissions in a sandbox"),
    "report": ("grader.commands.report", "write report.html and grades.csv again"),
    "feedback": ("grader.commands.feedback", "write the feedback pages again"),
    "overrides": ("grader.commands.overrides", "enter scores from a CSV file by hand"),
    "export": ("grader.commands.export", "give grades and feedback back to Moodle or Canvas"),
    "doctor": ("grader.commands.doctor", "show what this machine can do, and whether its sandbox holds"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    return commandline.main("python -m grader", "Grade strangers' notebooks in a sandbox.", COMMANDS, argv)


if __name__ == "__main__":
    sys.exit(main())
