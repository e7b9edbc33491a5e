"""A release of the course as files, and what it says of itself."""

import contextlib
import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.errors import CourseError

FORMAT = 1
MANIFEST = ".course-release.json"
Notebook = dict[str, Any]


@dataclass(frozen=True)
class Release:
    """A folder with a release: its name, each file's SHA-256, and each lesson's notebook as it was.

    The notebooks are in the manifest, so one file says what is there, and is replaced at once.
    """

    folder: Path
    name: str
    files: dict[str, str]
    notebooks: dict[str, Notebook]


def notebook_path(lesson: str) -> str:
    """Where the notebook of a lesson is in a release."""
    return f"notebooks/{lesson}/{lesson}.ipynb"


def digest(content: bytes) -> str:
    """The SHA-256 of a file's content."""
    return hashlib.sha256(content).hexdigest()


def read(folder: Path) -> Release:
    """The release in a folder; raises CourseError where there is none that can be read."""
    try:
        said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        number = said["format"]
        release = Release(folder, said["name"], {**said["files"]}, {**said["notebooks"]})
    except FileNotFoundError:
        raise CourseError(
            f"{folder} holds no release of this course (it lacks {MANIFEST}): name the folder that "
            "was handed out; a copy made with git is updated by `git pull`."
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"{folder / MANIFEST} cannot be read ({error}): copy this file from the release that "
            "you began with."
        ) from None
    if number != FORMAT:
        raise CourseError(
            f"{folder} holds a release in format {number}, but this `course update` reads format "
            f"{FORMAT}: run the one in the newer release."
        )
    return release


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Release]:
    """The release in a folder or a zip file, which may have a folder around it."""
    if path.is_dir():
        yield read(path)
        return
    with tempfile.TemporaryDirectory() as temporary:
        try:
            with zipfile.ZipFile(path) as archive:
                archive.extractall(temporary)
        except FileNotFoundError:
            raise CourseError(
                f"There is no release at {path}: name its folder or zip file."
            ) from None
        except (OSError, zipfile.BadZipFile, RuntimeError) as error:
            raise CourseError(
                f"{path} cannot be read as a zip file ({error}): get it again."
            ) from None
        found = [place.parent for place in Path(temporary).glob(f"**/{MANIFEST}")]
        if len(found) != 1:
            raise CourseError(f"{path} holds no release of this course: ask for its zip file.")
        yield read(found[0])


def notebook(path: Path) -> dict[str, Any]:
    """A notebook file; raises CourseError where it is not one in format 4."""
    try:
        content = json.loads(path.read_bytes())
        whole = content["nbformat"] == 4 and all("cell_type" in cell for cell in content["cells"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"{path} cannot be read as a notebook ({error}): repair it or move it away, and update "
            "again."
        ) from None
    if not whole:
        raise CourseError(
            f"{path} is a notebook in another format: open it in JupyterLab, save it, and update "
            "again."
        )
    return content
