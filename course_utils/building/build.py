"""Builds a lesson's solved notebook from its text and the released one from the solved one."""

import logging
import shutil
import tempfile
from pathlib import Path

from nbformat import NotebookNode
from traitlets.config import Config

from course_utils.building import marks
from course_utils.building import notebook_files as nb
from course_utils.building.lesson import Lesson, files
from course_utils.building.run import Run, run
from course_utils.errors import CourseError


def build(lesson: Lesson) -> Run:
    """Run the lesson's text and write both notebooks, and the marks of its mistakes; raise
    CourseError and keep the old files where anything fails.
    """
    notebook = nb.from_text(lesson)
    folder = lesson.solved.parent
    folder.mkdir(parents=True, exist_ok=True)
    try:
        done = run(notebook, folder)
        solved = nb.to_bytes(nb.tidy(done.notebook))
        release = released(lesson, solved)
    except CourseError as error:
        raise CourseError(
            f"{lesson.name}: {error}\nThe notebooks of {lesson.name} stay as they were."
        ) from None
    finally:
        if not any(folder.iterdir()):
            folder.rmdir()
    nb.write(lesson.solved, solved)
    for path, content in release.items():
        nb.write(lesson.released.parent / path, content)
    for path in files(lesson.released.parent):
        if path not in release:
            (lesson.released.parent / path).unlink()
    if marks.belong_to(lesson):
        nb.write(marks.path(lesson.short), marks.made(lesson.short))
    return done


def released(lesson: Lesson, solved: bytes) -> dict[Path, bytes]:
    """The files that nbgrader's generate_assignment makes of the solved notebook and the files
    beside it.
    """
    from nbgrader.converters import GenerateAssignment, NbGraderException
    from nbgrader.coursedir import CourseDirectory

    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary).resolve()
        source = root / "source" / lesson.name
        for path in lesson.extras():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(lesson.solved.parent / path, source / path)
        nb.write(source / lesson.solved.name, solved)
        config = Config(
            {
                "CourseDirectory": {"root": str(root), "assignment_id": lesson.name},
                "GenerateAssignment": {"no_database": True},
                "SaveCells": {"enabled": False},
            }
        )
        problems = _Problems()
        converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config)
        converter.log = logging.Logger("release")
        converter.log.addHandler(problems)
        try:
            converter.start()
        except NbGraderException:
            raise CourseError(f"nbgrader cannot release it: {problems.last}") from None
        folder = root / "release" / lesson.name
        content = {path: (folder / path).read_bytes() for path in files(folder)}
        name = Path(lesson.released.name)
        return {**content, name: nb.to_bytes(nb.tidy(nb.read(folder / name)))}


def shortened(lesson: Lesson) -> tuple[bytes, dict[Path, bytes]]:
    """The solved notebook without what is extra, and the files of its release; nothing is run."""
    notebook = nb.from_text(lesson, extra=False)
    stored = {cell.id: cell for cell in nb.read(lesson.solved).cells}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.id in stored:
            cell.outputs = stored[cell.id].outputs
            cell.execution_count = stored[cell.id].execution_count
    solved = nb.to_bytes(nb.tidy(notebook))
    return solved, released(lesson, solved)


class _Problems(logging.Handler):
    """Keeps the last line of the last traceback that nbgrader logs."""

    last = "its log says nothing"

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().strip()
        if text.startswith("Traceback"):
            self.last = text.splitlines()[-1].rpartition(": ")[2]


def stale(lesson: Lesson) -> list[str]:
    """What is out of date among the lesson's text, its solved notebook and its release, and the
    marks of its mistakes.

    No notebook is run: `course verify` compares the stored outputs with a new run.
    """
    try:
        solved = nb.read(lesson.solved)
        problems = _differences(nb.from_text(lesson), solved)
        raw = lesson.solved.read_bytes()
        if nb.to_bytes(nb.tidy(solved)) != raw:
            problems.append("the solved notebook was not written by `course build`")
        expected = released(lesson, raw)
    except CourseError as error:
        return [str(error)]
    folder = lesson.released.parent
    # A file too many, a file too few, another content.
    for path in sorted({*expected, *files(folder)}):
        if path not in expected:
            problems.append(f"notebooks/{lesson.name}/{path} is not part of the release")
        elif not (folder / path).is_file():
            problems.append(f"notebooks/{lesson.name}/{path} is missing")
        elif (folder / path).read_bytes() != expected[path]:
            problems.append(f"notebooks/{lesson.name}/{path} is not what the solved notebook gives")
    if marks.belong_to(lesson) and marks.kept(lesson.short) != marks.made(lesson.short):
        problems.append("the marks of its mistakes, by which they are tried in order, are old")
    return problems


def _differences(text: NotebookNode, solved: NotebookNode) -> list[str]:
    """The first cell of the solved notebook that is not the text's, and code cells that were not
    run in order.
    """
    for index, (want, have) in enumerate(zip(text.cells, solved.cells, strict=False)):
        if any(want[key] != have.get(key) for key in ("id", "cell_type", "source", "metadata")):
            return [f"the text and the solved notebook differ from {nb.place(text, index)}"]
    if len(text.cells) != len(solved.cells):
        return [f"the text has {len(text.cells)} cells, the solved notebook {len(solved.cells)}"]
    counts = [
        cell.execution_count
        for cell in solved.cells
        if cell.cell_type == "code" and cell.source.strip()
    ]
    return (
        []
        if counts == list(range(1, len(counts) + 1))
        else ["the solved notebook was not run from top to bottom"]
    )
