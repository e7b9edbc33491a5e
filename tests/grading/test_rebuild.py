"""A submission is data: what is taken from it, what is repaired, and which of the lesson's cells
are run.
"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.grading.outside.graded import graded_cells
from course_utils.grading.outside.names_in_cells import defined, needed
from course_utils.grading.outside.reading import Unreadable, parse
from course_utils.grading.outside.rebuild import LessonCells, rebuild
from tests.grading import corpus


def rebuilt(notebook):
    return rebuild(LessonCells(corpus.released()), json.dumps(notebook).encode())


def test_everything_but_the_answers_is_the_lessons():
    notebook = corpus.answered()
    for cell in notebook["cells"]:
        if not cell["metadata"].get("nbgrader", {}).get("solution"):
            cell["source"] = "import os"
    found = rebuilt(notebook)
    course = [
        cell
        for cell, origin in zip(found.cells, found.origins, strict=True)
        if origin in ("course", "check")
    ]
    expected = [
        cell
        for cell in corpus.released()["cells"]
        if not cell["metadata"].get("nbgrader", {}).get("solution")
    ]
    assert [corpus.source(cell) for cell in course] == [corpus.source(cell) for cell in expected]


def test_an_honest_submission_needs_no_repair():
    assert rebuilt(corpus.answered()).repairs == []
    assert rebuilt(corpus.released()).untouched >= {"relu", "My_Linear", "why_nonlinear"}


def test_what_is_read_once_for_all_stays_as_it_was():
    lesson = LessonCells(corpus.released())
    before = json.dumps(lesson.source)
    for notebook in (corpus.answered(), corpus.answered("relu"), corpus.released()):
        found = rebuild(lesson, json.dumps(notebook).encode())
        graded_cells(found, [], ["repaired"], {1: [{"output_type": "stream"}]})
    assert json.dumps(lesson.source) == before


def kinds(found):
    return {cell["cell_type"] for cell in found.cells}


@pytest.mark.parametrize("kind", ["raw", "heading", "\ud800"])
@pytest.mark.parametrize("name", ["relu", "why_nonlinear", "check-relu"])
def test_only_code_and_text_leave_it(kind, name):
    found = rebuilt(corpus.doubled(kind, "<b id=why_nonlinear>x</b>", name))
    assert kinds(found) == {"code", "markdown"}
    texts = [cell["source"] for cell in found.cells if "why_nonlinear>" in cell["source"]]
    assert all(text.startswith("    <b id") for text in texts) or name == "why_nonlinear"


def test_nothing_but_source_and_pictures_is_taken_from_a_cell():
    notebook = corpus.put(corpus.answered(), "text", kind="markdown")
    for cell in notebook["cells"]:
        cell["metadata"] |= {
            "tags": ["x-evil"],
            "transient": {"remove_source": True},
            "raw_mimetype": "text/html",
        }
        cell |= {"id": "x-evil", "extra": "x-evil", "attachments": {"a": {"text/html": "x-evil"}}}
    assert "x-evil" not in json.dumps(rebuilt(notebook).cells)


def test_pictures_become_attachments_with_names_of_ours():
    text = f"![a](attachment:my%20a.png) ![b](data:image/png;base64,{corpus.PNG}) ![c](attachment:x) attachment:y"
    notebook = corpus.answered(why_nonlinear=text)
    answer = notebook["cells"][corpus.place(notebook, "why_nonlinear")]
    answer["attachments"] = {
        "my a.png": {"image/png": corpus.PNG},
        "b": {"image/svg+xml": "<svg/>"},
        "c": 1,
    }
    found = rebuilt(notebook)
    cell = next(cell for cell in found.cells if cell.get("attachments"))
    (name,) = cell["attachments"]
    assert cell["attachments"] == {name: {"image/png": corpus.PNG}} and name.endswith(".png")
    assert (
        cell["source"]
        == f"![a](attachment:{name}) ![b](attachment:{name}) ![c](attachment:missing) attachment:y"
    )


def test_a_picture_does_not_count_as_text():
    picture = f"![b](data:image/png;base64,{corpus.picture(300_000)})"
    found = rebuilt(corpus.answered(why_nonlinear=f"Because. {picture}"))
    assert not found.untouched and not found.unread and not found.repairs
    assert any(len(json.dumps(cell.get("attachments", {}))) > 400_000 for cell in found.cells)


def test_pictures_that_are_too_large_together_are_left_out():
    picture = f"![b](data:image/png;base64,{corpus.picture(4_500_000)})"
    other = f"![c](data:image/png;base64,{corpus.picture(4_600_000)})"
    found = rebuilt(corpus.put(corpus.answered(why_nonlinear=picture), other, kind="markdown"))
    assert sum(len(json.dumps(cell.get("attachments", {}))) for cell in found.cells) < 11 << 20
    assert "attachment:too-large" in json.dumps(found.cells)


def test_an_answer_that_cannot_be_read_is_for_a_person():
    found = rebuilt(corpus.answered("relu", collapse="# " + "x" * 200_000))
    assert "collapse" in found.unread and not found.untouched and "relu" not in found.unread
    notebook = corpus.released()
    notebook["cells"] = [corpus.cell(f"# {number}") for number in range(1_000)] + notebook["cells"]
    assert rebuilt(notebook).unread >= {"relu", "why_nonlinear"}


def test_words_that_are_too_long_are_cut_and_it_is_said():
    found = rebuilt(corpus.answered(why_nonlinear="because " * 100_000))
    assert not found.untouched and any("was cut" in line for line in found.repairs)


def test_the_last_definition_counts():
    found = rebuilt(corpus.below(corpus.answered(*corpus.EXERCISES[1:]), corpus.RELU))
    assert (
        "relu" not in found.untouched and found.cells[found.last["relu"]]["source"] == corpus.RELU
    )
    assert any("relu was defined below its check" in line for line in found.repairs)
    assert (
        rebuilt(corpus.below(corpus.answered(), "from torch.nn.functional import relu")).last == {}
    )
    assert rebuilt(corpus.answered()).last == {}


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


@pytest.mark.parametrize(
    "text", ["globals()['x']", "%time x", "exec('x')", "f'{x}'", "[x for _ in y]"]
)
def test_a_name_is_found_however_it_is_used(text):
    assert needed([("course", "x = 1"), ("student", text)]) == [True, True]


@pytest.mark.parametrize(
    "text", ["%who\n" * 20_000, "x = !ls\n" * 12_000, "(" * 99_999, "x" + "()" * 49_000]
)
def test_a_source_made_to_be_slow_is_read(text):
    assert rebuilt(corpus.put(corpus.answered(), text)).untouched == {"why_nonlinear"}


def test_python_among_magics_is_read():
    text = "%load_ext x\nfiles = !ls\nfor name in files:\n    !wc $name\nhelp?\ndef relu(x):\n    return x * scale"
    assert defined(text) == {"files", "name", "relu"}
    assert needed([("course", "scale = 1"), ("student", text)]) == [True, True]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
CELL = st.fixed_dictionaries(
    {}, optional={key: JSON for key in ("cell_type", "source", "metadata", "id", "outputs")}
)


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
        rebuild(LessonCells(corpus.released()), content)


@pytest.mark.parametrize(
    "content, why",
    [
        ('{"cells": []}'.encode("utf-16"), "not in UTF-8"),
        ('{"cells": ["ü"]}'.encode("latin-1"), "not in UTF-8"),
        (b'{\n<<<<<<< HEAD\n "a": 1\n=======\n}', "Line 2 of the file is a mark of a merge"),
        (b'{"cells": [', "not a notebook, or only part of one"),
    ],
)
def test_what_cannot_be_read_says_why(content, why):
    with pytest.raises(Unreadable, match=why):
        parse(content)
