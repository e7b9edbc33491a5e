"""Puts a learning platform's download where submissions are graded: `course collect`."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from course_utils.errors import CourseError
from course_utils.files import write
from course_utils.grading.outside.course import Course, dump
from course_utils.grading.outside.gate import is_student_id, printable
from course_utils.grading.outside.intake import (
    BESIDE,
    LARGEST_BESIDE,
    MOST_BESIDE,
    handed_in_at,
    open_plain,
    read_given,
)
from course_utils.grading.outside.recognise import known_lessons, recognised
from course_utils.grading.outside.times import for_gradebook, read_time, shown
from course_utils.grading.term.archive import Found, Unpacked, content, unpack
from course_utils.grading.term.names import Owner, Source, copies, in_name, owner, tokens
from course_utils.grading.term.roster import People

UNCHANGED = "unchanged"
NOTEBOOKS = (".ipynb", ".ipynb.txt", ".ipynb.json")


class NotUnderstood(Exception):
    """Why a notebook was left out, and whose it is where that is known."""

    def __init__(self, why: str, student: str = "") -> None:
        super().__init__(why)
        self.student = student


@dataclass(frozen=True)
class Candidate:
    """A notebook that came in for a student and a lesson."""

    file: Found
    owner: Owner
    student: str
    lesson: str

    @property
    def rank(self) -> tuple[tuple[int, ...], int]:
        """Larger for the newer of two: by the platform's numbers, then by that of a copy."""
        return self.owner.attempt, copies(self.owner.own[-1])


@dataclass
class Arrival:
    """What is put in for a student and a lesson, and what has to be said of it."""

    chosen: Candidate
    at: datetime | None = None
    beside: list[Found] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Collected:
    """What came in: arrivals in order, and a sentence for everything that was not taken in.

    without: the students of whom something was not taken in.
    """

    arrivals: list[Arrival] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    without: set[str] = field(default_factory=set)


class Collector:
    """Reads what came in for the lessons of a course; only: the one lesson that is collected."""

    def __init__(
        self, course: Course, people: People, source: Source = "auto", only: str | None = None
    ) -> None:
        self.course, self.people, self.source, self.only = course, people, source, only
        self.lessons = [lesson.name for lesson in course.lessons()]
        self.marks = known_lessons(course)
        released = [course.path("release", ".", name) / f"{name}.ipynb" for name in self.lessons]
        files = (file for path in released for file in read_given(path).values())
        self.given = {hashlib.sha256(file).digest() for file in files}

    def read(self, unpacked: Unpacked) -> Collected:
        """Understand the files that came in."""
        result = Collected(refused=list(unpacked.refused))
        candidates: dict[tuple[str, str], list[Candidate]] = {}
        beside: list[tuple[Found, Owner]] = []
        for file in unpacked.files:
            whose = owner(file, self.lessons, self.source)
            # A file beside a notebook, which is shared out once all notebooks are known.
            if not file.name.lower().endswith(NOTEBOOKS):
                if hashlib.sha256(content(file)).digest() in self.given:
                    continue  # it came with the lesson, and is there when it is graded
                if whose is None:
                    result.refused.append(f"{file.shown} was left out: its name names no student.")
                else:
                    beside.append((file, whose))
                continue
            # A notebook.
            try:
                candidate = self._candidate(file, whose)
            except NotUnderstood as error:
                result.refused.append(f"{file.shown} was left out: {error}.")
                result.without |= {error.student} - {""}
            else:
                candidates.setdefault((candidate.student, candidate.lesson), []).append(candidate)
        for _, items in sorted(candidates.items()):
            newest = _newest(items, result.refused)
            if newest is not None:
                self._say(newest)
                result.arrivals.append(newest)
            else:
                result.without.add(items[0].student)
        for whose in _share(beside, result):
            with contextlib.suppress(NotUnderstood):
                result.without.add(self._student(whose))
        return result

    def _candidate(self, file: Found, whose: Owner | None) -> Candidate:
        """A notebook with its student and lesson; raises NotUnderstood."""
        stem = file.name.partition(".")[0]
        if whose is None and self.people.named(stem):  # its name is an id, or a person's
            whose = Owner(stem, (file.name,))
        if whose is None:
            raise NotUnderstood("its name names no student")
        student = self._student(whose)
        try:
            return Candidate(file, whose, student, self._lesson(file, whose))
        except NotUnderstood as error:
            raise NotUnderstood(str(error), student) from None

    def _student(self, whose: Owner) -> str:
        """The id of a student; raises NotUnderstood."""
        if not self.people.all:  # nobody is known yet: the file's own words are the id
            id = f"{whose.words}_{whose.number}" if whose.kind == "canvas" else whose.words
            if not is_student_id(id):
                raise NotUnderstood(f"{ascii(id)} cannot be a student's id")
            return id
        # The platform's own number of the person settles it.
        by_number = self.people.by_number if whose.kind == "canvas" else self.people.by_participant
        if person := by_number.get(whose.number):
            return person.id
        # Else the name, whole; where a person gave it to the file, any word of it.
        for word in tokens(whose.words) if whose.kind == "plain" else [whose.words]:
            people = self.people.named(word)
            if len(people) == 1:
                return people[0].id
            if people:
                ids = " or ".join(person.id for person in people)
                raise NotUnderstood(
                    f"{printable(whose.words)} may be {ids}: give a --roster with the platform's "
                    "numbers"
                )
        raise NotUnderstood(f"nobody in the roster is called {printable(whose.words)}")

    def _lesson(self, file: Found, whose: Owner) -> str:
        """The lesson that a notebook is, by its cells, else by its name; raises NotUnderstood."""
        try:
            best = recognised(content(file), self.marks)
        except OSError:
            best = ""  # what cannot be read gets its verdict when it is graded
        named = [name for name in self.lessons if in_name("/".join(whose.own), name) is not None]
        named += [name for name in self.lessons if name in file.parts and name not in named]
        lesson = best or (named[0] if named else self.only)
        if lesson is None:
            raise NotUnderstood("it is not the notebook of a released lesson")
        if lesson not in self.lessons:
            raise NotUnderstood(f"it is {lesson}, which is not released here")
        if self.only and lesson != self.only:
            raise NotUnderstood(f"it is {lesson}, and only {self.only} is collected")
        return lesson

    def _say(self, arrival: Arrival) -> None:
        """Note what an instructor wants to know of it."""
        chosen = arrival.chosen
        name = chosen.owner.own[-1]
        if name != f"{chosen.lesson}.ipynb":
            arrival.notes.append(f"was called {printable(name)}")
        if chosen.owner.late:
            arrival.notes.append("late, says the platform, but not by how much")


def _newest(items: Sequence[Candidate], refused: list[str]) -> Arrival | None:
    """The newest of a student's notebooks for a lesson, with a note; None where nothing says so."""
    best = max(item.rank for item in items)
    first, *rest = [item for item in items if item.rank == best]
    if any(content(item.file) != content(first.file) for item in rest):
        shown = " and ".join(item.file.shown for item in (first, *rest))
        refused.append(f"{shown} were left out: nothing says which of them is the newer one.")
        return None
    older = [item for item in items if item.rank != best]
    notes = [f"newer than {', '.join(item.file.shown for item in older)}"] if older else []
    return Arrival(first, first.owner.at, notes=notes)


def _share(beside: Iterable[tuple[Found, Owner]], result: Collected) -> Iterator[Owner]:
    """Put files beside the notebook that they came with, within limits; yields who sent others."""
    by_place: dict[tuple[str, ...], Arrival] = {}
    for item in result.arrivals:
        by_place[_place(item.chosen.file, item.chosen.owner)] = item
    for file, whose in beside:
        if (arrival := by_place.get(_place(file, whose))) is None:
            result.refused.append(f"{file.shown} was left out: it came without a notebook.")
            yield whose
        # It says when its notebook was handed in.
        elif file.name == "timestamp.txt":
            try:
                arrival.at = read_time(content(file)[:100].decode(), UTC)
            except (CourseError, ValueError) as error:
                result.refused.append(f"{file.shown} was left out: {str(error).rstrip('.')}.")
        elif why := _too_much(file, arrival):
            result.refused.append(f"{file.shown} was left out: {why}.")
        else:
            arrival.beside.append(file)


def _place(file: Found, whose: Owner) -> tuple[str, ...]:
    """What the files of one attempt have in common."""
    return (whose.kind, whose.words, whose.number, *map(str, whose.attempt[:1]), *file.parts[:-1])


def _too_much(file: Found, arrival: Arrival) -> str:
    if Path(file.name.lower()).suffix not in BESIDE:
        return f"only {', '.join(sorted(BESIDE))} are taken beside a notebook"
    if file.path.stat().st_size > LARGEST_BESIDE:
        return f"a file beside a notebook may have at most {LARGEST_BESIDE >> 20} MB"
    if len(arrival.beside) == MOST_BESIDE:
        return f"at most {MOST_BESIDE} files are taken beside a notebook"
    if any(other.name == file.name for other in arrival.beside):
        return "another file has the same name"
    return ""


# ---------------------------------------------------------------- into the course


def collect(
    course: Course, path: Path, people: People, source: Source = "auto", only: str | None = None
) -> Collected:
    """Take in what a zip archive or a folder holds; raises CourseError where it is neither.

    Notes of an arrival begin with what became of it: new, replaced, unchanged. What was replaced
    already is not taken in again: an older download would bring it back.
    """
    with tempfile.TemporaryDirectory() as folder:
        unpacked = unpack(path, Path(folder))
        result = Collector(course, people, source, only).read(unpacked)
        kept = []
        for arrival in result.arrivals:
            chosen = arrival.chosen
            try:
                if old := _replaced_before(course, arrival):
                    result.refused.append(
                        f"{chosen.file.shown} was left out: {chosen.student} has handed in "
                        f"something else since. If it is to count, copy it from {old}."
                    )
                    continue
                arrival.notes.insert(0, _put(course, arrival))
                kept.append(arrival)
            except OSError as error:
                why = f"{error.filename or ''} {error.strerror}".strip()
                result.refused.append(f"{chosen.file.shown} could not be stored ({why}).")
        result.arrivals = kept
        _remember(course, kept)
    return result


def _put(course: Course, arrival: Arrival) -> str:
    """Make the folder of a submission; what was there is moved to .course/replaced."""
    chosen = arrival.chosen
    target = course.path("submitted", chosen.student, chosen.lesson)
    made = target.with_name(f".{chosen.lesson}.part")
    files = {f"{chosen.lesson}.ipynb": content(chosen.file)}
    files |= {file.name: content(file) for file in arrival.beside}
    if arrival.at is not None:
        files["timestamp.txt"] = f"{shown(arrival.at)}\n".encode()
    # A time that was written by hand stays, where the platform gives none.
    written = set() if arrival.at is not None else {"timestamp.txt"}
    if _is_there(target, files, written):
        return UNCHANGED
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    for name, data in files.items():
        (made / name).write_bytes(data)
    replaced = os.path.lexists(target)
    if replaced:
        number = len(list(course.own("replaced", chosen.lesson).glob(f"{chosen.student}.*")))
        old = course.own("replaced", chosen.lesson, f"{chosen.student}.{number + 1}")
        old.parent.mkdir(parents=True, exist_ok=True)
        os.rename(target, old)
        if os.path.lexists(old / "timestamp.txt") and "timestamp.txt" not in files:
            arrival.notes.append("has no timestamp.txt, as the one before it had")
    os.rename(made, target)
    return "replaced an earlier one" if replaced else "new"


def _replaced_before(course: Course, arrival: Arrival) -> Path | None:
    """Where this notebook lies if it was replaced before; None where it was not, or where its time
    says that it is the newer one.
    """
    name, student = arrival.chosen.lesson, arrival.chosen.student
    target = course.path("submitted", student, name)
    now = handed_in_at(target)
    if arrival.at is not None and (now is None or for_gradebook(arrival.at) > now):
        return None
    wanted = content(arrival.chosen.file)
    if _same(target / f"{name}.ipynb", wanted):
        return None
    for path in sorted(course.own("replaced", name).glob(f"{student}.*/{name}.ipynb")):
        if path.parent.name.removeprefix(f"{student}.").isdigit() and _same(path, wanted):
            return path
    return None


def _same(path: Path, data: bytes) -> bool:
    """Whether a file can be read and holds these bytes."""
    try:
        return _content(path) == data
    except OSError:
        return False


def _is_there(target: Path, files: Mapping[str, bytes], also: Set[str]) -> bool:
    """Whether these files are there already, and no others but those that may be there also."""
    if target.is_symlink() or not target.is_dir():
        return False
    if {*os.listdir(target)} - also != {*files} - also:
        return False
    return all(_same(target / name, data) for name, data in files.items())


def _content(path: Path) -> bytes:
    with open_plain(path) as file:
        return file.read()


def _remember(course: Course, arrivals: Iterable[Arrival]) -> None:
    """Keep how the platform called each submission: it wants feedback back under that name.

    A download that brings the same again, such as another lesson's, changes nothing of it.
    """
    for arrival in arrivals:
        chosen = arrival.chosen
        path = course.own("collected", chosen.lesson, f"{chosen.student}.json")
        if chosen.owner.tag and not (arrival.notes[0] == UNCHANGED and path.is_file()):
            write(path, dump({"platform": chosen.owner.kind, "tag": chosen.owner.tag}))


def tags(course: Course, lesson: str) -> dict[str, str]:
    """By student: what stood before the file name in the platform's download."""
    by_student = {}
    for path in course.own("collected", lesson).glob("*.json"):
        by_student[path.stem] = str(json.loads(path.read_bytes())["tag"])
    return by_student
