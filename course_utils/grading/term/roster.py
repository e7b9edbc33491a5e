"""The students of a course: read from a table, kept in the gradebook, found by name or id."""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook

from course_utils.errors import CourseError
from course_utils.files import write
from course_utils.grading.outside.course import Course, dump
from course_utils.grading.outside.entering import writing
from course_utils.grading.outside.gate import is_student_id, printable
from course_utils.grading.outside.intake import open_plain

LARGEST_ROSTER = 20 << 20
COLUMNS = {  # headings of nbgrader, Canvas, Moodle and people, in lower case
    "id": ("id", "student_id", "student id", "student", "username", "user name", "login"),
    "first_name": ("first_name", "first name", "firstname", "given name", "vorname"),
    "last_name": ("last_name", "last name", "lastname", "surname", "family name", "nachname"),
    "full_name": ("full name", "name"),
    "email": ("email", "email address", "e-mail", "mail", "e-mail-adresse"),
    "lms_user_id": ("lms_user_id", "lms id", "canvas id"),
    "participant": ("identifier",),
    "id_number": ("id number", "id-nummer"),
}
NOBODY = ("points possible", "student, test")  # in Canvas's gradebook, which has a test student
CANVAS = {"id": "lms_user_id", "sis login id": "id", "student": "full_name"}  # of its gradebook
_PARTICIPANT = re.compile(r"\D+ (\d+)")


@dataclass(frozen=True)
class Person:
    """A student; participant is Moodle's number for one assignment, and id_number its ID number.

    parted: whether a full name was parted here into first and last, which can go wrong.
    """

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""
    participant: str = ""
    id_number: str = ""
    parted: bool = False

    @property
    def name(self) -> str:
        """First and last name, or the id where there is none."""
        return f"{self.first_name} {self.last_name}".strip() or self.id


@dataclass
class Roster:
    """The students in a table, and a sentence for each line that could not be read."""

    people: list[Person] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def read_roster(path: Path) -> Roster:
    """The students in a CSV file; raises CourseError where it has no column of ids."""
    rows = csv.DictReader(io.StringIO(text := _text(path)), dialect=_dialect(text))
    columns = _columns(rows.fieldnames or [], path)
    lines = [(number, _line(row, columns)) for number, row in enumerate(rows, 2)]
    lines = [(number, line) for number, line in lines if any(line.values())]
    of_numbers = [heading for heading in columns if _lower(heading) in COLUMNS["id_number"]]
    by_number = "id" in (columns[heading] for heading in of_numbers)
    counted = Counter(line.get("id", "") for _, line in lines)
    roster = Roster()
    for number, line in lines:
        id = line.get("id", "")
        shown = f"Line {number} of {path.name}"
        full_name = line.get("full_name", "").strip().lower()
        if full_name in NOBODY and "lms_user_id" in columns.values():
            continue
        if not id:
            roster.refused.append(f"{shown} was left out: it has no id.")
        elif not is_student_id(id):
            roster.refused.append(f"{shown} was left out: {ascii(id)} cannot be a student's id.")
        elif counted[id] > 1:
            why = f"{printable(id)} is in {counted[id]} lines"
            roster.refused.append(f"{shown} was left out: {why}; keep one.")
        else:
            roster.people.append(_person(line | ({"id_number": id} if by_number else {})))
    return roster


def _text(path: Path) -> str:
    try:
        with open_plain(path) as file:
            content = file.read(LARGEST_ROSTER + 1)
    except OSError as error:
        raise CourseError(f"{path} cannot be read ({error.strerror}).") from None
    if len(content) > LARGEST_ROSTER:
        raise CourseError(f"{path} has more than {LARGEST_ROSTER >> 20} MB, too much for a roster.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CourseError(f"{path} is not in UTF-8: save it as CSV UTF-8.") from None


def _dialect(text: str) -> type[csv.Dialect]:
    """Commas, semicolons or tabs, whichever the first line has most of."""
    first = text.partition("\n")[0]

    class Dialect(csv.excel):
        delimiter = max(",;\t", key=first.count)

    return Dialect


def _columns(headings: Iterable[str], path: Path) -> dict[str, str]:
    """What each heading stands for."""
    kinds: dict[str, str] = {}
    lower = {heading: _lower(heading) for heading in headings}
    known = {name: kind for kind, names in COLUMNS.items() for name in names}
    names = set(lower.values())
    if "sis login id" in names:
        known |= CANVAS
    elif not names & {*COLUMNS["id"]}:  # as in Moodle's grading worksheet: its ID number is the id
        known |= dict.fromkeys(COLUMNS["id_number"], "id")
    for heading, name in lower.items():
        if name in known and known[name] not in kinds.values():
            kinds[heading] = known[name]
    if "id" not in kinds.values():
        headings = ", ".join(printable(heading) for heading in lower) or "none"
        raise CourseError(
            f"{path} has no column of ids (its headings: {headings}): give the one with "
            "the students' ids the heading id."
        )
    return kinds


def _lower(heading: str) -> str:
    """A heading as it is known by."""
    return (heading or "").strip().lower()


def _line(row: Mapping[str, str | list[str]], columns: Mapping[str, str]) -> dict[str, str]:
    line = {}
    for heading, kind in columns.items():
        value = row.get(heading) or ""
        if isinstance(value, str):
            line[kind] = unicodedata.normalize("NFC", " ".join(value.split()))
    return line


def _person(line: Mapping[str, str]) -> Person:
    """A student; a full name is Last, First or First Last."""
    wanted: dict[str, Any] = {
        item.name: line[item.name] for item in fields(Person) if line.get(item.name)
    }
    full = line.get("full_name", "")
    if full and not (wanted.keys() & {"first_name", "last_name"}):
        last, comma, first = full.partition(", ")
        if not comma:
            first, _, last = full.rpartition(" ")
        wanted |= {"first_name": first, "last_name": last, "parted": True}
    if match := _PARTICIPANT.fullmatch(wanted.get("participant", "")):
        wanted["participant"] = match[1]
    return Person(**wanted)


def known_people(course: Course) -> list[Person]:
    """The students in the gradebook, which is made where there is none."""
    numbers = course.id_numbers()
    with course.alone(), Gradebook(course.folders.db_url, course.folders.course_id) as book:
        return [
            Person(
                student.id,
                student.first_name or "",
                student.last_name or "",
                student.email or "",
                student.lms_user_id or "",
                id_number=numbers.get(student.id, ""),
            )
            for student in book.students
        ]


def enter(course: Course, people: Iterable[Person]) -> tuple[list[str], list[str]]:
    """Put students into the gradebook; gives the ids of new ones and of those that changed.

    What the table does not say of a student stays as it is, and so does a name that it only parts
    in another place.
    """
    before, people = {person.id: person for person in known_people(course)}, [*people]
    new, changed = [], []
    with writing(course), Gradebook(course.folders.db_url, course.folders.course_id) as book:
        for person in people:
            told = {
                name: value
                for name in ("first_name", "last_name", "email", "lms_user_id")
                if (value := getattr(person, name))
            }
            old = before.get(person.id)
            if old is not None and person.parted and key(old.name) == key(person.name):
                told = {name: value for name, value in told.items() if "name" not in name}
            if old is None:
                new.append(person.id)
            elif any(getattr(old, name) != value for name, value in told.items()) or (
                person.id_number not in ("", old.id_number)
            ):
                changed.append(person.id)
            else:
                continue
            book.update_or_create_student(person.id, **told)
        said = {person.id: person.id_number for person in people if person.id_number}
        if said:
            write(course.id_numbers_path, dump(course.id_numbers() | said))
    return new, changed


class People:
    """Finds students by what an LMS calls them."""

    def __init__(self, people: Iterable[Person]) -> None:
        self.all = list(people)
        self.by_id = {key(person.id): person for person in self.all}
        self.by_number = {person.lms_user_id: person for person in self.all if person.lms_user_id}
        self.by_participant = {
            person.participant: person for person in self.all if person.participant
        }
        self.by_name: dict[str, set[Person]] = {}
        for person in self.all:
            first, last = person.first_name, person.last_name
            for name in (f"{first}{last}", f"{last}{first}"):
                if key(name):
                    self.by_name.setdefault(key(name), set()).add(person)

    def named(self, words: str) -> list[Person]:
        """The students that these words can mean: by id, else by name."""
        if person := self.by_id.get(key(words)):
            return [person]
        return sorted(self.by_name.get(key(words), ()), key=lambda person: person.id)


def key(words: str) -> str:
    """Words without case, spaces and marks, however their letters are composed."""
    plain = unicodedata.normalize("NFKC", words).casefold()
    return "".join(letter for letter in unicodedata.normalize("NFC", plain) if letter.isalnum())
