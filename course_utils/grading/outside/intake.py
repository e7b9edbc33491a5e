"""Reads what was handed in: plain files of a limited size, and nothing through a link, a pipe or a
device.
"""

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from course_utils.errors import CourseError
from course_utils.grading.outside.reading import LARGEST_FILE, Unreadable
from course_utils.grading.outside.recognise import lesson_of
from course_utils.grading.outside.times import for_gradebook, read_time
from course_utils.grading.outside.words import theirs

LONGEST_STAMP = 100
BESIDE = {".py", ".txt", ".md", ".csv", ".json", ".png", ".jpg", ".jpeg", ".gif", ".webp"}
MOST_BESIDE, LARGEST_BESIDE = 20, 2 << 20  # files beside a notebook, and bytes of each
LARGEST_TOGETHER = 10 << 20
MOST_NAMED = 20  # of those that were not read
LARGEST_GIVEN = 32 << 20  # bytes of all files beside a released notebook
OF_NBGRADER = {"timestamp.txt", "submission_secret.txt"}
NOTEBOOKS = (".ipynb", ".ipynb.txt", ".ipynb.json", ".json")
MOST_NOTEBOOKS, LARGEST_NOTEBOOKS = 20, 3 * LARGEST_FILE  # under other names, and their bytes


class OtherLesson(Unreadable):
    """What was handed in is the notebook of another lesson."""

    status = "another lesson"


@dataclass(frozen=True)
class HandedIn:
    """The notebook of a submission, its path, and what has to be said of its name."""

    path: Path
    content: bytes
    notes: tuple[str, ...] = ()


def read_submission(folder: Path, name: str, known: Mapping[str, set[str]]) -> HandedIn:
    """What was handed in for a lesson; known: by lesson, what its notebook is recognised by.

    A notebook with another name is taken if it is the only one of this lesson. Raises Unreadable
    where there is none, and PermissionError where it may not be read.
    """
    if _is_link(folder):
        raise Unreadable("The folder is a link to another place; it was not followed.")
    path, notes = folder / f"{name}.ipynb", list[str]()
    if not os.path.lexists(path) and (renamed := _renamed(folder, name, known)):
        path = renamed
        notes.append(f"The file was called {renamed.name!r}; it was graded all the same.")
    if not os.path.lexists(path) and os.access(folder, os.R_OK | os.X_OK):
        others = _notebooks(folder)
        instead = f"; there is {others[0].name!r}" if others else ""
        raise Unreadable(
            f"There is no file {path.name}{instead}: hand in your notebook as {name}.ipynb."
        )
    content = read_notebook(path)
    is_other, lesson = lesson_of(content, name, known)
    if is_other:
        raise OtherLesson(f"This is the notebook of {lesson}, not of {name}.")
    return HandedIn(path, content, tuple(notes))


def read_notebook(path: Path) -> bytes:
    """The content of a notebook; raises Unreadable where it is not a plain file of the right size.

    Raises PermissionError where it may not be read.
    """
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST_FILE:
                raise Unreadable(
                    f"{path.name} has {size >> 20} MB, and {LARGEST_FILE >> 20} are allowed: clear "
                    "its outputs."
                )
            return file.read(LARGEST_FILE + 1)
    except PermissionError:
        raise
    except OSError as error:
        why = (
            "is a link to another place"
            if path.is_symlink()
            else f"cannot be read ({error.strerror})"
        )
        raise Unreadable(f"{path.name} {why}: hand in the file itself.") from None


def read_given(notebook: Path) -> dict[str, bytes]:
    """The files that were handed out beside a released notebook, by their names from its folder.

    Raises CourseError where they are too large to be sent along with every submission.
    """
    folder, found, room = notebook.parent, dict[str, bytes](), LARGEST_GIVEN
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith((".", "__")) for part in name.parts)
        if hidden or path.suffix == ".ipynb" or not path.is_file():
            continue
        room -= path.stat().st_size
        if room < 0:
            raise CourseError(
                f"The files beside {notebook} have more than {LARGEST_GIVEN >> 20} MB together, "
                "and each submission gets a copy: move those that the notebook does not read."
            )
        found[name.as_posix()] = path.read_bytes()
    return found


def read_beside(
    folder: Path, notebook: str, given: Mapping[str, bytes]
) -> tuple[dict[str, bytes], list[str]]:
    """The files beside a notebook by name, and sentences on those that were not read.

    given: those that were handed out with it; of these the originals are used.
    """
    beside: dict[str, bytes] = {}
    unread: list[str] = []
    if _is_link(folder):
        return beside, unread
    for path in sorted(folder.iterdir() if folder.is_dir() else ()):
        # What editors, Python and nbgrader leave there.
        if path.name.startswith((".", "__")) or path.name in {notebook, *OF_NBGRADER}:
            continue
        # A folder of files that came with the lesson.
        if path.is_dir() and any(name.startswith(f"{path.name}/") for name in given):
            continue
        try:
            if path.name not in given:
                beside[path.name] = _read_one(path, beside)
            elif _differs(path, given[path.name]):
                raise Unreadable("it came with the lesson, and the original is used")
        except (Unreadable, OSError) as error:
            why = error if isinstance(error, Unreadable) else "it is not a plain file"
            unread.append(f"{theirs(path.name)}, beside the notebook, was not read: {why}.")
    if (more := len(unread) - MOST_NAMED) > 0:
        unread[MOST_NAMED:] = [f"Of the files beside the notebook, {more:,} more were not read."]
    return beside, unread


def _differs(path: Path, content: bytes) -> bool:
    """Whether a file has another content; raises OSError."""
    with open_plain(path) as file:
        return file.read(len(content) + 1) != content


def _read_one(path: Path, others: Mapping[str, bytes]) -> bytes:
    """A file beside a notebook; raises OSError, or Unreadable with a part of a sentence."""
    if path.suffix.lower() not in BESIDE or not path.name.isprintable():
        raise Unreadable(f"only {', '.join(sorted(BESIDE))} are read")
    if len(others) == MOST_BESIDE:
        raise Unreadable(f"at most {MOST_BESIDE} files are read")
    with open_plain(path) as file:
        content = file.read(LARGEST_BESIDE + 1)
    if len(content) > LARGEST_BESIDE:
        raise Unreadable(f"a file may have at most {LARGEST_BESIDE >> 20} MB")
    if len(content) + sum(map(len, others.values())) > LARGEST_TOGETHER:
        raise Unreadable(f"all files together may have at most {LARGEST_TOGETHER >> 20} MB")
    return content


def _notebooks(folder: Path) -> list[Path]:
    """Files of a submission that may be notebooks under other names, also one folder deeper."""
    paths: list[Path] = []
    for place, folders, names in os.walk(folder):
        here = Path(place)
        paths += (here / name for name in sorted(names) if name.lower().endswith(NOTEBOOKS))
        deeper = here == folder and len(paths) < MOST_NOTEBOOKS
        folders[:] = [
            name for name in sorted(folders) if deeper and name[0] != "." and name != "__MACOSX"
        ]
    return [path for path in paths if path.name[0] != "."][:MOST_NOTEBOOKS]


def _renamed(folder: Path, name: str, known: Mapping[str, set[str]]) -> Path | None:
    """The only file in a folder that is this lesson, else the only notebook of any; or None."""
    lessons: dict[bytes, tuple[Path, str]] = {}
    room = LARGEST_NOTEBOOKS
    for path in _notebooks(folder):
        try:
            content = read_notebook(path)
        except Unreadable:
            continue
        room -= len(content)
        _, lesson = lesson_of(content, name, known) if room >= 0 else (False, "")
        if lesson:
            lessons.setdefault(content, (path, lesson))
    wanted = [path for path, lesson in lessons.values() if lesson == name]
    if len(wanted) > 1:
        names = " and ".join(repr(path.name) for path in wanted)
        raise Unreadable(f"There are {names}, and none is called {name}.ipynb: hand in one.")
    return next((path for path in (*wanted, *(path for path, _ in lessons.values()))), None)


def _is_link(folder: Path) -> bool:
    return folder.is_symlink() or folder.parent.is_symlink()


def _open_in(folder: Path, name: str) -> BinaryIO:
    """Open a plain file of a submission's folder, which is no link either; raises OSError."""
    if _is_link(folder):
        raise OSError(errno.ELOOP, "the folder is a link", str(folder))
    return open_plain(folder / name)


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file, which no link, pipe or folder is; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return open(descriptor, "rb")


def handed_in_at(folder: Path) -> datetime | None:
    """When it was handed in, as nbgrader's timestamp.txt says; None where that is missing or gives
    no time.
    """
    try:
        with _open_in(folder, "timestamp.txt") as file:
            text = file.read(LONGEST_STAMP).decode().strip()
    except (OSError, ValueError):
        return None
    try:
        return for_gradebook(read_time(text, UTC))
    except CourseError:
        return None


def says_no_time(folder: Path) -> bool:
    """Whether there is a timestamp.txt that gives no time, and so is ignored."""
    there = os.access(folder, os.X_OK) and os.path.lexists(folder / "timestamp.txt")
    return there and handed_in_at(folder) is None


def copy_stamp(source: Path, target: Path) -> None:
    """Write the time of submission beside the graded notebook, in nbgrader's own form."""
    path = target / "timestamp.txt"
    path.unlink(missing_ok=True)
    if time := handed_in_at(source):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{time:%Y-%m-%d %H:%M:%S.%f} UTC\n")


def copy_secret(source: Path, target: Path) -> None:
    """Copy the word by which nbgrader's exchange finds whose feedback it is."""
    path = target / "submission_secret.txt"
    path.unlink(missing_ok=True)
    try:
        with _open_in(source, path.name) as file:
            secret = file.read(1_000).decode()
    except (OSError, ValueError):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(secret)


def read_text(path: Path) -> str:
    """The beginning of a file as text, however it is broken; empty where it cannot be opened."""
    try:
        with open_plain(path) as file:
            return file.read(1 << 20).decode(errors="replace")
    except OSError:
        return ""
