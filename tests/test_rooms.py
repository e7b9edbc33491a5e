"""The rooms of the package import one way only, and names line up across lessons."""

import ast
import re
import symtable
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "course_utils"
MODULES = sorted(PACKAGE.rglob("*.py"))
ANSWERS = sorted((PACKAGE.parent / "tests" / "answers").glob("[!_]*.py"))
# What each room may import; grading has rooms of its own.
MAY_IMPORT = {
    "reference": {"reference"},
    "exercises": {"exercises", "checking", "data"},
    "checking": {"checking"},
    "building": {
        "building",
        "checking",
        "data",
        "experiments",
        "files",
        "plots",
        "update",
        "variables",
    },
    "experiments": {"experiments"},
    "site": {"site", "building", "checking"},
    "update": {"update", "checking", "files"},
    "mine": {"mine", "checking", "files", "variables"},
    "explore": {"explore", "mine", "checking", "reference", "data", "plots"},
    "data": {"data"},
    "grading.inside": {"grading.inside", "checking"},
    "grading.outside": {
        "grading.inside",
        "grading.outside",
        "checking",
        "building",
        "data",
        "files",
        "mine",
        "variables",
    },
}
MAY_IMPORT["grading.classroom"] = MAY_IMPORT["grading.outside"] | {"grading.classroom"}
MAY_IMPORT["grading.term"] = MAY_IMPORT["grading.classroom"] | {"grading.term"}
MAY_IMPORT["grading"] = MAY_IMPORT["grading.term"]
# What finds a room by a name that it puts together, and why it has to.
BY_NAME = {
    "checking/exercise.py": {"exercises", "reference"},  # an id names both
    "checking/edit.py": {"reference"},  # a mistake is an edit of it
    "checking/name_errors.py": {"mine"},  # a cell that it advises to run
    "checking/guard.py": {"exercises", "reference"},  # neither is an answer
    "mine/library.py": {"reference"},  # the course's answer fills a gap
    "mine/names.py": {"reference"},  # and is lent
    "site/api.py": {"plots", "explore", "data", "mine", "checking"},  # whose names it lists
    "grading/inside/template.py": {"data"},  # which most lessons load, before the lesson is known
    "grading/outside/kit.py": {"exercises", "reference"},  # which a sandbox gets in part
    "grading/classroom/paper.py": {"reference"},  # what is printed comes from a run of it
}
OF_TORCH_ONLY = {"torch", "course_utils", "math", "collections", "typing", ""}
NAMED = re.compile(r"(?:^|\bfrom |\bimport )course_utils\.(\w[\w.]*)")


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, by full name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def named(source: str) -> Iterator[str]:
    """The modules that texts of a file name, as importlib and `python -m` take them."""
    tree = ast.parse(source)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield from (f"course_utils.{name}" for name in NAMED.findall(node.value))


def room(name: str) -> str:
    """The room of a module of the package, such as grading.inside of grading.inside.wire."""
    parts = name.removeprefix("course_utils.").split(".")
    return next((key for key in (".".join(parts[:2]), parts[0]) if key in MAY_IMPORT), parts[0])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_one_way(path):
    place = path.relative_to(PACKAGE)
    own = room(".".join(place.with_suffix("").parts))
    names = list(imported(path))
    if len(place.parts) > 1:
        assert own in MAY_IMPORT, f"say in {Path(__file__).name} what the room {own} may import"
        rooms = {room(name) for name in names if name.startswith("course_utils.")}
        assert rooms <= MAY_IMPORT[own] | {"check", "judge", "errors", "__version__"}
        by_name = {room(name) for name in named(path.read_text(encoding="utf-8"))}
        assert by_name <= MAY_IMPORT[own] | BY_NAME.get(place.as_posix(), set())
    if own == "reference":
        assert {name.split(".")[0] for name in names} <= OF_TORCH_ONLY
    if not own.startswith("grading") and own != "building":
        assert not any(name.startswith("nbgrader") for name in names)
    if own == "grading.inside":
        assert not any(name.startswith(("nbgrader", "nbconvert", "sqlalchemy")) for name in names)


def test_a_module_that_a_text_names_counts():
    source = 'load("course_utils.grading.outside")\nload(f"course_utils.mine.{name}")\n'
    source += '"""A docstring of course_utils.x."""\nrun("from course_utils.data import x")'
    assert set(map(room, named(source))) == {"grading.outside", "mine", "data"}
    assert not set(named('"""course_utils.grading.outside"""'))


def test_what_finds_a_room_by_name_still_does():
    for place, rooms in BY_NAME.items():
        names = named((PACKAGE / place).read_text(encoding="utf-8"))
        assert rooms <= set(map(room, names)), place


def gives(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module gives to something."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in statement.names)
    elif isinstance(statement, ast.Assign):
        names = (name for name in ast.walk(statement) if isinstance(name, ast.Name))
        yield from (name.id for name in names if isinstance(name.ctx, ast.Store))


def uses(table: symtable.SymbolTable) -> Iterator[str]:
    """The names of a module that its functions and classes use when they run."""
    for inner in table.get_children():
        yield from (symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global())
        yield from uses(inner)


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.stem)
def test_a_name_that_answers_use_is_given_once(path):
    """A second thing of that name would change the answers above it, and nobody would see it."""
    source = path.read_text(encoding="utf-8")
    given = Counter(name for statement in ast.parse(source).body for name in gives(statement))
    used = {*uses(symtable.symtable(source, path.name, "exec"))}
    assert not {name for name in used if given[name] > 1}


def test_names_line_up():
    def stems(room: str) -> set[str]:
        return {path.stem for path in (PACKAGE / room).glob("[!_]*.py")}

    lessons = {
        path.stem.partition("_")[2]
        for path in (PACKAGE.parent / "solutions").glob("[0-9][0-9]_*.py")
    }
    answers = {path.stem for path in ANSWERS}
    assert stems("reference") == stems("exercises") == answers == lessons
