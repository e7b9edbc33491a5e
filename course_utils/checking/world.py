"""The world of a check: the settings under which inputs are drawn, and answers run and are judged.

It is the same in every notebook and in the grader, whatever a student has set; what was set comes
back afterwards.
"""

import contextlib
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

MISSING = "one that is not here"
_TINY = 5e-324
_FILLING = "fill_uninitialized_memory"


class Setting(NamedTuple):
    """A setting that reaches everything that runs later: how to read it, how to set it, and what it
    is in a check; usual: what it is where nobody has set it, if that is something else.
    """

    read: Callable[[], Any]
    set: Callable[[Any], Any]
    value: Any
    usual: Any = None


def device() -> str:
    """Where new tensors go; a default device may be set that this machine does not have."""
    try:
        return str(torch.empty(0).device)
    except (RuntimeError, AssertionError, NotImplementedError):
        return MISSING


def use_device(name: str) -> None:
    """Make this the default device; in place of one that is not here, the CPU."""
    torch.set_default_device(None if name in ("cpu", MISSING) else name)


SETTINGS = {
    "the default dtype": Setting(torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    "the default device": Setting(device, use_device, "cpu"),
    "recording of gradients": Setting(torch.is_grad_enabled, torch.set_grad_enabled, True),
    "inference mode": Setting(torch.is_inference_mode_enabled, lambda on: None, False),
    "autocast": Setting(
        lambda: torch.is_autocast_enabled("cpu"),
        lambda on: torch.set_autocast_enabled("cpu", on),
        False,
    ),
    "anomaly detection": Setting(
        torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly, False
    ),
    # With these two, `torch.empty` gives nan: what is never filled is not right by luck.
    "deterministic algorithms": Setting(
        torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode, 1, usual=0
    ),
    "the filling of new tensors": Setting(
        partial(getattr, torch.utils.deterministic, _FILLING),
        partial(setattr, torch.utils.deterministic, _FILLING),
        True,
    ),
    "the precision of matrix products": Setting(
        torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"
    ),
    "flushing of tiny numbers to 0": Setting(
        lambda: _TINY * 1.0 == 0.0, torch.set_flush_denormal, False
    ),
    "NumPy's treatment of errors": Setting(
        np.geterr,
        lambda how: np.seterr(**how),
        {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"},
    ),
}
_inside = False


@contextlib.contextmanager
def fixed_world() -> Iterator[dict[str, str]]:
    """The world of a check; yields by name what is set otherwise outside. In another fixed world it
    changes nothing.

    Warnings of Python, NumPy or torch are not shown inside it: they may be about the judge's
    cases.
    """
    global _inside
    if _inside:
        yield {}
        return
    outside = {name: setting.read() for name, setting in SETTINGS.items()}
    generators = torch.get_rng_state(), np.random.get_state(), random.getstate()
    threads, output = torch.get_num_threads(), (sys.stdout, sys.stderr)
    _inside = True
    try:
        with torch.inference_mode(False), _on_the_cpu(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            put_back()
            yield changed(outside)
    finally:
        _inside = False
        put_back(outside)
        torch.set_num_threads(threads)
        torch.set_rng_state(generators[0])
        np.random.set_state(generators[1])
        random.setstate(generators[2])
        sys.stdout, sys.stderr = output


def seed_generators(seed: int) -> None:
    """Seed torch, NumPy and random."""
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


def changed(values: dict[str, Any] | None = None) -> dict[str, str]:
    """What is set otherwise than in a check, by name; values: the settings outside.

    Outside, what is usual there counts as the same.
    """
    now = {name: setting.read() for name, setting in SETTINGS.items()} if values is None else values
    due = {name: setting.value for name, setting in SETTINGS.items()}
    if values is not None or not _inside:
        due |= {name: s.usual for name, s in SETTINGS.items() if s.usual is not None}
    return {name: str(value) for name, value in now.items() if value != due[name]}


def put_back(values: dict[str, Any] | None = None) -> None:
    """Set everything as it is in a check, or to these values."""
    if values is None:
        torch.set_num_threads(1)
    for name, setting in SETTINGS.items():
        value = setting.value if values is None else values[name]
        if setting.read() != value:
            setting.set(value)


def _on_the_cpu() -> contextlib.AbstractContextManager[Any]:
    return contextlib.nullcontext() if device() == "cpu" else torch.device("cpu")
