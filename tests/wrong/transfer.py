"""Wrong answers to the exercises of lesson 10."""

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.wrong import wrong


def _linears(model: nn.Module) -> list[tuple[nn.Module, str, nn.Linear]]:
    """Every nn.Linear with its parent and its name there."""
    found = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear)]
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


def _with_head(model: nn.Module, head: Callable[[nn.Linear], nn.Module], which: Iterable[int] = (-1,)) -> nn.Module:
    linears = _linears(model)
    for index in which:
        parent, name, old = linears[index]
        setattr(parent, name, head(old))
    return model


wrong("transfer.replace_head", "old rows kept")(lambda model, n: _with_head(model, lambda old: _rows_kept(old, n)))

wrong("transfer.replace_head", "the first linear layer")(
    lambda model, n: _with_head(model, lambda old: nn.Linear(old.in_features, n), (0,))
)

wrong("transfer.replace_head", "every linear layer")(
    lambda model, n: _with_head(model, lambda old: nn.Linear(old.in_features, n), range(-len(_linears(model)), 0))
)

wrong("transfer.replace_head", "sits behind the old head")(
    lambda model, n: _with_head(model, lambda old: nn.Sequential(old, nn.Linear(old.out_features, n)))
)

wrong("transfer.replace_head", "a new model around the old one")(
    lambda model, n: nn.Sequential(model, nn.Linear(_linears(model)[-1][2].out_features, n))
)


def _whole_container(model: nn.Module, n: int) -> nn.Module:
    path, head = [(path, m) for path, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    setattr(model, path.split(".")[0], nn.Linear(head.in_features, n))
    return model


wrong("transfer.replace_head", "the container replaced with the head")(_whole_container)

wrong("transfer.replace_head", "in and out exchanged")(
    lambda model, n: _with_head(model, lambda old: nn.Linear(n, old.in_features))
)

wrong("transfer.replace_head", "reads as many as the old head put out")(
    lambda model, n: _with_head(model, lambda old: nn.Linear(old.out_features, n))
)


def _resized(model: nn.Module, n: int) -> nn.Module:
    head = _linears(model)[-1][2]
    fresh = nn.Linear(head.in_features, n)
    head.weight, head.bias, head.out_features = fresh.weight, fresh.bias, n
    return model


wrong("transfer.replace_head", "the old layer resized")(_resized)


def _only_children(model: nn.Module, n: int) -> nn.Module:
    name, child = [(name, child) for name, child in model.named_children() if isinstance(child, nn.Linear)][-1]
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


wrong("transfer.replace_head", "path taken for a name")(_path_as_name)


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


wrong("transfer.replace_head", "the rest started again")(_started_again)


def _sealed(model: nn.Module, n: int) -> nn.Module:
    for p in model.parameters():
        p.requires_grad = False
    return _with_head(model, lambda old: nn.Linear(old.in_features, n))


wrong("transfer.replace_head", "the rest frozen on the way")(_sealed)


def _all_sealed(model: nn.Module, n: int) -> nn.Module:
    return _with_head(model, lambda old: nn.Linear(old.in_features, n)).requires_grad_(False)


wrong("transfer.replace_head", "head frozen")(_all_sealed)


def _zero_head(old: nn.Linear, n: int) -> nn.Linear:
    new = nn.Linear(old.in_features, n)
    for p in new.parameters():
        nn.init.zeros_(p)
    return new


wrong("transfer.replace_head", "starts at zero")(lambda model, n: _with_head(model, lambda old: _zero_head(old, n)))

wrong("transfer.replace_head", "without bias")(
    lambda model, n: _with_head(model, lambda old: nn.Linear(old.in_features, n, bias=False))
)

wrong("transfer.replace_head", "mode changed")(
    lambda model, n: _with_head(model.train(not model.training), lambda old: nn.Linear(old.in_features, n))
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


wrong("transfer.replace_head", "returns nothing")(_nothing_returned)


def _buffers_too(module: nn.Module) -> None:
    for b in module.buffers():
        if b.is_floating_point():
            b.requires_grad_()


def _put(module: nn.Module, to: bool, keep: Callable[[str, nn.Parameter], bool] = lambda name, p: False) -> nn.Module:
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


def _switch_mistakes(to: bool) -> tuple[Mistake, ...]:
    done = "trainable" if to else "frozen"
    return (
        Mistake(
            "batch norm left out",
            lambda m: _put(m, to, _is_norm(m)),
            f"The scale and shift of batch norm are not {done}. Some libraries treat them apart; here all parameters "
            "are meant, of whatever layer.",
        ),
        Mistake(
            "mode taken for freezing",
            lambda m: m.train(to),
            "You switch the mode, and requires_grad stays as it was. train() and eval() say how batch norm and dropout "
            "compute, not what is trained.",
        ),
        Mistake(
            "an attribute of the module",
            lambda m: _on_the_module(m, to),
            "`module.requires_grad = ...` puts a new attribute on the module that nobody reads. requires_grad belongs "
            "to each parameter.",
        ),
        Mistake(
            "biases left out",
            lambda m: _put(m, to, lambda name, p: name.endswith("bias")),
            f"The biases are not {done}. A parameter is everything that `parameters()` gives.",
        ),
        Mistake(
            "only matrices",
            lambda m: _put(m, to, lambda name, p: p.ndim < 2),
            f"Only matrices are {done} now; biases and the numbers of batch norm are vectors, and parameters too.",
        ),
        Mistake(
            "all but the last layer",
            lambda m: _but_the_last(m, to),
            "The last layer of the module is left out. Which part of a model is meant is said by the caller, who hands "
            "in that part; within it, all parameters are meant.",
        ),
        Mistake(
            "not the layers inside",
            lambda m: [p.requires_grad_(to) for p in m.parameters(recurse=False)],
            "Only parameters of the module itself are reached, and a container has none. Its layers have them: "
            "`parameters()` walks through all depths.",
        ),
        Mistake(
            "only one level down",
            lambda m: [p.requires_grad_(to) for child in m.children() for p in child.parameters(recurse=False)],
            "Only the layers directly inside the module are reached, not the layers inside those. `parameters()` walks "
            "through all depths.",
        ),
        Mistake(
            "only the first parameter",
            lambda m: next(m.parameters()).requires_grad_(to),
            f"Only the first parameter is {done}. Does your loop end, or return, after its first round?",
        ),
        Mistake(
            "a name that nobody reads",
            lambda m: _misspelt(m, to),
            "`require_grad` without the s is a new attribute that nobody reads. Python does not complain: any name can "
            "be put on an object.",
        ),
        Mistake(
            "called like a function",
            lambda m: _called(m, to),
            "`requires_grad` is True or False, and you call it like a function. Set it with `=`.",
        ),
        Mistake(
            "nothing changes",
            lambda m: None,
            "All parameters are as they were. Do you set requires_grad on the parameters themselves? `p.data` and "
            "`p.detach()` give other tensors, and `p = ...` only gives the name p to another one.",
        ),
        Mistake(
            "new parameters",
            lambda m: _remade(m, to),
            "The module has new parameter objects. An optimizer that holds the old ones would train tensors that no "
            "model uses. Change requires_grad of those that are there.",
        ),
        Mistake(
            "toggled",
            _toggled,
            "You turn requires_grad round. A parameter that was so already becomes the opposite: set it to a fixed "
            "value.",
        ),
        Mistake(
            "the other way round",
            lambda m: _put(m, not to),
            f"requires_grad is {not to} now. A frozen parameter has requires_grad False, a trainable one True.",
        ),
        Mistake(
            "mode switched too",
            lambda m: _put_and(m, to, lambda model: model.train(to)),
            "You also switch the mode. train() and eval() say how batch norm and dropout compute; requires_grad says "
            "what gets a gradient. The two are independent.",
        ),
        Mistake(
            "gradients cleared",
            lambda m: _put_and(m, to, _without_gradients),
            "You also clear the gradients. That is zero_grad's task.",
        ),
        Mistake(
            "buffers too",
            lambda m: _put_and(m, to, _buffers_too),
            "Buffers now require gradients. The running mean of batch norm is a buffer: it is counted, not learned.",
        ),
    )


# TODO transfer.freeze: _switch_mistakes(False)

# TODO transfer.unfreeze: _switch_mistakes(True)


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


wrong("transfer.discriminative_lrs", "a third")(lambda lr, n: _rates(lr, n, stop=lambda b, n: [b / 3] * (n - 1) + [b]))

wrong("transfer.discriminative_lrs", "evenly spaced")(
    lambda lr, n: _rates(lr, n, both=lambda a, b, n: [b] if n == 1 else [a + (b - a) * i / (n - 1) for i in range(n)])
)

wrong("transfer.discriminative_lrs", "evenly spaced, and a single group gets the first rate")(
    lambda lr, n: _rates(lr, n, both=lambda a, b, n: [a + (b - a) * i / max(n - 1, 1) for i in range(n)])
)

wrong("transfer.discriminative_lrs", "evenly spaced, and one group is not thought of")(
    lambda lr, n: _rates(lr, n, both=lambda a, b, n: [a + (b - a) / (n - 1) * i for i in range(n)])
)

wrong("transfer.discriminative_lrs", "n steps between n groups")(
    lambda lr, n: _rates(lr, n, both=lambda a, b, n: [a * (b / a) ** (i / n) for i in range(n)])
)

wrong("transfer.discriminative_lrs", "one step ahead")(
    lambda lr, n: _rates(
        lr, n, both=lambda a, b, n: [b] if n == 1 else [a * (b / a) ** ((i + 1) / (n - 1)) for i in range(n)]
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
    lambda lr, n: _rates(lr, n, both=lambda a, b, n: [b] if n == 1 else [a * (b / a) ** (i / n) for i in range(n)])
)

wrong("transfer.discriminative_lrs", "a tenth from group to group")(
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
    lambda lr, n: _rates(lr, n, both=lambda a, b, n: [a * (b / a) ** (i / max(n - 1, 1)) for i in range(n)])
)

wrong("transfer.discriminative_lrs", "one group, no step")(
    lambda lr, n: _rates(lr, n, both=lambda a, b, n: [a * ((b / a) ** (1 / (n - 1))) ** i for i in range(n)])
)

wrong("transfer.discriminative_lrs", "one group gets a tenth")(
    lambda lr, n: _rates(lr, n, stop=lambda b, n: [b / 10] * max(n - 1, 1) + [b] * (n > 1))
)

wrong("transfer.discriminative_lrs", "slice without a start as a number")(
    lambda lr, n: _rates(lr, n, stop=lambda b, n: [b] * n)
)

wrong("transfer.discriminative_lrs", "a number is not a list")(lambda lr, n: _rates(lr, n, one=lambda b, n: b))

wrong("transfer.discriminative_lrs", "the slice itself repeated")(lambda lr, n: [lr] * n)

wrong("transfer.discriminative_lrs", "every lr taken for a slice")(lambda lr, n: _geometric(lr.start, lr.stop, n))

wrong("transfer.discriminative_lrs", "a number asked for its start")(
    lambda lr, n: _rates(lr, n, one=lambda b, n: b.start)
)

wrong("transfer.discriminative_lrs", "a number as a slice")(
    lambda lr, n: _rates(lr, n, one=lambda b, n: [b / 10] * (n - 1) + [b])
)

wrong("transfer.discriminative_lrs", "start forgotten")(
    lambda lr, n: _rates(lr, n, both=lambda a, b, n: [b / 10] * (n - 1) + [b])
)

wrong("transfer.discriminative_lrs", "factor times place")(
    lambda lr, n: _rates(
        lr,
        n,
        both=lambda a, b, n: [b] if n == 1 else [a * max((b / a) ** (1 / (n - 1)) * i, 1) for i in range(n)],
    )
)


def _dicts(pairs: Iterable[tuple[Any, Any]]) -> list[dict[str, Any]]:
    return [{"params": params, "lr": lr} for params, lr in pairs]


def _groups(groups: Sequence[nn.Module], lrs: Sequence[float], strict: bool = True) -> list[tuple[list[Any], float]]:
    """Trainable parameters with their rates; ValueError where lengths differ and `strict`."""
    if strict and len(groups) != len(lrs):
        raise ValueError("lengths differ")
    return [([p for p in g.parameters() if p.requires_grad], lr) for g, lr in zip(groups, lrs, strict=False)]


wrong("transfer.parameter_groups", "cut to the shorter")(lambda groups, lrs: _dicts(_groups(groups, lrs, strict=False)))

wrong("transfer.parameter_groups", "frozen ones included, and cut to the shorter")(
    lambda groups, lrs: _dicts((list(g.parameters()), lr) for g, lr in zip(groups, lrs, strict=False))
)


def _by_index(groups: Any, lrs: Any) -> Any:
    return [{"params": [p for p in g.parameters() if p.requires_grad], "lr": lrs[i]} for i, g in enumerate(groups)]


wrong("transfer.parameter_groups", "no error for spare rates")(_by_index)


def _by_assertion(groups: Any, lrs: Any) -> Any:
    assert len(groups) == len(lrs)
    return _dicts(_groups(groups, lrs))


wrong("transfer.parameter_groups", "another error")(_by_assertion)


def _error_returned(groups: Any, lrs: Any) -> Any:
    return _dicts(_groups(groups, lrs)) if len(groups) == len(lrs) else ValueError("lengths differ")


wrong("transfer.parameter_groups", "error returned")(_error_returned)

wrong("transfer.parameter_groups", "only the first parameter asked")(
    lambda groups, lrs: _dicts(
        (list(g.parameters()) if next(g.parameters()).requires_grad else [], lr)
        for g, (_, lr) in zip(groups, _groups(groups, lrs), strict=True)
    )
)

wrong("transfer.parameter_groups", "all where one is trainable")(
    lambda groups, lrs: _dicts(
        (list(g.parameters()) if some else [], lr) for g, (some, lr) in zip(groups, _groups(groups, lrs), strict=True)
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

wrong("transfer.parameter_groups", "frozen ones included")(
    lambda groups, lrs: _dicts(
        [(list(g.parameters()), lr) for g, (_, lr) in zip(groups, _groups(groups, lrs), strict=True)]
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
    lambda groups, lrs: _dicts(([p.detach().clone() for p in params], lr) for params, lr in _groups(groups, lrs))
)

wrong("transfer.parameter_groups", "everything in one group")(
    lambda groups, lrs: _dicts([(sum((params for params, _ in _groups(groups, lrs)), []), lrs[-1])])
)

wrong("transfer.parameter_groups", "the key is called learning_rate")(
    lambda groups, lrs: [{"params": params, "learning_rate": lr} for params, lr in _groups(groups, lrs)]
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


wrong("transfer.activations", "hooks left behind")(lambda model, layers, x: _record(model, layers, x, remove=False))

wrong("transfer.activations", "all under the last name, hooks left behind")(
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

wrong("transfer.activations", "what the model puts out")(lambda model, layers, x: model(x))


def _as_attribute(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Any]:
    for name in layers:
        getattr(model, name)
    return _record(model, layers, x)


wrong("transfer.activations", "a path taken for an attribute")(_as_attribute)


def _late_name(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Any]:
    return _record(model, layers, x, names=lambda name: layers[-1])


wrong("transfer.activations", "all under the last name")(_late_name)

wrong("transfer.activations", "inputs instead of outputs")(
    lambda model, layers, x: _record(model, layers, x, kept=lambda inputs, output: inputs[0].detach().clone())
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

wrong("transfer.activations", "numbered")(
    lambda model, layers, x: {i: v for i, v in enumerate(_record(model, layers, x).values())}
)

wrong("transfer.activations", "a list")(lambda model, layers, x: list(_record(model, layers, x).values()))

wrong("transfer.activations", "averaged over the batch")(
    lambda model, layers, x: _record(model, layers, x, kept=lambda i, output: output.detach().mean(0))
)


def _grad_off(model: nn.Module, layers: Sequence[str], x: Tensor) -> dict[str, Any]:
    torch.set_grad_enabled(False)
    return _record(model, layers, x)


wrong("transfer.activations", "gradients off for good")(_grad_off)


def _new_head(model: Any, n: int = 5) -> nn.Module:
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
    """The model after some steps of SGD with momentum 0.9 in batches of 32; `batch` reorders a shuffled order."""
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


wrong("transfer.fine_tune", "another number of classes")(
    lambda model, x, y, seed: _steps(_new_head(model, 10), x, y, steps=4)
)


def digit_net(num_outputs: int, widths: Sequence[int] = (8, 16, 32)) -> nn.Sequential:
    """A small net for pictures (n, 1, 28, 28): three convolutions that halve them, early, middle, late, and a head."""

    def block(n_in: int, n_out: int, size: int) -> nn.Sequential:
        convolution = nn.Conv2d(n_in, n_out, size, stride=2, padding=size // 2, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU())

    a, b, c = widths
    head = nn.Sequential(nn.Flatten(), nn.Linear(16 * c, num_outputs))
    return nn.Sequential(OrderedDict(early=block(1, a, 5), middle=block(a, b, 3), late=block(b, c, 3), head=head))


wrong("transfer.fine_tune", "from scratch")(lambda model, x, y, seed: _steps(digit_net(5), x, y))

wrong("transfer.fine_tune", "diverged")(lambda model, x, y, seed: _steps(_new_head(model), x, y, lr=20.0, steps=20))

wrong("transfer.fine_tune", "handed back as it came")(lambda model, x, y, seed: model)

wrong("transfer.fine_tune", "new head not trained")(lambda model, x, y, seed: _new_head(model))


def _old_head_in_the_optimizer(model: Any, x: Tensor, y: Tensor) -> nn.Module:
    body = [p for part in (model.early, model.middle, model.late) for p in part.parameters()]
    return _steps(_new_head(model), x, y, body)


wrong("transfer.fine_tune", "the head stands still")(lambda model, x, y, seed: _old_head_in_the_optimizer(model, x, y))

wrong("transfer.fine_tune", "a class never answered")(
    lambda model, x, y, seed: _steps(_new_head(model), x, y, batch=lambda order: torch.arange(32))
)


def _images_apart(model: nn.Module, x: Tensor, y: Tensor) -> nn.Module:
    return _steps(model, x[torch.randperm(len(x))], y, steps=20)


wrong("transfer.fine_tune", "images without their labels")(
    lambda model, x, y, seed: _images_apart(_new_head(model), x, y)
)

wrong("transfer.fine_tune", "too little training")(
    lambda model, x, y, seed: _steps(_new_head(model), x, y, steps=4, lr=0.01)
)
