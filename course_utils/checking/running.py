"""Runs an answer through its probe: fresh inputs, a time limit, captured output, a fixed world."""

import contextlib
import inspect
import io
import linecache
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.checking import axes
from course_utils.checking.debugging import debuggers_at_work
from course_utils.checking.evidence import Evidence, Other, Raised, encode, normal_form
from course_utils.checking.exercise import Case, Exercise, Training
from course_utils.checking.guard import Guard, handed_in, unguarded
from course_utils.checking.source import codes, functions, kept
from course_utils.checking.world import changed, fixed_world, put_back, seed_generators

# Asked of every value as it comes: whether the run may end here.
Enough = Callable[[str, Any], bool]
LONGEST_OUTPUT = 2_000
PACKAGE = str(Path(__file__).resolve().parents[1])
LIBRARIES = (
    str(Path(contextlib.__file__).resolve().parent),
    str(Path(torch.__file__).resolve().parents[1]),
)


class TimeLimit(BaseException):
    """A probe ran out of time; no Exception, so an answer's `except Exception` lets it pass."""


def collect(
    exercise: Exercise,
    answer: Any,
    cases: Sequence[Case],
    guarded: bool = True,
    seed: int = 0,
    patience: float = 1.0,
    longest: float = math.inf,
    ask: Callable[[Any], Any] | None = None,
) -> list[Evidence]:
    """Probe an answer on every case; returns one Evidence per case and never raises what the answer
    raises.

    `seed` seeds torch, NumPy and random before each case. The list ends at the case that ran out of
    time, which the exercise says, and no more than `longest` seconds; it has one entry where the
    answer cannot be probed at all. `patience` is that of `time_limit`. `ask` brings a probe's
    question to the judge, where that is another process.
    """
    if ask := ask or exercise.oracle(cases):
        exercise.ask = ask
    results: list[Evidence] = []
    refusal = refused(exercise, answer, guarded)
    if refusal:
        return [refusal]
    before, seconds = kept(answer) if guarded else None, min(exercise.seconds, longest)
    try:
        with fixed_world(), time_limit(seconds, patience):
            for case in cases:
                results.append(evidence := Evidence())
                run_case(exercise, answer, case, seed, evidence, guarded)
                if evidence.raised and evidence.raised.type == TimeLimit.__name__:
                    break
    except TimeLimit as error:
        results[-1].raised = results[-1].raised or raised_by(error, answer)
    # What the answer keeps has changed: that alone is not a mistake, but different results are.
    if guarded and not isinstance(exercise, Training) and kept(answer) != before:
        keeps = _gives_something_else(exercise, answer, cases, results, seed, seconds)
        for evidence in results:
            evidence.keeps = keeps
    return results


def _gives_something_else(
    exercise: Exercise,
    answer: Any,
    cases: Sequence[Case],
    first: Sequence[Evidence],
    seed: int,
    seconds: float,
) -> bool:
    """Whether any of the exercise's own cases, run once more, gives what it did not give at
    first.
    """
    own = [pair for pair in zip(cases, first, strict=False) if not pair[0].axis]
    try:
        with fixed_world(), time_limit(seconds):
            return any(
                _differs(one, run_case(exercise, answer, case, seed, Evidence()))
                for case, one in own
            )
    except TimeLimit:
        return False


def _differs(one: Evidence, other: Evidence) -> bool:
    """Whether two runs of one case, with equal inputs and seeds, gave anything else."""
    first, second = (encode([x.values, vars(x.raised) if x.raised else None]) for x in (one, other))
    return first != second


def refused(exercise: Exercise, answer: Any, guarded: bool) -> Evidence | None:
    """Evidence that the object passed in is no answer at all, or not the student's own."""
    objection = _objection(exercise, answer)
    if objection:
        return Evidence(raised=Raised("NotAnAnswer", objection))
    shortcut = handed_in(exercise, answer) if guarded else None
    return Evidence(shortcut=shortcut) if shortcut else None


def run_case(
    exercise: Exercise,
    answer: Any,
    case: Case,
    seed: int,
    evidence: Evidence,
    guarded: bool = True,
    enough: Enough | None = None,
) -> Evidence:
    """Fill the evidence of one case, in the fixed world and with its generators seeded; or only
    its values, up to the one that is `enough`.

    An answer is guarded in the exercise's own cases; along the axes it does the same once more,
    three times as fast.
    """
    guard = Guard(exercise) if guarded and not case.axis else None
    with fixed_world(), _as_written():
        try:
            if case.axis == axes.AGAIN.name:
                _probe_again(exercise, answer, case, seed, evidence, enough)
            else:
                seed_generators(seed)
                called = _as_called(answer, case)
                _probe(exercise, called, case, case.fresh(), evidence, guard, enough)
        finally:
            put_back()
    return evidence


def _as_written() -> contextlib.AbstractContextManager[Any]:
    """Have what `torch.compile` made run uncompiled: compiling takes longer than an answer may."""
    is_there = "torch._dynamo" in sys.modules  # torch.compile has imported it, which takes seconds
    return torch.compiler.set_stance("force_eager") if is_there else contextlib.nullcontext()


def raise_again(exercise: Exercise, answer: Any, case: Case, seed: int) -> None:
    """Probe an answer once more and let through what is raised, with its traceback."""
    with fixed_world(), contextlib.redirect_stdout(_Output()), time_limit(exercise.seconds):
        seed_generators(seed)
        for _ in exercise.probe(_as_called(answer, case), case.fresh()):
            pass


def _as_called(answer: Any, case: Case) -> Any:
    """The answer as the probe of a case calls it."""
    return axes.by_name(answer, case.detail) if case.axis == axes.BY_NAME.name else answer


def _probe_again(
    exercise: Exercise,
    answer: Any,
    case: Case,
    seed: int,
    evidence: Evidence,
    enough: Enough | None,
) -> None:
    """Fill the evidence of two calls, the second made with the first one's tensors refilled."""
    earlier, first = Case(case.label, **case.detail), Evidence()
    used, kept = earlier.fresh(), dict[str, Tensor]()
    before = enough and (lambda name, value: enough(name + axes.BEFORE, value))
    seed_generators(seed + 1)
    ended = _probe(exercise, answer, earlier, used, first, None, before, kept)
    evidence.values = {name + axes.BEFORE: value for name, value in first.values.items()}
    evidence.rtol = {name + axes.BEFORE: rtol for name, rtol in first.rtol.items()}
    if not ended:
        return
    if first.raised:
        evidence.raised, evidence.error, evidence.printed = first.raised, first.error, first.printed
        return
    places = {x.untyped_storage().data_ptr() for _, x in axes.tensors(used.inputs)}
    kept = {name: x for name, x in kept.items() if x.untyped_storage().data_ptr() not in places}
    copies, drawn = normal_form(kept), axes.generators()
    put_back()
    seed_generators(seed)
    if not _probe(exercise, answer, case, case.fresh(used.inputs), evidence, None, enough):
        return
    evidence.state |= {
        name: "started anew" for name, now in axes.generators().items() if now == drawn[name]
    }
    for name, x in kept.items():
        if not _same_bits(x, copies[name]):
            evidence.state[name + axes.EARLIER] = "changed"


def _probe(
    exercise: Exercise,
    answer: Any,
    case: Case,
    fresh: Case,
    evidence: Evidence,
    guard: Guard | None,
    enough: Enough | None = None,
    kept: dict[str, Tensor] | None = None,
) -> bool:
    """Fill the evidence from one run of the probe, and say whether it came to its end; `kept` gets
    the values themselves.
    """
    printed = _Output()
    given = [(name, x, _beside(x)) for name, x in axes.tensors(fresh.inputs)]
    try:
        with (
            debuggers_at_work(sys.stdout),
            contextlib.redirect_stdout(printed),
            guard.watching() if guard else contextlib.nullcontext(),
        ):
            for name, value, *rtol in exercise.probe(answer, fresh):
                plain = exercise.settled(name, normal_form(value))
                evidence.values[name] = plain
                if enough and enough(name, plain):
                    return False
                if (
                    kept is not None
                    and type(value) in (Tensor, nn.Parameter)
                    and isinstance(plain, Tensor)
                ):
                    kept[name] = value
                if rtol:
                    evidence.rtol[name] = rtol[0]
    except (Exception, SystemExit, TimeLimit) as error:
        evidence.raised, evidence.error = raised_by(error, answer), error
    if guard:
        evidence.shortcut = guard.used
    evidence.printed = printed.getvalue()
    evidence.state = changed() | {
        f"{what} of {name}": now
        for name, x, was in given
        for what, now in _beside(x).items()
        # A probe that an answer ended early may have left a .grad itself.
        if now != was[what] and not (what == ".grad" and evidence.raised)
    }
    evidence.inputs = dict(_changed(case.inputs, fresh.inputs))
    return True


def _beside(x: Tensor) -> dict[str, str]:
    """What a tensor has besides its numbers."""
    filled = x.is_leaf and x.grad is not None
    return {"requires_grad": str(x.requires_grad), ".grad": "filled" if filled else "None"}


def _changed(before: Any, after: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The tensors, numbers and texts in the inputs that a probe left otherwise, by name."""
    if before is after:  # a number or a text, which nobody can change in place
        return
    if isinstance(before, Tensor):
        if (
            not isinstance(after, Tensor)
            or before.dtype != after.dtype
            or not _same_bits(before, after)
        ):
            yield name, normal_form(after)
    elif isinstance(before, dict):
        for key, item in before.items():
            yield from _changed(item, after.get(key), f"{name}[{key!r}]" if name else str(key))
    # A list of tensors by its items; one of plain numbers, or of another length, as a whole.
    elif (
        isinstance(before, list | tuple)
        and isinstance(after, list | tuple)
        and len(before) == len(after)
        and any(isinstance(item, Tensor | dict | list | tuple) for item in before)
    ):
        for index, item in enumerate(before):
            yield from _changed(item, after[index], f"{name}[{index}]")
    elif [normal_form(before)] != [normal_form(after)]:  # in lists, where a nan equals itself
        yield name, normal_form(after)


def _same_bits(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors of one dtype hold the same numbers; nan is the same as nan."""
    if torch.equal(a, b):
        return True
    nan = a.isnan()
    return a.shape == b.shape and bool(nan.any()) and bool(((a == b) | (nan & b.isnan())).all())


def _objection(exercise: Exercise, answer: Any) -> str | None:
    """Why the object passed in cannot be probed at all."""
    name = exercise.name
    if isinstance(answer, str):
        return f"You passed the string {answer[:40]!r}. Pass {name} itself, without quotes."
    if isinstance(answer, nn.Module) and exercise.builds:
        return (
            f"You passed a module that is already built. Pass {name} itself, without "
            "brackets after it."
        )
    if isinstance(answer, Tensor) or not callable(answer):
        kind = "a tensor" if isinstance(answer, Tensor) else repr(normal_form(answer))[:60]
        kind = f"a {answer.type}" if isinstance(answer, Other) else kind
        return f"You passed {kind}, which cannot be called. Pass {name} itself, without calling it."
    return None


def raised_by(error: BaseException, answer: Any) -> Raised:
    """What was raised, and the line in the student's own code that led to it."""
    kind, text = type(error).__name__, str(error)
    bases = tuple(
        base.__name__
        for base in type(error).__mro__[1:]
        if base not in (Exception, BaseException, object)
    )
    if (
        isinstance(error, MemoryError)
        or "can't allocate memory" in text
        or "not enough memory" in text
    ):
        kind = MemoryError.__name__
    own = [
        (frame, line)
        for frame, line in walk_tb(error.__traceback__)
        if not foreign(frame.f_code.co_filename)
    ]
    if not own:
        return Raised(kind, text[:LONGEST_OUTPUT], bases=bases)
    frame, line = own[-1]
    source = linecache.getline(frame.f_code.co_filename, line).strip()
    name = frame.f_code.co_qualname.rpartition("<locals>.")[2]
    untouched = kind == "NotImplementedError" and not text and _is_untouched(frame, line, answer)
    return Raised(kind, text[:LONGEST_OUTPUT], line, source, name, bases, untouched)


def _is_untouched(frame: FrameType, line: int, answer: Any) -> bool:
    """Whether a line that raised is the stub itself: its first statement, or as released."""
    code = frame.f_code
    if not any(code in codes(function) for function in functions(answer)):
        return False
    earlier = [
        number for _, _, number in code.co_lines() if number and code.co_firstlineno < number < line
    ]
    return not earlier or linecache.getline(code.co_filename, line - 1).strip() in (
        "# YOUR CODE HERE",
        "",
    )


def foreign(filename: str) -> bool:
    """Whether a file belongs to the course, to Python or to a library, not to a student."""
    if filename.startswith("<") and not filename.startswith("<ipython"):
        return not filename.startswith("<cell")
    path = str(Path(filename))
    return path.startswith(PACKAGE) or path.startswith(LIBRARIES) or "site-packages" in path


class _Output(io.StringIO):
    """Keeps the beginning of what is printed and drops the rest."""

    def write(self, text: str) -> int:
        room = LONGEST_OUTPUT - self.tell()
        if room > 0:
            super().write(text[:room])
        return len(text)


def charged(wall: float, cpu: float, patience: float) -> float:
    """The seconds that count: processor time where a processor was wanted, else time on the clock.

    Code that got less than 1/patience of a processor is taken to have slept. So nobody pays for
    busy neighbours, and no more than patience times the limit passes on the clock; with a patience
    of 1 the clock alone counts.
    """
    return wall if cpu * patience <= wall else min(cpu, wall)


def processor_time() -> float:
    """Seconds of processor time used by this process and by its children that have ended."""
    return sum(os.times()[:4])


def _importing(frame: FrameType | None) -> bool:
    """Whether a library is being imported: one that is cut there stays broken in its process, as
    the parts of torch do that its optimizers and `backward` of several numbers bring in.
    """
    while frame and foreign(frame.f_code.co_filename):
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _setting_up(frame: FrameType | None) -> bool:
    """Whether a check's surroundings are being set up or put back, which half done would stay."""
    while frame:
        if frame.f_code in _WHOLE:
            return True
        frame = frame.f_back
    return False


LIMITED = hasattr(signal, "setitimer")  # not on Windows


@contextlib.contextmanager
def time_limit(seconds: float, patience: float = 1.0) -> Iterator[None]:
    """Raise TimeLimit in the body after so many seconds, repeatedly until it stops; needs signals.

    An import of a library is never cut, and the seconds start again after it. patience: see
    `charged`.
    """
    possible = LIMITED and threading.current_thread() is threading.main_thread()
    if not possible or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    began, used = time.monotonic(), processor_time() if patience > 1 else 0.0

    def over(_: int, frame: FrameType | None) -> None:
        nonlocal began, used
        if _setting_up(frame):  # it comes again in a tenth of a second
            return
        if _importing(frame):
            began, used = time.monotonic(), processor_time() if patience > 1 else 0.0
            signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
            return
        wall = time.monotonic() - began
        if patience > 1 and charged(wall, processor_time() - used, patience) < seconds:
            return
        raise TimeLimit(f"stopped after {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# While one of these sets things up or puts them back, nothing is cut: its body runs without it.
_WHOLE = {
    inspect.unwrap(manager).__code__
    for manager in (Guard.watching, unguarded, fixed_world, debuggers_at_work, time_limit)
}
