"""Where the student's own library is, and how it is locked against other kernels."""

import contextlib
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from course_utils.errors import CourseError

NAME = "mine"
SETTING = "COURSE_MINE"  # a folder, or "off"
PATIENCE = 10.0  # seconds to wait for another kernel that is writing
NOWHERE = (
    "There is no library here. It is kept in the folder `mine` beside the folder `notebooks`: "
    "open the lesson there, or make a folder `mine` beside your notebook."
)


def folder() -> Path | None:
    """The folder of the library, which need not exist yet; None where there is no place for one.

    The first of: what COURSE_MINE names; `mine` beside the folder `notebooks` that one works in, or
    that is here; a folder `mine` in this one or the one above; on Colab and Kaggle `mine` in this
    one.
    """
    # Named by the setting, which also turns the library off.
    named = os.environ.get(SETTING, "")
    if named:
        return None if named == "off" else Path(named).expanduser().resolve()
    # In a lesson, or in the folder above the lessons, as for `course progress`.
    here = Path.cwd()
    for place in (here, *here.parents):
        if place.name == "notebooks":
            return place.parent / NAME
    if (here / "notebooks").is_dir() and (here / "notebooks" / "01_linear").is_dir():
        return here / NAME
    # Beside a notebook that was taken elsewhere; not this package, which has the same name.
    for place in (here, here.parent):
        if (place / NAME).is_dir() and not (place / NAME / "__init__.py").exists():
            return place / NAME
    # On a hosted machine, where nobody has a folder of the course.
    hosted = "google.colab" in sys.modules or "KAGGLE_KERNEL_RUN_TYPE" in os.environ
    return here / NAME if hosted else None


def required() -> Path:
    """The folder of the library; raises CourseError where there is no place for one."""
    library = folder()
    if library is None:
        raise CourseError(NOWHERE)
    return library


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the library against other kernels; a kernel that dies releases its lock.

    SQLite locks its files in the same way on every system.
    """
    folder.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(folder / ".lock", timeout=PATIENCE, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        connection.close()
