"""Formgrader's button with this grader behind it: write ``import grader.formgrader`` into ``nbgrader_config.py``.

Stock nbgrader runs the submission's code in a process of the server, with nothing around it. Where this module is
imported the button runs ``python -m grader grade`` for the one student instead. ``nbgrader autograde`` stays as it is.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from nbgrader.apps.api import NbGraderAPI

import grader


def autograde(self: NbGraderAPI, assignment_id: str, student_id: str, force: bool = True, create: bool = True) -> dict:
    """Grade one submission in the sandbox; arguments and result are those of ``NbGraderAPI.autograde``.

    Args:
        self: knows the course folder.
        assignment_id: the assignment's name.
        student_id: whose submission.
        force: grade also what has not changed, which is what the button is for.
        create: stock nbgrader may add the student; this grader always does.
    """
    words = ["grade", assignment_id, "--student", student_id, "--course", self.coursedir.root]
    # safe path: a file grader.py in the course folder must not be run instead
    command = [sys.executable, "-P", "-m", "grader", *words, *(["--again"] if force else [])]
    path = os.pathsep.join(filter(None, [str(Path(grader.__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment)
    said = done.stdout + done.stderr
    result: dict[str, Any] = {"success": done.returncode == 0, "log": said}
    return result if result["success"] else result | {"error": said}


NbGraderAPI.autograde = autograde
