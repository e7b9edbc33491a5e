"""The rooms of the package import one way only, and names line up across lessons."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "course_utils"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAY_IMPORT = {
    "reference": {"reference"},
    "exercises": {"exercises", "checking", "data"},
    "checking": {"checking"},
    "grading": {"grading", "checking", "building", "data"},
    "building": {"building", "checking", "data"},
}


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, by full name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    room = path.relative_to(PACKAGE).parts[0]
    names = list(imported(path))
    if room in MAY_IMPORT:
        rooms = {name.split(".")[1] for name in names if name.startswith("course_utils.")}
        assert rooms <= MAY_IMPORT[room] | {"check", "judge"}
    if room == "reference":
        assert {name.split(".")[0] for name in names} <= {
            "torch",
            "course_utils",
            "math",
            "collections",
            "typing",
            "",
        }
    if room not in ("grading", "building", "cli.py"):
        assert not any(name.startswith("nbgrader") for name in names)


def test_names_line_up():
    def stems(room: str) -> set[str]:
        return {path.stem for path in (PACKAGE / room).glob("[!_]*.py")}

    lessons = {
        path.stem.partition("_")[2]
        for path in (PACKAGE.parent / "solutions").glob("[0-9][0-9]_*.py")
    }
    answers = {path.stem for path in (PACKAGE.parent / "tests" / "answers").glob("[!_]*.py")}
    assert stems("reference") == stems("exercises") == answers == lessons
