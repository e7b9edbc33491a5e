"""One after the other: what two graders of a course must not do at the same moment."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from course_utils.files import make_folder, share


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait for a turn with this file, and keep it to the end; a killed process gives it back."""
    make_folder(path.parent)
    turn = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        share(path)
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield
    finally:
        os.close(turn)
