"""Where a lesson's text and notebooks are, and how it is named on the command line."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_utils.errors import CourseError

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Lesson:
    """A lesson such as `01_linear`; its exercises are those of `course_utils.exercises.linear`.

    Elsewhere `short` is a lesson's name without its number, and `lesson` in stored data its name.
    """

    name: str
    root: Path = ROOT

    @property
    def short(self) -> str:
        """The name without the number."""
        return re.sub(r"^\d\d_", "", self.name)

    @property
    def text(self) -> Path:
        """The text that is edited by hand."""
        return self.root / "solutions" / f"{self.name}.py"

    @property
    def solved(self) -> Path:
        """The solved notebook, with outputs."""
        return self.root / "solutions" / self.name / f"{self.name}.ipynb"

    @property
    def released(self) -> Path:
        """The notebook that a student opens."""
        return self.root / "notebooks" / self.name / f"{self.name}.ipynb"

    def extras(self) -> list[Path]:
        """Files that the lesson ships beside its notebook, such as pictures, relative to its
        folder.
        """
        return files(self.solved.parent, besides=self.solved)


def files(folder: Path, besides: Path | None = None) -> list[Path]:
    """The files below a folder, relative to it and sorted; Jupyter's and Python's caches do not
    count.
    """
    caches = {".ipynb_checkpoints", "__pycache__"}
    paths = (path for path in folder.rglob("*") if path.is_file() and not caches & set(path.parts))
    return sorted(path.relative_to(folder) for path in paths if path != besides)


def all_lessons(root: Path = ROOT) -> list[Lesson]:
    """Every lesson that has a text, in order."""
    return [
        Lesson(path.stem, root) for path in sorted((root / "solutions").glob("[0-9][0-9]_*.py"))
    ]


def choose(names: Iterable[str], lessons: Sequence[Lesson]) -> list[Lesson]:
    """The lessons of these names, all where none is given; raises CourseError that names the near
    ones.

    `01_linear`, `linear`, `01`, `1` and `solutions/01_linear.py` all name the same lesson.
    """
    if not lessons:
        raise CourseError(
            "There is no lesson: a lesson's text is a file such as solutions/01_linear.py."
        )
    known = {lesson.name: lesson for lesson in lessons}
    return list(dict.fromkeys(known[_full_name(name, list(known))] for name in names)) or list(
        lessons
    )


def _full_name(name: str, known: list[str]) -> str:
    wanted = Path(name).stem
    for full in known:
        number, _, short = full.partition("_")
        if wanted in (full, short) or (
            re.fullmatch(r"\d{1,2}", wanted) and int(wanted) == int(number)
        ):
            return full
    shorts = {full.partition("_")[2]: full for full in known}
    near = difflib.get_close_matches(wanted, [*known, *shorts], n=3, cutoff=0.5)
    near = list(dict.fromkeys(shorts.get(one, one) for one in near)) or known
    raise CourseError(f"There is no lesson {name!r}. Did you mean {' or '.join(near)}?")
