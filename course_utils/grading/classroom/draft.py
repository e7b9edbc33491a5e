"""The draft of a mistake of the catalogue, and of its independent test, from a student's answer.

What a student wrote is commented out: once somebody removes the marks it runs with their rights, so
they have to read it first.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

from course_utils.building.new import FILL_IN
from course_utils.checking.exercise import Exercise
from course_utils.errors import CourseError
from course_utils.files import write
from course_utils.grading.classroom.unnamed import Group
from course_utils.grading.outside.gate import plain

ENTRY = f"""{FILL_IN}: a name and a hint, then remove these marks (equal to NUMBER answers).
Mistake(
    "{FILL_IN}: its name",
    EDIT,
    "{FILL_IN}: what was done, why it matters, how to think about it; no code.",
),
"""
TEST = f"""{FILL_IN}: read it, give it the name of the mistake, then remove these marks.
@wrong("ID", "{FILL_IN}: its name")
"""
UNKNOWN = f'edit("{FILL_IN}: what the reference says", "{FILL_IN}: what was written")'


@dataclass(frozen=True)
class Draft:
    """The files of the two drafts, and the line on which each begins."""

    entry: tuple[Path, int]
    test: tuple[Path, int]


def write_draft(group: Group, root: Path) -> Draft:
    """Write the drafts for a group into the course's sources; raises CourseError without these."""
    lesson = group.exercise.lesson
    catalogue = root / "course_utils" / "exercises" / f"{lesson}.py"
    tests = root / "tests" / "answers" / f"{lesson}.py"
    for path in (catalogue, tests):
        if not path.is_file():
            raise CourseError(f"There is no {path}: name a mistake in the course's repository.")
    texts = {path: path.read_text(encoding="utf-8") for path in (catalogue, tests)}
    place, indent = _place(texts[catalogue], group.exercise)
    lines = texts[catalogue].split("\n")
    lines[place:place] = _behind_marks(_entry(group), indent)
    write(catalogue, "\n".join(lines).encode())
    test = _behind_marks(TEST.replace("ID", group.id) + plain(group.answer), 0)
    before = texts[tests].rstrip("\n")
    write(tests, (before + "\n\n\n" + "\n".join(test) + "\n").encode())
    return Draft((catalogue, place + 1), (tests, before.count("\n") + 4))


def _entry(group: Group) -> str:
    edit = UNKNOWN
    if group.edit is not None:
        pairs = (f"{_quoted(old)}, {_quoted(new)}" for old, new in group.edit.pairs)
        edit = f"edit({', '.join(pairs)})"
    return ENTRY.replace("NUMBER", str(len(group.students))).replace("EDIT", edit)


def _quoted(text: str) -> str:
    """A text as Python, in the quotes of the house where it can be."""
    return repr(text) if '"' in text else '"' + repr(text)[1:-1].replace("\\'", "'") + '"'


def _place(text: str, exercise: Exercise) -> tuple[int, int]:
    """Where an entry goes, and how deep: the end of the list of mistakes, else before it."""
    classes = (node for node in ast.parse(text).body if isinstance(node, ast.ClassDef))
    body = next((node.body for node in classes if node.name == type(exercise).__name__), [])
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "mistakes":
            value = node.value
            if isinstance(value, ast.Tuple | ast.List) and value.end_lineno != value.lineno:
                return (value.end_lineno or 0) - 1, node.col_offset + 4
            return node.lineno - 1, node.col_offset
    raise CourseError(f"{exercise.id} has no mistakes in its class: add it there by hand.")


def _behind_marks(text: str, indent: int) -> list[str]:
    """The lines as comments."""
    return [" " * indent + f"# {line}".rstrip() for line in text.strip("\n").split("\n")]
