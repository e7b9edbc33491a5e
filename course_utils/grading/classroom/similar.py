"""Answers of a class that are the same text once names and formatting are left aside.

They are something to look at, not a verdict: short answers have few forms, and students of one
tutor write alike.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations

from course_utils.grading.classroom.unnamed import answer
from course_utils.grading.outside.result import Result

LEAST_PARTS = 30  # of a syntax tree: `return x.clamp(min=0)` says nothing of who wrote it
SHARE, FEW = (
    0.05,
    3,
)  # what more of a class have is common; in a small class, what more than FEW have
LARGEST = 20_000  # characters of an answer that are looked at


@dataclass
class Pair:
    """Two students and the exercises that they answered with the same text; parts: how long."""

    students: tuple[str, str]
    parts: int = 0
    exercises: list[str] = field(default_factory=list)


def pairs(results: Iterable[tuple[str, Result]]) -> list[Pair]:
    """Pairs of students who share texts that few others have, those who share most first."""
    by_text: dict[tuple[str, str, int], list[str]] = {}
    number = 0
    for number, (student, result) in enumerate(results, 1):  # noqa: B007
        for name, source in _written(result):
            text, parts = canonical(source)
            if parts >= LEAST_PARTS:
                by_text.setdefault((name, text, parts), []).append(student)
    by_students: dict[tuple[str, str], Pair] = {}
    common = max(FEW, SHARE * number)
    for (name, _, parts), students in by_text.items():
        for two in combinations(students, 2) if len(students) <= common else ():
            pair = by_students.setdefault(two, Pair(two))
            pair.parts += parts
            pair.exercises.append(name)
    return sorted(by_students.values(), key=lambda pair: (-pair.parts, pair.students))


def _written(result: Result) -> Iterator[tuple[str, str]]:
    """What a student wrote, by the name of the exercise."""
    for row in result.checks:
        name = row.id.partition(".")[2]
        if not row.manual and name not in result.untouched:
            yield name, answer(result, name)[:LARGEST]


def canonical(source: str) -> tuple[str, int]:
    """Code without comments, formatting and names of its own, and how many parts it has.

    Empty where it is not plain Python.
    """
    try:
        tree = _Plain(ast.parse(source)).tree
        return ast.unparse(tree), sum(1 for _ in ast.walk(tree))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return "", 0


class _Plain(ast.NodeTransformer):
    """Takes docstrings away, and numbers variables and arguments in the order of their use."""

    def __init__(self, tree: ast.Module) -> None:
        self.own = {
            node.arg if isinstance(node, ast.arg) else node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.arg)
            or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        }
        self.names: dict[str, str] = {}
        self.tree = self.visit(tree)

    def _renamed(self, name: str) -> str:
        if name not in self.own:
            return name
        return self.names.setdefault(name, f"name{len(self.names)}")

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A variable under its number."""
        return ast.Name(self._renamed(node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """An argument under its number, without its type."""
        return ast.arg(self._renamed(node.arg))

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Nothing for a docstring or another text that is only there to be read."""
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """A function without the type that it returns, and with a body in any case."""
        node.returns = None
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node
