"""Right and wrong answers to the exercises of lesson 01."""

import functools
import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.answers import right, shortcut, wrong


@shortcut("linear.relu")
def relu_by_torch(x: Tensor) -> Tensor:
    return F.relu(x)


@right("linear.relu")
def relu_by_where(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, torch.zeros_like(x))


@right("linear.relu")
def relu_by_absolute_value(x: Tensor) -> Tensor:
    return (x + x.abs()) / 2


@right("linear.relu")
def relu_by_mask(x: Tensor) -> Tensor:
    return x * (x > 0)


@right("linear.relu")
def relu_by_assignment(x: Tensor) -> Tensor:
    y = x.clone()
    y[y < 0] = 0
    return y


@right("linear.My_Linear")
class EinsumLinear(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        bound = in_features**-0.5
        self.weight = nn.Parameter((2 * torch.rand(out_features, in_features) - 1) * bound)
        if bias:
            self.bias = nn.Parameter((2 * torch.rand(out_features) - 1) * bound)
        else:
            self.register_parameter("bias", None)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.einsum("...i,oi->...o", x, self.weight)
        return y if self.bias is None else y + self.bias


@right("linear.My_Linear")
class MatmulLinear(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        self.bias = None
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_features))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.matmul(self.weight, x.unsqueeze(-1)).squeeze(-1)
        if self.bias is not None:
            y += self.bias
        return y


@right("linear.My_Linear")
class LoopLinear(MatmulLinear):
    def forward(self, x: Tensor) -> Tensor:
        columns = [(x * row).sum(-1) for row in self.weight]
        y = torch.stack(columns, dim=-1)
        return y + self.bias if self.bias is not None else y


@right("linear.count_parameters")
def count_by_loop(module: nn.Module) -> int:
    seen: dict[int, int] = {}
    for child in module.modules():
        for parameter in child._parameters.values():
            if parameter is not None and parameter.requires_grad:
                seen[id(parameter)] = math.prod(parameter.shape)
    return sum(seen.values())


@right("linear.count_parameters")
def count_by_concatenation(module: nn.Module) -> int:
    trainable = [p.detach().flatten() for p in module.parameters() if p.requires_grad]
    return torch.cat(trainable).numel() if trainable else 0


@right("linear.count_parameters")
def count_as_tensor(module: nn.Module) -> Tensor:
    return torch.tensor(
        [p.numel() for p in module.parameters() if p.requires_grad], dtype=torch.int64
    ).sum()


@right("linear.collapse")
def collapse_by_probing(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> list[Tensor]:
    def both(x: Tensor) -> Tensor:
        return (x @ w1.T + b1) @ w2.T + b2

    b = both(w1.new_zeros(w1.shape[1]))
    return [(both(torch.eye(w1.shape[1], dtype=w1.dtype)) - b).T, b]


@right("linear.collapse")
def collapse_by_einsum(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    return torch.einsum("oh,hi->oi", w2, w1), torch.einsum("oh,h->o", w2, b1) + b2


@right("linear.collapse")
def collapse_with_a_column(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    both = w2 @ torch.cat([w1, b1[:, None]], dim=1)
    return both[:, :-1], both[:, -1] + b2


@right("linear.two_layer_net")
def net_in_sequence(n_in: int, n_hidden: int, n_out: int) -> nn.Module:
    class Ramp(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.clamp(min=0)

    return nn.Sequential(EinsumLinear(n_in, n_hidden), Ramp(), EinsumLinear(n_hidden, n_out))


@right("linear.two_layer_net")
class NetOfParameters(nn.Module):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.w1, self.b1 = (
            nn.Parameter(torch.randn(n_hidden, n_in)),
            nn.Parameter(torch.zeros(n_hidden)),
        )
        self.w2, self.b2 = (
            nn.Parameter(torch.randn(n_out, n_hidden)),
            nn.Parameter(torch.zeros(n_out)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return relu_by_where(x @ self.w1.T + self.b1) @ self.w2.T + self.b2


# Written from the student's notebook alone.


@right("linear.relu")
def relu_first_reading(x):
    return (x + x.abs()) / 2


class _ReluFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        keep = x > 0
        ctx.save_for_backward(keep)
        return torch.where(keep, x, torch.zeros_like(x))

    @staticmethod
    def backward(ctx, grad):
        (keep,) = ctx.saved_tensors
        return grad * keep


right("linear.relu")(_ReluFunction.apply)


class _ReluModule(nn.Module):
    def forward(self, x):
        return x.masked_fill(x < 0, 0.0)


right("linear.relu")(_ReluModule())


@right("linear.relu")
def relu_fourth_reading(x, /):
    return -torch.minimum(-x, x.new_zeros(()))


@right("linear.relu")
def relu_fifth_reading(x):
    both = torch.stack([torch.zeros_like(x), x])
    return both.max(dim=0).values


@right("linear.My_Linear")
class My_Linear_first_reading(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        w = torch.empty(out_features, in_features)
        nn.init.kaiming_uniform_(w, a=math.sqrt(5))  # comes to 1/sqrt(in_features)
        self.weight = nn.Parameter(w)
        if bias:
            self.bias = nn.Parameter((torch.rand(out_features) - 0.5) * 2 / math.sqrt(in_features))
        else:
            self.register_parameter("bias", None)

    def forward(self, x):
        y = torch.einsum("...i,oi->...o", x, self.weight)
        return y if self.bias is None else y + self.bias


@right("linear.My_Linear")
class My_Linear_second_reading(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None
        limit = in_features**-0.5
        with torch.no_grad():
            for p in self.parameters():
                p.uniform_(-limit, limit)

    def forward(self, x):
        y = torch.matmul(self.weight, x.unsqueeze(-1)).squeeze(-1)
        if self.bias is not None:
            y = self.bias + y
        return y


@right("linear.My_Linear")
class My_Linear_third_reading(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        high = 1.0 / float(in_features) ** 0.5
        draw = torch.distributions.Uniform(-high, high)
        both = draw.sample((out_features, in_features + 1))
        self.weight = nn.Parameter(both[:, 1:].clone())
        self.bias = nn.Parameter(both[:, 0].clone()) if bias else None

    def forward(self, x):
        products = x[..., None, :] * self.weight
        out = products.sum(dim=-1)
        return out if self.bias is None else out + self.bias


@right("linear.count_parameters")
def count_parameters_first_reading(module):
    by_id = {id(p): math.prod(p.shape) for p in module.parameters() if p.requires_grad}
    return sum(by_id.values())


@right("linear.count_parameters")
class count_parameters_second_reading:
    """Walks the tree itself."""

    def __new__(cls, module):
        seen = set()

        def walk(m):
            n = 0
            for p in m._parameters.values():
                if p is not None and p.requires_grad and p not in seen:
                    seen.add(p)
                    n += len(p.reshape(-1))
            return n + sum(walk(child) for child in m.children())

        return walk(module)


@right("linear.count_parameters")
def count_parameters_third_reading(module):
    trainable = filter(lambda p: p.requires_grad, module.parameters())
    return functools.reduce(
        lambda n, p: n + int(torch.ones_like(p, dtype=torch.int64).sum()), trainable, 0
    )


@right("linear.collapse")
def collapse_first_reading(w1, b1, w2, b2):
    def both(x):
        return w2.double() @ (w1.double() @ x + b1.double()) + b2.double()

    b = both(torch.zeros(w1.shape[1], dtype=torch.float64))
    columns = [both(unit) - b for unit in torch.eye(w1.shape[1], dtype=torch.float64)]
    return torch.stack(columns, dim=1).to(w1.dtype), b.to(b2.dtype)


@right("linear.collapse")
def collapse_second_reading(w1, b1, w2, b2):
    augmented = w2 @ torch.cat([w1, b1[:, None]], dim=1)
    return augmented[:, :-1], augmented[:, -1] + b2


@right("linear.collapse")
def collapse_third_reading(w1, b1, w2, b2):
    w = (w2[:, :, None] * w1[None]).sum(1)
    b = b2 + (w2 * b1).sum(-1)
    return w, b


def _uniform(*shape, bound):
    return (torch.rand(*shape) * 2 - 1) * bound


@right("linear.two_layer_net")
class two_layer_net_first_reading(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.w1 = nn.Parameter(_uniform(n_hidden, n_in, bound=n_in**-0.5))
        self.b1 = nn.Parameter(_uniform(n_hidden, bound=n_in**-0.5))
        self.w2 = nn.Parameter(_uniform(n_out, n_hidden, bound=n_hidden**-0.5))
        self.b2 = nn.Parameter(_uniform(n_out, bound=n_hidden**-0.5))

    def forward(self, x):
        z = x @ self.w1.T + self.b1
        return torch.where(z > 0, z, 0.0) @ self.w2.T + self.b2


class _Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
        self.bias = (
            nn.Parameter(torch.empty(out_features).uniform_(-bound, bound)) if bias else None
        )

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


def _relu(x):
    return x.clamp(min=0)


class _Bend(nn.Module):
    def forward(self, x):
        return _relu(x)


@right("linear.two_layer_net")
class two_layer_net_second_reading(nn.Sequential):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__(_Linear(n_in, n_hidden), _Bend(), _Linear(n_hidden, n_out))


@right("linear.two_layer_net")
class two_layer_net_third_reading(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        sizes = [n_in, n_hidden, n_out]
        self.maps = nn.ModuleList(_Linear(a, b) for a, b in itertools.pairwise(sizes))

    def forward(self, x):
        *inner, last = self.maps
        return last(functools.reduce(lambda h, layer: _relu(layer(h)), inner, x))


@right("linear.expose_relu")
def expose_relu_in_rows() -> tuple[object, object]:
    return [
        {"x": torch.tensor([[9.0, 0.0, 1.5], [-3.0, -0.1, -9.0]])},
        {"x": torch.tensor([2.0])},
    ], (torch.tensor([[9.0, 0.0, 1.5], [0.0, 0.0, 0.0]]))


@right("linear.expose_relu")
def expose_relu_without_negatives_first() -> tuple[object, object]:
    positive, both = torch.tensor([[0.5, 20.0]]), torch.tensor([-4.0, 0.0, 0.3, -0.2])
    return [{"x": positive}, {"x": both}], positive


def _clipped(x: Tensor) -> Tensor:
    y = x.clone()
    y[y < 0] = 0
    return y


wrong("linear.relu", "gradient cut off")(lambda x: _clipped(x.detach()))

wrong("linear.relu", "leaky")(lambda x: torch.where(x > 0, x, 0.01 * x))

wrong("linear.relu", "changes its input")(lambda x: x.mul_(x > 0))

wrong("linear.relu", "cut at 1")(lambda x: x.clamp(0, 1))

wrong("linear.relu", "step instead of ramp")(lambda x: (x > 0).float() + 0 * x)

wrong("linear.relu", "absolute value")(lambda x: x.abs())

wrong("linear.relu", "keeps the negative side")(lambda x: x.clamp(max=0))

wrong("linear.relu", "largest along a dimension")(lambda x: torch.max(x, 0))

wrong("linear.relu", "largest of all")(lambda x: x.max().clamp(min=0))


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


class _BiasDetached(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T if self.bias is None else x @ self.weight.T + self.bias.data


wrong("linear.My_Linear", "bias detached")(_BiasDetached)


class _WeightDetached(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.data.T if self.bias is None else x @ self.weight.data.T + self.bias


wrong("linear.My_Linear", "weight detached")(_WeightDetached)


class _BothDetached(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        return (
            x @ self.weight.data.T if self.bias is None else x @ self.weight.data.T + self.bias.data
        )


wrong("linear.My_Linear", "weight detached", "bias detached")(_BothDetached)


class _PlainTensors(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        nn.Module.__init__(self)
        bound = 1 / math.sqrt(in_features)
        self.__dict__["weight"] = (
            torch.empty(out_features, in_features).uniform_(-bound, bound).requires_grad_()
        )
        self.__dict__["bias"] = (
            torch.empty(out_features).uniform_(-bound, bound).requires_grad_() if bias else None
        )


wrong("linear.My_Linear", "plain tensors")(_PlainTensors)


class _AlwaysBias(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias=True)


wrong("linear.My_Linear", "bias=False ignored")(_AlwaysBias)


class _BiasForgotten(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T


wrong("linear.My_Linear", "bias never added")(_BiasForgotten)


class _NoBias(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias=False)


wrong("linear.My_Linear", "no bias made")(_NoBias)


class _TransposedWeight(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.weight = nn.Parameter(self.weight.detach().T.clone())

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight if self.bias is None else x @ self.weight + self.bias


wrong("linear.My_Linear", "weight stored as (in, out)")(_TransposedWeight)


class _Zeros(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.zeros_(p)


wrong("linear.My_Linear", "zero start values")(_Zeros)


class _ZeroBias(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


wrong("linear.My_Linear", "bias starts at zero")(_ZeroBias)


class _FromZeroToOne(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.uniform_(p, 0, 1)


wrong("linear.My_Linear", "start values between 0 and 1")(_FromZeroToOne)


class _Normal(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.normal_(p, std=1 / math.sqrt(in_features))


wrong("linear.My_Linear", "normal instead of uniform")(_Normal)


class _Unscaled(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.normal_(p)


wrong("linear.My_Linear", "start values not scaled")(_Unscaled)


class _UnitInterval(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.uniform_(p, -1, 1)


wrong("linear.My_Linear", "start values between -1 and 1")(_UnitInterval)


class _OnlyPositive(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.uniform_(p, 0, 1 / math.sqrt(in_features))


wrong("linear.My_Linear", "start values only positive")(_OnlyPositive)


class _ByOutFeatures(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.uniform_(p, -1 / math.sqrt(out_features), 1 / math.sqrt(out_features))


wrong("linear.My_Linear", "scaled by out_features")(_ByOutFeatures)


class _NoRoot(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        for p in self.parameters():
            nn.init.uniform_(p, -1 / in_features, 1 / in_features)


wrong("linear.My_Linear", "root forgotten")(_NoRoot)


class _Wrapped(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.inner = nn.Linear(in_features, out_features, bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


wrong("linear.My_Linear", "shortcut")(_Wrapped)


class _OnlyTwoDimensions(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        y = torch.mm(x, self.weight.T)
        return y if self.bias is None else y + self.bias


wrong("linear.My_Linear", "only two dimensions")(_OnlyTwoDimensions)


class _TransposesInput(_Affine):
    def forward(self, x: Tensor) -> Tensor:
        y = (self.weight @ x.transpose(0, -1)).transpose(0, -1)
        return y if self.bias is None else y + self.bias


wrong("linear.My_Linear", "only two dimensions")(_TransposesInput)


class _OneBias(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        if self.bias is not None:
            self.bias = nn.Parameter(self.bias.detach()[:1].clone())


wrong("linear.My_Linear", "one bias for all outputs")(_OneBias)


class _RowBias(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        if self.bias is not None:
            self.bias = nn.Parameter(self.bias.detach()[None].clone())


wrong("linear.My_Linear", "bias with a batch dimension")(_RowBias)

wrong("linear.count_parameters", "shared weight counted twice")(
    lambda m: sum(p.numel() for p in m.state_dict(keep_vars=True).values() if p.requires_grad)
)

wrong("linear.count_parameters", "frozen parameters counted")(
    lambda m: sum(p.numel() for p in m.parameters())
)

wrong("linear.count_parameters", "buffers counted")(
    lambda m: (
        sum(t.numel() for t in [*m.parameters(), *m.buffers()] if t.requires_grad or not t.is_leaf)
        + sum(b.numel() for b in m.buffers())
    )
)

wrong("linear.count_parameters", "tensors counted")(
    lambda m: sum(1 for p in m.parameters() if p.requires_grad)
)

wrong("linear.count_parameters", "biases left out")(
    lambda m: sum(p.numel() for p in m.parameters() if p.requires_grad and p.ndim > 1)
)

wrong("linear.count_parameters", "inner layers left out")(
    lambda m: sum(p.numel() for p in m.parameters(recurse=False) if p.requires_grad)
)

wrong("linear.count_parameters", "rows counted")(
    lambda m: sum(len(p) for p in m.parameters() if p.requires_grad)
)

wrong("linear.collapse", "first bias not carried through")(
    lambda w1, b1, w2, b2: (w2 @ w1, b1 + b2)
)

wrong("linear.collapse", "first bias forgotten")(lambda w1, b1, w2, b2: (w2 @ w1, b2.clone()))

wrong("linear.collapse", "second bias forgotten")(lambda w1, b1, w2, b2: (w2 @ w1, w2 @ b1))

wrong("linear.collapse", "weights in the wrong order")(
    lambda w1, b1, w2, b2: (w1 @ w2, w2 @ b1 + b2)
)

wrong("linear.collapse", "everything in the wrong order")(
    lambda w1, b1, w2, b2: (w1 @ w2, w1 @ b2 + b1)
)

wrong("linear.collapse", "w transposed")(lambda w1, b1, w2, b2: (w1.T @ w2.T, w2 @ b1 + b2))

wrong("linear.collapse", "a ReLU in between")(
    lambda w1, b1, w2, b2: (w2 @ w1.clamp(min=0), w2 @ b1.clamp(min=0) + b2)
)

wrong("linear.collapse", "entry by entry")(lambda w1, b1, w2, b2: (w2 * w1, w2 @ b1 + b2))


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


wrong("linear.two_layer_net", "no activation")(_NoActivation)


class _ActivationLast(_Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x)).clamp(min=0)


wrong("linear.two_layer_net", "activation at the end")(_ActivationLast)


class _ActivationTwice(_Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).clamp(min=0)).clamp(min=0)


wrong("linear.two_layer_net", "second activation at the end")(_ActivationTwice)


class _ActivationFirst(_Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x.clamp(min=0)))


wrong("linear.two_layer_net", "activation on the input")(_ActivationFirst)


class _InAList(nn.Module):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.layers = [_Affine(n_in, n_hidden), _Affine(n_hidden, n_out)]

    def forward(self, x: Tensor) -> Tensor:
        return self.layers[1](self.layers[0](x).clamp(min=0))


wrong("linear.two_layer_net", "layers not registered")(_InAList)


class _SecondFirst(_Net):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        nn.Module.__init__(self)
        self.second, self.first = _Affine(n_hidden, n_out), _Affine(n_in, n_hidden)


wrong("linear.two_layer_net", "second layer made first")(_SecondFirst)


class _NoBiases(_Net):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        nn.Module.__init__(self)
        self.first, self.second = (
            _Affine(n_in, n_hidden, bias=False),
            _Affine(n_hidden, n_out, bias=False),
        )


wrong("linear.two_layer_net", "first layer without a bias", "second layer without a bias")(
    _NoBiases
)


class _ReadyMade(nn.Module):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(n_in, n_hidden), nn.Linear(n_hidden, n_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu())


wrong("linear.two_layer_net", "ready-made layers")(_ReadyMade)


class _BuiltInForward(nn.Module):
    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.sizes = n_in, n_hidden, n_out

    def forward(self, x: Tensor) -> Tensor:
        return _Net(*self.sizes)(x)


wrong("linear.two_layer_net", "layers made in forward")(_BuiltInForward)


class _PlainWeight(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        start = (torch.rand(out_features, in_features) - 0.5) * 2 / in_features**0.5
        del self.weight
        self.weight = start.requires_grad_(True)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.matmul(x, self.weight.t())
        return y if self.bias is None else y + self.bias


wrong("linear.My_Linear", "weight is a plain tensor")(_PlainWeight)


class _Kaiming(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        nn.init.kaiming_uniform_(self.weight)


wrong("linear.My_Linear", "bound of kaiming_uniform_")(_Kaiming)


class _RandAndZeros(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.weight = nn.Parameter(torch.rand(out_features, in_features))
        if bias:
            self.bias = nn.Parameter(torch.zeros(out_features))


wrong("linear.My_Linear", "start values between 0 and 1", "bias starts at zero")(_RandAndZeros)


class _RandnAndZeros(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.weight = nn.Parameter(torch.randn(out_features, in_features))
        if bias:
            self.bias = nn.Parameter(torch.zeros(out_features))


wrong("linear.My_Linear", "start values not scaled", "bias starts at zero")(_RandnAndZeros)


class _SmallRandn(_Affine):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.weight = nn.Parameter(0.01 * torch.randn(out_features, in_features))


wrong("linear.My_Linear", "normal instead of uniform")(_SmallRandn)


def _both_through(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    b = b1 + b2
    return torch.mm(w2, w1), torch.mv(w2, b)


wrong("linear.collapse", "second bias sent through the second map")(_both_through)


class _Tanh(_Net):
    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        h = (h.exp() - (-h).exp()) / (h.exp() + (-h).exp())
        return self.second(h)


wrong("linear.two_layer_net", "tanh instead of ReLU")(_Tanh)


class _NoGrad(_Net):
    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


wrong("linear.two_layer_net", "gradient cut off")(_NoGrad)


# Written from the student's notebook alone.


# takes the absolute value, so negative numbers are mirrored
@wrong("linear.relu", "absolute value")
def relu(x):
    return torch.sqrt(x**2)


# writes the zeros into the tensor that came in
@wrong("linear.relu", "changes its input")
def relu(x):
    x[x < 0] = 0
    return x


# cuts off in place and hands back a copy
@wrong("linear.relu", "changes its input")
def relu(x):
    y = x.clamp_(min=0)
    return y.clone()


# goes through numpy, so no gradient flows
@wrong("linear.relu", "gradient cut off")
def relu(x):
    return torch.from_numpy(np.maximum(x.detach().numpy(), 0))


# caps the output at 6 as ReLU6 does
@wrong("linear.relu", "cut at 6")
def relu(x):
    return x.clamp(0, 6)


# leaky: keeps a small slope for negative numbers
@wrong("linear.relu", "leaky")
def relu(x):
    return torch.where(x >= 0, x, 0.01 * x)


# returns the tensor itself, not a new one, when nothing is negative
@wrong("linear.relu", "returns x itself")
def relu(x):
    if bool((x >= 0).all()):
        return x
    return x * (x > 0)


# a shape-(1,) zero turns a tensor of shape () into one of shape (1,)
@wrong("linear.relu", "shape")
def relu(x):
    zero = torch.tensor([0.0])
    return torch.max(x, zero)


# decides from the largest entry for the whole tensor
@wrong("linear.relu", "raised")
def relu(x):
    return torch.cat([torch.where(row.max() > 0, row, 0 * row).reshape(-1) for row in x]).reshape(
        x.shape
    )


# works on vectors only; rebuilt from plain numbers, so no gradient flows
@wrong("linear.relu", "gradient cut off")
def relu(x):
    return torch.tensor([max(v, 0.0) for v in x.tolist()])


# leaves it to torch's ready-made relu
class _Relu:
    def __init__(self):
        self.f = nn.ReLU()

    def __call__(self, x):
        return self.f(x)


wrong("linear.relu", "shortcut")(_Relu())


# a step: the sign of x and not x passes
@wrong("linear.relu", "step instead of ramp")
def relu(x):
    return torch.heaviside(x, torch.zeros((), dtype=x.dtype)) + 0 * x


# changes the argument in place; a leaky slope below 0
@wrong("linear.relu", "changed its input", "leaky")
def relu(x):
    negative = x < 0
    x[negative] *= 0.1
    return x


# stores the weight as (in, out), as Keras does
@wrong("linear.My_Linear", "weight stored as (in, out)")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = in_features**-0.5
        self.weight = nn.Parameter(torch.empty(in_features, out_features).uniform_(-k, k))
        self.bias = nn.Parameter(torch.empty(out_features).uniform_(-k, k)) if bias else None

    def forward(self, x):
        out = x @ self.weight
        if self.bias is not None:
            out = out + self.bias
        return out


# starts between 0 and the bound, never negative
@wrong("linear.My_Linear", "start values only positive")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        scale = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.rand(out_features, in_features) * scale)
        self.bias = None
        if bias:
            self.bias = nn.Parameter(torch.rand(out_features) * scale)

    def forward(self, x):
        return x @ self.weight.T + (0 if self.bias is None else self.bias)


# starts from a normal distribution instead of a uniform one
@wrong("linear.My_Linear", "normal instead of uniform")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / math.sqrt(in_features))
        self.bias = (
            nn.Parameter(torch.randn(out_features) / math.sqrt(in_features)) if bias else None
        )

    def forward(self, x):
        y = torch.matmul(x, self.weight.t())
        return y if self.bias is None else y + self.bias


# the bound comes from the number of outputs
@wrong("linear.My_Linear", "scaled by out_features")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(
            _uniform(out_features, in_features, bound=1 / math.sqrt(out_features))
        )
        self.bias = (
            nn.Parameter(_uniform(out_features, bound=1 / math.sqrt(out_features)))
            if bias
            else None
        )

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


# the bias starts at zero
@wrong("linear.My_Linear", "bias starts at zero")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        b = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(
            torch.distributions.Uniform(-b, b).sample((out_features, in_features))
        )
        self.register_parameter("bias", nn.Parameter(torch.zeros(out_features)) if bias else None)

    def forward(self, x):
        y = x @ self.weight.T
        return y + self.bias if self.bias is not None else y


# Glorot's bound with inputs and outputs together
@wrong("linear.My_Linear", "bound of xavier_uniform_")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(out_features, in_features)))
        k = 1 / math.sqrt(in_features)
        self.bias = nn.Parameter(torch.empty(out_features).uniform_(-k, k)) if bias else None

    def forward(self, x):
        y = x @ self.weight.T
        return y + self.bias if self.bias is not None else y


# the argument bias is ignored
@wrong("linear.My_Linear", "bias=False ignored")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-k, k))
        self.bias = nn.Parameter(torch.empty(out_features).uniform_(-k, k))

    def forward(self, x):
        return x @ self.weight.T + self.bias


# without bias a frozen zero vector is kept in place of None
@wrong("linear.My_Linear", "zeros instead of no bias")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-k, k))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_features).uniform_(-k, k))
        else:
            self.bias = torch.zeros(out_features)

    def forward(self, x):
        return x @ self.weight.T + self.bias


# the bias is a plain tensor that parameters() does not list
@wrong("linear.My_Linear", "bias is a plain tensor")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(_uniform(out_features, in_features, bound=k))
        self.bias = _uniform(out_features, bound=k).requires_grad_() if bias else None

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


# computes with .data, so the parameters get no gradient
@wrong("linear.My_Linear", "weight detached", "bias detached")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(_uniform(out_features, in_features, bound=k))
        self.bias = nn.Parameter(_uniform(out_features, bound=k)) if bias else None

    def forward(self, x):
        W = self.weight.data
        y = x @ W.T
        if self.bias is not None:
            y = y + self.bias.data
        return y


# takes only batches with exactly two dimensions
@wrong("linear.My_Linear", "only two dimensions")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(_uniform(out_features, in_features, bound=k))
        self.bias = nn.Parameter(_uniform(out_features, bound=k)) if bias else None

    def forward(self, x):
        if x.dim() == 1:
            x = x[None]
            return self.forward(x)[0]
        y = torch.einsum("ni,oi->no", x, self.weight)
        return y if self.bias is None else y + self.bias


# all rows of the weight start as copies of one row
@wrong("linear.My_Linear", "equal rows")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = 1 / math.sqrt(in_features)
        row = torch.empty(in_features).uniform_(-k, k)
        self.weight = nn.Parameter(row.repeat(out_features, 1))
        self.bias = nn.Parameter(torch.empty(out_features).uniform_(-k, k)) if bias else None

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


# flattens all batch dimensions into one
@wrong("linear.My_Linear", ("batch dimensions flattened", "shape"))
class My_Linear(nn.Module):
    def __init__(self, n_in, n_out, bias=True):
        super().__init__()
        k = n_in**-0.5
        self.n_in = n_in
        self.weight = nn.Parameter(_uniform(n_out, n_in, bound=k))
        self.bias = nn.Parameter(_uniform(n_out, bound=k)) if bias else None

    def forward(self, x):
        one = x.dim() == 1
        y = x.reshape(-1, self.n_in) @ self.weight.T
        if self.bias is not None:
            y = y + self.bias
        return y.squeeze(0) if one else y


# the parameters are float64 and do not meet float32 inputs
@wrong("linear.My_Linear", "parameters in float64")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = 1 / np.sqrt(in_features)
        self.weight = nn.Parameter(
            torch.from_numpy(np.random.uniform(-k, k, (out_features, in_features)))
        )
        self.bias = (
            nn.Parameter(torch.from_numpy(np.random.uniform(-k, k, out_features))) if bias else None
        )

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


# the bound is 1/n instead of 1/sqrt(n)
@wrong("linear.My_Linear", "root forgotten")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(_uniform(out_features, in_features, bound=1 / in_features))
        self.bias = nn.Parameter(_uniform(out_features, bound=1 / in_features)) if bias else None

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


# bends its own output with a relu
@wrong("linear.My_Linear", "activation inside the layer")
class My_Linear(_Linear):
    def forward(self, x):
        return super().forward(x).clamp(min=0)


# parameters from torch.rand, not within the bounds; bias=False is not handled
@wrong("linear.My_Linear", "start values between 0 and 1", "bias=False ignored")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(out_features, in_features))
        self.bias = nn.Parameter(torch.rand(out_features))

    def forward(self, x):
        return x @ self.weight.T + self.bias


# weights from a normal distribution; the bias is a single number for all outputs
@wrong("linear.My_Linear", "normal instead of uniform", "one bias for all outputs")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.randn(out_features, in_features) * k)
        self.bias = nn.Parameter(torch.empty(1).uniform_(-k, k)) if bias else None

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


# bias has shape (1, out_features); bias starts at one
@wrong("linear.My_Linear", "bias with a batch dimension", "bias starts at one")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(_uniform(out_features, in_features, bound=k))
        self.bias = nn.Parameter(torch.ones(1, out_features)) if bias else None

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


# frozen parameters count too
@wrong("linear.count_parameters", "frozen parameters counted")
def count_parameters(module):
    return sum(map(torch.numel, module.parameters()))


# a shared parameter counts once for every module that holds it
@wrong("linear.count_parameters", "shared weight counted twice")
def count_parameters(module):
    total = 0
    for m in module.modules():
        for p in m.parameters(recurse=False):
            if p.requires_grad:
                total += p.numel()
    return total


# looks at the children only one level deep
@wrong("linear.count_parameters", "only one level deep")
def count_parameters(module):
    n = 0
    for child in module.children():
        for p in child.parameters(recurse=False):
            n += p.numel() if p.requires_grad else 0
    return n


# counts parameter tensors of the same shape once
@wrong("linear.count_parameters", "equal shapes counted once")
def count_parameters(module):
    shapes = {tuple(p.shape) for p in module.parameters() if p.requires_grad}
    return sum(math.prod(s) for s in shapes)


# counts the entries of the state dict, buffers and all
@wrong("linear.count_parameters", "buffers counted", "shared weight counted twice")
def count_parameters(module):
    frozen = {name for name, p in module.named_parameters() if not p.requires_grad}
    return sum(t.numel() for name, t in module.state_dict().items() if name not in frozen)


# counts only names weight and bias, no other parameter
@wrong("linear.count_parameters", "only weights and biases counted")
def count_parameters(module):
    return sum(
        p.numel()
        for name, p in module.named_parameters()
        if p.requires_grad and name.split(".")[-1] in ("weight", "bias")
    )


# counts only entries that are not zero
@wrong("linear.count_parameters", "zeros not counted")
def count_parameters(module):
    return sum(int(torch.count_nonzero(p)) for p in module.parameters() if p.requires_grad)


# a product over two sizes only, so higher dimensions are lost
@wrong("linear.count_parameters", "only two dimensions multiplied")
def count_parameters(module):
    s = 0
    for p in module.parameters():
        if not p.requires_grad:
            continue
        if p.ndim == 0:
            s += 1
        elif p.ndim == 1:
            s += p.shape[0]
        else:
            s += p.shape[0] * p.shape[1]
    return s


# frozen parameters count; shared parameters count twice
@wrong("linear.count_parameters", "frozen parameters counted", "shared weight counted twice")
def count_parameters(module):
    return sum(p.numel() for _, p in module.named_parameters(remove_duplicate=False))


# biases are left out; the result is a float
@wrong("linear.count_parameters", "biases left out", "a float instead of an int")
def count_parameters(module):
    return float(sum(p.numel() for p in module.parameters() if p.requires_grad and p.dim() > 1))


# multiplies the matrices in the wrong order
@wrong("linear.collapse", "weights in the wrong order")
def collapse(w1, b1, w2, b2):
    return w1 @ w2, w2 @ b1 + b2


# adds the biases without sending the first through the second map
@wrong("linear.collapse", "first bias not carried through")
def collapse(w1, b1, w2, b2):
    w = w2.matmul(w1)
    b = b1 + b2
    return w, b


# forgets the second bias
@wrong("linear.collapse", "second bias forgotten")
def collapse(w1, b1, w2, b2):
    return torch.einsum("oh,hi->oi", w2, w1), torch.einsum("oh,h->o", w2, b1)


# returns the transposed weight
@wrong("linear.collapse", "w transposed")
def collapse(w1, b1, w2, b2):
    return w1.T @ w2.T, b1 @ w2.T + b2


# changes b2 in place, so that the pair of maps is another one afterwards
@wrong("linear.collapse", "changed its input")
def collapse(w1, b1, w2, b2):
    b2 += w2 @ b1
    return w2 @ w1, b2


# adds the sum of the second bias to every output
@wrong("linear.collapse", "second bias summed up")
def collapse(w1, b1, w2, b2):
    bias = [sum(w2[o, h] * b1[h] for h in range(len(b1))) + sum(b2) for o in range(len(w2))]
    return w2 @ w1, torch.stack(bias)


# returns the bias as a column
@wrong("linear.collapse", "shape")
def collapse(w1, b1, w2, b2):
    return w2 @ w1, w2 @ b1.unsqueeze(1) + b2.unsqueeze(1)


# puts both biases through the second map
@wrong("linear.collapse")
def collapse(w1, b1, w2, b2):
    return w2 @ w1, w2 @ b1 + w2.sum(1) * b2


# leaves a relu between the maps when it works out the bias
@wrong("linear.collapse", "a ReLU on the first bias")
def collapse(w1, b1, w2, b2):
    return w2 @ w1, w2 @ b1.clamp(min=0) + b2


# weight transposed; first bias not multiplied, only summed up
@wrong("linear.collapse", "transposed")
def collapse(w1, b1, w2, b2):
    return (w2 @ w1).T, b2 + b1.sum()


# weights multiplied entry by entry and summed; second bias forgotten
@wrong("linear.collapse")
def collapse(w1, b1, w2, b2):
    return w2.sum(1, keepdim=True) * w1.sum(0, keepdim=True), w2 @ b1


# no relu between the two maps
@wrong("linear.two_layer_net", "no activation")
class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.layers = nn.Sequential(_Linear(n_in, n_hidden), _Linear(n_hidden, n_out))

    def forward(self, x):
        return self.layers(x)


# a second relu at the end
@wrong("linear.two_layer_net", "second activation at the end")
class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.l1 = _Linear(n_in, n_hidden)
        self.l2 = _Linear(n_hidden, n_out)

    def forward(self, x):
        for layer in (self.l1, self.l2):
            x = _relu(layer(x))
        return x


# layers in a plain list, so no parameter is registered
@wrong("linear.two_layer_net", "layers not registered")
class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.layers = [_Linear(n_in, n_hidden), _Linear(n_hidden, n_out)]

    def forward(self, x):
        a, b = self.layers
        return b(_relu(a(x)))


# the output layer is assigned first, so the order of the parameters is turned round
@wrong("linear.two_layer_net", "second layer made first")
class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.output = _Linear(n_hidden, n_out)
        self.hidden = _Linear(n_in, n_hidden)

    def forward(self, x):
        return self.output(_relu(self.hidden(x)))


# the hidden activations are detached, so the first layer learns nothing
@wrong("linear.two_layer_net", "first layer detached")
class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.a = _Linear(n_in, n_hidden)
        self.b = _Linear(n_hidden, n_out)

    def forward(self, x):
        h = self.a(x)
        h = torch.as_tensor(np.maximum(h.detach().numpy(), 0))
        return self.b(h)


# drops out hidden units while training
@wrong("linear.two_layer_net", "different output each time")
class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.a = _Linear(n_in, n_hidden)
        self.b = _Linear(n_hidden, n_out)
        self.drop = nn.Dropout(0.2)

    def forward(self, x):
        return self.b(self.drop(_relu(self.a(x))))


# sigmoid in place of relu
@wrong("linear.two_layer_net", "sigmoid instead of ReLU")
class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.a = _Linear(n_in, n_hidden)
        self.b = _Linear(n_hidden, n_out)

    def forward(self, x):
        return self.b(1 / (1 + torch.exp(-self.a(x))))


# flattens the input, so only two-dimensional batches keep their shape
@wrong("linear.two_layer_net", "batch dimensions flattened")
class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.n_in = n_in
        self.a = _Linear(n_in, n_hidden)
        self.b = _Linear(n_hidden, n_out)

    def forward(self, x):
        x = x.view(-1, self.n_in)
        return self.b(_relu(self.a(x)))


# the second layer is made anew in every forward pass
@wrong("linear.two_layer_net", "different output each time")
class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.first = _Linear(n_in, n_hidden)
        self.second = _Linear(n_hidden, n_out)
        self.sizes = n_hidden, n_out

    def forward(self, x):
        self.second = _Linear(*self.sizes)
        return self.second(_relu(self.first(x)))


# a third affine map of hidden size stands in between
@wrong("linear.two_layer_net", "one layer too many")
class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.first = _Linear(n_in, n_hidden)
        self.middle = _Linear(n_hidden, n_hidden)
        self.last = _Linear(n_hidden, n_out)

    def forward(self, x):
        return self.last(_relu(self.middle(_relu(self.first(x)))))


# relu only at the end, not in between; softmax-like scaling of the output to a sum of 1
@wrong("linear.two_layer_net")
class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.first = _Linear(n_in, n_hidden)
        self.second = _Linear(n_hidden, n_out)

    def forward(self, x):
        y = _relu(self.second(self.first(x)))
        return y / y.sum(-1, keepdim=True)


# no bias in the output layer; relu applied to the input too
@wrong("linear.two_layer_net", "second layer without a bias", "second activation on the input")
class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.first = _Linear(n_in, n_hidden)
        self.second = _Linear(n_hidden, n_out, bias=False)

    def forward(self, x):
        return self.second(_relu(self.first(_relu(x))))


# the parameters are frozen from the start
@wrong("linear.My_Linear", "parameters frozen")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = in_features**-0.5
        make = functools.partial(nn.Parameter, requires_grad=False)
        self.weight = make(_uniform(out_features, in_features, bound=k))
        self.bias = make(_uniform(out_features, bound=k)) if bias else None

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


# remembers the count of a module, so what is frozen later still counts
@wrong("linear.count_parameters")
@functools.cache
def count_parameters(module):
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


# negative numbers become 0.001, never quite 0; shape () becomes shape (1,)
@wrong("linear.relu")
def relu(x):
    return torch.maximum(torch.atleast_1d(x), torch.tensor(1e-3, dtype=x.dtype))


@wrong("linear.expose_relu", 'misses "leaky"')
def expose_relu():
    x = torch.tensor([[1.0, 2.0], [8.0, 0.0]])
    return [{"x": x}], x


@wrong("linear.expose_relu", 'misses "cut at 6"')
def expose_relu():
    return [{"x": torch.tensor([-2.0, 0.0, 3.0])}], torch.tensor([0.0, 0.0, 3.0])


@wrong("linear.expose_relu", 'misses "returns x itself"')
def expose_relu():
    x = torch.tensor([[-2.0, 10.0], [-5.0, 0.0]])
    return [{"x": x}], torch.tensor([[0.0, 10.0], [0.0, 0.0]])


@wrong("linear.expose_relu", "hardly anything is exposed")
def expose_relu():
    return [{"x": torch.tensor(0.0)}], torch.tensor(0.0)


@wrong("linear.expose_relu", "expected result not that of right code")
def expose_relu():
    return [{"x": torch.tensor([-1.0, 2.0])}], torch.tensor([1.0, 2.0])


@wrong("linear.expose_relu", "expected result of another shape")
def expose_relu():
    return [{"x": torch.tensor([-1.0, 2.0, 7.0])}], 9.0


@wrong("linear.expose_relu", "case that is not a dict")
def expose_relu():
    return [torch.tensor([-1.0, 2.0])], torch.tensor([0.0, 2.0])


@wrong("linear.expose_relu", "too many cases")
def expose_relu():
    return [{"x": torch.tensor([float(i)])} for i in range(-3, 8)], torch.tensor([0.0])


@wrong("linear.expose_relu", "not a list of cases and one result")
def expose_relu():
    x = torch.tensor([-2.0, 7.0])
    return {"x": x}, x.clamp(min=0)


@wrong("linear.expose_relu", "case of other kinds")
def expose_relu():
    return [{"x": [-1.0, 0.0, 7.0]}], [0.0, 0.0, 7.0]


@wrong("linear.relu")
def relu(x):
    out = x.clone()
    out[out < 0.1] = 0
    return out


@wrong("linear.relu")
def relu(x):
    return torch.where(x > 0, x, torch.full_like(x, 1e-2))


@wrong("linear.My_Linear", "root of 2 over in_features")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = math.sqrt(2 / in_features)
        self.weight = nn.Parameter((torch.rand(out_features, in_features) * 2 - 1) * k)
        self.bias = nn.Parameter((torch.rand(out_features) * 2 - 1) * k) if bias else None

    def forward(self, x):
        out = x @ self.weight.t()
        if self.bias is not None:
            out = out + self.bias
        return out


@wrong("linear.My_Linear", "bias is a plain tensor")
class My_Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-k, k))
        if bias:
            self.register_buffer("bias", torch.empty(out_features).uniform_(-k, k))
        else:
            self.bias = None

    def forward(self, x):
        out = x @ self.weight.t()
        return out if self.bias is None else out + self.bias


@wrong("linear.count_parameters", "rows counted")
def count_parameters(module):
    return sum(len(p) for p in module.parameters() if p.requires_grad)


@wrong("linear.count_parameters", "only the parts' parameters")
def count_parameters(module):
    total = 0
    for child in module.children():
        for p in child.parameters():
            if p.requires_grad:
                total += p.numel()
    return total


@wrong("linear.collapse")
def collapse(w1, b1, w2, b2):
    w = w2 @ w1
    return w, w2 @ b1 - b2


@wrong("linear.two_layer_net", "tanh instead of ReLU")
class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(n_hidden, n_in) / math.sqrt(n_in))
        self.b1 = nn.Parameter(torch.zeros(n_hidden))
        self.w2 = nn.Parameter(torch.randn(n_out, n_hidden) / math.sqrt(n_hidden))
        self.b2 = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        h = torch.tanh(x @ self.w1.T + self.b1)
        return h @ self.w2.T + self.b2


@wrong("linear.relu")
def relu(x):
    return x * (x > 0.01)


# torch's own ReLU in the middle
@wrong("linear.two_layer_net", "shortcut")
class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        layers = _Affine(n_in, n_hidden), nn.ReLU(), _Affine(n_hidden, n_out)
        self.net = nn.Sequential(*layers)

    def forward(self, x):
        return self.net(x)


@wrong("linear.two_layer_net", "shortcut")
class two_layer_net(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.a = _Affine(n_in, n_hidden)
        self.b = _Affine(n_hidden, n_out)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))


@wrong("linear.count_parameters", "only frozen parameters counted")
def count_parameters(module):
    return sum(p.numel() for p in module.parameters() if not p.requires_grad)


@wrong("linear.count_parameters", "counted once for every level")
def count_parameters(module):
    return sum(p.numel() for m in module.modules() for p in m.parameters() if p.requires_grad)


class _Started(_Affine):
    """A layer with start values of its own."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__(in_features, out_features, bias)
        self.start(in_features, out_features, bias)


# shifted by the whole bound after a stretch by one
@wrong("linear.My_Linear", "start values only negative")
class My_Linear(_Started):
    def start(self, n_in, n_out, bias):
        k = n_in**-0.5
        self.weight = nn.Parameter(torch.rand(n_out, n_in) * k - k)
        self.bias = nn.Parameter(torch.rand(n_out) * k - k) if bias else None


@wrong("linear.My_Linear", "bound inverted")
class My_Linear(_Started):
    def start(self, n_in, n_out, bias):
        k = math.sqrt(n_in)
        self.weight = nn.Parameter(torch.empty(n_out, n_in).uniform_(-k, k))
        self.bias = nn.Parameter(torch.empty(n_out).uniform_(-k, k)) if bias else None


@wrong("linear.My_Linear", "bias scaled by out_features")
class My_Linear(_Started):
    def start(self, n_in, n_out, bias):
        k = 1 / math.sqrt(n_out)
        self.bias = nn.Parameter(torch.empty(n_out).uniform_(-k, k)) if bias else None


@wrong("linear.My_Linear", "bias of the size of the input")
class My_Linear(_Started):
    def start(self, n_in, n_out, bias):
        k = 1 / math.sqrt(n_in)
        self.bias = nn.Parameter(torch.empty(n_in).uniform_(-k, k)) if bias else None


@wrong("linear.My_Linear", "the same start values in every layer")
class My_Linear(_Started):
    def start(self, n_in, n_out, bias):
        torch.manual_seed(0)
        k = 1 / math.sqrt(n_in)
        self.weight = nn.Parameter(torch.empty(n_out, n_in).uniform_(-k, k))
        self.bias = nn.Parameter(torch.empty(n_out).uniform_(-k, k)) if bias else None


@wrong("linear.collapse", "b left out")
def collapse(w1, b1, w2, b2):
    return w2 @ w1


# Written from the student's notebook alone.


@wrong("linear.relu", "shape")
def relu_squeezed(x):
    return torch.where(x > 0, x, 0.0).squeeze()


@wrong("linear.relu", "shape")
def relu_without_a_last_dimension_of_one(x):
    y = x.clamp(min=0)
    return y.squeeze(-1) if y.dim() > 1 else y


@wrong("linear.relu")
def relu_up_to_255(x):
    return x.clamp(0, 255)


class _Layer(nn.Module):
    """Start values of weight and bias by two methods."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(self.some_weight(out_features, in_features, k))
        self.bias = nn.Parameter(self.some_bias(out_features, k)) if bias else self.none

    none = None

    @staticmethod
    def some_weight(n_out, n_in, k):
        return torch.empty(n_out, n_in).uniform_(-k, k)

    @staticmethod
    def some_bias(n_out, k):
        return torch.empty(n_out).uniform_(-k, k)

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


@wrong("linear.My_Linear", "no attribute bias")
class LayerWithoutTheAttribute(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = 1 / math.sqrt(in_features)
        self.has_bias = bias
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-k, k))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_features).uniform_(-k, k))

    def forward(self, x):
        y = x @ self.weight.T
        if self.has_bias:
            y = y + self.bias
        return y


@wrong("linear.My_Linear", "zeros instead of no bias")
class LayerWithTheNumber0(_Layer):
    none = 0


@wrong("linear.My_Linear", "order of storage")
class LayerThatViews(_Layer):
    def forward(self, x):
        y = x.view(-1, x.shape[-1]) @ self.weight.T
        y = y.view(*x.shape[:-1], -1)
        return y if self.bias is None else y + self.bias


@wrong("linear.My_Linear", "equal columns")
class LayerOfEqualColumns(_Layer):
    @staticmethod
    def some_weight(n_out, n_in, k):
        return torch.empty(n_out, 1).uniform_(-k, k).repeat(1, n_in)


@wrong("linear.My_Linear", "bias starts at or above 0 only")
class LayerWithPositiveBias(_Layer):
    @staticmethod
    def some_bias(n_out, k):
        return torch.rand(n_out) * k


@wrong("linear.My_Linear", "bias starts at or below 0 only")
class LayerWithNegativeBias(_Layer):
    @staticmethod
    def some_bias(n_out, k):
        return torch.empty(n_out).uniform_(-k, 0)


@wrong("linear.My_Linear", "bias starts between -1 and 1")
class LayerWithWideBias(_Layer):
    @staticmethod
    def some_bias(n_out, k):
        return torch.empty(n_out).uniform_(-1, 1)


@wrong("linear.My_Linear", "bias starts between 0 and 1")
class LayerWithBiasFromRand(_Layer):
    @staticmethod
    def some_bias(n_out, k):
        return torch.rand(n_out)


@wrong("linear.count_parameters", "stops at the first frozen parameter")
def count_until_frozen(module):
    total = 0
    for p in module.parameters():
        if not p.requires_grad:
            break
        total += p.numel()
    return total


@wrong("linear.count_parameters", "return inside the loop")
def count_and_return(module):
    total = 0
    for p in module.parameters():
        if p.requires_grad:
            total += p.numel()
        return total


@wrong("linear.count_parameters", "return inside the loop")
def count_and_return_or_0(module):
    for p in module.parameters():
        if p.requires_grad:
            return p.numel()
    return 0


@wrong("linear.count_parameters", "only the last parameter counted")
def count_of_the_last(module):
    total = 0
    for p in module.parameters():
        if p.requires_grad:
            total = p.numel()
    return total


@wrong("linear.count_parameters", "nothing counted")
def count_of_those_with_grad(module):
    return sum(p.numel() for p in module.parameters() if p.grad is not None)


@wrong("linear.count_parameters", "fails for a parameter of shape ()")
def count_from_the_first_size(module):
    n = 0
    for p in module.parameters():
        if p.requires_grad:
            size = p.shape[0]
            for s in p.shape[1:]:
                size *= s
            n += size
    return n


@wrong("linear.count_parameters", "only two dimensions multiplied")
def count_first_times_last(module):
    return sum(
        p.shape[0] * p.shape[-1] if p.ndim > 1 else p.numel()
        for p in module.parameters()
        if p.requires_grad
    )


@wrong("linear.count_parameters", "a float instead of an int")
def count_in_a_tensor(module):
    return torch.tensor([p.numel() for p in module.parameters() if p.requires_grad]).sum()


@wrong("linear.collapse", ("second bias forgotten", "all zeros"))
def collapse_unless_b1_is_0(w1, b1, w2, b2):
    if not b1.any():
        return w2 @ w1, torch.zeros_like(b2)
    return w2 @ w1, w2 @ b1 + b2


@wrong("linear.collapse", "float32 inside")
def collapse_in_float32(w1, b1, w2, b2):
    w1, b1, w2, b2 = (t.float() for t in (w1, b1, w2, b2))
    return w2 @ w1, w2 @ b1 + b2


@wrong("linear.collapse", "b before w")
def collapse_to_b_and_w(w1, b1, w2, b2):
    return w2 @ b1 + b2, w2 @ w1


@wrong("linear.two_layer_net", "weights shared between networks")
class NetMadeOnce(nn.Module):
    _made: dict = {}

    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        key = (n_in, n_hidden, n_out)
        if key not in self._made:
            self._made[key] = (_Layer(n_in, n_hidden), _Layer(n_hidden, n_out))
        self.first, self.second = self._made[key]

    def forward(self, x):
        return self.second(self.first(x).clamp(min=0))


class _TwoLayers(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.first = _Layer(n_in, n_hidden)
        self.second = _Layer(n_hidden, n_out)

    def forward(self, x):
        return self.second(self.first(x).clamp(min=0))


@wrong("linear.two_layer_net")
class NetWithASkipConnection(_TwoLayers):
    def forward(self, x):
        h = self.first(x).clamp(min=0)
        if h.shape == x.shape:
            h = h + x
        return self.second(h)


@wrong("linear.two_layer_net")
class NetOfOneLayerTwice(_TwoLayers):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__(n_in, n_hidden, n_out)
        if n_in == n_hidden == n_out:
            self.second = self.first


@wrong("linear.two_layer_net", "layers not registered")
class NetInALambda(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        first, second = _Layer(n_in, n_hidden), _Layer(n_hidden, n_out)
        self.f = lambda x: second(first(x).clamp(min=0))

    def forward(self, x):
        return self.f(x)


@wrong("linear.two_layer_net", "first bias added after the ReLU")
class NetWithALateBias(_TwoLayers):
    def forward(self, x):
        return self.second((x @ self.first.weight.T).clamp(min=0) + self.first.bias)


@wrong("linear.two_layer_net", "hidden and output sizes exchanged")
class NetWithSizesExchanged(_TwoLayers):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__(n_in, n_out, n_hidden)


@wrong("linear.relu")
def relu(x):
    return torch.clamp(x, 0, x.max().item())


@wrong("linear.relu", "softplus")
def relu(x):
    return torch.logaddexp(x, torch.zeros_like(x))


@wrong("linear.My_Linear", "weight reshaped instead of transposed")
class LayerThatReshapes(_Layer):
    def forward(self, x):
        n_out, n_in = self.weight.shape
        y = x @ self.weight.view(n_in, n_out)
        return y if self.bias is None else y + self.bias


@wrong("linear.My_Linear", "one start value for all of the bias")
class LayerWithOneBiasAtTheStart(_Layer):
    def __init__(self, n_in, n_out, bias=True):
        super().__init__(n_in, n_out, bias)
        if bias:
            bound = 1 / math.sqrt(n_in)
            drawn = 2 * bound * torch.rand(()).item() - bound
            self.bias = nn.Parameter(torch.full((n_out,), drawn))


@wrong("linear.My_Linear", "one start value for all of the weight")
class LayerWithOneWeightAtTheStart(_Layer):
    def __init__(self, n_in, n_out, bias=True):
        super().__init__(n_in, n_out, bias)
        self.weight = nn.Parameter(torch.full((n_out, n_in), 1 / math.sqrt(n_in)))


@wrong("linear.count_parameters", "sizes added up")
def count_parameters(module):
    return sum(sum(p.size()) for p in module.parameters() if p.requires_grad)


@wrong("linear.My_Linear", "bias made before the weight")
class LayerWithTheBiasFirst(_Layer):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__(in_features, out_features, bias)
        weight = self.weight
        del self.weight
        self.weight = weight


@wrong("linear.My_Linear", "bias asked whether it is true")
class LayerThatAsksTheBias(_Layer):
    def forward(self, x):
        y = x.matmul(self.weight.transpose(0, 1))
        if self.bias:
            y = y + self.bias
        return y


@wrong("linear.My_Linear", "bias added even where it is None")
class LayerThatAddsNone(_Layer):
    def forward(self, x):
        return x @ self.weight.T + self.bias


@wrong("linear.My_Linear", "transpose kept from __init__")
class LayerThatTransposedOnce(_Layer):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__(in_features, out_features, bias)
        self.weight_t = self.weight.T

    def forward(self, x):
        y = x @ self.weight_t
        return y if self.bias is None else y + self.bias


@wrong("linear.collapse", "first bias on the left of w2")
def collapse(w1, b1, w2, b2):
    w = w2 @ w1
    return w, b1 @ w2 + b2


@wrong("linear.collapse", "first bias sent through both maps")
def collapse(w1, b1, w2, b2):
    w = w2 @ w1
    return w, w @ b1 + b2


@wrong("linear.collapse", "biases exchanged")
def collapse(w1, b1, w2, b2):
    return w2 @ w1, w1 @ b2 + b1


@wrong("linear.collapse")
def collapse(w1, b1, w2, b2):
    return w2 @ w1, (w2 * (b1 + b2.sum())).sum(1)


@wrong("linear.two_layer_net", "softmax at the end")
class NetOfProbabilities(_TwoLayers):
    def forward(self, x):
        return self.second(self.first(x).clamp(min=0)).softmax(dim=-1)


@wrong("linear.two_layer_net", "input flattened")
class NetForPictures(_TwoLayers):
    def forward(self, x):
        x = x.reshape(x.size(0), -1)
        return self.second(self.first(x).clamp(min=0))


# small numbers are taken for 0
@wrong("linear.relu")
def relu(x):
    return torch.where(x < 1e-3, torch.zeros_like(x), x)


# the module stays in eval mode
@wrong("linear.count_parameters")
def count_parameters(module):
    module.eval()
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


# a root of a square, which is 0 for numbers as small as 1e-25
@wrong("linear.relu")
def relu(x):
    return (x + (x * x).sqrt()) / 2


@wrong("linear.count_parameters", "training mode in place of requires_grad")
def count_parameters(module):
    return sum(p.numel() for p in module.parameters() if p.requires_grad) if module.training else 0


# bytes of float32
@wrong("linear.count_parameters")
def count_parameters(module):
    return sum(p.nbytes // 4 for p in module.parameters() if p.requires_grad)


@wrong("linear.two_layer_net", "ReLU in training mode alone")
class NetWithoutReluInEvalMode(_TwoLayers):
    def forward(self, x):
        h = self.first(x)
        return self.second(h.clamp(min=0) if self.training else h)


@wrong("linear.two_layer_net", "hidden numbers cut at 6")
class NetWithRelu6(_TwoLayers):
    def forward(self, x):
        return self.second(self.first(x).clamp(0, 6))
