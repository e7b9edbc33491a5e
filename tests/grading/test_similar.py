"""Answers with the same text after renaming and formatting are listed as pairs, common ones aside."""

import pytest

from course_utils.grading.classroom import similar
from course_utils.grading.outside.result import Result, Row
from tests.grading import corpus

ONE = '''
def collapse(w1, b1, w2, b2):
    """Collapse."""
    w = w2 @ w1  # the product
    return (w, b2 + w2 @ b1)
'''
RENAMED = """
def collapse(A: object,a,B,b) -> tuple:
    # mine
    product=B@A
    return product, b+B@a
"""
OTHER = "def collapse(w1, b1, w2, b2):\n    w = w2.mm(w1)\n    b = w2.mv(b1)\n    b = b + b2\n    return w, b"


def result(source):
    cell = corpus.cell(source, nbgrader={"grade_id": "collapse", "solution": True})
    row = Row("linear.collapse", "check-collapse", 2.0, 2.0, "right", "")
    return Result("01_linear", "bubblewrap", "graded", [], [row], [], [cell], 0.1, True)


def found(**sources):
    pairs = similar.pairs({name: result(source) for name, source in sources.items()}.items())
    return [(pair.students, pair.exercises) for pair in pairs]


def test_names_comments_types_and_formatting_are_left_aside():
    assert similar.canonical(ONE) == similar.canonical(RENAMED) != similar.canonical(OTHER)
    assert found(anna=ONE, bo=RENAMED, cem=OTHER) == [(("anna", "bo"), ["collapse"])]


def test_a_function_that_is_called_keeps_its_name():
    assert similar.canonical("def f(x):\n    return exp(x)") != similar.canonical(
        "def f(x):\n    return log(x)"
    )


def test_what_many_have_is_common():
    few = {f"s{number}": ONE for number in range(similar.FEW)}
    assert len(found(**few)) == 3
    assert found(**few, one_more=RENAMED) == []
    class_of_100 = {f"t{number}": OTHER.replace("b2", f"{number} * b2") for number in range(100)}
    assert len(found(**class_of_100, **few, one_more=RENAMED)) == 6


def test_short_answers_say_nothing():
    short = "def collapse(w1, b1, w2, b2):\n    return w2"
    assert found(a=short, b=short) == []


@pytest.mark.parametrize(
    "source",
    ["def collapse(:", "\0", "(" * 5000, "%matplotlib inline\nx = 1", "x = " + "-" * 15_000 + "1"],
)
def test_what_is_no_python_is_like_nothing(source):
    assert found(a=source, b=source) == []


def test_an_untouched_answer_is_nobodys():
    made = result(ONE)
    made.untouched.append("collapse")
    assert similar.pairs([("a", made), ("b", made)]) == []
