"""A course that is not ours: other folder names, plain asserts, two notebooks in one assignment, written answers."""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "kitchen"
c.CourseDirectory.source_directory = "master"
c.CourseDirectory.release_directory = "handout"
c.CourseDirectory.submitted_directory = "inbox"
c.CourseDirectory.autograded_directory = "graded"
c.CourseDirectory.feedback_directory = "returned"
