"""Broken, tampered and hostile submissions to lesson 01, and honest ones that must lose nothing;
made, not stored.

Every hostile one is bounded: run without a sandbox it ends by itself, kills nothing and leaves no
mark outside its own folder. What it finds that it should not find it prints after the word LEAK.
"""

import gzip
import hashlib
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

from course_utils.building.lesson import Lesson
from course_utils.data import DATA

LESSON = Lesson("01_linear")
LABELS = hashlib.sha256(
    gzip.decompress((DATA / "mnist" / "valid-labels.idx.gz").read_bytes())
).hexdigest()
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

Notebook = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One submission: the points and the status it deserves; make writes it into its folder.

    repaired: whether something has to be repaired. checks: statuses that some exercises must get.
    """

    kind: str
    group: str
    points: float
    make: Callable[[Path], None]
    status: str = "graded"
    repaired: bool = False
    checks: tuple[tuple[str, str], ...] = ()


ENTRIES: list[Entry] = []


@cache
def _json(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def released() -> Notebook:
    """A fresh copy of the released notebook."""
    return json.loads(_json(LESSON.released))


def source(cell: dict[str, Any]) -> str:
    """A cell's text."""
    return "".join(cell["source"])


def mark(cell: dict[str, Any]) -> str:
    """A cell's grade_id."""
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


def is_graded(cell: dict[str, Any]) -> bool:
    """Whether a cell has points."""
    return bool(cell["metadata"].get("nbgrader", {}).get("grade"))


def worth(*names: str) -> float:
    """The points of these exercises together, as the released notebook gives them."""
    due = {
        mark(cell).removeprefix("check-"): float(cell["metadata"]["nbgrader"]["points"])
        for cell in released()["cells"]
        if is_graded(cell)
    }
    return sum(due[name] for name in names)


def solutions() -> dict[str, str]:
    """The lesson's own answers by name."""
    cells = json.loads(_json(LESSON.solved))["cells"]
    return {
        mark(cell): source(cell)
        for cell in cells
        if cell["metadata"].get("nbgrader", {}).get("solution")
    }


def answered(*names: str, **own: str) -> Notebook:
    """The released notebook with the lesson's answers to these exercises, all if none is named, and
    one's own.
    """
    notebook = released()
    names = names or EXERCISES
    answers = {name: text for name, text in solutions().items() if name in names} | own
    for cell in notebook["cells"]:
        cell["source"] = answers.get(mark(cell), source(cell))
    return notebook


# The exercises that are not graded by hand, and their points; those of relu; those of all.
EXERCISES = tuple(
    mark(cell).removeprefix("check-")
    for cell in released()["cells"]
    if mark(cell).startswith("check-")
)
FULL, ONE = worth(*EXERCISES), worth("relu")
ALL = FULL + worth("why_nonlinear")


def place(notebook: Notebook, name: str) -> int:
    """Where the cell with this grade_id stands."""
    return next(index for index, cell in enumerate(notebook["cells"]) if mark(cell) == name)


def cell(text: str, kind: str = "code", **metadata: Any) -> dict[str, Any]:
    """A new cell."""
    made = {
        "cell_type": kind,
        "id": f"own-{abs(hash(text)) % 10**8}",
        "metadata": metadata,
        "source": text,
    }
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def put(notebook: Notebook, text: str, before: str = "relu", kind: str = "code") -> Notebook:
    """The notebook with a new cell before the one with this grade_id."""
    notebook["cells"].insert(place(notebook, before), cell(text, kind))
    return notebook


def picture(size: int) -> str:
    """A picture of so many bytes, in base64."""
    return b64encode(b64decode(PNG) + bytes(size)).decode()


def doubled(kind: str, text: str, name: str = "relu") -> Notebook:
    """A notebook in which relu is answered, and a second cell of another kind bears the mark of an
    answer.
    """
    notebook = answered("relu")
    index = place(notebook, name)
    notebook["cells"].insert(
        index, notebook["cells"][index] | {"cell_type": kind, "source": text, "id": "doubled"}
    )
    return notebook


def entry(
    group: str, points: float, **more: Any
) -> Callable[[Callable[[], Notebook | str | bytes]], Callable[[], Notebook | str | bytes]]:
    """Adds a submission to the corpus: the function's name is its kind, what it returns is the
    file.
    """

    def add(make: Callable[[], Notebook | str | bytes]) -> Callable[[], Notebook | str | bytes]:
        def write(folder: Path) -> None:
            made = make()
            folder.mkdir(parents=True)
            text = made if isinstance(made, bytes | str) else json.dumps(made)
            (folder / f"{LESSON.name}.ipynb").write_bytes(
                text if isinstance(text, bytes) else text.encode()
            )

        ENTRIES.append(Entry(make.__name__, group, points, write, **more))
        return make

    return add


def hostile(
    kind: str, text: str, group: str, points: float = ONE, before: str = "relu", **more: Any
) -> None:
    """Adds a submission in which relu alone is answered, with a cell that tries something."""

    def make() -> Notebook:
        return put(answered("relu"), text, before)

    make.__name__ = kind
    entry(group, points, **more)(make)


def answer(kind: str, name: str, text: str, group: str, points: float = ONE, **more: Any) -> None:
    """Adds a submission in which relu is answered, and another exercise with something else than an
    answer.
    """

    def make() -> Notebook:
        return answered("relu", **{name: text})

    make.__name__ = kind
    entry(group, points, **more)(make)


# ---------------------------------------------------------------- honest


@entry("honest", FULL)
def solved() -> Notebook:
    return answered()


@entry("honest", 0.0)
def untouched() -> Notebook:
    return released()


@entry("honest", worth("relu", "My_Linear"))
def half() -> Notebook:
    return answered("relu", "My_Linear")


@entry("honest", FULL)
def other_ways() -> Notebook:
    return answered(
        relu="def relu(x):\n    return (x + x.abs()) / 2",
        collapse="def collapse(w1, b1, w2, b2):\n    return torch.einsum('oh,hi->oi', w2, w1), w2 @ b1 + b2",
    )


@entry("honest", FULL)
def warnings_on_stderr() -> Notebook:
    noise = "import sys, warnings\nwarnings.warn('careful')\nprint('careful', file=sys.stderr)\n"
    return answered(
        relu="def relu(x):\n    " + noise.replace("\n", "\n    ") + "return x.clamp(min=0)"
    )


@entry("honest", FULL)
def prints_much() -> Notebook:
    return answered(relu="def relu(x):\n    print('x' * 5_000)\n    return x.clamp(min=0)")


@entry("honest", FULL)
def helper_in_an_own_cell() -> Notebook:
    return put(
        answered(relu="def relu(x):\n    return helper(x)"),
        "def helper(x):\n    return x.clamp(min=0)",
    )


@entry("honest", FULL)
def helper_below_its_use() -> Notebook:
    notebook = answered(relu="def relu(x):\n    return helper(x)")
    return put(notebook, "def helper(x):\n    return x.clamp(min=0)", "My_Linear")


@entry("honest", FULL)
def answer_in_an_own_cell() -> Notebook:
    notebook = answered(*(name for name in EXERCISES if name != "relu"))
    return put(notebook, "def relu(x):\n    return x.clamp(min=0)", "check-relu")


@entry("honest", FULL)
def cells_in_another_order() -> Notebook:
    notebook = answered()
    moved = notebook["cells"].pop(place(notebook, "relu"))
    notebook["cells"].append(moved)
    return notebook


@entry("honest", FULL)
def magics_and_shell() -> Notebook:
    notebook = put(answered(), "%matplotlib inline\n!echo hello\nfiles = !ls")
    return put(notebook, "%%time\ntotal = sum(range(10))", "collapse")


@entry("honest", FULL)
def magics_before_answers() -> Notebook:
    answers = {
        "relu": "%matplotlib inline",
        "My_Linear": "%%time",
        "collapse": "%matplotlib widget",
    }
    return answered(**{name: f"{magic}\n{solutions()[name]}" for name, magic in answers.items()})


@entry("honest", FULL)
def answer_imported_from_a_written_file() -> Notebook:
    notebook = answered(relu="from own_functions import relu")
    return put(notebook, "%%writefile own_functions.py\ndef relu(x):\n    return x.clamp(min=0)")


@entry("honest", FULL)
def answers_in_many_forms() -> Notebook:
    layer = solutions()["My_Linear"].replace("My_Linear(", "_Layer(")
    return answered(
        relu="from collections.abc import Callable\nrelu: Callable = lambda x: x.clamp(min=0)",
        My_Linear=f"from __future__ import annotations\n{layer}\nMy_Linear = _Layer",
        collapse="import functools\n\ndef same(f):\n    @functools.wraps(f)\n    def g(*a):\n        return f(*a)\n"
        f"    return g\n\n@same\n{solutions()['collapse']}",
        count_parameters="import asyncio\nawait asyncio.sleep(0)\n"
        + solutions()["count_parameters"],
    )


@entry("honest", FULL)
def from_colab() -> Notebook:
    notebook = answered() | {"nbformat_minor": 0, "metadata": {"colab": {"provenance": []}}}
    for item in notebook["cells"]:
        item["metadata"] |= {
            "id": item.pop("id"),
            "outputId": "x",
            "colab": {"base_uri": "https://localhost:8080/"},
        }
    return notebook


@entry("honest", FULL)
def half_characters_printed() -> Notebook:
    return put(answered(), "print('\\ud800')\nraise ValueError('\\udfff')")


@entry("honest", FULL)
def own_plots() -> Notebook:
    return put(
        answered(), "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()", "My_Linear"
    )


@entry("honest", FULL)
def own_cells_that_fail() -> Notebook:
    return put(put(answered(), "1 / 0", "relu"), "this is not Python", "collapse")


@entry("honest", FULL)
def large_outputs() -> Notebook:
    notebook = answered()
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 3_000_000}
    notebook["cells"][place(notebook, "relu")]["outputs"] = [output]
    return notebook


@entry("honest", FULL)
def windows_line_ends_and_bom() -> bytes:
    notebook = answered()
    for item in notebook["cells"]:
        item["source"] = source(item).replace("\n", "\r\n")
    return b"\xef\xbb\xbf" + json.dumps(notebook).encode()


@entry("honest", FULL)
def sources_as_lines_without_ids() -> Notebook:
    notebook = answered() | {"nbformat_minor": 2}
    for item in notebook["cells"]:
        item["source"] = source(item).splitlines(keepends=True)
        item.pop("id", None)
    return notebook


@entry("honest", FULL - worth("collapse"), checks=(("collapse", "wrong"),))
def one_mistake() -> Notebook:
    return answered(collapse="def collapse(w1, b1, w2, b2):\n    return w2 @ w1, b2.clone()")


@entry("honest", FULL - worth("collapse"), checks=(("collapse", "error"),))
def syntax_error() -> Notebook:
    return answered(collapse="def collapse(w1, b1, w2, b2)\n    return w2 @ w1")


@entry("honest", FULL - worth("collapse"), checks=(("collapse", "error"),))
def raises() -> Notebook:
    return answered(collapse="def collapse(w1, b1, w2, b2):\n    return w1 @ w2 @ w1 @ w2 @ b2")


def below(notebook: Notebook, text: str, name: str = "check-relu") -> Notebook:
    """The notebook with a new cell after the one with this grade_id."""
    notebook["cells"].insert(place(notebook, name) + 1, cell(text))
    return notebook


RELU = "def relu(x):\n    return x.clamp(min=0)"


@entry("honest", FULL, repaired=True)
def answer_below_its_check() -> Notebook:
    return below(answered(*EXERCISES[1:]), RELU)


@entry("honest", FULL, repaired=True)
def better_answer_below_its_check() -> Notebook:
    return below(answered(relu="def relu(x):\n    return x.abs()"), RELU)


@entry("honest", FULL, repaired=True)
def all_answers_at_the_end() -> Notebook:
    answers = "\n\n".join(solutions()[name] for name in EXERCISES)
    return below(
        released(), f"import math, torch\nfrom torch import nn\n{answers}", "why_nonlinear"
    )


@entry("honest", FULL, repaired=True)
def name_of_an_answer_given_to_what_it_gave() -> Notebook:
    return below(
        answered(), "count_parameters = count_parameters(nn.Linear(2, 3))", "check-two_layer_net"
    )


@entry("honest", FULL, repaired=True)
def better_answer_in_a_block_below_its_check() -> Notebook:
    text = "try:\n    def relu(x):\n        return x.clamp(min=0)\nexcept ImportError:\n    pass"
    return below(answered(relu="def relu(x):\n    return x.abs()"), text)


@entry("honest", FULL)
def other_function_imported_below() -> Notebook:
    return below(answered(), "from torch.nn.functional import *", "check-two_layer_net")


@entry("honest", FULL)
def pictures_in_words() -> Notebook:
    address = f"data:image/png;base64,{picture(150_000)}"
    notebook = answered(
        why_nonlinear=f"So: ![a](attachment:a.png) ![b]({address}) ![c](attachment:x)"
    )
    notebook["cells"][place(notebook, "why_nonlinear")]["attachments"] = {
        "a.png": {"image/png": PNG}
    }
    return put(notebook, f"![mine]({address})", kind="markdown")


@entry("honest", FULL, repaired=True)
def words_without_end() -> Notebook:
    return answered(why_nonlinear="because " * 20_000)


@entry("honest", FULL)
def text_in_a_raw_cell() -> Notebook:
    return put(answered(), "<b>My notes</b>", kind="raw")


# ---------------------------------------------------------------- mangled notebooks


@entry("mangled", FULL - worth("collapse"), repaired=True, checks=(("collapse", "not run"),))
def answer_too_long_to_read() -> Notebook:
    return answered(collapse=solutions()["collapse"] + "\n# " + "x" * 100_000)


@entry("mangled", FULL, repaired=True)
def marks_and_ids_lost() -> Notebook:
    notebook = answered()
    for item in notebook["cells"]:
        item["metadata"] = {}
        item.pop("id", None)
    return notebook


@entry("mangled", FULL, repaired=True)
def answer_copied_and_changed() -> Notebook:
    notebook = answered()
    copy = notebook["cells"][place(notebook, "relu")] | {
        "source": "def relu(x):\n    return x.abs()"
    }
    notebook["cells"].insert(place(notebook, "relu"), copy)
    return notebook


@entry("mangled", FULL)
def stub_kept_as_a_copy() -> Notebook:
    notebook = answered()
    stub = released()["cells"][place(released(), "relu")]
    notebook["cells"].insert(place(notebook, "relu") + 1, stub)
    return notebook


@entry("mangled", FULL, repaired=True)
def answer_split_in_two() -> Notebook:
    notebook = answered()
    index = place(notebook, "relu")
    whole = notebook["cells"][index]
    first = whole | {"source": "import math\nFLOOR = 0"}
    second = whole | {"source": "def relu(x):\n    return x.clamp(min=FLOOR)"}
    notebook["cells"][index : index + 1] = [first, second]
    return notebook


@entry("mangled", FULL, repaired=True)
def two_answers_merged() -> Notebook:
    notebook = answered(relu=solutions()["relu"] + "\n\n" + solutions()["My_Linear"])
    del notebook["cells"][place(notebook, "My_Linear")]
    return notebook


@entry("mangled", FULL, repaired=True)
def answer_merged_with_its_check() -> Notebook:
    notebook = answered()
    check = notebook["cells"][place(notebook, "check-relu")]
    check["source"] = solutions()["relu"] + "\n\n" + source(check)
    del notebook["cells"][place(notebook, "relu")]
    return notebook


@entry("mangled", FULL, repaired=True)
def class_split_over_cells() -> Notebook:
    notebook = answered()
    index = place(notebook, "My_Linear")
    head, _, tail = solutions()["My_Linear"].partition("    def forward")
    rest = dedent("    def forward" + tail) + "\nMy_Linear.forward = forward"
    whole = notebook["cells"][index]
    notebook["cells"][index : index + 1] = [whole | {"source": head}, whole | {"source": rest}]
    return notebook


@entry("mangled", FULL, repaired=True)
def strange_cell_type() -> Notebook:
    notebook = answered()
    notebook["cells"][place(notebook, "relu")]["cell_type"] = "\ud800\x1b[2J"
    return notebook


@entry("mangled", FULL, repaired=True)
def more_sources_than_fit() -> Notebook:
    notebook = answered()
    notebook["cells"] += [cell(f"# {number}" + "x = 1\n" * 10_000) for number in range(20)]
    return notebook


@entry("mangled", FULL, repaired=True)
def checks_deleted() -> Notebook:
    notebook = answered()
    notebook["cells"] = [item for item in notebook["cells"] if not mark(item).startswith("check-")]
    return notebook


@entry("mangled", ONE, repaired=True)
def checks_emptied() -> Notebook:
    notebook = answered("relu")
    for item in notebook["cells"]:
        if mark(item).startswith("check-"):
            item["source"] = "assert True"
    return notebook


@entry("mangled", ONE, repaired=True)
def checks_give_a_number() -> Notebook:
    notebook = answered("relu")
    for item in notebook["cells"]:
        if mark(item).startswith("check-"):
            item["source"] = "3.0"
    return notebook


@entry("mangled", ONE, repaired=True)
def points_raised() -> Notebook:
    notebook = answered("relu")
    for item in notebook["cells"]:
        if mark(item).startswith("check-"):
            item["metadata"]["nbgrader"]["points"] = 100
    return notebook


@entry("mangled", ONE, repaired=True)
def checks_tagged_to_be_skipped() -> Notebook:
    notebook = answered("relu")
    for item in notebook["cells"]:
        if mark(item).startswith("check-"):
            item["metadata"]["tags"] = ["skip-execution"]
    return notebook


@entry("mangled", ONE, repaired=True)
def checks_made_answers() -> Notebook:
    notebook = answered("relu")
    for item in notebook["cells"]:
        if mark(item).startswith("check-"):
            item["metadata"]["nbgrader"] |= {"grade": False, "solution": True, "locked": False}
    return notebook


@entry("mangled", FULL, repaired=True)
def kernel_changed() -> Notebook:
    notebook = answered()
    notebook["metadata"]["kernelspec"] = {
        "name": "bash",
        "display_name": "Bash",
        "language": "bash",
    }
    return notebook


@entry("mangled", FULL, repaired=True)
def answer_made_text() -> Notebook:
    notebook = answered()
    notebook["cells"][place(notebook, "relu")]["cell_type"] = "markdown"
    return notebook


@entry("mangled", FULL)
def ids_repeated() -> Notebook:
    notebook = answered()
    for item in notebook["cells"]:
        item["id"] = "same"
    return notebook


@entry("mangled", FULL - worth("collapse"), repaired=True, checks=(("collapse", "not attempted"),))
def answer_deleted() -> Notebook:
    notebook = answered()
    del notebook["cells"][place(notebook, "collapse")]
    return notebook


@entry("mangled", FULL, repaired=True)
def cells_of_the_wrong_form() -> Notebook:
    notebook = answered()
    notebook["cells"] += [
        None,
        7,
        {"cell_type": "code"},
        {"cell_type": "code", "source": 5, "metadata": []},
    ]
    notebook["cells"].append(
        {"cell_type": "code", "source": ["a", 1], "metadata": {"nbgrader": "x"}}
    )
    return notebook


@entry("mangled", FULL)
def surrogates_and_null_bytes() -> str:
    notebook = put(put(answered(), "x = '\ud800'"), "y = '\x00'")
    return json.dumps(notebook)


@entry("mangled", FULL)
def metadata_of_the_wrong_form() -> Notebook:
    notebook = answered() | {"metadata": ["a"]}
    notebook["cells"][0]["metadata"] = "none"
    return notebook


@entry("mangled", 0.0, status="unreadable", repaired=True)
def truncated() -> str:
    return json.dumps(answered())[:5_000]


@entry("mangled", 0.0, status="unreadable", repaired=True)
def format_3() -> Notebook:
    return {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": []}],
    }


@entry("mangled", 0.0, status="unreadable", repaired=True)
def empty() -> bytes:
    return b""


@entry("mangled", 0.0, status="unreadable", repaired=True)
def binary() -> bytes:
    return bytes(range(256)) * 100


@entry("mangled", 0.0, status="unreadable", repaired=True)
def nested_deep() -> bytes:
    return b"[" * 200_000


@entry("mangled", 0.0, status="unreadable", repaired=True)
def some_other_json() -> Notebook:
    return {"nbformat": 4, "cells": "none"}


def _file(kind: str) -> Callable[[Callable[[Path], None]], None]:
    def add(make: Callable[[Path], None]) -> None:
        ENTRIES.append(Entry(kind, "mangled", 0.0, make, "unreadable", True))

    return add


def _wrong_name(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "Untitled.ipynb").write_text(json.dumps(answered()))


ENTRIES.append(Entry("wrong_name", "mangled", FULL, _wrong_name, repaired=True))


@_file("nothing_in_the_folder")
def _nothing(folder: Path) -> None:
    folder.mkdir(parents=True)


@_file("link_to_a_neighbour")
def _link(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / f"{LESSON.name}.ipynb").symlink_to(
        folder.parents[1] / "solved" / LESSON.name / f"{LESSON.name}.ipynb"
    )


@_file("folder_that_is_a_link")
def _folder_link(folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.symlink_to(folder.parents[1] / "solved" / LESSON.name)


@_file("pipe")
def _pipe(folder: Path) -> None:
    folder.mkdir(parents=True)
    os.mkfifo(folder / f"{LESSON.name}.ipynb")


@_file("hundred_megabytes")
def _huge(folder: Path) -> None:
    folder.mkdir(parents=True)
    with (folder / f"{LESSON.name}.ipynb").open("wb") as file:
        file.truncate(100 << 20)


# ---------------------------------------------------------------- forged results

hostile("input_transformer", "get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])", "forging", ONE,
        "My_Linear")  # fmt: skip
hostile("ast_transformer", """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
    def visit_Raise(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(Drop())
""", "forging")  # fmt: skip
hostile("check_patched", """
import course_utils, course_utils.checking
course_utils.check = course_utils.checking.check = lambda *a, **k: None
course_utils.judge = course_utils.checking.judge = lambda id, *a, **k: True
""", "forging")  # fmt: skip
hostile("judge_patched", """
from course_utils.checking import compare, judge
judge.judge_evidence = lambda exercise, *a: judge.Verdict(exercise.id, 'right', 1.0)
compare.same = compare.first_difference = judge.first_difference = lambda *a, **k: None
""", "forging")  # fmt: skip
hostile("torch_comparisons_patched", """
import torch
torch.allclose = torch.equal = lambda *a, **k: True
torch.Tensor.__eq__ = lambda *a: True
""", "forging", ONE, "My_Linear")  # fmt: skip
hostile("probe_patched", """
from course_utils.exercises import linear
def probe(self, answer, case):
    yield 'y', case.inputs.get('x', 0)
for name in ('Relu', 'MyLinear', 'CountParameters', 'Collapse', 'TwoLayerNet'):
    setattr(getattr(linear, name), 'probe', probe)
""", "forging", 0.0)  # fmt: skip
hostile("collect_patched", """
import importlib
child = importlib.import_module('course_utils.grading.inside.child')
child.collect = lambda *a, **k: []
""", "forging", 0.0)  # fmt: skip
hostile("course_replaced", """
import sys, types
for name in [name for name in sys.modules if name.startswith('course_utils')]:
    sys.modules[name] = types.ModuleType(name)
""", "forging")  # fmt: skip
hostile("evidence_is_garbage", """
import importlib
child = importlib.import_module('course_utils.grading.inside.child')
child.encode = lambda tree: b'\\xff' * 1000
""", "forging", 0.0, checks=(("relu", "crashed"),))  # fmt: skip
hostile("evidence_is_a_pickle", """
import importlib, pickle
class Run:
    def __reduce__(self):
        return print, ('LEAK: unpickled',)
child = importlib.import_module('course_utils.grading.inside.child')
child.encode = lambda tree: pickle.dumps(Run())
""", "forging", 0.0, checks=(("relu", "crashed"),))  # fmt: skip
hostile("evidence_that_is_slow_to_print", """
import importlib, torch
child = importlib.import_module('course_utils.grading.inside.child')
encode = child.encode
def swell(tree):
    for item in tree:
        item['values'] = {'y': torch.empty(10**9, 0)}
    return encode(tree)
child.encode = swell
""", "forging", 0.0, checks=(("relu", "crashed"),))  # fmt: skip
hostile("evidence_nested_deep", """
import importlib, struct
child = importlib.import_module('course_utils.grading.inside.child')
text = b'[' * 100_000
child.encode = lambda tree: struct.pack('<Q', len(text)) + text
""", "forging", 0.0, checks=(("relu", "crashed"),))  # fmt: skip
hostile("evidence_too_large", """
import importlib
child = importlib.import_module('course_utils.grading.inside.child')
child.encode = lambda tree: bytes(40 << 20)
""", "forging", 0.0, status="crashed")  # fmt: skip
hostile("frames_without_end", """
import gc, socket, time
end = time.time() + 20
for thing in gc.get_objects():
    if isinstance(thing, socket.socket):
        while time.time() < end:
            thing.sendall(b's' + bytes(12))
""", "forging", status="crashed")  # fmt: skip
hostile("written_to_every_descriptor", """
import os
for number in range(3, 256):
    for text in (b'd' + bytes(12), b'right 10.0\\n', b'{"score": 10}'):
        try:
            os.write(number, text)
        except OSError:
            pass
""", "forging", 0.0, checks=(("relu", "not run"),))  # fmt: skip
hostile("frames_walked", """
import sys
frame = sys._getframe()
while frame:
    for value in list(frame.f_locals.values()):
        if type(value).__name__ in ('Verdict', 'Gradebook'):
            print('LEAK: the frames hold a', type(value).__name__)
        if isinstance(value, dict) and 'seed' in value:
            value['steps'] = []
    frame = frame.f_back
""", "forging")  # fmt: skip
hostile("garbage_walked", """
import gc
for thing in gc.get_objects():
    name = type(thing).__name__
    if name in ('Verdict', 'Gradebook', 'Mistake', 'Writer', 'Template'):
        print('LEAK: the garbage collector knows a', name)
    if isinstance(thing, dict) and 'hidden' in thing and thing.get('hidden') and 'inputs' in thing:
        print('LEAK: hidden values of a case')
""", "forging")  # fmt: skip
hostile("traced", """
import sys
def trace(frame, event, arg):
    if frame.f_code.co_name == '_probe':
        frame.f_locals['answer'] = None
    return trace
sys.settrace(trace)
sys.setprofile(lambda *a: None)
""", "forging", ONE, "My_Linear")  # fmt: skip
hostile("at_exit", """
import atexit, threading
atexit.register(lambda: print('right 10.0'))
threading.Thread(target=lambda: __import__('time').sleep(5)).start()
""", "forging")  # fmt: skip
hostile("printed_result", """
from IPython.display import HTML, display
print('{"score": 10.0, "status": "right"}')
display(HTML('<div class="course-card" data-status="right">Right</div><script>document.title = "LEAK"</script>'))
3.0
""", "forging")  # fmt: skip
hostile("written_results", """
import json, pathlib
row = [{'id': 'linear.relu', 'points': 10, 'status': 'right'}]
for place in ('.', '..', '/tmp', '/tmp/.course/results'):
    try:
        path = pathlib.Path(place)
        (path / 'result.json').write_text(json.dumps({'score': 10, 'checks': row}))
        (path / 'gradebook.db').write_bytes(b'SQLite format 3')
    except OSError:
        pass
""", "forging")  # fmt: skip
hostile("ends_itself", "import os\nos._exit(0)", "forging", status="crashed", repaired=True)
hostile("exits", "exit()\nimport sys\nsys.exit(0)", "forging")
hostile("interrupts_itself", "raise KeyboardInterrupt", "forging")
answer("answer_ends_the_process", "collapse", "def collapse(*a):\n    import os\n    os._exit(0)", "forging",
       status="crashed", checks=(("collapse", "crashed"),))  # fmt: skip
answer("answer_exits", "collapse", "def collapse(*a):\n    raise SystemExit", "forging")
answer("always_equal", "collapse", """
class Same:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __getattr__(self, name): return Same()
    def __call__(self, *a, **k): return Same()
    def __iter__(self): return iter([Same(), Same()])
    def __len__(self): return 2
    def __matmul__(self, other): return Same()
    def __rmatmul__(self, other): return Same()
    def __add__(self, other): return Same()
def collapse(*a):
    return Same()
""", "forging")  # fmt: skip
answer("lying_tensor", "collapse", """
class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return True
def collapse(w1, b1, w2, b2):
    return torch.zeros(3).as_subclass(Liar), torch.zeros(3).as_subclass(Liar)
""", "forging")  # fmt: skip
answer(
    "reference_handed_in",
    "My_Linear",
    "from course_utils.reference.linear import My_Linear",
    "forging",
)
answer("edited_reference_handed_in", "My_Linear", """
from course_utils.checking.edit import Edit, edited
My_Linear = edited("linear.My_Linear", Edit(()))
""", "forging")  # fmt: skip
answer(
    "torch_handed_in",
    "My_Linear",
    "My_Linear = torch.nn.Linear",
    "forging",
    checks=(("My_Linear", "shortcut"),),
)
answer("torch_wrapped", "My_Linear", """
class My_Linear(torch.nn.Linear):
    pass
""", "forging", checks=(("My_Linear", "shortcut"),))  # fmt: skip
answer("values_of_the_inputs_told", "collapse", """
def collapse(w1, b1, w2, b2):
    raise ValueError('LEAK: ' + str(w1.tolist()))
""", "forging", checks=(("collapse", "error"),))  # fmt: skip


# ---------------------------------------------------------------- reading what is not theirs

hostile("files_searched", """
import os
wanted = ('gradebook.db', 'seeds', 'submitted', 'solutions', '01_linear.ipynb', '01_linear.py')
for top, folders, files in os.walk('/'):
    if top.startswith(('/proc', '/sys')) or top.endswith('site-packages'):
        folders[:] = []
    for name in [*folders, *files]:
        if name in wanted:
            print('LEAK: found', os.path.join(top, name))
""", "reading")  # fmt: skip
hostile("answers_searched", """
import os, sys, pathlib
for top in {*sys.path, '/opt'}:
    for path in pathlib.Path(top or '.').glob('course_utils/**/linear.py'):
        if 'reference' in path.parts or 'mistakes = (' in path.read_text():
            print('LEAK: answers in', path)
""", "reading")  # fmt: skip
hostile("environment_read", """
import os
for name in os.environ:
    if 'SECRET' in name or 'COURSE' in name:
        print('LEAK: the environment has', name)
""", "reading")  # fmt: skip
hostile("neighbours_looked_at", """
import os
for number in range(1, 5_000):
    try:
        os.kill(number, 0)
    except OSError:
        continue
    if number != os.getpid():
        print('LEAK: process', number, 'can be signalled')
try:
    for name in os.listdir('/proc'):
        if name.isdigit() and int(name) != os.getpid():
            print('LEAK: process', name, 'can be seen')
except OSError:
    pass
""", "reading")  # fmt: skip
hostile("network", """
import socket
for address in (('127.0.0.1', 8888), ('127.0.0.1', 22), ('192.0.2.1', 80)):
    try:
        socket.create_connection(address, timeout=0.5)
        print('LEAK: connected to', address)
    except OSError:
        pass
import os
for name in os.listdir('/sys/class/net') if os.path.isdir('/sys/class/net') else []:
    print('LEAK: a network device', name)
""", "reading")  # fmt: skip
hostile("validation_labels_read", """
import hashlib, pathlib, course_utils.data as data
for path in pathlib.Path(data.DATA).glob('mnist/valid-labels*'):
    import gzip
    if hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest() == VALID:
        print('LEAK: the labels of the validation digits')
""".replace("VALID", repr(LABELS)), "reading")  # fmt: skip


# ---------------------------------------------------------------- using more than there is

answer("loops", "collapse", """
import time
def collapse(*a):
    end = time.process_time() + 60
    while time.process_time() < end:
        pass
""", "limits", checks=(("collapse", "timeout"),))  # fmt: skip
answer("loops_and_swallows_interrupts", "collapse", """
import time
def collapse(*a):
    end = time.process_time() + 60
    while time.process_time() < end:
        try:
            while time.process_time() < end:
                pass
        except BaseException:
            pass
""", "limits", status="timeout", checks=(("collapse", "timeout"),))  # fmt: skip
hostile(
    "cell_that_loops",
    "import time\nend = time.time() + 60\nwhile time.time() < end:\n    pass",
    "limits",
)
hostile("cell_that_loops_and_ignores_signals", """
import signal, time
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
end = time.time() + 60
while time.time() < end:
    try:
        time.sleep(1)
    except BaseException:
        pass
""", "limits", status="timeout", repaired=True)  # fmt: skip
answer("memory", "collapse", """
def collapse(*a):
    unused = bytes(900 << 20)  # they count, and take no time, since nothing is written to them
    kept = [torch.ones(4 << 20) for _ in range(16)]  # the last that fits is well below 1 GB
    return kept
""", "limits", checks=(("collapse", "out of memory"),))  # fmt: skip
hostile("memory_of_many_processes", """
import os, time
for _ in range(6):
    if os.fork() == 0:
        kept = bytearray(os.urandom(1)) * (400 << 20)
        time.sleep(8)
        os._exit(0)
time.sleep(8)
""", "limits", status="out of memory", repaired=True)  # fmt: skip
hostile("forks", """
import os, time
for _ in range(60):
    try:
        if os.fork() == 0:
            time.sleep(8)
            os._exit(0)
    except OSError:
        break
time.sleep(2.5)
""", "limits", status="crashed", repaired=True)  # fmt: skip
hostile("output_flood", "for _ in range(20_000):\n    print('x' * 1_000)", "limits")
hostile("magics_flood", "%who\n" * 600, "limits")
SOCKET = """
import gc, os, socket, struct, threading, time
sock = next(thing for thing in gc.get_objects() if isinstance(thing, socket.socket))
"""
hostile("frame_in_drops", f"""{SOCKET}
sock.sendall(struct.pack('<cIQ', b'o', 0, 1_000))
for _ in range(100):
    try:
        sock.sendall(b' ')
        time.sleep(0.3)
    except OSError:
        break
    except BaseException:
        pass
""", "limits", status="timeout", repaired=True)  # fmt: skip
hostile("byte_out_of_band", f"""{SOCKET}
sock.send(b'x', socket.MSG_OOB)
while True:
    try:
        time.sleep(9)
    except BaseException:
        pass
""", "limits", status="crashed", repaired=True)  # fmt: skip
hostile("memory_that_is_shared", """
import mmap, os
kept = []
try:
    kept.append(mmap.mmap(-1, 64 << 20))
    print('LEAK: shared memory that nobody counts')
except OSError:
    pass
try:
    kept.append(os.memfd_create('x'))
    print('LEAK: files in memory that nobody counts')
except OSError:
    pass
""", "limits")  # fmt: skip


hostile("memory_of_a_device", """
import mmap, os
try:
    descriptor = os.open('/dev/zero', os.O_RDWR)
    mapped = mmap.mmap(descriptor, 64 << 20, flags=mmap.MAP_SHARED)
    print('LEAK: shared memory that nobody counts')
except OSError:
    pass
""", "limits")  # fmt: skip
hostile("terminals_taken", """
import os
opened = []
try:
    for _ in range(60):
        opened.append(os.openpty())
    print('LEAK: the terminals of the host')
except OSError:
    pass
""", "limits")  # fmt: skip
hostile("sockets_of_other_kinds", """
import socket
for family in (16, 17, 30, 31, 38, 40, 44):
    try:
        socket.socket(family, socket.SOCK_DGRAM)
        print('LEAK: a socket of the family', family)
    except OSError:
        pass
""", "limits")  # fmt: skip
hostile("other_processors_taken", """
import os
try:
    os.sched_setaffinity(0, range(os.cpu_count()))
    print('LEAK: every processor')
except OSError:
    pass
if len(os.sched_getaffinity(0)) > 1:
    print('LEAK: more than one processor')
""", "limits")  # fmt: skip
hostile("evidence_too_large_all_together", """
import importlib, torch
child = importlib.import_module('course_utils.grading.inside.child')
encode = child.encode
large = {'y': torch.zeros(15 << 20, dtype=torch.uint8)}
child.encode = lambda tree: encode([item | {'values': large} for item in tree[:1]])
""", "limits", 0.0, status="crashed", checks=(("two_layer_net", "crashed"),))  # fmt: skip
hostile("a_line_of_blanks", "a b\n" + " " * 99_000 + "x", "limits")
hostile("words_in_a_broken_frame", f"""{SOCKET}
words = b'LEAK: the disk of the server is full, the instructor should give full points by hand'
sock.sendall(struct.pack('<cIQ', b'x', 0, len(words)) + words)
time.sleep(3)
""", "forging", status="crashed", repaired=True)  # fmt: skip
hostile("words_in_the_evidence", """
import importlib
child = importlib.import_module('course_utils.grading.inside.child')
encode = child.encode
words = 'LEAK: the instructor should give full points by hand'
forged = {'type': words, 'message': words, 'line': 1, 'source': words, 'function': words}
child.encode = lambda tree: encode([item | {'raised': forged, 'shortcut': words} for item in tree])
""", "forging", 0.0, checks=(("relu", "crashed"),))  # fmt: skip


@entry("limits", ONE)
def output_flood_past_the_recorder() -> Notebook:
    notebook = answered("relu")
    for number in range(8):
        put(notebook, f"pass  # {number}")
    return put(notebook, """
import course_utils.grading.inside.child as child
class Recorder:
    outputs = [{'output_type': 'stream', 'name': 'stdout', 'text': 'x' * (3 << 20)}]
    def start(self, room): pass
    def text(self, name, text): pass
    data = error = text
child.RECORDER = Recorder()
""", "relu")  # fmt: skip


hostile("file_flood", """
try:
    with open('/tmp/large', 'wb') as file:
        for _ in range(64):
            file.write(bytes(1 << 20))
    print('LEAK: 64 MB were written')
except OSError:
    pass
""", "limits")  # fmt: skip
answer(
    "recurses",
    "collapse",
    "def collapse(*a):\n    return collapse(*a)",
    "limits",
    checks=(("collapse", "error"),),
)
answer("crashes_the_interpreter", "collapse", """
import ctypes
def collapse(*a):
    ctypes.string_at(0)
""", "limits", status="crashed", checks=(("collapse", "crashed"),))  # fmt: skip


# ---------------------------------------------------------------- harming the next submission

MARKS = "('/tmp/poison', '/dev/shm/poison', '/tmp/torch.py', '/var/tmp/poison', '/opt/poison', '/poison')"
hostile("a_files_left_behind", f"""
for path in {MARKS}:
    try:
        open(path, 'w').write('raise RuntimeError')
    except OSError:
        pass
""", "poisoning")  # fmt: skip
hostile("b_start_up_hooks_left_behind", """
import os, pathlib, site, sys
hook = "import builtins\\nbuiltins.poisoned = True\\n"
home = pathlib.Path.home()
places = [home / '.ipython/profile_default/startup/poison.py', home / '.matplotlib/matplotlibrc']
places += [pathlib.Path(top) / name for top in sys.path if top for name in ('sitecustomize.py', 'poison.pth')]
for path in places:
    if str(path).startswith(('/tmp', '/opt')):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(hook)
        except OSError:
            pass
import builtins
builtins.poisoned = True
import course_utils.grading.inside.child as child
child.work = None
""", "poisoning")  # fmt: skip
hostile("c_process_left_behind", """
import subprocess, sys
text = "import os, time\\nos.setsid()\\nend = time.time() + 20\\n" + \
       "while time.time() < end:\\n    open('/tmp/alive', 'w').write('x')\\n    time.sleep(0.1)"
subprocess.Popen([sys.executable, '-c', text], start_new_session=True)
""", "poisoning")  # fmt: skip
hostile("d_shared_memory_left_behind", """
from multiprocessing import shared_memory, resource_tracker
try:
    shared = shared_memory.SharedMemory('poison', create=True, size=64)
    resource_tracker.unregister = lambda *a: None
except OSError:
    pass
""", "poisoning")  # fmt: skip
hostile("d_port_left_behind", """
import socket
try:
    with socket.create_server(('127.0.0.1', 4321), reuse_port=False) as server:
        with socket.create_connection(('127.0.0.1', 4321)):
            server.accept()[0].close()  # who closes first keeps the port for a minute
except OSError:
    pass
""", "poisoning")  # fmt: skip
hostile("e_looks_for_what_was_left", f"""
import builtins, errno, os, socket, sys
try:
    socket.socket().bind(('127.0.0.1', 4321))
except OSError as error:
    if error.errno == errno.EADDRINUSE:
        print('LEAK: a port of another submission')
for path in {MARKS} + ('/tmp/alive', '/dev/shm/psm_poison'):
    if os.path.exists(path):
        print('LEAK: found', path)
if hasattr(builtins, 'poisoned') or 'poison' in sys.modules:
    print('LEAK: a start-up hook has run')
from multiprocessing import shared_memory
try:
    shared_memory.SharedMemory('poison')
    print('LEAK: shared memory of another submission')
except OSError:
    pass
""", "poisoning")  # fmt: skip


@entry("poisoning", FULL)
def zz_witness() -> Notebook:
    """The last one graded: it gets what it deserves after all the others."""
    return put(answered(), "witness = True")


@entry("forging", FULL)
def script_in_the_text() -> Notebook:
    notebook = put(
        answered(), "# My notes\n<script>document.title = 'LEAK'</script>", kind="markdown"
    )
    notebook["cells"][place(notebook, "why_nonlinear")]["source"] = (
        "<img src=x onerror=\"document.title='LEAK'\"> [x](javascript:document.title='LEAK')"
    )
    return notebook


@entry("forging", ONE, repaired=True)
def layer_over_the_page() -> Notebook:
    names = [mark(item) for item in released()["cells"] if is_graded(item)]
    layer = "".join(f'<div id="{name}"></div>' for name in names)
    layer += '<div class="full-credit modal-backdrop fade"></div>'
    return doubled(
        "raw", f'<div class="nbgrader_cell">{layer}</div><script>document.title = "LEAK"</script>'
    )


@entry("forging", FULL)
def verdicts_imitated() -> Notebook:
    notebook = put(
        answered(),
        '<div class="course-card" id="check-relu">Right: 99 of 1 points</div>',
        kind="markdown",
    )
    card = {"text/html": "<div class=course-card>Right</div><script>document.title='LEAK'</script>"}
    output = {"output_type": "display_data", "data": card, "metadata": {}}
    notebook["cells"][place(notebook, "check-collapse")]["outputs"] = [output]
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    return notebook


def _beside(kind: str, points: float = 1.0) -> Callable[[Callable[[Path], None]], None]:
    """Adds a submission in which relu alone is answered, with something else in its folder."""

    def add(make: Callable[[Path], None]) -> None:
        def write(folder: Path) -> None:
            folder.mkdir(parents=True)
            (folder / f"{LESSON.name}.ipynb").write_text(json.dumps(answered("relu")))
            make(folder)

        ENTRIES.append(Entry(kind, "reading", points, write))

    return add


@_beside("links_beside_it")
def _links(folder: Path) -> None:
    (folder / "passwd").symlink_to("/etc/passwd")
    (folder / "etc").symlink_to("/etc")
    (folder / "seed.txt").symlink_to(f"../../../.course/seeds/{LESSON.name}")
    (folder / "neighbour.txt").symlink_to(f"../../solved/{LESSON.name}/{LESSON.name}.ipynb")
    (folder / "gradebook.txt").symlink_to("../../../gradebook.db")
    (folder / "timestamp.txt").symlink_to("/etc/hostname")
    (folder / "submission_secret.txt").symlink_to("/etc/passwd")


@_beside("pipes_beside_it")
def _pipes(folder: Path) -> None:
    for name in ("data.txt", "timestamp.txt", "submission_secret.txt"):
        os.mkfifo(folder / name)


@_beside("sparse_files_beside_it")
def _sparse(folder: Path) -> None:
    for name, start in (
        ("data.bin", b""),
        ("timestamp.txt", b"2030-01-01 00:00:00 UTC" + b" " * 77),
    ):
        with (folder / name).open("wb") as file:
            file.write(start)
            file.truncate(300 << 20)


@_beside("pages_beside_it")
def _pages(folder: Path) -> None:
    (folder / "evil.html").write_text("<script>document.title = 'LEAK'</script>")
    (folder / "evil.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg' onload='document.title=1'/>"
    )


def write_corpus(submitted: Path, entries: list[Entry] | None = None) -> None:
    """Write submissions as nbgrader collects them: submitted/<kind>/01_linear/."""
    for item in entries or ENTRIES:
        item.make(submitted / item.kind / LESSON.name)
