"""Makes the folder that a sandbox sees as the course: bare probes, and of the answers those of
other lessons only.
"""

import ast
import gzip
import shutil
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
ROOMS = ("checking", "experiments", "explore", "mine", "grading/inside")  # each whole
JUDGES = {
    *("cases", "expected", "holds", "measure", "mistakes", "weigh"),
    *("buggy", "suspects", "right_code", "rights", "wrongs"),
}


def begin(folder: Path) -> None:
    """Fill the folder with what is the same for every lesson: the package and its data."""
    package = folder / "course_utils"
    for room in ROOMS:
        shutil.copytree(
            PACKAGE / room, package / room, ignore=shutil.ignore_patterns("__pycache__")
        )
    for module in PACKAGE.glob("*.py"):
        if module.name != "cli.py":
            shutil.copy(module, package)
    for room in ("grading", "exercises", "reference"):
        (package / room).mkdir(exist_ok=True)
        shutil.copy(PACKAGE / room / "__init__.py", package / room)
    _data(PACKAGE / "data", package / "data")


def make(folder: Path, short: str, earlier: Iterable[str], imported: Iterable[str]) -> None:
    """Add a lesson to a folder that was begun.

    short and earlier: names of lessons without their numbers, such as linear. imported: what the
    lesson's own cells import, such as course_utils.reference.sgd, which is there in any case.
    """
    package = folder / "course_utils"
    for name, source in probes(short, imported).items():
        (package / "exercises" / f"{name}.py").write_text(source, encoding="utf-8")
    for name in references(short, earlier, imported):
        shutil.copy(PACKAGE / "reference" / f"{name}.py", package / "reference")


def references(short: str, earlier: Iterable[str], imported: Iterable[str]) -> set[str]:
    """The lessons whose answers a child may import: earlier ones, and what the lesson or these
    import themselves.

    Whatever was released, a lesson gets what it imports; its own answers it never gets.
    """
    from course_utils.mine.library import homes  # with torch, which takes long to import

    known = homes()
    waiting = [
        *earlier,
        *(name.split(".")[2] for name in imported if name.startswith("course_utils.reference.")),
        *(known[last] for last in _taken("course_utils.mine.", imported) if last in known),
    ]
    lessons: set[str] = set()
    while waiting:
        name = waiting.pop()
        path = PACKAGE / "reference" / f"{name}.py"
        if name in {*lessons, short} or not path.is_file():
            continue
        lessons.add(name)
        body = ast.parse(path.read_text(encoding="utf-8")).body
        waiting += [_last(node) for node in _imports_from("course_utils.reference.", body)]
    return lessons


def _taken(package: str, imported: Iterable[str]) -> Iterator[str]:
    """The last parts of the names that are imported from a package."""
    return (name.removeprefix(package) for name in imported if name.startswith(package))


def probes(short: str, imported: Iterable[str] = ()) -> dict[str, str]:
    """The sources of a lesson's exercises, and of what these import from other lessons, by module.

    They hold probes, what these need and what the lesson imports, and nothing else. The catalogue
    of mistakes knows half of every answer, since what all mistakes about a layer have in common is
    a working layer; and who draws the inputs or measures a model may have to solve the exercise for
    it.
    """
    is_ours = (PACKAGE / "exercises" / f"{short}.py").is_file()
    kept: dict[str, set[str]] = {short: set()} if is_ours else {}
    for name in imported:
        match name.split("."):
            case ["course_utils", "exercises", module, name]:
                kept.setdefault(module, set()).add(name)
    # What they need from other lessons may need more in turn: go on until nothing is new.
    wanted = {name: {*names} for name, names in kept.items()}
    while True:
        trees = {name: _reduced(name, names, every=name == short) for name, names in wanted.items()}
        needed = {name: {*names} for name, names in kept.items()}
        for tree in trees.values():
            for node in _imports_from("course_utils.exercises.", tree.body):
                needed.setdefault(_last(node), set()).update(alias.name for alias in node.names)
        if needed == wanted:
            return {name: ast.unparse(tree) + "\n" for name, tree in trees.items()}
        wanted = needed


def _reduced(module: str, names: set[str], every: bool) -> ast.Module:
    """A module with these names, every exercise where that is asked for, and what they need."""
    tree = ast.parse((PACKAGE / "exercises" / f"{module}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            node.body = [item for item in node.body if not _is_the_judges(item)] or [ast.Pass()]
    definitions = [node for node in tree.body if _bound(node)]
    public = {
        name
        for node in definitions
        if not isinstance(node, ast.FunctionDef)
        for name in _bound(node)
    }
    names = {*names, *(name for name in public if every and not name.startswith("_"))}
    while (
        more := {name for node in definitions if _bound(node) & names for name in _loaded(node)}
        - names
    ):
        names |= more
    tree.body = [node for node in tree.body if not _bound(node) or _bound(node) & names]
    for importing in _imports_from("course_utils.exercises.", tree.body):
        importing.names = [alias for alias in importing.names if alias.name in names]
        if not importing.names:
            tree.body.remove(importing)
    return tree


def _imports_from(package: str, body: list[ast.stmt]) -> list[ast.ImportFrom]:
    return [
        node
        for node in body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(package)
    ]


def _last(node: ast.ImportFrom) -> str:
    """The last part of the name of the module that is imported from."""
    return str(node.module).rpartition(".")[2]


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement defines, other than by import."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return {
            inner.id
            for target in targets
            for inner in ast.walk(target)
            if isinstance(inner, ast.Name)
        }
    return set()


def _loaded(node: ast.stmt) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _is_the_judges(node: ast.stmt) -> bool:
    """Whether a part of an exercise belongs to the judge: how inputs are drawn, what is right, and
    what is wrong.
    """
    return bool(
        {node.name} & JUDGES if isinstance(node, ast.FunctionDef) else _bound(node) & JUDGES
    )


def _data(source: Path, folder: Path) -> None:
    """Copy loaders and data, with training examples for those that answers are measured on."""
    for path in [source / "__init__.py", *sorted(source.glob("[!_]*/*"))]:
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not path.name.startswith("valid"):
            shutil.copy(path, target)
            continue
        train = gzip.decompress((path.parent / path.name.replace("valid", "train", 1)).read_bytes())
        valid = gzip.decompress(path.read_bytes())
        stand_in = _idx(train, valid) if ".idx" in path.name else _lines(train, valid)
        target.write_bytes(gzip.compress(stand_in, 1, mtime=0))


def _idx(train: bytes, valid: bytes) -> bytes:
    """As many training examples in idx format as there are validation examples, the last ones."""
    start = 4 + 4 * train[3]
    number, all_of_them = (
        struct.unpack_from(">I", valid, 4)[0],
        struct.unpack_from(">I", train, 4)[0],
    )
    size = (len(train) - start) // all_of_them
    return valid[:start] + train[len(train) - number * size :]


def _lines(train: bytes, valid: bytes) -> bytes:
    """As many lines of the training table as the validation table has, header included."""
    return b"".join(train.splitlines(keepends=True)[: valid.count(b"\n")])
