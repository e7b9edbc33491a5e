"""Looks for an edit of the reference that gives the evidence of a wrong answer.

Small changes of the reference are tried, as a slip of the pen makes them: another operator, a term
left out, another number, another name. Only the course's own text is changed and run, never a
student's.
"""

import ast
import copy
import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from course_utils.checking import naming
from course_utils.checking.edit import Edit, edited, texts
from course_utils.checking.evidence import Evidence
from course_utils.checking.exercise import Case, Exercise, Mistake
from course_utils.checking.world import fixed_world

MOST = 600  # changes that are tried
SECONDS = 1.0  # for all cases of one: a change may make a loop without an end
OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@"}
COMPARISONS = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
LIKE = (
    ("mean", "sum"),
    ("max", "min", "amax", "amin"),
    ("argmax", "argmin"),
    ("exp", "log"),
    ("sqrt", "square", "abs"),
    ("std", "var"),
    ("add_", "sub_"),
    ("mul_", "div_"),
)
Change = tuple[int, int, str]  # from, to, and the text in its place


def explained(
    exercise: Exercise,
    cases: Sequence[Case],
    expected: Sequence[Evidence],
    got: Sequence[Evidence],
    seed: int,
) -> Edit | None:
    """The edit of the reference, or two at once, that gives this evidence in every case."""
    other: Any = copy.copy(exercise)
    other.mistakes = [Mistake(f"{edit.pairs}", edit, "") for edit in edits(exercise)]
    other.seconds = SECONDS
    with fixed_world():
        named = naming.name(other, cases, expected, got, seed)
    if named is None or named.how not in ("alone", "together"):
        return None
    first, *more = (mistake.change for mistake in named.mistakes)
    return first + more[0] if more else first  # type: ignore[operator,return-value]


def edits(exercise: Exercise) -> list[Edit]:
    """Small edits of the reference that can be made."""
    known = texts(exercise.lesson)
    own = known[exercise.name]
    helpers = [name for name in known if name.startswith("_") and name in own]
    made: dict[Edit, None] = {}
    for name in (exercise.name, *helpers):
        elsewhere = [known[other] for other in known if other.startswith("_") and other != name]
        elsewhere = [own, *elsewhere] if name != exercise.name else []
        for change in changes(known[name]):
            edit = _as_edit(known[name], change, elsewhere)
            if edit is not None and _is_possible(exercise.id, edit):
                made[edit] = None
            if len(made) == MOST:
                return list(made)
    return list(made)


def _is_possible(id: str, edit: Edit) -> bool:
    """Whether what it makes is Python."""
    try:
        with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
            edited(id, edit)
    except Exception:
        return False
    return True


def _as_edit(text: str, change: Change, elsewhere: Sequence[str]) -> Edit | None:
    """A change with enough text around it to occur only once; None where nothing will do."""
    start, end, new = change
    first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    last = len(text) if last < 0 else last
    indent = len(text[first:]) - len(text[first:].lstrip(" "))
    around = [(start, end), (start, last), (first + indent, end), (first + indent, last)]
    for begin, stop in [*around, (text.rfind("\n", 0, max(first - 1, 0)) + 1, last)]:
        old = text[begin:stop]
        if text.count(old) == 1 and not any(old in other for other in elsewhere):
            return Edit(((old, f"{text[begin:start]}{new}{text[end:stop]}"),))
    return None


def changes(text: str) -> Iterator[Change]:
    """Small changes of a definition's text, those of one place together."""
    tree = ast.parse(text)
    lines = text.split("\n")
    starts = list(itertools.accumulate((len(line) + 1 for line in lines), initial=0))

    def place(row: int, column: int) -> int:
        """Where in the text a place of the tree is; Python counts its columns in bytes."""
        return starts[row - 1] + len(lines[row - 1].encode()[:column].decode())

    def span(node: Any) -> tuple[int, int]:
        begin = place(node.lineno, node.col_offset)
        return begin, place(node.end_lineno, node.end_col_offset)

    names = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & _own(tree))
    for node in ast.walk(tree):
        for new in _instead(node, names):
            if text[slice(*span(node))] != new:
                yield *span(node), new


def _own(tree: ast.AST) -> set[str]:
    """The names of arguments and of what a definition makes itself."""
    arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    stored = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return (arguments | stored) - {"self"}


def _instead(node: ast.AST, names: Sequence[str]) -> Iterator[str]:
    """What could replace a part of a definition; names: those of its variables."""
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id in names:
            yield from (name for name in names if name != node.id)
            yield from (f"{node.id}.detach()", f"(-{node.id})", f"{node.id}.T", f"(2 * {node.id})")
    elif isinstance(node, ast.Expr | ast.Assign | ast.Continue | ast.Break):
        yield "pass"
    else:
        yield from RULES.get(type(node), lambda _: iter(()))(node)


def _of_operation(node: ast.BinOp) -> Iterator[str]:
    for kind in (kind for kind in OPERATORS if not isinstance(node.op, kind)):
        yield f"({ast.unparse(ast.BinOp(node.left, kind(), node.right))})"
    yield ast.unparse(ast.BinOp(node.right, node.op, node.left))
    yield from (_inner(part) for part in (node.left, node.right))
    whole = ast.unparse(node)
    yield from (f"(2 * ({whole}))", f"(({whole}) / 2)")


def _inner(node: ast.expr) -> str:
    """An expression as it can stand within another one."""
    text = ast.unparse(node)
    return f"({text})" if isinstance(node, ast.BinOp | ast.UnaryOp | ast.IfExp) else text


def _of_call(node: ast.Call) -> Iterator[str]:
    """Another function, one argument less, none of it."""
    function = node.func
    if isinstance(function, ast.Attribute):
        for name in itertools.chain(*(group for group in LIKE if function.attr in group)):
            other = ast.Attribute(function.value, name, ast.Load())
            yield ast.unparse(ast.Call(other, node.args, node.keywords))
        yield ast.unparse(function.value)
    for number in range(len(node.args)):
        yield ast.unparse(
            ast.Call(function, node.args[:number] + node.args[number + 1 :], node.keywords)
        )
    for number in range(len(node.keywords)):
        rest = node.keywords[:number] + node.keywords[number + 1 :]
        yield ast.unparse(ast.Call(function, node.args, rest))
    if len(node.args) == 1:
        yield ast.unparse(node.args[0])
    if len(node.args) == 2:
        yield ast.unparse(ast.Call(function, node.args[::-1], node.keywords))


def _of_constant(node: ast.Constant) -> Iterator[str]:
    value: Any = node.value
    if isinstance(value, bool):
        yield str(not value)
    elif isinstance(value, int | float):
        yield from (str(item) for item in (0, 1, -1, 2, value + 1, value - 1, 2 * value, value / 2))


def _of_comparison(node: ast.Compare) -> Iterator[str]:
    for kind in COMPARISONS if len(node.ops) == 1 else ():
        yield ast.unparse(ast.Compare(node.left, [kind()], node.comparators))


def _of_update(node: ast.AugAssign) -> Iterator[str]:
    for kind in OPERATORS:
        yield ast.unparse(ast.AugAssign(node.target, kind(), node.value))
    yield "pass"


def _of_return(node: ast.Return) -> Iterator[str]:
    if node.value is not None:
        whole = ast.unparse(node.value)
        yield from (f"return {change}({whole})" for change in ("-", "2 * ", "0.5 * "))


def _of_attribute(node: ast.Attribute) -> Iterator[str]:
    if isinstance(node.ctx, ast.Load):
        yield ast.unparse(node.value)


def _without_sign(node: ast.UnaryOp) -> Iterator[str]:
    yield _inner(node.operand)


RULES: dict[type[ast.AST], Callable[[Any], Iterator[str]]] = {
    ast.BinOp: _of_operation,
    ast.UnaryOp: _without_sign,
    ast.Compare: _of_comparison,
    ast.Call: _of_call,
    ast.Constant: _of_constant,
    ast.Attribute: _of_attribute,
    ast.AugAssign: _of_update,
    ast.Return: _of_return,
}
