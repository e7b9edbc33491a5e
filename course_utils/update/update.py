"""Takes a newer release into the folder of a student."""

from dataclasses import dataclass, field
from pathlib import Path

from course_utils import files
from course_utils.errors import CourseError
from course_utils.update import merge
from course_utils.update.cells import grade_id
from course_utils.update.release import (
    MANIFEST,
    Notebook,
    Release,
    digest,
    notebook,
    notebook_path,
    opened,
    read,
)


@dataclass
class Plan:
    """What an update writes, copies and removes, by path in the folder."""

    write: dict[str, bytes] = field(default_factory=dict)
    copy: dict[str, str] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)


def update(source: Path, folder: Path) -> Plan:
    """Bring the folder to the release in ``source``, and return what was done.

    Nothing is written before everything is known to fit. What the student changed is kept as a
    copy beside its new version. Raises CourseError.
    """
    with opened(source) as new:
        if new.folder.resolve() == folder.resolve():
            raise CourseError(
                f"{folder} is named twice: name the newer release, and then your own folder."
            )
        old = read(folder)
        plan = planned(old, new)
    carry_out(plan, folder)
    return plan


def planned(old: Release, new: Release) -> Plan:
    """What has to be done in the folder of the old release."""
    plan = Plan()
    notebooks = {notebook_path(lesson): lesson for lesson in [*old.notebooks, *new.notebooks]}
    for path in new.files:
        content = (new.folder / path).read_bytes()
        there = old.folder / path
        have = there.read_bytes() if there.is_file() else None
        # A lesson of both releases: the student's notebook, merged.
        if have is not None and path in notebooks and notebooks[path] in old.notebooks:
            content = _notebook(old, new, notebooks[path], have)
        # Nothing to do.
        if have == content:
            continue
        # Changed since the release before, so the student did it: their version is kept beside.
        if have is not None and digest(have) != old.files.get(path):
            plan.copy[path] = _beside(there, old)
        plan.write[path] = content
    gone = {*old.files} - {*new.files} - {*notebooks}  # notebooks stay, and what was changed
    for path in sorted(gone):
        there = old.folder / path
        if there.is_file() and digest(there.read_bytes()) == old.files[path]:
            plan.remove.append(path)
    plan.write[MANIFEST] = (new.folder / MANIFEST).read_bytes()  # the last
    return plan


def _notebook(old: Release, new: Release, lesson: str, have: bytes) -> bytes:
    """The student's notebook in the new release."""
    before, now = old.notebooks[lesson], new.notebooks[lesson]
    mine = notebook(old.folder / notebook_path(lesson))
    _is_of_this_lesson(mine, lesson, old)
    if before == now:  # the course changed nothing in it
        return have
    if mine == before:
        return (new.folder / notebook_path(lesson)).read_bytes()
    return merge.to_bytes(merge.merge(before, mine, now))


def _is_of_this_lesson(mine: Notebook, lesson: str, old: Release) -> None:
    """Raise CourseError where a notebook has exercises, and all of them are of other lessons."""
    marks = _marks(mine)
    if not marks or marks & _marks(old.notebooks[lesson]):
        return
    others = [name for name, released in old.notebooks.items() if marks & _marks(released)]
    raise CourseError(
        f"{notebook_path(lesson)} holds {' or '.join(others) or 'another lesson'}, not {lesson}: "
        "put it where it belongs and update again; nothing was changed."
    )


def _marks(content: Notebook) -> set[str]:
    return {name for cell in content["cells"] if (name := grade_id(cell))}


def _beside(path: Path, old: Release) -> str:
    """A free name beside a file for a copy of it."""
    names = (
        f"{path.stem} (before update{n}){path.suffix}"
        for n in ["", *map(" {}".format, range(2, 1000))]
    )
    free = next(name for name in names if not (path.parent / name).exists())
    return str((path.parent / free).relative_to(old.folder).as_posix())


def carry_out(plan: Plan, folder: Path) -> None:
    """Make the copies, then write each file whole or not at all, the manifest last."""
    path = folder
    try:
        for name, beside in plan.copy.items():
            path = folder / beside
            path.write_bytes((folder / name).read_bytes())
        for name, content in plan.write.items():
            path = folder / name
            files.write(path, content)
        for name in plan.remove:
            path = folder / name
            path.unlink()
    except OSError as error:
        raise CourseError(
            f"{path} cannot be written ({error.strerror}): close what has it open, or make it "
            "writable, and update again; nothing of yours is lost."
        ) from None
