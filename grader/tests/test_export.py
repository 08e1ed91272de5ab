"""Back into the platform: its own sheet filled, its own archive mirrored, or a reason why not."""

import csv
import io
import re
import zipfile

import pytest

from grader.__main__ import main
from grader.gradebook.store import Store
from grader.grading import grade
from grader.tests.submissions import archive, encode, hand_in, solved
from grader.tests.test_report import Here

HEAD = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade", "Feedback comments"]
LINES = [
    ["Participant 9001", "Zo\u00eb Qu\u00e9bec", "z@x.org", "Submitted", "", "12.00", ""],
    ["Participant 77", "Nobody Here", "n@x.org", "No submission", "", "12.00", ""],
    ["Participant 42", "Ada Lovelace", "a@x.org", "Submitted", "3.00", "12.00", "old, text"],
]
NAMES = ("Ada Lovelace_42_assignsubmission_file_", "Zo\u00eb Qu\u00e9bec_9001_assignsubmission_file_")


@pytest.fixture
def came(course, assignment, tmp_path):
    """An archive of Moodle's, graded; the free texts have their points."""
    books = {f"{book}.ipynb": encode(solved(source)) for book, source in assignment.notebooks.items()}
    members = {f"{name}/{book}": content for name in NAMES for book, content in books.items()}
    path = archive(tmp_path / "moodle.zip", members)
    grade(course, assignment, Here(), submitted=path)
    return path


def enter(course, assignment, **points):
    """Give everybody points for the free text, as far as named here."""
    with Store(course, assignment) as store:
        store.scores.enter(
            [(one, "words", "why", points.get(one.split()[0].lower(), 1.0), None) for one in store.done()]
        )


def sheet(path, lines=LINES, head=HEAD, delimiter=",", encoding="utf-8"):
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator="\r\n").writerows([head, *lines])
    path.write_bytes(file.getvalue().encode(encoding))
    return path


def export(course, tmp_path, *words) -> tuple[int, bytes]:
    out = tmp_path / "out.csv"
    out.unlink(missing_ok=True)
    status = main(["export", "week1", *map(str, words), "--out", str(out), "--course", str(course.root)])
    return status, out.read_bytes() if out.exists() else b""


def test_moodles_sheet_is_filled_and_is_otherwise_the_same(course, assignment, came, tmp_path):
    enter(course, assignment, ada=0.5, **{"zo\u00eb": 2.0})
    status, content = export(course, tmp_path, "--moodle", sheet(tmp_path / "sheet.csv"))
    assert status == 0
    wanted = [[*line] for line in LINES]
    wanted[0][4], wanted[2][4] = "12.00", "10.50"
    assert content == sheet(tmp_path / "wanted.csv", wanted).read_bytes()


@pytest.mark.parametrize(("delimiter", "encoding"), [(";", "cp1252"), ("\t", "utf-16"), (";", "utf-8-sig")])
def test_a_sheet_with_decimal_commas_keeps_its_form(course, assignment, came, tmp_path, delimiter, encoding):
    enter(course, assignment)
    lines = [[*line[:5], "12,00", line[6]] for line in LINES]
    path = sheet(tmp_path / "sheet.csv", lines, [text.upper() for text in HEAD], delimiter, encoding)
    status, content = export(course, tmp_path, "--moodle", path)
    lines[0][4] = lines[2][4] = "11,00"
    wanted = sheet(tmp_path / "wanted.csv", lines, [text.upper() for text in HEAD], delimiter, encoding).read_bytes()
    assert (status, content) == (0, wanted)


GERMAN = ["ID", "Vollst\u00e4ndiger Name", "E-Mail-Adresse", "Status", "Bewertung", "Bestwertung", "Feedback"]
FRENCH = ["Identifiant", "Nom complet", "Adresse de courriel", "Statut", "Note", "Note maximale", "Commentaires"]
GREEK = ["\u0391", "\u0392", "Email", "\u0393", "\u0394", "\u0395", "\u0396"]


@pytest.mark.parametrize(
    ("head", "word", "grade"),
    [(GERMAN, "Teilnehmer/in", ""), (FRENCH, "Participant ", "-"), (GREEK, "\u039c\u03ad. ", "")],
)
def test_a_sheet_in_another_language_is_filled(course, assignment, came, tmp_path, head, word, grade):
    enter(course, assignment)
    lines = [[word + line[0].split()[1], *line[1:4], line[4] or grade, *line[5:]] for line in LINES]
    status, content = export(course, tmp_path, "--moodle", sheet(tmp_path / "sheet.csv", lines, head))
    lines[0][4] = lines[2][4] = "11.00"
    assert (status, content) == (0, sheet(tmp_path / "wanted.csv", lines, head).read_bytes())


def test_columns_in_another_order_are_found_by_the_names_that_are_given(course, assignment, came, tmp_path, capsys):
    enter(course, assignment)
    order = [1, 0, 4, 3, 6, 5, 2]
    lines, head = [[line[at] for at in order] for line in LINES], [GERMAN[at] for at in order]
    words = ["--moodle", sheet(tmp_path / "sheet.csv", lines, head)]
    assert export(course, tmp_path, *words) == (2, b"")
    assert "--columns identifier=ID grade=Bewertung" in capsys.readouterr().err
    names = ["--columns", "identifier=ID", "grade=bewertung", "maximum=Bestwertung", "name=Vollst\u00e4ndiger Name"]
    status, content = export(course, tmp_path, *words, *names)
    lines[0][2] = lines[2][2] = "11.00"
    assert (status, content) == (0, sheet(tmp_path / "wanted.csv", lines, head).read_bytes())


@pytest.mark.parametrize("columns", [["points=Bewertung"], ["grade"], ["grade="], ["grade=Punkte"]])
def test_a_column_that_is_named_wrongly_is_refused(course, assignment, came, tmp_path, capsys, columns):
    words = ["--moodle", sheet(tmp_path / "sheet.csv", LINES, GERMAN), "--columns", *columns]
    assert export(course, tmp_path, *words) == (2, b"")
    assert "--columns" in capsys.readouterr().err


def test_grades_that_are_all_the_same_are_not_taken_for_the_maximum(course, assignment, came, tmp_path):
    enter(course, assignment)
    lines = [[*line[:4], "7.00", *line[5:]] for line in LINES]
    assert export(course, tmp_path, "--moodle", sheet(tmp_path / "sheet.csv", lines, GERMAN)) == (2, b"")


def test_who_waits_for_a_score_by_hand_is_left_out_by_name(course, assignment, came, tmp_path, capsys):
    status, content = export(course, tmp_path, "--moodle", sheet(tmp_path / "sheet.csv"))
    assert (status, content) == (0, (tmp_path / "sheet.csv").read_bytes())
    assert "wait for a score by hand: Ada Lovelace_42, Zo" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({(2, 1): "Charles Babbage"}, "line 4: Charles Babbage is Ada Lovelace_42 by number 42"),
        ({(2, 0): "Participant 43", (2, 1): "A. L."}, "no line is that of Ada Lovelace_42"),
        ({(1, 0): "Participant 42", (1, 1): "Ada Lovelace"}, "lines 3 and 4: both are Ada Lovelace_42"),
        ({(0, 5): "100.00", (1, 5): "100.00", (2, 5): "100.00"}, "maximum of 100 points, the assignment 12"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(course, assignment, came, tmp_path, capsys, change, words):
    enter(course, assignment)
    lines = [[change.get((y, x), text) for x, text in enumerate(line)] for y, line in enumerate(LINES)]
    status, content = export(course, tmp_path, "--moodle", sheet(tmp_path / "sheet.csv", lines))
    assert (status, content) == (2, b"")
    assert words in capsys.readouterr().err


def test_points_are_scaled_if_that_is_asked_for(course, assignment, came, tmp_path):
    enter(course, assignment, ada=0.0)
    lines = [[*line[:5], "120.00", line[6]] for line in LINES]
    status, content = export(course, tmp_path, "--moodle", sheet(tmp_path / "sheet.csv", lines), "--scale")
    assert status == 0
    assert b",100.00,120.00," in content


def test_who_was_refused_and_got_every_score_by_hand_waits_no_more(course, assignment, tmp_path, capsys):
    books = {f"{NAMES[0]}/{book}.ipynb": b"<!DOCTYPE html>" for book in assignment.notebooks}
    grade(course, assignment, Here(), submitted=archive(tmp_path / "moodle.zip", books))
    words = ["--moodle", sheet(tmp_path / "sheet.csv", LINES[2:])]
    assert b",3.00,12.00," in export(course, tmp_path, *words)[1]
    assert "Left out" in capsys.readouterr().out
    tasks = [(book.name, cell.grade_id) for book in assignment.notebooks.values() for cell in book.graded]
    with Store(course, assignment) as store:
        (ada,) = store.done()
        store.scores.enter([(ada, *task, 0.5, None) for task in tasks])
    assert f",{len(tasks) / 2:.2f},12.00,".encode() in export(course, tmp_path, *words)[1]
    assert "Left out" not in capsys.readouterr().out


@pytest.mark.parametrize("column", ["week1 (1234)", "week1", "Homework 1 (9)"])
def test_canvas_gets_its_column_and_no_other(course, assignment, came, tmp_path, column):
    enter(course, assignment)
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "week0 (1)", column, "Final Score"]
    lines = [
        ["    Points Possible", "", "", "", "", "5", "12", "(read only)"],
        ["Lovelace, Ada", "42", "", "ada", "A", "4", "", "80"],
        ["Qu\u00e9bec, Zo\u00eb", "9001", "", "zoe", "A", "5", "1", "90"],
        ["Student, Test", "5", "", "test", "A", "", "", ""],
    ]
    words = ["--canvas", sheet(tmp_path / "sheet.csv", lines, head)]
    words += ["--column", column] if column.startswith("Homework") else []
    status, content = export(course, tmp_path, *words)
    rows = list(csv.reader(io.StringIO(content.decode())))
    assert (status, rows[0]) == (0, [*head[:5], column])
    assert [row[-1] for row in rows[1:]] == ["12", "11", "11", ""]


def test_a_column_that_is_not_there_is_named(course, came, tmp_path, capsys):
    path = sheet(tmp_path / "sheet.csv", [["Lovelace, Ada", "42", ""]], ["Student", "ID", "Homework 1 (9)"])
    assert export(course, tmp_path, "--canvas", path)[0] == 2
    assert "name it with --column" in capsys.readouterr().err


def test_the_feedback_lies_where_the_work_lay(course, assignment, came, tmp_path):
    status, content = export(course, tmp_path, "--feedback", came)
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert status == 0
    assert sorted(names) == sorted(f"{name}/{book}.html" for name in NAMES for book in assignment.notebooks)


@pytest.mark.parametrize("above", ["", "submissions/"])
def test_so_it_does_if_the_archive_was_unpacked(course, assignment, came, tmp_path, above):
    with zipfile.ZipFile(came) as file:
        file.extractall(tmp_path / "unpacked" / above)
    _, packed = export(course, tmp_path, "--feedback", came)
    status, content = export(course, tmp_path, "--feedback", tmp_path / "unpacked")
    names, wanted = (sorted(zipfile.ZipFile(io.BytesIO(one)).namelist()) for one in (content, packed))
    assert (status, names) == (0, [above + name for name in wanted])


def test_a_folder_of_the_courses_own_form_is_mirrored_too(course, assignment, tmp_path):
    for student in ("ada", "bob"):
        hand_in(
            course.folder("submitted", student, "week1"),
            {name: solved(source) for name, source in assignment.notebooks.items()},
        )
    grade(course, assignment, Here())
    folder = course.root / course.directory.submitted_directory
    _, content = export(course, tmp_path, "--feedback", folder)
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert sorted(names) == sorted(f"{one}/{book}.html" for one in ("ada", "bob") for book in assignment.notebooks)


def test_so_it_does_in_an_archive_without_folders(course, assignment, tmp_path):
    members = {f"lovelaceada_LATE_42_77_{b}.ipynb": encode(solved(s)) for b, s in assignment.notebooks.items()}
    path = archive(tmp_path / "canvas.zip", members)
    grade(course, assignment, Here(), submitted=path)
    _, content = export(course, tmp_path, "--feedback", path)
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert sorted(names) == sorted(name.replace(".ipynb", ".html") for name in members)


def test_the_file_that_came_is_never_overwritten(course, came, tmp_path, capsys):
    path = sheet(tmp_path / "sheet.csv")
    before = path.read_bytes()
    assert main(["export", "week1", "--moodle", str(path), "--out", str(path), "--course", str(course.root)]) == 2
    assert path.read_bytes() == before
    assert "name another with --out" in capsys.readouterr().err


def test_a_folder_or_a_missing_archive_is_said_to_be_one_and_nothing_is_written(course, came, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    for place, words, says in [
        ("out", ("--moodle", sheet(tmp_path / "sheet.csv")), "is a folder: name a file in it"),
        ("out", ("--feedback", came), "is a folder: name a file in it"),
        ("new.zip", ("--feedback", tmp_path / "typo.zip"), "There is no .*typo.zip"),
    ]:
        given = ["export", "week1", *map(str, words), "--out", str(tmp_path / place), "--course", str(course.root)]
        before = sorted(tmp_path.rglob("*"))
        assert main(given) == 2
        assert re.search(says, capsys.readouterr().err)
        assert sorted(tmp_path.rglob("*")) == before
