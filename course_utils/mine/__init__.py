"""The student's own library: `from course_utils.mine import My_Linear` gives their own answer if
its check has said right, else the course's.
"""

from pkgutil import iter_modules
from typing import Any

from course_utils.checking.exercise import find
from course_utils.checking.forms import Form
from course_utils.checking.judge import Verdict
from course_utils.mine import library, place, record
from course_utils.mine import names as _names
from course_utils.mine.names import borrow, give_back, use
from course_utils.mine.pieces import NotKept
from course_utils.mine.progress import progress

__all__ = ["borrow", "give_back", "progress", "use"]


def __getattr__(name: str) -> Any:
    if name.startswith("_") or any(module.name == name for module in iter_modules(__path__)):
        raise AttributeError(f"module 'course_utils.mine' has no attribute {name!r}")
    return _names.answer(name)


def checked(verdict: Verdict, answer: Any) -> str:
    """Record a verdict and keep a right answer; returns a sentence for the card, never raises."""
    try:
        folder = place.folder()
        if folder is None:
            return ""
        notes = [record.checked(folder, verdict)]
        if verdict.status == "right" and not isinstance(find(verdict.id), Form):
            notes.append(_kept(verdict.id, answer))
        return " ".join(filter(None, notes))
    except Exception as error:  # a check works, whatever is wrong with a file
        return f"Your library could not be written ({type(error).__name__}: {error})."


def _kept(id: str, answer: Any) -> str:
    try:
        with _names.unsaid():
            return library.keep(id, answer)
    except NotKept as reason:
        return f"Not put into your library: {reason}"


_names.install()
