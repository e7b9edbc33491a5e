"""Writes into a lesson what its exercises declare: points lines, check cells, table and time.

A lesson's text asks for these with markers: `# %% exercise="mse"` begins the cell in which `mse` is
answered, `{{ mse }}` stands for its points and minutes, and `{{ exercises }}` and `{{ time }}` for
the table of all exercises and the lesson's minutes. An empty cell `# %% guess="sgd.valley"` becomes
the question that is asked before an experiment, and the cell for the answer.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nbformat import NotebookNode

from course_utils import experiments
from course_utils.building.parts import core
from course_utils.checking.exercise import Exercise, FreeText, exercises, free_texts, lessons
from course_utils.errors import CourseError

Question = Exercise | FreeText
Questions = Mapping[str, Question]

MARKER = re.compile(r"\{\{ (\w+(?:, \w+)*) \}\}")
ATTRIBUTES = ("points", "minutes", "lines", "writes")
TABLE, TIME = "exercises", "time"
HIDDEN_SEED = 101
WORDS_A_MINUTE = (
    50  # with pictures and experiments, as two lessons took that were tried by the clock
)


def declared(short: str) -> dict[str, Question]:
    """The exercises and questions of a lesson by name; short: its name without the number."""
    if short not in lessons():
        return {}
    questions: list[Question] = [*exercises(short), *free_texts(short)]
    for question in questions:
        missing = [name for name in ATTRIBUTES if not hasattr(question, name)]
        if missing:
            raise CourseError(
                f"{question.id} has no {' and no '.join(missing)}: add it to the exercise's class "
                f"in course_utils/exercises/{short}.py."
            )
    return {question.name: question for question in questions}


def written_out(cells: Sequence[NotebookNode], questions: Questions) -> Iterator[NotebookNode]:
    """The cells with every marker replaced, and a check cell after every answer in code; raises
    CourseError where a marker names no exercise.
    """
    groups = _groups(_prose(cells), questions)
    texts = {TABLE: _table(groups), TIME: _time(cells, questions)}
    texts |= {_key(group): _points_line(group) for group in groups}
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = MARKER.sub(lambda found: texts[found[1]], cell.source)
        if "guess" in cell.metadata:
            yield from _guessed(cell)
        elif "exercise" not in cell.metadata:
            yield cell
        else:
            yield from _asked(cell, _named(cell.metadata.pop("exercise"), questions))


def _prose(cells: Iterable[NotebookNode]) -> str:
    """All that is read: no code, and no model answers."""
    prose = (cell for cell in cells if cell.cell_type == "markdown")
    return "\n".join(cell.source for cell in prose if "exercise" not in cell.metadata)


def _groups(prose: str, questions: Questions) -> list[list[Question]]:
    """The exercises that the text asks for, in order, those of one line together."""
    return [[_named(name, questions) for name in names] for names in marked(prose)]


def marked(prose: str) -> list[list[str]]:
    """The exercises whose points lines the text asks for, in order, those of one line together."""
    return [names.split(", ") for names in MARKER.findall(prose) if names not in (TABLE, TIME)]


def _named(name: str, questions: Questions) -> Question:
    if name not in questions:
        known = ", ".join(questions) or "none yet"
        raise CourseError(
            f"The text names {name!r}, which is not an exercise of the lesson: declare it in "
            f"course_utils/exercises/, or name one that is there ({known})."
        )
    return questions[name]


def _asked(cell: NotebookNode, question: Question) -> Iterator[NotebookNode]:
    """The answer's cell with nbgrader's marks, and for an exercise the cell that checks it."""
    tags, seed = cell.metadata.pop("tags", None), cell.metadata.pop("seed", HIDDEN_SEED)
    by_hand = isinstance(question, FreeText)
    if by_hand != (cell.cell_type == "markdown"):
        due = "markdown, since it is answered in words" if by_hand else "code"
        raise CourseError(f"The cell of {question.name} is {cell.cell_type}: make it {due}.")
    if not isinstance(seed, int) or seed <= 0:
        raise CourseError(f"The cell of {question.name} has seed={seed}: take a number above 0.")
    cell.metadata["nbgrader"] = _marks(question.name, solution=True, grade=by_hand)
    if by_hand:
        cell.metadata["nbgrader"]["points"] = question.points
        yield cell
        return
    yield cell
    marks = _marks(f"check-{question.name}", locked=True, grade=True)
    check = f'check("{question.id}", {question.name}'
    source = (
        f"from course_utils import check\n\n{check})\n"
        f"### BEGIN HIDDEN TESTS\n{check}, seed={seed})\n### END HIDDEN TESTS"
    )
    metadata = {"nbgrader": marks | {"points": question.points}} | ({"tags": tags} if tags else {})
    yield NotebookNode(cell_type="code", source=source, metadata=metadata)


def _guessed(cell: NotebookNode) -> Iterator[NotebookNode]:
    """The question before an experiment, and the cell that takes the guess."""
    key = cell.metadata["guess"]
    if cell.source.strip() or cell.cell_type != "code":
        raise CourseError(
            f'The cell guess="{key}" is not empty: leave it empty, as its file has the question.'
        )
    yield NotebookNode(cell_type="markdown", source=experiments.question(key), metadata={})
    source = (
        f'from course_utils import guess\n\nguess("{key}", "")  # your letter between the quotes'
    )
    yield NotebookNode(cell_type="code", source=source, metadata={"guess": key})


def _marks(name: str, **marks: bool) -> dict[str, Any]:
    no = {"grade": False, "locked": False, "solution": False, "task": False}
    return {"grade_id": name, "schema_version": 3, **no, **marks}


def _key(group: Sequence[Question]) -> str:
    return ", ".join(question.name for question in group)


def _points_line(group: Sequence[Question]) -> str:
    """Such as *1 point · 10 minutes · three lines.*, and each of several that share a line."""
    first, each = group[0], " each" * (len(group) > 1)
    if any((other.points, other.lines) != (first.points, first.lines) for other in group):
        raise CourseError(
            f"{_key(group)} differ in points or lines: give each a marker of its own."
        )
    parts = [
        *(["extra"] if first.extra else []),
        f"{first.points} point{'s' * (first.points != 1)}{each}",
        f"{_minutes(group)} minutes",
        f"{first.lines}{each}",
    ]
    return f"*{' · '.join(parts)}.*"


def _table(groups: Sequence[Sequence[Question]]) -> str:
    """The table of exercises; where the lesson has extra ones, its last column says which."""
    header = ["Exercise", "You write", "Points", "Minutes"]
    rows = [
        [
            ", ".join(f"`{question.name}`" for question in group),
            group[0].writes,
            " + ".join(str(question.points) for question in group),
            str(_minutes(group)),
        ]
        for group in groups
    ]
    if any(group[0].extra for group in groups):
        header.append("Part")
        for row, group in zip(rows, groups, strict=True):
            row.append("extra" if group[0].extra else "core")
    lines = [f"| {' | '.join(row)} |" for row in [header, *rows]]
    return "\n".join([lines[0], "|---" * len(header) + "|", *lines[1:]])


def _time(cells: Sequence[NotebookNode], questions: Questions) -> str:
    """The lesson's minutes: those of its core, text included, to the nearest ten, and the rest."""
    short, whole = (minutes(part, questions) for part in (core(cells), cells))
    more = f" for the core, and {_tens(whole - short)} for what is extra"
    return f"{_tens(short)} minutes{more if _tens(whole - short) else ''}"


def minutes(cells: Iterable[NotebookNode], questions: Questions) -> float:
    """How long the exercises of these cells take, and their text without the hints."""
    prose = _prose(cells)
    words = len(re.sub(r"<details.*?</details>", "", prose, flags=re.DOTALL).split())
    return words / WORDS_A_MINUTE + sum(map(_minutes, _groups(prose, questions)))


def _tens(minutes: float) -> int:
    return round(minutes / 10) * 10


def _minutes(group: Sequence[Question]) -> int:
    return sum(question.minutes for question in group)
