"""Files that are written whole or not at all."""

import contextlib
import os
import stat
import threading
from pathlib import Path

SHARED = stat.S_ISGID | stat.S_IRWXG


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; the group may write in it where it may in those above."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _hand_down(folder, SHARED)


def share(path: Path) -> None:
    """Let the group read and write a file where it may write in its folder."""
    _hand_down(path, 0o060)


def _hand_down(path: Path, rights: int) -> None:
    """Give a path those rights where the group may write in its folder."""
    above = path.parent.stat().st_mode
    if above & stat.S_IWGRP:
        with contextlib.suppress(PermissionError):  # it is somebody else's, who has done it
            path.chmod(stat.S_IMODE(path.stat().st_mode | above & rights | rights & 0o060))


def write(path: Path, content: bytes) -> None:
    """Write a file whole, or leave the old one as it was; missing folders are made."""
    make_folder(path.parent)
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        part.write_bytes(content)
        share(part)
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
