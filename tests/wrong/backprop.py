"""Wrong answers to the exercises of lesson 03."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tests.wrong import wrong


def _rounded_back(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes, flat = torch.zeros_like(x), x.view(-1)
    for i in range(x.numel()):
        flat[i] += eps
        above = float(f(x))
        flat[i] -= 2 * eps
        slopes.view(-1)[i] = (above - float(f(x))) / (2 * eps)
        flat[i] += eps
    return slopes


wrong("backprop.numerical_gradient", "x not restored exactly")(_rounded_back)


def _never_back(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes, flat = torch.zeros_like(x), x.view(-1)
    for i in range(x.numel()):
        flat[i] += eps
        above = float(f(x))
        flat[i] -= 2 * eps
        slopes.view(-1)[i] = (above - float(f(x))) / (2 * eps)
    return slopes


wrong("backprop.numerical_gradient", "x left changed")(_never_back)


def _differences(quotient: Callable[..., Any], dtype: torch.dtype = torch.float64) -> Callable[..., Tensor]:
    """A numerical gradient whose entries are `quotient(f, x, step, eps)`; step: the shape of x, eps at one entry."""

    def numerical_gradient(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
        x = x.to(dtype)
        steps = eps * torch.eye(x.numel(), dtype=dtype).reshape(-1, *x.shape)
        return torch.tensor([float(quotient(f, x, step, eps)) for step in steps], dtype=dtype).reshape(x.shape)

    return numerical_gradient


wrong("backprop.numerical_gradient", "forward difference")(
    _differences(lambda f, x, step, eps: (float(f(x + step)) - float(f(x))) / eps)
)

wrong("backprop.numerical_gradient", "backward difference")(
    _differences(lambda f, x, step, eps: (float(f(x)) - float(f(x - step))) / eps)
)


def _central(f: Callable[[Tensor], Any], x: Tensor, step: Tensor, eps: float) -> float:
    return (float(f(x + step)) - float(f(x - step))) / (2 * eps)


wrong("backprop.numerical_gradient", "divided by eps")(
    _differences(lambda f, x, step, eps: 2 * _central(f, x, step, eps))
)

wrong("backprop.numerical_gradient", "not divided")(
    _differences(lambda f, x, step, eps: 2 * eps * _central(f, x, step, eps))
)

wrong("backprop.numerical_gradient", "multiplied by eps")(
    _differences(lambda f, x, step, eps: eps**2 * _central(f, x, step, eps))
)

wrong("backprop.numerical_gradient", "eps ignored")(
    _differences(lambda f, x, step, eps: _central(f, x, step * 1e-6 / eps, 1e-6))
)

wrong("backprop.numerical_gradient", "eps ignored")(
    _differences(lambda f, x, step, eps: _central(f, x, step * 1e-5 / eps, 1e-5))
)


def _all_at_once(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    return torch.full_like(x, (float(f(x + eps)) - float(f(x - eps))) / (2 * eps))


wrong("backprop.numerical_gradient", "all entries at once")(_all_at_once)

wrong("backprop.numerical_gradient", "all entries at once")(
    lambda f, x, eps=1e-6: (f(x + eps) - f(x - eps)) / (2 * eps)
)


def _pile_up(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes, step = torch.zeros_like(x), torch.zeros_like(x)
    for i in range(x.numel()):
        step.view(-1)[i] = eps
        slopes.view(-1)[i] = _central(f, x, step, eps)
    return slopes


wrong("backprop.numerical_gradient", "steps that stay")(_pile_up)


def _no_copy(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes, above, below = torch.zeros_like(x), x, x
    for i in range(x.numel()):
        above.view(-1)[i] += eps
        below.view(-1)[i] -= eps
        slopes.view(-1)[i] = (float(f(above)) - float(f(below))) / (2 * eps)
    return slopes


wrong("backprop.numerical_gradient", "no copy")(_no_copy)


def _first_entry(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes, step = torch.zeros_like(x), torch.zeros_like(x)
    step.view(-1)[0] = eps
    slopes.view(-1)[0] = _central(f, x, step, eps)
    return slopes


wrong("backprop.numerical_gradient", "return inside the loop")(_first_entry)


def _first_dimension(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes = torch.zeros_like(x)
    for i in range(len(x)):
        above, below = x.clone(), x.clone()
        above[i] += eps
        below[i] -= eps
        slopes[i] = (float(f(above)) - float(f(below))) / (2 * eps)
    return slopes


wrong("backprop.numerical_gradient", "only the first dimension")(_first_dimension)

wrong("backprop.numerical_gradient", "float32")(_differences(_central, torch.float32))

wrong("backprop.numerical_gradient", "sign")(_differences(lambda f, x, step, eps: -_central(f, x, step, eps)))

wrong("backprop.numerical_gradient", "flat")(lambda f, x, eps=1e-6: _differences(_central)(f, x, eps).flatten())

wrong("backprop.numerical_gradient", "autograd used")(
    lambda f, x, eps=1e-6: torch.autograd.grad(f(v := x.clone().requires_grad_()), v)[0]
)

wrong("backprop.relative_error", "floor added")(lambda a, b: float(((a - b).abs() / (a.abs() + b.abs() + 1e-8)).max()))

wrong("backprop.relative_error", "no floor")(lambda a, b: float(((a - b).abs() / (a.abs() + b.abs())).max()))

wrong("backprop.relative_error", "one quotient of norms")(
    lambda a, b: float((a - b).norm() / (a.norm() + b.norm()).clamp(min=1e-8))
)

wrong("backprop.relative_error", "largest difference over largest sum")(
    lambda a, b: float((a - b).abs().max() / (a.abs() + b.abs()).max().clamp(min=1e-8))
)

wrong("backprop.relative_error", "mean for maximum")(
    lambda a, b: float(((a - b).abs() / (a.abs() + b.abs()).clamp(min=1e-8)).mean())
)

wrong("backprop.relative_error", "relative to the first only")(
    lambda a, b: float(((a - b).abs() / a.abs().clamp(min=1e-8)).max())
)

wrong("backprop.relative_error", "relative to the larger")(
    lambda a, b: float(((a - b).abs() / torch.maximum(a.abs(), b.abs()).clamp(min=1e-8)).max())
)

wrong("backprop.relative_error", "signs cancel below the line")(
    lambda a, b: float(((a - b).abs() / (a + b).abs().clamp(min=1e-8)).max())
)

wrong("backprop.relative_error", "signs kept above the line")(
    lambda a, b: float(((a - b) / (a.abs() + b.abs()).clamp(min=1e-8)).max())
)

wrong("backprop.relative_error", "signs kept below the line")(
    lambda a, b: float(((a - b).abs() / (a + b).clamp(min=1e-8)).max())
)

wrong("backprop.relative_error", "ceiling for floor")(
    lambda a, b: float(((a - b).abs() / (a.abs() + b.abs()).clamp(max=1e-8)).max())
)

wrong("backprop.relative_error", "absolute error")(lambda a, b: float((a - b).abs().max()))


def _gw(g: Tensor, x: Tensor, w: Tensor) -> Tensor:
    return g.T @ x


def _gx(g: Tensor, x: Tensor, w: Tensor) -> Tensor:
    return g @ w


def _returned(*which: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., tuple[Tensor, ...]]:
    return lambda grad_out, x, weight: tuple(part(grad_out, x, weight) for part in which)


wrong("backprop.linear_backward", "grad of bias averaged")(_returned(_gx, _gw, lambda g, x, w: g.mean(0)))

wrong("backprop.linear_backward", "everything averaged over the batch")(
    _returned(_gx, lambda g, x, w: g.T @ x / len(x), lambda g, x, w: g.mean(0))
)


def _gb(g: Tensor, x: Tensor, w: Tensor) -> Tensor:
    return g.sum(0)


wrong("backprop.linear_backward", "grad of weight averaged")(_returned(_gx, lambda g, x, w: g.T @ x / len(x), _gb))

wrong("backprop.linear_backward", "grad of weight transposed")(_returned(_gx, lambda g, x, w: x.T @ g, _gb))

wrong("backprop.linear_backward", "grad of bias not summed")(_returned(_gx, _gw, lambda g, x, w: g.clone()))

wrong("backprop.linear_backward", "grad of bias summed over the outputs")(_returned(_gx, _gw, lambda g, x, w: g.sum(1)))

wrong("backprop.linear_backward", "grad of bias keeps the batch dimension")(
    _returned(_gx, _gw, lambda g, x, w: g.sum(0, keepdim=True))
)

wrong("backprop.linear_backward", "shapes that do not meet")(_returned(lambda g, x, w: g @ w.T, _gw, _gb))

wrong("backprop.linear_backward", "grad_out left out")(
    _returned(
        lambda g, x, w: w.sum(0).expand_as(x),
        lambda g, x, w: x.sum(0).expand_as(w),
        lambda g, x, w: torch.full((len(w),), float(len(x))),
    )
)

wrong("backprop.linear_backward", "another order")(_returned(_gw, _gb, _gx))

wrong("backprop.linear_backward", "another order")(_returned(_gw, _gx, _gb))

wrong("backprop.linear_backward", "nothing returned")(lambda g, x, w: None)

wrong("backprop.linear_backward", "grad of bias left out")(_returned(_gx, _gw))

wrong("backprop.linear_backward", "grad of x left out")(_returned(_gw, _gb))

wrong("backprop.linear_backward", "first example only")(
    _returned(_gx, lambda g, x, w: torch.outer(g[0], x[0]), lambda g, x, w: g[0].clone())
)


def _linear_by_autograd(grad_out: Tensor, x: Tensor, weight: Tensor) -> Any:
    inputs = [x.clone().requires_grad_(), weight.clone().requires_grad_(), torch.zeros(len(weight)).requires_grad_()]
    return torch.autograd.grad(inputs[0] @ inputs[1].T + inputs[2], inputs, grad_out)


wrong("backprop.linear_backward", "autograd used")(_linear_by_autograd)


def _zeroed_in_place(grad_out: Tensor, x: Tensor) -> Tensor:
    grad_out[x <= 0] = 0
    return grad_out


wrong("backprop.relu_backward", "grad_out overwritten")(_zeroed_in_place)

wrong("backprop.relu_backward", "off where the gradient is negative")(lambda g, x: g * (g > 0))

wrong("backprop.relu_backward", "off where either is negative")(lambda g, x: g * (g > 0) * (x > 0))

wrong("backprop.relu_backward", "multiplied by the output")(lambda g, x: g * x.clamp(min=0))

wrong("backprop.relu_backward", "grad_out left out")(lambda g, x: (x > 0).to(g.dtype))

wrong("backprop.relu_backward", "grad_out left out")(lambda g, x: x > 0)

wrong("backprop.relu_backward", "arguments exchanged")(lambda g, x: x * (g > 0))

wrong("backprop.relu_backward", "forward again")(lambda g, x: x * (x > 0))

wrong("backprop.relu_backward", "passed on everywhere")(lambda g, x: g.clone())

wrong("backprop.relu_backward", "the wrong side")(lambda g, x: g * (x < 0))

wrong("backprop.relu_backward", "sign of x")(lambda g, x: g * x.sign())

wrong("backprop.relu_backward", "leaky")(lambda g, x: torch.where(x > 0, g, 0.01 * g))

wrong("backprop.relu_backward", "autograd used")(
    lambda g, x: torch.autograd.grad((v := x.clone().requires_grad_()).clamp(min=0), v, g)[0]
)

wrong("backprop.mse_backward", "divided by the number of examples")(lambda y_hat, y: 2 * (y_hat - y) / len(y))

wrong("backprop.mse_backward", "factor 2 forgotten")(lambda y_hat, y: (y_hat - y) / y.numel())

wrong("backprop.mse_backward", "sum for mean")(lambda y_hat, y: 2 * (y_hat - y))

wrong("backprop.mse_backward", "sign")(lambda y_hat, y: 2 * (y - y_hat) / y.numel())

wrong("backprop.mse_backward", "only the sign of the error")(lambda y_hat, y: (y_hat - y).sign() / y.numel())

wrong("backprop.mse_backward", "averaged")(lambda y_hat, y: (2 * (y_hat - y)).mean())

wrong("backprop.mse_backward", "the loss itself")(lambda y_hat, y: (y_hat - y) ** 2 / y.numel())

wrong("backprop.mse_backward", "the loss itself")(lambda y_hat, y: 2 * (y_hat - y) ** 2 / y.numel())

wrong("backprop.mse_backward", "the loss itself")(lambda y_hat, y: ((y_hat - y) ** 2).mean())

wrong("backprop.mse_backward", "autograd used")(
    lambda y_hat, y: torch.autograd.grad(((v := y_hat.clone().requires_grad_()) - y).square().mean(), v)[0]
)


def _two_layers(**changes: Callable[..., Tensor]) -> Callable[..., dict[str, Tensor]]:
    """The backward pass of the two-layer net with some of its steps replaced."""
    steps: dict[str, Callable[..., Tensor]] = {
        "h": lambda z: z.clamp(min=0),
        "grad_y_hat": lambda y_hat, y: 2 * (y_hat - y) / y.numel(),
        "grad_h": lambda g, w2: g @ w2,
        "grad_z": lambda grad_h, z: grad_h * (z > 0),
        "w": lambda g, a: g.T @ a,
        "b": lambda g: g.sum(0),
        "w2": lambda g, h, z: g.T @ h,
    }
    steps.update(changes)

    def two_layer_backward(x: Tensor, y: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
        z = x @ w1.T + b1
        h = steps["h"](z)
        g = steps["grad_y_hat"](h @ w2.T + b2, y)
        grad_z = steps["grad_z"](steps["grad_h"](g, w2), z)
        return {"w1": steps["w"](grad_z, x), "b1": steps["b"](grad_z), "w2": steps["w2"](g, h, z), "b2": steps["b"](g)}

    return two_layer_backward


wrong("backprop.two_layer_backward", "z for h")(_two_layers(w2=lambda g, h, z: g.T @ z))

wrong("backprop.two_layer_backward", "mask from the gradient")(
    _two_layers(grad_z=lambda grad_h, z: grad_h * (grad_h > 0))
)

wrong("backprop.two_layer_backward", "arguments of relu_backward exchanged")(
    _two_layers(grad_z=lambda grad_h, z: z * (grad_h > 0))
)

wrong("backprop.two_layer_backward", "the error for the loss's gradient")(
    _two_layers(grad_y_hat=lambda y_hat, y: y_hat - y)
)

wrong("backprop.two_layer_backward", "ReLU left out on the way back")(_two_layers(grad_z=lambda grad_h, z: grad_h))

wrong("backprop.two_layer_backward", "ReLU left out both ways")(
    _two_layers(h=lambda z: z, grad_z=lambda grad_h, z: grad_h)
)

wrong("backprop.two_layer_backward", "ReLU's output for its slope")(
    _two_layers(grad_z=lambda grad_h, z: grad_h * z.clamp(min=0))
)

wrong("backprop.two_layer_backward", "divided by the number of examples")(
    _two_layers(grad_y_hat=lambda y_hat, y: 2 * (y_hat - y) / len(y))
)

wrong("backprop.two_layer_backward", "divided by the number of examples twice")(
    _two_layers(w=lambda g, a: g.T @ a / len(a), b=lambda g: g.mean(0), w2=lambda g, h, z: g.T @ h / len(h))
)

wrong("backprop.two_layer_backward", "grads of the biases averaged")(_two_layers(b=lambda g: g.mean(0)))

wrong("backprop.two_layer_backward", "factor 2 forgotten")(
    _two_layers(grad_y_hat=lambda y_hat, y: (y_hat - y) / y.numel())
)

wrong("backprop.two_layer_backward", "sum for mean")(_two_layers(grad_y_hat=lambda y_hat, y: 2 * (y_hat - y)))

wrong("backprop.two_layer_backward", "sign")(_two_layers(grad_y_hat=lambda y_hat, y: 2 * (y - y_hat) / y.numel()))

wrong("backprop.two_layer_backward", "w2 left out on the way back")(
    _two_layers(grad_h=lambda g, w2: g.sum(1, keepdim=True).expand(-1, w2.shape[1]))
)

wrong("backprop.two_layer_backward", "weights transposed")(
    _two_layers(w=lambda g, a: a.T @ g, w2=lambda g, h, z: h.T @ g)
)

wrong("backprop.two_layer_backward", "a tuple for a dict")(lambda *args: tuple(_two_layers()(*args).values()))

wrong("backprop.two_layer_backward", "other keys")(
    lambda *args: {f"grad_{key}": grad for key, grad in _two_layers()(*args).items()}
)

wrong("backprop.two_layer_backward", "nothing returned")(lambda *args: None)


def _named_otherwise(*args: Tensor) -> dict[str, Tensor]:
    grads = _two_layers()(*args)
    return {"w1": grads["w2"], "b1": grads["b2"], "w2": grads["w1"], "b2": grads["b1"]}


wrong("backprop.two_layer_backward", "layers exchanged")(_named_otherwise)


def _two_layers_by_autograd(x: Tensor, y: Tensor, *params: Tensor) -> dict[str, Tensor]:
    w1, b1, w2, b2 = params = tuple(p.clone().requires_grad_() for p in params)
    loss = ((x @ w1.T + b1).clamp(min=0) @ w2.T + b2 - y).square().mean()
    return dict(zip(("w1", "b1", "w2", "b2"), torch.autograd.grad(loss, params), strict=True))


wrong("backprop.two_layer_backward", "autograd used")(_two_layers_by_autograd)


class Node:
    """A number in a scalar graph: what it was computed from, and its derivative by each of these parents."""

    def __init__(self, data: float, parents: Sequence["Node"] = (), local_grads: Sequence[float] = ()) -> None:
        self.data, self.grad = data, 0.0
        self.parents, self.local_grads = tuple(parents), tuple(local_grads)


def _push_assigned(n: Node) -> None:
    for parent, local in zip(n.parents, n.local_grads, strict=True):
        parent.grad = local * n.grad


def _topological(node: Node) -> list[Node]:
    """The nodes of the graph, parents before children."""
    order: list[Node] = []
    stack: list[tuple[Node, bool]] = [(node, False)]
    seen: set[Node] = set()
    while stack:
        n, done = stack.pop()
        if done:
            order.append(n)
        elif n not in seen:
            seen.add(n)
            stack += [(n, True), *((parent, False) for parent in n.parents)]
    return order


def _sweep(
    push: Callable[[Node], None], seed: float | None = 1.0, order: Callable[[Node], list[Node]] = _topological
) -> Callable[[Node], None]:
    """A backward pass in the right order, with `push` at every node."""

    def backward(node: Node) -> None:
        if seed is not None:
            node.grad += seed
        for n in reversed(order(node)):
            push(n)

    return backward


wrong("backprop.backward", "assigned instead of added")(_sweep(_push_assigned))


def _topological_too(node: Node) -> list[Node]:
    """Another such order: the first parent is visited first."""
    order: list[Node] = []

    def visit(n: Node) -> None:
        if n not in order:
            for parent in n.parents:
                visit(parent)
            order.append(n)

    visit(node)
    return order


wrong("backprop.backward", "assigned instead of added")(_sweep(_push_assigned, order=_topological_too))


def _push_once(n: Node) -> None:
    for parent, local in dict(zip(n.parents, n.local_grads, strict=True)).items():
        parent.grad += local * n.grad


wrong("backprop.backward", "a repeated parent counted once")(_sweep(_push_once))


def _each_node_at_once(node: Node) -> None:
    seen: set[Node] = set()

    def down(n: Node) -> None:
        if n in seen:
            return
        seen.add(n)
        for parent, local in zip(n.parents, n.local_grads, strict=True):
            parent.grad += local * n.grad
            down(parent)

    node.grad += 1.0
    down(node)


wrong("backprop.backward", "passed on before it was complete")(_each_node_at_once)


def _push(n: Node) -> None:
    for parent, local in zip(n.parents, n.local_grads, strict=True):
        parent.grad += local * n.grad


def _on_the_way_down(node: Node) -> None:
    seen: set[Node] = set()

    def down(n: Node) -> None:
        if n not in seen:
            seen.add(n)
            _push(n)
            for parent in n.parents:
                down(parent)

    node.grad += 1.0
    down(node)


wrong("backprop.backward", "passed on before it was complete")(_on_the_way_down)


def _by_stack_at_once(node: Node) -> None:
    stack, seen = [node], set()
    node.grad += 1.0
    while stack:
        n = stack.pop()
        if n not in seen:
            seen.add(n)
            _push(n)
            stack += n.parents


wrong("backprop.backward", "passed on before it was complete")(_by_stack_at_once)


def _calls_itself(node: Node) -> None:
    node.grad += 1.0
    for parent, local in zip(node.parents, node.local_grads, strict=True):
        parent.grad += local * node.grad
        _calls_itself(parent)


wrong("backprop.backward", "every node starts with 1")(_calls_itself)


def _calls_itself_after(node: Node) -> None:
    node.grad += 1.0
    _push(node)
    for parent in node.parents:
        _calls_itself_after(parent)


wrong("backprop.backward", "every node starts with 1")(_calls_itself_after)


def _one_everywhere(node: Node) -> None:
    for n in _topological(node):
        n.grad += 1.0
    _sweep(_push, seed=None)(node)


wrong("backprop.backward", "every node starts with 1")(_one_everywhere)


def _recursive(node: Node) -> None:
    def down(n: Node) -> None:
        for parent, local in zip(n.parents, n.local_grads, strict=True):
            parent.grad += local * n.grad
            down(parent)

    node.grad += 1.0
    down(node)


wrong("backprop.backward", "passed on at every visit")(_recursive)


def _recursive_after(node: Node) -> None:
    def down(n: Node) -> None:
        _push(n)
        for parent in n.parents:
            down(parent)

    node.grad += 1.0
    down(node)


wrong("backprop.backward", "passed on at every visit")(_recursive_after)


def _by_stack(node: Node) -> None:
    stack = [node]
    node.grad += 1.0
    while stack:
        n = stack.pop()
        _push(n)
        stack += n.parents


wrong("backprop.backward", "passed on at every visit")(_by_stack)


def _by_levels(node: Node) -> None:
    queue, seen = [node], {node}
    node.grad += 1.0
    while queue:
        n = queue.pop(0)
        _push(n)
        for parent in n.parents:
            if parent not in seen:
                seen.add(parent)
                queue.append(parent)


wrong("backprop.backward", "level by level")(_by_levels)


def _upside_down(node: Node) -> None:
    node.grad += 1.0
    for n in _topological(node):
        _push(n)


wrong("backprop.backward", "only one step back")(_upside_down)


def _reset(node: Node) -> None:
    for n in _topological(node):
        n.grad = 0.0
    _sweep(_push)(node)


wrong("backprop.backward", "set to zero first")(_reset)


def _own_set(node: Node) -> None:
    node.grad = 1.0
    _sweep(_push, seed=None)(node)


wrong("backprop.backward", "own gradient set to 1")(_own_set)

wrong("backprop.backward", "no start")(_sweep(_push, seed=None))


def _push_local(n: Node) -> None:
    for parent, local in zip(n.parents, n.local_grads, strict=True):
        parent.grad += local


wrong("backprop.backward", "gradient from above left out")(_sweep(_push_local))


def _push_on(n: Node) -> None:
    for parent in n.parents:
        parent.grad += n.grad


wrong("backprop.backward", "local derivative left out")(_sweep(_push_on))


def _push_sum(n: Node) -> None:
    for parent, local in zip(n.parents, n.local_grads, strict=True):
        parent.grad += local + n.grad


wrong("backprop.backward", "added instead of multiplied")(_sweep(_push_sum))


def _push_data(n: Node) -> None:
    for parent in n.parents:
        parent.grad += parent.data * n.grad


wrong("backprop.backward", "the parent's value for the derivative")(_sweep(_push_data))


def _push_exchanged(n: Node) -> None:
    for parent, local in zip(n.parents, reversed(n.local_grads), strict=True):
        parent.grad += local * n.grad


wrong("backprop.backward", "local gradients exchanged")(_sweep(_push_exchanged))
