"""Answers by name for later lessons: whose they are, switched, borrowed and given back."""

import contextlib
import importlib
import inspect
import linecache
import sys
from collections.abc import Iterator, MutableMapping
from types import ModuleType
from typing import Any

from course_utils.checking.exercise import find
from course_utils.errors import CourseError
from course_utils.mine import library, place, record
from course_utils.mine.pieces import BORROWED

MINE, COURSE = "mine", "course"
_choice: dict[str, str] = {}  # by name; "" is all others
_given: dict[str, tuple[Any, str, str]] = {}  # what was handed out by name, whose, and why
_news: list[str] = []  # names handed out in the running cell
_before: dict[str, Any] = {}  # what stood in the notebook where an answer is borrowed
_MISSING = object()


def answer(name: str) -> Any:
    """The student's own answer of this name where the library has it, else the course's."""
    library.home(name)
    value, why = None, ""
    if _choice.get(name, _choice.get("", MINE)) == MINE:
        try:
            value = library.own(name)
        except CourseError as error:
            why = str(error)
    whose = MINE if value is not None else COURSE
    value = library.of_the_course(name) if value is None else value
    _given[name] = value, whose, why
    if name not in _news:
        _news.append(name)
    return value


def say() -> None:
    """Print one line on the names that a cell took: which are yours, which are the course's."""
    if not _news:
        return
    parts = []
    for whose, title in ((MINE, "Yours"), (COURSE, "The course's")):
        names = [name for name in _news if _given[name][1] == whose]
        parts += [f"{title}: {', '.join(names)}."] if names else []
    reasons = dict.fromkeys(why for name in _news if (why := _given[name][2]))
    _news.clear()
    print(" ".join([*parts, *(f"{why}." for why in reasons)]))


@contextlib.contextmanager
def unsaid() -> Iterator[None]:
    """Do not report names that the body takes: a copy that is judged takes them, not the cell."""
    before = [*_news]
    try:
        yield
    finally:
        _news[:] = before


def use(whose: str, name: str | None = None) -> None:
    """Take the course's answers ("course") or your own ("mine"), all of them or one.

    name: such as "SGD"; None is all. Names that the notebook has imported follow at once.
    """
    if whose not in (MINE, COURSE):
        raise CourseError(f'Write use("{MINE}") or use("{COURSE}"), not use({whose!r}).')
    if name is None:
        _choice.clear()
    else:
        library.home(name)
    _choice[name or ""] = whose
    for other in [name] if name else list(_given):
        before = _given.get(other, (_MISSING,))[0]
        now = answer(other)
        for key, value in list(space().items()):
            if value is before:
                space()[key] = now


def space() -> MutableMapping[str, Any]:
    """The names of the notebook."""
    shell = _shell()
    return shell.user_ns if shell else vars(sys.modules["__main__"])


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def borrow(id: str) -> None:
    """Put the course's answer to an exercise, such as "linear.relu", into the notebook."""
    lesson, _, name = _known(id)
    try:
        module = importlib.import_module(f"course_utils.reference.{lesson}")
    except ModuleNotFoundError:
        print(f"The course's answer to {id} is not here, so it cannot be borrowed.")
        return
    names = space()
    _before.setdefault(id, names.get(name, _MISSING))
    names[name] = getattr(_copy(module), name)
    folder = place.folder()
    if folder:
        record.change(folder, id, _borrowed)
    print(
        f"Borrowed: `{name}` is the course's now. When the lesson is graded it earns no points, "
        f"and neither does what uses it in this lesson; your library keeps the gap. "
        f'give_back("{id}") undoes it.'
    )


def _borrowed(entry: record.Entry) -> None:
    entry.borrowed = entry.score < 1.0


def give_back(id: str) -> None:
    """Undo `borrow`: what stood in the notebook before is there again."""
    name = _known(id)[2]
    if id not in _before:
        raise CourseError(f'{id} is not borrowed here: borrow("{id}") would do that.')
    before, names = _before.pop(id), space()
    if _is_borrowed(names.get(name)):
        names.pop(name)
        if before is not _MISSING:
            names[name] = before
    folder = place.folder()
    if folder:
        record.change(folder, id, lambda entry: setattr(entry, "borrowed", False))
    print(f"Given back: `{name}` is what you had before. Run its cell to try again.")


def _known(id: str) -> tuple[str, str, str]:
    """The parts of an id; raises CourseError where there is no such exercise."""
    if not isinstance(id, str):
        name = getattr(id, "__name__", "relu")
        raise CourseError(f'Write the id in quotes, such as borrow("lesson.{name}").')
    lesson, dot, name = id.partition(".")
    if library.homes().get(name) != lesson:
        find(id)  # in the sandbox there are the exercises of one lesson only
    return lesson, dot, name


def _copy(module: ModuleType) -> ModuleType:
    """A copy of the module, under a file name that says where its answers come from.

    So the guard, which looks for the course's own file, accepts what uses a borrowed answer, and
    still does not take a borrowed answer for the student's own.
    """
    text = inspect.getsource(module)
    file = f"{BORROWED}{module.__name__}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    copy = ModuleType(module.__name__)
    exec(compile(text, file, "exec"), copy.__dict__)
    return copy


def _is_borrowed(value: Any) -> bool:
    from course_utils.checking.source import functions

    return any(code.__code__.co_filename.startswith(BORROWED) for code in functions(value))


def install() -> None:
    """In a notebook, say after each cell whose answers it took."""
    shell = _shell()
    if shell is not None:
        shell.events.register("post_run_cell", lambda *result: say())
