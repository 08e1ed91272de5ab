"""Intake: from what was handed in to a notebook rebuilt from its source. Runs no student code and follows no link.

A submission is looked at with ``lstat``, read up to a limit, and parsed only after its outputs are gone. Of the file,
only the text of answer cells and the student's own cells survive: points, types, ids and tests come from the source.
Whatever was mended or refused is said in two sentences, one for the instructor and one for the student.
"""

import dataclasses
import hashlib

from grader.collect.archives import unzip
from grader.collect.choose import choose
from grader.collect.extra_files import data_files
from grader.collect.handed import Handed, Submission, add_note, listed, notebook_of
from grader.collect.platforms import bad_name
from grader.collect.timestamps import read_timestamp
from grader.course import Assignment
from grader.model import Job, Limits, Note, Refused, Status
from grader.notebook.lean import Lean
from grader.notebook.read import read_notebook
from grader.notebook.rebuild import rebuild


def take_in(handed: Handed, assignment: Assignment, limits: Limits | None = None) -> Submission:
    """Read what one student handed in and rebuild it from the source; never raises because of what is inside.

    Args:
        handed: the files of the student.
        assignment: what is graded.
        limits: what the student's code may use, if not what the course's configuration says.
    """
    submission = Submission(handed.student, "", notes=list(handed.notes))
    digest = hashlib.sha256(handed.problem.encode("utf-8", "replace"))
    try:
        if problem := bad_name(handed.student):
            raise Refused(f"The student's name {problem}.", "The name of your folder cannot be used.")
        if handed.problem:
            raise Refused(f"{handed.problem}.", "Your submission is not a folder with a notebook in it.")
        unzip(handed, assignment, submission)
        read: dict[str, Lean] = {}
        for name, entry in choose(handed, assignment, submission).items():
            if entry is None:
                continue
            handed.entries = [one for one in handed.entries if one is not entry]
            read[name] = notebook_of(entry)
            digest.update(name.encode() + b"\0" + bytes.fromhex(read[name].sha256))
        files = data_files(handed, assignment, digest, submission)
        submission.timestamp = read_timestamp(handed, submission)
        if not read:
            submission.status = Status.MISSING
            _say_missing(handed, assignment, submission)
        # notes may name files whose bytes were not read; when those change, the notes must, too
        digest.update(repr([note.instructor for note in submission.notes if note.code != "wrong-name"]).encode())
        submission.sha256 = digest.hexdigest()
        for name, source in assignment.notebooks.items():
            if name not in read:
                if read:
                    gone = f"{name}.ipynb was not handed in."
                    add_note(submission, "notebook-missing", gone, gone)
                continue
            cells, notes = read_notebook(read[name])
            rebuilt, more = rebuild(source, cells)
            submission.notes += [dataclasses.replace(note, notebook=name) for note in notes + more]
            seed = int.from_bytes(hashlib.sha256((submission.sha256 + assignment.sha256).encode()).digest()[:4], "big")
            submission.jobs.append(
                Job(
                    assignment=assignment.name,
                    student=handed.student,
                    source_path=source.path,
                    cells=rebuilt,
                    seed=seed,
                    limits=limits or assignment.options.limits,
                    files=dict(assignment.files),
                    student_files=files,
                    hidden_begin=assignment.hidden[0],
                    hidden_end=assignment.hidden[1],
                    plain=assignment.options.plain,
                )
            )
    except Refused as reason:
        submission.status, submission.jobs = Status.REFUSED, []
        submission.notes.append(Note("refused", reason.instructor, reason.student))
        digest.update(reason.instructor.encode("utf-8", "replace"))  # another reason is another submission
        submission.sha256 = digest.hexdigest()
    return submission


def _say_missing(handed: Handed, assignment: Assignment, submission: Submission) -> None:
    """Nothing was handed in; or something was, but no notebook: then somebody should look at it."""
    names = [e.path for e in handed.entries if e.path not in assignment.files and e.path != "timestamp.txt"]
    if not names:
        note = "No notebook was handed in."
        add_note(submission, "missing", note, note)
        return
    shown = listed(names)
    add_note(
        submission,
        "refused",  # the report lists this code among what needs eyes
        f"No notebook was handed in, only {shown}.",
        f"You handed in {shown}, but no notebook: hand in the file whose name ends with .ipynb.",
    )
