"""What runs beside a lesson's cells; kept apart from nbformat, which takes a second to import."""

import json
import os
import select
import signal
from collections.abc import Sequence
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.utils.capture import capture_output
from matplotlib.figure import Figure
from PIL import Image

from course_utils import plots

LIMIT = 240.0  # seconds after which a trial is stopped
DOT = Image.new("RGB", (1, 1))
LONGEST = 2_000  # characters of an error's text


def draw_nothing() -> None:
    """Show a dot in place of every figure, since drawing takes most of the time of many cells."""
    plots._picture = lambda figure, dpi: DOT


def lay_out_only() -> None:
    """Lay every figure out, with all that is in it, and show a dot."""

    def dot(figure: Figure, dpi: int) -> Image.Image:  # noqa: ARG001
        figure.draw_without_rendering()
        return DOT

    plots._picture = dot


def try_out(sources: Sequence[str]) -> None:
    """Run cells in order in a copy of this process, which shows nothing and is then gone, and print
    how they end, as JSON: how many ended well, and the next one's error, its name and its text.
    """
    reader, writer = os.pipe()
    copy = os.fork()
    if copy == 0:
        try:
            os.write(writer, json.dumps(_end(sources)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        said = file.read() if select.select([file], [], [], LIMIT)[0] else b""
        os.kill(copy, signal.SIGKILL)
        os.waitpid(copy, 0)
    stopped = f"it ended the kernel, or took longer than {LIMIT:g} seconds"
    print(said.decode() or json.dumps([0, "NoEnd", stopped]))


def _end(sources: Sequence[str]) -> tuple[int, str, str]:
    draw_nothing()
    shell: Any = get_ipython()
    ended = 0
    try:
        with capture_output():
            for source in sources:
                code = shell.transform_cell(source)
                exec(shell.compile(code, shell.compile.cache(code), "exec"), shell.user_ns)
                ended += 1
    except BaseException as error:
        return ended, type(error).__name__, str(error)[:LONGEST]
    return ended, "", ""
