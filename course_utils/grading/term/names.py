"""What the names that a learning platform gives to submissions say: whose, which attempt, when."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from course_utils.grading.term.archive import Found

Source = Literal["auto", "moodle", "canvas"]
_MOODLE = re.compile(r"(.+)_(\d+)_assignsubmission_(?:file|onlinetext)(?:_(.*))?")
_CANVAS = re.compile(r"([^\W_]+)((?:_LATE)?)_(\d+)_(\d+)_(.+)")
_NBGRADER = re.compile(r"(.+?)_(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)_(.+)")
_COPY = re.compile(r"(.*?)(?:[ _]?\((\d+)\)|-(\d+))$")
_NOT_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Owner:
    """Whose a file is, in the words of the platform.

    number: the platform's own number of the person. attempt: larger for a later one. tag: what
    comes before the student's own file name, which the platform wants back with feedback. own: the
    names of the student's own folders and file.
    """

    words: str
    own: tuple[str, ...]
    number: str = ""
    attempt: tuple[int, ...] = ()
    late: bool = False
    at: datetime | None = None
    tag: str = ""
    kind: str = "plain"


def owner(found: Found, lessons: Sequence[str], source: Source = "auto") -> Owner | None:
    """Whose a file is; None where its names do not say it."""
    for index, part in enumerate(found.parts):
        rest = found.parts[index + 1 :]
        # A folder or file as Moodle names it.
        if source != "canvas" and (match := _MOODLE.fullmatch(part)):
            words, number, name = match.groups()
            own = (*([name] if name else []), *rest)
            tag = f"{words}_{number}_assignsubmission_file_"
            return Owner(words, own, number, tag=tag, kind="moodle")
        # A file as Canvas names it, unless what looks like its last number belongs to a lesson.
        if (
            source != "moodle"
            and (match := _CANVAS.fullmatch(part))
            and not _is_prefix(match, lessons)
        ):
            words, late, number, submission, name = match.groups()
            tag = part[: len(part) - len(name)]
            attempt = (int(submission),)
            return Owner(words, (name, *rest), number, attempt, bool(late), tag=tag, kind="canvas")
    return _plain(found, lessons) if source == "auto" else None


def _is_prefix(match: re.Match[str], lessons: Sequence[str]) -> bool:
    """Whether what looks like Canvas's two numbers is one, and the number of a lesson."""
    return any(in_name(f"{match[4]}_{match[5]}", lesson) == 0 for lesson in lessons)


def _plain(found: Found, lessons: Sequence[str]) -> Owner | None:
    """A folder for each student, or a file that begins with the student's name or id."""
    # As nbgrader's own zip_collect expects it: name_time_file.
    name = found.name
    if match := _NBGRADER.fullmatch(name):
        words, stamp, rest = match.groups()
        try:
            at = datetime.strptime(stamp, "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC)
        except ValueError:
            return None
        return Owner(words, (rest,), attempt=(int(at.timestamp()),), at=at)
    for index, part in enumerate(found.parts[:-1]):  # student/lesson/file
        if index and part in lessons:
            return Owner(found.parts[index - 1], found.parts[index + 1 :])
    if len(found.parts) > 1 and found.parts[-2] not in lessons:  # student/file
        return Owner(found.parts[-2], (name,))
    for lesson in lessons:  # name_id_lesson.ipynb
        start = in_name(name, lesson)
        words = name[:start].strip(" _-") if start else ""
        if words and words.casefold() != "copy of":
            return Owner(words, (name[start:],))
    return None


def in_name(name: str, lesson: str) -> int | None:
    """Where a file name begins to name a lesson, however its words are joined; None if nowhere."""
    words = r"[\W_]+".join(re.escape(word) for word in lesson.split("_"))
    match = re.search(rf"(?<![^\W_]){words}(?![^\W_])", name, re.IGNORECASE)
    return match.start() if match else None


def copies(name: str) -> int:
    """The number that a platform or browser added to a name: 1 in `01_linear (1).ipynb`; else 0."""
    match = _COPY.fullmatch(name.partition(".")[0])
    return int(match[2] or match[3]) if match else 0


def tokens(words: str) -> list[str]:
    """The words in a name such as `muster_anna_123`, the whole first."""
    return [words, *(part for part in _NOT_WORD.split(words) if part)]
