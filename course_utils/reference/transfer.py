"""Lesson 10: a trained net on a new task: new head, frozen layers, learning rates by depth."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.reference.cross_entropy import cross_entropy
from course_utils.reference.mnist import SGD
from course_utils.reference.sgd import minibatches


def replace_head(model: nn.Module, num_outputs: int) -> nn.Module:
    """The model itself, its last nn.Linear replaced by a fresh one from as many features to
    num_outputs.
    """
    linears = [
        (path, module) for path, module in model.named_modules() if isinstance(module, nn.Linear)
    ]
    path, old = linears[-1]
    parent, _, child = path.rpartition(".")
    head = nn.Linear(old.in_features, num_outputs)
    setattr(model.get_submodule(parent), child, head)
    return model


def freeze(module: nn.Module) -> None:
    """No parameter of the module gets a gradient any more."""
    for p in module.parameters():
        p.requires_grad = False


def unfreeze(module: nn.Module) -> None:
    """Every parameter of the module gets a gradient again."""
    for p in module.parameters():
        p.requires_grad = True


def discriminative_lrs(lr: float | slice, n_groups: int) -> list[float]:
    """One learning rate for each group, the head's last.

    lr: equal for all; slice(b): b / 10, ..., b / 10, b; slice(a, b): a * (b / a)**(i / (n_groups -
    1)).
    Source: the rates of the fastai library, version 1.
    """
    before = n_groups - 1  # groups before the last
    if not isinstance(lr, slice):
        return [lr] * n_groups
    if lr.start is None:
        return [lr.stop / 10] * before + [lr.stop]
    return [lr.start * (lr.stop / lr.start) ** (i / before) for i in range(before)] + [lr.stop]


def parameter_groups(groups: Sequence[nn.Module], lrs: Sequence[float]) -> list[dict[str, Any]]:
    """[{"params": trainable parameters of a module, "lr": its rate}, ...], as torch.optim takes
    them.

    Raises ValueError where there are not as many rates as modules.
    """
    if len(groups) != len(lrs):
        raise ValueError(f"there are {len(groups)} groups and {len(lrs)} learning rates")
    pairs = zip(groups, lrs, strict=True)
    return [
        {"params": [p for p in group.parameters() if p.requires_grad], "lr": lr}
        for group, lr in pairs
    ]


def activations(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Tensor]:
    """What the named modules put out while the model runs on x, cut off from the graph; names as in
    named_modules.
    """
    outputs: dict[str, Tensor] = {}

    def hook(name: str) -> Any:
        return lambda module, inputs, output: outputs.update({name: output.detach().clone()})

    handles = [model.get_submodule(name).register_forward_hook(hook(name)) for name in layers]
    try:
        model(x)
    finally:
        for handle in handles:
            handle.remove()
    return outputs


def fine_tune(model: Any, x: Tensor, y: Tensor, seed: int) -> nn.Module:
    """The model with a larger head that keeps the old rows, after 20 epochs of SGD with momentum,
    the rates from 0.0005 for the first layers to 0.005 for the head.

    model: a digit_net. x: (n, 1, 28, 28), y: (n,) in 0 ... c - 1; the new head has c outputs, at
    least as many as the old one.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    old = model.head[1]
    replace_head(model, int(y.max()) + 1)
    with torch.no_grad():
        model.head[1].weight[: old.out_features] = old.weight
        model.head[1].bias[: old.out_features] = old.bias
    groups = list(model.children())
    rates = discriminative_lrs(slice(0.0005, 0.005), len(groups))
    optimizers = [SGD(**group, momentum=0.9) for group in parameter_groups(groups, rates)]
    model.train()
    for _ in range(20):
        for idx in minibatches(len(x), 32, generator):
            loss = cross_entropy(model(x[idx]), y[idx])
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
    return model


def repair_discriminative_lrs() -> tuple[dict[str, float], Callable[..., list[float]]]:
    """Three groups, whose first rate should be the start, and lines in which it is."""
    witness = {"start": 0.01, "stop": 1.0, "n_groups": 3}

    def repaired(lr, n_groups):  # type: ignore[no-untyped-def]
        if not isinstance(lr, slice):
            return [lr] * n_groups
        if lr.start is None:
            return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
        factor = (lr.stop / lr.start) ** (1 / max(1, n_groups - 1))
        return [lr.stop / factor**i for i in reversed(range(n_groups))]

    return witness, repaired
