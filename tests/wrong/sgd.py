"""Wrong answers to the exercises of lesson 02."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tests.wrong import wrong
from tests.wrong._steps import in_place

wrong("sgd.mse", "shapes not compared")(lambda y_hat, y: ((y_hat - y) ** 2).mean())


def _counted(y_hat: Tensor, y: Tensor) -> Tensor:
    if y_hat.numel() != y.numel():
        raise ValueError("unequal sizes")
    return ((y_hat - y) ** 2).mean()


wrong("sgd.mse", "only the number of elements compared")(_counted)


def _fitted(y_hat: Tensor, y: Tensor) -> Tensor:
    if y_hat.numel() != y.numel():
        raise ValueError("unequal sizes")
    return ((y_hat - y.reshape(y_hat.shape)) ** 2).mean()


wrong("sgd.mse", "y reshaped to fit")(_fitted)


def _asserted(y_hat: Tensor, y: Tensor) -> Tensor:
    assert y_hat.shape == y.shape
    return ((y_hat - y) ** 2).mean()


wrong("sgd.mse", "assert instead of ValueError")(_asserted)


def _checked(loss: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """A loss of y_hat - y that raises ValueError for unequal shapes."""

    def mse(y_hat: Tensor, y: Tensor) -> Tensor:
        if y_hat.shape != y.shape:
            raise ValueError("unequal shapes")
        return loss(y_hat - y)

    return mse


wrong("sgd.mse", "squares summed over the outputs")(_checked(lambda d: (d**2).sum() / len(d)))

wrong("sgd.mse", "sum for mean")(_checked(lambda d: (d**2).sum()))

wrong("sgd.mse", "half the mean")(_checked(lambda d: (d**2).mean() / 2))

wrong("sgd.mse", "root taken")(_checked(lambda d: (d**2).mean().sqrt()))

wrong("sgd.mse", "absolute error")(_checked(lambda d: d.abs().mean()))

wrong("sgd.mse", "square of the mean")(_checked(lambda d: d.mean() ** 2))

wrong("sgd.mse", "gradient cut off")(_checked(lambda d: (d.detach() ** 2).mean()))

wrong("sgd.mse", "not reduced")(_checked(lambda d: d**2))

wrong("sgd.mse_gradient", "(n, 1) against (n,)")(lambda w, x, y: 2 / len(x) * (x.T @ (x @ w[:, None] - y)).mean(1))

wrong("sgd.mse_gradient", "product of the means")(lambda w, x, y: 2 * (x @ w - y).mean() * x.mean(0))

wrong("sgd.mse_gradient", "factor 2 forgotten")(lambda w, x, y: x.T @ (x @ w - y) / len(x))

wrong("sgd.mse_gradient", "sum for mean")(lambda w, x, y: 2 * x.T @ (x @ w - y))

wrong("sgd.mse_gradient", "divided by the number of weights")(lambda w, x, y: 2 / len(w) * x.T @ (x @ w - y))

wrong("sgd.mse_gradient", "sign")(lambda w, x, y: 2 / len(x) * x.T @ (y - x @ w))

wrong("sgd.mse_gradient", "targets left out")(lambda w, x, y: 2 / len(x) * x.T @ (x @ w))

wrong("sgd.mse_gradient", "inner derivative forgotten")(lambda w, x, y: 2 / len(x) * (x @ w - y))

wrong("sgd.mse_gradient", "one row per example")(lambda w, x, y: 2 / len(x) * (x @ w - y)[:, None] * x)

wrong("sgd.mse_gradient", "one row per example")(lambda w, x, y: 2 * (x @ w - y)[:, None] * x)

wrong("sgd.mse_gradient", "mean over all entries")(lambda w, x, y: 2 * x.T @ (x @ w - y) / x.numel())

wrong("sgd.mse_gradient", "weights averaged too")(lambda w, x, y: 2 * ((x @ w - y)[:, None] * x).mean())

wrong("sgd.mse_gradient", "predictions left out")(lambda w, x, y: 2 / len(x) * x.T @ y)

wrong("sgd.mse_gradient", "error still squared")(lambda w, x, y: 2 / len(x) * x.T @ (x @ w - y) ** 2)

wrong("sgd.mse_gradient", "autograd used")(
    lambda w, x, y: torch.autograd.grad(
        ((x @ (v := w.clone().requires_grad_()) - y) ** 2).mean(),
        v,
    )[0]
)


@torch.no_grad()
def _gradient_scaled(params: Sequence[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p -= p.grad.mul_(lr)


wrong("sgd.sgd_step", "gradient scaled in place")(_gradient_scaled)


def _sgd(move: Callable[[Tensor, Tensor, float], Tensor]) -> Callable[[Sequence[Tensor], float], None]:
    """A step p <- move(p, g, lr)."""

    def step(params: Sequence[Tensor], lr: float) -> None:
        with torch.no_grad():
            for p in params:
                if p.grad is not None:
                    p.copy_(move(p, p.grad, lr))

    return step


wrong("sgd.sgd_step", "sign")(_sgd(lambda p, g, lr: p + lr * g))

wrong("sgd.sgd_step", "learning rate left out")(_sgd(lambda p, g, lr: p - g))

wrong("sgd.sgd_step", "only the sign of the gradient")(_sgd(lambda p, g, lr: p - lr * g.sign()))

wrong("sgd.sgd_step", "gradient set to length 1")(_sgd(lambda p, g, lr: p - lr * g / g.norm()))

wrong("sgd.sgd_step", "only the first parameter")(lambda params, lr: _sgd(lambda p, g, lr: p - lr * g)(params[:1], lr))

in_place("sgd.sgd_step", _sgd(lambda p, g, lr: p - lr * g))

Rule = Callable[[Tensor, Tensor, Tensor, float, float], tuple[Tensor, Tensor]]


def _momentum(rule: Rule) -> Callable[..., None]:
    """A step v, p <- rule(p, g, v, lr, momentum)."""

    def step(params: Sequence[Tensor], velocities: Sequence[Tensor], lr: float, momentum: float) -> None:
        with torch.no_grad():
            for p, v in zip(params, velocities, strict=True):
                if p.grad is not None:
                    new_v, new_p = rule(p, p.grad, v, lr, momentum)
                    v.copy_(new_v)
                    p.copy_(new_p)

    return step


wrong("sgd.momentum_step", "weighted average instead of torch's momentum")(
    _momentum(lambda p, g, v, lr, mu: ((new := mu * v + (1 - mu) * g), p - lr * new))
)

wrong("sgd.momentum_step", "learning rate inside the velocity")(
    _momentum(lambda p, g, v, lr, mu: ((new := mu * v + lr * g), p - new))
)

wrong("sgd.momentum_step", "Nesterov")(
    _momentum(lambda p, g, v, lr, mu: ((new := mu * v + g), p - lr * (g + mu * new)))
)

wrong("sgd.momentum_step", "step with the old velocity")(_momentum(lambda p, g, v, lr, mu: (mu * v + g, p - lr * v)))

wrong("sgd.momentum_step", "velocity forgotten")(_momentum(lambda p, g, v, lr, mu: (v, p - lr * g)))

wrong("sgd.momentum_step", "step without the velocity")(_momentum(lambda p, g, v, lr, mu: (mu * v + g, p - lr * g)))

wrong("sgd.momentum_step", "learning rate twice")(
    _momentum(lambda p, g, v, lr, mu: ((new := mu * v + lr * g), p - lr * new))
)

wrong("sgd.momentum_step", "velocity against the gradient")(
    _momentum(lambda p, g, v, lr, mu: ((new := mu * v - g), p - lr * new))
)


@torch.no_grad()
def _friction_without_gradient(
    params: Sequence[Tensor], velocities: Sequence[Tensor], lr: float, momentum: float
) -> None:
    for p, v in zip(params, velocities, strict=True):
        v *= momentum
        if p.grad is not None:
            v += p.grad
            p -= lr * v


wrong("sgd.momentum_step", "friction while a gradient is missing")(_friction_without_gradient)

wrong("sgd.momentum_step", "velocity without friction")(
    _momentum(lambda p, g, v, lr, mu: ((new := v + g), p - lr * new))
)

wrong("sgd.momentum_step", "momentum on the gradient")(
    _momentum(lambda p, g, v, lr, mu: ((new := v + mu * g), p - lr * new))
)

wrong("sgd.momentum_step", "momentum on both")(_momentum(lambda p, g, v, lr, mu: ((new := mu * (v + g)), p - lr * new)))

wrong("sgd.momentum_step", "sign of the velocity")(
    _momentum(lambda p, g, v, lr, mu: ((new := mu * v - g), p + lr * new))
)

wrong("sgd.momentum_step", "sign of the step")(_momentum(lambda p, g, v, lr, mu: ((new := mu * v + g), p + lr * new)))


@torch.no_grad()
def _into_the_gradient(params: Sequence[Tensor], velocities: Sequence[Tensor], lr: float, momentum: float) -> None:
    for p, v in zip(params, velocities, strict=True):
        if p.grad is not None:
            p -= lr * v.copy_(p.grad.add_(momentum * v))


wrong("sgd.momentum_step", "gradient changed")(_into_the_gradient)


def _torchs(p: Tensor, g: Tensor, v: Tensor, lr: float, mu: float) -> tuple[Tensor, Tensor]:
    return (new := mu * v + g), p - lr * new


in_place("sgd.momentum_step", _momentum(_torchs), ["velocities"])


def _last_dropped(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(n, generator=generator)
    return [order[i * batch_size : (i + 1) * batch_size] for i in range(n // batch_size)]


wrong("sgd.minibatches", "last batch dropped")(_last_dropped)


def _in_order(order: Callable[[int, torch.Generator], Tensor]) -> Callable[[int, int, torch.Generator], list[Tensor]]:
    return lambda n, batch_size, generator: list(order(n, generator).split(batch_size))


wrong("sgd.minibatches", "drawn with replacement")(_in_order(lambda n, g: torch.randint(n, (n,), generator=g)))


def _each_drawn_anew(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    sizes = [len(b) for b in torch.arange(n).split(batch_size)]
    return [torch.randperm(n, generator=generator)[:size] for size in sizes]


wrong("sgd.minibatches", "every batch drawn anew")(_each_drawn_anew)

wrong("sgd.minibatches", "not shuffled")(_in_order(lambda n, g: torch.arange(n)))


def _batches_shuffled(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    batches = torch.arange(n).split(batch_size)
    order = torch.randperm(len(batches) - 1, generator=generator).tolist() if len(batches) > 1 else []
    return [*(batches[i] for i in order), batches[-1]]


wrong("sgd.minibatches", "only whole batches shuffled")(_batches_shuffled)


def _shuffled_inside(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    return [b[torch.randperm(len(b), generator=generator)] for b in torch.arange(n).split(batch_size)]


wrong("sgd.minibatches", "shuffled inside each batch only")(_shuffled_inside)

wrong("sgd.minibatches", "generator ignored")(_in_order(lambda n, g: torch.randperm(n)))

wrong("sgd.minibatches", "a fixed seed")(
    _in_order(lambda n, g: torch.randperm(n, generator=torch.Generator().manual_seed(0)))
)

wrong("sgd.minibatches", "the generator set back")(
    _in_order(lambda n, g: torch.randperm(n, generator=g.manual_seed(g.initial_seed())))
)


def _last_filled(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(n, generator=generator)
    count = -(-n // batch_size)
    return list(order.repeat(batch_size + 1)[: count * batch_size].split(batch_size))


wrong("sgd.minibatches", "last batch filled up")(_last_filled)


def _empty_last(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(n, generator=generator)
    return [order[i * batch_size : (i + 1) * batch_size] for i in range(n // batch_size + 1)]


wrong("sgd.minibatches", "an empty batch at the end")(_empty_last)

wrong("sgd.minibatches", "number of batches for their size")(
    lambda n, batch_size, generator: list(torch.randperm(n, generator=generator).chunk(batch_size))
)

wrong("sgd.minibatches", "cut into equal pieces")(
    lambda n, batch_size, generator: list(torch.randperm(n, generator=generator).chunk(-(-n // batch_size)))
)


def _slice_to_the_size(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(n, generator=generator)
    return [order[i:batch_size] for i in range(0, n, batch_size)]


wrong("sgd.minibatches", "slice ends at batch_size")(_slice_to_the_size)


def _overlapping(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(n, generator=generator)
    return [order[i : i + batch_size] for i in range(n)]


wrong("sgd.minibatches", "batches overlap")(_overlapping)

wrong("sgd.minibatches", "nothing handed out")(lambda n, size, generator: None)

wrong("sgd.minibatches", "lists instead of tensors")(
    lambda n, size, generator: [b.tolist() for b in torch.randperm(n, generator=generator).split(size)]
)

wrong("sgd.minibatches", "0 left out")(_in_order(lambda n, g: torch.randperm(n, generator=g) + 1))


def _averages(step: Callable[[Tensor, Tensor, float, int], Tensor], start: float = 0.0) -> Callable[..., Tensor]:
    """Averages from `step(s, value, beta, t)`, which gives the next s."""

    def ewma(values: Tensor, beta: float) -> Tensor:
        s, out = values[0] * 0 + start, []
        for t, value in enumerate(values, 1):
            s = step(s, value, beta, t)
            out.append(s)
        return torch.stack(out)

    return ewma


def _plain(s: Tensor, value: Tensor, beta: float, t: int = 0) -> Tensor:
    return beta * s + (1 - beta) * value


def _corrected(values: Tensor, beta: float) -> Tensor:
    t = torch.arange(1, len(values) + 1)
    return _averages(_plain)(values, beta) / (1 - beta**t)


wrong("sgd.ewma", "bias corrected")(_corrected)


def _from_first(values: Tensor, beta: float) -> Tensor:
    out = [values[0]]
    for value in values[1:]:
        out.append(_plain(out[-1], value, beta))
    return torch.stack(out)


wrong("sgd.ewma", "starts from the first value")(_from_first)

wrong("sgd.ewma", "torch's momentum")(_averages(lambda s, value, beta, t: beta * s + value))

wrong("sgd.ewma", "beta and 1 - beta exchanged")(_averages(lambda s, value, beta, t: (1 - beta) * s + beta * value))


def _one_late(values: Tensor, beta: float) -> Tensor:
    return torch.cat([values[:1] * 0, _averages(_plain)(values, beta)[:-1]])


wrong("sgd.ewma", "one step late")(_one_late)


def _one_tensor(values: Tensor, beta: float) -> Tensor:
    s, out = values[0] * 0, []
    for value in values:
        s *= beta
        s += (1 - beta) * value
        out.append(s)
    return torch.stack(out)


wrong("sgd.ewma", "one tensor for all entries")(_one_tensor)

wrong("sgd.ewma", "only the last")(lambda values, beta: _averages(_plain)(values, beta)[-1])

wrong("sgd.ewma", "with the start value")(
    lambda values, beta: torch.cat([values[:1] * 0, _averages(_plain)(values, beta)])
)

wrong("sgd.ewma", "mean of all so far")(_averages(lambda s, value, beta, t: s + (value - s) / t))

wrong("sgd.ewma", "gradient cut off")(lambda values, beta: _averages(_plain)(values.detach(), beta))
