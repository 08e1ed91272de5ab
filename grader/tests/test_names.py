"""Names of the kinds that learning platforms and packers make: is nobody lost, mixed up, or entered unseen?"""

import json

import pytest

from grader.tests.submissions import encode, solved
from grader.tests.test_platforms import BRIGHT, EVE, Raw, laid_out, pack, students, whose


@pytest.fixture
def book(source):
    """A solved notebook, as bytes."""
    return encode(solved(source))


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("members", "found"),
    [
        ([f"{one}/answers/quantities.ipynb" for one in ("ada", "bob")], ("ada", "bob")),
        ([f"{one}/HW 1/nb/quantities.ipynb" for one in ("ada", "bob", "cyd")], ("ada", "bob", "cyd")),
        ([f"x/y/{one}/src/quantities.ipynb" for one in ("ada", "bob")], ("ada", "bob")),
        ([f"export/submission_27984123{n}/quantities.ipynb" for n in (1, 2)],
         ("submission_279841231", "submission_279841232")),
        ([f"Submitted/{one}/week1/Version {n}/quantities.ipynb" for one in ("Ada L", "Bob B") for n in (1, 2)],
         ("Ada L", "Bob B")),
        ([f"HW1/{one}/Submission attachment(s)/quantities.ipynb" for one in ("L, Ada(ada)", "B, Bob(bob)")],
         ("L, Ada(ada)", "B, Bob(bob)")),
        ([f"boxes/{one}/{n}_submission/quantities.ipynb" for one in ("ada", "bob") for n in (2, 10)], ("ada", "bob")),
        (["ada/src/quantities.ipynb", "bob/quantities.ipynb", "bob/readme.txt"], ("ada", "bob")),
    ],
)  # fmt: skip
def test_is_nobody_lost_where_each_has_a_folder_of_the_same_name(
    course, assignment, book, tmp_path, packed, members, found
):
    path = laid_out(tmp_path, dict.fromkeys(members, book), packed)
    assert {name: taken.status for name, (_, taken) in students(course, assignment, path).items()} == dict.fromkeys(
        found, "graded"
    )


def marked(book: bytes, mark: str) -> bytes:
    """The notebook with one line more, by which it can be told from others."""
    notebook = json.loads(book)
    notebook["cells"].append({"cell_type": "code", "id": "own", "metadata": {}, "source": f"{mark} = 1", "outputs": []})
    return json.dumps(notebook).encode()


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("early", "late"),
    [
        ("adamseve_9001_677_quantities-9.ipynb", "adamseve_9001_678_quantities-10.ipynb"),
        ("adamseve_9001_999_quantities.ipynb", "adamseve_LATE_9001_1000_quantities.ipynb"),
        ("adamseve_9001_999_quantities.ipynb", "adamseve_9001_1000_quantities.ipynb"),
        ("eve/week1/Quantities (9).ipynb", "eve/week1/Quantities (10).ipynb"),
        ("eve/week1/my_quantities_v9.ipynb", "eve/week1/my_quantities_v10.ipynb"),
        ("eve/week1/9_submission/quantities.ipynb", "eve/week1/10_submission/quantities.ipynb"),
        (f"{BRIGHT}Jan 31, 2030 905 AM - quantities.ipynb", f"{BRIGHT}Jan 31, 2030 1150 AM - quantities.ipynb"),
        (f"{BRIGHT}Jan 31, 2030 105 PM - quantities.ipynb", f"{BRIGHT}Jan 31, 2030 905 PM - quantities.ipynb"),
        (f"{BRIGHT}Jan 31, 2030 1205 AM - quantities.ipynb", f"{BRIGHT}Jan 31, 2030 115 AM - quantities.ipynb"),
        (f"{BRIGHT}31 January, 2030 130 - quantities.ipynb", f"{BRIGHT}31 January, 2030 1015 - quantities.ipynb"),
    ],
)  # fmt: skip
def test_is_ten_more_than_nine_in_every_name(course, assignment, book, tmp_path, packed, early, late):
    members = {late: marked(book, "late"), early: marked(book, "early")}
    ((_, taken),) = students(course, assignment, laid_out(tmp_path, members, packed)).values()
    (job,) = taken.jobs
    assert [cell.source for cell in job.cells if cell.source in ("late = 1", "early = 1")] == ["late = 1"]
    assert {note.code for note in taken.notes} & {"duplicate-file", "attempts"}, "somebody should be told"


@pytest.mark.parametrize(
    ("name", "code", "sure"),
    [
        ("Ren\u00e9e Z\u00f6l", "cp1252", True),
        ("\u00c5se \u00d8rsted", "cp850", True),
        ("J\u00f6rg M\u00fcller", "cp437", True),
        ("\u738b \u5c0f", "shift-jis", False),
        ("Micha\u0142 Nowak", "cp852", False),
    ],
)
def test_is_a_name_in_a_code_page_recognised_or_looked_at(course, assignment, book, tmp_path, name, code, sure):
    raw = f"{name}_9001_assignsubmission_file_/quantities.ipynb".encode(code)
    path = pack(tmp_path / "x.zip", {Raw(raw): book})
    ((handed, taken),) = students(course, assignment, path).values()
    assert taken.status == "graded"
    assert (f"{handed.first_name} {handed.last_name}" == name) == sure
    first, last = name.split()
    for roster, owner in (({"e": ("Eve", "Adams", "7")}, None), ({"rz": (first, last, "9001")}, "rz")):
        ((whom, eyes),) = whose(course, assignment, path, roster).values()
        assert eyes == (not sure or owner is None), "the letters are a guess, unless the gradebook has them"
        assert (whom == owner) == (sure and owner is not None)


ALI_REZA = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"  # Persian, with a mark that keeps letters apart
PRIYA = "\u092a\u094d\u0930\u093f\u092f\u093e"  # Hindi, with vowels that are marks


@pytest.mark.parametrize(
    ("member", "owner", "eyes"),
    [
        ("Adams, Eve_9001_assignsubmission_file_/quantities.ipynb", "eve", False),
        ("Group A-Eve Adams_9001_assignsubmission_file_/quantities.ipynb", "eve", False),
        ("\u200fEve Adams\u200f_9001_assignsubmission_file_/quantities.ipynb", "eve", False),
        ("9001-55 - Adams, Eve - Jan 31, 2030 1005 AM - quantities.ipynb", "eve", False),
        ("LATE_adamseve_9001_678_quantities.ipynb", "eve", False),
        ("Eve Adams, Jr._77_assignsubmission_file_/quantities.ipynb", "Eve Adams, Jr._77", False),
        ("adamseve_77_question_9001_678_quantities.ipynb", "adamseve_77_question_9001_678_quantities", True),
        ("von_der_Heide_Ada_ada_101/quantities.ipynb", "von_der_Heide_Ada_ada_101", True),
        ("Eve Adams_9001_assignfeedback_file_/quantities.ipynb", "Eve Adams_9001_assignfeedback_file_", True),
        (f"{ALI_REZA}/quantities.ipynb", ALI_REZA, False),
        (f"{PRIYA}/quantities.ipynb", PRIYA, False),
    ],
)  # fmt: skip
def test_is_a_person_known_however_the_name_is_written(course, assignment, book, tmp_path, member, owner, eyes):
    path = pack(tmp_path / "x.zip", {member: book})
    assert list(whose(course, assignment, path, EVE).values()) == [(owner, eyes)]
    ((_, taken),) = students(course, assignment, path).values()
    assert taken.status == "graded"


@pytest.mark.parametrize("name", ["ada\u200d", "a\u200cda", "a\u202eda", "\u200b\u0639\u0644\u06cc"])
def test_is_a_mark_that_nobody_sees_still_refused_where_no_script_needs_it(course, assignment, book, tmp_path, name):
    path = pack(tmp_path / "x.zip", {f"{name}/week1/quantities.ipynb": book})
    ((_, taken),) = students(course, assignment, path).values()
    assert taken.status == "refused"
