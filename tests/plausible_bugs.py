"""Bugs of every kind that may be guessed at a loss curve, as students write them, by exercise."""

import functools
import math

import torch
import torch.nn.functional as F


def moving(lines, some=slice(None)):
    """A step with momentum that runs these lines for every parameter, or for some of them."""
    code = compile(lines, "<a bug>", "exec")

    @torch.no_grad()
    def step(params, velocities, lr, momentum):
        for p, v in [*zip(params, velocities, strict=True)][some]:
            exec(code, {"p": p, "v": v, "g": p.grad, "lr": lr, "momentum": momentum})

    return step


RIGHT_STEP = "v *= momentum; v += g; p -= lr * v"
MOMENTUM = {
    "a wrong factor": [
        moving(lines)
        for lines in (
            "v *= momentum; v += (1 - momentum) * g; p -= lr * v",
            "v *= momentum; v += momentum * g; p -= lr * v",
            "v *= momentum; v += lr * g; p -= lr * v",
            "v *= momentum; v += 2 * g; p -= lr * v",
            "v *= momentum; v += g / 2; p -= lr * v",
            "v *= momentum; v += g; p -= v",
            "v *= momentum; v += g; p -= lr * momentum * v",
            "v *= momentum; v += g; p -= lr * (1 - momentum) * v",
            "v *= momentum; v += g; p -= lr / (1 - momentum) * v",
            "v *= momentum; v += g; p -= lr * lr * v",
            "v *= momentum; v += g; v *= lr; p -= v",
            "v *= 1 - momentum; v += g; p -= lr * v",
            "v *= 1 - momentum; v += momentum * g; p -= lr * v",
            "v *= momentum**2; v += g; p -= lr * v",
            "v *= lr; v += g; p -= momentum * v",
            "v *= lr * momentum; v += g; p -= lr * v",
            "v += g; p -= lr * v",
            "v += momentum * g; p -= lr * v",
        )
    ],
    "a wrong order": [
        moving(lines)
        for lines in (
            "p -= lr * v; v *= momentum; v += g",
            "p -= lr * v; v += g; v *= momentum",
            "v += g; v *= momentum; p -= lr * v",
            "v += g; p -= lr * v; v *= momentum",
            "v *= momentum; p -= lr * v; v += g",
        )
    ],
    "a wrong sign": [
        moving(lines)
        for lines in (
            "v.copy_(g - momentum * v); p -= lr * v",
            "v *= -momentum; v += g; p -= lr * v",
            "v.copy_(momentum * v - g); p -= lr * v",
            "v.copy_(momentum * v - g); p += lr * v",
            "v *= momentum; v += g; p += lr * v",
            "v *= momentum; v += g; v *= -1; p -= lr * v",
        )
    ],
    "a forgotten memory": [
        moving(lines)
        for lines in (
            "p -= lr * g",
            "v.copy_(g); p -= lr * v",
            "v = momentum * v + g; p -= lr * v",
            "v.zero_(); v *= momentum; v += g; p -= lr * v",
            "v *= momentum; v += g; p -= lr * g",
            "v.copy_(momentum * g + g); p -= lr * v",
            "v *= momentum; p -= lr * v",
        )
    ],
    "a forgotten parameter": [
        moving(lines, some)
        for lines in (RIGHT_STEP, "p -= lr * g")
        for some in (slice(1), slice(1, None), slice(0))
    ],
}


def trained(loss=F.cross_entropy, some=slice(None), moved="wb", cleared="wb", lr_factor=1.0):
    """A step of training with this loss on some examples, which moves and clears these two."""

    def step(w, b, x, y, lr):
        loss(x[some] @ w + b, y[some]).backward()
        for name, p in {"w": w, "b": b}.items():
            if name in moved:
                p.data.sub_(lr_factor * lr * p.grad)
            if name in cleared:
                p.grad = None

    return step


def one_hot(z, y):
    return F.one_hot(y, z.shape[1]).float()


TRAIN_STEP = {
    "a wrong factor": [
        *(trained(lr_factor=k) for k in (0.1, 0.3, 1 / 24, 0.125, 1 / 3, 0.5, 2, 3, 8, 24)),
        trained(lambda z, y: F.cross_entropy(z, y, reduction="sum")),
        trained(lambda z, y: -(one_hot(z, y) * z.log_softmax(1)).mean()),
        trained(lambda z, y: F.cross_entropy(z, y, reduction="none").mean() / len(y)),
    ],
    "a wrong loss": [
        trained(loss)
        for loss in (
            lambda z, y: F.cross_entropy(z.softmax(1), y),
            lambda z, y: F.cross_entropy(z.log_softmax(1).exp(), y),
            lambda z, y: F.cross_entropy(z.relu(), y),
            lambda z, y: F.cross_entropy(z.sigmoid(), y),
            lambda z, y: F.nll_loss(z.softmax(1), y),
            lambda z, y: F.nll_loss(z, y),
            lambda z, y: F.nll_loss(z.log_softmax(0), y),
            lambda z, y: F.mse_loss(z, one_hot(z, y)),
            lambda z, y: F.mse_loss(z.softmax(1), one_hot(z, y)),
            lambda z, y: F.binary_cross_entropy_with_logits(z, one_hot(z, y)),
            lambda z, y: F.cross_entropy(z, y).square(),
            lambda z, y: F.cross_entropy(z, y, label_smoothing=0.1),
        )
    ],
    "gradients that stay": [trained(cleared=names) for names in ("", "w", "b")],
    "a forgotten parameter": [trained(moved=names) for names in ("", "w", "b")],
    "forgotten examples": [
        trained(some=slice(*ends))
        for ends in ((1,), (4,), (4, None), (None, None, 2), (1, None, 2), (1, None), (-1,), (6,))
    ],
}


def cosine(start, end, pct):
    return end + (start - end) / 2 * (1 + math.cos(math.pi * pct))


def line(start, end, pct):
    return start + (end - start) * pct


SHAPES = (
    line,
    lambda start, end, pct: start * (end / start) ** pct,
    lambda start, end, pct: start + (end - start) * math.sin(math.pi * pct / 2),
    lambda start, end, pct: line(start, end, pct * pct),
    lambda start, end, pct: end if pct > 0 else start,
)


def cycle(
    step, total, lr_max, share=0.3, off=-1, ends=(25, 1, 25e4), beta=(0.95, 0.85, 0.95), by=cosine
):
    """One cycle; ends: by what the first, largest and last rate divide lr_max; beta: the three
    momentums; by: the shapes of rate and momentum, or one for both.
    """
    of_rate, of_beta = by if isinstance(by, tuple) else (by, by)
    peak, last = share * total + off, total - 1
    up = step <= peak
    pct = step / peak if up else (step - peak) / (last - peak)
    rates = [lr_max / end for end in ends]
    part = slice(2) if up else slice(1, 3)
    return of_rate(*rates[part], pct), of_beta(*beta[part], pct)


ONE_CYCLE = {
    "a wrong shape": [
        functools.partial(cycle, by=by)
        for shape in SHAPES
        for by in (shape, (shape, cosine), (cosine, shape))
    ],
    "a wrong peak": [
        *(functools.partial(cycle, share=k) for k in (0.1, 0.2, 0.25, 0.35, 0.4, 0.5, 0.7, 0.9)),
        *(functools.partial(cycle, off=off) for off in (-2, 0, 1)),
    ],
    "a wrong end": [
        functools.partial(cycle, ends=(25, 1, last)) for last in (1, 2, 10, 25, 100, 1e3, 2500, 1e4)
    ],
    "a wrong momentum": [
        functools.partial(cycle, by=(cosine, lambda start, end, pct: cosine(end, start, pct))),
        *(
            functools.partial(cycle, beta=beta)
            for beta in (
                *((0.85, 0.95, 0.85), (0.95, 0.95, 0.95), (0.85, 0.85, 0.85), (0.9, 0.9, 0.9)),
                *((0.95, 0.85, 0.85), (0.95, 0.95, 0.85), (0.85, 0.85, 0.95), (0.0, 0.0, 0.0)),
                *((0.95, 0.9, 0.95), (0.85, 0.95, 0.95), (0.95, 0.85, 0.9)),
            )
        ),
    ],
}
BUGS = {
    "sgd.reproduce_momentum_step": MOMENTUM,
    "mnist.reproduce_train_step": TRAIN_STEP,
    "one_cycle.reproduce_one_cycle": ONE_CYCLE,
}
