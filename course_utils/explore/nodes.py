"""A computation graph that is filled node by node, forward and then backward."""

import ast
from collections.abc import Mapping

from course_utils import plots
from course_utils.errors import CourseError
from course_utils.explore.page import Ask, Explorer, explorer, slider

OPERATIONS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
SIGNS = {"+": "+", "-": "−", "*": "·"}
FUNCTIONS = ("relu", "square")
MOST = 16  # nodes
RANGE = 6.0  # of an input

Node = tuple[str, str, int, int, str]  # name, operation, first and second operand, formula


def graph(inputs: Mapping[str, float], formulas: Mapping[str, str], ask: Ask = None) -> Explorer:
    """Fill the values and gradients of a graph one node at a time.

    inputs: their values, -6 to 6. formulas: one operation each, in the order of the computation, by
    name: "a + b", "a - b", "a * b", "relu(a)" or "square(a)". The last one is the result.
    """
    nodes = _nodes(inputs, formulas)
    values, gradients = _filled(inputs, nodes)
    places = _places(nodes)
    texts = {
        node[0]: (
            *place,
            f"{node[0]} = {node[4]}\n{value:g}, grad {gradient:g}"
            if node[1]
            else f"{node[0]}\n{value:g}, grad {gradient:g}",
        )
        for node, place, value, gradient in zip(nodes, places, values, gradients, strict=True)
    }
    edges = [(nodes[i][0], node[0], "") for node in nodes for i in _operands(node)]
    columns = max(column for column, _ in places) + 1
    rows = max(row for _, row in places) + 1
    told = ", ".join(
        f"{node[0]} is {value:g} with gradient {gradient:g}"
        for node, value, gradient in zip(nodes, values, gradients, strict=True)
    )
    width = 90 + 118 * (columns - 1)
    return explorer(
        "graph",
        "A computation graph",
        plots.graph(texts, edges, size=(1.8 * columns + 1.0, 1.0 + 1.1 * rows)),
        f"A computation graph, filled: {told}.",
        size=(width, round(92 * rows - 10)),
        caption="What came back to a node adds up to its gradient.",
        columns=["node", "formula", "value", "local derivatives", "came back", "gradient"],
        controls=[
            slider(name, name, (-RANGE, RANGE, 0.5), value, 1) for name, value in inputs.items()
        ],
        buttons={"next node": 1, "all the way": 2 * len(nodes)},
        ask=ask,
        nodes=[[*node, *place] for node, place in zip(nodes, places, strict=True)],
    )


def _nodes(inputs: Mapping[str, float], formulas: Mapping[str, str]) -> list[Node]:
    """Inputs and formulas in order; raises CourseError where a formula is not one operation."""
    if not inputs or not formulas or len(inputs) + len(formulas) > MOST:
        raise CourseError(f"A graph here has inputs and formulas, together at most {MOST} nodes.")
    nodes: list[Node] = [(name, "", -1, -1, "") for name in inputs]
    for name, formula in formulas.items():
        known = [node[0] for node in nodes]
        if name in known:
            raise CourseError(f"Two nodes are named {name!r}; every node needs a name of its own.")
        nodes.append((name, *_operation(name, formula, known)))
    return nodes


def _operation(name: str, formula: str, known: list[str]) -> tuple[str, int, int, str]:
    wrong = CourseError(
        f"{name}: {formula!r} is not one operation (+, -, *, relu or square) on {', '.join(known)}."
    )
    try:
        tree = ast.parse(formula, mode="eval").body
    except SyntaxError:
        raise wrong from None
    operands: list[ast.expr]
    if isinstance(tree, ast.BinOp) and type(tree.op) in OPERATIONS:
        operation, operands = OPERATIONS[type(tree.op)], [tree.left, tree.right]
    elif isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and len(tree.args) == 1:
        operation, operands = tree.func.id, tree.args
        if operation not in FUNCTIONS:
            raise wrong
    else:
        raise wrong
    names = [operand.id if isinstance(operand, ast.Name) else "" for operand in operands]
    if not all(operand in known for operand in names):
        raise wrong
    first, second = known.index(names[0]), known.index(names[-1]) if len(names) == 2 else -1
    if operation == "square":
        text = f"{names[0]}²"
    else:
        text = f" {SIGNS[operation]} ".join(names) if len(names) == 2 else f"relu({names[0]})"
    return operation, first, second, text


def _operands(node: Node) -> list[int]:
    return [index for index in node[2:4] if index >= 0]


def _filled(inputs: Mapping[str, float], nodes: list[Node]) -> tuple[list[float], list[float]]:
    """Value and gradient of every node, in order."""
    values: list[float] = []
    local: list[list[float]] = []
    for name, operation, first, second, _ in nodes:
        a = values[first] if first >= 0 else 0.0
        b = values[second] if second >= 0 else 0.0
        value, slopes = {
            "": (inputs.get(name, 0.0), []),
            "+": (a + b, [1.0, 1.0]),
            "-": (a - b, [1.0, -1.0]),
            "*": (a * b, [b, a]),
            "relu": (max(a, 0.0), [float(a > 0)]),
            "square": (a * a, [2 * a]),
        }[operation]
        values.append(value)
        local.append(slopes)
    gradients = [0.0] * len(nodes)
    gradients[-1] = 1.0
    for index in reversed(range(len(nodes))):
        for operand, slope in zip(_operands(nodes[index]), local[index], strict=True):
            gradients[operand] += slope * gradients[index]
    return values, gradients


def _places(nodes: list[Node]) -> list[tuple[float, float]]:
    """Columns by the longest way from the inputs; single nodes are high and low by turns."""
    depth: list[int] = []
    for node in nodes:
        depth.append(1 + max((depth[i] for i in _operands(node)), default=-1))
    tallest = max(depth.count(column) for column in depth)
    rows, places = [0] * (max(depth) + 1), []
    for column in depth:
        count, row = depth.count(column), rows[column]
        rows[column] += 1
        room = tallest / count
        shift = 0.3 * room * (-1) ** column if count == 1 and 0 < column < max(depth) else 0.0
        places.append((float(column), round((row + 0.5) * room - 0.5 + shift, 2)))
    return places
