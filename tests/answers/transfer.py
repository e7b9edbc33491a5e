"""Other right answers to the exercises of lesson 10."""

import math
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from functools import partial, reduce
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def replace_head_by_walking(model: nn.Module, num_outputs: int) -> nn.Module:
    found: list[tuple[nn.Module, str]] = []
    for parent in model.modules():
        found += [
            (parent, name)
            for name, child in parent.named_children()
            if isinstance(child, nn.Linear)
        ]
    order = [module for module in model.modules() if isinstance(module, nn.Linear)]
    parent, name = next((p, n) for p, n in found if getattr(p, n) is order[-1])
    parent._modules[name] = nn.Linear(order[-1].in_features, num_outputs)
    return model


def replace_head_by_name(model: nn.Module, num_outputs: int) -> nn.Module:
    names = [name for name, module in model.named_modules() if type(module) is nn.Linear]
    *path, last = names[-1].split(".")
    parent: Any = model
    for part in path:
        parent = getattr(parent, part)
    fresh = nn.Linear(getattr(parent, last).weight.shape[1], num_outputs)
    fresh.train(model.training)
    setattr(parent, last, fresh)
    return model


def replace_head_anew(model: nn.Module, num_outputs: int) -> nn.Module:
    """The layer stays, its parameters do not; legitimate only as far as the layer is another
    object.
    """
    for path, layer in reversed(list(model.named_modules())):
        if isinstance(layer, nn.Linear):
            head = nn.Linear(layer.in_features, num_outputs)
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, head)
            return model
    return model


def freeze_by_method(module: nn.Module) -> nn.Module:
    return module.requires_grad_(False)


def freeze_by_recursion(module: nn.Module) -> None:
    for p in module._parameters.values():
        if p is not None:
            p.requires_grad_(False)
    for child in module.children():
        freeze_by_recursion(child)


def unfreeze_by_method(module: nn.Module) -> nn.Module:
    return module.requires_grad_()


def unfreeze_by_names(module: nn.Module) -> None:
    for name, _ in module.named_parameters():
        module.get_parameter(name).requires_grad = True


def rates_by_logarithm(lr: Any, n_groups: int) -> Tensor:
    if not isinstance(lr, slice):
        return torch.full((n_groups,), lr, dtype=torch.float64)
    if lr.start is None:
        return torch.tensor([lr.stop / 10] * (n_groups - 1) + [lr.stop], dtype=torch.float64)
    if n_groups == 1:
        return torch.tensor([lr.stop], dtype=torch.float64)
    return torch.linspace(
        math.log(lr.start), math.log(lr.stop), n_groups, dtype=torch.float64
    ).exp()


def rates_from_the_head(lr: Any, n_groups: int) -> list[float]:
    if isinstance(lr, slice):
        rates = [lr.stop]
        ratio = (
            1.0
            if n_groups == 1 or lr.start is None
            else (lr.start / lr.stop) ** (1 / (n_groups - 1))
        )
        while len(rates) < n_groups:
            rates.insert(0, 0.1 * lr.stop if lr.start is None else rates[0] * ratio)
        return rates
    return [lr for _ in range(n_groups)]


def groups_by_loop(groups: Sequence[nn.Module], lrs: Sequence[float]) -> list[dict[str, Any]]:
    if len(lrs) != len(groups):
        raise ValueError
    result = []
    for i in range(len(groups)):
        trainable = []
        for _, p in groups[i].named_parameters():
            if p.requires_grad:
                trainable.append(p)
        result.append({"lr": lrs[i], "params": trainable})
    return result


def groups_by_strict_zip(groups: Sequence[nn.Module], lrs: Sequence[float]) -> list[dict[str, Any]]:
    return [
        dict(
            params=list(filter(lambda p: p.requires_grad, group.parameters())),
            lr=torch.tensor(lr, dtype=torch.float64),
        )
        for group, lr in zip(groups, lrs, strict=True)
    ]


class _Recorder:
    def __init__(self, name: str, found: dict[str, Tensor]) -> None:
        self.name, self.found = name, found

    def __call__(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        self.found[self.name] = output.detach().clone()


def activations_by_object(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    modules = dict(model.named_modules())
    handles = [modules[name].register_forward_hook(_Recorder(name, found)) for name in layers]
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return found


def activations_one_by_one(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Tensor]:
    found = {}
    for name, module in model.named_modules():
        if name in layers:
            with module.register_forward_hook(
                lambda m, i, o, name=name: found.update({name: o.data.clone()})
            ):  # type: ignore[misc]
                model(x)
    return found


def activations_in_eval_and_back(
    model: nn.Module, layers: Sequence[str], x: Tensor
) -> dict[str, Tensor]:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        return activations_one_by_one(model, layers, x)
    finally:
        for module, training in modes.items():
            module.training = training


def wider(old: nn.Linear, n: int) -> nn.Linear:
    """A linear layer with n rows, the first ones those of the old layer."""
    new = nn.Linear(old.in_features, n)
    state = new.state_dict()
    for name, value in old.state_dict().items():
        state[name][: len(value)] = value
    new.load_state_dict(state)
    return new


def tune_the_head_alone(model: Any, x: Tensor, y: Tensor, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    model.eval()
    with torch.no_grad():
        features = model.late(model.middle(model.early(x))).flatten(1)
    head = wider(model.head[1], int(y.max()) + 1)
    for _ in range(150):
        gradients = torch.autograd.grad(F.cross_entropy(head(features), y), list(head.parameters()))
        with torch.no_grad():
            for p, g in zip(head.parameters(), gradients, strict=True):
                p -= 0.02 * g
    model.head[1] = head
    return model


def tune_everything(model: Any, x: Tensor, y: Tensor, seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    model.head[1] = wider(model.head[1], 10)
    velocities = [torch.zeros_like(p) for p in model.parameters()]
    model.train()
    for _ in range(20):
        for idx in torch.randperm(len(x), generator=generator).split(25):
            model.zero_grad()
            F.cross_entropy(model(x[idx]), y[idx]).backward()
            with torch.no_grad():
                for p, v in zip(model.parameters(), velocities, strict=True):
                    v.mul_(0.9).add_(p.grad)
                    p.sub_(v, alpha=0.004)
    return model


def tune_in_two_phases(model: Any, x: Tensor, y: Tensor, seed: int) -> nn.Module:
    """First the head, with the body still, then everything in small steps that get smaller; in both
    an old digit counts ten times as much, since there are a tenth as many.
    """
    torch.manual_seed(seed)
    model.head[1] = wider(model.head[1], 10)
    weight = torch.ones(10).where(torch.arange(10) > 4, 10.0)
    for step in range(160):
        whole = step >= 80
        model.train(whole)
        idx = torch.randperm(len(x))[:32]
        model.zero_grad()
        F.cross_entropy(model(x[idx]), y[idx], weight).backward()
        for p in model.parameters() if whole else model.head.parameters():
            p.data -= 0.02 * (1 - step / 160) * p.grad
    return model


ANSWERS = {
    "transfer.replace_head": [replace_head_by_walking, replace_head_by_name, replace_head_anew],
    "transfer.freeze": [freeze_by_method, freeze_by_recursion],
    "transfer.unfreeze": [unfreeze_by_method, unfreeze_by_names],
    "transfer.discriminative_lrs": [rates_by_logarithm, rates_from_the_head],
    "transfer.parameter_groups": [groups_by_loop, groups_by_strict_zip],
    "transfer.activations": [
        activations_by_object,
        activations_one_by_one,
        activations_in_eval_and_back,
    ],
    "transfer.fine_tune": [tune_the_head_alone, tune_everything, tune_in_two_phases],
}


# Written from the student's notebook alone.


def replace_head_first_reading(model, num_outputs):
    found, seen = None, set()

    def visit(parent):
        nonlocal found
        for name, child in parent.named_children():
            if child in seen:
                continue
            seen.add(child)
            if isinstance(child, nn.Linear):
                found = parent, name
            visit(child)

    visit(model)
    parent, name = found
    old = getattr(parent, name)
    setattr(parent, name, nn.Linear(old.weight.shape[1], num_outputs).train(old.training))
    return model


def replace_head_second_reading(model, num_outputs):
    paths = OrderedDict((p, m) for p, m in model.named_modules() if isinstance(m, nn.Linear))
    path, old = paths.popitem()
    *above, name = path.split(".")
    parent = reduce(getattr, above, model)
    parent._modules[name] = nn.Linear(old.in_features, num_outputs, bias=True)
    return model


class _Surgeon:
    def __call__(self, model, num_outputs):
        modules = dict(model.named_modules())
        path = next(p for p in reversed(modules) if isinstance(modules[p], nn.Linear))
        for name, parent in modules.items():
            for child in parent._modules:
                if (f"{name}.{child}" if name else child) == path:
                    parent.add_module(child, nn.Linear(modules[path].in_features, num_outputs))
        return model


replace_head_third_reading = _Surgeon()


def activations_first_reading(model, layers, x):
    out, handles = {}, []

    class Hook:
        def __init__(self, path):
            self.path = path

        def __call__(self, module, inputs, output):
            out[self.path] = output.clone().detach()

    try:
        for path in layers:
            handles.append(model.get_submodule(path).register_forward_hook(Hook(path)))
        with torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    return {path: out[path] for path in layers}


def activations_second_reading(model, layers, x):
    from contextlib import ExitStack

    out = {}

    def keep(path, module, args, kwargs, output):
        out[path] = torch.tensor(output.detach().numpy().copy())

    with ExitStack() as stack:
        for path in layers:
            stack.enter_context(
                model.get_submodule(path).register_forward_hook(
                    partial(keep, path), with_kwargs=True
                )
            )
        model(x)
    return out


def activations_third_reading(model, layers, x):
    by_module = defaultdict(list)
    for path in layers:
        by_module[dict(model.named_modules())[path]].append(path)
    out = dict.fromkeys(layers)

    def hook(module, inputs, output):
        for path in by_module[module]:
            out[path] = output.detach().clone()

    handles = [module.register_forward_hook(hook) for module in by_module]
    try:
        model(x)
    finally:
        for handle in handles:
            handle.remove()
    return out


freeze_first_reading = lambda module: module.requires_grad_(False)


def freeze_second_reading(module):
    for p in module._parameters.values():
        if p is not None:
            p.requires_grad = False
    for child in module.children():
        _freeze_deep(child)


_freeze_deep = freeze_second_reading


def freeze_third_reading(module):
    module.apply(lambda m: [p.requires_grad_(False) for p in m.parameters(recurse=False)])


unfreeze_first_reading = lambda module: [p.requires_grad_() for p in module.parameters()]


def unfreeze_second_reading(module):
    for _, p in module.named_parameters():
        if p.requires_grad is False:
            setattr(p, "requires_grad", True)
    return module


def unfreeze_third_reading(module):
    todo = [module]
    while todo:
        m = todo.pop()
        todo.extend(m.children())
        for p in m.parameters(recurse=False):
            p.requires_grad = True


def discriminative_lrs_first_reading(lr, n_groups):
    if not isinstance(lr, slice):
        return [lr] * n_groups
    first = lr.stop / 10 if lr.start is None else lr.start
    earlier = [
        first if lr.start is None else first * (lr.stop / first) ** (i / (n_groups - 1))
        for i in range(n_groups - 1)
    ]
    return earlier + [lr.stop]


def discriminative_lrs_second_reading(lr, n_groups):
    match lr:
        case slice(start=None):
            rates = np.full(n_groups, lr.stop / 10)
            rates[-1] = lr.stop
        case slice():
            rates = np.geomspace(lr.stop, lr.start, n_groups)[::-1]
        case _:
            rates = np.full(n_groups, lr)
    return rates.tolist()


def discriminative_lrs_third_reading(lr, n_groups):
    if isinstance(lr, slice):
        if lr.start is None:
            return [*(lr.stop * 0.1 for _ in range(1, n_groups)), lr.stop]
        if n_groups == 1:
            return [lr.stop]
        q = math.pow(lr.stop / lr.start, 1 / (n_groups - 1))
        rates = [lr.stop]
        for _ in range(n_groups - 1):
            rates.insert(0, rates[0] / q)
        return rates
    return list(np.repeat(float(lr), n_groups))


def parameter_groups_first_reading(groups, lrs):
    return [
        {"params": [p for p in module.parameters() if p.requires_grad], "lr": lr}
        for module, lr in zip(groups, lrs, strict=True)
    ]


def parameter_groups_second_reading(groups, lrs):
    if len(lrs) - len(groups):
        raise ValueError(f"{len(groups)} modules, but {len(lrs)} learning rates")
    result = [OrderedDict(params=[], lr=lr) for lr in lrs]
    for entry, module in zip(result, groups):
        for _, p in module.named_parameters():
            if p.requires_grad:
                entry["params"].append(p)
    return [dict(entry) for entry in result]


def discriminative_lrs_fourth_reading(lr, n_groups):
    if not isinstance(lr, slice):
        return torch.full((n_groups,), float(lr))
    rates = torch.full((n_groups,), lr.stop / 10)
    if lr.start is not None and n_groups > 1:
        rates = torch.logspace(math.log10(lr.start), math.log10(lr.stop), n_groups)
    rates[-1] = lr.stop
    return rates


class LengthError(ValueError):
    pass


def parameter_groups_third_reading(groups, lrs):
    rates = iter(lrs)
    out = []
    for m in groups:
        try:
            out.append(
                {
                    "lr": next(rates),
                    "params": list(filter(lambda p: p.requires_grad, m.parameters())),
                }
            )
        except StopIteration:
            raise LengthError("too few rates") from None
    for _ in rates:
        raise LengthError("too many rates")
    return out


ANSWERS["transfer.replace_head"] += [
    replace_head_first_reading,
    replace_head_second_reading,
    replace_head_third_reading,
]
ANSWERS["transfer.activations"] += [
    activations_first_reading,
    activations_second_reading,
    activations_third_reading,
]
ANSWERS["transfer.freeze"] += [freeze_first_reading, freeze_second_reading, freeze_third_reading]
ANSWERS["transfer.unfreeze"] += [
    unfreeze_first_reading,
    unfreeze_second_reading,
    unfreeze_third_reading,
]
ANSWERS["transfer.discriminative_lrs"] += [
    discriminative_lrs_first_reading,
    discriminative_lrs_second_reading,
    discriminative_lrs_third_reading,
    discriminative_lrs_fourth_reading,
]
ANSWERS["transfer.parameter_groups"] += [
    parameter_groups_first_reading,
    parameter_groups_second_reading,
    parameter_groups_third_reading,
]


def rates_repaired_with_a_condition() -> tuple[object, object]:
    def repaired(lr, n_groups):  # type: ignore[no-untyped-def]
        if not isinstance(lr, slice):
            return [lr] * n_groups
        if lr.start is None:
            return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
        factor = (lr.stop / lr.start) ** (1 / (n_groups - 1)) if n_groups > 1 else 1.0
        return [lr.stop / factor**i for i in reversed(range(n_groups))]

    return {"start": 1, "stop": 4, "n_groups": 2}, repaired


def rates_repaired_in_the_last_line() -> tuple[object, object]:
    def repaired(lr, n_groups):  # type: ignore[no-untyped-def]
        if not isinstance(lr, slice):
            return [lr] * n_groups
        if lr.start is None:
            return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
        factor = lr.start / lr.stop
        return [lr.stop * factor ** (i / max(n_groups - 1, 1)) for i in reversed(range(n_groups))]

    return {"start": 0.001, "stop": 0.1, "n_groups": 5}, repaired


ANSWERS |= {
    "transfer.repair_discriminative_lrs": [
        rates_repaired_with_a_condition,
        rates_repaired_in_the_last_line,
    ],
}
