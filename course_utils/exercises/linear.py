"""Exercises of lesson 01: relu, My_Linear, counting parameters, collapsing affine maps, a two-layer net."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.checking import Case, Exercise, FreeText, Mistake, Rng, claim, gradients, operators, unguarded

# The ReLU, and all that is one with the right numbers, such as elu with alpha=0 or hardtanh from 0 to inf.
RELU = operators("relu|elu|hardtanh|threshold|softplus|shrink|hardsigmoid|hardswish|silu|mish")
WHY_NONLINEAR = FreeText("linear.why_nonlinear")


def _clipped(x: Tensor) -> Tensor:
    y = x.clone()
    y[y < 0] = 0
    return y


class _Affine(nn.Module):
    """What the mistakes about My_Linear have in common: everything that they do not get wrong."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter((torch.rand(out_features, in_features) * 2 - 1) * bound)
        self.bias = nn.Parameter((torch.rand(out_features) * 2 - 1) * bound) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        y = torch.einsum("...i,oi->...o", x, self.weight)
        return y if self.bias is None else y + self.bias


class Relu(Exercise):
    """max(x, 0), element by element, for a tensor of any shape."""

    id, points = "linear.relu", 1
    shortcuts = RELU

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case("a vector of 7 numbers", x=torch.cat([rng.normal(6), torch.tensor([-1.5])]))
        yield Case("a single number (shape ())", x=-rng.normal().abs())
        yield Case("a matrix", x=3 * rng.normal(4, 3))
        yield Case("a tensor of shape (2, 3, 5)", x=3 * rng.normal(2, 3, 5))
        yield Case("numbers of which two are 0", x=torch.cat([rng.normal(3), torch.zeros(2)]))

    def probe(self, relu: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "y", relu(case.x)
        if not case.x.all():
            return  # the slope at 0 is a convention
        x = case.x.clone().requires_grad_()
        yield "grad of x", gradients(relu(x), [x])[0]

    mistakes = (
        Mistake(
            "gradient cut off",
            lambda x: _clipped(x.detach()),
            "The values are right, but nothing flows back: somewhere the result is taken out of the graph "
            "(`.detach()`, `.data`, `.item()`, or a new tensor made from numbers).",
        ),
        Mistake(
            "leaky",
            lambda x: torch.where(x > 0, x, 0.01 * x),
            "Negative inputs keep a small part of themselves. That is the leaky ReLU; the ReLU gives exactly 0 there.",
        ),
        Mistake(
            "changes its input",
            lambda x: x.mul_(x > 0),
            "The result is right, but the tensor that came in was overwritten on the way. Make a new tensor: "
            "operations whose name ends in an underscore, and assignments such as `x[x < 0] = ...`, change x itself.",
        ),
        Mistake(
            "cut at 1",
            lambda x: x.clamp(0, 1),
            "Large inputs come out as 1. The ReLU has no ceiling: a positive number passes unchanged.",
        ),
        Mistake(
            "step instead of ramp",
            lambda x: (x > 0).float() + 0 * x,
            "You return where x is positive, as 0 and 1. That is the slope of the ReLU; its value there is x itself.",
        ),
        Mistake(
            "absolute value",
            lambda x: x.abs(),
            "Negative numbers come out as positive ones. They should come out as 0.",
        ),
        Mistake(
            "keeps the negative side",
            lambda x: x.clamp(max=0),
            "The wrong half survives: this is min(x, 0). The ReLU keeps what is above 0.",
        ),
        Mistake(
            "largest along a dimension",
            lambda x: torch.max(x, 0),
            "`torch.max(x, 0)` looks for the largest number along dimension 0 and returns it with its place. You want "
            "to compare each entry with the number 0.",
        ),
        Mistake(
            "largest of all",
            lambda x: x.max().clamp(min=0),
            "You return one number, the largest of the whole tensor. The maximum is taken between each entry and 0, "
            "so that the result has the shape of x.",
        ),
    )


class _PlainTensors(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        nn.Module.__init__(self)
        bound = 1 / math.sqrt(in_features)
        self.__dict__["weight"] = torch.empty(out_features, in_features).uniform_(-bound, bound).requires_grad_()
        self.__dict__["bias"] = torch.empty(out_features).uniform_(-bound, bound).requires_grad_() if bias else None


class _TransposedWeight(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.weight = nn.Parameter(self.weight.detach().T.clone())

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight if self.bias is None else x @ self.weight + self.bias


class _BiasForgotten(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T


class _NoBias(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias=False)


class _BiasDetached(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T if self.bias is None else x @ self.weight.T + self.bias.data


class _WeightDetached(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.data.T if self.bias is None else x @ self.weight.data.T + self.bias


class _BothDetached(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.data.T if self.bias is None else x @ self.weight.data.T + self.bias.data


class _AlwaysBias(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias=True)


class _Zeros(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.zeros_(p)


class _Unscaled(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.normal_(p)


class _UnitInterval(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.uniform_(p, -1, 1)


class _FromZeroToOne(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.uniform_(p, 0, 1)


class _Normal(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.normal_(p, std=1 / math.sqrt(in_features))


class _ZeroBias(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class _OnlyPositive(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.uniform_(p, 0, 1 / math.sqrt(in_features))


class _ByOutFeatures(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.uniform_(p, -1 / math.sqrt(out_features), 1 / math.sqrt(out_features))


class _NoRoot(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.uniform_(p, -1 / in_features, 1 / in_features)


class _Wrapped(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.inner = nn.Linear(in_features, out_features, bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


class _OnlyTwoDimensions(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        y = torch.mm(x, self.weight.T)
        return y if self.bias is None else y + self.bias


class _TransposesInput(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        y = (self.weight @ x.transpose(0, -1)).transpose(0, -1)
        return y if self.bias is None else y + self.bias


class _OneBias(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        if self.bias is not None:
            self.bias = nn.Parameter(self.bias.detach()[:1].clone())


class _RowBias(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        if self.bias is not None:
            self.bias = nn.Parameter(self.bias.detach()[None].clone())


def _looks_normal(evidence: list[dict[str, Any]]) -> bool:
    """The spread of uniform numbers is 1/sqrt(3) of the bound; this spread is the bound, and the largest are beyond."""
    start = next(item for item in evidence if "spread of weight times sqrt(in_features)" in item)
    spread, largest = (start[f"{what} weight times sqrt(in_features)"] for what in ("spread of", "largest"))
    return 0.95 < spread < 1.05 and largest > 2


class MyLinear(Exercise):
    """y = x @ weight.T + bias, for any leading batch shape."""

    id, points = "linear.My_Linear", 3
    without = {
        "float64": "the parameters of a layer are float32",
    }
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
        yield case("a single vector", 3, 4)
        yield Case("the start values of My_Linear(200, 150)", n_in=200, n_out=150, with_bias=True, wide=True)

    def probe(self, My_Linear: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        freed = [torch.full((case.n_out, case.n_in), math.nan) for _ in range(8)]
        del freed  # so that a torch.empty which is never filled holds no numbers that an earlier layer left behind
        layer = My_Linear(case.n_in, case.n_out) if case.with_bias else My_Linear(case.n_in, case.n_out, bias=False)
        yield claim("`My_Linear` is an nn.Module", isinstance(layer, nn.Module))
        weight, bias = getattr(layer, "weight", None), getattr(layer, "bias", None)
        if case.wide:
            yield from self._start_values("weight", weight, case.n_in, rtol=0.02)
            yield from self._start_values("bias", bias, case.n_in, rtol=0.2)
            other = My_Linear(case.n_in, case.n_out)
            yield "another layer starts with other numbers", not torch.equal(other.weight, layer.weight)
            return
        yield "kind of self.weight", None if weight is None else type(weight).__name__
        yield "weight.shape", str(tuple(weight.shape)) if isinstance(weight, Tensor) else weight
        yield "bias", _kind_of_bias(bias)
        yield "parameters", sorted(name for name, _ in layer.named_parameters())
        parameters = [p for p in (weight, bias) if p is not None]
        with torch.no_grad():
            for parameter, values in zip(parameters, (case.weight, case.bias), strict=False):
                parameter.copy_(values)
        x = case.x.clone().requires_grad_()
        y = layer(x)
        yield "y", y
        names = ("x", "weight", "bias")
        for name, grad in zip(names, gradients(y, [x, *parameters]), strict=False):
            yield f"grad of {name}", grad

    def _start_values(self, name: str, values: Any, n_in: int, rtol: float) -> Iterator[tuple[Any, ...]]:
        scaled = values.detach() * math.sqrt(n_in)
        yield f"largest {name} times sqrt(in_features)", float(scaled.max()), rtol
        yield f"smallest {name} times sqrt(in_features)", float(scaled.min()), rtol
        yield f"spread of {name} times sqrt(in_features)", float(scaled.square().mean().sqrt()), rtol

    mistakes = (
        Mistake(
            "bias detached",
            _BiasDetached,
            "`self.bias.data` gives the numbers without their history, so the bias gets no gradient and is never "
            "trained. Add the parameter itself.",
        ),
        Mistake(
            "weight detached",
            _WeightDetached,
            "`self.weight.data` gives the numbers without their history, so the weight gets no gradient and is never "
            "trained. Multiply by the parameter itself.",
        ),
        Mistake(
            "weight and bias detached",
            _BothDetached,
            "`.data` gives the numbers without their history: neither weight nor bias gets a gradient, and nothing is "
            "ever trained. Compute with the parameters themselves.",
        ),
        Mistake(
            "plain tensors",
            _PlainTensors,
            "weight and bias are plain tensors, so `layer.parameters()` is empty and an optimizer would find nothing "
            "to train. A tensor becomes a parameter of the module when it is wrapped in nn.Parameter.",
        ),
        Mistake(
            "bias=False ignored",
            _AlwaysBias,
            "With bias=False there should be no bias: set `self.bias` to None, and do not add it in forward.",
        ),
        Mistake(
            "bias never added",
            _BiasForgotten,
            "The bias is made, but forward does not use it: a linear map without its constant.",
        ),
        Mistake(
            "no bias made",
            _NoBias,
            "There is no bias even where one is asked for. The default is bias=True.",
        ),
        Mistake(
            "weight stored as (in, out)",
            _TransposedWeight,
            "Your weight has shape (in_features, out_features). The result is the same, but the convention of this "
            "course, and of PyTorch, is one row per output: (out_features, in_features). Saved weights of others "
            "would not fit yours.",
        ),
        Mistake(
            "zero start values",
            _Zeros,
            "All parameters start at 0. Inside a network all outputs of the layer are then alike, receive like "
            "gradients and stay alike. Draw the start values at random.",
        ),
        Mistake(
            "bias starts at zero",
            _ZeroBias,
            "The weight starts as it should, but the bias starts at 0. That works too, and some libraries do it; here "
            "the bias is drawn from the same range as the weight.",
        ),
        Mistake(
            "start values between 0 and 1",
            _FromZeroToOne,
            "torch.rand draws between 0 and 1, whatever the layer's size. Stretch and shift its numbers, so that they "
            "lie between -1/sqrt(in_features) and 1/sqrt(in_features).",
        ),
        Mistake(
            "normal instead of uniform",
            _Normal,
            "The scale is right, but the start values come from a normal distribution: a few lie far outside plus and "
            "minus 1/sqrt(in_features). Here they are drawn uniformly between these bounds.",
            sign=_looks_normal,
        ),
        Mistake(
            "start values not scaled",
            _Unscaled,
            "The start values come from a standard normal distribution whatever the layer's size. With 400 inputs the "
            "spread of the outputs is then 20 times that of the inputs. Draw uniformly from -1/sqrt(in_features) to "
            "1/sqrt(in_features).",
        ),
        Mistake(
            "start values between -1 and 1",
            _UnitInterval,
            "The start values are uniform, but their range does not shrink with the number of inputs: it should be "
            "plus and minus 1/sqrt(in_features).",
        ),
        Mistake(
            "start values only positive",
            _OnlyPositive,
            "All start values lie between 0 and 1/sqrt(in_features). They should lie on both sides of 0.",
        ),
        Mistake(
            "scaled by out_features",
            _ByOutFeatures,
            "The range of the start values follows the number of outputs. What adds up in one output is the number of "
            "its inputs, so the range is 1/sqrt(in_features).",
        ),
        Mistake(
            "root forgotten",
            _NoRoot,
            "The range of the start values is 1/in_features; it should be 1/sqrt(in_features). A sum of n random "
            "terms grows like the square root of n, not like n.",
        ),
        Mistake(
            "wraps nn.Linear",
            _Wrapped,
            "Your class hands the work to nn.Linear. Here you build what is inside it: two parameters, a product and "
            "a sum.",
        ),
        Mistake(
            "only two dimensions",
            _OnlyTwoDimensions,
            "torch.mm multiplies matrices and nothing else. An input may also be a single vector or have more batch "
            "dimensions: `@` and torch.einsum handle any leading shape.",
        ),
        Mistake(
            "transposes the input",
            _TransposesInput,
            "You put weight on the left and transpose the input to fit. For more than two dimensions that mixes up the "
            "batch. Keep x on the left: its last dimension meets the last dimension of weight.",
        ),
        Mistake(
            "one bias for all outputs",
            _OneBias,
            "Your bias is one number, and broadcasting gives it to every output. Each output has a bias of its own: "
            "shape (out_features,).",
        ),
        Mistake(
            "bias with a batch dimension",
            _RowBias,
            "Your bias has shape (1, out_features). Broadcasting would add the batch dimension for you; and a single "
            "vector as input would come out with a dimension too many. Its shape is (out_features,).",
        ),
    )


def _kind_of_bias(bias: Any) -> str:
    if bias is None:
        return "None"
    kind = "nn.Parameter" if isinstance(bias, nn.Parameter) else type(bias).__name__
    return f"{kind} of shape {tuple(bias.shape)}" if isinstance(bias, Tensor) else kind


class CountParameters(Exercise):
    """The number of numbers in the trainable parameters of a module; a shared parameter counts once."""

    id, points = "linear.count_parameters", 1

    def cases(self, rng: Rng) -> Iterable[Case]:
        for kind, label in (
            ("one", "one layer"),
            ("deep", "layers inside layers"),
            ("frozen", "a layer whose bias is frozen (requires_grad=False)"),
            ("shared", "two layers that share one weight"),
            ("buffers", "a layer and a batch norm with its running averages"),
            ("none", "a module without parameters"),
        ):
            yield Case(label, kind=kind, a=rng.integer(3, 6), b=rng.integer(6, 9), c=rng.integer(10, 14))

    def probe(self, count_parameters: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        with unguarded():
            module = _module(case.kind, case.a, case.b, case.c)
        yield "the count", count_parameters(module)
        yield "the module afterwards", [f"{name} {p.requires_grad}" for name, p in module.named_parameters()]

    mistakes = (
        Mistake(
            "shared counted twice",
            lambda m: sum(p.numel() for p in m.state_dict(keep_vars=True).values() if p.requires_grad),
            "A weight that two layers share is counted for each of them. There is only one set of numbers to train; "
            "`parameters()` already gives it once.",
        ),
        Mistake(
            "frozen ones counted",
            lambda m: sum(p.numel() for p in m.parameters()),
            "Parameters with requires_grad=False are counted too. They are not trained.",
        ),
        Mistake(
            "buffers counted",
            lambda m: (
                sum(t.numel() for t in [*m.parameters(), *m.buffers()] if t.requires_grad or not t.is_leaf)
                + sum(b.numel() for b in m.buffers())
            ),
            "The running averages of a batch norm are counted. They are buffers: stored with the module, not trained.",
        ),
        Mistake(
            "tensors counted",
            lambda m: sum(1 for p in m.parameters() if p.requires_grad),
            "You count the parameter tensors. Asked for is how many numbers they hold together.",
        ),
        Mistake(
            "biases left out",
            lambda m: sum(p.numel() for p in m.parameters() if p.requires_grad and p.ndim > 1),
            "Only the matrices are counted. A bias is a parameter as well.",
        ),
        Mistake(
            "inner layers left out",
            lambda m: sum(p.numel() for p in m.parameters(recurse=False) if p.requires_grad),
            "Only parameters that belong to the outermost module itself are counted. `parameters()` also walks "
            "through the modules inside it.",
        ),
        Mistake(
            "rows counted",
            lambda m: sum(len(p) for p in m.parameters() if p.requires_grad),
            "`len` of a matrix is its number of rows. The number of its entries is `numel()`.",
        ),
    )


def _module(kind: str, a: int, b: int, c: int) -> nn.Module:
    if kind == "one":
        return nn.Linear(a, b)
    if kind == "deep":
        return nn.Sequential(nn.Sequential(nn.Linear(a, b), nn.ReLU()), nn.Linear(b, c))
    if kind == "none":
        return nn.Sequential(nn.ReLU(), nn.Flatten())
    if kind == "buffers":
        return nn.Sequential(nn.Linear(a, b), nn.BatchNorm1d(b))
    module = nn.Sequential(nn.Linear(a, b), nn.Linear(a, b))
    if kind == "shared":
        module[1].weight = module[0].weight
    else:
        module[1].bias.requires_grad_(False)
    return module


class Collapse(Exercise):
    """The one affine map (w, b) that equals first w1, b1 and then w2, b2."""

    id, points = "linear.collapse", 2
    without = {
        "float64": "ones and zeros of your own, in float32, may stand in for x",
    }
    shortcuts = (nn.Linear,)

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, i, h, o in (
            ("4 inputs, 5 hidden, 3 outputs", 4, 5, 3),
            ("one of each", 1, 1, 1),
            ("more outputs than inputs: 2, 3, 7", 2, 3, 7),
            ("all sizes 3", 3, 3, 3),
        ):
            yield Case(label, w1=rng.normal(h, i), b1=rng.normal(h), w2=rng.normal(o, h), b2=rng.normal(o),
                       x=rng.normal(6, i))  # fmt: skip

    def probe(self, collapse: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        tensors = [t.clone().requires_grad_() for t in (case.w1, case.b1, case.w2, case.b2)]
        answer = collapse(case.w1, case.b1, case.w2, case.b2)
        yield "what is returned", _how_many(answer)
        w, b = answer
        yield "w", w
        yield "b", b
        yield "y from the collapsed map", torch.einsum("ni,oi->no", case.x, w) + b
        w, b = collapse(*tensors)
        loss = (case.x @ w.T + b).sum(0) if isinstance(w, Tensor) and isinstance(b, Tensor) else None
        for name, grad in zip(("w1", "b1", "w2", "b2"), gradients(loss, tensors), strict=True):
            yield f"grad of {name}", grad

    mistakes = (
        Mistake(
            "first bias not carried through",
            lambda w1, b1, w2, b2: (w2 @ w1, b1 + b2),
            "The second map acts on everything that the first one gives, its constant b1 included: b1 reaches the "
            "output only through w2.",
        ),
        Mistake(
            "first bias forgotten",
            lambda w1, b1, w2, b2: (w2 @ w1, b2.clone()),
            "b1 is missing. Put w1 @ x + b1 into the second map, multiply out, and see what is left without x.",
        ),
        Mistake(
            "second bias forgotten",
            lambda w1, b1, w2, b2: (w2 @ w1, w2 @ b1),
            "b2 is missing: the second map adds it at the very end.",
        ),
        Mistake(
            "weights in the wrong order",
            lambda w1, b1, w2, b2: (w1 @ w2, w2 @ b1 + b2),
            "The product has w1 on the left. The map that acts first stands next to x, on the right.",
        ),
        Mistake(
            "everything in the wrong order",
            lambda w1, b1, w2, b2: (w1 @ w2, w1 @ b2 + b1),
            "This is first map 2, then map 1. Map 1 acts first.",
        ),
        Mistake(
            "w transposed",
            lambda w1, b1, w2, b2: (w1.T @ w2.T, w2 @ b1 + b2),
            "w has the right numbers, but shape (in, out). A weight has shape (out, in).",
        ),
        Mistake(
            "a ReLU in between",
            lambda w1, b1, w2, b2: (w2 @ w1.clamp(min=0), w2 @ b1.clamp(min=0) + b2),
            "There is a ReLU between the maps. With it they do not collapse; that is the point of it. Here there is "
            "none.",
        ),
        Mistake(
            "entry by entry",
            lambda w1, b1, w2, b2: (w2 * w1, w2 @ b1 + b2),
            "`*` multiplies entry by entry. Maps that act one after the other are a matrix product: `@`.",
        ),
    )


def _how_many(answer: Any) -> str | None:
    if isinstance(answer, tuple | list):
        return f"{len(answer)} things"
    return None if answer is None else f"one {type(answer).__name__}"


class _Net(nn.Module):
    """What the mistakes about two_layer_net have in common."""

    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.first, self.second = _Affine(n_in, n_hidden), _Affine(n_hidden, n_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).clamp(min=0))


class _NoActivation(_Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


class _ActivationLast(_Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x)).clamp(min=0)


class _ActivationTwice(_Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).clamp(min=0)).clamp(min=0)


class _ActivationFirst(_Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x.clamp(min=0)))


class _InAList(nn.Module):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.layers = [_Affine(n_in, n_hidden), _Affine(n_hidden, n_out)]

    def forward(self, x: Tensor) -> Tensor:
        return self.layers[1](self.layers[0](x).clamp(min=0))


class _SecondFirst(_Net):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        nn.Module.__init__(self)
        self.second, self.first = _Affine(n_hidden, n_out), _Affine(n_in, n_hidden)


class _NoBiases(_Net):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        nn.Module.__init__(self)
        self.first, self.second = _Affine(n_in, n_hidden, bias=False), _Affine(n_hidden, n_out, bias=False)


class _ReadyMade(nn.Module):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(n_in, n_hidden), nn.Linear(n_hidden, n_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu())


class _BuiltInForward(nn.Module):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.sizes = n_in, n_hidden, n_out

    def forward(self, x: Tensor) -> Tensor:
        return _Net(*self.sizes)(x)


class TwoLayerNet(Exercise):
    """affine, relu, affine: (..., n_in) -> (..., n_out), with the parameters w1, b1, w2, b2 in this order."""

    id, points = "linear.two_layer_net", 3
    without = {
        "float64": "the parameters of a layer are float32",
        "requires_grad": "its gradient is judged in every case",
    }
    builds = True
    shortcuts = (nn.Linear, nn.LazyLinear, F.linear, *RELU)

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, i, h, o, n in (
            ("two_layer_net(4, 6, 3), a batch of five", 4, 6, 3, 5),
            ("two_layer_net(3, 1, 2), a batch of one", 3, 1, 2, 1),
            ("two_layer_net(1, 5, 1), a batch of nine", 1, 5, 1, 9),
        ):
            yield Case(label, sizes=[i, h, o], x=rng.normal(n, i), w1=rng.normal(h, i), b1=rng.normal(h),
                       w2=rng.normal(o, h), b2=rng.normal(o))  # fmt: skip

    def probe(self, two_layer_net: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        net = two_layer_net(*case.sizes)
        yield claim("the network is an nn.Module", isinstance(net, nn.Module))
        parameters = list(net.parameters())
        once, again = net(case.x), net(case.x)
        yield "what is returned", None if once is None else type(once).__name__
        yield claim("the output for the same x is the same twice", torch.equal(once, again))
        yield "shapes of parameters()", ", ".join(str(tuple(p.shape)) for p in parameters) or "no parameters"
        with torch.no_grad():
            for parameter, values in zip(parameters, (case.w1, case.b1, case.w2, case.b2), strict=True):
                parameter.copy_(values)
        x = case.x.clone().requires_grad_()
        y = net(x)
        yield "y", y
        for name, grad in zip(("x", "w1", "b1", "w2", "b2"), gradients(y, [x, *parameters]), strict=True):
            yield f"grad of {name}", grad

    mistakes = (
        Mistake(
            "no activation",
            _NoActivation,
            "Nothing stands between the two affine maps, so together they are one affine map, as in collapse.",
        ),
        Mistake(
            "activation at the end",
            _ActivationLast,
            "The ReLU comes after the second map. There it only cuts off the output; between the maps it lets the net "
            "bend.",
        ),
        Mistake(
            "activation also at the end",
            _ActivationTwice,
            "There is a second ReLU after the last map, so the net can never give a negative number.",
        ),
        Mistake(
            "activation on the input",
            _ActivationFirst,
            "The ReLU acts on the input, and the two maps after it collapse into one.",
        ),
        Mistake(
            "layers in a list",
            _InAList,
            "The net computes the right thing, but has no parameters: a module does not look into a plain Python "
            "list. Make each layer an attribute, or use nn.ModuleList.",
        ),
        Mistake(
            "second layer made first",
            _SecondFirst,
            "`parameters()` follows the order in which the layers are assigned in __init__. Assign the first layer "
            "first.",
        ),
        Mistake(
            "without biases",
            _NoBiases,
            "Both layers are made without a bias, so every bend of the net passes through the origin.",
        ),
        Mistake(
            "ready-made layers",
            _ReadyMade,
            "The layers are nn.Linear. You have built the same yourself above: use My_Linear and relu.",
        ),
        Mistake(
            "layers made in forward",
            _BuiltInForward,
            "The layers are made anew, with new random weights, in every call of forward. Make them once, in "
            "__init__, and keep them as attributes.",
        ),
    )
