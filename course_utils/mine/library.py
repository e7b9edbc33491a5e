"""The student's own library, one file a lesson, and the course's answers where it has a gap."""

import contextlib
import difflib
import importlib
import io
import linecache
import pkgutil
import re
import sys
from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from course_utils import files
from course_utils.checking.exercise import Training, exercises
from course_utils.checking.judge import judge
from course_utils.errors import CourseError
from course_utils.mine import place
from course_utils.mine.pieces import NotKept, Piece, needed, pieces

MARK = re.compile(r"^# (\w+): right on (\d{4}-\d\d-\d\d)$", re.MULTILINE)
HEAD = '''"""Your answers to lesson {lesson}, each as it was when its check said right.

In a notebook: `from course_utils.mine import {name}`.
"""
'''


def path(short: str) -> Path:
    """The file of a lesson, which need not exist; raises CourseError where there is no library."""
    return place.required() / f"{short}.py"


def dates(text: str) -> dict[str, str]:
    """The answers that a file keeps, each with the date on which it was right."""
    return dict(MARK.findall(text))


def read(file: Path) -> str:
    """The text of a file, empty where there is none."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def keep(id: str, answer: Any) -> str:
    """Write a right answer to the library, where its copy is right as well; returns what the card
    says of it.

    Raises NotKept with the reason where it is not written, and then the old one stays.
    """
    short, _, name = id.partition(".")
    if getattr(answer, "__module__", "") == f"{place.NAME}.{short}":
        return f"`{name}` is in your library, mine/{short}.py."
    new = needed(name, answer)
    file = path(short)
    with place.locked(file.parent):
        text = read(file)
        old = {item: piece for piece in pieces(text) for item in piece.names}
        kept = dates(text)
        changed = {item for item, piece in new.items() if _text(old.get(item)) != piece.source}
        if name in kept and not changed:
            return f"`{name}` is in your library, mine/{file.name}."
        every = old | new
        kept[name] = date.today().isoformat()
        copy = compose(short, every, kept)
        affected = [item for item in kept if item == name or _reach(item, every) & changed]
        _judge(short, name, affected, copy, file)
        files.write(file, copy.encode())
    return f"`{name}` is now in your library, mine/{file.name}."


def _text(piece: Piece | None) -> str | None:
    return piece.source if piece else None


def _judge(short: str, name: str, affected: Iterable[str], copy: str, file: Path) -> None:
    """Judge the answers of a file that is about to be written; raises NotKept."""
    try:
        module = loaded(copy, file)
    except Exception as error:
        raise NotKept(
            f"your `{name}` cannot be run outside its notebook "
            f"({type(error).__name__}: {error}): is a part of it defined in another cell?"
        ) from None
    trained = {item.name for item in exercises(short) if isinstance(item, Training)}
    for item in affected:
        answer = getattr(module, item)
        if item in trained:  # that it can be read is enough: nobody waits for a second training
            continue
        verdict = judge(f"{short}.{item}", answer)
        if verdict.status == "right":
            continue
        if item != name:
            raise NotKept(
                f"your `{item}` in the library would no longer be right with what `{name}` "
                f"brings along: run the check of `{item}` first."
            )
        raise NotKept(
            f"your `{name}` is not right outside its notebook "
            f"({verdict.mistake or verdict.status}): is a part of it defined in another cell?"
        )


def _reach(name: str, every: dict[str, Piece]) -> set[str]:
    """The names that a piece needs, itself included."""
    reached, waiting = set[str](), [name]
    while waiting:
        item = waiting.pop()
        if item in every and item not in reached:
            reached |= every[item].names
            waiting += every[item].reads
    return reached


def compose(short: str, every: dict[str, Piece], kept: dict[str, str]) -> str:
    """The file of a lesson: what is imported, then the answers in the order of the lesson, each
    after what it needs.
    """
    order = [exercise.name for exercise in exercises(short) if exercise.name in kept]
    placed: list[Piece] = []

    def put(name: str) -> None:
        piece = every.get(name)
        if piece is None or piece in started:
            return
        started.append(piece)
        for other in sorted(piece.reads):
            put(other)
        placed.append(piece)

    started: list[Piece] = []
    for name in order:
        put(name)
    lines = {piece.source for piece in placed if piece.imports}
    imports = sorted(lines, key=lambda line: (line.startswith("from"), line))
    blocks = [
        "\n".join(
            [*(f"# {name}: right on {kept[name]}" for name in order if name in piece.names)]
            + [piece.source]
        )
        for piece in placed
        if not piece.imports
    ]
    head = HEAD.format(lesson=short, name=order[0])
    return "\n\n\n".join([head + ("\n" + "\n".join(imports) if imports else ""), *blocks]) + "\n"


def loaded(text: str, file: Path) -> ModuleType:
    """A text as a fresh module, of which tracebacks show the lines; what it prints is dropped."""
    name = f"{place.NAME}.{file.stem}"
    module = ModuleType(name)
    module.__file__ = str(file)
    linecache.cache[str(file)] = (len(text), None, text.splitlines(keepends=True), str(file))
    before = sys.modules.get(name)
    sys.modules[name] = module  # where classes look for their module
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(text, str(file), "exec"), module.__dict__)
    except BaseException:
        if before is not None:
            sys.modules[name] = before
        raise
    return module


_modules: dict[Path, tuple[tuple[int, int], ModuleType]] = {}
_loading: list[Path] = []


def own(name: str) -> Any:
    """The student's own answer of this name, None where the library has none; raises CourseError
    where its file cannot be run.
    """
    folder = place.folder()
    file = folder / f"{home(name)}.py" if folder else None
    if file is None or file in _loading or not file.is_file():
        return None
    if name not in dates(read(file)):
        return None
    state = file.stat()
    stamp = state.st_mtime_ns, state.st_size
    if _modules.get(file, (None,))[0] != stamp:
        _loading.append(file)
        try:
            _modules[file] = stamp, loaded(read(file), file)
        except Exception as error:
            problem = f"mine/{file.name} cannot be run ({type(error).__name__}: {error})"
            raise CourseError(problem) from None
        finally:
            _loading.remove(file)
    return getattr(_modules[file][1], name, None)


def homes() -> dict[str, str]:
    """By name, the lesson of each of the course's answers; the first to use a name has it."""
    package = importlib.import_module("course_utils.reference")
    home_of: dict[str, str] = {}
    for module in sorted(item.name for item in pkgutil.iter_modules(package.__path__)):
        for name in _defined(module):
            home_of.setdefault(name, module)
    return home_of


@cache
def _defined(short: str) -> list[str]:
    module = importlib.import_module(f"course_utils.reference.{short}")
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    ]


def home(name: str) -> str:
    """The lesson that an answer belongs to; raises CourseError with the names most like it."""
    known = homes()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        meant = f" Did you mean {' or '.join(f'`{other}`' for other in near)}?" if near else ""
        raise CourseError(f"No lesson has an answer called `{name}`.{meant}")
    return known[name]


def of_the_course(name: str) -> Any:
    """The course's answer of this name."""
    return getattr(importlib.import_module(f"course_utils.reference.{home(name)}"), name)
