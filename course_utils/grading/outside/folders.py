"""Folders for sandboxes, which are removed by whoever comes next where their owner was killed."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "course-sandbox-"


class Held:
    """A new folder that is this process's for as long as it lives, or until it is removed."""

    def __init__(self) -> None:
        sweep()
        self.lock: int | None = None
        while self.lock is None:  # another process that sweeps now may take it for an old one
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
            self.lock = _taken(self.path)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        lock, self.lock = self.lock, None
        if lock is not None:
            os.close(lock)


def sweep() -> None:
    """Remove the folders whose owners are gone without having removed them."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if (lock := _taken(path)) is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _taken(path: Path) -> int | None:
    """A lock on a folder, which its owner's death releases; None where another has it."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # it is gone, or another user's
        return None
    with contextlib.suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            return lock
    os.close(lock)
    return None
