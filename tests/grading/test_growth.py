"""What trusted processes do with a student's text takes time in proportion to it.

These tests measure how the time grows with the input, never how long it takes; the gate to the browser is
measured in its own tests.
"""

import contextlib
import gc
import json
import math
import time

import pytest

from course_utils.checking import Card, Verdict
from course_utils.checking.evidence import decode, encode
from course_utils.errors import CourseError
from course_utils.grading.classroom import statistics
from course_utils.grading.outside import (
    admission,
    causes,
    exchange,
    gate,
    graded,
    names_in_cells,
    reading,
    rebuild,
)
from tests.grading import corpus

PARTS = [
    " ", "\t", "\n", "\r", "\x0c", "a ", "a=", "a,", "a.", "a\n", "a?", "? ", "??\n", "a#?", "#\n", "%a\n", "x = !a\n",
    "x, =", " =", "\\\n", "(", "()", "[]", "{", "'", "'a' ", '"""', "f'{a}'", "`a", "*", "_", "|", "<", "&", "$", "9",
    "1_", "\U0001f600", "\x00", "\ud800", "not ", "a if a else ", "lambda: ", "a+", "a:", "a(", "if a:\n", "import a\n",
    "from a import *\n", "def f():\n x\n", "class A: a\n", "  a\n", "for a in a: a\n", "global a\n", "x = x\n",
    "[a for a in a]\n", "globals()\n",
]  # fmt: skip


def exponent(function, made, sizes=(6_000, 24_000)):
    """How the processor's time grows with the size of the input: 1 is linear, 2 is quadratic."""
    times = []
    for size in sizes:
        given, taken = made(size), []
        for _ in range(2):
            names_in_cells._names.cache_clear()
            names_in_cells.defined.cache_clear()
            gc.disable()
            began = time.process_time()
            # To refuse is to have read it.
            with contextlib.suppress(CourseError, reading.Unreadable):
                function(given)
            taken.append(time.process_time() - began)
            gc.enable()
        times.append(min(taken))
    return math.log(max(times[-1], 1e-3) / max(times[-2], 1e-3)) / math.log(sizes[-1] / sizes[-2])


def grows_in_proportion(function, made, **sizes):
    """Whether the time grows less than with the power 1.6; a second look is taken, for machines
    have moods.
    """
    return any(exponent(function, made, **sizes) < 1.6 for _ in range(3))


def submitted(*cells):
    """A released notebook and a submission with these cells beside the answers."""
    notebook = corpus.answered()
    notebook["cells"] += cells
    return json.dumps(notebook).encode()


def rebuilt(content):
    return rebuild.rebuild(rebuild.LessonCells(corpus.released()), content)


@pytest.mark.parametrize("part", PARTS, ids=ascii)
@pytest.mark.parametrize(("lead", "tail"), [("", ""), ("a b\n", "x")], ids=["alone", "no Python"])
def test_a_cell_is_read_in_proportion(part, lead, tail):
    def made(size):
        return submitted(corpus.cell(lead + part * (size // len(part)) + tail))

    assert grows_in_proportion(rebuilt, made)


def words(n):
    return "".join(f"w{i}\n" for i in range(n // 10)) + "from a import *\n" * (n // 30)


def strings(n):
    return "x = " + "'a' f'{a}' " * (n // 11)


@pytest.mark.parametrize("made", [words, strings])
def test_a_cell_of_two_kinds_is_read_in_proportion(made):
    assert grows_in_proportion(rebuilt, lambda size: submitted(corpus.cell(made(size))))


def test_what_an_answer_uses_is_found_in_proportion():
    def made(size):
        stores = "".join(f"a{number}=" for number in range(size // 12))
        return stores + ",".join(f"b{number}" for number in range(size // 12)) + ",a1"

    def found(source):
        assert causes._reached("a0", causes._uses([source, "b1 = right"]), {"right"}) == {"right"}

    assert grows_in_proportion(found, made, sizes=(12_000, 48_000))


CELLS = {
    "own": lambda i: corpus.cell(f"a{i} = relu"),
    "answers": lambda i: corpus.cell(
        f"def relu(x): return {i}", nbgrader={"grade_id": "relu", "solution": True}
    ),
    "checks": lambda i: corpus.cell(
        "My_Linear = 1", nbgrader={"grade_id": "check-relu", "grade": True}
    ),
    "words": lambda i: corpus.cell(f"{i}", "markdown"),
    "names": lambda i: corpus.cell(f"relu = {i}"),
    "strange": lambda i: {"cell_type": {}, "source": [str(i), "\n"], "metadata": [], "id": i},
    "nothing": lambda i: None,
}


@pytest.mark.parametrize("kind", CELLS)
def test_many_cells_are_read_in_proportion(kind):
    def made(size):
        return submitted(*map(CELLS[kind], range(size)))

    assert grows_in_proportion(rebuilt, made, sizes=(200, 800))


@pytest.mark.parametrize(
    "part",
    ["[],", "{},", "[", '{"a":', "1,", "1", "0.1,", "1.", '"ab",', '"\\ud800', " ", "\n", "-"],
)
def test_a_file_is_read_in_proportion(part):
    lead = '{"nbformat": 4, "cells": [], "x": ['

    def made(size):
        return (lead + part * (size // len(part))).encode()

    assert grows_in_proportion(rebuilt, made, sizes=(200_000, 800_000))


@pytest.mark.parametrize(
    "part", ["a", " ", "\n", "\x1b", "<", "&", "`", "`a", "*", "_", "[", "\\", "\u202e", "'", "("]
)
def test_words_are_shown_in_proportion(part):
    def shown(text):
        gate.printable(text)
        graded.literally(text)
        card = Card(
            Verdict("linear.relu", "wrong", advice=text, got=text, where=text, printed=text), 1
        )
        card._repr_html_()
        repr(card)
        found = statistics.Statistics("01_linear", scores={"a": 1.0}, seconds={"a": 1.0})
        found.repairs[text] = ["a"]
        statistics.page(found)

    assert grows_in_proportion(shown, lambda size: part * size)


OUTPUT = {"output_type": "stream", "name": "stdout", "text": "a"}
ERROR = {"output_type": "error", "ename": "a", "evalue": "a", "traceback": ["a"] * 50}


@pytest.mark.parametrize(
    "item", [OUTPUT, ERROR, [], {}, "a"], ids=["stream", "error", "list", "dict", "text"]
)
def test_outputs_are_read_in_proportion(item):
    assert grows_in_proportion(
        exchange.outputs, lambda size: json.dumps([item] * (size // 10)).encode()
    )


@pytest.mark.parametrize(
    "item", ["a", [[]], {"a": None}, 1, 0.1], ids=["text", "list", "dict", "int", "float"]
)
def test_evidence_is_read_in_proportion(item):
    assert grows_in_proportion(
        lambda data: admission.refuse_harmful(decode(data)), lambda size: encode([item] * size)
    )
