"""A Python that has the course's wheel and the packages that it declares, and nothing else."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent

EVERY_CHECK = """
from course_utils import check, judge
from course_utils.errors import NotRight
from course_utils.checking.exercise import exercises, lessons
from tests.answers import right_answers

for lesson in lessons():
    answers = right_answers(lesson)
    for exercise in exercises(lesson):
        verdict = judge(exercise.id, answers[exercise.id][0])
        assert verdict.status == "right", verdict
        try:
            check(exercise.id, lambda *given, **named: None)
        except NotRight:
            print("ANSWERED", exercise.id)
"""

# What Windows lacks; the packages that the course needs are loaded before, since they look which
# system they are on and not what it has.
WINDOWS = """
import os, signal, sys
import IPython, matplotlib.pyplot, pandas, safetensors, torch, torchvision, tqdm, typer

for name in ("SIGALRM", "setitimer", "getitimer", "alarm", "pause"):
    delattr(signal, name)
for name in ("fork", "forkpty", "getuid", "geteuid", "wait", "killpg", "sched_getaffinity"):
    delattr(os, name)
for name in ("fcntl", "grp", "pwd", "resource", "termios", "tty", "pty"):
    sys.modules[name] = None
"""


def wheel(source: Path, folder: Path) -> Path:
    """Where a project's wheel is installed, in ``folder``; nothing is written to the source."""
    copy = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for path in source.glob("*"):
        if path.name == "course_utils":
            shutil.copytree(path, copy / path.name, ignore=ignored)
        elif path.is_file():
            copy.mkdir(exist_ok=True)
            shutil.copy(path, copy)
    command = ["uv", "build", "--quiet", "--offline", "--wheel", "--no-build-isolation"]
    python = ["--python", sys.executable]
    subprocess.run([*command, *python, "--out-dir", folder, copy], check=True)
    (made,) = folder.glob("*.whl")
    install = ["uv", "pip", "install", "--quiet", "--offline", "--no-deps", *python]
    subprocess.run([*install, "--target", folder / "site", made], check=True)
    shutil.rmtree(copy)
    return folder / "site"


def requirements(site: Path, extras: Iterable[str] = ()) -> set[str]:
    """The distributions that the wheel in ``site`` needs, and what these need in turn."""
    (own,) = metadata.distributions(path=[str(site)])
    waiting = [(own, {"", *extras})]
    known: dict[str, set[str]] = {}
    while waiting:
        distribution, wanted = waiting.pop()
        for line in distribution.requires or []:
            need = Requirement(line)
            if need.marker and not any(need.marker.evaluate({"extra": one}) for one in wanted):
                continue
            name = re.sub(r"[-_.]+", "-", need.name).lower()
            if not {"", *need.extras} <= known.get(name, set()):
                known[name] = known.get(name, set()) | {"", *need.extras}
                waiting.append((metadata.distribution(name), known[name]))
    return {*known}


def packages(folder: Path, names: Iterable[str]) -> Path:
    """A folder of links to the files of these distributions of the running Python."""
    folder.mkdir()
    for name in names:
        distribution = metadata.distribution(name)
        tops = {file.parts[0] for file in distribution.files or [] if file.suffix != ".pth"}
        for top in tops - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(str(distribution.locate_file(top)))
    return folder


def run(code: str, *places: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a Python that sees its own library and these places, and nothing else."""
    start = f"import sys; sys.path += {[str(place) for place in places]!r}\n"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", start + code],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def answered(*places: Path, cwd: Path, first: str = "") -> list[str]:
    """The exercises whose check takes a right answer, and refuses one that returns nothing.

    first: code that is run before.
    """
    (cwd / "answers").mkdir()
    (cwd / "answers" / "tests").symlink_to(ROOT / "tests")
    done = run(first + EVERY_CHECK, *places, cwd / "answers", cwd=cwd)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line.split() for line in done.stdout.splitlines()]
    return [words[1] for words in lines if words[:1] == ["ANSWERED"]]
