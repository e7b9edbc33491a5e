"""Judges the answers in saved notebooks, each notebook in a process of its own."""

import contextlib
import io
import json
import linecache
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from course_utils.checking.exercise import exercises, lessons
from course_utils.mine import checked, pieces, place

LONGEST = 900  # seconds for one notebook


def notebooks(folder: Path) -> list[Path]:
    """The saved notebooks of lessons beside the library, in order."""
    paths = sorted(folder.parent.glob("notebooks/*/*.ipynb"))
    known = lessons()
    return [path for path in paths if path.stem.partition("_")[2] in known]


def judge_apart(notebook: Path, library: Path) -> str:
    """Judge one notebook in a fresh process; a sentence where that fails, else nothing."""
    command = [sys.executable, "-m", "course_utils.mine.saved", str(notebook.resolve())]
    settings = {place.SETTING: str(library), "MPLBACKEND": "agg"}
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **settings},
            cwd=notebook.parent,
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired:
        return f"{notebook.name} was stopped after {LONGEST} seconds."
    if done.returncode == 0:
        return ""
    last = (done.stderr.strip().splitlines() or ["it ended without a message"])[-1]
    return f"{notebook.name} could not be judged: {last}"


def code_cells(notebook: Path) -> list[str]:
    """The sources of the code cells of a notebook; raises ValueError where it is not one."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not a notebook ({error})") from None


def wanted(cells: list[str], answers: set[str]) -> list[bool]:
    """Which cells are run: those that define an answer, and those that these need."""
    defines, reads = [], []
    for cell in cells:
        parts = pieces.pieces(cell)
        defines.append({name for piece in parts for name in piece.names})
        reads.append({name for piece in parts for name in piece.reads})
    run = [bool(names & answers) for names in defines]
    while True:
        needed = {name for names, on in zip(reads, run, strict=True) if on for name in names}
        more = [on or bool(names & needed) for names, on in zip(defines, run, strict=True)]
        if more == run:
            return run
        run = more


def judge_here(notebook: Path) -> None:
    """Run what the answers of a notebook need, in this process, and check each of them."""
    from course_utils import judge

    asked = exercises(notebook.stem.partition("_")[2])
    cells = code_cells(notebook)
    space: dict[str, Any] = vars(sys.modules["__main__"])
    run = wanted(cells, {exercise.name for exercise in asked})
    for number, (cell, on) in enumerate(zip(cells, run, strict=True)):
        if on:
            _run(cell, f"<cell {number}>", space)
    for exercise in asked:
        if exercise.name in space:
            checked(judge(exercise.id, space[exercise.name]), space[exercise.name])


def _run(cell: str, name: str, space: dict[str, Any]) -> None:
    """Run one cell; what it prints or raises is ignored."""
    source = pieces.without_magics(cell)
    source = re.sub(r"^(\s*)check\(", r"\1(lambda *_, **__: None)(", source, flags=re.MULTILINE)
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    pieces.history.append(source)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception, SystemExit):
        exec(compile(source, name, "exec"), space)


if __name__ == "__main__":
    sys.modules["course_utils.mine.saved"] = sys.modules["__main__"]
    judge_here(Path(sys.argv[1]))
