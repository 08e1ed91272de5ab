"""What nbgrader must know before grades can be stored: the assignment's cells, and its students."""

from nbgrader import api
from nbgrader.api import MissingEntry
from nbgrader.preprocessors import SaveCells

from grader.course import Assignment, Course, CourseError
from grader.gradebook.database import Database


class Registry:
    """Notebooks, cells and students in the gradebook.

    Args:
        database: the open gradebook.
        course: the course folder.
        assignment: what is graded.
    """

    def __init__(self, database: Database, course: Course, assignment: Assignment):
        self.database, self.gradebook, self.course, self.assignment = database, database.gradebook, course, assignment

    def register(self, students: list[tuple[str, str | None, str | None, str | None]]) -> None:
        """Make the assignment and its students known to nbgrader, students in the given order.

        Args:
            students: id, first name, last name and the learning platform's id of each.

        Raises:
            CourseError: if cells were added to or removed from an assignment that has grades already.
        """
        self.check_source()
        self.database.patiently(lambda: self._register(students))

    def _register(self, students: list[tuple[str, str | None, str | None, str | None]]) -> None:
        name, db = self.assignment.name, self.database.session
        try:
            known = {notebook.name for notebook in self.gradebook.find_assignment(name).notebooks}
        except MissingEntry:
            self.gradebook.add_assignment(name)
            known = set()
        for notebook in self.assignment.notebooks.values():
            if notebook.name not in known or self._differs(notebook):
                self._save_cells(notebook)
        db.expire_all()
        there = {student.id: student for student in db.query(api.Student)}
        for student, first, last, lms in students:
            if student not in there:
                db.add(api.Student(id=student, first_name=first, last_name=last, lms_user_id=lms))
        db.commit()

    def check_source(self) -> None:
        """See that the source has the notebooks and cells for which there are grades.

        Raises:
            CourseError: if cells were added, renamed or removed, or a notebook was, in an assignment that has grades.
        """
        with self.database.errors():
            name = self.assignment.name
            try:
                stored = {notebook.name: notebook for notebook in self.gradebook.find_assignment(name).notebooks}
            except MissingEntry:
                return
            gone = [one for one, notebook in stored.items() if notebook.submissions]
            if gone := sorted(set(gone) - set(self.assignment.notebooks)):
                raise CourseError(
                    f"The source of {name} lost the notebook {', '.join(gone)}, which has grades: put it back."
                )
            for notebook in self.assignment.notebooks.values():
                old = stored.get(notebook.name)
                if old is None or not old.submissions:
                    continue
                ids = {cell.name for cell in old.source_cells} ^ {
                    cell.metadata.nbgrader.grade_id
                    for cell in notebook.recorded.cells
                    if "grade_id" in cell.metadata.get("nbgrader", {})
                }
                graded = {cell.name for cell in [*old.grade_cells, *old.task_cells]}
                if ids := ids | graded ^ {cell.grade_id for cell in notebook.graded}:
                    raise CourseError(self._other_cells(f"{notebook.name}: {', '.join(sorted(ids))}"))

    def _other_cells(self, which: str) -> str:
        return (
            f"The source of {self.assignment.name} has other cells than when it was first graded ({which}): "
            "give the cells their old grade ids, or make a new assignment."
        )

    def roster(self) -> dict[str, tuple[str | None, str | None, str | None]]:
        """First name, last name and learning platform's id of every student that the gradebook knows."""
        with self.database.errors():
            rows = self.database.session.query(api.Student)
            return {row.id: (row.first_name, row.last_name, row.lms_user_id) for row in rows}

    def _differs(self, notebook: object) -> bool:
        stored = self.gradebook.find_notebook(notebook.name, self.assignment.name)
        rows = {cell.name: (cell.cell_type, cell.source, cell.checksum) for cell in stored.source_cells}
        points = {cell.name: cell.max_score for cell in [*stored.grade_cells, *stored.task_cells]}
        wanted = {
            cell.metadata.nbgrader.grade_id: (cell.cell_type, cell.source, cell.metadata.nbgrader.get("checksum"))
            for cell in notebook.recorded.cells
            if "grade_id" in cell.metadata.get("nbgrader", {})
        }
        return rows != wanted or points != {cell.grade_id: cell.points for cell in notebook.graded}

    def _save_cells(self, notebook: object) -> None:
        resources = {
            "nbgrader": {
                "notebook": notebook.name,
                "assignment": self.assignment.name,
                "db_url": self.course.db_url,
            }
        }
        try:
            SaveCells(config=self.course.config).preprocess(notebook.recorded, resources)
        except RuntimeError as error:
            raise CourseError(self._other_cells(str(error))) from error
        self.database.session.expire_all()
