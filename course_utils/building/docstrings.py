"""Runs the examples of docstrings in a lesson's own kernel, where its answers are defined."""

import contextlib
import doctest
import io
import json
from collections.abc import Mapping
from typing import Any

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def show_examples(docstrings: Mapping[str, str], names: Mapping[str, Any]) -> None:
    """Print as JSON, for each docstring, how many examples it has and which of them are wrong."""
    results = {}
    for name, docstring in docstrings.items():
        test = doctest.DocTestParser().get_doctest(docstring, dict(names), name, None, None)
        complaints = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()):
            doctest.DocTestRunner(optionflags=FLAGS).run(test, out=complaints.write)
        results[name] = {"examples": len(test.examples), "wrong": complaints.getvalue()}
    print(json.dumps(results))
