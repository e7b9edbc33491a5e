"""Debuggers inside an answer that is being checked: they print at once, and no limit stops them."""

import pdb
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NOBODY = (
    "StdinNotImplementedError",
    "EOFError",
)  # raised where input is asked for and none can come


@contextmanager
def debuggers_at_work(screen: Any) -> Iterator[None]:
    """While the body runs, a debugger that starts writes to `screen`, and so does the answer from
    then on.
    """
    interaction, hook = pdb.Pdb.interaction, sys.breakpointhook

    def at_once(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.stdout = sys.stdout = screen
        with time_stands_still():
            return interaction(self, *args, **kwargs)

    setattr(pdb.Pdb, "interaction", at_once)  # noqa: B010
    if hook_does_nothing(hook):
        sys.breakpointhook = pdb.set_trace
    try:
        yield
    finally:
        setattr(pdb.Pdb, "interaction", interaction)  # noqa: B010
        sys.breakpointhook = hook


def hook_does_nothing(hook: Any) -> bool:
    """Whether `breakpoint()` is debugpy's, which passes over it where no front end debugs."""
    debugpy = sys.modules.get("debugpy")
    return hook.__module__.partition(".")[0] == "debugpy" and not (
        debugpy and debugpy.is_client_connected()
    )


@contextmanager
def time_stands_still() -> Iterator[None]:
    """Stop the clock of a time limit while the body runs."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    left, interval = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, interval)
