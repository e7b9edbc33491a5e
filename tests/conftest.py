"""Whoever runs the tests, they see what a user without root's rights sees; the longest go first."""

import os

from tests.rights import give_up

give_up()

# Before torch is imported, and for whatever a test starts: tests run side by side, and threads that
# wait for each other's processors take twice the time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

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
    "test_axes.py",
    "test_tolerance.py",
]


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: (*LONGEST, item.path.name).index(item.path.name))
