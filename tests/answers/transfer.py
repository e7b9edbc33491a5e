"""Right and wrong answers to the exercises of lesson 10."""

import copy
import math
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.answers import right, wrong


@right("transfer.replace_head")
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


@right("transfer.replace_head")
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


@right("transfer.replace_head")
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


@right("transfer.freeze")
def freeze_by_method(module: nn.Module) -> nn.Module:
    return module.requires_grad_(False)


@right("transfer.freeze")
def freeze_by_recursion(module: nn.Module) -> None:
    for p in module._parameters.values():
        if p is not None:
            p.requires_grad_(False)
    for child in module.children():
        freeze_by_recursion(child)


@right("transfer.unfreeze")
def unfreeze_by_method(module: nn.Module) -> nn.Module:
    return module.requires_grad_()


@right("transfer.unfreeze")
def unfreeze_by_names(module: nn.Module) -> None:
    for name, _ in module.named_parameters():
        module.get_parameter(name).requires_grad = True


@right("transfer.discriminative_lrs")
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


@right("transfer.discriminative_lrs")
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


@right("transfer.parameter_groups")
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


@right("transfer.parameter_groups")
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


@right("transfer.activations")
def activations_by_object(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    modules = dict(model.named_modules())
    handles = [modules[name].register_forward_hook(_Recorder(name, found)) for name in layers]
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return found


@right("transfer.activations")
def activations_one_by_one(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Tensor]:
    found = {}
    for name, module in model.named_modules():
        if name in layers:
            with module.register_forward_hook(
                lambda m, i, o, name=name: found.update({name: o.data.clone()})
            ):  # type: ignore[misc]
                model(x)
    return found


@right("transfer.activations")
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


@right("transfer.fine_tune")
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


@right("transfer.fine_tune")
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


@right("transfer.fine_tune")
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


# Written from the student's notebook alone.


@right("transfer.replace_head")
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


@right("transfer.replace_head")
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


right("transfer.replace_head")(_Surgeon())


@right("transfer.activations")
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


@right("transfer.activations")
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


@right("transfer.activations")
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


right("transfer.freeze")(lambda module: module.requires_grad_(False))


@right("transfer.freeze")
def freeze_second_reading(module):
    for p in module._parameters.values():
        if p is not None:
            p.requires_grad = False
    for child in module.children():
        _freeze_deep(child)


_freeze_deep = freeze_second_reading


@right("transfer.freeze")
def freeze_third_reading(module):
    module.apply(lambda m: [p.requires_grad_(False) for p in m.parameters(recurse=False)])


right("transfer.unfreeze")(lambda module: [p.requires_grad_() for p in module.parameters()])


@right("transfer.unfreeze")
def unfreeze_second_reading(module):
    for _, p in module.named_parameters():
        if p.requires_grad is False:
            setattr(p, "requires_grad", True)
    return module


@right("transfer.unfreeze")
def unfreeze_third_reading(module):
    todo = [module]
    while todo:
        m = todo.pop()
        todo.extend(m.children())
        for p in m.parameters(recurse=False):
            p.requires_grad = True


@right("transfer.discriminative_lrs")
def discriminative_lrs_first_reading(lr, n_groups):
    if not isinstance(lr, slice):
        return [lr] * n_groups
    first = lr.stop / 10 if lr.start is None else lr.start
    earlier = [
        first if lr.start is None else first * (lr.stop / first) ** (i / (n_groups - 1))
        for i in range(n_groups - 1)
    ]
    return earlier + [lr.stop]


@right("transfer.discriminative_lrs")
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


@right("transfer.discriminative_lrs")
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


@right("transfer.parameter_groups")
def parameter_groups_first_reading(groups, lrs):
    return [
        {"params": [p for p in module.parameters() if p.requires_grad], "lr": lr}
        for module, lr in zip(groups, lrs, strict=True)
    ]


@right("transfer.parameter_groups")
def parameter_groups_second_reading(groups, lrs):
    if len(lrs) - len(groups):
        raise ValueError(f"{len(groups)} modules, but {len(lrs)} learning rates")
    result = [OrderedDict(params=[], lr=lr) for lr in lrs]
    for entry, module in zip(result, groups):
        for _, p in module.named_parameters():
            if p.requires_grad:
                entry["params"].append(p)
    return [dict(entry) for entry in result]


@right("transfer.discriminative_lrs")
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


@right("transfer.parameter_groups")
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


@right("transfer.repair_discriminative_lrs")
def rates_repaired_with_a_condition() -> tuple[object, object]:
    def repaired(lr, n_groups):  # type: ignore[no-untyped-def]
        if not isinstance(lr, slice):
            return [lr] * n_groups
        if lr.start is None:
            return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
        factor = (lr.stop / lr.start) ** (1 / (n_groups - 1)) if n_groups > 1 else 1.0
        return [lr.stop / factor**i for i in reversed(range(n_groups))]

    return {"start": 1, "stop": 4, "n_groups": 2}, repaired


@right("transfer.repair_discriminative_lrs")
def rates_repaired_in_the_last_line() -> tuple[object, object]:
    def repaired(lr, n_groups):  # type: ignore[no-untyped-def]
        if not isinstance(lr, slice):
            return [lr] * n_groups
        if lr.start is None:
            return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
        factor = lr.start / lr.stop
        return [lr.stop * factor ** (i / max(n_groups - 1, 1)) for i in reversed(range(n_groups))]

    return {"start": 0.001, "stop": 0.1, "n_groups": 5}, repaired


def _linears(model: nn.Module) -> list[tuple[nn.Module, str, nn.Linear]]:
    """Every nn.Linear with its parent and its name there."""
    found = [
        (name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear)
    ]
    parts = [(name.rpartition("."), module) for name, module in found]
    return [(model.get_submodule(parent), child, module) for (parent, _, child), module in parts]


def _only_the_number(model: nn.Module, n: int) -> nn.Module:
    _linears(model)[-1][2].out_features = n
    return model


wrong("transfer.replace_head", "only out_features changed")(_only_the_number)


def _rows_kept(old: nn.Linear, n: int) -> nn.Linear:
    new = nn.Linear(old.in_features, n)
    with torch.no_grad():
        k = min(n, old.out_features)
        new.weight[:k], new.bias[:k] = old.weight[:k], old.bias[:k]
    return new


def _with_head(
    model: nn.Module, head: Callable[[nn.Linear], nn.Module], which: Iterable[int] = (-1,)
) -> nn.Module:
    linears = _linears(model)
    for index in which:
        parent, name, old = linears[index]
        setattr(parent, name, head(old))
    return model


wrong("transfer.replace_head", "old rows kept")(
    lambda model, n: _with_head(model, lambda old: _rows_kept(old, n))
)

wrong("transfer.replace_head", "the first linear layer")(
    lambda model, n: _with_head(model, lambda old: nn.Linear(old.in_features, n), (0,))
)

wrong("transfer.replace_head", "every linear layer")(
    lambda model, n: _with_head(
        model, lambda old: nn.Linear(old.in_features, n), range(-len(_linears(model)), 0)
    )
)

wrong("transfer.replace_head", "added after the old head")(
    lambda model, n: _with_head(
        model, lambda old: nn.Sequential(old, nn.Linear(old.out_features, n))
    )
)

wrong("transfer.replace_head", "a new model around the old one")(
    lambda model, n: nn.Sequential(model, nn.Linear(_linears(model)[-1][2].out_features, n))
)


def _whole_container(model: nn.Module, n: int) -> nn.Module:
    path, head = [(path, m) for path, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    setattr(model, path.split(".")[0], nn.Linear(head.in_features, n))
    return model


wrong("transfer.replace_head", "the container replaced with the head")(_whole_container)

wrong("transfer.replace_head", "in and out swapped")(
    lambda model, n: _with_head(model, lambda old: nn.Linear(n, old.in_features))
)

wrong("transfer.replace_head", "in_features from the old head's outputs")(
    lambda model, n: _with_head(model, lambda old: nn.Linear(old.out_features, n))
)


def _resized(model: nn.Module, n: int) -> nn.Module:
    head = _linears(model)[-1][2]
    fresh = nn.Linear(head.in_features, n)
    head.weight, head.bias, head.out_features = fresh.weight, fresh.bias, n
    return model


wrong("transfer.replace_head", "the old layer resized")(_resized)


def _only_children(model: nn.Module, n: int) -> nn.Module:
    name, child = [
        (name, child) for name, child in model.named_children() if isinstance(child, nn.Linear)
    ][-1]
    setattr(model, name, nn.Linear(child.in_features, n))
    return model


wrong("transfer.replace_head", "only the top level searched")(_only_children)


def _always_fc(model: Any, n: int) -> nn.Module:
    model.fc = nn.Linear(model.fc.in_features, n)
    return model


wrong("transfer.replace_head", "always called fc")(_always_fc)


def _path_as_name(model: nn.Module, n: int) -> nn.Module:
    name, head = [(name, m) for name, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    setattr(model, name, nn.Linear(head.in_features, n))
    return model


wrong("transfer.replace_head", "path treated as a name")(_path_as_name)


def _last_entry(model: Any, n: int) -> nn.Module:
    model[-1] = nn.Linear(model[-1].in_features, n)
    return model


wrong("transfer.replace_head", "the last entry of the list")(_last_entry)


def _last_child(model: nn.Module, n: int) -> nn.Module:
    name, child = list(model.named_children())[-1]
    setattr(model, name, nn.Linear(child.in_features, n))  # type: ignore[arg-type]
    return model


wrong("transfer.replace_head", "the last child")(_last_child)

wrong("transfer.replace_head", "a copy")(
    lambda model, n: _with_head(copy.deepcopy(model), lambda old: nn.Linear(old.in_features, n))
)


def _started_again(model: nn.Module, n: int) -> nn.Module:
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.BatchNorm1d):
            module.reset_parameters()
    return _with_head(model, lambda old: nn.Linear(old.in_features, n))


wrong("transfer.replace_head", "other layers reinitialised")(_started_again)


def _sealed(model: nn.Module, n: int) -> nn.Module:
    for p in model.parameters():
        p.requires_grad = False
    return _with_head(model, lambda old: nn.Linear(old.in_features, n))


wrong("transfer.replace_head", "other layers frozen")(_sealed)


def _all_sealed(model: nn.Module, n: int) -> nn.Module:
    return _with_head(model, lambda old: nn.Linear(old.in_features, n)).requires_grad_(False)


wrong("transfer.replace_head", "head frozen")(_all_sealed)


def _zero_head(old: nn.Linear, n: int) -> nn.Linear:
    new = nn.Linear(old.in_features, n)
    for p in new.parameters():
        nn.init.zeros_(p)
    return new


wrong("transfer.replace_head", "starts at zero")(
    lambda model, n: _with_head(model, lambda old: _zero_head(old, n))
)

wrong("transfer.replace_head", "without bias")(
    lambda model, n: _with_head(model, lambda old: nn.Linear(old.in_features, n, bias=False))
)

wrong("transfer.replace_head", "mode changed")(
    lambda model, n: _with_head(
        model.train(not model.training), lambda old: nn.Linear(old.in_features, n)
    )
)

wrong("transfer.replace_head", "left in training mode")(
    lambda model, n: _with_head(model.train(), lambda old: nn.Linear(old.in_features, n))
)

wrong("transfer.replace_head", "left in eval mode")(
    lambda model, n: _with_head(model.eval(), lambda old: nn.Linear(old.in_features, n))
)


def _returned_head(model: nn.Module, n: int) -> nn.Module:
    return _linears(_with_head(model, lambda old: nn.Linear(old.in_features, n)))[-1][2]


wrong("transfer.replace_head", "returns the head")(_returned_head)


def _nothing_returned(model: nn.Module, n: int) -> None:
    _with_head(model, lambda old: nn.Linear(old.in_features, n))


wrong("transfer.replace_head", "returned None")(_nothing_returned)


def _buffers_too(module: nn.Module) -> None:
    for b in module.buffers():
        if b.is_floating_point():
            b.requires_grad_()


def _put(
    module: nn.Module, to: bool, keep: Callable[[str, nn.Parameter], bool] = lambda name, p: False
) -> nn.Module:
    """requires_grad of all parameters but those to keep."""
    for name, p in module.named_parameters():
        if not keep(name, p):
            p.requires_grad = to
    return module


def _but_the_last(module: nn.Module, to: bool) -> None:
    last = [id(p) for p in module.parameters()][-2:]
    _put(module, to, lambda name, p: id(p) in last)


def _called(module: nn.Module, to: bool) -> None:
    for p in module.parameters():
        p.requires_grad(to)  # type: ignore[operator]


def _is_norm(module: nn.Module) -> Callable[[str, nn.Parameter], bool]:
    own = {id(p) for m in module.modules() if isinstance(m, nn.BatchNorm1d) for p in m.parameters()}
    return lambda name, p: id(p) in own


def _misspelt(module: nn.Module, to: bool) -> None:
    for p in module.parameters():
        p.require_grad = to  # type: ignore[attr-defined]


def _on_the_module(module: nn.Module, to: bool) -> None:
    module.requires_grad = to  # type: ignore[assignment]


def _put_and(module: nn.Module, to: bool, more: Callable[[nn.Module], Any]) -> None:
    more(_put(module, to))


def _remade(module: nn.Module, to: bool) -> None:
    for child in module.modules():
        for name, p in list(child.named_parameters(recurse=False)):
            setattr(child, name, nn.Parameter(p.detach().clone(), requires_grad=to))


def _toggled(module: nn.Module) -> None:
    for p in module.parameters():
        p.requires_grad = not p.requires_grad


def _without_gradients(module: nn.Module) -> None:
    for p in module.parameters():
        p.grad = None


def _switches(id: str, to: bool) -> None:
    """What can go wrong in freeze and unfreeze alike."""
    wrong(id, "batch norm left out")(lambda m: _put(m, to, _is_norm(m)))
    wrong(id, "eval mode instead of freezing")(lambda m: m.train(to))
    wrong(id, "an attribute of the module")(lambda m: _on_the_module(m, to))
    wrong(id, "biases left out")(lambda m: _put(m, to, lambda name, p: name.endswith("bias")))
    wrong(id, "only matrices")(lambda m: _put(m, to, lambda name, p: p.ndim < 2))
    wrong(id, "all but the last layer")(lambda m: _but_the_last(m, to))
    wrong(id, "not the layers inside")(
        lambda m: [p.requires_grad_(to) for p in m.parameters(recurse=False)]
    )
    wrong(id, "only one level down")(
        lambda m: [
            p.requires_grad_(to) for child in m.children() for p in child.parameters(recurse=False)
        ]
    )
    wrong(id, "only the first parameter")(lambda m: next(m.parameters()).requires_grad_(to))
    wrong(id, "an attribute nothing reads")(lambda m: _misspelt(m, to))
    wrong(id, "called like a function")(lambda m: _called(m, to))
    wrong(id, "nothing changes")(lambda m: None)
    wrong(id, "new parameters")(lambda m: _remade(m, to))
    wrong(id, "toggled")(_toggled)
    wrong(id, "the other way round")(lambda m: _put(m, not to))
    wrong(id, "mode switched too")(lambda m: _put_and(m, to, lambda model: model.train(to)))
    wrong(id, "gradients cleared")(lambda m: _put_and(m, to, _without_gradients))
    wrong(id, "buffers too")(lambda m: _put_and(m, to, _buffers_too))


_switches("transfer.freeze", False)
_switches("transfer.unfreeze", True)


def _geometric(a: float, b: float, n: int) -> list[float]:
    return [b] if n == 1 else [a * (b / a) ** (i / (n - 1)) for i in range(n)]


def _rates(
    lr: Any,
    n: int,
    *,
    one: Callable[[float, int], Any] = lambda b, n: [b] * n,
    stop: Callable[[float, int], Any] = lambda b, n: [b / 10] * (n - 1) + [b],
    both: Callable[[float, float, int], Any] = _geometric,
) -> Any:
    """The right rates, but for what is handed in."""
    if not isinstance(lr, slice):
        return one(lr, n)
    return stop(lr.stop, n) if lr.start is None else both(lr.start, lr.stop, n)


wrong("transfer.discriminative_lrs", "a third")(
    lambda lr, n: _rates(lr, n, stop=lambda b, n: [b / 3] * (n - 1) + [b])
)

wrong("transfer.discriminative_lrs", "evenly spaced")(
    lambda lr, n: _rates(
        lr, n, both=lambda a, b, n: [b] if n == 1 else [a + (b - a) * i / (n - 1) for i in range(n)]
    )
)

wrong("transfer.discriminative_lrs", "evenly spaced", "one group gets the first rate")(
    lambda lr, n: _rates(
        lr, n, both=lambda a, b, n: [a + (b - a) * i / max(n - 1, 1) for i in range(n)]
    )
)

wrong("transfer.discriminative_lrs", "evenly spaced", "one group, no step")(
    lambda lr, n: _rates(lr, n, both=lambda a, b, n: [a + (b - a) / (n - 1) * i for i in range(n)])
)

wrong("transfer.discriminative_lrs", "last rate not reached")(
    lambda lr, n: _rates(lr, n, both=lambda a, b, n: [a * (b / a) ** (i / n) for i in range(n)])
)

wrong("transfer.discriminative_lrs", "one step ahead")(
    lambda lr, n: _rates(
        lr,
        n,
        both=lambda a, b, n: (
            [b] if n == 1 else [a * (b / a) ** ((i + 1) / (n - 1)) for i in range(n)]
        ),
    )
)

wrong("transfer.discriminative_lrs", "always times ten")(
    lambda lr, n: _rates(lr, n, both=lambda a, b, n: [a * 10**i for i in range(n)])
)

wrong("transfer.discriminative_lrs", "the whole rate for the first")(
    lambda lr, n: _rates(lr, n, stop=lambda b, n: [b] + [b / 10] * (n - 1))
)

wrong("transfer.discriminative_lrs", "one rate too many")(
    lambda lr, n: _rates(lr, n, stop=lambda b, n: [b / 10] * n + [b])
)

wrong("transfer.discriminative_lrs", "last rate not reached")(
    lambda lr, n: _rates(
        lr, n, both=lambda a, b, n: [b] if n == 1 else [a * (b / a) ** (i / n) for i in range(n)]
    )
)

wrong("transfer.discriminative_lrs", "each group a tenth of the next")(
    lambda lr, n: _rates(lr, n, stop=lambda b, n: [b / 10 ** (n - 1 - i) for i in range(n)])
)

wrong("transfer.discriminative_lrs", "from a tenth upwards")(
    lambda lr, n: _rates(lr, n, stop=lambda b, n: _geometric(b / 10, b, n))
)

wrong("transfer.discriminative_lrs", "only the first is smaller")(
    lambda lr, n: _rates(lr, n, stop=lambda b, n: [b / 10] + [b] * (n - 1) if n > 1 else [b])
)

wrong("transfer.discriminative_lrs", "head slowest")(lambda lr, n: _rates(lr, n)[::-1])

wrong("transfer.discriminative_lrs", "one group gets the first rate")(
    lambda lr, n: _rates(
        lr, n, both=lambda a, b, n: [a * (b / a) ** (i / max(n - 1, 1)) for i in range(n)]
    )
)

wrong("transfer.discriminative_lrs", "one group, no step")(
    lambda lr, n: _rates(
        lr, n, both=lambda a, b, n: [a * ((b / a) ** (1 / (n - 1))) ** i for i in range(n)]
    )
)

wrong("transfer.discriminative_lrs", "one group gets a tenth")(
    lambda lr, n: _rates(lr, n, stop=lambda b, n: [b / 10] * max(n - 1, 1) + [b] * (n > 1))
)

wrong("transfer.discriminative_lrs", "slice without a start as a number")(
    lambda lr, n: _rates(lr, n, stop=lambda b, n: [b] * n)
)

wrong("transfer.discriminative_lrs", "a number is not a list")(
    lambda lr, n: _rates(lr, n, one=lambda b, n: b)
)

wrong("transfer.discriminative_lrs", "the slice itself repeated")(lambda lr, n: [lr] * n)

wrong("transfer.discriminative_lrs", "every lr treated as a slice")(
    lambda lr, n: _geometric(lr.start, lr.stop, n)
)

wrong("transfer.discriminative_lrs", "start read from a number")(
    lambda lr, n: _rates(lr, n, one=lambda b, n: b.start)
)

wrong("transfer.discriminative_lrs", "a number as a slice")(
    lambda lr, n: _rates(lr, n, one=lambda b, n: [b / 10] * (n - 1) + [b])
)

wrong("transfer.discriminative_lrs", "start forgotten")(
    lambda lr, n: _rates(lr, n, both=lambda a, b, n: [b / 10] * (n - 1) + [b])
)

wrong("transfer.discriminative_lrs", "factor multiplied, not raised")(
    lambda lr, n: _rates(
        lr,
        n,
        both=lambda a, b, n: (
            [b] if n == 1 else [a * max((b / a) ** (1 / (n - 1)) * i, 1) for i in range(n)]
        ),
    )
)


def _dicts(pairs: Iterable[tuple[Any, Any]]) -> list[dict[str, Any]]:
    return [{"params": params, "lr": lr} for params, lr in pairs]


def _groups(
    groups: Sequence[nn.Module], lrs: Sequence[float], strict: bool = True
) -> list[tuple[list[Any], float]]:
    """Trainable parameters with their rates; ValueError where lengths differ and `strict`."""
    if strict and len(groups) != len(lrs):
        raise ValueError("lengths differ")
    return [
        ([p for p in g.parameters() if p.requires_grad], lr)
        for g, lr in zip(groups, lrs, strict=False)
    ]


wrong("transfer.parameter_groups", "stops at the shorter list")(
    lambda groups, lrs: _dicts(_groups(groups, lrs, strict=False))
)

wrong("transfer.parameter_groups", "frozen parameters included", "stops at the shorter list")(
    lambda groups, lrs: _dicts(
        (list(g.parameters()), lr) for g, lr in zip(groups, lrs, strict=False)
    )
)


def _by_index(groups: Any, lrs: Any) -> Any:
    return [
        {"params": [p for p in g.parameters() if p.requires_grad], "lr": lrs[i]}
        for i, g in enumerate(groups)
    ]


wrong("transfer.parameter_groups", "lengths not compared")(_by_index)


def _by_assertion(groups: Any, lrs: Any) -> Any:
    assert len(groups) == len(lrs)
    return _dicts(_groups(groups, lrs))


wrong("transfer.parameter_groups", "wrong type of error")(_by_assertion)


def _error_returned(groups: Any, lrs: Any) -> Any:
    return _dicts(_groups(groups, lrs)) if len(groups) == len(lrs) else ValueError("lengths differ")


wrong("transfer.parameter_groups", "error returned")(_error_returned)

wrong("transfer.parameter_groups", "only the first parameter checked")(
    lambda groups, lrs: _dicts(
        (list(g.parameters()) if next(g.parameters()).requires_grad else [], lr)
        for g, (_, lr) in zip(groups, _groups(groups, lrs), strict=True)
    )
)

wrong("transfer.parameter_groups", "all parameters where one is trainable")(
    lambda groups, lrs: _dicts(
        (list(g.parameters()) if some else [], lr)
        for g, (some, lr) in zip(groups, _groups(groups, lrs), strict=True)
    )
)

wrong("transfer.parameter_groups", "a group for each parameter")(
    lambda groups, lrs: _dicts(([p], lr) for params, lr in _groups(groups, lrs) for p in params)
)

wrong("transfer.parameter_groups", "names with the parameters")(
    lambda groups, lrs: _dicts(
        ([(name, p) for name, p in g.named_parameters() if p.requires_grad], lr)
        for g, (_, lr) in zip(groups, _groups(groups, lrs), strict=True)
    )
)

wrong("transfer.parameter_groups", "frozen parameters included")(
    lambda groups, lrs: _dicts(
        [
            (list(g.parameters()), lr)
            for g, (_, lr) in zip(groups, _groups(groups, lrs), strict=True)
        ]
    )
)

wrong("transfer.parameter_groups", "frozen group left out")(
    lambda groups, lrs: _dicts((params, lr) for params, lr in _groups(groups, lrs) if params)
)

wrong("transfer.parameter_groups", "only the frozen ones")(
    lambda groups, lrs: _dicts(
        ([p for p in g.parameters() if not p.requires_grad], lr)
        for g, (_, lr) in zip(groups, _groups(groups, lrs), strict=True)
    )
)

wrong("transfer.parameter_groups", "rates in reverse")(
    lambda groups, lrs: _dicts(
        (params, lr) for (params, _), lr in zip(_groups(groups, lrs), reversed(lrs), strict=True)
    )
)

wrong("transfer.parameter_groups", "one rate for all")(
    lambda groups, lrs: _dicts((params, lrs[-1]) for params, _ in _groups(groups, lrs))
)

wrong("transfer.parameter_groups", "not the layers inside")(
    lambda groups, lrs: _dicts(
        ([p for p in g.parameters(recurse=False) if p.requires_grad], lr)
        for g, (_, lr) in zip(groups, _groups(groups, lrs), strict=True)
    )
)

wrong("transfer.parameter_groups", "copies")(
    lambda groups, lrs: _dicts(
        ([p.detach().clone() for p in params], lr) for params, lr in _groups(groups, lrs)
    )
)

wrong("transfer.parameter_groups", "everything in one group")(
    lambda groups, lrs: _dicts([(sum((params for params, _ in _groups(groups, lrs)), []), lrs[-1])])
)

wrong("transfer.parameter_groups", "the key is called learning_rate")(
    lambda groups, lrs: [
        {"params": params, "learning_rate": lr} for params, lr in _groups(groups, lrs)
    ]
)

wrong("transfer.parameter_groups", "pairs")(lambda groups, lrs: _groups(groups, lrs))


def _record(
    model: nn.Module,
    layers: Sequence[str],
    x: Tensor,
    *,
    kept: Callable[[Any, Any], Any] = lambda inputs, output: output.detach().clone(),
    remove: bool = True,
    names: Callable[[str], str] = lambda name: name,
) -> dict[str, Any]:
    """What the hooks see; what a mistake does otherwise is handed in."""
    found: dict[str, Any] = {}

    def hook(name: str) -> Any:
        return lambda module, inputs, output: found.update({names(name): kept(inputs, output)})

    handles = [model.get_submodule(name).register_forward_hook(hook(name)) for name in layers]
    model(x)
    for handle in handles:
        if remove:
            handle.remove()
    return found


wrong("transfer.activations", "hooks left behind")(
    lambda model, layers, x: _record(model, layers, x, remove=False)
)

wrong("transfer.activations", "all under the last name", "hooks left behind")(
    lambda model, layers, x: _record(model, layers, x, names=lambda name: layers[-1], remove=False)
)


def _one_removed(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Any]:
    found = _record(model, layers, x, remove=False)
    hooks = model.get_submodule(layers[-1])._forward_hooks
    hooks.popitem()
    return found


wrong("transfer.activations", "only one hook removed")(
    lambda model, layers, x: _one_removed(model, layers, x) if layers else {}
)


def _one_handle(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in layers:
        handle = model.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: found.update({name: output.detach().clone()})
        )
    model(x)
    handle.remove()
    return found


wrong("transfer.activations", "only the last handle kept")(_one_handle)

wrong("transfer.activations", "nothing recorded")(lambda model, layers, x: {})

wrong("transfer.activations", "model output returned")(lambda model, layers, x: model(x))


def _as_attribute(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Any]:
    for name in layers:
        getattr(model, name)
    return _record(model, layers, x)


wrong("transfer.activations", "path used as an attribute name")(_as_attribute)


def _late_name(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Any]:
    return _record(model, layers, x, names=lambda name: layers[-1])


wrong("transfer.activations", "all under the last name")(_late_name)

wrong("transfer.activations", "inputs instead of outputs")(
    lambda model, layers, x: _record(
        model, layers, x, kept=lambda inputs, output: inputs[0].detach().clone()
    )
)

wrong("transfer.activations", "not detached")(
    lambda model, layers, x: _record(model, layers, x, kept=lambda inputs, output: output)
)


def _in_eval(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Any]:
    return _record(model.eval(), layers, x)


wrong("transfer.activations", "left in eval mode")(_in_eval)


def _back_to_train(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Any]:
    found = _record(model.eval(), layers, x)
    model.train()
    return found


wrong("transfer.activations", "left in training mode")(_back_to_train)


def _run_apart(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Any]:
    with torch.no_grad():
        return {name: model.get_submodule(name)(x) for name in layers}


wrong("transfer.activations", "layers run by themselves")(_run_apart)


def _by_children(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Any]:
    children = dict(model.named_children())
    found = _record(model, list(children), x)
    return {name: found[name] for name in layers}


wrong("transfer.activations", "only the model's children")(_by_children)


def _everything(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Any]:
    return _record(model, [name for name, _ in model.named_modules()], x)


wrong("transfer.activations", "every layer")(_everything)

wrong("transfer.activations", "keys are numbers")(
    lambda model, layers, x: {i: v for i, v in enumerate(_record(model, layers, x).values())}
)

wrong("transfer.activations", "a list")(
    lambda model, layers, x: list(_record(model, layers, x).values())
)

wrong("transfer.activations", "averaged over the batch")(
    lambda model, layers, x: _record(
        model, layers, x, kept=lambda i, output: output.detach().mean(0)
    )
)


def _grad_off(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Any]:
    torch.set_grad_enabled(False)
    return _record(model, layers, x)


wrong("transfer.activations", "gradients off for good")(_grad_off)


def _new_head(model: Any, n: int = 10) -> nn.Module:
    model.head[1] = nn.Linear(model.head[1].in_features, n)
    return model


def _steps(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    params: Iterable[Tensor] | None = None,
    *,
    steps: int = 60,
    lr: float = 0.02,
    clears: bool = True,
    batch: Callable[[Tensor], Tensor] = lambda order: order,
) -> nn.Module:
    """The model after some steps of SGD with momentum 0.9 in batches of 32; `batch` reorders a
    shuffled order.
    """
    params = [p for p in (model.parameters() if params is None else params) if p.requires_grad]
    velocities = [torch.zeros_like(p) for p in params]
    order: list[Tensor] = []
    model.train()
    for _ in range(steps):
        order = order or list(batch(torch.randperm(len(x))).split(32))
        idx = order.pop(0)
        loss = F.cross_entropy(model(x[idx]), y[idx])
        for p, grad in zip(params, torch.autograd.grad(loss, params), strict=True):
            p.grad = grad if clears or p.grad is None else p.grad + grad
        with torch.no_grad():
            for p, v in zip(params, velocities, strict=True):
                v.mul_(0.9).add_(p.grad)  # type: ignore[arg-type]
                p -= lr * v
    return model


wrong("transfer.fine_tune", "wrong number of classes")(
    lambda model, x, y, seed: _steps(_new_head(model, 11), x, y, steps=4)
)


def digit_net(num_outputs: int, widths: Sequence[int] = (8, 16, 32)) -> nn.Sequential:
    """A small net for pictures (n, 1, 28, 28): three convolutions that halve them, early, middle,
    late, and a head.
    """

    def block(n_in: int, n_out: int, size: int) -> nn.Sequential:
        convolution = nn.Conv2d(n_in, n_out, size, stride=2, padding=size // 2, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU())

    a, b, c = widths
    head = nn.Sequential(nn.Flatten(), nn.Linear(16 * c, num_outputs))
    return nn.Sequential(
        OrderedDict(early=block(1, a, 5), middle=block(a, b, 3), late=block(b, c, 3), head=head)
    )


wrong("transfer.fine_tune", "from scratch")(lambda model, x, y, seed: _steps(digit_net(10), x, y))

wrong("transfer.fine_tune", ("far worse than guessing", "the same logits for every digit"))(
    lambda model, x, y, seed: _steps(_new_head(model), x, y, lr=20.0, steps=20)
)

wrong("transfer.fine_tune", "returned unchanged")(lambda model, x, y, seed: model)

wrong("transfer.fine_tune", "new head not trained")(lambda model, x, y, seed: _new_head(model))


def _old_head_in_the_optimizer(model: Any, x: Tensor, y: Tensor) -> nn.Module:
    body = [p for part in (model.early, model.middle, model.late) for p in part.parameters()]
    return _steps(_new_head(model), x, y, body)


wrong("transfer.fine_tune", "head not trained")(
    lambda model, x, y, seed: _old_head_in_the_optimizer(model, x, y)
)

wrong("transfer.fine_tune", "one class never predicted")(
    lambda model, x, y, seed: _steps(_new_head(model), x, y, batch=lambda order: torch.arange(32))
)


def _images_apart(model: nn.Module, x: Tensor, y: Tensor) -> nn.Module:
    return _steps(model, x[torch.randperm(len(x))], y, steps=20)


wrong("transfer.fine_tune", "hardly better than guessing")(
    lambda model, x, y, seed: _images_apart(_new_head(model), x, y)
)

wrong("transfer.fine_tune", "too little training")(
    lambda model, x, y, seed: _steps(_new_head(model), x, y, steps=4, lr=0.01)
)

wrong("transfer.fine_tune", "old digits forgotten")(
    lambda model, x, y, seed: _steps(_new_head(model), x, y, steps=80)
)


def _old_rows(model: Any) -> nn.Module:
    old = model.head[1]
    _new_head(model)
    with torch.no_grad():
        model.head[1].weight[:5] = old.weight
        model.head[1].bias[:5] = old.bias
    return model


wrong("transfer.fine_tune", "old digits forgotten")(
    lambda model, x, y, seed: _steps(_old_rows(model), x, y, steps=100, lr=0.1)
)


@wrong("transfer.fine_tune", "head not trained")
def fine_tune(model, x, y, seed):
    torch.manual_seed(seed)
    parameters = list(model.parameters())
    return _steps(_old_rows(model), x, y, parameters[:-2])


# Written from the student's notebook alone.


@wrong("transfer.replace_head", "path treated as a name")
def replace_head(model, num_outputs):
    for path, m in model.named_modules():
        if isinstance(m, nn.Linear):
            last, old = path, m
    new = nn.Linear(old.in_features, num_outputs)
    model._modules[last] = new
    return model


@wrong("transfer.replace_head", "the first linear layer")
def replace_head(model, num_outputs):
    for path, m in model.named_modules():
        if isinstance(m, nn.Linear):
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, nn.Linear(m.in_features, num_outputs))
            break
    return model


@wrong(
    "transfer.replace_head", ("the last entry of the list", "always called fc", "the last child")
)
def replace_head(model, num_outputs):
    if hasattr(model, "fc"):
        model.fc = nn.Linear(model.fc.in_features, num_outputs)
    else:
        model[-1] = nn.Linear(model[-1].in_features, num_outputs)
    return model


def _last_linear(model):
    path = [name for name, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    parent, _, name = path.rpartition(".")
    return model.get_submodule(parent), name, model.get_submodule(path)


@wrong("transfer.replace_head", "a copy")
def replace_head(model, num_outputs):
    model = copy.deepcopy(model)
    parent, name, old = _last_linear(model)
    setattr(parent, name, nn.Linear(old.in_features, num_outputs))
    return model


@wrong("transfer.replace_head", "returns the head")
def replace_head(model, num_outputs):
    parent, name, old = _last_linear(model)
    head = nn.Linear(old.in_features, num_outputs)
    setattr(parent, name, head)
    return head


@wrong("transfer.replace_head", "only the top level searched")
def replace_head(model, num_outputs):
    name, old = [(n, m) for n, m in model.named_children() if isinstance(m, nn.Linear)][-1]
    setattr(model, name, nn.Linear(old.in_features, num_outputs))
    return model


@wrong("transfer.replace_head", "other layers frozen")
def replace_head(model, num_outputs):
    for p in model.parameters():
        p.requires_grad = False
    parent, name, old = _last_linear(model)
    parent.add_module(name, nn.Linear(old.in_features, num_outputs))
    return model


@wrong("transfer.replace_head", ("left in training mode", "mode changed"))
def replace_head(model, num_outputs):
    parent, name, old = _last_linear(model)
    parent._modules[name] = nn.Linear(old.in_features, num_outputs)
    return model.train()


@wrong("transfer.replace_head", "only out_features changed")
def replace_head(model, num_outputs):
    _, _, old = _last_linear(model)
    old.out_features = num_outputs
    return model


@wrong("transfer.replace_head", ("the old layer resized", "old rows kept"))
def replace_head(model, num_outputs):
    _, _, old = _last_linear(model)
    rows = torch.arange(num_outputs) % old.out_features
    old.weight = nn.Parameter(old.weight.detach()[rows].clone())
    if old.bias is not None:
        old.bias = nn.Parameter(old.bias.detach()[rows].clone())
    old.out_features = num_outputs
    return model


@wrong("transfer.replace_head", "in_features from the old head's outputs")
def replace_head(model, num_outputs):
    parent, name, old = _last_linear(model)
    setattr(parent, name, nn.Linear(old.weight.shape[0], num_outputs))
    return model


@wrong("transfer.replace_head", "what follows the head is gone")
def replace_head(model, num_outputs):
    parent, name, old = _last_linear(model)
    new = nn.Linear(old.in_features, num_outputs)
    if isinstance(parent, nn.Sequential):
        while len(parent) and list(parent._modules)[-1] != name:
            del parent[-1]
    setattr(parent, name, new)
    return model


@wrong("transfer.replace_head", "other layers unfrozen", "returned None")
def replace_head(model, num_outputs):
    parent, name, old = _last_linear(model)
    setattr(parent, name, nn.Linear(old.in_features, num_outputs))
    model.requires_grad_(True)


@wrong(
    "transfer.replace_head", ("left in eval mode", "mode changed"), "only the top level searched"
)
def replace_head(model, num_outputs):
    linear = {n: m for n, m in model.named_children() if type(m) is nn.Linear}
    name = list(linear)[-1]
    setattr(model, name, nn.Linear(linear[name].in_features, num_outputs))
    model.eval()
    return model


@wrong("transfer.activations", "all under the last name")
def activations(model, layers, x):
    out, handles = {}, []
    for path in layers:
        handles.append(
            model.get_submodule(path).register_forward_hook(
                lambda module, inputs, output: out.update({path: output.detach().clone()})
            )
        )
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return out


@wrong("transfer.activations", "hooks left behind")
def activations(model, layers, x):
    out = {}
    for path in layers:

        def hook(module, inputs, output, path=path):
            out[path] = output.detach().clone()

        model.get_submodule(path).register_forward_hook(hook)
    model(x)
    return dict(out)


@wrong("transfer.activations", "only the last handle kept")
def activations(model, layers, x):
    out = {}
    for path in layers:

        def hook(module, inputs, output, path=path):
            out[path] = output.detach().clone()

        handle = model.get_submodule(path).register_forward_hook(hook)
    model(x)
    handle.remove()
    return {path: out[path] for path in layers}


@wrong("transfer.activations", "not detached")
def activations(model, layers, x):
    out = {}
    handles = [
        model.get_submodule(p).register_forward_hook(
            lambda m, i, o, p=p: out.__setitem__(p, o.clone())
        )
        for p in layers
    ]
    try:
        model(x)
    finally:
        for h in handles:
            h.remove()
    return out


@wrong("transfer.activations", "not copied")
def activations(model, layers, x):
    out, handles = {}, []

    def make(path):
        def hook(module, inputs, output):
            out[path] = output.detach()

        return hook

    for path in layers:
        handles.append(model.get_submodule(path).register_forward_hook(make(path)))
    model(x)
    [h.remove() for h in handles]
    return out


@wrong("transfer.activations", "inputs instead of outputs")
def activations(model, layers, x):
    store, handles = {}, []
    for path in layers:
        handles.append(
            model.get_submodule(path).register_forward_hook(
                lambda m, inputs, output, key=path: store.update({key: inputs[0].detach().clone()})
            )
        )
    model(x)
    for handle in handles:
        handle.remove()
    return store


@wrong("transfer.activations", "left in eval mode")
def activations(model, layers, x):
    model.eval()
    modules, out, handles = dict(model.named_modules()), {}, []
    for path in layers:
        handles += [
            modules[path].register_forward_hook(
                partial(lambda p, m, i, o: out.update({p: o.detach().clone()}), path)
            )
        ]
    with torch.no_grad():
        model(x)
    for h in handles:
        h.remove()
    return out


@wrong("transfer.activations", "left in training mode")
def activations(model, layers, x):
    out, handles = {}, []
    for path in layers:
        handles.append(model.get_submodule(path).register_forward_hook(
            lambda m, i, o, path=path: out.update({path: o.detach().clone()})))  # fmt: skip
    model(x)
    for h in handles:
        h.remove()
    model.train()
    return out


@wrong("transfer.activations", "path used as an attribute name")
def activations(model, layers, x):
    out, handles = {}, []
    for path in layers:

        def hook(m, i, o, path=path):
            out[path] = o.detach().clone()

        handles.append(getattr(model, path).register_forward_hook(hook))
    model(x)
    for h in handles:
        h.remove()
    return out


@wrong("transfer.activations", "only the model's children")
def activations(model, layers, x):
    out = {}
    with torch.no_grad():
        for name, child in model.named_children():
            x = child(x)
            out[name] = x.clone()
    return {path: out[path] for path in layers}


@wrong("transfer.activations", "only the last part of the name")
def activations(model, layers, x):
    class Recorder(dict):
        def listen(self, name):
            return lambda m, i, o: self.update({name: o.detach().clone()})

    recorder = Recorder()
    hooks = [
        model.get_submodule(p).register_forward_hook(recorder.listen(p.split(".")[-1]))
        for p in layers
    ]
    model(x)
    for hook in hooks:
        hook.remove()
    return dict(recorder)


@wrong("transfer.activations", "only the first example")
def activations(model, layers, x):
    out, handles = {}, []
    for path in layers:
        handles.append(model.get_submodule(path).register_forward_hook(
            lambda m, i, o, path=path: out.update({path: o[0].detach().clone()})))  # fmt: skip
    model(x)
    for h in handles:
        h.remove()
    return out


@wrong("transfer.activations", "hooks left behind", "left in eval mode")
def activations(model, layers, x):
    found = {}
    model.eval()
    for name, module in model.named_modules():
        if name in layers:
            module.register_forward_hook(
                lambda m, i, o, n=name: found.update({n: o.detach().clone()})
            )
    model(x)
    return found.copy()


@wrong("transfer.activations", "inputs instead of outputs", "not detached")
def activations(model, layers, x):
    out, handles = {}, []
    for path in layers:

        def keep(module, inputs, path=path):
            out[path] = inputs[0].clone()

        handles.append(model.get_submodule(path).register_forward_pre_hook(keep))
    model(x)
    while handles:
        handles.pop().remove()
    return out


@wrong("transfer.freeze", "an attribute of the module")
def freeze(module):
    module.requires_grad = False


@wrong("transfer.freeze", "not the layers inside")
def freeze(module):
    for p in module.parameters(recurse=False):
        p.requires_grad = False


@wrong("transfer.freeze", "eval mode instead of freezing")
def freeze(module):
    module.eval()


@wrong("transfer.freeze", "batch norm left out")
def freeze(module):
    for m in module.modules():
        if not isinstance(m, nn.modules.batchnorm._BatchNorm):
            for p in m.parameters(recurse=False):
                p.requires_grad_(False)


@wrong("transfer.freeze", "mode switched too")
def freeze(module):
    for p in module.parameters():
        p.requires_grad = False
    module.eval()


@wrong("transfer.freeze", "only matrices")
def freeze(module):
    for name, p in module.named_parameters():
        if p.ndim > 1:
            p.requires_grad = False


@wrong("transfer.freeze", "nothing changes")
def freeze(module):
    for value in module.state_dict().values():
        value.requires_grad = False


@wrong("transfer.freeze", "new parameters")
def freeze(module):
    for m in module.modules():
        for name, p in list(m.named_parameters(recurse=False)):
            setattr(m, name, nn.Parameter(p.detach().clone(), requires_grad=False))


@wrong("transfer.freeze", "toggled")
def freeze(module):
    for p in module.parameters():
        p.requires_grad = not p.requires_grad


@wrong("transfer.freeze", "only some kinds of layers", "mode switched too")
def freeze(module):
    module.eval()
    for child in module.children():
        if isinstance(child, (nn.Linear, nn.Conv2d)):
            child.weight.requires_grad = False
            if child.bias is not None:
                child.bias.requires_grad = False


@wrong("transfer.freeze", "batch norm left out", "values changed")
def freeze(module):
    with torch.no_grad():
        for m in module.modules():
            if hasattr(m, "running_mean"):
                continue
            for p in m._parameters.values():
                if p is not None:
                    p.requires_grad = False
                    p.zero_()


@wrong("transfer.unfreeze", "toggled")
def unfreeze(module):
    for p in module.parameters():
        p.requires_grad ^= True


@wrong("transfer.unfreeze", "an attribute of the module")
def unfreeze(module):
    setattr(module, "requires_grad", True)
    return module


@wrong("transfer.unfreeze", "mode switched too")
def unfreeze(module):
    module.train()
    for p in module.parameters():
        p.requires_grad = True


@wrong("transfer.unfreeze", "nothing changes")
def unfreeze(module):
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            value.requires_grad = True


@wrong("transfer.unfreeze", "buffers too")
def unfreeze(module):
    for t in [*module.parameters(), *module.buffers()]:
        if t.is_floating_point():
            t.requires_grad_()


@wrong("transfer.unfreeze", "eval mode instead of freezing")
def unfreeze(module):
    module.train(True)


@wrong("transfer.unfreeze", "only some kinds of layers")
def unfreeze(module):
    for child in module.children():
        if isinstance(child, (nn.Linear, nn.Conv2d)):
            for p in child.parameters():
                p.requires_grad = True


@wrong("transfer.unfreeze", "values changed")
def unfreeze(module):
    for m in module.modules():
        if hasattr(m, "reset_parameters"):
            m.reset_parameters()
    module.requires_grad_()


@wrong("transfer.unfreeze", "stops where one is trainable already")
def unfreeze(module):
    for p in module.parameters():
        if p.requires_grad:
            break
        p.requires_grad = True


@wrong("transfer.unfreeze", "only matrices", "mode switched too")
def unfreeze(module):
    for p in filter(lambda p: len(p.shape) > 1, module.train().parameters()):
        p.requires_grad = True


@wrong("transfer.discriminative_lrs", "a third")
def discriminative_lrs(lr, n_groups):
    if not isinstance(lr, slice):
        return [lr] * n_groups
    if lr.start is None:
        return [lr.stop / 3] * (n_groups - 1) + [lr.stop]
    if n_groups == 1:
        return [lr.stop]
    q = (lr.stop / lr.start) ** (1 / (n_groups - 1))
    return [lr.start * q**i for i in range(n_groups)]


@wrong("transfer.discriminative_lrs", "evenly spaced")
def discriminative_lrs(lr, n_groups):
    if isinstance(lr, slice):
        if lr.start is None:
            return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
        return np.linspace(lr.stop, lr.start, n_groups)[::-1].tolist()
    return [lr] * n_groups


@wrong("transfer.discriminative_lrs", "one group gets the first rate")
def discriminative_lrs(lr, n_groups):
    if isinstance(lr, slice) and lr.start is not None:
        return np.geomspace(lr.start, lr.stop, n_groups).tolist()
    if isinstance(lr, slice):
        return [lr.stop / 10 for _ in range(n_groups - 1)] + [lr.stop]
    return [lr for _ in range(n_groups)]


@wrong("transfer.discriminative_lrs", "one group, no step")
def discriminative_lrs(lr, n_groups):
    if isinstance(lr, slice):
        a, b = lr.start, lr.stop
        if a is None:
            return [b / 10] * (n_groups - 1) + [b]
        return [a * (b / a) ** (i / (n_groups - 1)) for i in range(n_groups)]
    return [lr] * n_groups


@wrong("transfer.discriminative_lrs", "last rate not reached")
def discriminative_lrs(lr, n_groups):
    if not isinstance(lr, slice):
        return [lr] * n_groups
    if lr.start is None:
        return [0.1 * lr.stop] * (n_groups - 1) + [lr.stop]
    if n_groups == 1:
        return [lr.stop]
    rates = [lr.start]
    while len(rates) < n_groups:
        rates.append(rates[-1] * (lr.stop / lr.start) ** (1 / n_groups))
    return rates


@wrong("transfer.discriminative_lrs", "a tenth for the last group too")
def discriminative_lrs(lr, n_groups):
    if isinstance(lr, slice):
        if lr.start is None:
            lr = lr.stop / 10
        elif n_groups == 1:
            lr = lr.stop
        else:
            return list(
                map(
                    float,
                    torch.logspace(
                        math.log10(lr.start), math.log10(lr.stop), n_groups, dtype=torch.float64
                    ),
                )
            )
    return [lr] * n_groups


@wrong("transfer.discriminative_lrs", "a number is not a list")
def discriminative_lrs(lr, n_groups):
    if not isinstance(lr, slice):
        return lr
    if lr.start is None:
        return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
    return [lr.stop * (lr.start / lr.stop) ** (i / max(n_groups - 1, 1)) for i in range(n_groups)][
        ::-1
    ]


@wrong("transfer.discriminative_lrs", "head slowest")
def discriminative_lrs(lr, n_groups):
    if not isinstance(lr, slice):
        return n_groups * [lr]
    if lr.start is None:
        return [lr.stop] + [lr.stop / 10] * (n_groups - 1)
    return [lr.stop * (lr.start / lr.stop) ** (i / max(n_groups - 1, 1)) for i in range(n_groups)]


@wrong("transfer.discriminative_lrs", "only floats are numbers")
def discriminative_lrs(lr, n_groups):
    if type(lr) is float:
        return [lr] * n_groups
    if lr.start is None:
        return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
    if n_groups == 1:
        return [lr.stop]
    return [
        math.exp(math.log(lr.start) + i / (n_groups - 1) * math.log(lr.stop / lr.start))
        for i in range(n_groups)
    ]


@wrong("transfer.discriminative_lrs", "each group a tenth of the next")
def discriminative_lrs(lr, n_groups):
    if not isinstance(lr, slice):
        return [lr] * n_groups
    if lr.start is None:
        return [lr.stop / 10 ** (n_groups - 1 - i) for i in range(n_groups)]
    if n_groups == 1:
        return [lr.stop]
    q = (lr.stop / lr.start) ** (1 / (n_groups - 1))
    return [lr.start * q**i for i in range(n_groups)]


@wrong("transfer.discriminative_lrs", "rounded")
def discriminative_lrs(lr, n_groups):
    if not isinstance(lr, slice):
        return [lr] * n_groups
    if lr.start is None:
        return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
    if n_groups == 1:
        return [lr.stop]
    return [round(float(r), 6) for r in np.geomspace(lr.start, lr.stop, n_groups)]


@wrong("transfer.discriminative_lrs", "one rate too many", "one group, no step")
def discriminative_lrs(lr, n_groups):
    match lr:
        case slice(start=None, stop=b):
            return [b / 10] * n_groups + [b]
        case slice(start=a, stop=b):
            q = (b / a) ** (1 / (n_groups - 1))
            return [a * q**i for i in range(n_groups)]
        case _:
            return [lr] * n_groups


@wrong("transfer.discriminative_lrs", "a third", "evenly spaced")
def discriminative_lrs(lr, n_groups):
    if not isinstance(lr, slice):
        return [lr] * n_groups
    if lr.start is None:
        return [lr.stop / 3] * (n_groups - 1) + [lr.stop]
    if n_groups == 1:
        return [lr.stop]
    step = (lr.stop - lr.start) / (n_groups - 1)
    return [lr.start + i * step for i in range(n_groups)]


@wrong("transfer.parameter_groups", "stops at the shorter list")
def parameter_groups(groups, lrs):
    return [
        {"params": [p for p in m.parameters() if p.requires_grad], "lr": lr}
        for m, lr in zip(groups, lrs)
    ]


@wrong("transfer.parameter_groups", "frozen parameters included")
def parameter_groups(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError(f"{len(groups)} groups but {len(lrs)} rates")
    return [dict(params=list(m.parameters()), lr=lr) for m, lr in zip(groups, lrs)]


@wrong("transfer.parameter_groups", "frozen group left out")
def parameter_groups(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError("lengths differ")
    result = []
    for module, lr in zip(groups, lrs):
        params = [p for p in module.parameters() if p.requires_grad]
        if params:
            result.append({"params": params, "lr": lr})
    return result


@wrong("transfer.parameter_groups", "wrong type of error")
def parameter_groups(groups, lrs):
    assert len(groups) == len(lrs), f"{len(groups)} modules and {len(lrs)} rates"
    return [
        {"params": [p for p in m.parameters() if p.requires_grad], "lr": lr}
        for m, lr in zip(groups, lrs)
    ]


@wrong("transfer.parameter_groups", "names with the parameters")
def parameter_groups(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError(f"{len(groups)} != {len(lrs)}")
    return [
        {"params": [(n, p) for n, p in m.named_parameters() if p.requires_grad], "lr": lr}
        for m, lr in zip(groups, lrs)
    ]


@wrong("transfer.parameter_groups", "copies")
def parameter_groups(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError("one rate for each module, please")
    return [
        {
            "params": [
                p.detach().clone().requires_grad_() for p in m.parameters() if p.requires_grad
            ],
            "lr": lr,
        }
        for m, lr in zip(groups, lrs)
    ]


@wrong("transfer.parameter_groups", "the same dict again and again")
def parameter_groups(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError("lengths differ")
    group, out = {}, []
    for module, lr in zip(groups, lrs):
        group["params"] = [p for p in module.parameters() if p.requires_grad]
        group["lr"] = lr
        out.append(group)
    return out


@wrong("transfer.parameter_groups", "extra rates ignored")
def parameter_groups(groups, lrs):
    result = []
    for i in range(len(groups)):
        if i >= len(lrs):
            raise ValueError(f"no rate for group {i}")
        result.append(
            {"params": [p for p in groups[i].parameters() if p.requires_grad], "lr": lrs[i]}
        )
    return result


@wrong("transfer.parameter_groups", "not the layers inside")
def parameter_groups(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError("lengths differ")
    return [
        {
            "params": [p for p in m._parameters.values() if p is not None and p.requires_grad],
            "lr": lr,
        }
        for m, lr in zip(groups, lrs)
    ]


@wrong("transfer.parameter_groups", "only parameters with a gradient")
def parameter_groups(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError("lengths differ")
    return [
        {"params": [p for p in m.parameters() if p.grad is not None], "lr": r}
        for m, r in zip(groups, lrs)
    ]


@wrong("transfer.parameter_groups", "groups in reverse")
def parameter_groups(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError("lengths differ")
    out = []
    for module, lr in zip(groups, lrs):
        out.insert(
            0, {"params": list(filter(lambda p: p.requires_grad, module.parameters())), "lr": lr}
        )
    return out


@wrong("transfer.parameter_groups", "frozen parameters included", "stops at the shorter list")
def parameter_groups(groups, lrs):
    return [
        {"params": list(groups[i].parameters()), "lr": lrs[i]}
        for i in range(min(len(groups), len(lrs)))
    ]


@wrong("transfer.parameter_groups", "frozen group left out", "lengths not compared")
def parameter_groups(groups, lrs):
    out = []
    for i, module in enumerate(groups):
        params = [p for p in module.parameters() if p.requires_grad]
        if len(params) > 0:
            out.append({"params": params, "lr": lrs[i]})
    return out


def _replace_head(model, num_outputs):
    path = [name for name, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    parent, _, name = path.rpartition(".")
    old = model.get_submodule(path)
    setattr(model.get_submodule(parent), name, nn.Linear(old.in_features, num_outputs))
    return model


def _sgd_fit(net, optimizer, x, y, steps, seed, still=()):
    generator = torch.Generator().manual_seed(seed)
    net.train()
    for part in still:
        part.eval()
    done = 0
    while done < steps:
        for idx in torch.randperm(len(x), generator=generator).split(32):
            loss = F.cross_entropy(net(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            done += 1
            if done == steps:
                break
    return net


@wrong("transfer.fine_tune", "new head not trained")
def fine_tune(model, x, y, seed):
    torch.manual_seed(seed)
    for part in (model.early, model.middle, model.late):
        part.requires_grad_(False)
    optimizer = torch.optim.SGD(model.head.parameters(), lr=0.02, momentum=0.9)
    _replace_head(model, int(y.max()) + 1)
    return _sgd_fit(model, optimizer, x, y, 60, seed, [model.early, model.middle, model.late])


@wrong("transfer.fine_tune", "raised")
def fine_tune(model, x, y, seed):
    torch.manual_seed(seed)
    model = _replace_head(model, len(y.unique()))
    model.requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return _sgd_fit(model, optimizer, x, y, 60, seed)


@wrong("transfer.fine_tune", "no module returned")
def fine_tune(model, x, y, seed):
    torch.manual_seed(seed)
    model = _replace_head(model, int(y.max()) + 1)
    _sgd_fit(model, torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9), x, y, 60, seed)
    model.eval()
    with torch.no_grad():
        return model(x)


@wrong("transfer.fine_tune", "wrong number of classes", "head not trained")
def fine_tune(model, x, y, seed):
    torch.manual_seed(seed)
    optimizer = torch.optim.SGD(
        [{"params": model.head.parameters(), "lr": 0.02}], lr=0.02, momentum=0.9
    )
    _replace_head(model, len(y))
    return _sgd_fit(model, optimizer, x, y, 60, seed, [model.early, model.middle, model.late])


@wrong("transfer.replace_head", "a new model around the old one")
def replace_head(model, num_outputs):
    old = [m for m in model.modules() if isinstance(m, nn.Linear)][-1]
    return nn.Sequential(model, nn.Linear(old.out_features, num_outputs))


@wrong("transfer.replace_head", "without bias")
def replace_head(model, num_outputs):
    parent, name, old = _last_linear(model)
    setattr(parent, name, nn.Linear(old.in_features, num_outputs, False))
    return model


@wrong("transfer.replace_head", "every linear layer")
def replace_head(model, num_outputs):
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                parent.add_module(name, nn.Linear(child.in_features, num_outputs))
    return model


@wrong("transfer.activations", "keeps something between calls")
def activations(model, layers, x, out={}):  # noqa: B006
    handles = []
    for path in layers:
        handles.append(model.get_submodule(path).register_forward_hook(
            lambda m, i, o, path=path: out.update({path: o.detach().clone()})))  # fmt: skip
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return out


@wrong("transfer.activations", "a list")
def activations(model, layers, x):
    seen = []
    handles = [
        model.get_submodule(p).register_forward_hook(
            lambda m, i, o: seen.append(o.detach().clone())
        )
        for p in layers
    ]
    model(x)
    for handle in handles:
        handle.remove()
    return seen


@wrong("transfer.freeze", "nothing changes")
def freeze(module):
    for p in module.parameters():
        p.data.requires_grad = False


@wrong("transfer.freeze", "nothing changes")
def freeze(module):
    frozen = copy.deepcopy(module)
    for p in frozen.parameters():
        p.requires_grad = False
    return frozen


@wrong("transfer.unfreeze", "nothing changes")
def unfreeze(module):
    list(map(lambda p: p.data.requires_grad_(True), module.parameters()))


@wrong("transfer.unfreeze", "buffers too", "mode switched too")
def unfreeze(module):
    module.train()
    for m in module.modules():
        for tensor in (*m._parameters.values(), *m._buffers.values()):
            if tensor is not None and tensor.dtype.is_floating_point:
                tensor.requires_grad = True


@wrong("transfer.discriminative_lrs", "powers of ten")
def discriminative_lrs(lr, n_groups):
    if not isinstance(lr, slice):
        return [lr] * n_groups
    if lr.start is None:
        return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
    if n_groups == 1:
        return [lr.stop]
    return np.logspace(lr.start, lr.stop, n_groups).tolist()


@wrong("transfer.parameter_groups", "a generator")
def parameter_groups(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError(f"{len(groups)} modules, {len(lrs)} rates")
    return [
        {"params": filter(lambda p: p.requires_grad, m.parameters()), "lr": lr}
        for m, lr in zip(groups, lrs)
    ]


@wrong("transfer.parameter_groups", "all rates for each group")
def parameter_groups(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError(f"{len(groups)} modules, {len(lrs)} rates")
    return [{"params": [p for p in m.parameters() if p.requires_grad], "lr": lrs} for m in groups]


@wrong("transfer.parameter_groups", "unfreezes")
def parameter_groups(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError(f"{len(groups)} modules, {len(lrs)} rates")
    return [
        {"params": [p.requires_grad_() for p in m.parameters()], "lr": lr}
        for m, lr in zip(groups, lrs)
    ]


@wrong("transfer.freeze", "stops where one is frozen already")
def freeze(module):
    for p in module.parameters():
        if not p.requires_grad:
            return
        p.requires_grad_(False)


@wrong("transfer.parameter_groups", "extra modules ignored")
def parameter_groups(groups, lrs):
    if len(lrs) > len(groups):
        raise ValueError("more rates than modules")
    return [
        {"params": [p for p in m.parameters() if p.requires_grad], "lr": lr}
        for m, lr in zip(groups, lrs)
    ]


def _between(start: float, stop: float, n_groups: int) -> dict[str, float]:
    return {"start": start, "stop": stop, "n_groups": n_groups}


@wrong("transfer.repair_discriminative_lrs", "witness on which nothing differs")
def repair_discriminative_lrs():
    def repaired(lr, n_groups):
        if not isinstance(lr, slice):
            return [lr] * n_groups
        if lr.start is None:
            return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
        factor = (lr.stop / lr.start) ** (1 / max(n_groups - 1, 1))
        return [lr.stop / factor**i for i in reversed(range(n_groups))]

    return _between(0.1, 0.1, 3), repaired


@wrong("transfer.repair_discriminative_lrs", "raised")
def repair_discriminative_lrs():
    def repaired(lr, n_groups):
        if not isinstance(lr, slice):
            return [lr] * n_groups
        if lr.start is None:
            return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
        factor = (lr.stop / lr.start) ** (1 / (n_groups - 1))
        return [lr.stop / factor**i for i in reversed(range(n_groups))]

    return _between(0.01, 1.0, 3), repaired


@wrong("transfer.repair_discriminative_lrs", "repair that is not right yet")
def repair_discriminative_lrs():
    def repaired(lr, n_groups):
        if not isinstance(lr, slice):
            return [lr] * n_groups
        if lr.start is None:
            return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
        factor = (lr.stop / lr.start) ** (1 / n_groups)
        return [lr.start * factor**i for i in range(n_groups)]

    return _between(0.01, 1.0, 2), repaired


@wrong("transfer.repair_discriminative_lrs", "nothing repaired")
def repair_discriminative_lrs():
    def repaired(lr, n_groups):
        if not isinstance(lr, slice):
            return [lr] * n_groups
        if lr.start is None:
            return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
        factor = (lr.stop / lr.start) ** (1 / n_groups)
        return [lr.stop / factor**i for i in reversed(range(n_groups))]

    return _between(1e-4, 1e-2, 3), repaired


@wrong("transfer.repair_discriminative_lrs", "too many lines changed")
def repair_discriminative_lrs():
    def repaired(lr, n_groups):
        if isinstance(lr, slice):
            if lr.start is None:
                return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
            if n_groups == 1:
                return [lr.stop]
            return [float(rate) for rate in np.geomspace(lr.start, lr.stop, n_groups)]
        return [lr] * n_groups

    return _between(1e-4, 1e-2, 3), repaired


@wrong("transfer.repair_discriminative_lrs", "witness with other names")
def repair_discriminative_lrs():
    return {"lr": slice(0.01, 1.0), "n_groups": 3}, lambda lr, n_groups: [lr] * n_groups


@wrong("transfer.repair_discriminative_lrs", "witness that right code cannot answer")
def repair_discriminative_lrs():
    return _between(0, 1, 3), lambda lr, n_groups: [lr] * n_groups


@wrong("transfer.repair_discriminative_lrs", "not a witness and a repaired function")
def repair_discriminative_lrs():
    def repaired(lr, n_groups):
        return [lr] * n_groups

    return _between(0.01, 1.0, 3), repaired(0.1, 3)


@wrong("transfer.repair_discriminative_lrs", "witness that right code cannot answer")
def repair_discriminative_lrs():
    return _between(-1.0, 1.0, 3), lambda lr, n_groups: [lr] * n_groups


@wrong("transfer.freeze", "mode switched too")
def freeze(module):
    module.eval()
    for p in module.parameters():
        p.requires_grad_(False)


@wrong("transfer.discriminative_lrs", "one group gets the first rate")
def discriminative_lrs(lr, n_groups):
    if not isinstance(lr, slice):
        return [lr] * n_groups
    if lr.start is None:
        return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
    if n_groups == 1:
        return [lr.start]
    return [lr.start * (lr.stop / lr.start) ** (i / (n_groups - 1)) for i in range(n_groups)]


@wrong("transfer.parameter_groups", "frozen parameters included")
def parameter_groups(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError
    return [{"params": list(g.parameters()), "lr": lr} for g, lr in zip(groups, lrs)]


def _tenths(b, n):
    """A tenth for all groups, the last one included."""
    return [b / 10] * n if n > 1 else [b]


wrong("transfer.discriminative_lrs", "a tenth for the last group too")(
    lambda lr, n: _rates(lr, n, stop=_tenths)
)
wrong("transfer.discriminative_lrs", "one rate too many")(
    lambda lr, n: _rates(lr, n, stop=lambda b, n: [b / 10] * n + [b] if n > 1 else [b])
)
wrong("transfer.discriminative_lrs", "head slowest")(
    lambda lr, n: _rates(lr, n, both=lambda a, b, n: _geometric(a, b, n)[::-1])
)
wrong("transfer.discriminative_lrs", "one rate too few")(
    lambda lr, n: _rates(lr, n, both=lambda a, b, n: _geometric(a, b, n)[: max(1, n - 1)])
)
wrong("transfer.discriminative_lrs", "evenly spaced", "a tenth for the last group too")(
    lambda lr, n: _rates(
        lr,
        n,
        stop=_tenths,
        both=lambda a, b, n: [a + i * (b - a) / (n - 1) for i in range(n)] if n > 1 else [b],
    )
)


@wrong("transfer.parameter_groups", "frozen parameters included", "a generator")
def parameter_groups(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError(f"{len(groups)} modules but {len(lrs)} rates")
    return [{"params": m.parameters(), "lr": lr} for m, lr in zip(groups, lrs)]


def _all_but_batch_norm(module, to):
    for m in module.modules():
        if not isinstance(m, nn.BatchNorm2d):
            for p in m.parameters(recurse=False):
                p.requires_grad = to


wrong("transfer.freeze", "batch norm left out")(lambda module: _all_but_batch_norm(module, False))
wrong("transfer.unfreeze", "batch norm left out")(lambda module: _all_but_batch_norm(module, True))


@wrong("transfer.activations", "outputs flattened")
def activations(model, layers, x):
    named = dict(model.named_modules())
    kept, hooks = {}, []
    for path in layers:

        def listen(module, args, out, path=path):
            kept[path] = torch.flatten(out.detach().clone(), start_dim=1)

        hooks.append(named[path].register_forward_hook(listen))
    model(x)
    for h in hooks:
        h.remove()
    return kept


@wrong("transfer.activations", "outputs flattened")
def activations(model, layers, x):
    seen = {}

    def recorder(path):
        def record(_, __, out):
            seen[path] = out.detach().clone().reshape(len(x), -1)

        return record

    hooks = [model.get_submodule(path).register_forward_hook(recorder(path)) for path in layers]
    try:
        model(x)
    finally:
        for h in hooks:
            h.remove()
    return seen


@wrong("transfer.replace_head")  # the parent is the first part of the path
def replace_head(model, num_outputs):
    path = [n for n, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    old = model.get_submodule(path)
    parts = path.split(".")
    parent = getattr(model, parts[0]) if len(parts) > 1 else model
    setattr(parent, parts[-1], nn.Linear(old.in_features, num_outputs))
    return model


@wrong("transfer.replace_head")  # the parent is the first module with that last name
def replace_head(model, num_outputs):
    path = [n for n, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    old = model.get_submodule(path)
    parts = path.split(".")
    parent = model
    if len(parts) > 1:
        parent = [m for n, m in model.named_modules() if n.split(".")[-1] == parts[-2]][0]
    setattr(parent, parts[-1], nn.Linear(old.in_features, num_outputs))
    return model


@wrong("transfer.replace_head")  # children first
def head_of_a_child(model, num_outputs):
    found = [n for n, m in model.named_children() if isinstance(m, nn.Linear)]
    if found:
        setattr(model, found[-1], nn.Linear(getattr(model, found[-1]).in_features, num_outputs))
        return model
    return head_of_a_child(list(model.children())[-1], num_outputs) and model


def _all_like_the_last(model, num_outputs, size):
    linears = _linears(model)
    last = getattr(linears[-1][2], size)
    for parent, name, old in linears:
        if getattr(old, size) == last:
            setattr(parent, name, nn.Linear(old.in_features, num_outputs))
    return model


wrong("transfer.replace_head")(lambda model, n: _all_like_the_last(model, n, "in_features"))
wrong("transfer.replace_head")(lambda model, n: _all_like_the_last(model, n, "out_features"))


@wrong("transfer.replace_head", "frozen like the old head")
def replace_head(model, num_outputs):
    parent, name, old = _linears(model)[-1]
    new = nn.Linear(old.in_features, num_outputs)
    for mine, theirs in zip(new.parameters(), old.parameters()):
        mine.requires_grad = theirs.requires_grad
    setattr(parent, name, new)
    return model


@wrong("transfer.replace_head", "the last in the alphabet")
def replace_head(model, num_outputs):
    path = max(n for n, m in model.named_modules() if isinstance(m, nn.Linear))
    parent, _, name = path.rpartition(".")
    old = model.get_submodule(path)
    setattr(model.get_submodule(parent), name, nn.Linear(old.in_features, num_outputs))
    return model


@wrong("transfer.replace_head", ("every head alike", "changed the state of torch"))
def replace_head(model, num_outputs):
    torch.manual_seed(0)
    parent, name, old = _linears(model)[-1]
    setattr(parent, name, nn.Linear(old.in_features, num_outputs))
    return model


def _one_level(module, to):
    for m in [module, *module.children()]:
        for p in m.parameters(recurse=False):
            p.requires_grad = to


def _not_the_last(module, to):
    for p in list(module.parameters())[:-1]:
        p.requires_grad = to


def _no_momentum(module, to):
    for m in module.modules():
        if hasattr(m, "momentum"):
            m.momentum = 0.0
    module.requires_grad_(to)


def _no_averages(module, to):
    for m in module.modules():
        if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d):
            m.track_running_stats = False
    module.requires_grad_(to)


def _gradients_to_zero(module, to):
    for p in module.parameters():
        p.requires_grad = to
        if p.grad is not None:
            p.grad.zero_()


for _id, _to in (("transfer.freeze", False), ("transfer.unfreeze", True)):
    for _name, _answer in (
        ("only one level down", _one_level),
        ("all but the last parameter", _not_the_last),
        ("batch norm's settings changed", _no_momentum),
        ("batch norm's settings changed", _no_averages),
        ("gradients cleared", _gradients_to_zero),
    ):
        wrong(_id, _name)(partial(_answer, to=_to))


wrong("transfer.discriminative_lrs", "each a tenth of the next, whatever a is")(
    lambda lr, n: _rates(lr, n, both=lambda a, b, n: [b / 10**k for k in range(n - 1, -1, -1)])
)
wrong("transfer.discriminative_lrs", "one rate between the first and the last")(
    lambda lr, n: _rates(
        lr,
        n,
        both=lambda a, b, n: [a, *[math.sqrt(a * b)] * (n - 2), b] if n > 1 else [b],
    )
)


@wrong("transfer.discriminative_lrs", "sorted")
def discriminative_lrs(lr, n_groups):
    if not isinstance(lr, slice):
        return [lr] * n_groups
    if lr.start is None:
        return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
    if n_groups == 1:
        return [lr.stop]
    q = (lr.stop / lr.start) ** (1 / (n_groups - 1))
    return sorted(lr.start * q**i for i in range(n_groups))


def _fitting(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError(f"{len(groups)} modules, {len(lrs)} rates")


@wrong("transfer.parameter_groups", "equal rates in one group")
def parameter_groups(groups, lrs):
    _fitting(groups, lrs)
    by = {}
    for m, lr in zip(groups, lrs):
        by.setdefault(lr, []).extend(p for p in m.parameters() if p.requires_grad)
    return [{"params": ps, "lr": lr} for lr, ps in by.items()]


@wrong("transfer.parameter_groups", "equal rates in one group")  # the last of them stays
def parameter_groups(groups, lrs):
    _fitting(groups, lrs)
    by = dict(zip(lrs, groups))
    return [
        {"params": [p for p in m.parameters() if p.requires_grad], "lr": lr} for lr, m in by.items()
    ]


@wrong("transfer.parameter_groups", "changed its input")
def parameter_groups(groups, lrs):
    _fitting(groups, lrs)
    return [
        {"params": [p for p in m.parameters() if p.requires_grad], "lr": lrs.pop(0)} for m in groups
    ]


@wrong("transfer.parameter_groups", "a generator of groups")
def parameter_groups(groups, lrs):
    _fitting(groups, lrs)
    for m, lr in zip(groups, lrs):
        yield {"params": [p for p in m.parameters() if p.requires_grad], "lr": lr}


@wrong("transfer.parameter_groups", "a generator of groups")
def parameter_groups(groups, lrs):
    _fitting(groups, lrs)
    return (
        {"params": [p for p in m.parameters() if p.requires_grad], "lr": lr}
        for m, lr in zip(groups, lrs)
    )


@wrong("transfer.parameter_groups", "momentum in the groups")
def parameter_groups(groups, lrs):
    _fitting(groups, lrs)
    return [
        dict(params=[p for p in m.parameters() if p.requires_grad], lr=lr, momentum=0.9)
        for m, lr in zip(groups, lrs)
    ]


@wrong("transfer.parameter_groups", "none where one is frozen")
def parameter_groups(groups, lrs):
    _fitting(groups, lrs)
    whole = [all(p.requires_grad for p in m.parameters()) for m in groups]
    return [
        {"params": list(m.parameters()) if free else [], "lr": lr}
        for m, lr, free in zip(groups, lrs, whole)
    ]


@wrong("transfer.parameter_groups", "biases left out")
def parameter_groups(groups, lrs):
    _fitting(groups, lrs)
    return [
        {
            "params": [p for n, p in m.named_parameters() if p.requires_grad and "bias" not in n],
            "lr": lr,
        }
        for m, lr in zip(groups, lrs)
    ]


def _listen(kept, name):
    def hook(module, inputs, output):
        kept[name] = output.detach().clone()

    return hook


def _recorded(model, modules, x):
    """What modules, in pairs with a name, put out."""
    kept = {}
    handles = [m.register_forward_hook(_listen(kept, name)) for name, m in modules]
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return kept


wrong("transfer.activations")(  # every module whose path contains the name
    lambda model, layers, x: _recorded(
        model, [(name, m) for name in layers for n, m in model.named_modules() if name in n], x
    )
)
wrong("transfer.activations", "the child that holds the layer")(
    lambda model, layers, x: _recorded(
        model, [(name, getattr(model, name.split(".")[0])) for name in layers], x
    )
)
wrong("transfer.activations", "only the model's children")(
    lambda model, layers, x: _recorded(
        model, [(name, m) for name, m in model.named_children() if name in layers], x
    )
)


@wrong("transfer.activations", "one mode for all parts")
def activations(model, layers, x):
    was = model.training
    model.eval()
    kept = _recorded(model, [(name, model.get_submodule(name)) for name in layers], x)
    model.train(was)
    return kept


@wrong("transfer.activations", "parameters left frozen")
def activations(model, layers, x):
    for p in model.parameters():
        p.requires_grad_(False)
    return _recorded(model, [(name, model.get_submodule(name)) for name in layers], x)


@wrong("transfer.activations", "forward left exchanged")
def activations(model, layers, x):
    found = {}
    for path in layers:
        module = model.get_submodule(path)

        def wrapped(*a, path=path, old=module.forward, **k):
            y = old(*a, **k)
            found[path] = y.detach().clone()
            return y

        module.forward = wrapped
    with torch.no_grad():
        model(x)
    return found


@wrong("transfer.activations", "changed its input")
def activations(model, layers, x):
    modules = []
    while layers:
        name = layers.pop()
        modules.append((name, model.get_submodule(name)))
    return _recorded(model, modules, x)


wrong("transfer.fine_tune", "new digits read as old ones")(
    lambda model, x, y, seed: _steps(_old_rows(model), x, (y + 5) % 10, lr=0.005)
)


# the last layer of the last container, which is not the last layer


@wrong("transfer.replace_head", "only direct children")
def replace_head(model, num_outputs):
    for name, child in reversed(list(model.named_children())):
        if isinstance(child, nn.Linear):
            setattr(model, name, nn.Linear(child.in_features, num_outputs))
            break
    return model


def _only_of_parts(module, to):
    for part in module.children():
        part.requires_grad_(to)


_OWN = "not the module's own parameters"
wrong("transfer.freeze", _OWN)(lambda module: _only_of_parts(module, False))
wrong("transfer.unfreeze", _OWN)(lambda module: _only_of_parts(module, True))


@wrong("transfer.discriminative_lrs", "a number shared out")
def discriminative_lrs(lr, n_groups):
    if isinstance(lr, slice):
        return _rates(lr, n_groups)
    return [lr / n_groups for _ in range(n_groups)]


@wrong("transfer.parameter_groups", "vectors left out")
def parameter_groups(groups, lrs):
    _fitting(groups, lrs)
    return [
        {"params": [p for p in m.parameters() if p.requires_grad and p.dim() > 1], "lr": lr}
        for m, lr in zip(groups, lrs)
    ]


# the list is made before the loop
@wrong("transfer.parameter_groups", "one list for all groups")
def parameter_groups(groups, lrs):
    _fitting(groups, lrs)
    params, result = [], []
    for m, lr in zip(groups, lrs):
        for p in m.parameters():
            if p.requires_grad:
                params.append(p)
        result.append({"params": params, "lr": lr})
    return result


@wrong("transfer.replace_head", "a bias only where the old head has one")
def head_with_the_old_ones_bias(model, num_outputs):
    path, old = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    parent, _, leaf = path.rpartition(".")
    new = nn.Linear(old.in_features, num_outputs, bias=old.bias is not None)
    setattr(model.get_submodule(parent), leaf, new)
    return model


@wrong("transfer.replace_head", "a new model of the old one's parts")
def sequential_of_the_children(model, num_outputs):
    children = list(model.children())
    last = max(i for i, c in enumerate(children) if isinstance(c, nn.Linear))
    children[last] = nn.Linear(children[last].in_features, num_outputs)
    return nn.Sequential(*children)


@wrong("transfer.replace_head", "a new model of the old one's parts", "the last child")
def all_but_the_last_and_a_head(model, num_outputs):
    *body, old = model.children()
    return nn.Sequential(*body, nn.Linear(old.in_features, num_outputs))


@wrong("transfer.replace_head", "the last of one parent after the other")
def last_child_of_the_last_parent(model, num_outputs):
    for parent in model.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear):
                last = (parent, name, child)
    parent, name, child = last
    setattr(parent, name, nn.Linear(child.in_features, num_outputs))
    return model


def _unless_the_first_is_so(to):
    def switch(module):
        params = list(module.parameters())
        if not params or params[0].requires_grad == to:
            return
        for p in params:
            p.requires_grad = to

    return switch


wrong("transfer.freeze", "only the first parameter looked at")(_unless_the_first_is_so(False))
wrong("transfer.unfreeze", "only the first parameter looked at")(_unless_the_first_is_so(True))


@wrong("transfer.discriminative_lrs", "brackets left out in the exponent")
def rates_without_brackets(lr, n_groups):
    if not isinstance(lr, slice):
        return [lr] * n_groups
    if lr.start is None:
        return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
    if n_groups == 1:
        return [lr.stop]
    factor = (lr.stop / lr.start) ** (1 / n_groups - 1)
    return [lr.start * factor**i for i in range(n_groups)]


@wrong("transfer.discriminative_lrs", "brackets left out in the exponent")
def rates_with_a_share_minus_one(lr, n_groups):
    if isinstance(lr, slice):
        if lr.start is None:
            return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
        return [lr.start * (lr.stop / lr.start) ** (i / n_groups - 1) for i in range(n_groups)]
    return [lr for _ in range(n_groups)]


@wrong("transfer.parameter_groups", "rates handed on past a frozen module")
def the_next_rate_where_one_is_needed(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError("mismatch")
    rates = iter(lrs)
    out = []
    for g in groups:
        params = [p for p in g.parameters() if p.requires_grad]
        out.append({"params": params, "lr": next(rates) if params else 0.0})
    return out


@wrong("transfer.parameter_groups", "rates handed on past a frozen module")
def trainable_modules_first(groups, lrs):
    if len(groups) != len(lrs):
        raise ValueError(f"{len(groups)} modules, {len(lrs)} rates")
    pairs = [(g, [p for p in g.parameters() if p.requires_grad]) for g in groups]
    trainable = [params for _, params in pairs if params]
    return [{"params": params, "lr": lr} for params, lr in zip(trainable, lrs)]


@wrong("transfer.activations", "all hooks removed")
def clears_all_hooks(model, layers, x):
    out = {}
    for p in layers:

        def hook(module, inputs, output, p=p):
            out[p] = output.detach().clone()

        model.get_submodule(p).register_forward_hook(hook)
    try:
        model(x)
    finally:
        for p in layers:
            model.get_submodule(p)._forward_hooks.clear()
    return out


@wrong("transfer.activations", "all hooks removed")
def clears_the_hooks_of_every_module(model, layers, x):
    found = {}
    for path, module in model.named_modules():
        if path in layers:
            module.register_forward_hook(
                lambda m, i, o, path=path: found.__setitem__(path, o.detach().clone())
            )
    model(x)
    for module in model.modules():
        module._forward_hooks.clear()
    return found


@wrong("transfer.activations", "outputs in the order of running")
def a_list_in_the_order_of_running(model, layers, x):
    outputs = []

    def hook(module, inputs, output):
        outputs.append(output.detach().clone())

    handles = [model.get_submodule(p).register_forward_hook(hook) for p in layers]
    model(x)
    for h in handles:
        h.remove()
    return dict(zip(layers, outputs))


@wrong("transfer.freeze", "running averages reset")
def freeze(module):
    for p in module.parameters():
        p.requires_grad_(False)
    for m in module.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.reset_running_stats()


@wrong("transfer.unfreeze", "running averages reset")
def unfreeze(module):
    for m in module.modules():
        for p in m.parameters(recurse=False):
            p.requires_grad = True
        if hasattr(m, "running_mean"):
            m.running_mean.zero_()
            m.running_var.fill_(1)
            m.num_batches_tracked.zero_()


@wrong("transfer.replace_head", "the modules, in their order not as due")
def head_taken_out_first(model, num_outputs):
    path, old = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    parent, _, name = path.rpartition(".")
    delattr(model.get_submodule(parent), name)
    setattr(model.get_submodule(parent), name, nn.Linear(old.in_features, num_outputs))
    return model


@wrong("transfer.replace_head", "every head alike")
def head_kept_between_calls(model, num_outputs, heads={}):
    path, old = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    head = heads.setdefault((old.in_features, num_outputs), nn.Linear(old.in_features, num_outputs))
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, head)
    return model


@wrong("transfer.freeze", "only weight and bias")
def weight_and_bias_of_each_module(module):
    for part in module.modules():
        for name in ["weight", "bias"]:
            if getattr(part, name, None) is not None:
                getattr(part, name).requires_grad = False


@wrong("transfer.unfreeze", "only weight and bias")
def what_is_called_weight_or_bias(module):
    for name, p in module.named_parameters():
        if name.endswith(("weight", "bias")):
            p.requires_grad_(True)


@wrong("transfer.activations")
def children_one_after_another(model, layers, x):
    kept = {}

    def run(module, path, x):
        children = list(module.named_children())
        for name, child in children:
            x = run(child, f"{path}.{name}".strip("."), x)
        out = x if children else module(x)
        if path in layers:
            kept[path] = out.detach().clone()
        return out

    with torch.no_grad():
        run(model, "", x)
    return kept


@wrong("transfer.activations", "not copied")
def hook_that_returns(model, layers, x):
    kept = {}
    handles = [
        model.get_submodule(path).register_forward_hook(
            lambda m, i, o, path=path: kept.setdefault(path, o.detach().clone())
        )
        for path in layers
    ]
    model(x)
    for handle in handles:
        handle.remove()
    return kept


@right("transfer.repair_discriminative_lrs")
def repaired_with_a_guard():
    def discriminative_lrs(lr, n_groups):
        if not isinstance(lr, slice):
            return [lr] * n_groups
        if lr.start is None:
            return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
        if n_groups == 1:  # no step from one rate to the next
            return [lr.stop]
        factor = (lr.stop / lr.start) ** (1 / (n_groups - 1))
        return [lr.stop / factor**i for i in reversed(range(n_groups))]

    return {"start": 3, "stop": 48, "n_groups": 3}, discriminative_lrs
