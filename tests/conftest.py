"""Whoever runs the tests, they see what a user without root's rights sees; the longest go first."""

import gc
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from tests.rights import give_up

give_up()

# A shell that begins the tests in the background has it ignored, also in all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Before torch is imported, and for whatever a test starts: tests run side by side, and threads that
# wait for each other's processors take twice the time.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure(config):
    """Let every kernel that a test starts, also through a server, be a copied one.

    A new one takes two seconds to import torch; the copies are compared with new ones.
    """
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return  # the process that hands tests to others
    # What is imported stays, and to look through it for garbage takes a third of collecting's time.
    gc.disable()
    from course_utils.building.copies import python
    from course_utils.building.run import IMPORTED, IN_A_KERNEL

    folder = tempfile.TemporaryDirectory(prefix="kernels-")
    config.add_cleanup(folder.cleanup)
    installed = Path(sys.prefix) / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec = json.loads(installed.read_text())
    spec["argv"][:1] = python(IMPORTED, **IN_A_KERNEL)
    copied = Path(folder.name) / "kernels" / "python3" / "kernel.json"
    copied.parent.mkdir(parents=True)
    copied.write_text(json.dumps(spec))
    os.environ["JUPYTER_PATH"] = folder.name


def pytest_collection_finish():
    """Look for garbage from here on, in what tests make."""
    gc.freeze()
    gc.enable()


# With these last, one process would wait for another at the end.
LONGEST = [
    "test_corpus.py",
    "test_stock.py",
    "test_site.py",
    "test_batch.py",
    "test_lessons.py",
    "test_unnamed.py",
    "test_wheel.py",
    "test_thread.py",
    "test_term.py",
    "test_release.py",
    "test_explore.py",
    "test_verify.py",
    "test_forms.py",
    "test_shortcuts.py",
    "test_world.py",
    "test_axes.py",
    "test_tolerance.py",
]


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: (*LONGEST, item.path.name).index(item.path.name))
