"""Settings of nbgrader: run ``nbgrader COMMAND 02_tensors`` in this folder, with ``.venv/bin`` on PATH."""

c = get_config()  # noqa: F821  (nbgrader defines it)

c.CourseDirectory.course_id = "deep-learning-for-data-scientists"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.submitted_directory = "submitted"
c.CourseDirectory.autograded_directory = "autograded"
c.CourseDirectory.feedback_directory = "feedback"

# The stub does nothing when it runs, so that "run all" reaches the end of an untouched exercise.
c.ClearSolutions.code_stub = {"python": "...  # your code here"}
c.ClearSolutions.text_stub = "*Your answer here.*"
c.ClearSolutions.enforce_metadata = True
c.ClearHiddenTests.enforce_metadata = True

c.Execute.timeout = 300  # seconds per cell: a task that trains needs more than nbgrader's 30
c.Grader.cell_seconds = 60  # the grader runs on one core per submission, with everything imported
c.Execute.shutdown_kernel = "immediate"  # saves 1.5 s per notebook
