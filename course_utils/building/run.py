"""Runs a notebook from top to bottom in a fresh kernel and times its cells."""

import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from traitlets.config import Config

from course_utils.building.copies import python
from course_utils.building.notebook_files import BESIDE, place
from course_utils.errors import CourseError

CELL_LIMIT = 300  # seconds after which a cell is stopped
SETTINGS = {
    "TQDM_DISABLE": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "COURSE_MINE": "off",
}
# What kernels import in nearly every lesson, and matplotlib as it is in a kernel.
IMPORTED = ("ipykernel.kernelapp", "ipykernel.ipkernel", "torch", "matplotlib.figure", "PIL.Image")
IN_A_KERNEL = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "JPY_PARENT_PID": str(os.getpid()),  # which ipykernel looks at while it is imported
}


class Client(NotebookClient):
    """Starts a kernel in a copy of a process that has imported what takes most of its start."""

    def create_kernel_manager(self) -> Any:
        """What starts and ends the kernel."""
        manager: Any = super().create_kernel_manager()
        command = [*python(IMPORTED, **SETTINGS, **IN_A_KERNEL), "-m", "ipykernel_launcher", "-f"]
        manager.kernel_spec.argv = [*command, "{connection_file}"]
        return manager


@dataclass(frozen=True)
class Run:
    """A notebook that was run, and how many seconds each of its cells took."""

    notebook: NotebookNode
    seconds: list[float]

    def own(self) -> "Run":
        """The run without the cells beside the lesson's."""
        cells = self.notebook.cells
        places = [place for place, cell in enumerate(cells) if BESIDE not in cell.metadata]
        notebook = NotebookNode({**self.notebook, "cells": [cells[place] for place in places]})
        return Run(notebook, [self.seconds[place] for place in places])


def run(notebook: NotebookNode, folder: Path, allow_errors: bool = False) -> Run:
    """Run the notebook in place, with `folder` as its working directory.

    One thread and no progress bars make the outputs the same at every run. Raises CourseError that
    names the cell that failed (unless `allow_errors`), took too long or ended the kernel.
    """
    seconds = [0.0] * len(notebook.cells)
    current, started = 0, 0.0

    def start(cell_index: int, **_: Any) -> None:
        nonlocal current, started
        current, started = cell_index, time.perf_counter()

    def stop(cell_index: int, **_: Any) -> None:
        seconds[cell_index] = time.perf_counter() - started

    client = Client(
        notebook,
        timeout=CELL_LIMIT,
        kernel_name="python3",
        allow_errors=allow_errors,
        coalesce_streams=True,
        record_timing=False,
        store_widget_state=False,
        on_cell_execute=start,
        on_cell_executed=stop,
        resources={"metadata": {"path": str(folder)}},
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
    )
    with (
        tempfile.TemporaryDirectory() as profile,
        _environment({**SETTINGS, "IPYTHONDIR": profile}),
    ):
        try:
            client.execute()
        except CellExecutionError as error:
            trace = re.sub(r"\x1b\[[0-9;]*m", "", error.traceback).strip()
            raise CourseError(f"{place(notebook, current)} failed:\n{trace}") from None
        except CellTimeoutError:
            raise CourseError(
                f"{place(notebook, current)} was stopped after {CELL_LIMIT} seconds"
            ) from None
        except DeadKernelError:
            raise CourseError(f"{place(notebook, current)} ended the kernel") from None
    return Run(notebook, seconds)


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
