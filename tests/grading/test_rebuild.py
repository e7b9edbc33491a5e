"""A submission is data: what is taken from it, what is repaired, and which of the lesson's cells are run."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.grading.rebuild import Unreadable, defined, needed, rebuild
from tests.grading import corpus


def rebuilt(notebook):
    return rebuild(corpus.released(), json.dumps(notebook).encode())


def test_everything_but_the_answers_is_the_lessons():
    notebook = corpus.answered()
    for cell in notebook["cells"]:
        if not cell["metadata"].get("nbgrader", {}).get("solution"):
            cell["source"] = "import os"
    found = rebuilt(notebook)
    course = [cell for cell, origin in zip(found.cells, found.origins, strict=True) if origin in ("course", "check")]
    expected = [cell for cell in corpus.released()["cells"] if not cell["metadata"].get("nbgrader", {}).get("solution")]
    assert [corpus.source(cell) for cell in course] == [corpus.source(cell) for cell in expected]


def test_an_honest_submission_needs_no_repair():
    assert rebuilt(corpus.answered()).repairs == []
    assert rebuilt(corpus.released()).untouched >= {"relu", "My_Linear", "why_nonlinear"}


def test_words_are_found_where_their_mark_is_lost():
    notebook = corpus.answered()
    cell = notebook["cells"][corpus.place(notebook, "why_nonlinear")]
    cell |= {"source": "Because two affine maps are one.", "metadata": {}, "id": "other"}
    found = rebuilt(notebook)
    assert "why_nonlinear" not in found.untouched
    assert "Because two affine maps are one." in [cell["source"] for cell in found.cells]


def test_cell_ids_are_unique():
    notebook = corpus.put(corpus.put(corpus.answered(), "a = 1"), "b = 2", "collapse")
    notebook["cells"].insert(0, corpus.cell("c = 3"))
    ids = [cell["id"] for cell in rebuilt(notebook).cells]
    assert len(ids) == len(set(ids))


def test_cells_of_the_lesson_run_only_where_an_answer_needs_them():
    cells = [
        ("course", "import torch"),
        ("course", "x = torch.ones(3)"),
        ("course", "plot(x)"),
        ("answer", "def f(a):\n    y = a\n    return scale * y"),
        ("course", "z = 3"),
        ("course", "scale = 2 * z"),
        ("student", "print(1)"),
    ]
    assert needed(cells) == [False, False, False, True, True, True, True]


@pytest.mark.parametrize("text", ["globals()['x']", "%time x", "exec('x')", "f'{x}'", "[x for _ in y]"])
def test_a_name_is_found_however_it_is_used(text):
    assert needed([("course", "x = 1"), ("student", text)]) == [True, True]


@pytest.mark.parametrize("text", ["%who\n" * 20_000, "x = !ls\n" * 12_000, "(" * 99_999, "x" + "()" * 49_000])
def test_a_source_made_to_be_slow_is_read(text):
    assert rebuilt(corpus.put(corpus.answered(), text)).untouched == {"why_nonlinear"}


def test_python_among_magics_is_read():
    text = "%load_ext x\nfiles = !ls\nfor name in files:\n    !wc $name\nhelp?\ndef relu(x):\n    return x * scale"
    assert defined(text) == {"files", "name", "relu"}
    assert needed([("course", "scale = 1"), ("student", text)]) == [True, True]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
CELL = st.fixed_dictionaries({}, optional={key: JSON for key in ("cell_type", "source", "metadata", "id", "outputs")})


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.lists(JSON | CELL, max_size=5), JSON)
def test_no_json_brings_it_down(cells, metadata):
    notebook = corpus.answered()
    notebook["cells"] = [*cells, *notebook["cells"], *cells]
    notebook["metadata"] = metadata
    assert len(rebuilt(notebook).cells) >= len(corpus.released()["cells"])


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.binary(max_size=200))
def test_no_bytes_bring_it_down(content):
    with pytest.raises(Unreadable):
        rebuild(corpus.released(), content)
