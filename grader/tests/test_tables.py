"""Tables from spreadsheets: read in every form they come in, or refused with what to do about it."""

import csv
import io

import pytest

from grader.commands.overrides import prefilled, read_overrides
from grader.course import CourseError
from grader.gradebook.record import Record, TaskRecord
from grader.model import Status, TaskStatus

TASKS = {"why": ("words", "why", 2.0), "essay": ("words", "essay", 2000.0)}
STUDENTS = {"zoe", "J\u00f6rg", "00417", "Bob"}
ROWS = [["zoe", "why", "0,5", "sehr gut; fast"], ["J\u00f6rg", "why", "1,25", "f\u00fcr \u201edas\u201c, ja"]]
FOUND = [("zoe", "words", "why", 0.5, ROWS[0][3]), ("J\u00f6rg", "words", "why", 1.25, ROWS[1][3])]


def saved(path, text: str, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def as_csv(delimiter=",", end="\n", head=("student", "task", "score", "comment")) -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator=end).writerows([head, *ROWS])
    return file.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize(("delimiter", "end"), [(",", "\n"), (";", "\r\n"), ("\t", "\r\n"), ("|", "\r")])
def test_every_separator_and_encoding_of_a_spreadsheet_is_read(tmp_path, encoding, delimiter, end):
    path = saved(tmp_path / "o.csv", as_csv(delimiter, end), encoding)
    assert read_overrides(path, TASKS, STUDENTS) == FOUND


@pytest.mark.parametrize(
    "head",
    [
        ("Student", "Task", "Score", "Comment"),
        ("STUDENT", " task ", "score\u00a0", "COMMENT"),
        (" Student", "TASK", "Score ", "comment"),
    ],
)
@pytest.mark.parametrize("before", ["", "sep=;\r\n", "SEP=;\n", "\r\n\r\n"])
def test_capitals_spaces_and_lines_before_the_first_do_no_harm(tmp_path, head, before):
    path = saved(tmp_path / "o.csv", before + as_csv(";", head=head), "utf-8-sig")
    assert read_overrides(path, TASKS, STUDENTS) == FOUND


def test_columns_may_stand_in_any_order_with_others_between(tmp_path):
    path = saved(tmp_path / "o.csv", "why?;score;task;name;student\nx;2;why;Zo;zoe\n;;;;\n")
    assert read_overrides(path, TASKS, STUDENTS) == [("zoe", "words", "why", 2.0, None)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_cells_may_all_be_in_quotation_marks_and_hold_lines(tmp_path, delimiter):
    rows = [("student", "task", "score", "comment"), *((*row[:3], f'{row[3]}\nand "so" on') for row in ROWS)]
    text = "\r\n".join(delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    found = read_overrides(saved(tmp_path / "o.csv", text), TASKS, STUDENTS)
    assert found == [(*row[:4], f'{row[4]}\nand "so" on') for row in FOUND]


def test_a_guess_at_the_encoding_is_said_with_a_word_to_look_at(tmp_path, capsys):
    read_overrides(saved(tmp_path / "o.csv", as_csv(";"), "cp1252"), TASKS, STUDENTS)
    assert "Windows-1252" in (said := capsys.readouterr().err)
    assert "J\u00f6rg" in said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04" + bytes(40), "Excel or LibreOffice workbook.*CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0" + bytes(40), "old Excel workbook"),
        (b"  <html><table>", "web page"),
        (b"%PDF-1.7", "PDF"),
        (b"student,task,score\n\x81\x8d,why,1\n", "encoding that is not known"),
        (b"", "is empty.*columns student, task, score"),
        (b"name;task;points\nzoe;why;1\n", r"columns student, task, score.*'name', 'task', 'points'"),
        (b"student,task,score,Student\nzoe,why,1,zoe\n", "column 'student' twice"),
        (b"student;task;score\nzoe;why\n", "line 2: .*needs its semicolon"),
        (b"student\ttask\tscore\nzoe\twhy\n", "line 2: .*needs its tab"),
        (b"sep=;\nstudent;task;score\nzoe;why;9\n", "line 3: the score '9'"),
        (
            b'student,task,score,comment\nzoe,why,1,"good\nBob,why,2,\n',
            "line 3: a quotation mark opens or closes nothing",
        ),
        (b'student,task,score,comment\nzoe,why,1,"good\nBob,why,2,"fine"\n', "a quotation mark opens or closes"),
        (b"student,task,score,comment\nzoe,why,1,5\n", "line 2: is the score 1,5"),
        (b"student,task,score,comment\nzoe,why,0,25\n", "line 2: is the score 0,25.*quotation marks"),
        (b"\x1f\x8b\x08\0student,task,score\n", "is a packed file"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_remedy(tmp_path, content, words):
    (tmp_path / "o.csv").write_bytes(content)
    with pytest.raises(CourseError, match=words):
        read_overrides(tmp_path / "o.csv", TASKS, STUDENTS)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(CourseError, match="No such file.*name a CSV file"):
        read_overrides(tmp_path / "nowhere.csv", TASKS, STUDENTS)
    with pytest.raises(CourseError, match="is a folder: name a CSV file"):
        read_overrides(tmp_path, TASKS, STUDENTS)


@pytest.mark.parametrize(
    ("text", "score"),
    [("1", 1), (" 1 ", 1), ("0,5", 0.5), ("1.50", 1.5), (".5", 0.5), (",5", 0.5), ("+2", 2), ("5E-1", 0.5), ("", None),
     ("\u00a01\u2009", 1), ("\uff11", 1)],
)  # fmt: skip
def test_a_number_is_read_as_people_write_it(tmp_path, text, score):
    path = saved(tmp_path / "o.csv", f'student,task,score\nzoe,why,"{text}"\n')
    assert read_overrides(path, TASKS, STUDENTS)[0][3] == score


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0_1", "not a number"), ("1/2", "not a number from 0 to 2000"), ("50 %", "not a number"), ("1..5", "not a"),
        ("inf", "not a number"), ("-0,5", r"from 0 to 2000\.$"), ("1. Mai", "made a date"), ("2-May", "made a date"),
        ("05.01.2030", "made a date"), ("1,500", "may be 1.5 or 1500"), ("2001", "extra credit"),
        ("1.500", "may be 1.5 or 1500"), ("1.500,5", r"from 0 to 2000\.$"), ("2'000", "not a number"),
    ],
)  # fmt: skip
def test_what_may_be_no_number_or_two_is_never_guessed(tmp_path, text, words):
    path = saved(tmp_path / "o.csv", f"student;task;score\nzoe;essay;{text}\n")
    with pytest.raises(CourseError, match=words):
        read_overrides(path, TASKS, STUDENTS)


@pytest.mark.parametrize(
    ("student", "words"),
    [
        ("417", "'00417' has one, whose zeros"),
        ("bob", "'Bob' has one"),
        ("4,17E+11", "rounded number"),
        ("eve", "on\\."),
    ],
)
def test_a_student_whom_a_spreadsheet_changed_is_pointed_to(tmp_path, student, words):
    path = saved(tmp_path / "o.csv", f"student;task;score\n{student};why;1\n")
    with pytest.raises(CourseError, match=f"has no graded submissi.*{words}"):
        read_overrides(path, TASKS, STUDENTS)


def test_a_name_in_accents_of_macos_is_the_same(tmp_path):
    path = saved(tmp_path / "o.csv", "student,task,score\nJo\u0308rg,why,1\n")
    assert read_overrides(path, TASKS, STUDENTS)[0][0] == "J\u00f6rg"


def test_the_prefilled_table_has_what_waits_and_can_be_entered_as_it_is(tmp_path):
    tasks = [
        TaskRecord("words", "why", None, 2.0, TaskStatus.FLAGGED, believed=1.5),
        TaskRecord("words", "essay", None, 2000.0, TaskStatus.MANUAL),
    ]
    flags = ["the test 'why' runs beside code that uses `gc` in line 3"]
    flagged = Record("week1", "zoe", Status.FLAGGED, "", "", "", tasks=tasks, flags=flags)
    settled = Record("week1", "Bob", Status.FLAGGED, "", "", "", tasks=tasks, flags=flags)
    waits = {("words", "why"): {"needs": True}, ("words", "essay"): {"needs": True}}
    names = {key[:2]: name for name, key in TASKS.items()}
    text = prefilled([settled, flagged], {"zoe": waits, "Bob": {}}, names)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["student"], row["task"], row["score"]) for row in rows] == [
        ("zoe", "why", "1.5"),
        ("zoe", "essay", ""),
    ]
    assert "line 3" in rows[0]["why"]
    assert rows[1]["why"] == "a written answer"
    path = saved(tmp_path / "o.csv", text, "utf-8-sig")
    assert [row[3] for row in read_overrides(path, TASKS, STUDENTS)] == [1.5, None]


def test_the_prefilled_table_says_of_each_answer_why_it_waits():
    because = [{"code": "refused", "instructor": "It is a web page.", "student": ""}]
    refused = Record(
        "week1", "eve", Status.REFUSED, "", "", "", [TaskRecord("words", "why", None, 2.0, TaskStatus.REFUSED)], because
    )
    changed = Record(
        "week1", "cy", Status.GRADED, "", "", "", [TaskRecord("words", "why", 1.0, 2.0, TaskStatus.FAILED)]
    )
    waits = {("words", "why"): {"needs": True}}
    text = prefilled([refused, changed], {"eve": waits, "cy": waits}, {("words", "why"): "why"})
    rows = {row["student"]: row for row in csv.DictReader(io.StringIO(text))}
    assert rows["eve"]["why"] == "It is a web page."
    assert rows["cy"]["why"] == "the answer under a score by hand has changed"
    assert {row["score"] for row in rows.values()} == {""}
