"""Runs an answer through its probe: fresh inputs, a time limit, captured output, and the world left as it was."""

import contextlib
import io
import linecache
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.checking.evidence import Evidence, Other, Raised, normal_form
from course_utils.checking.exercise import Case, Exercise
from course_utils.checking.guard import Guard, handed_in

LONGEST_OUTPUT = 2_000
PACKAGE = str(Path(__file__).resolve().parents[1])
LIBRARIES = (str(Path(contextlib.__file__).resolve().parent), str(Path(torch.__file__).resolve().parents[1]))


class TimeLimit(BaseException):
    """The time of a probe is over; not an Exception, so that an answer's `except Exception` lets it through."""


def collect(
    exercise: Exercise,
    answer: Any,
    cases: Sequence[Case],
    guarded: bool = True,
    seed: int = 0,
    patience: float = 1.0,
) -> list[Evidence]:
    """Probe an answer on every case; returns one Evidence per case and never raises what the answer raises.

    `seed` seeds torch, NumPy and random before each case. The list ends at the case that ran out of time, and has one
    entry where the answer cannot be probed at all. `patience` is that of `time_limit`.
    """
    results: list[Evidence] = []
    refusal = refused(exercise, answer, guarded)
    if refusal:
        return [refusal]
    try:
        with time_limit(exercise.seconds, patience):
            for case in cases:
                results.append(evidence := Evidence())
                run_case(exercise, answer, case, seed, evidence, guarded)
                if evidence.raised and evidence.raised.type == TimeLimit.__name__:
                    break
    except TimeLimit as error:
        results[-1].raised = results[-1].raised or _raised(error)
    return results


def refused(exercise: Exercise, answer: Any, guarded: bool) -> Evidence | None:
    """Evidence that the thing handed in is no answer at all, or none of the student's own."""
    objection = _objection(exercise, answer)
    if objection:
        return Evidence(raised=Raised("NotAnAnswer", objection))
    shortcut = handed_in(exercise, answer) if guarded else None
    return Evidence(shortcut=shortcut) if shortcut else None


def run_case(
    exercise: Exercise, answer: Any, case: Case, seed: int, evidence: Evidence, guarded: bool = True
) -> Evidence:
    """Fill the evidence of one case, with the world seeded before and restored after it."""
    with world_restored(seed):
        _probe(exercise, answer, case, evidence, Guard(exercise) if guarded else None)
    return evidence


def _probe(exercise: Exercise, answer: Any, case: Case, evidence: Evidence, guard: Guard | None) -> None:
    fresh = case.fresh()
    printed = _Output()
    before = settings()
    try:
        with contextlib.redirect_stdout(printed), guard.watching() if guard else contextlib.nullcontext():
            for name, value, *rtol in exercise.probe(answer, fresh):
                evidence.values[name] = normal_form(value)
                if rtol:
                    evidence.rtol[name] = rtol[0]
    except (Exception, SystemExit, TimeLimit) as error:
        evidence.raised = _raised(error)
    if guard:
        evidence.shortcut = guard.used
    evidence.printed = printed.getvalue()
    after = settings()
    evidence.state = {name: after[name] for name in after if after[name] != before[name]}
    evidence.inputs = dict(_changed(case.inputs, fresh.inputs))


def _changed(before: Any, after: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(before, Tensor):
        if not isinstance(after, Tensor) or before.dtype != after.dtype or not _same_bits(before, after):
            yield name, normal_form(after)
    elif isinstance(before, dict):
        for key, item in before.items():
            yield from _changed(item, after.get(key), f"{name}[{key!r}]" if name else str(key))
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
    return torch.equal(a, b) or (a.shape == b.shape and torch.allclose(a, b, rtol=0, atol=0, equal_nan=True))


def _objection(exercise: Exercise, answer: Any) -> str | None:
    """Why the thing handed in cannot be probed at all."""
    name = exercise.name
    if isinstance(answer, str):
        return f"You handed in the text {answer[:40]!r}. Hand in {name} itself, without quotes."
    if isinstance(answer, nn.Module):
        return f"You handed in a module that is already built. Hand in {name} itself, without brackets after it."
    if isinstance(answer, Tensor) or not callable(answer):
        kind = "a tensor" if isinstance(answer, Tensor) else repr(normal_form(answer))[:60]
        kind = f"a {answer.type}" if isinstance(answer, Other) else kind
        return f"You handed in {kind}, which cannot be called. Hand in {name} itself, without calling it."
    return None


def _raised(error: BaseException) -> Raised:
    """What was raised, and the line of the answer's own code that led to it."""
    kind, text = type(error).__name__, str(error)
    if isinstance(error, MemoryError) or "can't allocate memory" in text or "not enough memory" in text:
        kind = MemoryError.__name__
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _foreign(frame.filename)]
    if not own:
        return Raised(kind, text[:LONGEST_OUTPUT])
    last = own[-1]
    line = last.line or linecache.getline(last.filename, last.lineno or 0).strip()
    return Raised(kind, text[:LONGEST_OUTPUT], last.lineno, line, last.name)


def _foreign(filename: str) -> bool:
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
    """The seconds that count: those of a processor where one was wanted, else those on the clock.

    Who got less than 1/patience of a processor is taken to have slept. So nobody pays for busy neighbours, and no more
    than patience times what may be charged passes on the clock; with a patience of 1 the clock alone counts.
    """
    return wall if cpu * patience <= wall else min(cpu, wall)


def processor_time() -> float:
    """Seconds of a processor that this process has used, and those children of it that have ended."""
    return sum(os.times()[:4])


@contextlib.contextmanager
def time_limit(seconds: float, patience: float = 1.0) -> Iterator[None]:
    """Raise TimeLimit in the body after so many seconds, again until it obeys; no limit where signals do not allow.

    patience: see `charged`.
    """
    possible = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not possible or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    began, used = time.monotonic(), processor_time()

    def over(signum: int, frame: Any) -> None:
        if charged(time.monotonic() - began, processor_time() - used, patience) < seconds:
            return
        raise TimeLimit(f"stopped after {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def settings() -> dict[str, str]:
    """The settings of torch that an answer has to leave alone."""
    return {
        "the default dtype": str(torch.get_default_dtype()),
        "the default device": str(torch.get_default_device()),
        "recording of gradients": "on" if torch.is_grad_enabled() else "off",
    }


@contextlib.contextmanager
def world_restored(seed: int) -> Iterator[None]:
    """Seed every generator for the body and put back the state of torch, NumPy and random afterwards."""
    dtype, device, grad = torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled()
    torch_state, numpy_state, python_state = torch.get_rng_state(), np.random.get_state(), random.getstate()
    threads, output = torch.get_num_threads(), (sys.stdout, sys.stderr)
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)
    torch.set_grad_enabled(True)
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)
        if torch.get_default_device() != device:
            torch.set_default_device(device)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.set_rng_state(torch_state)
        np.random.set_state(numpy_state)
        random.setstate(python_state)
        sys.stdout, sys.stderr = output
