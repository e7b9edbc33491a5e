"""Makes the folder that a sandbox sees as the course: probes without mistakes, answers of earlier lessons only."""

import ast
import gzip
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
ROOMS = ("checking",)
OWN = ("__init__.py", "child.py", "shell.py", "template.py", "wire.py")


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
    source = (PACKAGE / "exercises" / f"{lesson}.py").read_text(encoding="utf-8")
    (package / "exercises" / f"{lesson}.py").write_text(without_mistakes(source), encoding="utf-8")
    (package / "reference").mkdir()
    for name in ("__init__", *earlier):
        path = PACKAGE / "reference" / f"{name}.py"
        if path.is_file():
            shutil.copy(path, package / "reference")
    _data(PACKAGE.parent / "data", folder / "data")


def without_mistakes(source: str) -> str:
    """A module of exercises without `mistakes`, and without the private things that only these used.

    The catalogue holds half of every answer: what all mistakes about a layer have in common is a working layer.
    """
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            node.body = [item for item in node.body if not _assigns(item, "mistakes")] or [ast.Pass()]
    while (kept := [node for node in tree.body if not _left_over(node, tree)]) != tree.body:
        tree.body = kept
    return ast.unparse(tree) + "\n"


def _left_over(node: ast.stmt, tree: ast.Module) -> bool:
    """Whether this is a private function or class that nothing else in the module names."""
    if not isinstance(node, ast.FunctionDef | ast.ClassDef) or not node.name.startswith("_"):
        return False
    others = (inner for other in tree.body if other is not node for inner in ast.walk(other))
    return not any(isinstance(inner, ast.Name) and inner.id == node.name for inner in others)


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
