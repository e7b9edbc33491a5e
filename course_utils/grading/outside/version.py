"""The version of all code and data that a verdict depends on."""

import hashlib
import platform
import sys
from importlib.metadata import distributions
from pathlib import Path

import course_utils

PACKAGE = Path(course_utils.__file__).parent


def code_version(package: Path = PACKAGE) -> str:
    """A hash of Python, of every package that is installed, and of all files of the course's own.

    All of them, because somebody would forget to extend a list of those that matter: some results
    are graded again for nothing, but none is wrongly kept.
    """
    # As texts, for parsing them takes longer than all the rest.
    installed = {
        item.read_text("METADATA") or item.read_text("PKG-INFO") or item.read_text("") or ""
        for item in distributions()
    }
    about = [sys.version, platform.machine(), *sorted(installed)]
    digest = hashlib.sha256("\n".join(about).encode())
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"\0{path.relative_to(package).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
