"""Makes the folder that a sandbox sees as the course: probes without mistakes, answers of earlier lessons only."""

import ast
import gzip
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

PACKAGE = Path(__file__).resolve().parents[1]
ROOMS = ("checking",)
OWN = ("__init__.py", "child.py", "seccomp.py", "shell.py", "template.py", "wire.py")


def make(folder: Path, lesson: str, earlier: list[str]) -> None:
    """Fill the folder with the package and its data; lesson and earlier: names without number, such as linear."""
    package = folder / "course_utils"
    for room in ROOMS:
        shutil.copytree(PACKAGE / room, package / room, ignore=shutil.ignore_patterns("__pycache__"))
    for module in PACKAGE.glob("*.py"):
        if module.name != "cli.py":
            shutil.copy(module, package)
    (package / "grading").mkdir()
    for name in OWN:
        shutil.copy(PACKAGE / "grading" / name, package / "grading")
    (package / "exercises").mkdir()
    shutil.copy(PACKAGE / "exercises" / "__init__.py", package / "exercises")
    for name, source in probes(lesson).items():
        (package / "exercises" / f"{name}.py").write_text(source, encoding="utf-8")
    (package / "reference").mkdir()
    for name in ("__init__", *earlier):
        path = PACKAGE / "reference" / f"{name}.py"
        if path.is_file():
            shutil.copy(path, package / "reference")
    _data(PACKAGE.parent / "data", folder / "data")


def probes(lesson: str) -> dict[str, str]:
    """The sources of a lesson's exercises, and of what these import from other lessons, by module.

    They hold no mistakes, and nothing that only these use: the catalogue knows half of every answer, since what all
    mistakes about a layer have in common is a working layer.
    """
    wanted: dict[str, set[str] | None] = {lesson: None}
    while True:
        trees = {name: _reduced(name, names) for name, names in wanted.items()}
        found: dict[str, set[str] | None] = {lesson: None}
        for tree in trees.values():
            for node in (node for node in tree.body if _imports_exercises(node)):
                names = found.setdefault(str(node.module).rpartition(".")[2], set())
                if names is not None:
                    names |= {alias.name for alias in node.names}
        if found == wanted:
            return {name: ast.unparse(tree) + "\n" for name, tree in trees.items()}
        wanted = found


def _reduced(module: str, names: set[str] | None) -> ast.Module:
    """A module with these names, all exercises where none are given, and what they need."""
    tree = ast.parse((PACKAGE / "exercises" / f"{module}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            node.body = [item for item in node.body if not _assigns(item, "mistakes")] or [ast.Pass()]
    definitions = [node for node in tree.body if _bound(node)]
    public = {name for node in definitions if not isinstance(node, ast.FunctionDef) for name in _bound(node)}
    names = {name for name in public if not name.startswith("_")} if names is None else {*names}
    while more := {name for node in definitions if _bound(node) & names for name in _loaded(node)} - names:
        names |= more
    tree.body = [node for node in tree.body if not _bound(node) or _bound(node) & names]
    for node in tree.body:
        if _imports_exercises(node):
            node.names = [alias for alias in node.names if alias.name in names]
    tree.body = [node for node in tree.body if not _imports_exercises(node) or node.names]
    return tree


def _imports_exercises(node: ast.stmt) -> TypeGuard[ast.ImportFrom]:
    return isinstance(node, ast.ImportFrom) and str(node.module).startswith("course_utils.exercises.")


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement defines, other than by import."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return {inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name)}
    return set()


def _loaded(node: ast.stmt) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _assigns(node: ast.stmt, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _data(source: Path, folder: Path) -> None:
    """Copy the data; in place of what answers are measured on there are examples from the training part."""
    for path in _files(source):
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not path.name.startswith("valid"):
            shutil.copy(path, target)
            continue
        train = gzip.decompress((path.parent / path.name.replace("valid", "train", 1)).read_bytes())
        valid = gzip.decompress(path.read_bytes())
        stand_in = _idx(train, valid) if ".idx" in path.name else _lines(train, valid)
        target.write_bytes(gzip.compress(stand_in, 1, mtime=0))


def _files(source: Path) -> Iterator[Path]:
    """The files of the data, without what was downloaded."""
    return (path for path in sorted(source.glob("*/*")) if path.is_file() and path.parent.name != "downloads")


def _idx(train: bytes, valid: bytes) -> bytes:
    """As many training examples in idx format as there are validation examples, the last ones."""
    start = 4 + 4 * train[3]
    number, all_of_them = struct.unpack_from(">I", valid, 4)[0], struct.unpack_from(">I", train, 4)[0]
    size = (len(train) - start) // all_of_them
    return valid[:start] + train[len(train) - number * size :]


def _lines(train: bytes, valid: bytes) -> bytes:
    """As many lines of the training table as the validation table has, header included."""
    return b"".join(train.splitlines(keepends=True)[: valid.count(b"\n")])
