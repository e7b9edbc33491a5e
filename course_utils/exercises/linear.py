"""Exercises of lesson 01: relu, My_Linear, counting parameters, affine maps, a two-layer net."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.checking import (
    Case,
    Exercise,
    Expose,
    FreeText,
    Mistake,
    Rng,
    claim,
    edit,
    gradients,
    operators,
    unguarded,
)
from course_utils.exercises._forms import EXPOSING, missed

# The ReLU, and whatever is one with the right settings: elu with alpha=0, hardtanh from 0 to inf.
RELU = operators("relu|elu|hardtanh|threshold|softplus|shrink|hardsigmoid|hardswish|silu|mish")
WHY_NONLINEAR = FreeText("linear.why_nonlinear", extra=True)
START = (30, 1000)  # inputs and outputs of the layer whose start values are checked


class Relu(Exercise):
    """max(x, 0), element by element, for a tensor of any shape."""

    id, points = "linear.relu", 1
    minutes, lines, writes = 5, "one line", "an activation function"
    shortcuts = RELU

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case("a vector of 7 numbers", x=torch.cat([rng.normal(6), torch.tensor([-1.5])]))
        yield Case("a single number (shape ())", x=rng.normal().abs())
        yield Case("a matrix", x=3 * rng.normal(4, 3))
        large = torch.cat([rng.uniform(300, 900, 1), 10 * rng.normal(5)])
        yield Case("a tensor of shape (2, 3, 1), with a large number", x=large.reshape(2, 3, 1))
        small = rng.uniform(5e-5, 1e-4, 1)
        yield Case("positive numbers, one of them small", x=torch.cat([rng.normal(3).abs(), small]))
        yield Case("numbers, two of them 0", x=torch.cat([rng.normal(3), torch.zeros(2)]))
        yield Case("negative numbers alone", x=-rng.normal(3).abs())
        yield Case("numbers as small as 1e-25", x=1e-25 * rng.normal(4))

    def probe(self, relu: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        y = relu(case.x)
        yield "y", y
        yield "what is returned", "x itself" if y is case.x else "a new tensor"
        if not case.x.all():
            return  # the slope at 0 is a matter of convention
        x = case.x.clone().requires_grad_()
        yield "grad of x", gradients(relu(x), [x])[0]

    mistakes = (
        Mistake(
            "gradient cut off",
            edit("x.clamp", "x.detach().clamp"),
            "Nothing flows back to x: somewhere the result leaves the graph (`.detach()`, "
            "`.data`, `.item()`, or a new tensor made from numbers).",
        ),
        *(
            Mistake(
                "leaky",
                edit("x.clamp(min=0)", f"x.clamp(min=0) + {slope} * x.clamp(max=0)"),
                f"Negative inputs come out {slope} times as large. That is the leaky ReLU; the "
                "ReLU gives exactly 0 there.",
            )
            for slope in (0.01, 0.1, 0.2)
        ),
        *(
            Mistake(
                "changes its input",
                edit("x.clamp(min=0)", f"x.clamp_(min=0){copy}"),
                "You overwrite the tensor that was passed in. Make a new tensor: operations whose "
                "name ends in an underscore, and assignments such as `x[x < 0] = ...`, change x "
                "itself.",
            )
            for copy in ("", ".clone()")
        ),
        *(
            Mistake(
                "returns x itself",
                edit("return x", f"return x if {nothing} else x"),
                "When there is nothing to cut off, you return the very tensor that was passed "
                "in. Anyone who then changes the result also changes x: always return a new "
                "tensor.",
            )
            for nothing in ("(x > 0).all()", "(x >= 0).all()")
        ),
        Mistake(
            "cut at 1",
            edit("min=0", "min=0, max=1"),
            "Large inputs come out as 1. The ReLU has no ceiling: positive numbers pass unchanged.",
        ),
        Mistake(
            "cut at 6",
            edit("min=0", "min=0, max=6"),
            "Inputs above 6 come out as 6. That is ReLU6; the ReLU has no ceiling.",
        ),
        *(
            Mistake(
                "step instead of ramp",
                edit("x.clamp(min=0)", step),
                "You return 1 where x is positive and 0 elsewhere. That is the slope of the "
                "ReLU; its value there is x itself.",
            )
            for step in (
                "(x > 0).float()",
                "(x > 0).float() + 0 * x",
                "torch.heaviside(x, x.new_zeros(())) + 0 * x",
            )
        ),
        *(
            Mistake(
                "softplus",
                edit("x.clamp(min=0)", smooth),
                "This is the softplus, log(1 + exp(x)): a smooth curve, log 2 at 0 and a little "
                "above 0 for every negative number. The ReLU has a corner: 0 up to there, then x "
                "itself.",
            )
            for smooth in ("x.clamp(min=0) + (-x.abs()).exp().log1p()", "x.exp().log1p()")
        ),
        Mistake(
            "absolute value",
            edit("clamp(min=0)", "abs()"),
            "Negative numbers come out positive. They should come out as 0.",
        ),
        Mistake(
            "keeps the negative side",
            edit("min=0", "max=0"),
            "You keep the wrong half: this is min(x, 0). The ReLU keeps what is above 0.",
        ),
        Mistake(
            "largest along a dimension",
            edit("x.clamp(min=0)", "torch.max(x, 0)"),
            "`torch.max(x, 0)` finds the largest number along dimension 0 and returns it with "
            "its index. You want to compare each entry with the number 0.",
        ),
        Mistake(
            "largest of all",
            edit("x.clamp", "x.max().clamp"),
            "You return one number, the largest in the whole tensor. Take the maximum of each "
            "entry and 0, so that the result has the shape of x.",
        ),
    )


def _distinct(rows: Tensor) -> float:
    """How many rows of a matrix are different; nan differs from everything, itself included."""
    rows = rows.detach().double()
    unlike = rows.isnan().any(1)
    return float(len({row.tobytes() for row in rows[~unlike].numpy()}) + unlike.sum())


def _from_start(evidence: list[dict[str, Any]], what: str) -> float:
    """The statistic of the weight's start values called `what`, times sqrt(in_features)."""
    name = f"{what} weight times sqrt(in_features)"
    return next(float(values[name]) for values in evidence if name in values)


def _normal(evidence: list[dict[str, Any]]) -> bool:
    """Uniform numbers reach 1.7 times their spread, 30,000 normal ones about 4 times."""
    return _from_start(evidence, "largest") > 2.5 * _from_start(evidence, "spread of") > 0


def _standard_normal(evidence: list[dict[str, Any]]) -> bool:
    return (
        _normal(evidence) and 0.95 < _from_start(evidence, "spread of") / math.sqrt(START[0]) < 1.05
    )


def _is_one_number(evidence: list[dict[str, Any]], name: str) -> bool:
    """Whether all start values are the same, neither 0 nor 1, which have names of their own."""
    start = next(values for values in evidence if f"distinct rows in {name}" in values)
    distinct = [start.get(f"distinct {what} in {name}", 1.0) for what in ("rows", "columns")]
    largest = start.get(f"largest {name} times sqrt(in_features)", 0.0) / math.sqrt(START[0])
    return max(distinct) == 1 and round(largest, 4) not in (0, 1)


def _start_mistakes(name: str, filled: str, hint: str) -> list[Mistake]:
    """Start values filled differently, in weight and bias or in the weight alone."""
    weight = edit("in_features).uniform_(-bound, bound)", f"in_features){filled}")
    bias = edit("empty.uniform_(-bound, bound)", f"empty{filled}")
    return [Mistake(name, weight + bias, hint), Mistake(name, weight, hint)]


class MyLinear(Exercise):
    """y = x @ weight.T + bias, for any leading batch shape."""

    id, points = "linear.My_Linear", 3
    minutes, lines, writes = 25, "about six lines", "a layer with its parameters"
    without = {
        "float64": "a layer's parameters are float32",
    }
    along = {"views": 5}  # three dimensions: there a transpose cannot be flattened by `.view`
    shortcuts = (nn.Linear, nn.Bilinear, nn.LazyLinear, F.linear, F.bilinear)

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, n_in: int, n_out: int, *batch: int, bias: bool = True) -> Case:
            call = f"My_Linear({n_in}, {n_out}{'' if bias else ', bias=False'})"
            sizes: dict[str, Any] = {"n_in": n_in, "n_out": n_out, "with_bias": bias, "wide": False}
            values: dict[str, Any] = {"x": rng.normal(*batch, n_in)}
            values |= {"weight": rng.normal(n_out, n_in), "bias": rng.normal(n_out)}
            return Case(f"{label}: {call}, x of shape {(*batch, n_in)}", **sizes, **values)

        yield case("a batch of five", 4, 3, 5)
        yield case("a batch of one", 3, 2, 1)
        yield case("without bias", 4, 3, 2, bias=False)
        yield case("one input, one output", 1, 1, 6)
        yield case("four inputs, one output", 4, 1, 3)
        yield case("three dimensions", 4, 5, 2, 3)
        yield case("a single vector, in eval mode", 3, 4)
        n_in, n_out = START
        label = f"the start values of My_Linear({n_in}, {n_out})"
        yield Case(label, n_in=n_in, n_out=n_out, with_bias=True, wide=True)

    def probe(self, My_Linear: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        layer = (
            My_Linear(case.n_in, case.n_out)
            if case.with_bias
            else My_Linear(case.n_in, case.n_out, bias=False)
        )
        yield claim("`My_Linear` is an nn.Module", isinstance(layer, nn.Module))
        weight, bias = getattr(layer, "weight", None), getattr(layer, "bias", "missing")
        if case.wide:
            yield from self._start_values("weight", weight, case.n_in, rtol=0.02)
            yield from self._start_values("bias", bias, case.n_in, rtol=0.12)
            other = My_Linear(case.n_in, case.n_out)
            yield "the weights of two layers are different", [layer.weight, other.weight]
            return
        yield "kind of self.weight", None if weight is None else type(weight).__name__
        yield "weight.shape", str(tuple(weight.shape)) if isinstance(weight, Tensor) else weight
        yield "bias", _kind_of_bias(bias)
        yield (
            "parameters",
            [
                f"{name}{'' if p.requires_grad else ' (frozen)'}"
                for name, p in layer.named_parameters()
            ],
        )
        parameters = [p for p in (weight, bias) if isinstance(p, Tensor)]
        with torch.no_grad():
            for parameter, values in zip(parameters, (case.weight, case.bias), strict=False):
                parameter.data = torch.empty_like(parameter).copy_(values)
        if "eval" in case.label and isinstance(layer, nn.Module):
            layer.eval()
        x = case.x.clone().requires_grad_()
        y = layer(x)
        yield "y", y
        names = ("x", "weight", "bias")
        for name, grad in zip(names, gradients(y, [x, *parameters]), strict=False):
            yield f"grad of {name}", grad

    def _start_values(
        self, name: str, values: Any, n_in: int, rtol: float
    ) -> Iterator[tuple[Any, ...]]:
        """Statistics of random start values, with tolerances of over five standard deviations
        of the difference between two honest draws.
        """
        # Two of 100 honest float32 draws are equal about once in three thousand layers.
        rows = values[:100].reshape(len(values[:100]), -1)
        yield f"distinct rows in {name}", _distinct(rows), 0.02
        if values.ndim > 1:
            yield f"distinct columns in {name}", _distinct(rows[:, :100].T), 0.02
        scaled = values.detach() * math.sqrt(n_in)
        yield f"largest {name} times sqrt(in_features)", float(scaled.abs().max()), rtol
        yield (
            f"spread of {name} times sqrt(in_features)",
            float(scaled.square().mean().sqrt()),
            rtol,
        )
        yield f"share of {name} below 0", float((scaled < 0).float().mean()), 2 * rtol

    holds = {
        "the weights of two layers are different": lambda one, other: not torch.equal(one, other)
    }
    mistakes = (
        Mistake(
            "bias detached",
            edit("y + self.bias", "y + self.bias.detach()"),
            "You add the bias without its history (`.data` or `.detach()`), so it gets no "
            "gradient and is never trained. Add the parameter itself.",
        ),
        Mistake(
            "weight detached",
            edit("self.weight.T", "self.weight.detach().T"),
            "You multiply by the weight without its history (`.data` or `.detach()`), so it gets "
            "no gradient and is never trained. Multiply by the parameter itself.",
        ),
        *(
            Mistake(
                "plain tensors",
                edit(
                    "weight = nn.Parameter(",
                    f"weight = {made}",
                    "bias = nn.Parameter(",
                    f"bias = {made}",
                ),
                "weight and bias are plain tensors, so `layer.parameters()` is empty and an "
                "optimizer would find nothing to train. Wrapping a tensor in nn.Parameter "
                "makes it a parameter of the module.",
            )
            for made in ("torch.Tensor.requires_grad_(", "(")
        ),
        *(
            Mistake(
                f"{name} is a plain tensor",
                edit(f"{name} = nn.Parameter(", f"{name} = {made}"),
                f"The {name} is a plain tensor, so `layer.parameters()` does not list it and "
                "an optimizer would never change it. Wrap it in nn.Parameter.",
            )
            for name in ("weight", "bias")
            for made in ("torch.Tensor.requires_grad_(", "(")
        ),
        Mistake(
            "parameters frozen",
            edit("bound))\n", "bound), False)\n", "bound)) if", "bound), False) if"),
            "You create the parameters with requires_grad=False, so they get no gradient and "
            "are never trained. A plain nn.Parameter(...) is trainable.",
        ),
        Mistake(
            "bias=False ignored",
            edit(" if bias else None", ""),
            "With bias=False there should be no bias: set `self.bias` to None, and do not add "
            "it in forward.",
        ),
        *(
            Mistake(
                "zeros instead of no bias",
                edit("if bias else None", f"if bias else {nothing}"),
                "With bias=False you still keep a bias. It adds nothing, but `self.bias` should "
                "then be None, as in nn.Linear.",
            )
            for nothing in ("torch.zeros(out_features)", "0", "0.0")
        ),
        Mistake(
            "no attribute bias",
            edit(
                "if bias else None\n",
                "if bias else None\n        if not bias:\n            del self.bias\n",
                "if self.bias is",
                "if getattr(self, 'bias', None) is",
            ),
            "With bias=False the layer has no attribute `bias` at all, and whoever asks for it "
            "gets an AttributeError. It should be there and be None, as in nn.Linear.",
        ),
        Mistake(
            "transpose kept from __init__",
            edit(
                "        empty =",
                "        self.kept = self.weight.T\n        empty =",
                "x @ self.weight.T",
                "x @ self.kept",
            ),
            "You transpose once, in __init__, and `forward` uses that. When the weight gets other "
            "memory, as by `layer.double()`, yours stays the old one: transpose in `forward`.",
        ),
        Mistake(
            "bias made before the weight",
            edit(
                "self.weight =", "self.bias = nn.Parameter(torch.empty(0))\n        self.weight ="
            ),
            "`parameters()` lists the parameters in the order in which __init__ assigns them, and "
            "yours begins with the bias. Assign the weight first, as in nn.Linear: whoever goes "
            "through the list counts on that order.",
        ),
        *(
            Mistake(
                "bias added even where it is None",
                edit("return y if self.bias is None else y + self.bias", f"return {total}"),
                "With bias=False `self.bias` is None, and None cannot be added. `forward` has to "
                "ask whether there is a bias.",
            )
            for total in ("y + self.bias", "self.bias + y")
        ),
        Mistake(
            "bias asked whether it is true",
            edit("if self.bias is None", "if not self.bias"),
            "`if self.bias` asks a tensor of several numbers whether it is true, and there is no "
            "single answer. What you want to know is whether there is a bias at all: compare with "
            "None.",
        ),
        Mistake(
            "bias never added",
            edit("y + self.bias", "y"),
            "You create a bias, but forward does not use it: that is a linear map without its "
            "constant.",
        ),
        Mistake(
            "no bias made",
            edit("if bias else", "if False else"),
            "There is no bias, even when the caller wants one. The default is bias=True.",
        ),
        Mistake(
            "weight stored as (in, out)",
            edit(
                "(out_features, in_features)",
                "(in_features, out_features)",
                "self.weight.T",
                "self.weight",
            ),
            "Your weight has shape (in_features, out_features). In this course, as in PyTorch, "
            "a weight has one row per output: (out_features, in_features). Saved weights from "
            "elsewhere would not fit into yours.",
        ),
        *_start_mistakes(
            "zero start values",
            ".zero_()",
            "The weight starts at 0 everywhere. Inside a network, all outputs of the layer are "
            "then the same, get the same gradients and stay the same. Draw the start values at "
            "random.",
        ),
        Mistake(
            "bias starts at zero",
            edit("empty.uniform_(-bound, bound)", "empty.zero_()"),
            "The bias starts at 0. That works too, and some libraries do it; here the bias is "
            "drawn from the same range as the weight.",
        ),
        Mistake(
            "bias starts at one",
            edit("empty.uniform_(-bound, bound)", "empty.fill_(1)"),
            "The bias starts at 1 everywhere. Here it is drawn from the same range as the weight.",
        ),
        *(
            Mistake(
                f"bias starts {where}",
                edit("empty.uniform_(-bound, bound)", f"empty.uniform_({low}, {high})"),
                f"Your bias starts {where}. Here it is drawn from the same range as the weight: "
                "plus and minus 1/sqrt(in_features).",
            )
            for where, low, high in (
                ("at or above 0 only", "0", "bound"),
                ("at or below 0 only", "-bound", "0"),
                ("between -1 and 1", "-1", "1"),
                ("between 0 and 1", "0", "1"),
            )
        ),
        *_start_mistakes(
            "start values between 0 and 1",
            ".uniform_(0, 1)",
            "The weights start between 0 and 1, whatever the size of the layer, as torch.rand "
            "draws them. Stretch and shift them so that they lie between -1/sqrt(in_features) "
            "and 1/sqrt(in_features).",
        ),
        *_start_mistakes(
            "start values between -1 and 1",
            ".uniform_(-1, 1)",
            "The weights start uniform, but their range does not shrink as the number of "
            "inputs grows: it should be plus and minus 1/sqrt(in_features).",
        ),
        *_start_mistakes(
            "start values only positive",
            ".uniform_(0, bound)",
            "All weights start between 0 and 1/sqrt(in_features). They should lie on both "
            "sides of 0.",
        ),
        *_start_mistakes(
            "start values only negative",
            ".uniform_(-bound, 0)",
            "All weights start below 0. They should lie on both sides of 0: torch.rand, stretched "
            "to twice the bound and shifted by the bound, does.",
        ),
        *_start_mistakes(
            "bound inverted",
            ".uniform_(-(in_features**0.5), in_features**0.5)",
            "The weights start within the root of in_features, so with more inputs they are "
            "larger. The bound is 1 divided by this root: they should be smaller.",
        ),
        *_start_mistakes(
            "bound of xavier_uniform_",
            ".uniform_(-(6 / (in_features + out_features)) ** 0.5, (6 / (in_features + "
            "out_features)) ** 0.5)",
            "The weights start uniform within sqrt(6/(in_features + out_features)), as "
            "nn.init.xavier_uniform_ draws them. Here the bound is 1/sqrt(in_features).",
        ),
        *_start_mistakes(
            "bound of kaiming_uniform_",
            ".uniform_(-(6 / in_features) ** 0.5, (6 / in_features) ** 0.5)",
            "The weights start uniform within sqrt(6/in_features), which is the default of "
            "nn.init.kaiming_uniform_. Here the bound is 1/sqrt(in_features).",
        ),
        *_start_mistakes(
            "root of 2 over in_features",
            ".uniform_(-(2 / in_features) ** 0.5, (2 / in_features) ** 0.5)",
            "The weights start uniform within sqrt(2/in_features). That is the spread which "
            "nn.init.kaiming_normal_ gives normal numbers. Here the bound is 1/sqrt(in_features).",
        ),
        *_start_mistakes(
            "scaled by out_features",
            ".uniform_(-(out_features**-0.5), out_features**-0.5)",
            "The range of your start values depends on the number of outputs. But each output "
            "is a sum over the inputs, so the range is 1/sqrt(in_features).",
        ),
        Mistake(
            "bias scaled by out_features",
            edit("empty.uniform_(-bound, bound)", "empty.uniform_(-1, 1) / out_features**0.5"),
            "The range of the bias depends on the number of outputs. It is the range of the "
            "weights: plus and minus 1/sqrt(in_features).",
        ),
        *_start_mistakes(
            "root forgotten",
            ".uniform_(-1 / in_features, 1 / in_features)",
            "The bound of the weights' start values is 1/in_features; it should be "
            "1/sqrt(in_features). A sum of n random terms grows like the square root of n, not "
            "like n.",
        ),
        Mistake(
            "start values not scaled",
            None,
            "The weights come from a standard normal distribution, whatever the size of the "
            "layer, as torch.randn draws them. With 400 inputs the outputs are then spread 20 "
            "times as widely as the inputs. Draw uniformly from -1/sqrt(in_features) to "
            "1/sqrt(in_features).",
            sign=_standard_normal,
        ),
        Mistake(
            "normal instead of uniform",
            None,
            "The weights look as if they came from a normal distribution: a few lie far from "
            "the rest. Here they are drawn uniformly between plus and minus "
            "1/sqrt(in_features).",
            sign=_normal,
        ),
        Mistake(
            "one start value for all of the weight",
            None,
            "Every entry of the weight starts at the same number, so all outputs of the layer are "
            "the same apart from the bias, and stay so in training. Draw every entry separately.",
            sign=lambda evidence: _is_one_number(evidence, "weight"),
        ),
        Mistake(
            "one start value for all of the bias",
            None,
            "Every entry of the bias starts at the same number. Draw each one separately, from the "
            "same range as the weight.",
            sign=lambda evidence: _is_one_number(evidence, "bias"),
        ),
        Mistake(
            "weight reshaped instead of transposed",
            edit("self.weight.T", "self.weight.reshape(self.weight.T.shape)"),
            "You give the weight the shape of its transpose by `view` or `reshape`. Its entries "
            "keep their order in memory that way, so they land in other places: rows do not "
            "become columns.",
        ),
        Mistake(
            "equal rows",
            edit(
                "in_features).uniform_(-bound, bound)",
                "in_features).uniform_(-bound, bound)[:1].repeat(out_features, 1)",
            ),
            "All rows of the weight start out the same, so all outputs of the layer are the "
            "same apart from the bias. Draw every entry separately.",
        ),
        Mistake(
            "equal columns",
            edit(
                "in_features).uniform_(-bound, bound)",
                "1).uniform_(-bound, bound).repeat(1, in_features)",
            ),
            "All columns of the weight start out the same, so every input counts alike. Draw every "
            "entry separately.",
        ),
        *(
            Mistake(
                "only two dimensions",
                edit("x @ self.weight.T", product),
                "Your forward fails on an input with two batch dimensions: it only works for a "
                "matrix. `x @ self.weight.T`, or torch.einsum with `...`, accepts any leading "
                "shape.",
            )
            for product in (
                "torch.mm(x, self.weight.T)",
                "torch.einsum('ni,oi->no', x, self.weight)",
                "torch.einsum('ni,oi->no', x[None], self.weight)[0] if x.ndim < 2 else "
                "torch.einsum('ni,oi->no', x, self.weight)",
                "(self.weight @ x.movedim(-1, 0)).movedim(0, -1)",
            )
        ),
        Mistake(
            "batch dimensions flattened",
            edit("x @ self.weight.T", "x.reshape(-1, x.shape[-1]) @ self.weight.T"),
            "All batch dimensions come out merged into one. Only the last dimension of x "
            "changes: an input of shape (2, 3, in_features) gives an output of shape (2, 3, "
            "out_features).",
        ),
        Mistake(
            "the same start values in every layer",
            edit("        bound =", "        torch.manual_seed(0)\n        bound ="),
            "Every layer starts from the same numbers, because you set the seed of the random "
            "numbers. Whoever runs the code sets it, once; a layer only draws.",
        ),
        Mistake(
            "bias of the size of the input",
            edit("empty = torch.empty(out_features)", "empty = torch.empty(in_features)"),
            "Your bias has one entry for each input. It is added to the outputs: one entry for "
            "each of them, shape (out_features,).",
        ),
        Mistake(
            "one bias for all outputs",
            edit("empty = torch.empty(out_features)", "empty = torch.empty(1)"),
            "Your bias is one number, and broadcasting adds it to every output. Each output "
            "has its own bias: shape (out_features,).",
        ),
        Mistake(
            "bias with a batch dimension",
            edit("empty = torch.empty(out_features)", "empty = torch.empty(1, out_features)"),
            "Your bias has shape (1, out_features), so a single vector would come out with one "
            "dimension too many. Broadcasting adds the batch dimension for you: give it shape "
            "(out_features,).",
        ),
        Mistake(
            "activation inside the layer",
            edit("return y if", "return (y if", "y + self.bias", "y + self.bias).clamp(min=0)"),
            "Negative outputs come out as 0: there is a ReLU inside. The layer is the affine "
            "map alone; the activation function comes after it.",
        ),
        Mistake(
            "parameters in float64",
            edit(
                "in_features).",
                "in_features).double().",
                "empty.",
                "empty.double().",
            ),
            "Your parameters are float64, NumPy's default, and torch does not multiply them by "
            "a float32 input. Make them float32, torch's default.",
        ),
    )


def _kind_of_bias(bias: Any) -> str:
    if bias is None or bias == "missing":
        return str(bias)
    kind = "nn.Parameter" if isinstance(bias, nn.Parameter) else type(bias).__name__
    return f"{kind} of shape {tuple(bias.shape)}" if isinstance(bias, Tensor) else kind


class CountParameters(Exercise):
    """How many numbers a module's trainable parameters hold; a shared parameter counts once."""

    id, points = "linear.count_parameters", 1
    minutes, lines, writes = 5, "one line", "a sum"

    def cases(self, rng: Rng) -> Iterable[Case]:
        for kind, label in (
            ("one", "one layer"),
            ("deep", "layers inside layers"),
            ("frozen", "two layers, the first with its bias frozen (requires_grad=False)"),
            ("shared", "two layers that share one weight"),
            (
                "buffers",
                "a layer, a batch norm with its running averages, and a scale of shape ()",
            ),
            ("none", "a module without parameters"),
            ("filters", "a convolution (four dimensions)"),
            ("equal", "two layers with equal numbers, in float64 and in eval mode"),
        ):
            yield Case(
                label, kind=kind, a=rng.integer(3, 6), b=rng.integer(6, 9), c=rng.integer(10, 14)
            )

    def probe(self, count_parameters: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        with unguarded():
            module = _module(case.kind, case.a, case.b, case.c)
        if case.kind == "frozen":
            weight, bias = [*module.parameters()][:2]
            bias.requires_grad_(False)
        yield "the count", count_parameters(module)
        if case.kind == "frozen":
            weight.requires_grad_(False)
            yield "the count after its weight is frozen too", count_parameters(module)
        yield (
            "the module afterwards",
            [
                "in training mode" if module.training else "in eval mode",
                *(f"{name} {p.requires_grad}" for name, p in module.named_parameters()),
            ],
        )

    mistakes = (
        Mistake(
            "training mode in place of requires_grad",
            edit("p.numel()", "p.numel() * module.training"),
            "In eval mode you count nothing. Whether a module is in training mode is another "
            "question: a parameter is trainable if its requires_grad is True.",
        ),
        Mistake(
            "shared weight counted twice",
            edit(
                "module.parameters()",
                "dict(module.named_parameters(remove_duplicate=False)).values()",
            ),
            "A weight shared by two layers is counted once for each. There is only one set of "
            "numbers to train; `parameters()` already lists it once.",
        ),
        Mistake(
            "only the parts' parameters",
            edit(
                "module.parameters()",
                "(p for part in module.children() for p in part.parameters())",
            ),
            "You ask the parts of the module for their parameters. A layer has no parts and holds "
            "its parameters itself, and what two parts share would count twice. The module knows "
            "all its parameters, its parts' included.",
        ),
        Mistake(
            "frozen parameters counted",
            edit("if p.requires_grad", "if True"),
            "You also count parameters with requires_grad=False. They are not trained.",
        ),
        Mistake(
            "only frozen parameters counted",
            edit("if p.requires_grad", "if not p.requires_grad"),
            "You count the frozen parameters and leave out the trainable ones. It is the other "
            "way round: where requires_grad is False, training leaves the parameter alone.",
        ),
        Mistake(
            "counted once for every level",
            edit(
                "module.parameters()",
                "(p for m in module.modules() for p in m.parameters())",
            ),
            "A parameter inside a layer inside a module counts two times, once for each of them. "
            "`parameters()` already walks through all levels: ask the outermost module alone.",
        ),
        Mistake(
            "buffers counted",
            edit("return total", "return total + sum(b.numel() for b in module.buffers())"),
            "You also count the running averages of batch norm. They are buffers: saved with "
            "the module, but not trained.",
        ),
        Mistake(
            "tensors counted",
            edit("p.numel()", "1"),
            "You count the parameter tensors. The question is how many numbers they hold "
            "altogether.",
        ),
        Mistake(
            "biases left out",
            edit("p.requires_grad", "p.requires_grad and p.ndim > 1"),
            "You count only parameters with two or more dimensions. A bias is a parameter too.",
        ),
        Mistake(
            "only weights and biases counted",
            edit(
                "p in module.parameters()",
                "name, p in module.named_parameters()",
                "requires_grad",
                "requires_grad and name.endswith(('weight', 'bias'))",
            ),
            "You look for the names weight and bias. A parameter can have any name: ask the "
            "module for all of them.",
        ),
        Mistake(
            "inner layers left out",
            edit(".parameters()", ".parameters(recurse=False)"),
            "You count only the outermost module's own parameters. `parameters()` also walks "
            "through the modules inside it.",
        ),
        Mistake(
            "only one level deep",
            edit(
                "module.parameters()",
                "(p for child in module.children() for p in child.parameters(recurse=False))",
            ),
            "You look one level down and no further, and you skip the module's own parameters. "
            "`parameters()` walks through all levels.",
        ),
        Mistake(
            "sizes added up",
            edit("p.numel()", "sum(p.shape)"),
            "You add the sizes of each parameter. A matrix with 4 rows and 3 columns holds 4 * 3 "
            "numbers: sizes are multiplied, or `numel()` counts.",
        ),
        Mistake(
            "rows counted",
            edit("p.numel()", "len(p)"),
            "`len` of a matrix is its number of rows. The number of its entries is `numel()`.",
        ),
        *(
            Mistake(
                "only two dimensions multiplied",
                edit("p.numel()", number),
                "You multiply two sizes of each parameter. A convolution has four. Whatever the "
                "shape, `numel()` gives the number of entries.",
            )
            for number in (
                "math.prod(p.shape[:2])",
                "p.shape[0] * (p.shape[1] if p.ndim > 1 else 1)",
                "p.shape[0] * p.shape[-1] if p.ndim > 1 else p.numel()",
            )
        ),
        Mistake(
            "fails for a parameter of shape ()",
            edit("p.numel()", "p.shape[0] * math.prod(p.shape[1:])"),
            "You take the first of a parameter's sizes, and one of shape () has none: it holds a "
            "single number. Whatever the shape, `numel()` gives the number of entries.",
        ),
        *(
            Mistake(
                "return inside the loop",
                edit("numel()\n    return total", f"numel(){back}"),
                "Your loop ends in its first round: a `return` leaves the function, and the loop "
                "with it. Return the sum once the loop is over.",
            )
            for back in (
                "\n        return total",
                "\n        return total\n    return total",
                "\n            return total",
                "\n            return total\n    return total",
            )
        ),
        Mistake(
            "only the last parameter counted",
            edit("+=", "="),
            "You keep the count of the last trainable parameter alone: each one replaces what was "
            "counted before. Add them up.",
        ),
        Mistake(
            "stops at the first frozen parameter",
            edit(
                "            total += p.numel()",
                "            total += p.numel()\n        else:\n            break",
            ),
            "You leave the loop at the first frozen parameter, and whatever comes after it is not "
            "counted. Go on with the next one.",
        ),
        Mistake(
            "nothing counted",
            edit("p.requires_grad", "p.grad is not None"),
            "Your count is 0 for every module here. (If you look at `.grad`: it appears with the "
            "first backward pass. Whether a parameter is trained is said by requires_grad.)",
        ),
        Mistake(
            "equal shapes counted once",
            edit(
                "module.parameters()",
                "{(p.shape, p.requires_grad): p for p in module.parameters()}.values()",
            ),
            "You count parameters of the same shape once. Two layers of the same size have "
            "twice as many numbers to train.",
        ),
        Mistake(
            "zeros not counted",
            edit("p.numel()", "int(p.count_nonzero())"),
            "You do not count entries that are 0. They are trained like all the others.",
        ),
        Mistake(
            "a float instead of an int",
            edit("total = 0", "total = 0.0"),
            "The count comes out as a float; a torch.tensor made from an empty list is one, too. A "
            "count is a whole number, an int.",
        ),
    )


def _module(kind: str, a: int, b: int, c: int) -> nn.Module:
    if kind == "one":
        return nn.Linear(a, b)
    if kind == "deep":
        return nn.Sequential(nn.Sequential(nn.Linear(a, b), nn.ReLU()), nn.Linear(b, c))
    if kind == "none":
        return nn.Sequential(nn.ReLU(), nn.Flatten())
    if kind == "filters":
        return nn.Sequential(nn.Conv2d(a, b, 3))
    if kind == "buffers":
        module = nn.Sequential(nn.Linear(a, b), nn.BatchNorm1d(b))
        module.scale = nn.Parameter(torch.ones(()))
        return module
    module = nn.Sequential(nn.Linear(a, b), nn.Linear(a, b))
    if kind == "shared":
        module[1].weight = module[0].weight
    if kind == "equal":
        module[1].load_state_dict(module[0].state_dict())
        module.double().eval()
    return module


class Collapse(Exercise):
    """The one affine map (w, b) that equals first w1, b1 and then w2, b2."""

    id, points = "linear.collapse", 2
    minutes, lines, writes = 15, "two lines", "two maps in one"
    shortcuts = (nn.Linear,)

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, i, h, o, some in (
            ("4 inputs, 5 hidden, 3 outputs", 4, 5, 3, 1),
            ("one of each", 1, 1, 1, 1),
            ("more outputs than inputs: 2, 3, 7; b1 is 0", 2, 3, 7, 0),
            ("all sizes 3", 3, 3, 3, 1),
        ):
            yield Case(
                label,
                w1=rng.normal(h, i),
                b1=some * rng.normal(h),
                w2=rng.normal(o, h),
                b2=rng.normal(o),
                x=rng.normal(6, i),
            )

    def probe(self, collapse: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        tensors = [t.clone().requires_grad_() for t in (case.w1, case.b1, case.w2, case.b2)]
        answer = collapse(case.w1, case.b1, case.w2, case.b2)
        yield "what is returned", _how_many(answer)
        w, b = answer
        yield "w", w
        yield "b", b
        yield "y from the collapsed map", torch.einsum("ni,oi->no", case.x, w) + b
        w, b = collapse(*tensors)
        loss = (
            (case.x @ w.T + b).sum(0) if isinstance(w, Tensor) and isinstance(b, Tensor) else None
        )
        for name, grad in zip(("w1", "b1", "w2", "b2"), gradients(loss, tensors), strict=True):
            yield f"grad of {name}", grad

    mistakes = (
        Mistake(
            "first bias not carried through",
            edit("w2 @ b1", "b1"),
            "The second map acts on everything the first one outputs, including its constant "
            "b1: b1 reaches the output only through w2.",
        ),
        Mistake(
            "first bias forgotten",
            edit("w2 @ b1 +", "1 *"),
            "b1 is missing. Put w1 @ x + b1 into the second map, multiply out, and see which "
            "part does not contain x.",
        ),
        Mistake(
            "first bias on the left of w2",
            edit("w2 @ b1", "b1 @ w2"),
            "`b1 @ w2` goes down the columns of w2. Each output has a row of w2, and meets b1 with "
            "it: the matrix stands on the left.",
        ),
        *(
            Mistake(
                "first bias sent through both maps",
                edit("w2 @ b1", product),
                "You send b1 through w1 too. The first map adds b1 after its w1, so only w2 still "
                "acts on it.",
            )
            for product in ("(w2 @ w1) @ b1", "w2 @ (w1 @ b1)")
        ),
        Mistake(
            "biases exchanged",
            edit("w2 @ b1 + b2", "w1 @ b2 + b1"),
            "Your constant is that of map 2 first and then map 1. Map 1 acts first: its b1 goes on "
            "through w2, and b2 comes last.",
        ),
        Mistake(
            "second bias forgotten",
            edit(" + b2", ""),
            "b2 is missing: the second map adds it at the very end.",
        ),
        Mistake(
            "b left out",
            edit("return w2 @ w1, w2 @ b1 + b2", "return w2 @ w1"),
            "You return the weight alone. An affine map has a bias too: return both, with a comma "
            "between them.",
        ),
        Mistake(
            "b before w",
            edit("return w2 @ w1, w2 @ b1 + b2", "return w2 @ b1 + b2, w2 @ w1"),
            "You return the bias first. Return (w, b): the weight comes first.",
        ),
        Mistake(
            "second bias sent through the second map",
            edit("w2 @ b1 + b2", "w2 @ (b1 + b2)"),
            "You multiply b2 by w2. It is the constant of the second map: it is added after w2.",
        ),
        Mistake(
            "second bias summed up",
            edit("+ b2", "+ b2.sum()"),
            "You add the sum of b2 to every output. Each output has its own entry of b2.",
        ),
        Mistake(
            "weights in the wrong order",
            edit("w2 @ w1", "w1 @ w2"),
            "w1 is on the left of your product. The map that acts first goes next to x, on the "
            "right.",
        ),
        Mistake(
            "everything in the wrong order",
            edit("w2 @ w1", "w1 @ w2", "w2 @ b1 + b2", "w1 @ b2 + b1"),
            "You apply map 2 first and then map 1. Map 1 acts first.",
        ),
        Mistake(
            "w transposed",
            edit("w2 @ w1", "w1.T @ w2.T"),
            "w has the right numbers but shape (in, out). A weight has shape (out, in).",
        ),
        Mistake(
            "a ReLU in between",
            edit("@ w1", "@ w1.clamp(min=0)", "@ b1", "@ b1.clamp(min=0)"),
            "You cut off the negative entries of w1 and b1, as a ReLU would. There is none "
            "here; with one in between, the two maps would not collapse into one.",
        ),
        Mistake(
            "a ReLU on the first bias",
            edit("@ b1", "@ b1.clamp(min=0)"),
            "You treat negative entries of b1 as 0. There is no ReLU between these maps: b1 "
            "goes through w2 unchanged.",
        ),
        Mistake(
            "entry by entry",
            edit("w2 @ w1", "w2 * w1"),
            "`*` multiplies entry by entry. Applying one map after another is a matrix "
            "product: `@`.",
        ),
    )


def _how_many(answer: Any) -> str | None:
    if isinstance(answer, tuple | list):
        return f"{len(answer)} things"
    return None if answer is None else f"one {type(answer).__name__}"


SEPARATE = "the parameters of two networks are different tensors"


def _in_common(evidence: list[dict[str, Any]]) -> bool:
    return not all(values.get(SEPARATE, True) for values in evidence)


def _different_each_time(evidence: list[dict[str, Any]]) -> bool:
    return not all(values["the output for the same x is the same twice"] for values in evidence)


class TwoLayerNet(Exercise):
    """affine, relu, affine: (..., n_in) -> (..., n_out), with parameters w1, b1, w2, b2 in this
    order.
    """

    id, points = "linear.two_layer_net", 3
    minutes, lines, writes = 10, "about four lines", "a network from your own parts"
    without = {
        "float64": "the parameters of a layer are float32",
        "requires_grad": "its gradient is judged in every case",
    }
    builds = True
    shortcuts = (nn.Linear, nn.LazyLinear, F.linear, *RELU)

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, i, h, o, n in (
            ("two_layer_net(4, 6, 3), a batch of five", 4, 6, 3, (5,)),
            ("two_layer_net(3, 1, 2), a batch of one", 3, 1, 2, (1,)),
            ("two_layer_net(1, 5, 1), a batch of nine", 1, 5, 1, (9,)),
            ("two_layer_net(3, 3, 3), x of shape (2, 4, 3)", 3, 3, 3, (2, 4)),
            ("two_layer_net(3, 4, 2), a single vector, in eval mode", 3, 4, 2, ()),
        ):
            yield Case(
                label,
                sizes=[i, h, o],
                x=(5 if n == (9,) else 1) * rng.normal(*n, i),
                w1=rng.normal(h, i),
                b1=rng.normal(h),
                w2=rng.normal(o, h),
                b2=rng.normal(o),
            )

    def probe(self, two_layer_net: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        net = two_layer_net(*case.sizes)
        yield claim("the network is an nn.Module", isinstance(net, nn.Module))
        parameters = list(net.parameters())
        once, again = net(case.x), net(case.x)
        yield "what is returned", None if once is None else type(once).__name__
        yield claim(
            "the output for the same x is the same twice",
            torch.equal(once.nan_to_num(), again.nan_to_num()),
        )
        yield (
            "shapes of parameters()",
            ", ".join(str(tuple(p.shape)) for p in parameters) or "no parameters",
        )
        others = {id(p) for p in two_layer_net(*case.sizes).parameters()}
        yield claim(SEPARATE, not any(id(p) in others for p in parameters))
        with torch.no_grad():
            for parameter, values in zip(
                parameters, (case.w1, case.b1, case.w2, case.b2), strict=True
            ):
                parameter.copy_(values)
        net.train("eval" not in case.label)
        x = case.x.clone().requires_grad_()
        y = net(x)
        yield "y", y
        for name, grad in zip(
            ("x", "w1", "b1", "w2", "b2"), gradients(y, [x, *parameters]), strict=True
        ):
            yield f"grad of {name}", grad

    mistakes = (
        Mistake(
            "ReLU in training mode alone",
            edit("relu(", "(relu if self.training else torch.clone)("),
            "In eval mode your network leaves out the ReLU, so it computes something else than "
            "what was trained. Only layers that say so, such as dropout, depend on the mode.",
        ),
        Mistake(
            "hidden numbers cut at 6",
            edit("relu(", "torch.clamp(max=6, input=relu(", "))", ")))"),
            "Hidden numbers above 6 come out as 6. That is ReLU6; the ReLU has no ceiling.",
        ),
        Mistake(
            "no activation",
            edit("relu(self.first(x))", "self.first(x)"),
            "There is nothing between your two affine maps, so together they are one affine "
            "map, as in collapse.",
        ),
        Mistake(
            "activation at the end",
            edit(
                "relu(self.first(x))",
                "self.first(x)",
                "return self.second(h)",
                "return relu(self.second(h))",
            ),
            "Your ReLU comes after the second map. There it only cuts off the output; between "
            "the maps it lets the net bend.",
        ),
        Mistake(
            "second activation at the end",
            edit("return self.second(h)", "return relu(self.second(h))"),
            "There is a second ReLU after the last map, so the net can never output a negative "
            "number.",
        ),
        Mistake(
            "activation on the input",
            edit("relu(self.first(x))", "self.first(relu(x))"),
            "Your ReLU acts on the input, and the two maps after it collapse into one.",
        ),
        Mistake(
            "second activation on the input",
            edit("self.first(x)", "self.first(relu(x))"),
            "There is also a ReLU on the input, so the net cannot tell one negative number "
            "from another.",
        ),
        Mistake(
            "softmax at the end",
            edit("self.second(h)", "self.second(h).softmax(-1)"),
            "Your outputs lie between 0 and 1 and add up to 1: there is a softmax at the end. This "
            "net gives the scores as they are; lesson 04 turns scores into probabilities.",
        ),
        Mistake(
            "input flattened",
            edit("self.first(x)", "self.first(x.reshape(x.size(0), -1))"),
            "You flatten everything behind the first dimension, as for a batch of pictures. Only "
            "the last dimension of x holds the inputs of one example: leave the others alone.",
        ),
        *(
            Mistake(
                f"{name} instead of ReLU",
                edit("relu(self.first(x))", f"torch.{name}(self.first(x))"),
                f"The function between your maps is {name}. The exercise asks for relu.",
            )
            for name in ("sigmoid", "tanh")
        ),
        Mistake(
            "layers not registered",
            edit(
                "first = My_Linear(n_in, n_hidden)",
                "first = [My_Linear(n_in, n_hidden)]",
                "second = My_Linear(n_hidden, n_out)",
                "second = [My_Linear(n_hidden, n_out)]",
                "self.first(",
                "self.first[0](",
                "self.second(",
                "self.second[0](",
            ),
            "The net has no parameters: a module looks neither into a plain Python list or dict "
            "nor into a function. Make each layer an attribute, or use nn.ModuleList.",
        ),
        Mistake(
            "second layer made first",
            edit(
                "first = My_Linear(n_in, n_hidden)",
                "second = My_Linear(n_hidden, n_out)",
                "second = My_Linear(n_hidden, n_out)",
                "first = My_Linear(n_in, n_hidden)",
            ),
            "`parameters()` lists the layers in the order you assign them in __init__. Assign "
            "the first layer first.",
        ),
        Mistake(
            "weights shared between networks",
            None,
            "Two of your networks hold the same parameters, so that training one changes the "
            "other. What is made once, outside __init__, belongs to all: each network makes its "
            "own layers.",
            sign=_in_common,
        ),
        Mistake(
            "first bias added after the ReLU",
            edit("relu(self.first(x))", "relu(x @ self.first.weight.T) + self.first.bias"),
            "You add b1 after the ReLU. It belongs to the first affine map, and the ReLU acts on "
            "all of what that map gives.",
        ),
        Mistake(
            "hidden and output sizes exchanged",
            edit("(n_in, n_hidden)", "(n_in, n_out)", "(n_hidden, n_out)", "(n_out, n_hidden)"),
            "Your first layer gives n_out numbers and your second one n_hidden. The hidden numbers "
            "are those between the two layers.",
        ),
        Mistake(
            "one layer too many",
            edit(
                "        self.second =",
                "        self.middle = My_Linear(n_hidden, n_hidden)\n        self.second =",
                "return self.second(h)",
                "return self.second(relu(self.middle(h)))",
            ),
            "Your net has three affine maps. It should have two: n_in to n_hidden, and "
            "n_hidden to n_out.",
        ),
        *(
            Mistake(
                f"{name} layer without a bias",
                edit(sizes, f"{sizes}, bias=False"),
                f"You create the {name} layer without a bias. Both layers have one.",
            )
            for name, sizes in (("first", "(n_in, n_hidden"), ("second", "(n_hidden, n_out"))
        ),
        Mistake(
            "first layer detached",
            edit("relu(self.first(x))", "relu(self.first(x)).detach()"),
            "The second layer gets its input without a history (`.detach()`, `.data`, or NumPy "
            "on the way), so the first layer gets no gradient and never learns.",
        ),
        Mistake(
            "gradient cut off",
            edit("self.second(h)", "self.second(h).detach()"),
            "The output has no history (`.detach()`, `.data`, or torch.no_grad()), so no "
            "parameter gets a gradient.",
        ),
        Mistake(
            "ready-made layers",
            edit("My_Linear(n_in", "nn.Linear(n_in", "My_Linear(n_hidden", "nn.Linear(n_hidden"),
            "Your layers are nn.Linear. You built the same thing yourself above: use My_Linear "
            "and relu.",
        ),
        Mistake(
            "layers made in forward",
            edit(
                "first = My_Linear(n_in, n_hidden)",
                "first = lambda: My_Linear(n_in, n_hidden)",
                "second = My_Linear(n_hidden, n_out)",
                "second = lambda: My_Linear(n_hidden, n_out)",
                "self.first(",
                "self.first()(",
                "self.second(",
                "self.second()(",
            ),
            "Every call of forward creates new layers with new random weights. Create them "
            "once, in __init__, and keep them as attributes.",
        ),
        Mistake(
            "different output each time",
            None,
            "Two calls with the same x gave different outputs. Dropout does that, and so do "
            "layers created in forward. Create the layers once, in __init__, and only compute "
            "in forward.",
            sign=_different_each_time,
        ),
        Mistake(
            "batch dimensions flattened",
            edit("self.first(x)", "self.first(x.reshape(-1, x.shape[-1]))"),
            "All batch dimensions come out merged into one. Only the last dimension of x "
            "changes: an input of shape (2, 3, n_in) gives an output of shape (2, 3, n_out).",
        ),
    )


class ExposeRelu(Expose):
    """Cases that show wrong answers to `relu` to be wrong, and the result of the first.

    Share of 11 exposed (`python -m tests.attempts` runs these again):

    | cases | share exposed |
    |---|---|
    | random numbers, the mean of 20 | 0.77 |
    | the example in the stub of the function | 0.73 |
    | 1 and 2 | 0.73 |
    | 1 and -1 | 0.73 |
    | -2, 0 and 3 | 0.73 |
    | a matrix with both signs and 0, and a single negative number | 0.82 |
    | a matrix with both signs, 0 and 7, and two positive numbers | 1.00 |
    """

    id, points = "linear.expose_relu", 2
    minutes, lines = 12, "two small cases"
    writes = "cases that show wrong answers to be wrong"
    extra = True
    of = Relu
    takes = {"x": "tensor"}
    asks = "y"
    beyond = ("softplus",)
    full, part = 0.9, 0.7

    mistakes = (
        *EXPOSING,
        missed(
            "leaky",
            "A ReLU does something to negative numbers only; on positive ones, many functions "
            "look like it.",
        ),
        missed(
            "cut at 6",
            "Some wrong answers are right up to a bound. How large are the numbers that you try?",
        ),
        missed(
            "returns x itself",
            "Where nothing is negative the values are those of the input. Is it the input itself "
            "that comes back?",
        ),
    )
