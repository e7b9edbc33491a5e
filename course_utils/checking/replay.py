"""The failing case of a check, given back to its author: by name in a cell, and in a debugger."""

import linecache
from collections.abc import Iterator
from types import TracebackType
from typing import Any, NoReturn

from course_utils.checking.difference import Difference, show
from course_utils.checking.exercise import find
from course_utils.checking.running import foreign
from course_utils.errors import CourseError, NotRight

_last: dict[str, Difference] = {}


class Replay:
    """The inputs of a failing case, read as attributes or unpacked in order; `expected` and `got`
    where it failed.
    """

    def __init__(self, id: str, found: Difference) -> None:
        self.id = id
        self.found = found
        self.inputs = found.case.fresh().inputs
        self.expected = found.expected
        self.got = found.have.error if found.kind == "raised" else found.got

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["inputs"][name]
        except KeyError:
            raise AttributeError(f"the case has no input {name!r}") from None

    def __iter__(self) -> Iterator[Any]:
        return iter(self.inputs.values())

    def __repr__(self) -> str:
        rows = {**self.inputs, "expected": self.expected, "got": self.got}
        lines = [f"  {name} = {show(value)}" for name, value in rows.items()]
        return "\n".join(
            [f"{self.id}, {self.found.case.label}; {self.found.name} differs first", *lines]
        )


def remember(id: str, found: Difference) -> None:
    """Keep the failing case of a check until the next one of the same exercise."""
    _last[id] = found


def case(id: str) -> Replay:
    """The failing case of the last check of an exercise that was not right: its inputs by name,
    `expected` and `got`.

    Raises CourseError where no check of it has failed in this process.
    """
    exercise = find(id)
    if id not in _last:
        raise CourseError(f'No check has failed: run check("{id}", {exercise.name}) first.')
    return Replay(id, _last[id])


def stop(error: NotRight, id: str, answer: Any) -> NoReturn:
    """Raise the error from a frame whose names are those of the failing case, and from the answer's
    line if it raised.

    So a debugger that is started afterwards is in the student's own frame, or in one with the
    case.
    """
    replay = case(id)
    names = {
        **replay.inputs,
        find(id).name: answer,
        "expected": replay.expected,
        "got": replay.got,
        "error": error,
    }
    file = f"<the failing case of {id}>"
    here = f"# In {file[1:-1]} there are {', '.join(name for name in names if name != 'error')}."
    lines = [f"{here}\n", "raise error\n"]
    linecache.cache[file] = (len(lines), None, lines, file)
    cause = replay.found.have.error
    error.__cause__ = cause
    error.__traceback__ = _own(cause.__traceback__) if cause else None
    exec(compile("".join(lines), file, "exec"), names)
    raise error


def _own(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of the course, of Python and of its libraries; of an answer
    that calls itself for ever there are a thousand.
    """
    traces = []
    while trace is not None:
        traces.append(trace)
        trace = trace.tb_next
    own = None
    for one in reversed(traces):
        if not foreign(one.tb_frame.f_code.co_filename):
            own = TracebackType(own, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return own
