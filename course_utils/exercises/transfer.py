"""Exercises of lesson 10: heads, freezing, learning rates by depth, looking inside, fine-tuning on
few digits.
"""

import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.checking import (
    Case,
    Exercise,
    Mistake,
    Repair,
    Rng,
    Training,
    claim,
    edit,
    unguarded,
)
from course_utils.checking.axes import AGAIN
from course_utils.data import load_mnist
from course_utils.exercises._forms import REPAIRING


def digit_net(num_outputs: int, widths: Sequence[int] = (8, 16, 32)) -> nn.Sequential:
    """A small net for pictures (n, 1, 28, 28): three halving convolutions (early, middle, late), a
    head.
    """

    def block(n_in: int, n_out: int, size: int) -> nn.Sequential:
        convolution = nn.Conv2d(n_in, n_out, size, stride=2, padding=size // 2, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU())

    a, b, c = widths
    head = nn.Sequential(nn.Flatten(), nn.Linear(16 * c, num_outputs))
    return nn.Sequential(
        OrderedDict(early=block(1, a, 5), middle=block(a, b, 3), late=block(b, c, 3), head=head)
    )


class _Attributes(nn.Module):
    """A net whose layers are attributes, as in torchvision's resnet: conv-like body, norm, fc."""

    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.stem = nn.Linear(n_in, n_hidden)
        self.body = nn.Sequential(nn.Linear(n_hidden, n_hidden))
        self.norm = nn.BatchNorm1d(n_hidden)
        self.fc = nn.Linear(n_hidden, n_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.norm(self.body(self.stem(x))).relu())


def _net(
    kind: str, n_in: int, n_hidden: int, n_out: int, depth: int = 1, bias: bool = True
) -> nn.Module:
    """One of four layouts, the nested one of a depth; all but the first have several nn.Linear.

    bias: whether the head that has something after it has one.
    """
    if kind == "one layer in a list":
        return nn.Sequential(nn.BatchNorm1d(n_in), nn.ReLU(), nn.Linear(n_in, n_out))
    if kind == "attributes":
        return _Attributes(n_in, n_hidden, n_out)
    if kind == "nested":
        body = nn.Sequential(nn.Linear(n_in, n_hidden), nn.BatchNorm1d(n_hidden), nn.Tanh())
        for _ in range(depth - 1):
            body.extend([nn.Linear(n_hidden, n_hidden), nn.Tanh()])
        last = nn.Sequential(OrderedDict(body=nn.Linear(n_hidden, n_out)))  # called like another
        return nn.Sequential(OrderedDict(body=body, top=nn.Sequential(nn.Dropout(0.5), last)))
    end = nn.Sequential(nn.Linear(n_hidden, n_out, bias=bias), nn.LogSoftmax(-1))
    return nn.Sequential(nn.Linear(n_in, n_hidden), nn.Tanh(), end)


class _Scaled(nn.Module):
    """Multiplies by a number that is learned: a parameter without dimensions, of another name."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * x


def _linears(model: nn.Module) -> list[tuple[nn.Module, str, nn.Linear]]:
    """Every nn.Linear with its parent and its name there."""
    found = [
        (name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear)
    ]
    parts = [(name.rpartition("."), module) for name, module in found]
    return [(model.get_submodule(parent), child, module) for (parent, _, child), module in parts]


def _kind(answer: object) -> str | None:
    """What was returned in words, such as "a list"; None stays None."""
    return None if answer is None else f"a {type(answer).__name__}"


def _relation(answer: Any, model: nn.Module) -> str | None:
    """What an answer is to the model."""
    if answer is model:
        return "the model itself"
    inside = list(answer.modules())[1:] if isinstance(answer, nn.Module) else []
    if any(module is model for module in inside):
        return "a new module with the model inside"
    if any(module is child for module in inside for child in model.children()):
        return "a new module with modules of the model inside"
    return _kind(answer)


class ReplaceHead(Exercise):
    """The model itself, its last nn.Linear replaced by a new, trainable one with the same
    in_features.
    """

    id, points = "transfer.replace_head", 2
    minutes, lines, writes = 15, "about four lines", "surgery on a model"
    without = dict.fromkeys(
        ("float64", "views", "requires_grad"), "x is for the model, not for the answer"
    )

    def cases(self, rng: Rng) -> Iterable[Case]:
        for kind, n_in, n_hidden, n_out, num_outputs, training in (
            ("one layer in a list", 6, 6, 9, 4, True),
            ("attributes", 5, 8, 12, 3, False),
            ("nested", 4, 7, 5, 11, True),
            ("something after it", 5, 6, 8, 2, False),
            ("attributes", 7, 7, 7, 1, True),  # linear layers of one shape
        ):
            more = rng.integer(0, 6)  # at most 5: 6 would make the nested net's outputs 11
            yield Case(
                f"{kind}: {n_out + more} outputs become {num_outputs}",
                x=rng.normal(3, n_in + more),
                num_outputs=num_outputs,
                training=training,
                kind=kind,
                n_in=n_in + more,
                n_hidden=n_hidden + more,
                n_out=n_out + more,
            )

    def probe(self, replace_head: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        torch.rand(1)  # or an answer that sets the seed would draw the old head's numbers
        with unguarded():
            model = _net(case.kind, case.n_in, case.n_hidden, case.n_out, bias=False)
            model.train(case.training)
        _, _, old = _linears(model)[-1]
        old.requires_grad_(case.training)  # a fresh layer is trainable, whatever the old one was
        before = {
            name: p
            for name, p in model.named_parameters()
            if p is not old.weight and p is not old.bias
        }
        values = {name: p.detach().clone() for name, p in before.items()}
        next(iter(before.values())).requires_grad_(False)
        layers = {name: module for name, module in model.named_modules() if module is not old}
        answer = replace_head(model, case.num_outputs)
        yield "what comes back", _relation(answer, model)
        linears = _linears(model)
        yield (
            "the linear layers, each as (in, out)",
            [[h.weight.shape[1], h.weight.shape[0]] for _, _, h in linears],
        )
        now = dict(model.named_modules())
        yield (
            "other modules that are gone",
            [name for name, m in layers.items() if now.get(name) is not m],
        )
        head = linears[-1][2]
        yield "in_features and out_features of the head", [head.in_features, head.out_features]
        yield claim("the head is a new layer", head is not old)
        yield claim("the head has a bias", head.bias is not None)
        same = [any(torch.equal(row, other) for other in old.weight) for row in head.weight]
        yield "rows of the new weight that the old one had", sum(same)
        yield "different numbers in the new weight", len(head.weight.unique())
        yield claim("the head is trainable", all(p.requires_grad for p in head.parameters()))
        after = dict(model.named_parameters())
        yield (
            "other parameters that are not the same tensors",
            [n for n, p in before.items() if after.get(n) is not p],
        )
        yield (
            "other parameters with other values",
            [n for n in before if not torch.equal(values[n], before[n])],
        )
        yield (
            "other parameters that are frozen now",
            [n for n, p in before.items() if not p.requires_grad],
        )
        yield "mode afterwards", "training" if model.training else "eval"
        yield "shape of the output", list(model.eval()(case.x).shape)
        yield "the modules, in their order", [name for name, _ in model.named_modules()]
        if head is old or any(same):
            return
        drawn = head.weight.detach().clone()
        replace_head(model, case.num_outputs)
        other = not torch.equal(drawn, _linears(model)[-1][2].weight)
        yield claim("a head made later is another one", other)

    mistakes = (
        Mistake(
            "only out_features changed",
            edit(
                "head = nn.Linear(old.in_features, num_outputs)",
                "head = old\n    head.out_features = num_outputs",
            ),
            "You changed the attribute `out_features`, which is only a label. The weight has "
            "as many rows as before, and it is the weight that computes. Put a whole new layer "
            "there.",
        ),
        Mistake(
            "old rows kept",
            edit(
                "    setattr(",
                "    k = min(num_outputs, old.out_features)\n    head.weight.data[:k] = "
                "old.weight.data[:k]\n    setattr(",
            ),
            "The new head begins with rows of the old one. Those rows belong to other classes; "
            "a fresh layer starts from random numbers.",
        ),
        Mistake(
            "the first linear layer",
            edit("linears[-1]", "linears[0]"),
            "You replaced the first nn.Linear you came to. The head is the last one.",
        ),
        Mistake(
            "the last of one parent after the other",
            edit(
                "linears[-1]",
                "sorted(linears, key=lambda item: list(dict(model.named_modules())).index("
                "item[0].rpartition('.')[0]))[-1]",
            ),
            "You replaced an nn.Linear deep inside an early part, and one that lies directly in "
            "the model comes after it. Do you look for the deepest one, or go through one parent "
            "after the other? `named_modules()` gives all in the order of the model.",
        ),
        Mistake(
            "the last in the alphabet",
            edit("linears[-1]", "sorted(linears, key=lambda item: item[0])[-1]"),
            "You replaced the nn.Linear whose name comes last in the alphabet. The head is the "
            "last one in the order in which the model has them, whatever they are called.",
        ),
        Mistake(
            "only direct children",
            edit(
                "named_modules()",
                "named_children()",
                "path, old = linears[-1]",
                "if not linears:\n        return model\n    path, old = linears[-1]",
            ),
            "You look only at the parts directly inside the model. The head may lie deeper, in a "
            "container within it: named_modules() walks through all depths.",
        ),
        Mistake(
            "every linear layer",
            edit(
                "path, old = linears[-1]",
                "for path, old in linears[:-1]:\n        part = "
                "model.get_submodule(path.rpartition('.')[0])\n        setattr(part, "
                "path.rpartition('.')[2], nn.Linear(old.in_features, num_outputs))\n    path, old "
                "= linears[-1]",
            ),
            "You replaced every nn.Linear. All but the last hold what the model has learned: "
            "leave them as they are.",
        ),
        Mistake(
            "added after the old head",
            edit(
                "nn.Linear(old.in_features, num_outputs)",
                "nn.Sequential(old, nn.Linear(old.out_features, num_outputs))",
            ),
            "The old head is still there, and the new layer reads its outputs. It should take "
            "the old one's place and read the same inputs.",
        ),
        Mistake(
            "a new model around the old one",
            edit(
                "setattr(model.get_submodule(parent), child, head)\n    return model",
                "return nn.Sequential(model, nn.Linear(old.out_features, num_outputs))",
            ),
            "You put the model and a new layer into a new container. The old head is still "
            "there, and the new layer reads its outputs. Change the model itself: the new "
            "layer takes the old head's place.",
        ),
        Mistake(
            "a new model of the old one's parts",
            edit(
                "setattr(model.get_submodule(parent), child, head)\n    return model",
                "parts = list(model.children())\n    parts[parts.index(old)] = head\n"
                "    return nn.Sequential(*parts)",
            ),
            "You return a new container with the parts of the model in it. It runs them one after "
            "the other, whatever the model's own forward does, and the model that was passed in "
            "is not it. Change the model itself.",
        ),
        Mistake(
            "the container replaced with the head",
            edit("model.get_submodule(parent), child", "model, path.split('.')[0]"),
            "You replaced more than the head: the part of the model that holds it is gone, with "
            "all else in it (a Dropout, a Flatten). Replace the nn.Linear alone, in its parent.",
        ),
        Mistake(
            "in and out swapped",
            edit("old.in_features, num_outputs", "num_outputs, old.in_features"),
            "The new layer takes n numbers and outputs as many as there are features. It is "
            "the other way round: nn.Linear takes in_features first, then out_features.",
        ),
        Mistake(
            "in_features from the old head's outputs",
            edit("old.in_features", "old.out_features"),
            "The new layer has as many inputs as the old head had outputs. It replaces the old "
            "head, so it needs the same in_features.",
        ),
        Mistake(
            "the old layer resized",
            edit(
                "head = nn.Linear(old.in_features, num_outputs)",
                "fresh, head = nn.Linear(old.in_features, num_outputs), old\n    head.weight, "
                "head.bias, head.out_features = fresh.weight, fresh.bias, num_outputs",
            ),
            "You gave the old layer a new weight and bias. It is still the old object. Make a new "
            "nn.Linear and put it in the old one's place.",
        ),
        Mistake(
            "only the top level searched",
            edit("named_modules", "named_children"),
            "You look for an nn.Linear only among the model's children, and there is none: the "
            "head is deeper. `named_modules()` walks through all depths.",
        ),
        Mistake(
            "always called fc",
            edit("linears[-1]", '"fc", model.fc'),
            "You expect the head under the name fc. That is where resnet34 has it; other "
            "models use other names. Search with `named_modules()`.",
        ),
        Mistake(
            "path treated as a name",
            edit("model.get_submodule(parent), child", "model, path"),
            "A path such as `top.1` is not the name of an attribute: your new layer ends up on "
            "the model under a name with a dot, where nothing calls it. Split the path into "
            "the parent's and the last name.",
        ),
        Mistake(
            "the last entry of the list",
            edit("path, old = linears[-1]", "old, path = model[-1], list(model._modules)[-1]"),
            "`model[-1]` is the last entry of an nn.Sequential. Not every model is one, and the "
            "last nn.Linear may be deeper inside, or have something behind it. Search with "
            "`named_modules()`.",
        ),
        Mistake(
            "the last child",
            edit("linears[-1]", "list(model.named_children())[-1]"),
            "You take the model's last child to be the head. It may be a container with the "
            "head inside, or something that comes after the head. `named_modules()` walks "
            "through all depths.",
        ),
        Mistake(
            "a copy",
            edit("linears = [", "import copy\n\n    model = copy.deepcopy(model)\n    linears = ["),
            "You changed a copy, and the model that was passed in still has its old head. "
            "Change the model itself.",
        ),
        Mistake(
            "what follows the head is gone",
            edit(
                "    setattr(",
                "    while list(model.get_submodule(parent)._modules)[-1] != child:\n        del "
                "model.get_submodule(parent)[-1]\n    setattr(",
            ),
            "What came after the head is gone from the model. Replace the head alone, and leave "
            "all other modules where they are.",
        ),
        Mistake(
            "other layers reinitialised",
            edit(
                "linears = [",
                "for module in model.modules():\n        getattr(module, 'reset_parameters', "
                "int)()\n    linears = [",
            ),
            "Parameters of other layers have changed. They hold what the model has learned: "
            "that is the whole point of transfer.",
        ),
        Mistake(
            "other layers frozen",
            edit("linears = [", "model.requires_grad_(False)\n    linears = ["),
            "The other parameters can no longer be trained. Freezing is a separate decision: "
            "do it with `freeze`, not here.",
        ),
        Mistake(
            "other layers unfrozen",
            edit("linears = [", "model.requires_grad_(True)\n    linears = ["),
            "Parameters that were frozen can now be trained. What is frozen is a separate "
            "decision: leave it as it is.",
        ),
        Mistake(
            "head frozen",
            edit("return model", "return model.requires_grad_(False)"),
            "Nothing can be trained, not even the new head, the one layer that knows nothing yet.",
        ),
        Mistake(
            "frozen like the old head",
            edit("    setattr(", "    head.requires_grad_(old.weight.requires_grad)\n    setattr("),
            "The new head is frozen where the old one was. It is a fresh layer and knows nothing "
            "yet: it has to be trainable, whatever the old one was.",
        ),
        Mistake(
            "every head alike",
            edit("    head =", "    torch.manual_seed(0)\n    head ="),
            "Every new head starts from the same numbers. Is one head kept for all models, or is "
            "there a `torch.manual_seed`? That changes all that is drawn later in the program too: "
            "whoever calls decides about the seed.",
        ),
        Mistake(
            "starts at zero",
            edit("    setattr(", "    nn.init.zeros_(head.weight)\n    setattr("),
            "The new head's weight is zero everywhere. A fresh nn.Linear starts from small random "
            "numbers.",
        ),
        Mistake(
            "without bias",
            edit("num_outputs)\n", "num_outputs, bias=False)\n"),
            "The new head has no bias. A fresh nn.Linear has one unless you tell it not to.",
        ),
        Mistake(
            "a bias only where the old head has one",
            edit("num_outputs)\n", "num_outputs, bias=old.bias is not None)\n"),
            "Where the old head has no bias, the new one has none either. Only the number of "
            "inputs comes from the old head: a fresh nn.Linear has a bias.",
        ),
        *(
            Mistake(
                name,
                edit("return model", f"return model.{call}"),
                f"{came}. The caller decides about train() and eval(): leave the mode as it is.",
            )
            for name, call, came in (
                (
                    "mode changed",
                    "train(not model.training)",
                    "The model is in another mode than before",
                ),
                (
                    "left in training mode",
                    "train()",
                    "A model that came in eval mode leaves in training mode",
                ),
                (
                    "left in eval mode",
                    "eval()",
                    "A model that came in training mode leaves in eval mode",
                ),
            )
        ),
        Mistake(
            "returns the head",
            edit("return model", "return head"),
            "You return the new layer. Return the whole model, so that calls can be chained.",
        ),
        Mistake(
            "returned None",
            edit("return model", "return None"),
            "Your function returns None. Return the model.",
        ),
    )


def _settings(model: nn.Module) -> dict[str, list[Any]]:
    """How each batch norm of a model counts its averages, by name."""
    return {
        name: [module.momentum, module.track_running_stats, module.eps, module.affine]
        for name, module in model.named_modules()
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
    }


class _Switch(Exercise):
    """What freeze and unfreeze have in common; `to` is what requires_grad becomes."""

    to: bool

    def cases(self, rng: Rng) -> Iterable[Case]:
        to, other = [self.to], [not self.to]  # of the parameters, again and again
        for label, part, start, training in (
            ("a whole net", "", other, True),
            ("the first part of a net", "body", other + to, False),
            ("a net that is half frozen", "", to + other, True),
            ("a net that is so already", "", to, True),
            ("a single layer", "body.0", other, True),
        ):
            depth = rng.integer(1, 5)
            yield Case(label, part=part, start=start, training=training, depth=depth)

    def probe(self, switch: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        with unguarded():
            model = _net("nested", 4, 6, 3, case.depth)
            pictures = [nn.Unflatten(1, (6, 1, 1)), nn.BatchNorm2d(6), nn.Flatten(), _Scaled()]
            body = model.get_submodule("body")
            assert isinstance(body, nn.Sequential)
            body.extend(pictures)  # with the batch norm of the lesson's nets
        model.train(case.training)
        parameters = dict(model.named_parameters())
        for index, p in enumerate(parameters.values()):
            p.grad = torch.ones_like(p)
            p.requires_grad = case.start[index % len(case.start)]
        for buffer in model.buffers():
            buffer += 1  # as after some training
        values = {name: value.clone() for name, value in model.state_dict().items()}
        gradients = {name: p.grad for name, p in parameters.items()}
        settings = _settings(model)
        switch(model.get_submodule(case.part))
        after = dict(model.named_parameters())
        yield (
            "parameters that are trainable",
            [name for name, p in after.items() if p.requires_grad],
        )
        yield (
            "parameters that are other tensors",
            [n for n, p in parameters.items() if after.get(n) is not p],
        )
        yield (
            "buffers that require a gradient",
            [name for name, b in model.named_buffers() if b.requires_grad],
        )
        yield (
            "parameters and buffers with other values",
            [n for n, v in model.state_dict().items() if not torch.equal(v, values.get(n, v * 0))],
        )
        yield (
            "gradients that are gone or changed",
            [
                n
                for n, p in parameters.items()
                if p.grad is None or p.grad is not gradients[n] or bool((p.grad != 1).any())
            ],
        )
        yield (
            "batch norms with other settings",
            [name for name, value in _settings(model).items() if value != settings[name]],
        )
        yield (
            "modules in training mode",
            [name for name, module in model.named_modules() if module.training],
        )
        yield "attributes put on the module", sorted(set(vars(model)) - set(vars(nn.Sequential())))
        yield (
            "attributes put on the parameters",
            sorted({name for p in parameters.values() for name in vars(p)}),
        )


def _switch_mistakes(to: bool) -> tuple[Mistake, ...]:
    done = "trainable" if to else "frozen"
    everything, change = "module.parameters()", f"p.requires_grad = {to}"
    loop = f"for p in {everything}:\n        {change}"
    return (
        *(
            Mistake(
                "batch norm left out",
                edit(
                    everything,
                    f"(p for m in module.modules() if not {is_norm} for p in "
                    "m.parameters(recurse=False))",
                ),
                f"The scale and shift of batch norm are not {done}. Some libraries treat them "
                "separately; here it is about all parameters, whatever the layer.",
            )
            for is_norm in (
                "hasattr(m, 'running_mean')",
                "isinstance(m, nn.BatchNorm1d)",
                "isinstance(m, nn.BatchNorm2d)",
            )
        ),
        Mistake(
            "only some kinds of layers",
            edit(
                everything,
                "(p for m in module.children() if isinstance(m, nn.Linear | nn.Conv2d) for p in "
                "m.parameters())",
            ),
            f"Only layers of some kinds, and only those directly inside the module, are {done}. "
            "`parameters()` gives the parameters of all layers, whatever their kind and depth.",
        ),
        Mistake(
            "eval mode instead of freezing",
            edit(loop, f"module.train({to})"),
            "You switch the mode, and requires_grad stays as it was. train() and eval() say how "
            "batch norm and dropout compute, not what is trained.",
        ),
        Mistake(
            "an attribute of the module",
            edit(loop, f"module.requires_grad = {to}"),
            "`module.requires_grad = ...` sets a new attribute on the module that nothing "
            "reads. requires_grad belongs to each parameter.",
        ),
        Mistake(
            "biases left out",
            edit(
                everything,
                "(p for name, p in module.named_parameters() if not name.endswith('bias'))",
            ),
            f"The biases are not {done}. A parameter is everything that `parameters()` gives.",
        ),
        Mistake(
            "only matrices",
            edit(everything, "(p for p in module.parameters() if p.ndim > 1)"),
            f"Only matrices are {done} now; biases and the numbers of batch norm are vectors, and "
            "parameters too.",
        ),
        Mistake(
            "only weight and bias",
            edit(
                everything,
                "(p for name, p in module.named_parameters()\n"
                "              if name.rpartition('.')[2] in ('weight', 'bias'))",
            ),
            f"Only what is called weight or bias is {done}. A module can have parameters of any "
            "name and shape: `parameters()` gives all.",
        ),
        Mistake(
            "all but the last layer",
            edit(everything, "list(module.parameters())[:-2]"),
            "You leave out the module's last layer. The caller chooses a part of the model by "
            "passing it; within it, all parameters count.",
        ),
        Mistake(
            "all but the last parameter",
            edit(everything, "list(module.parameters())[:-1]"),
            f"The module's last parameter is not {done}. The caller chooses a part of the model "
            "by passing it; within it, all parameters count.",
        ),
        Mistake(
            "not the layers inside",
            edit("parameters()", "parameters(recurse=False)"),
            "You reach only the module's own parameters, and a container has none. Its layers "
            "have them: `parameters()` walks through all depths.",
        ),
        *(
            Mistake(
                "only one level down",
                edit(everything, f"(p for m in {reached} for p in m.parameters(recurse=False))"),
                "You reach only the layers directly inside the module, not the layers inside "
                "those. `parameters()` walks through all depths.",
            )
            for reached in ("module.children()", "[module, *module.children()]")
        ),
        Mistake(
            "not the module's own parameters",
            edit(everything, "(p for child in module.children() for p in child.parameters())"),
            f"Parameters that belong to the module itself are not {done}, only those of the parts "
            "inside it. A single layer has no parts: `parameters()` of the module gives all.",
        ),
        Mistake(
            "only the first parameter",
            edit(everything, "list(module.parameters())[:1]"),
            f"Only the first parameter is {done}. Does your loop end, or return, after its first "
            "round?",
        ),
        Mistake(
            f"stops where one is {done} already",
            edit(change, f"if p.requires_grad is {to}:\n            break\n        {change}"),
            f"Your loop ends at the first parameter that is {done} already. Later ones may not "
            "be: go through all.",
        ),
        Mistake(
            "only the first parameter looked at",
            edit(
                loop,
                f"if next({everything}).requires_grad is {to}:\n        return\n    {loop}",
            ),
            f"Where the first parameter is {done} already you do nothing. Others may not be: go "
            "through all.",
        ),
        Mistake(
            "an attribute nothing reads",
            edit("p.requires_grad =", "p.require_grad ="),
            "`require_grad` without the s is a new attribute that nothing reads. Python does "
            "not complain: you can set any name on an object.",
        ),
        Mistake(
            "called like a function",
            edit(change, f"p.requires_grad({to})"),
            "`requires_grad` is True or False, and you call it like a function. Set it with `=`.",
        ),
        Mistake(
            "nothing changes",
            edit(change, "pass"),
            "All parameters are as they were. Do you set requires_grad on the parameters "
            "themselves? `p.data`, `p.detach()`, `state_dict()` and a deepcopy hold other "
            "tensors, and `p = ...` only gives the name p to another one.",
        ),
        Mistake(
            "new parameters",
            edit(
                loop,
                "for m in module.modules():\n        for name, p in "
                "list(m.named_parameters(recurse=False)):\n            setattr(m, name, "
                f"nn.Parameter(p.detach().clone(), requires_grad={to}))",
            ),
            "The module has new parameter objects. An optimizer that holds the old ones would "
            "train tensors that no model uses. Change requires_grad of the existing ones.",
        ),
        Mistake(
            "toggled",
            edit(change, "p.requires_grad = not p.requires_grad"),
            "You toggle requires_grad. A parameter that already has the right value gets the "
            "opposite: set it to a fixed value.",
        ),
        Mistake(
            "the other way round",
            edit(change, f"p.requires_grad = {not to}"),
            f"requires_grad is {not to} now. A frozen parameter has requires_grad False, a "
            "trainable one True.",
        ),
        Mistake(
            "mode switched too",
            edit("", f"    module.train({to})"),
            "You also switch the mode. train() and eval() say how batch norm and dropout compute; "
            "requires_grad says what gets a gradient. The two are independent.",
        ),
        Mistake(
            "gradients cleared",
            edit("", "        p.grad = None"),
            "You also clear the gradients. That is zero_grad's job.",
        ),
        Mistake(
            "gradients cleared",
            edit("", "        p.grad.zero_()"),
            "You also set the gradients to 0. That is zero_grad's job.",
        ),
        Mistake(
            "batch norm's settings changed",
            edit(
                "",
                "    for m in module.modules():\n        if hasattr(m, 'momentum'):\n"
                "            m.momentum = 0.0",
            ),
            "You also changed how batch norm counts its running averages, such as its momentum. "
            "They are no parameters, and nobody sets them back: only requires_grad should change.",
        ),
        Mistake(
            "running averages reset",
            edit(
                "",
                "    for m in module.modules():\n        getattr(m, 'reset_running_stats', int)()",
            ),
            "You also set the running averages of batch norm back, and what they had counted is "
            "lost. Only requires_grad should change.",
        ),
        *(
            Mistake(
                "values changed",
                change_of_values,
                "You also changed parameter values, and what the module had learned is lost. "
                "Only requires_grad should change.",
            )
            for change_of_values in (
                edit("", "        p.data.zero_()"),
                edit(
                    loop,
                    "for m in module.modules():\n        getattr(m, 'reset_parameters', "
                    f"int)()\n    {loop}",
                ),
            )
        ),
        Mistake(
            "buffers too",
            edit(
                "",
                "    for b in module.buffers():\n        b.requires_grad_(b.is_floating_point())",
            ),
            "Buffers now require gradients. The running mean of batch norm is a buffer: it is "
            "counted, not learned.",
        ),
    )


class Freeze(_Switch):
    """requires_grad = False for every parameter of the module, and nothing else."""

    id, points, to = "transfer.freeze", 1, False
    minutes, lines, writes = 5, "two lines", "two switches"
    mistakes = _switch_mistakes(False)


class Unfreeze(_Switch):
    """requires_grad = True for every parameter of the module, and nothing else."""

    id, points, to = "transfer.unfreeze", 1, True
    minutes, lines, writes = 5, "two lines", "two switches"
    mistakes = _switch_mistakes(True)


class DiscriminativeLrs(Exercise):
    """b: all equal; slice(b): b/10 for all but the last; slice(a, b): geometric, one group gets the
    last rate.
    """

    id, points = "transfer.discriminative_lrs", 2
    minutes, lines, writes = 15, "about five lines", "a learning rate for each depth"

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(n: int, stop: float, start: float | None = None, is_slice: bool = True) -> Case:
            inner = f"slice({stop:.3g})" if start is None else f"slice({start:.3g}, {stop:.3g})"
            return Case(
                f"lr = {inner if is_slice else f'{stop:.3g}'}, {n} groups",
                n=n,
                a=start,
                b=stop,
                sliced=is_slice,
            )

        yield case(3, rng.number(1e-3, 1e-2), is_slice=False)
        yield case(4, rng.number(1e-3, 1e-2))
        yield case(4, rng.number(1e-3, 1e-2), rng.number(1e-5, 1e-4))
        yield case(2, rng.number(1e-3, 1e-2), rng.number(1e-5, 1e-4))
        yield case(1, rng.number(1e-3, 1e-2), is_slice=False)
        yield case(1, rng.number(1e-3, 1e-2))
        yield case(1, rng.number(1e-3, 1e-2), rng.number(1e-5, 1e-4))
        yield case(5, rng.number(1e-5, 1e-4), rng.number(1e-3, 1e-2))
        yield case(3, 1, is_slice=False)

    def probe(self, discriminative_lrs: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        lr = (
            case.b
            if not case.sliced
            else slice(case.b)
            if case.a is None
            else slice(case.a, case.b)
        )
        rates = discriminative_lrs(lr, case.n)
        whole = isinstance(rates, list) and all(type(rate) is int for rate in rates)
        yield "rates", [float(rate) for rate in rates] if whole else rates

    mistakes = (
        Mistake(
            "a third",
            edit("lr.stop / 10", "lr.stop / 3"),
            "The earlier groups get a third of the rate. Some notes say so; the library's code "
            "divides by 10, and so do we.",
        ),
        Mistake(
            "a number shared out",
            edit("[lr] * n_groups", "[lr / n_groups] * n_groups"),
            "You divide a single number among the groups. It is a rate, and every group gets all "
            "of it.",
        ),
        Mistake(
            "evenly spaced",
            edit(
                "lr.start * (lr.stop / lr.start) ** (i / before)",
                "lr.start + (lr.stop - lr.start) * (i / before)",
            ),
            "Neighbouring rates have equal differences. With slice(1e-5, 1e-3) nearly all groups "
            "would then sit near the upper end. Rates are compared by ratio: each is the one "
            "before times a fixed factor.",
        ),
        Mistake(
            "last rate not reached",
            edit(
                "i / before) for i in range(before)] + [lr.stop]",
                "i / n_groups) for i in range(n_groups)]",
            ),
            "The last group does not get the upper rate. Between n groups there are n - 1 steps. "
            "(A single group has no step before it, and gets the last rate.)",
        ),
        Mistake(
            "last rate not reached",
            edit(
                "i / before) for i in range(before)] + [lr.stop]",
                "i / n_groups) for i in range(n_groups)] if before else [lr.stop]",
            ),
            "The last group does not get the upper rate. Between n groups there are n - 1 steps.",
        ),
        *(
            Mistake(
                "brackets left out in the exponent",
                edit(
                    "** (i / before) for i in range(before)] + [lr.stop]",
                    f"** ({exponent}) for i in range(n_groups)]{single}",
                ),
                "`1 / n - 1` is (1 / n) - 1, a negative number: a division comes before a "
                "subtraction. Put brackets around n - 1.",
            )
            for exponent in ("(1 / n_groups - 1) * i", "i / n_groups - 1")
            for single in ("", " if before else [lr.stop]")
        ),
        Mistake(
            "one step ahead",
            edit(
                "(i / before) for i in range(before)] + [lr.stop]",
                "((i + 1) / before) for i in range(n_groups)] if before else [lr.stop]",
            ),
            "Every group is one step too far: the first should get a itself, and the last gets "
            "more than b. The first group has taken no step.",
        ),
        Mistake(
            "always times ten",
            edit(
                "(lr.stop / lr.start) ** (i / before) for i in range(before)] + [lr.stop]",
                "10**i for i in range(n_groups)]",
            ),
            "You multiply by 10 from group to group, whatever b is. The factor depends on a, on b "
            "and on the number of groups; the last group gets b.",
        ),
        Mistake(
            "each a tenth of the next, whatever a is",
            edit("lr.start * (lr.stop / lr.start) ** (i / before)", "lr.stop / 10 ** (before - i)"),
            "With slice(a, b) each group gets a tenth of the next, and the first does not get a. "
            "The factor depends on a, on b and on the number of groups.",
        ),
        Mistake(
            "one rate between the first and the last",
            edit(
                "lr.start * (lr.stop / lr.start) ** (i / before)",
                "((lr.start * lr.stop) ** 0.5 if i else lr.start)",
            ),
            "With slice(a, b) all groups between the first and the last get one rate. That is "
            "right for three groups; with more, each is the one before times a fixed factor.",
        ),
        Mistake(
            "sorted",
            edit(
                "return [lr.start *",
                "return sorted([lr.start *",
                "in range(before)] + [lr.stop]",
                "in range(before)] + [lr.stop])",
            ),
            "Where a is larger than b your rates rise all the same: they are sorted. The first "
            "group gets a and the last one b, whichever is larger.",
        ),
        Mistake(
            "powers of ten",
            edit(
                "lr.start * (lr.stop / lr.start) ** (i / before) for i in range(before)] + "
                "[lr.stop]",
                "10 ** (lr.start + (lr.stop - lr.start) * i / before) for i in range(n_groups)] "
                "if before else [lr.stop]",
            ),
            "The rates are all near 1: they are 10 to the power of numbers from a to b. logspace "
            "takes the exponents of its ends; geomspace takes the ends themselves.",
        ),
        Mistake(
            "rounded",
            edit(
                "[lr.start * (lr.stop / lr.start) ** (i / before) for i in range(before)] + "
                "[lr.stop]",
                "[round(lr.start * (lr.stop / lr.start) ** (i / before), 6) for i in "
                "range(before)] + [round(lr.stop, 6) if before else lr.stop]",
            ),
            "The rates are rounded to six digits after the point. Hardly anything is then left "
            "of a rate such as 0.00001234: do not round.",
        ),
        Mistake(
            "the whole rate for the first",
            edit("[lr.stop / 10] * before + [lr.stop]", "[lr.stop] + [lr.stop / 10] * before"),
            "With slice(b) the first group gets b and the others a tenth. The groups go from the "
            "input to the head: the last is the new one, and it gets b.",
        ),
        Mistake(
            "one rate too many",
            edit("[lr.stop / 10] * before", "[lr.stop / 10] * n_groups"),
            "With slice(b) there is one rate too many. There are as many rates as groups, the "
            "last one included.",
        ),
        Mistake(
            "one rate too many",
            edit("[lr.stop / 10] * before", "[lr.stop / 10] * (n_groups if before else 0)"),
            "With slice(b) there is one rate too many. There are as many rates as groups, the "
            "last one included.",
        ),
        Mistake(
            "one rate too few",
            edit("for i in range(before)] + [lr.stop]", "for i in range(before)] or [lr.stop]"),
            "With slice(a, b) there is one rate too few: the last group, which is the head's, "
            "gets none. It gets b.",
        ),
        Mistake(
            "each group a tenth of the next",
            edit(
                "[lr.stop / 10] * before", "[lr.stop / 10 ** (before - i) for i in range(before)]"
            ),
            "With slice(b) each group gets a tenth of the next. All groups but the last get the "
            "same: a tenth of b.",
        ),
        Mistake(
            "from a tenth upwards",
            edit(
                "[lr.stop / 10] * before",
                "[lr.stop * 10 ** (i / before - 1) for i in range(before)]",
            ),
            "With slice(b) the rates rise from a tenth to b. All groups but the last get the "
            "same: a tenth of b.",
        ),
        Mistake(
            "only the first is smaller",
            edit(
                "[lr.stop / 10] * before",
                "[lr.stop / 10] * min(before, 1) + [lr.stop] * (before - 1)",
            ),
            "With slice(b) only the first group gets a tenth. All but the last do: only the head "
            "is new.",
        ),
        Mistake(
            "head slowest",
            edit(
                "[lr.stop / 10] * before + [lr.stop]",
                "[lr.stop] + [lr.stop / 10] * before",
                "for i in range(before)] + [lr.stop]",
                "for i in range(before, -1, -1)] if before else [lr.stop]",
            ),
            "The order is reversed: the head would learn most slowly. The groups go from the "
            "input to the head, and the head, which knows nothing yet, gets the largest rate.",
        ),
        Mistake(
            "head slowest",
            edit(
                "for i in range(before)] + [lr.stop]",
                "for i in range(before, -1, -1)] if before else [lr.stop]",
            ),
            "The rates of slice(a, b) are in the opposite order: the head would get a. The groups "
            "go from the input to the head, the first gets a and the last gets b.",
        ),
        Mistake(
            "one group gets the first rate",
            edit(
                "for i in range(before)] + [lr.stop]",
                "for i in range(before)] + [lr.stop if before else lr.start]",
            ),
            "A single group gets the lower rate. It is the head's group, so it gets the last rate.",
        ),
        Mistake(
            "one group, no step",
            edit("for i in range(before)] + [lr.stop]", "for i in range(n_groups)]"),
            "With a single group there is no step from one rate to the next, and n - 1 is 0. "
            "Handle that case separately: it gets the last rate.",
        ),
        Mistake(
            "one group gets a tenth",
            edit("* before + [lr.stop]", "* max(before, 1) + [lr.stop] * (before > 0)"),
            "With slice(b) and a single group that group gets a tenth. The last group gets b, "
            "even when it is the only one.",
        ),
        Mistake(
            "a tenth for the last group too",
            edit("* before + [lr.stop]", "* n_groups"),
            "With slice(b) every group gets a tenth of b. The last group, which holds the head, "
            "gets b itself.",
        ),
        Mistake(
            "a tenth for the last group too",
            edit("* before + [lr.stop]", "* n_groups if before else [lr.stop]"),
            "With slice(b) every group gets a tenth of b. The last group, which holds the head, "
            "gets b itself.",
        ),
        Mistake(
            "slice without a start as a number",
            edit("[lr.stop / 10] * before", "[lr.stop] * before"),
            "slice(b) gives equal rates. That is what a plain number means; the slice slows the "
            "earlier groups down to a tenth.",
        ),
        Mistake(
            "a number is not a list",
            edit("[lr] * n_groups", "lr"),
            "For a plain number you return the number. There is one rate per group, even when "
            "they are equal.",
        ),
        Mistake(
            "the slice itself repeated",
            edit("not isinstance(lr, slice)", "True"),
            "For a slice you return the slice, once for each group. Its parts are `lr.start` "
            "and `lr.stop`: check first whether lr is a slice.",
        ),
        Mistake(
            "start read from a number",
            edit("not isinstance(lr, slice)", "lr.start is lr"),
            "A plain number has no start, and you read `lr.start` whatever lr is. Check first "
            "whether lr is a slice.",
        ),
        Mistake(
            "every lr treated as a slice",
            edit("not isinstance(lr, slice)", "lr.start is lr", "lr.start is None", "False"),
            "You read `lr.start` whatever lr is. A plain number has no start, and slice(b) has "
            "None: check first what lr is.",
        ),
        Mistake(
            "only floats are numbers",
            edit("not isinstance(lr, slice)", "type(lr) is float"),
            "A whole number such as 1 is a number too, but your code only treats floats as "
            "numbers. Check whether lr is a slice: if not, it is a number.",
        ),
        Mistake(
            "a number as a slice",
            edit("return [lr] * n_groups", "lr = slice(lr)"),
            "A plain number gives different rates. Only a slice does that; a number is the rate "
            "of every group.",
        ),
        Mistake(
            "start forgotten",
            edit("lr.start is None", "True"),
            "slice(a, b) is treated like slice(b): its start has no effect.",
        ),
        Mistake(
            "factor multiplied, not raised",
            edit(
                "(lr.stop / lr.start) ** (i / before) for i in range(before)] + [lr.stop]",
                "max((lr.stop / lr.start) ** (1 / before) * i, 1) for i in range(n_groups)] if "
                "before else [lr.stop]",
            ),
            "You multiply the factor by the group's index. Going several steps applies the "
            "factor several times: a power, not a product.",
        ),
    )


class ParameterGroups(Exercise):
    """[{"params": the module's trainable parameters, "lr": its rate}, ...], one for each module."""

    id, points = "transfer.parameter_groups", 2
    minutes, lines, writes = 10, "about three lines", "what an optimizer takes"

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(
            label: str, widths: list[int], frozen: list[str], n_rates: int, n_groups: int
        ) -> Case:
            lrs = [rng.number(1e-4, 1e-1) for _ in range(n_rates)]
            if n_rates == n_groups == 3:
                lrs[2] = lrs[0]  # two groups with one rate are two groups still
            error = None if n_rates == n_groups else ValueError
            return Case(
                label, widths=widths, frozen=frozen, lrs=lrs, n_groups=n_groups, raises=error
            )

        yield case("two layers, two rates", [3, 4, 2], [], 2, 2)
        yield case("a layer that is partly frozen", [3, 4, 5, 2], ["1.0.weight", "2.1.bias"], 3, 3)
        yield case(
            "a layer that is wholly frozen",
            [4, 3, 2],
            [f"0.{k}" for k in ("0.weight", "0.bias", "1.weight", "1.bias", "2.scale")],
            2,
            2,
        )
        yield case("three layers, two rates", [3, 4, 5, 2], [], 2, 3)
        yield case("two layers, three rates", [3, 4, 2], [], 3, 2)

    def probe(self, parameter_groups: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        pairs = zip(case.widths, case.widths[1:], strict=False)
        with unguarded():
            model = nn.Sequential(
                *(nn.Sequential(nn.Linear(a, b), nn.BatchNorm1d(b), _Scaled()) for a, b in pairs)
            )
        names = {id(p): name for name, p in model.named_parameters()}
        for name, p in model.named_parameters():
            p.requires_grad = name not in case.frozen
        for p in model[-1].parameters():
            p.grad = torch.zeros_like(p)
        answer = parameter_groups(list(model), case.lrs)
        yield "what is returned", "a list" if isinstance(answer, list | tuple) else _kind(answer)
        if not isinstance(answer, list | tuple):
            return
        yield "number of groups", len(answer)
        for index, group in enumerate(answer):
            yield f"keys of group {index}", sorted(group) if isinstance(group, dict) else group
            params = list(group["params"])
            others = [
                "no parameter of the model" if isinstance(p, Tensor) else _kind(p) for p in params
            ]
            yield (
                f"params of group {index}",
                [names.get(id(p), other) for p, other in zip(params, others, strict=True)],
            )
            yield f"number of params of group {index}, counted again", len(list(group["params"]))
            yield f"lr of group {index}", group["lr"]
        yield (
            "frozen afterwards",
            [name for name, p in model.named_parameters() if not p.requires_grad],
        )

    mistakes = (
        *(
            Mistake(
                "equal rates in one group",
                edit("pairs = zip(groups, lrs, strict=True)", f"pairs = {pairs}"),
                "Modules with equal rates do not get a dict each. A rate can occur twice, so it "
                "cannot tell modules apart: go through both lists side by side.",
            )
            for pairs in (
                "[(nn.ModuleList(g for g, r in zip(groups, lrs) if r == lr), lr) "
                "for lr in dict.fromkeys(lrs)]",
                "[(group, lr) for lr, group in dict(zip(lrs, groups)).items()]",
            )
        ),
        Mistake(
            "vectors left out",
            edit("if p.requires_grad", "if p.requires_grad and p.ndim > 1"),
            "Parameters of one dimension are missing: biases, and the scales of batch norm. They "
            "are trained like the others.",
        ),
        Mistake(
            "one list for all groups",
            edit(
                "pairs = zip",
                "params = []\n    pairs = zip",
                "[p for p in group.parameters() if p.requires_grad]",
                "params.extend(p for p in group.parameters() if p.requires_grad) or params",
            ),
            "All groups share one list, which grows from module to module. So every parameter "
            "stands in every group: begin a new list for each module.",
        ),
        Mistake(
            "stops at the shorter list",
            edit("len(groups) != len(lrs)", "False", "strict=True", "strict=False"),
            "Where there are more modules than rates, the last modules are silently left out and "
            "never trained. `zip` stops at the shorter of two lists: raise a ValueError when the "
            "lengths differ.",
        ),
        Mistake(
            "extra rates ignored",
            edit(
                "len(groups) != len(lrs)", "len(groups) > len(lrs)", "strict=True", "strict=False"
            ),
            "A list of rates that is too long goes unnoticed. Compare the lengths first, and "
            "raise a ValueError when they differ.",
        ),
        Mistake(
            "extra modules ignored",
            edit(
                "len(groups) != len(lrs)", "len(groups) < len(lrs)", "strict=True", "strict=False"
            ),
            "Where there are more modules than rates, the last modules are silently left out and "
            "never trained. Compare the lengths first, and raise a ValueError when they differ.",
        ),
        Mistake(
            "lengths not compared",
            edit(
                "len(groups) != len(lrs)",
                "False",
                '"lr": lr',
                '"lr": lrs[i]',
                "group, lr in pairs",
                "i, group in enumerate(groups)",
            ),
            "A list of rates that is too long goes unnoticed, and one that is too short ends "
            "in an IndexError. Compare the lengths first, and raise a ValueError that says "
            "both.",
        ),
        Mistake(
            "wrong type of error",
            edit("raise ValueError", "raise AssertionError"),
            "Different lengths raise an AssertionError. An assertion is for what cannot happen; "
            "for arguments that do not fit, raise a ValueError.",
        ),
        Mistake(
            "error returned",
            edit("raise ValueError", "return ValueError"),
            "For different lengths you return a ValueError. Nobody checks what is returned, "
            "and the program goes on: raise an error with `raise`.",
        ),
        Mistake(
            "only the first parameter checked",
            edit("if p.requires_grad", "if next(group.parameters()).requires_grad"),
            "You check the first parameter of a module, and take all or none of them. Some may "
            "be frozen and others not: check each.",
        ),
        Mistake(
            "all parameters where one is trainable",
            edit("if p.requires_grad", "if any(q.requires_grad for q in group.parameters())"),
            "Where one parameter of a module is trainable you take them all. Some may be "
            "frozen and others not: check each.",
        ),
        Mistake(
            "only parameters with a gradient",
            edit("if p.requires_grad", "if p.grad is not None"),
            "You take the parameters that already have a gradient. Before the first backward "
            "none has one, and one that was frozen later keeps it. `requires_grad` says "
            "whether a parameter can be trained.",
        ),
        Mistake(
            "none where one is frozen",
            edit("if p.requires_grad", "if all(q.requires_grad for q in group.parameters())"),
            "Where one parameter of a module is frozen you take none of them. Some may be "
            "frozen and others not: check each.",
        ),
        Mistake(
            "biases left out",
            edit(
                "p for p in group.parameters() if p.requires_grad",
                "p for name, p in group.named_parameters() if p.requires_grad and not "
                "name.endswith('bias')",
            ),
            "The biases are missing, so nobody would train them. A parameter is everything that "
            "`parameters()` gives.",
        ),
        Mistake(
            "a group for each parameter",
            edit(
                "[p for p in group.parameters() if p.requires_grad]",
                "[p]",
                "in pairs\n",
                "in pairs for p in group.parameters() if p.requires_grad\n",
            ),
            "You make a group of each parameter. There is one for each module, with the list of "
            "its parameters.",
        ),
        Mistake(
            "names with the parameters",
            edit("p for p in group.parameters", "(name, p) for name, p in group.named_parameters"),
            '"params" holds pairs of a name and a parameter. List only the parameters: '
            "`parameters()` gives them without names.",
        ),
        Mistake(
            "frozen parameters included",
            edit(" if p.requires_grad", ""),
            "Frozen parameters are in your groups. Take those whose requires_grad is True.",
        ),
        Mistake(
            "unfreezes",
            edit(
                "p for p in group", "p.requires_grad_() for p in group", " if p.requires_grad", ""
            ),
            "Frozen parameters are in your groups, and can be trained now. Take those whose "
            "requires_grad is True, and change nothing.",
        ),
        Mistake(
            "a generator",
            edit('"params": [', '"params": iter([', '], "lr"', ']), "lr"'),
            '"params" holds a generator, such as `module.parameters()` or `filter(...)`. It is '
            "used up after one loop, and whoever looks again finds nothing. Make a list of it.",
        ),
        Mistake(
            "a generator of groups",
            edit("return [", "yield from ["),
            "You return a generator: is there a `yield` in your function, or are there round "
            "brackets around the loop? It is used up after one loop. Return a list.",
        ),
        Mistake(
            "a generator of groups",
            edit(
                "return [\n        {", "return (\n        {", "in pairs\n    ]", "in pairs\n    )"
            ),
            "You return a generator, which is used up after one loop. Return a list: square "
            "brackets around the loop make one.",
        ),
        Mistake(
            "momentum in the groups",
            edit('"lr": lr}', '"lr": lr, "momentum": 0.9}'),
            'Your dicts hold a "momentum" too. They have two keys, "params" and "lr"; whoever '
            "makes the optimizer chooses the momentum, and would then pass it twice.",
        ),
        Mistake(
            "frozen group left out",
            edit("in pairs\n", "in pairs if any(p.requires_grad for p in group.parameters())\n"),
            "A module whose parameters are all frozen is missing, so the groups no longer line up "
            "with the modules. Keep it, with an empty list of parameters.",
        ),
        Mistake(
            "rates handed on past a frozen module",
            edit(
                '"lr": lr',
                '"lr": next(rates) if any(p.requires_grad for p in group.parameters()) else 0.0',
                "pairs = zip",
                "rates = iter(lrs)\n    pairs = zip",
            ),
            "A module that is wholly frozen takes no rate from the list, so those after it get the "
            "rates of others. The first rate belongs to the first module, frozen or not.",
        ),
        Mistake(
            "rates handed on past a frozen module",
            edit(
                "zip(groups, lrs, strict=True)",
                "zip([g for g in groups if any(p.requires_grad for p in g.parameters())], lrs)",
            ),
            "A module that is wholly frozen is missing, and those after it get the rates of "
            "others. Every module has its own dict and its own rate, frozen or not.",
        ),
        Mistake(
            "only the frozen ones",
            edit("if p.requires_grad", "if not p.requires_grad"),
            "You collect the parameters that are frozen. The optimizer needs the others.",
        ),
        Mistake(
            "rates in reverse",
            edit("zip(groups, lrs", "zip(groups, lrs[::-1]"),
            "The rates are in reverse order. The first rate belongs to the first module.",
        ),
        Mistake(
            "groups in reverse",
            edit("in pairs\n", "in list(pairs)[::-1]\n"),
            "The groups are in reverse order. The first dict belongs to the first module.",
        ),
        Mistake(
            "one rate for all",
            edit('"lr": lr', '"lr": lrs[-1]'),
            "All groups have the same rate. Each module has its own.",
        ),
        Mistake(
            "all rates for each group",
            edit('"lr": lr', '"lr": lrs'),
            "Each group holds the whole list of rates. Each module has one rate: go through "
            "modules and rates together.",
        ),
        Mistake(
            "not the layers inside",
            edit("parameters()", "parameters(recurse=False)"),
            "Parameters of the layers inside a module are missing. `parameters()` walks through "
            "all depths.",
        ),
        Mistake(
            "copies",
            edit("[p for", "[p.detach().clone() for"),
            "The groups hold copies, so an optimizer would train tensors that no model uses. Put "
            "in the parameters themselves.",
        ),
        Mistake(
            "the same dict again and again",
            edit(
                "return [\n        {",
                "shared = {}\n    return [\n        shared.update({",
                '"lr": lr}',
                '"lr": lr}) or shared',
            ),
            "All groups are the same dict, refilled for each module: in the end each shows the "
            "last module. Make a new dict for each.",
        ),
        Mistake(
            "everything in one group",
            edit(
                "[p for p in",
                "[p for group in groups for p in",
                '"lr": lr}\n        for group, lr in pairs',
                '"lr": lrs[-1]}',
            ),
            "You return a single group. There is one for each module, so that each can have its "
            "own rate.",
        ),
        Mistake(
            "the key is called learning_rate",
            edit('"lr"', '"learning_rate"'),
            'torch looks for the key "lr"; under another name it would silently ignore the rate.',
        ),
        Mistake(
            "pairs",
            edit('{"params": [p', "([p", ', "lr": lr}', ", lr)"),
            'You return pairs. torch.optim takes dicts with the keys "params" and "lr".',
        ),
    )


class Activations(Exercise):
    """The detached outputs of the named layers while the model runs on x; leaves no hook, keeps the
    mode.
    """

    id, points = "transfer.activations", 3
    extra = True
    minutes, lines, writes = 20, "about eight lines", "a look inside, with hooks"
    without = {
        "float64": "the parameters of a layer are float32",
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, layers, training, in_place, shape in (
            ("one layer", ["body"], False, False, (3, 4)),
            ("two layers", ["body", "top.1"], False, False, (2, 4)),
            ("nested layers, not in order", ["top", "body.0", "body.2"], False, False, (4, 4)),
            ("a model in training mode", ["0", "2"], True, False, (1, 4)),
            ("no layer at all", [], False, False, (2, 4)),
            ("a layer that works in place after one of them", ["0", "2"], True, True, (3, 2, 4)),
            ("a ReLU in the model's own forward", ["norm", "fc"], False, False, (3, 4)),
        ):
            kind = "something after it" if training else "nested"
            widths = [4, 6, 3]
            if "fc" in layers:
                kind, widths = "attributes", [4, 6, 6, 3]
            yield Case(
                label,
                layers=layers,
                training=training,
                in_place=in_place,
                kind=kind,
                x=rng.normal(*shape),
                numbers=[rng.normal(*s) for a, b in pairwise(widths) for s in ((b, a), (b,))],
            )

    def probe(self, activations: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        with unguarded():
            model = _net(case.kind, 4, 6, 3).train(case.training)
            if case.in_place:
                model[1] = nn.ReLU(inplace=True)  # type: ignore[operator]
            linears = [module for _, _, module in _linears(model)]
        if case.training:
            model.get_submodule("2").eval()
            linears[0].bias.requires_grad_(False)
        with torch.no_grad():
            for p, values in zip(
                [p for m in linears for p in (m.weight, m.bias)], case.numbers, strict=True
            ):
                p.copy_(values)
        layers = list(case.layers)
        listened = model.get_submodule(layers[0] if layers else "")
        other = listened.register_forward_hook(lambda *_: None)  # somebody else's
        answer = activations(model, case.layers, case.x)
        yield "what is returned", "a dict" if isinstance(answer, dict) else _kind(answer)
        if not isinstance(answer, dict):
            return
        yield (
            "names",
            sorted(name if isinstance(name, str) else str(_kind(name)) for name in answer),
        )
        for name in layers:
            yield f"output of {name}", answer[name]
            yield claim(f"the output of {name} is detached", not answer[name].requires_grad)
        stays = other.id in listened._forward_hooks
        hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())
        yield "hooks left behind", hooks - stays
        yield claim("a hook that was there before is there still", stays)
        yield (
            "modules in training mode",
            [name or "the model" for name, m in model.named_modules() if m.training],
        )
        yield (
            "parameters that are trainable",
            [name for name, p in model.named_parameters() if p.requires_grad],
        )
        yield (
            "modules with another forward",
            [name for name, m in model.named_modules() if "forward" in vars(m)],
        )

    mistakes = (
        Mistake(
            "hooks left behind",
            edit("handle.remove()", "pass"),
            "Your hooks are still on the model. They run at every later forward pass, and hold "
            "on to memory. `register_forward_hook` returns a handle; call its remove().",
        ),
        Mistake(
            "only one hook removed",
            edit("in handles:", "in handles[-1:]:"),
            "One hook is removed and the others stay. Keep all handles in a list, and remove each.",
        ),
        Mistake(
            "only the last handle kept",
            edit(
                "for handle in handles:\n            handle.remove()",
                "for handle in handles[-1:]:\n            pass\n        handle.remove()",
            ),
            "One hook is removed and the others stay: your loop gives the same name to each "
            "handle, and only the last is left in it. (Where no layer is asked for there is "
            "none.) Keep all handles in a list.",
        ),
        Mistake(
            "all hooks removed",
            edit(
                "for handle in handles:\n            handle.remove()",
                "for name in layers:\n            model.get_submodule(name)._forward_hooks.clear()",
            ),
            "You take off every hook, those of others too. The handle that "
            "`register_forward_hook` returns removes the one hook that you put on.",
        ),
        Mistake(
            "outputs in the order of running",
            edit("return outputs", "return dict(zip(layers, outputs.values()))"),
            "The outputs come in the order in which the modules run, and you pair them with "
            "`layers` in its own order. The two orders may differ: let each hook know its path.",
        ),
        Mistake(
            "nothing recorded",
            edit("model(x)", "pass"),
            "Nothing has been recorded. Does the model run on x, and are the hooks on it while it "
            "does? First put them on, then call the model, then take them off.",
        ),
        Mistake(
            "model output returned",
            edit("return outputs", "return model(x)"),
            "You return one tensor. Return a dict from each name in `layers` to that module's "
            "output.",
        ),
        Mistake(
            "outputs flattened",
            edit(".clone()", ".clone().flatten(1)"),
            "An output of more than two dimensions comes back flattened. Keep each output in the "
            "shape in which its module gave it.",
        ),
        Mistake(
            "path used as an attribute name",
            edit("model.get_submodule(name)", "getattr(model, name)"),
            "A path such as `top.1` is not the name of an attribute, so getattr does not find it. "
            "`model.get_submodule(path)` does.",
        ),
        Mistake(
            "all under the last name",
            edit("{name: output", "{layers[-1]: output"),
            "Everything ends up under the last name. A function made in a loop looks its "
            "variables up when it is called, and by then the loop is over. Bind the name when "
            "you create the hook: through an outer function, or a default argument.",
        ),
        Mistake(
            "only the last part of the name",
            edit("{name: output", "{name.split('.')[-1]: output"),
            "The keys are only the last parts of the names. Two layers can both be called `1`: "
            "use the whole path, as it came in.",
        ),
        Mistake(
            "inputs instead of outputs",
            edit("output.detach", "inputs[0].detach"),
            "You keep what went into the layers. A forward hook gets (module, inputs, output); "
            "keep the output.",
        ),
        Mistake(
            "not detached",
            edit(".detach()", ""),
            "The outputs are still attached to the graph, and keep all of it in memory. Detach "
            "them.",
        ),
        Mistake(
            "not detached",
            edit(".detach().clone()", ""),
            "The outputs are still attached to the graph, and keep all of it in memory. Detach "
            "them, and copy them.",
        ),
        Mistake(
            "not copied",
            edit(".clone()", ""),
            "A layer that works in place, such as nn.ReLU(inplace=True), has changed what you "
            "kept of the layer before it. `.detach()` shares the memory: copy the output with "
            "`.clone()`. And what a hook returns takes the output's place: return nothing.",
        ),
        Mistake(
            "left in eval mode",
            edit("handles = [", "model.eval()\n    handles = ["),
            "The model arrives in training mode and leaves in eval mode. Leave the mode as it "
            "is, or restore it.",
        ),
        Mistake(
            "left in training mode",
            edit("return outputs", "model.train()\n    return outputs"),
            "A model that arrives in eval mode leaves in training mode. Leave the mode as it "
            "is, or restore the one that you found.",
        ),
        Mistake(
            "one mode for all parts",
            edit("return outputs", "model.train(model.training)\n    return outputs"),
            "A part of the model came in eval mode, and the rest in training mode; afterwards all "
            "are in one mode. `train()` and `eval()` set every part: leave the modes as they are, "
            "or note that of each module and put it back.",
        ),
        Mistake(
            "parameters left frozen",
            edit("handles = [", "model.requires_grad_(False)\n    handles = ["),
            "Your function leaves the parameters frozen, and whoever trains the model later "
            "changes nothing. To record no graph, `with torch.no_grad():` is enough.",
        ),
        Mistake(
            "forward left exchanged",
            edit(
                "return outputs",
                "for name in layers:\n        model.get_submodule(name).forward = model.forward"
                "\n    return outputs",
            ),
            "The modules still have the forward that you gave them. Leave the model as it came: a "
            "forward hook listens without changing a module, and can be taken off again.",
        ),
        Mistake(
            "layers run by themselves",
            edit("model(x)", "[model.get_submodule(name)(x) for name in layers]"),
            "You call each layer with x itself. In the model a layer gets the output of the "
            "layers before it. Let the model run, and listen with hooks.",
        ),
        Mistake(
            "only the model's children",
            edit("model.get_submodule(name)", "dict(model.named_children())[name]"),
            "A name such as `body.0` is not found: you look at the children of the model only. "
            "`dict(model.named_modules())` or `model.get_submodule(name)` knows all depths.",
        ),
        Mistake(
            "only the model's children",
            edit("in layers]", "in dict(model.named_children()) if name in layers]"),
            "Names such as `body.0` are missing: you look at the children of the model only. "
            "`model.named_modules()` goes through all depths.",
        ),
        Mistake(
            "the child that holds the layer",
            edit("model.get_submodule(name)", "getattr(model, name.split('.')[0])"),
            "Under a name such as `body.0` you return the output of `body`. The first part of a "
            "path is only the child in which the module is; `model.get_submodule(path)` finds "
            "the module itself.",
        ),
        Mistake(
            "every layer",
            edit("in layers]", "in dict(model.named_modules())]"),
            "You return the outputs of all layers. Return only those named in `layers`.",
        ),
        Mistake(
            AGAIN.mistake,
            None,
            "Your dict still holds what an earlier call recorded: you return layers that are "
            "not in `layers` this time. Look for a global variable, or a default argument such "
            "as `{}`, and make a new dict in every call.",
            sign=lambda evidence: (
                {"0", "body.0"} <= set(evidence[4]["names"])
            ),  # of the cases before, two models
        ),
        Mistake(
            "keys are numbers",
            edit("return outputs", "return dict(enumerate(outputs.values()))"),
            "The keys are numbers. They should be the names that were passed in.",
        ),
        Mistake(
            "a list",
            edit("return outputs", "return list(outputs.values())"),
            "You return a list. A dict from the names to the outputs says which output is whose.",
        ),
        Mistake(
            "averaged over the batch",
            edit("output.detach().clone()", "output.detach().mean(0)"),
            "The batch dimension is gone: you take the mean over the batch. Keep the output of "
            "every example.",
        ),
        Mistake(
            "only the first example",
            edit("output.detach", "output[0].detach"),
            "Only the output for the first example of the batch is there. Keep that of every "
            "example.",
        ),
        Mistake(
            "gradients off for good",
            edit("handles = [", "torch.set_grad_enabled(False)\n    handles = ["),
            "Recording is still switched off when your function returns, so nothing can be "
            "trained any more. `with torch.no_grad():` puts it back by itself.",
        ),
    )


# Given of each old and of each new class, unseen of each class, pixels.
N_OLD, N_NEW, N_UNSEEN, FURTHEST = 2, 20, 150, 3.0


@cache
def _digits() -> tuple[Tensor, Tensor]:
    digits = load_mnist()
    images, labels = (
        torch.cat(parts) for parts in ((digits[0], digits[2]), (digits[1], digits[3]))
    )
    return images[:, None].float() / 255, labels


def _moved(images: Tensor, rng: Rng) -> Tensor:
    """Pictures (n, 1, 28, 28), moved by fractions of pixels, scaled to about mean 0, spread 1."""
    where = torch.eye(2, 3).repeat(len(images), 1, 1)
    where[:, :, 2] = rng.uniform(-FURTHEST, FURTHEST, len(images), 2) / 14
    grid = F.affine_grid(where, list(images.shape), align_corners=False)
    return (F.grid_sample(images, grid, align_corners=False) - 0.13) / 0.3


def _trained(model: nn.Module, x: Tensor, y: Tensor, steps: int, lr: float) -> nn.Module:
    """The model after some steps of SGD with momentum 0.9 in batches of 32."""
    params = list(model.parameters())
    velocities = [torch.zeros_like(p) for p in params]
    order: list[Tensor] = []
    model.train()
    for _ in range(steps):
        order = order or list(torch.randperm(len(x)).split(32))
        idx = order.pop(0)
        grads = torch.autograd.grad(F.cross_entropy(model(x[idx]), y[idx]), params)
        with torch.no_grad():
            for p, grad, v in zip(params, grads, velocities, strict=True):
                v.mul_(0.9).add_(grad)
                p.sub_(lr * v)
    return model


@cache
def trained_on_0_to_4() -> dict[str, Tensor]:
    """The state of a digit_net(5) trained on the shipped digits 0 to 4, moved a little; takes about
    3 s.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        images, labels = _digits()
        x, y = _moved(images[labels < 5], Rng(0, "transfer")), labels[labels < 5]
        state = _trained(digit_net(5), x, y, steps=250, lr=0.05).state_dict()
        return {name: t.detach().clone() for name, t in state.items()}


def _loss(e: list[dict[str, Any]]) -> float:
    return float(e[0]["loss on the given digits"])


class FineTune(Training):
    """A net that reads the digits 0 to 4 learns to read 5 to 9 as well: x: (110, 1, 28, 28), y:
    (110,), two of each old digit and twenty of each new one.

    It is measured on 1,500 digits that it never sees, 150 of each of the ten. Which digits these
    are is drawn from the seed, and every digit is moved by up to 3 pixels each way, by fractions of
    pixels drawn from the seed, so that no unseen picture is in the shipped files as it is. Two
    pictures of a digit teach little, and twenty of each new one teach that old ones are rare:
    what the body and the five old rows of the head know has to be kept.

    Measured with 20 seeds, on one thread, in 80 steps of SGD with momentum 0.9 unless said (mean,
    spread, smallest and largest accuracy, mean accuracy on old and on new digits):

    | answer                                          | mean | spread | min  | max  | old  | new  |
    |-------------------------------------------------|------|--------|------|------|------|------|
    | the reference: old rows, rates 0.0005 to 0.005  | 0.69 | 0.03   | 0.65 | 0.74 | 0.59 | 0.79 |
    | old rows, body frozen, rate 0.005               | 0.68 | 0.02   | 0.63 | 0.72 | 0.57 | 0.79 |
    | the same for 40 steps, then the reference's 40  | 0.69 | 0.02   | 0.64 | 0.73 | 0.59 | 0.79 |
    | old rows, everything at rate 0.005              | 0.69 | 0.03   | 0.65 | 0.75 | 0.60 | 0.79 |
    | old rows, body frozen, rate 0.02                | 0.67 | 0.02   | 0.62 | 0.71 | 0.53 | 0.81 |
    | old rows, everything at rate 0.02               | 0.61 | 0.03   | 0.56 | 0.67 | 0.42 | 0.81 |
    | old rows, everything at rate 0.1                | 0.53 | 0.03   | 0.47 | 0.60 | 0.25 | 0.81 |
    | a fresh head, everything at rate 0.02           | 0.51 | 0.03   | 0.46 | 0.57 | 0.21 | 0.82 |
    | a fresh head, body frozen, rate 0.02            | 0.49 | 0.02   | 0.42 | 0.52 | 0.16 | 0.81 |
    | from scratch, 100 steps                         | 0.34 | 0.02   | 0.30 | 0.37 | 0.06 | 0.61 |
    """

    id, points = "transfer.fine_tune", 5
    minutes, lines, writes = 30, "about ten lines with what you have", "the training itself"
    metric = "accuracy on digits it never saw"
    full, part = 0.61, 0.44

    def cases(self, rng: Rng) -> Iterable[Case]:
        images, labels = _digits()
        drawn = [(labels == k).nonzero()[:, 0][rng.permutation(500)] for k in range(10)]
        counts = [N_OLD] * 5 + [N_NEW] * 5
        given = torch.cat([indices[:n] for indices, n in zip(drawn, counts, strict=True)])
        unseen = torch.cat([indices[N_NEW : N_NEW + N_UNSEEN] for indices in drawn])
        x, pictures, seed = (
            _moved(images[given], rng),
            _moved(images[unseen], rng),
            rng.integer(0, 1_000_000),
        )
        order = rng.permutation(len(unseen))  # the place of a picture says nothing about its class
        yield Case(
            "two of each old digit, twenty of each new one",
            hidden={"labels": labels[unseen][order]},
            state=trained_on_0_to_4(),
            x=x,
            y=labels[given],
            unseen=pictures[order],
            seed=seed,
        )

    def probe(self, fine_tune: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        with unguarded():
            model = digit_net(5)
        model.load_state_dict(case.state)
        tuned = fine_tune(model, case.x, case.y, case.seed)
        yield "what comes back", "an nn.Module" if isinstance(tuned, nn.Module) else _kind(tuned)
        if not isinstance(tuned, nn.Module):
            return
        tuned.eval()
        with torch.no_grad():
            logits = tuned(case.unseen)
            yield "shape of the logits", str(tuple(logits.shape))
            yield "logits of the unseen digits", logits
            answers = tuned(case.x)
            enough = answers.ndim == 2 and answers.shape[1] > int(case.y.max())
            loss = float(F.cross_entropy(answers, case.y)) if enough else math.nan
            yield "loss on the given digits", loss
        yield "spread of a logit over the digits", float(logits.std(0).max())
        times = logits.argmax(-1).bincount(minlength=10)
        yield "rarest answer of 5 to 9, times", int(times[5:].min())
        yield "share of the unseen digits read as 0 to 4", float(times[:5].sum() / times.sum())
        start, now = case.state, tuned.state_dict()
        filters = [p.flatten() for p in tuned.parameters() if p.ndim == 4][:1]
        old = start["early.0.weight"].flatten()
        alike = [
            float(F.cosine_similarity(old, p.detach(), dim=0))
            for p in filters
            if p.shape == old.shape
        ]
        yield "likeness of the first filters to those handed in", (alike or [0.0])[0]
        same = {
            name: name in now and torch.equal(value, now[name]) for name, value in start.items()
        }
        yield "the head is as it came", same["head.1.weight"]
        heads = [p.detach()[5:] * p.shape[1] ** 0.5 for p in tuned.parameters() if p.ndim == 2]
        yield (
            "largest weight of the head's new rows, fresh ones are below 1",
            float(heads[-1].abs().amax()) if heads and len(heads[-1]) else 0.0,
        )
        yield (
            "all but the head is as it came",
            all(same[name] for name in start if not name.startswith("head")),
        )

    def expected(self, case: Case) -> dict[str, Any]:
        return {
            "what comes back": "an nn.Module",
            "shape of the logits": f"({len(case.hidden['labels'])}, 10)",
        }

    def measure(self, case: Case, evidence: Mapping[str, Any]) -> float:
        return float(
            (evidence["logits of the unseen digits"].argmax(-1) == case.hidden["labels"])
            .double()
            .mean()
        )

    mistakes = (
        Mistake(
            "no module returned",
            None,
            "What fine_tune returns is not an nn.Module. Return the net itself, so that it can "
            "classify other digits.",
            sign=lambda e: e[0]["what comes back"] != "an nn.Module",
        ),
        Mistake(
            "returned unchanged",
            None,
            "The model is returned unchanged, head included. Do the steps reach this model? Is "
            "everything frozen? Clear, backward, step, with an optimizer that holds its "
            "parameters.",
            sign=lambda e: (
                e[0]["the head is as it came"] and e[0]["all but the head is as it came"]
            ),
        ),
        Mistake(
            "wrong number of classes",
            None,
            "Your model does not give ten logits for every picture. There are as many classes as "
            "there are different labels: ten, and each label is the digit itself.",
            sign=lambda e: (
                not e[0]["shape of the logits"].endswith(", 10)")
                and not e[0]["the head is as it came"]
            ),
        ),
        Mistake(
            "from scratch",
            None,
            "Your model does well on the given digits but not on the others, and its first "
            "filters are unlike those you were given. Did you make a new model? Start from the "
            "one that is passed in: it can already see.",
            sign=lambda e: (
                _loss(e) < 0.5
                and abs(e[0]["likeness of the first filters to those handed in"]) < 0.7
            ),
        ),
        Mistake(
            "the same logits for every digit",
            None,
            "Your model gives the same logits for every digit: what it sees makes no "
            "difference. A head that is zero everywhere does that, and so does training that "
            "blew up.",
            sign=lambda e: e[0]["spread of a logit over the digits"] < 0.01,
        ),
        Mistake(
            "far worse than guessing",
            None,
            "The loss on the given digits is far above that of guessing, or not a number. If "
            "it rises while you train, training blew up: are the gradients cleared before each "
            "step? Then take a smaller learning rate; momentum 0.9 makes steps up to ten times "
            "as long. If it falls: do the pictures and labels reach the model unchanged, not "
            "rotated?",
            sign=lambda e: not _loss(e) < 6,
        ),
        Mistake(
            "new head not trained",
            None,
            "Only the head has changed, and it has learned next to nothing: the loss on the "
            "given digits is hardly better than that of guessing, or worse. Are the head's "
            "parameters frozen, did the optimizer get its parameters before the head was "
            "replaced, or are there far too few steps?",
            sign=lambda e: e[0]["all but the head is as it came"] and _loss(e) > 1.6,
        ),
        Mistake(
            "head not trained",
            None,
            "The body has changed, but the new head seems not to have moved. Was the optimizer "
            "made before the head was replaced? Then it holds the old head's parameters. Or is "
            "the head frozen?",
            sign=lambda e: (
                not e[0]["all but the head is as it came"]
                and 0.99
                < e[0]["largest weight of the head's new rows, fresh ones are below 1"]
                < 1 + 1e-6
            ),
        ),
        Mistake(
            "new digits read as old ones",
            None,
            "Your model reads most digits as 0 to 4, new ones too, and on the given digits it does "
            "worse than guessing. Are the steps too few or too small for the new rows of the head "
            "to learn? If not, look at the labels on their way to the loss: each is the digit "
            "itself.",
            sign=lambda e: (
                e[0]["share of the unseen digits read as 0 to 4"] > 0.6 and _loss(e) > 2.4
            ),
        ),
        Mistake(
            "one class never predicted",
            None,
            "There is a new class that your model never predicts. The digits come sorted by "
            "class: does every step see the same batch, or does a loop end too early? Shuffle "
            "them, use them all, and let each keep its own label. If you do, the learning rate is "
            "far too large.",
            sign=lambda e: e[0]["rarest answer of 5 to 9, times"] == 0 and _loss(e) > 0.5,
        ),
        Mistake(
            "hardly better than guessing",
            None,
            "The loss on the given digits is hardly better than that of guessing, or worse, "
            "although the model has changed. Are images and labels shuffled by the same indices, "
            "and are the old rows of the head in their old places? If so, the steps are far too "
            "few or far too small.",
            sign=lambda e: not e[0]["all but the head is as it came"] and _loss(e) > 2.03,
        ),
        Mistake(
            "old digits forgotten",
            None,
            "Half of the unseen digits are 0 to 4, and your model reads most of these as new ones. "
            "Two pictures of each cannot teach them anew, but the model that you were given could "
            "read them: the five rows of its head belong first in the new one, weights and biases. "
            "If they are there, the steps after that were too large: try a quarter of the rate, or "
            "freeze the body.",
            sign=lambda e: (
                e[0]["share of the unseen digits read as 0 to 4"] < 0.22 and _loss(e) < 0.6
            ),
        ),
        Mistake(
            "too little training",
            None,
            "Your model does not do well even on the given digits yet. They are few, so "
            "many epochs are cheap: train until their loss is near 0.",
            sign=lambda e: _loss(e) > 0.4,
        ),
    )


class RepairDiscriminativeLrs(Repair):
    """A witness on which the rates shown go wrong, and the lines repaired.

    Of 20 random witnesses 12 show the bug (`python -m tests.attempts` counts them again).
    """

    id, points = "transfer.repair_discriminative_lrs", 2
    minutes, lines = 12, "a witness and up to three changed lines"
    changes = 3  # a guard for one group is two of them
    writes = "a bug found and mended"
    extra = True
    of = DiscriminativeLrs
    takes = {"start": "number", "stop": "number", "n_groups": "whole number"}
    shapes = "both rates should be above 0, and n_groups 1 or more."
    buggy = """
def discriminative_lrs(lr, n_groups):
    if not isinstance(lr, slice):
        return [lr] * n_groups
    if lr.start is None:
        return [lr.stop / 10] * (n_groups - 1) + [lr.stop]
    factor = (lr.stop / lr.start) ** (1 / n_groups)
    return [lr.stop / factor**i for i in reversed(range(n_groups))]
"""

    def as_case(self, label: str, given: Mapping[str, Any]) -> Case:
        return Case(label, n=given["n_groups"], a=given["start"], b=given["stop"], sliced=True)

    def suits(self, given: Mapping[str, Any]) -> bool:
        """Whether there are rates and groups."""
        return given["start"] > 0 and given["stop"] > 0 and given["n_groups"] > 0

    mistakes = REPAIRING
